//! What the code of an Observation or component means.
//!
//! Codings are tried in this order: an IEEE 11073 code of the vocabulary (it is the most exact); LOINC codes of the
//! vocabulary, taken together (8310-5 with 8331-1 is the oral temperature); this project's own codes; any other
//! LOINC code; the first coding of another system as `local:{system}/{code}`. The system is part of a local code so
//! that two vendors' codes never share rows.

use super::super::codes::{LOCAL, LOINC, MDC};
use super::concept::{Coding, Concept};
use super::json::Fault;
use crate::measurement::Reason;
use crate::vocabulary::{self, Metric, Panel};
use std::borrow::Cow;

/// The same nomenclature as [`MDC`], as HL7 v2 and CDA name it.
const MDC_OID: &str = "urn:oid:2.16.840.1.113883.6.24";
const SNOMED: &str = "http://snomed.info/sct";

/// Longest system and longest code of a local code, in bytes.
const MAX_PART: usize = 64;

/// What is measured, as the columns have it.
#[derive(Debug, Clone)]
pub(super) struct Meaning {
    /// The vocabulary's row; where a LOINC code fits several, the most permissive of them.
    pub(super) metric: Option<&'static Metric>,
    pub(super) code: Cow<'static, str>,
    /// Only where the codings leave no doubt.
    pub(super) mdc: Option<&'static str>,
    pub(super) panel: Option<&'static Panel>,
}

impl Meaning {
    fn of(metric: &'static Metric) -> Self {
        Self {
            metric: Some(metric),
            code: metric.code_text().into(),
            mdc: metric.mdc_id(),
            panel: metric.panel,
        }
    }

    fn outside(code: String) -> Self {
        Self {
            metric: None,
            code: code.into(),
            mdc: None,
            panel: None,
        }
    }

    /// What identifies the metric in ids.
    pub(super) fn key(&self) -> &str {
        self.mdc.unwrap_or(&self.code)
    }

    /// Whether the row names one metric of the vocabulary, so that what its code implies holds.
    pub(super) fn is_exact(&self) -> bool {
        self.metric.is_some_and(|metric| metric.key() == self.key())
    }
}

fn mdc_codes<'c>(concept: &'c Concept<'_>) -> impl Iterator<Item = &'c str> {
    concept.codes(MDC).chain(concept.codes(MDC_OID))
}

/// The vocabulary's panel that an Observation's code names exactly; several share 85354-9.
pub(super) fn panel(concept: &Concept<'_>) -> Option<&'static Panel> {
    mdc_codes(concept).find_map(|code| {
        vocabulary::panels().find(|panel| panel.mdc == code || code.parse() == Ok(panel.code))
    })
}

/// `within`: the panel that the Observation of a component is.
pub(super) fn meaning(
    concept: &Concept<'_>,
    within: Option<&'static Panel>,
) -> Result<Meaning, Fault> {
    let by_number = |code: &str| code.parse().ok().and_then(vocabulary::by_code);
    let by_mdc = |code: &str| by_number(code).or_else(|| vocabulary::by_mdc(code));
    if let Some(metric) = mdc_codes(concept).find_map(by_mdc) {
        return Ok(Meaning::of(metric));
    }
    if let Some(meaning) = of_loinc(concept, within) {
        return Ok(meaning);
    }
    if let Some(code) = concept.codes(LOCAL).next() {
        if let Some(metric) = vocabulary::by_alias(code) {
            return Ok(Meaning::of(metric));
        }
        if code.len() <= 2 * MAX_PART && !code.contains(char::is_control) {
            return Ok(Meaning::outside(format!("local:{code}")));
        }
    }
    if let Some(code) = concept.codes(LOINC).find(|code| is_loinc(code)) {
        return Ok(Meaning::outside(code.to_owned()));
    }
    match concept.codings.iter().find_map(local) {
        Some(code) => Ok(Meaning::outside(code)),
        None => Err(Fault::new(
            Reason::UnknownMetric,
            "has no coding with a code of at most 64 bytes",
        )),
    }
}

fn of_loinc(concept: &Concept<'_>, within: Option<&'static Panel>) -> Option<Meaning> {
    let mut fitting: Vec<&'static Metric> = Vec::new();
    let narrow = |fitting: &mut Vec<&'static Metric>, keep: &dyn Fn(&Metric) -> bool| {
        if fitting.iter().any(|metric| keep(metric)) {
            fitting.retain(|metric| keep(metric));
        }
    };
    for code in concept.codes(LOINC) {
        let of_code = vocabulary::by_loinc(code);
        if fitting.is_empty() {
            fitting = of_code.to_vec();
        } else {
            narrow(&mut fitting, &|metric| of_code.contains(&metric));
        }
    }
    if let Some(panel) = within {
        narrow(&mut fitting, &|metric| metric.panel == Some(panel));
    }
    if let Some(metric) = vocabulary::only(&fitting) {
        return Some(Meaning::of(metric));
    }
    let width = |metric: &Metric| metric.range.map_or(f64::INFINITY, |(low, high)| high - low);
    let widest = fitting
        .iter()
        .copied()
        .reduce(|a, b| if width(b) > width(a) { b } else { a })?;
    Some(Meaning {
        metric: Some(widest),
        code: widest.code_text().into(),
        mdc: None,
        panel: None,
    })
}

/// `2160-0`.
fn is_loinc(code: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    code.rsplit_once('-').is_some_and(|(number, check)| {
        (1..=7).contains(&number.len()) && digits(number) && check.len() == 1 && digits(check)
    })
}

fn local(coding: &Coding<'_>) -> Option<String> {
    let system = match coding.system.as_deref() {
        None => "fhir".to_owned(),
        Some(MDC | MDC_OID) => "mdc".to_owned(),
        Some(SNOMED) => "sct".to_owned(),
        Some(LOCAL) => "wardline".to_owned(),
        Some(url) => {
            let name = ["http://", "https://", "urn:oid:", "urn:"]
                .iter()
                .find_map(|scheme| url.strip_prefix(scheme))
                .unwrap_or(url);
            restricted(name)?
        }
    };
    let code = restricted(coding.code.as_deref()?)?;
    Some(format!("local:{system}/{code}"))
}

/// Letters, digits, `-`, `_` and `.`; a slash becomes a dot, any other character a low line.
fn restricted(text: &str) -> Option<String> {
    let text = text.trim();
    let keep = |c: char| match c {
        '-' | '_' | '.' => c,
        '/' => '.',
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    (1..=MAX_PART)
        .contains(&text.len())
        .then(|| text.chars().map(keep).collect())
}
