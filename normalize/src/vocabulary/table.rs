//! The metrics. Order matters: among metrics that share a LOINC code, the first is preferred.

use super::types::{Category, Metric, Panel, Profile, ValueKind};
use Category::{Activity, Exam, Laboratory, Survey, Technical, Therapy};
use Profile::{
    BloodPressure, BodyHeight, BodyMassIndex, BodyTemperature, BodyWeight, HeadCircumference,
    HeartRate, OxygenSaturation, RespiratoryRate,
};

const SPEC: &str = "clinical.md 1.2";
const MDC: &str = "IEEE 11073-10101";
/// Codes of personal health devices.
const PHD: &str = "IEEE 11073-10101, 11073-20601 devices";
const ISIK: &str = "IEEE 11073-10101, ISiK vital signs";
const R4: &str = "R4 vital-signs profiles";
const LOINC: &str = "LOINC";
const NEWS2: &str = "RCP NEWS2 (2017)";
/// Codes of body composition that IEEE 11073-20601 does not list.
const BCA: &str = "IEEE 11073-10101 as published by Lamprey Networks; not in 11073-20601";
/// As [`BCA`], with a LOINC code read in the LOINC listing.
const BCA_LOINC: &str = "IEEE 11073-10101 as published by Lamprey Networks; LOINC 2.82";
/// Labels that monitors send; codes agree with the vendors' published label lists.
const MONITOR: &str = "IEEE 11073-10101, labels of bedside monitors";
const GATT: &str = "Bluetooth Glucose Service: no code of its own in 11073-10101";
const GATEWAY: &str = "wardline: what a device shows while it measures";

macro_rules! pressure_panel {
    ($name:ident, $group:literal, $code:literal, $loinc:literal, $display:literal, $profile:expr, $source:expr) => {
        static $name: Panel = Panel {
            mdc: $group,
            code: $code,
            loinc: $loinc,
            display: $display,
            profile: $profile,
            required: &[concat!($group, "_SYS"), concat!($group, "_DIA")],
            components: &[
                concat!($group, "_SYS"),
                concat!($group, "_DIA"),
                concat!($group, "_MEAN"),
            ],
            source: $source,
        };
    };
}

const BP: Option<Profile> = Some(BloodPressure);
pressure_panel!(
    ART,
    "MDC_PRESS_BLD_ART",
    150_032,
    "85354-9",
    "Blood pressure, arterial line",
    BP,
    SPEC
);
pressure_panel!(
    ABP,
    "MDC_PRESS_BLD_ART_ABP",
    150_036,
    "85354-9",
    "Blood pressure, arterial (ABP)",
    BP,
    MDC
);
pressure_panel!(
    NIBP,
    "MDC_PRESS_BLD_NONINV",
    150_020,
    "85354-9",
    "Blood pressure, non-invasive",
    BP,
    SPEC
);
pressure_panel!(
    CUFF,
    "MDC_PRESS_CUFF",
    150_300,
    "85354-9",
    "Blood pressure, cuff",
    BP,
    SPEC
);
pressure_panel!(
    PRESS,
    "MDC_PRESS_BLD",
    150_016,
    "85354-9",
    "Blood pressure, method not stated",
    BP,
    MDC
);
pressure_panel!(
    PAP,
    "MDC_PRESS_BLD_ART_PULM",
    150_044,
    "76284-9",
    "Pulmonary artery pressure",
    None,
    ISIK
);

/// Every panel.
pub fn panels() -> impl Iterator<Item = &'static Panel> {
    [&ART, &ABP, &NIBP, &CUFF, &PRESS, &PAP].into_iter()
}

/// The two scales of NEWS2: 2 is for confirmed hypercapnic respiratory failure.
const SPO2_SCALE: ValueKind = ValueKind::Coded(&[("1", "Scale 1"), ("2", "Scale 2")]);

/// ACVPU of NEWS2.
const ACVPU: ValueKind = ValueKind::Coded(&[
    ("A", "Alert"),
    ("C", "New confusion"),
    ("V", "Responds to voice"),
    ("P", "Responds to pain"),
    ("U", "Unresponsive"),
]);

/// Relation to a meal, IEEE 11073-10417 6.14.
const MEAL: ValueKind = ValueKind::Coded(&[
    ("MDC_CTXT_GLU_MEAL_PREPRANDIAL", "Before a meal"),
    ("MDC_CTXT_GLU_MEAL_POSTPRANDIAL", "After a meal"),
    ("MDC_CTXT_GLU_MEAL_FASTING", "Fasting"),
    ("MDC_CTXT_GLU_MEAL_CASUAL", "Casual"),
    ("MDC_CTXT_GLU_MEAL_BEDTIME", "Bedtime"),
]);

/// Health of the person, IEEE 11073-10417.
const HEALTH: ValueKind = ValueKind::Coded(&[
    ("MDC_CTXT_GLU_HEALTH_MINOR", "Minor health issue"),
    ("MDC_CTXT_GLU_HEALTH_MAJOR", "Major health issue"),
    ("MDC_CTXT_GLU_HEALTH_MENSES", "During menses"),
    ("MDC_CTXT_GLU_HEALTH_STRESS", "Under stress"),
    ("MDC_CTXT_GLU_HEALTH_NONE", "No health issue"),
]);

/// Who took the sample, IEEE 11073-10417.
const TESTER: ValueKind = ValueKind::Coded(&[
    ("MDC_CTXT_GLU_TESTER_SELF", "Self"),
    ("MDC_CTXT_GLU_TESTER_HCP", "Health care professional"),
    ("MDC_CTXT_GLU_TESTER_LAB", "Laboratory"),
]);

/// Where the sample was taken, IEEE 11073-10417.
const SAMPLE_SITE: ValueKind = ValueKind::Coded(&[
    ("MDC_CTXT_GLU_SAMPLELOCATION_UNDETERMINED", "Undetermined"),
    ("MDC_CTXT_GLU_SAMPLELOCATION_OTHER", "Other"),
    ("MDC_CTXT_GLU_SAMPLELOCATION_FINGER", "Finger"),
    ("MDC_CTXT_GLU_SAMPLELOCATION_SUBCUTANEOUS", "Subcutaneous"),
    ("MDC_CTXT_GLU_SAMPLELOCATION_AST", "Alternate site"),
    ("MDC_CTXT_GLU_SAMPLELOCATION_EARLOBE", "Earlobe"),
    (
        "MDC_CTXT_GLU_SAMPLELOCATION_CTRLSOLUTION",
        "Control solution",
    ),
]);

/// g/mol.
const GLUCOSE: f64 = 180.156;

const fn pulse(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    source: &'static str,
) -> Metric {
    Metric::vital(HeartRate, mdc, code, alias, display, "8867-4", source).range(0.0, 350.0)
}

const fn breaths(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    source: &'static str,
) -> Metric {
    Metric::vital(RespiratoryRate, mdc, code, alias, display, "9279-1", source).range(0.0, 200.0)
}

const fn systolic(
    panel: &'static Panel,
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    source: &'static str,
) -> Metric {
    Metric::vital(BloodPressure, mdc, code, alias, display, "8480-6", source)
        .panel(panel)
        .range(0.0, 350.0)
}

const fn diastolic(
    panel: &'static Panel,
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    source: &'static str,
) -> Metric {
    Metric::vital(BloodPressure, mdc, code, alias, display, "8462-4", source)
        .panel(panel)
        .range(0.0, 300.0)
}

const fn mean(
    panel: &'static Panel,
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    source: &'static str,
) -> Metric {
    Metric::vital(BloodPressure, mdc, code, alias, display, "8478-0", source)
        .panel(panel)
        .range(0.0, 320.0)
}

const fn pulmonary(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    loinc: &'static str,
) -> Metric {
    Metric::quantity(mdc, code, alias, display, loinc, "mm[Hg]", ISIK)
        .panel(&PAP)
        .range(-20.0, 200.0)
}

/// 10 to 46 °C: survived hypothermia (13.7 °C) and hyperpyrexia (46.5 °C) are on record, with room for sensors.
const fn temperature(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    source: &'static str,
) -> Metric {
    Metric::vital(BodyTemperature, mdc, code, alias, display, "8310-5", source).range(10.0, 47.0)
}

const fn glucose(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    loinc: &'static str,
    source: &'static str,
) -> Metric {
    Metric::quantity(mdc, code, alias, display, loinc, "mg/dL", source)
        .category(Laboratory)
        .molar_mass(GLUCOSE)
        .range(5.0, 2000.0)
}

/// Context of a glucose reading, without LOINC: its code is `local:mdc/{reference id}`.
const fn context(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    unit: &'static str,
    local: &'static str,
) -> Metric {
    Metric::quantity(mdc, code, alias, display, "", unit, PHD)
        .local(local)
        .category(Exam)
}

/// Status bits of a device: a text of names.
const fn status(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    local: &'static str,
) -> Metric {
    Metric::quantity(mdc, code, alias, display, "", "1", PHD)
        .local(local)
        .category(Technical)
        .kind(ValueKind::Text)
}

/// A lead of the ECG, as a waveform.
const fn lead(
    mdc: &'static str,
    code: u32,
    alias: &'static str,
    display: &'static str,
    local: &'static str,
) -> Metric {
    Metric::quantity(mdc, code, alias, display, "", "mV", MONITOR)
        .local(local)
        .range(-100.0, 100.0)
}

/// A metric outside IEEE 11073-10101, sent as `local.{alias}`.
const fn own(
    alias: &'static str,
    display: &'static str,
    loinc: &'static str,
    unit: &'static str,
    source: &'static str,
) -> Metric {
    Metric::quantity("", 0, alias, display, loinc, unit, source)
}

/// What a laboratory measures, with what was seen in living patients and room for more:
/// * leukocytes: hardly any after chemotherapy, 1,360 * 10^9/L in leukaemia (Atwal D et al., Avicenna J Med 2017;7:133);
/// * carbon dioxide: 501 mmHg, survived (Slinger P et al., Anesthesiology 1997;87:993).
const fn laboratory(
    alias: &'static str,
    display: &'static str,
    loinc: &'static str,
    unit: &'static str,
    low: f64,
    high: f64,
) -> Metric {
    own(alias, display, loinc, unit, LOINC)
        .category(Laboratory)
        .range(low, high)
}

#[rustfmt::skip]
pub(super) static METRICS: &[Metric] = &[
    // Heart and pulse rate.
    pulse("MDC_ECG_HEART_RATE", 147_842, "heart-rate", "Heart rate (ECG)", SPEC),
    pulse("MDC_PULS_OXIM_PULS_RATE", 149_530, "pulse-rate-oximeter", "Pulse rate (oximeter)", SPEC).also(&["8889-8"]),
    pulse("MDC_BLD_PULS_RATE_INV", 149_522, "pulse-rate-invasive", "Pulse rate (arterial line)", SPEC).method("invasive"),
    pulse("MDC_PULS_RATE_NON_INV", 149_546, "pulse-rate-nibp", "Pulse rate (cuff)", SPEC).method("non-invasive, cuff"),
    pulse("MDC_PULS_RATE", 149_514, "pulse-rate", "Pulse rate", SPEC),
    Metric::quantity("MDC_ECG_V_P_C_RATE", 148_066, "pvc-rate", "Premature ventricular contractions per minute", "", "/min", SPEC).local("local:mdc/MDC_ECG_V_P_C_RATE").range(0.0, 350.0),
    Metric::quantity("MDC_ECG_TIME_PD_QTc", 147_236, "qtc-interval", "QTc interval", "8636-3", "ms", PHD).range(100.0, 1000.0),
    Metric::quantity("MDC_ECG_TIME_PD_QT_GL", 147_232, "qt-interval", "QT interval", "8634-8", "ms", PHD).range(100.0, 1000.0),
    Metric::quantity("MDC_ECG_TIME_PD_RR_GL", 147_240, "rr-interval", "R-R interval", "8637-1", "ms", PHD).range(100.0, 64_000.0),

    // Waveforms: of use where their table is on.
    lead("MDC_ECG_ELEC_POTL", 131_328, "ecg", "ECG, lead not stated", "local:mdc/MDC_ECG_ELEC_POTL"),
    lead("MDC_ECG_ELEC_POTL_I", 131_329, "ecg-i", "ECG lead I", "local:mdc/MDC_ECG_ELEC_POTL_I"),
    lead("MDC_ECG_ELEC_POTL_II", 131_330, "ecg-ii", "ECG lead II", "local:mdc/MDC_ECG_ELEC_POTL_II"),
    lead("MDC_ECG_ELEC_POTL_III", 131_389, "ecg-iii", "ECG lead III", "local:mdc/MDC_ECG_ELEC_POTL_III"),
    lead("MDC_ECG_ELEC_POTL_AVR", 131_390, "ecg-avr", "ECG lead aVR", "local:mdc/MDC_ECG_ELEC_POTL_AVR"),
    lead("MDC_ECG_ELEC_POTL_AVL", 131_391, "ecg-avl", "ECG lead aVL", "local:mdc/MDC_ECG_ELEC_POTL_AVL"),
    lead("MDC_ECG_ELEC_POTL_AVF", 131_392, "ecg-avf", "ECG lead aVF", "local:mdc/MDC_ECG_ELEC_POTL_AVF"),
    lead("MDC_ECG_ELEC_POTL_V", 131_415, "ecg-v", "ECG lead V", "local:mdc/MDC_ECG_ELEC_POTL_V"),
    lead("MDC_ECG_ELEC_POTL_V1", 131_331, "ecg-v1", "ECG lead V1", "local:mdc/MDC_ECG_ELEC_POTL_V1"),
    lead("MDC_ECG_ELEC_POTL_V2", 131_332, "ecg-v2", "ECG lead V2", "local:mdc/MDC_ECG_ELEC_POTL_V2"),
    lead("MDC_ECG_ELEC_POTL_V3", 131_333, "ecg-v3", "ECG lead V3", "local:mdc/MDC_ECG_ELEC_POTL_V3"),
    lead("MDC_ECG_ELEC_POTL_V4", 131_334, "ecg-v4", "ECG lead V4", "local:mdc/MDC_ECG_ELEC_POTL_V4"),
    lead("MDC_ECG_ELEC_POTL_V5", 131_335, "ecg-v5", "ECG lead V5", "local:mdc/MDC_ECG_ELEC_POTL_V5"),
    lead("MDC_ECG_ELEC_POTL_V6", 131_336, "ecg-v6", "ECG lead V6", "local:mdc/MDC_ECG_ELEC_POTL_V6"),
    Metric::quantity("MDC_PULS_OXIM_PLETH", 150_452, "pleth", "Plethysmogram", "", "1", SPEC).local("local:mdc/MDC_PULS_OXIM_PLETH").range(-1e9, 1e9),
    Metric::quantity("MDC_IMPED_TTHOR", 151_780, "respiration-impedance", "Transthoracic impedance", "", "Ohm", MONITOR).local("local:mdc/MDC_IMPED_TTHOR").range(-1e6, 1e6),
    Metric::quantity("MDC_AWAY_CO2", 151_724, "co2-wave", "Carbon dioxide in the airway", "", "mm[Hg]", MONITOR).local("local:mdc/MDC_AWAY_CO2").range(-20.0, 200.0),

    // Oxygen.
    Metric::vital(OxygenSaturation, "MDC_PULS_OXIM_SAT_O2", 150_456, "spo2", "Oxygen saturation (pulse oximetry)", "2708-6", SPEC).also(&["59408-5"]).range(1.0, 100.0),
    Metric::quantity("MDC_PULS_OXIM_SAT_O2_DIFF", 150_468, "spo2-difference", "Difference of two oxygen saturations", "", "%", MONITOR).local("local:mdc/MDC_PULS_OXIM_SAT_O2_DIFF").range(-100.0, 100.0),
    Metric::quantity("MDC_SPO2_SIGNAL_QUALITY_INDEX", 160_324, "spo2-signal-quality", "Signal quality of the oximeter", "", "%", MONITOR).local("local:mdc/MDC_SPO2_SIGNAL_QUALITY_INDEX").category(Technical).range(0.0, 100.0),
    Metric::quantity("MDC_BLD_PERF_INDEX", 150_488, "perfusion-index", "Perfusion index", "61006-3", "%", SPEC).range(0.0, 30.0),
    Metric::quantity("MDC_PULS_OXIM_PERF_REL", 150_448, "perfusion-relative", "Perfusion, relative", "61006-3", "%", PHD).range(0.0, 100.0),
    Metric::quantity("MDC_CONC_AWAY_O2_INSP", 152_196, "fio2", "Inspired oxygen concentration", "3150-6", "%", MDC).category(Therapy).range(15.0, 100.0),
    own("oxygen-flow", "Supplemental oxygen flow", "3151-8", "L/min", LOINC).category(Therapy).range(0.0, 120.0),
    own("supplemental-oxygen", "Breathing supplemental oxygen", "", "1", NEWS2).local("local:wardline/supplemental-oxygen").category(Therapy).kind(ValueKind::Boolean),
    own("spo2-scale", "NEWS2 scale of oxygen saturation, a clinician's decision", "", "1", NEWS2).local("local:wardline/spo2-scale").category(Therapy).kind(SPO2_SCALE),

    // Respiration.
    breaths("MDC_RESP_RATE", 151_562, "respiratory-rate", "Respiratory rate", SPEC),
    breaths("MDC_CO2_RESP_RATE", 151_586, "respiratory-rate-co2", "Respiratory rate (CO2)", SPEC).method("capnography"),
    breaths("MDC_AWAY_RESP_RATE", 151_570, "respiratory-rate-airway", "Respiratory rate (airway)", SPEC).method("airway flow"),
    breaths("MDC_TTHOR_RESP_RATE", 151_578, "respiratory-rate-impedance", "Respiratory rate (thoracic impedance)", SPEC).method("thoracic impedance"),
    breaths("MDC_PULS_OXIM_PLETH_RESP_RATE", 151_658, "respiratory-rate-pleth", "Respiratory rate (plethysmogram)", SPEC).method("plethysmography"),
    breaths("MDC_VENT_RESP_RATE", 151_594, "respiratory-rate-ventilator", "Respiratory rate (ventilator)", MDC).method("ventilator"),
    Metric::quantity("MDC_CONC_AWAY_CO2_EXP", 151_712, "etco2", "End-tidal carbon dioxide", "19891-1", "mm[Hg]", SPEC).range(0.0, 200.0),
    Metric::quantity("MDC_CONC_AWAY_CO2_ET", 151_708, "etco2-concentration", "End-tidal carbon dioxide (concentration)", "19891-1", "mm[Hg]", MONITOR).range(0.0, 200.0),
    Metric::quantity("MDC_AWAY_CO2_ET", 151_728, "etco2-airway", "End-tidal carbon dioxide (airway)", "19891-1", "mm[Hg]", MONITOR).range(0.0, 200.0),
    Metric::quantity("MDC_CONC_AWAY_CO2_INSP", 151_716, "ico2", "Inspired carbon dioxide", "", "mm[Hg]", MONITOR).local("local:mdc/MDC_CONC_AWAY_CO2_INSP").range(0.0, 200.0),
    Metric::quantity("MDC_FLOW_AWAY_EXP_FORCED_PEAK", 152_584, "peak-flow", "Peak expiratory flow", "19935-6", "L/min", PHD).range(0.0, 1500.0),
    Metric::quantity("MDC_VOL_AWAY_EXP_FORCED_1S", 152_586, "fev1", "Forced expiratory volume in 1 s", "20150-9", "L", PHD).range(0.0, 12.0),

    // Blood pressure. An arterial line measures each beat, so it is preferred to a cuff.
    systolic(&ART, "MDC_PRESS_BLD_ART_SYS", 150_033, "arterial-systolic", "Systolic arterial pressure", SPEC).also(&["76215-3"]).method("invasive"),
    diastolic(&ART, "MDC_PRESS_BLD_ART_DIA", 150_034, "arterial-diastolic", "Diastolic arterial pressure", SPEC).also(&["76213-8"]).method("invasive"),
    mean(&ART, "MDC_PRESS_BLD_ART_MEAN", 150_035, "arterial-mean", "Mean arterial pressure", SPEC).also(&["76214-6"]).method("invasive"),
    systolic(&ABP, "MDC_PRESS_BLD_ART_ABP_SYS", 150_037, "abp-systolic", "Systolic arterial pressure (ABP)", MDC).also(&["76215-3"]).method("invasive"),
    diastolic(&ABP, "MDC_PRESS_BLD_ART_ABP_DIA", 150_038, "abp-diastolic", "Diastolic arterial pressure (ABP)", MDC).also(&["76213-8"]).method("invasive"),
    mean(&ABP, "MDC_PRESS_BLD_ART_ABP_MEAN", 150_039, "abp-mean", "Mean arterial pressure (ABP)", MDC).also(&["76214-6"]).method("invasive"),
    systolic(&NIBP, "MDC_PRESS_BLD_NONINV_SYS", 150_021, "nibp-systolic", "Systolic pressure, non-invasive", SPEC).method("non-invasive"),
    diastolic(&NIBP, "MDC_PRESS_BLD_NONINV_DIA", 150_022, "nibp-diastolic", "Diastolic pressure, non-invasive", SPEC).method("non-invasive"),
    mean(&NIBP, "MDC_PRESS_BLD_NONINV_MEAN", 150_023, "nibp-mean", "Mean pressure, non-invasive", SPEC).method("non-invasive"),
    systolic(&CUFF, "MDC_PRESS_CUFF_SYS", 150_301, "cuff-systolic", "Systolic pressure (cuff)", SPEC).method("non-invasive, cuff"),
    diastolic(&CUFF, "MDC_PRESS_CUFF_DIA", 150_302, "cuff-diastolic", "Diastolic pressure (cuff)", SPEC).method("non-invasive, cuff"),
    mean(&CUFF, "MDC_PRESS_CUFF_MEAN", 150_303, "cuff-mean", "Mean pressure (cuff)", SPEC).method("non-invasive, cuff"),
    systolic(&PRESS, "MDC_PRESS_BLD_SYS", 150_017, "systolic", "Systolic pressure", MDC),
    diastolic(&PRESS, "MDC_PRESS_BLD_DIA", 150_018, "diastolic", "Diastolic pressure", MDC),
    mean(&PRESS, "MDC_PRESS_BLD_MEAN", 150_019, "mean-pressure", "Mean pressure", MDC),
    pulmonary("MDC_PRESS_BLD_ART_PULM_SYS", 150_045, "pap-systolic", "Systolic pulmonary artery pressure", "8440-0"),
    pulmonary("MDC_PRESS_BLD_ART_PULM_DIA", 150_046, "pap-diastolic", "Diastolic pulmonary artery pressure", "8385-7"),
    pulmonary("MDC_PRESS_BLD_ART_PULM_MEAN", 150_047, "pap-mean", "Mean pulmonary artery pressure", "8414-5"),
    Metric::quantity("MDC_PRESS_BLD_VEN_CENT_MEAN", 150_087, "cvp", "Central venous pressure", "60985-9", "mm[Hg]", SPEC).range(-30.0, 100.0),
    Metric::quantity("MDC_PRESS_INTRA_CRAN", 153_608, "icp", "Intracranial pressure", "60956-0", "mm[Hg]", MDC).range(-30.0, 150.0),
    Metric::quantity("MDC_OUTPUT_CARD", 150_276, "cardiac-output", "Cardiac output", "8741-1", "L/min", MDC).range(0.0, 40.0),

    // Temperature. The generic code first: it is what a monitor's temperature channel sends.
    temperature("MDC_TEMP", 150_344, "temperature", "Temperature", SPEC),
    temperature("MDC_TEMP_BODY", 150_364, "temperature-body", "Body temperature", SPEC),
    temperature("MDC_TEMP_CORE", 150_368, "temperature-core", "Core temperature", MDC).also(&["8329-5"]).site("core"),
    temperature("MDC_TEMP_ORAL", 188_424, "temperature-oral", "Oral temperature", SPEC).also(&["8331-1"]).site("mouth"),
    temperature("MDC_TEMP_RECT", 188_420, "temperature-rectal", "Rectal temperature", SPEC).also(&["8332-9"]).site("rectum"),
    temperature("MDC_TEMP_EAR", 188_428, "temperature-ear", "Ear temperature", SPEC).also(&["76011-6"]).site("ear"),
    temperature("MDC_TEMP_TYMP", 150_392, "temperature-tympanic", "Tympanic temperature", SPEC).also(&["8333-7"]).site("tympanic membrane"),
    temperature("MDC_TEMP_AXILLA", 188_452, "temperature-axilla", "Axillary temperature", SPEC).also(&["8328-7"]).site("axilla"),
    temperature("MDC_TEMP_AXIL", 188_496, "temperature-axilla-monitor", "Axillary temperature (monitor)", SPEC).also(&["8328-7"]).site("axilla"),
    temperature("MDC_TEMP_ESOPH", 150_372, "temperature-esophagus", "Oesophageal temperature", MDC).site("oesophagus"),
    temperature("MDC_TEMP_NASOPH", 150_380, "temperature-nasopharynx", "Nasopharyngeal temperature", MDC).also(&["76010-8"]).site("nasopharynx"),
    temperature("MDC_TEMP_GIT", 188_456, "temperature-gut", "Gastrointestinal temperature", PHD).site("gastrointestinal tract"),
    // Skin and extremities follow the room: no body temperature, no profile.
    Metric::quantity("MDC_TEMP_SKIN", 150_388, "temperature-skin", "Skin temperature", "39106-0", "Cel", MDC).range(-10.0, 60.0).site("skin"),
    Metric::quantity("MDC_TEMP_FINGER", 188_432, "temperature-finger", "Finger temperature", "", "Cel", PHD).local("local:mdc/MDC_TEMP_FINGER").range(-10.0, 60.0).site("finger"),
    Metric::quantity("MDC_TEMP_TOE", 188_448, "temperature-toe", "Toe temperature", "", "Cel", PHD).local("local:mdc/MDC_TEMP_TOE").range(-10.0, 60.0).site("toe"),

    // Body measures.
    Metric::vital(BodyWeight, "MDC_MASS_BODY_ACTUAL", 188_736, "weight", "Body weight", "29463-7", SPEC).range(0.2, 700.0),
    Metric::vital(BodyHeight, "MDC_LEN_BODY_ACTUAL", 188_740, "height", "Body height", "8302-2", SPEC).range(15.0, 280.0),
    Metric::vital(HeadCircumference, "MDC_CIRCUM_HEAD", 153_856, "head-circumference", "Head circumference", "9843-4", ISIK).range(10.0, 120.0),
    Metric::vital(BodyMassIndex, "MDC_RATIO_MASS_BODY_LEN_SQ", 188_752, "bmi", "Body mass index", "39156-5", R4).range(4.0, 250.0),
    Metric::quantity("MDC_BODY_FAT", 188_748, "body-fat", "Body fat percentage", "41982-0", "%", PHD).category(Exam).range(1.0, 85.0),

    Metric::quantity("MDC_MASS_BODY_FAT_FREE", 188_756, "fat-free-mass", "Fat-free mass", "", "kg", PHD).local("local:mdc/MDC_MASS_BODY_FAT_FREE").category(Exam).range(0.1, 350.0),
    Metric::quantity("MDC_MASS_BODY_SOFT_LEAN", 188_760, "soft-lean-mass", "Soft lean mass", "", "kg", PHD).local("local:mdc/MDC_MASS_BODY_SOFT_LEAN").category(Exam).range(0.1, 350.0),
    Metric::quantity("MDC_BODY_WATER", 188_764, "body-water", "Body water mass", "101683-1", "kg", BCA_LOINC).category(Exam).range(0.1, 350.0),
    Metric::quantity("MDC_BASAL_METABOLISM", 188_768, "basal-metabolism", "Basal metabolism, a day", "", "kJ", BCA).local("local:mdc/MDC_BASAL_METABOLISM").category(Exam).range(100.0, 65_534.0),
    Metric::quantity("MDC_BODY_MUSCLE", 188_772, "muscle-percentage", "Muscle, percentage of the body", "73965-6", "%", BCA_LOINC).category(Exam).range(1.0, 90.0),
    Metric::quantity("MDC_MASS_BODY_MUSCLE", 188_776, "muscle-mass", "Muscle mass", "73964-9", "kg", BCA_LOINC).category(Exam).range(0.1, 350.0),
    Metric::quantity("MDC_BODY_ELECTRICAL_IMPEDANCE", 188_780, "body-impedance", "Body impedance", "", "Ohm", BCA).local("local:mdc/MDC_BODY_ELECTRICAL_IMPEDANCE").category(Exam).range(1.0, 6_554.0),

    // Glucose: both mass and substance concentration are in use.
    glucose("MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD", 160_184, "glucose", "Glucose, capillary whole blood", "2339-0", SPEC).also(&["41653-7"]),
    glucose("MDC_CONC_GLU_UNDETERMINED_WHOLEBLOOD", 160_364, "glucose-whole-blood", "Glucose, whole blood", "2339-0", PHD),
    glucose("MDC_CONC_GLU_VENOUS_WHOLEBLOOD", 160_192, "glucose-venous-whole-blood", "Glucose, venous whole blood", "2339-0", PHD).also(&["41652-9"]),
    glucose("MDC_CONC_GLU_ARTERIAL_WHOLEBLOOD", 160_200, "glucose-arterial-whole-blood", "Glucose, arterial whole blood", "2339-0", PHD).also(&["41651-1"]),
    glucose("MDC_CONC_GLU_GEN", 160_020, "glucose-general", "Glucose", "2339-0", PHD),
    glucose("MDC_CONC_GLU_UNDETERMINED_PLASMA", 160_368, "glucose-plasma", "Glucose, plasma", "2345-7", SPEC),
    glucose("MDC_CONC_GLU_CAPILLARY_PLASMA", 160_188, "glucose-capillary-plasma", "Glucose, capillary plasma", "2345-7", PHD),
    glucose("MDC_CONC_GLU_VENOUS_PLASMA", 160_196, "glucose-venous-plasma", "Glucose, venous plasma", "2345-7", PHD),
    glucose("MDC_CONC_GLU_ARTERIAL_PLASMA", 160_204, "glucose-arterial-plasma", "Glucose, arterial plasma", "2345-7", PHD),
    glucose("MDC_CONC_GLU_ISF", 160_212, "glucose-cgm", "Glucose, interstitial fluid", "99504-3", SPEC),
    // Not of a patient: a test of the meter. No LOINC, so that nothing files it as a result.
    glucose("MDC_CONC_GLU_CONTROL", 160_208, "glucose-control", "Control solution", "", PHD).local("local:mdc/MDC_CONC_GLU_CONTROL").category(Technical),
    Metric::quantity("MDC_CONC_GLU_TREND", 8_418_008, "glucose-trend", "Glucose, rate of change", "", "mg/dL/min", PHD).local("local:mdc/MDC_CONC_GLU_TREND").category(Laboratory).range(-100.0, 100.0),
    context("MDC_CTXT_GLU_CARB", 8_417_764, "carbohydrate", "Carbohydrate eaten", "g", "local:mdc/MDC_CTXT_GLU_CARB").range(0.0, 2_000.0),
    context("MDC_CTXT_GLU_MEAL", 8_417_864, "meal", "Relation to a meal", "1", "local:mdc/MDC_CTXT_GLU_MEAL").kind(MEAL),
    context("MDC_CTXT_GLU_EXERCISE", 8_417_760, "exercise", "Intensity of exercise", "%", "local:mdc/MDC_CTXT_GLU_EXERCISE").category(Activity).range(0.0, 100.0),
    own("exercise-duration", "Duration of exercise", "", "s", GATT).local("local:wardline/exercise-duration").category(Activity).range(0.0, 65_534.0),
    context("MDC_CTXT_MEDICATION", 8_417_796, "medication", "Medication taken, mass", "mg", "local:mdc/MDC_CTXT_MEDICATION").category(Therapy).range(0.0, 1e6),
    own("medication-volume", "Medication taken, volume", "", "mL", GATT).local("local:wardline/medication-volume").category(Therapy).range(0.0, 10_000.0),
    context("MDC_CTXT_GLU_HEALTH", 8_417_820, "health", "Health of the person", "1", "local:mdc/MDC_CTXT_GLU_HEALTH").kind(HEALTH),
    context("MDC_CTXT_GLU_TESTER", 8_417_884, "tester", "Who took the sample", "1", "local:mdc/MDC_CTXT_GLU_TESTER").kind(TESTER),
    context("MDC_CTXT_GLU_SAMPLELOCATION", 8_417_844, "sample-site", "Where the sample was taken", "1", "local:mdc/MDC_CTXT_GLU_SAMPLELOCATION").kind(SAMPLE_SITE),
    Metric::quantity("MDC_CONC_HBA1C", 160_220, "hba1c", "Haemoglobin A1c", "4548-4", "%", PHD).category(Laboratory).range(2.0, 25.0),
    laboratory("leukocytes", "Leukocytes", "6690-2", "10*3/uL", 0.0, 2_000.0),
    laboratory("band-neutrophils", "Band neutrophils, of 100 leukocytes", "764-1", "%", 0.0, 100.0),
    laboratory("paco2", "Carbon dioxide partial pressure, arterial blood", "2019-8", "mm[Hg]", 1.0, 600.0),
    Metric::quantity("MDC_RATIO_INR_COAG", 160_260, "inr", "INR", "34714-6", "{INR}", PHD).category(Laboratory).range(0.3, 20.0),

    // Consciousness.
    own("consciousness", "Level of consciousness (ACVPU)", "67775-7", "1", NEWS2).category(Survey).kind(ACVPU),
    Metric::quantity("MDC_SCORE_GLAS_COMA", 153_728, "gcs", "Glasgow coma score, total", "9269-2", "{score}", ISIK).category(Survey).range(3.0, 15.0),

    // Activity and the device itself.
    Metric::quantity("MDC_HF_ENERGY", 8_454_263, "energy", "Energy expended", "", "kJ", PHD).local("local:mdc/MDC_HF_ENERGY").category(Activity).range(0.0, 65_535.0),
    status("MDC_PULS_OXIM_DEV_STATUS", 150_604, "oximeter-status", "Status of the oximeter", "local:mdc/MDC_PULS_OXIM_DEV_STATUS"),
    status("MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS", 8_410_608, "cuff-status", "Status of the blood pressure measurement", "local:mdc/MDC_BLOOD_PRESSURE_MEASUREMENT_STATUS"),
    status("MDC_GLU_METER_DEV_STATUS", 8_417_752, "glucose-meter-status", "Status of the glucose meter", "local:mdc/MDC_GLU_METER_DEV_STATUS"),
    status("MDC_CGM_DEV_STAT", 8_418_060, "cgm-status", "Status of the continuous glucose monitor", "local:mdc/MDC_CGM_DEV_STAT"),
    status("MDC_ECG_DEV_STAT", 8_410_584, "heart-rate-status", "Status of the heart rate sensor", "local:mdc/MDC_ECG_DEV_STAT"),
    own("cuff-pressure", "Cuff pressure while measuring", "", "mm[Hg]", GATEWAY).local("local:wardline/cuff-pressure").category(Technical).range(0.0, 400.0),
    own("temperature-intermediate", "Temperature while measuring", "", "Cel", GATEWAY).local("local:wardline/temperature-intermediate").category(Technical).range(-10.0, 60.0),
    own("steps", "Steps", "55423-8", "{steps}", LOINC).category(Activity).range(0.0, 250_000.0),
    Metric::quantity("MDC_ATTR_VAL_BATT_CHARGE", 67_996, "battery", "Battery charge", "", "%", PHD).local("local:mdc/MDC_ATTR_VAL_BATT_CHARGE").category(Technical).range(0.0, 100.0),
];
