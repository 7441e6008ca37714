//! Code systems and the concepts built from them.

use super::Projection;
use super::types::{Coding, Concept, Identifier, Reference};
use crate::id::is_fhir_id;
use crate::senml::DATA_ABSENT_REASONS;
use crate::vocabulary::{Metric, Panel};
use std::borrow::Cow;

pub(crate) const LOINC: &str = "http://loinc.org";
pub(super) const MDC: &str = "urn:iso:std:iso:11073:10101";
pub(crate) const UCUM: &str = "http://unitsofmeasure.org";
pub(crate) const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
pub(super) const ABSENT: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
pub(super) const GATEWAY: &str =
    "http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice";
/// Identifier of Observations; the value is the row's or panel's id, which derives from what the device said.
pub(super) const IDENTIFIER: &str = "urn:wardline:observation";
/// Codes that are this project's or a site's own.
pub(super) const LOCAL: &str = "urn:wardline:local";
const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
const RELIABILITY: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
const REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// Codes of v3 ObservationInterpretation that a reading can have.
const INTERPRETATIONS: [&str; 24] = [
    "N", "A", "AA", "H", "HH", "HU", "HX", "L", "LL", "LU", "LX", "<", ">", "U", "D", "B", "W",
    "POS", "NEG", "IND", "DET", "ND", "R", "S",
];

pub(super) fn coding(system: &'static str, code: impl Into<Cow<'static, str>>) -> Coding {
    Coding {
        system,
        code: code.into(),
        display: None,
    }
}

pub(super) fn concept(coding: Coding) -> Concept {
    Concept {
        coding: vec![coding],
        text: None,
    }
}

pub(super) fn words(text: impl Into<Cow<'static, str>>) -> Concept {
    Concept {
        coding: Vec::new(),
        text: Some(text.into()),
    }
}

fn mdc(code: u32, reference_id: &'static str) -> Coding {
    Coding {
        system: MDC,
        code: code.to_string().into(),
        display: Some(reference_id.into()),
    }
}

/// LOINC codes unless they are withheld, then MDC, then the name.
pub(super) fn metric(metric: &'static Metric, with_loinc: bool) -> Concept {
    let mut codings = Vec::with_capacity(3);
    if with_loinc {
        let own = (!metric.loinc.is_empty()).then_some(metric.loinc);
        codings.extend(
            own.into_iter()
                .chain(metric.also_loinc.iter().copied())
                .map(|code| coding(LOINC, code)),
        );
    }
    if let Some(reference_id) = metric.mdc_id() {
        codings.push(mdc(metric.code, reference_id));
    } else if metric.loinc.is_empty() {
        codings.push(coding(LOCAL, metric.alias));
    }
    Concept {
        coding: codings,
        text: Some(metric.display.into()),
    }
}

pub(super) fn panel(panel: &'static Panel) -> Concept {
    Concept {
        coding: vec![coding(LOINC, panel.loinc), mdc(panel.code, panel.mdc)],
        text: Some(panel.display.into()),
    }
}

/// A reason from the table, which may hold any text, as one of FHIR's codes.
pub(super) fn absent(reason: &str) -> Concept {
    let code = DATA_ABSENT_REASONS
        .into_iter()
        .find(|known| *known == reason)
        .unwrap_or("unknown");
    concept(coding(ABSENT, code))
}

/// The code as the table knows it.
pub(super) fn interpretation_code(text: &str) -> Option<&'static str> {
    INTERPRETATIONS.into_iter().find(|known| *known == text)
}

pub(super) fn interpretation(text: &str) -> Concept {
    match interpretation_code(text) {
        Some(code) => concept(coding(INTERPRETATION, code)),
        None => words(clean(text)),
    }
}

/// Quality, the code of its security label, and words for people.
const QUALITIES: [(&str, &str, Option<&str>); 6] = [
    ("test", HTEST, None),
    ("demo", HTEST, None),
    (
        "implausible",
        "UNRELIABLE",
        Some("Outside the plausible range of this metric; not used for alerts."),
    ),
    (
        "early-estimate",
        "UNCERTREL",
        Some("The device marked the value as an early estimate."),
    ),
    (
        "calibrating",
        "UNCERTREL",
        Some("The device was calibrating."),
    ),
    (
        "questionable",
        "UNCERTREL",
        Some("The device marked the value as questionable."),
    ),
];
const HTEST: &str = "HTEST";

/// Security label and words for a quality.
pub(super) fn quality(quality: &str) -> (Option<Coding>, Option<&'static str>) {
    match QUALITIES.into_iter().find(|(known, ..)| *known == quality) {
        Some((_, HTEST, words)) => (Some(coding(REASON, HTEST)), words),
        Some((_, label, words)) => (Some(coding(RELIABILITY, label)), words),
        None => (None, None),
    }
}

/// The quality that labels and notes of an Observation tell: test data before all, then what our own words say, and
/// else `questionable` where a label doubts the values.
pub(super) fn quality_of(
    label: impl Fn(&str) -> bool,
    note: impl Fn(&str) -> bool,
) -> Option<&'static str> {
    let told =
        |(_, code, words): &(&str, &str, Option<&str>)| label(code) && words.is_none_or(&note);
    QUALITIES
        .iter()
        .find(|quality| told(quality))
        .map(|(quality, ..)| *quality)
        .or_else(|| (label("UNRELIABLE") || label("UNCERTREL")).then_some("questionable"))
}

/// A reference; an id that FHIR does not allow becomes a logical one.
pub(super) fn reference(projection: &Projection, kind: &'static str, id: &str) -> Reference {
    if is_fhir_id(id) {
        return Reference {
            reference: Some(format!("{}{kind}/{id}", projection.base)),
            ..Reference::default()
        };
    }
    Reference {
        kind: Some(kind),
        identifier: Some(Identifier {
            system: None,
            value: clean(id),
        }),
        ..Reference::default()
    }
}

/// Text without the control characters that a FHIR string cannot have, and not blank.
pub(super) fn clean(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\t' | '\r' | '\n'))
        .collect();
    let trimmed = clean.trim();
    if trimmed.is_empty() {
        "(blank)".to_owned()
    } else {
        trimmed.to_owned()
    }
}
