//! The metrics. Order matters: among metrics that share a LOINC code, the first is preferred.

use super::types::{Category, Metric, Panel, Profile, ValueKind};

const SPEC: &str = "clinical.md 1.2";
const MDC: &str = "IEEE 11073-10101";

const NIBP: Panel = Panel {
    mdc: "MDC_PRESS_BLD_NONINV",
    code: 150_020,
    loinc: "85354-9",
    display: "Blood pressure, non-invasive",
    profile: Some(Profile::BloodPressure),
    required: &["MDC_PRESS_BLD_NONINV_SYS", "MDC_PRESS_BLD_NONINV_DIA"],
    components: &["MDC_PRESS_BLD_NONINV_SYS", "MDC_PRESS_BLD_NONINV_DIA", "MDC_PRESS_BLD_NONINV_MEAN"],
    source: SPEC,
};
const CUFF: Panel = Panel {
    mdc: "MDC_PRESS_CUFF",
    code: 150_300,
    loinc: "85354-9",
    display: "Blood pressure, cuff",
    profile: Some(Profile::BloodPressure),
    required: &["MDC_PRESS_CUFF_SYS", "MDC_PRESS_CUFF_DIA"],
    components: &["MDC_PRESS_CUFF_SYS", "MDC_PRESS_CUFF_DIA", "MDC_PRESS_CUFF_MEAN"],
    source: SPEC,
};
const ART: Panel = Panel {
    mdc: "MDC_PRESS_BLD_ART",
    code: 150_032,
    loinc: "85354-9",
    display: "Blood pressure, arterial line",
    profile: Some(Profile::BloodPressure),
    required: &["MDC_PRESS_BLD_ART_SYS", "MDC_PRESS_BLD_ART_DIA"],
    components: &["MDC_PRESS_BLD_ART_SYS", "MDC_PRESS_BLD_ART_DIA", "MDC_PRESS_BLD_ART_MEAN"],
    source: SPEC,
};

static PANELS: &[&Panel] = &[&NIBP, &CUFF, &ART];

/// Every panel.
#[must_use]
pub fn panels() -> &'static [&'static Panel] {
    PANELS
}

use Category::{Activity, Exam, Laboratory, Survey, Technical, Therapy, VitalSigns};
use Profile::{
    BloodPressure, BodyHeight, BodyMassIndex, BodyTemperature, BodyWeight, HeadCircumference, HeartRate,
    OxygenSaturation, RespiratoryRate,
};

/// ACVPU of NEWS2 (RCP 2017).
const ACVPU: ValueKind = ValueKind::Coded(&[
    ("A", "Alert"),
    ("C", "New confusion"),
    ("V", "Responds to voice"),
    ("P", "Responds to pain"),
    ("U", "Unresponsive"),
]);

pub(super) static METRICS: &[Metric] = &[
    Metric::vital(HeartRate, "MDC_ECG_HEART_RATE", 147_842, "heart-rate", "Heart rate (ECG)", "8867-4", SPEC).range(0.0, 350.0),
];
