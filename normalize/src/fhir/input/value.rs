//! `value[x]` of an Observation or component to what a row holds.
//!
//! * A Quantity with a comparator is no measured number: it becomes the text `> 600 mg/dL` with the interpretation
//!   `>` (off scale), so that people see it and no rule takes the limit for a value.
//! * CodeableConcept, Ratio, Range, Period, dateTime and time become text; SampledData one reading a sample.
//! * A metric of the vocabulary only has values of its kind.

use super::super::codes::LOCAL;
use super::concept::Concept;
use super::json::{At as _, Fault, Object};
use super::quantity;
use super::sampled::{self, Sample};
use crate::decimal::Decimal;
use crate::measurement::Reason;
use crate::senml::{DATA_ABSENT_REASONS, MAX_VALUE_TEXT};
use crate::vocabulary::{Metric, ValueKind};

/// A value that outlives the element it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(Decimal),
    Text(String),
    /// A code of data-absent-reason.
    Absent(&'static str),
}

/// One value with its unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reading {
    pub(super) value: Value,
    pub(super) unit: Option<String>,
    /// `<` or `>` where the value itself says that it is off scale.
    pub(super) off_scale: Option<&'static str>,
}

impl Reading {
    pub(super) fn absent(reason: &'static str) -> Self {
        Self {
            value: Value::Absent(reason),
            unit: None,
            off_scale: None,
        }
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self {
            value: Value::Text(text.into()),
            unit: None,
            off_scale: None,
        }
    }
}

/// What an Observation or component says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Nothing,
    One(Reading),
    Samples(Vec<Sample>),
}

pub(super) fn bad(what: impl Into<std::borrow::Cow<'static, str>>) -> Fault {
    Fault::new(Reason::BadValue, what)
}

/// `most`: how many samples may be read.
pub(super) fn content(
    holder: &Object<'_>,
    metric: Option<&'static Metric>,
    most: usize,
) -> Result<Content, Fault> {
    let mut stated = holder.choices("value");
    let absent = Concept::of(holder, "dataAbsentReason")?;
    match (stated.next(), stated.next(), absent) {
        (None, _, None) => Ok(Content::Nothing),
        (None, _, Some(reason)) => Ok(Content::One(Reading::absent(absent_reason(&reason)))),
        (Some(_), None, Some(_)) => Err(bad("stands next to a value").at("dataAbsentReason")),
        (Some(name), None, None) => match TYPES.into_iter().find(|known| *known == name) {
            Some(name) => value(holder, name, metric, most).at(name),
            None => {
                let fault = Fault::new(Reason::UnsupportedField, "is of no type of R4");
                Err(fault.at("value[x]"))
            }
        },
        (Some(_), Some(_), _) => Err(bad("is there in several forms").at("value[x]")),
    }
}

/// `value[x]` of R4.
const TYPES: [&str; 11] = [
    "valueQuantity",
    "valueCodeableConcept",
    "valueString",
    "valueBoolean",
    "valueInteger",
    "valueRange",
    "valueRatio",
    "valueSampledData",
    "valueTime",
    "valueDateTime",
    "valuePeriod",
];

/// A reason of another code system says no more than that there is no value.
fn absent_reason(concept: &Concept<'_>) -> &'static str {
    let code = |code: &str| DATA_ABSENT_REASONS.into_iter().find(|known| *known == code);
    concept
        .codes(super::super::codes::ABSENT)
        .find_map(code)
        .unwrap_or("unknown")
}

fn value(
    holder: &Object<'_>,
    name: &str,
    metric: Option<&'static Metric>,
    most: usize,
) -> Result<Content, Fault> {
    let kind = metric.map(|metric| metric.kind);
    let part = |name: &str| object(holder, name);
    let reading = match (name, kind) {
        ("valueSampledData", None | Some(ValueKind::Quantity)) => {
            return sampled::samples(&part(name)?, metric, most).map(Content::Samples);
        }
        ("valueQuantity", None | Some(ValueKind::Quantity)) => {
            quantity::reading(&part(name)?, metric)?
        }
        ("valueInteger", None | Some(ValueKind::Quantity)) => {
            quantity::integer(holder, name, metric)?
        }
        ("valueBoolean", None | Some(ValueKind::Boolean)) => {
            let truth = holder.boolean(name).map_err(|_| bad("is no boolean"))?;
            Reading::text(if truth == Some(true) { "true" } else { "false" })
        }
        ("valueCodeableConcept", None) => {
            let concept = Concept::read(&part(name)?)?;
            Reading::text(concept.words().ok_or_else(|| bad("says nothing"))?)
        }
        ("valueCodeableConcept", Some(ValueKind::Coded(codes))) => {
            Reading::text(coded(&Concept::read(&part(name)?)?, codes)?)
        }
        ("valueString", None | Some(ValueKind::Text)) | ("valueDateTime" | "valueTime", None) => {
            let text = holder.text(name).map_err(|_| bad("is no text"))?;
            Reading::text(text.ok_or_else(|| bad("is blank"))?)
        }
        ("valueRatio", None) => Reading::text(quantity::ratio(&part(name)?)?),
        ("valueRange", None) => Reading::text(quantity::range(&part(name)?)?),
        ("valuePeriod", None) => Reading::text(period(&part(name)?)?),
        _ => return Err(bad("is not the kind of value this metric has")),
    };
    match &reading.value {
        Value::Text(text) if text.len() > MAX_VALUE_TEXT => {
            Err(bad(format!("has more than {MAX_VALUE_TEXT} bytes")))
        }
        _ => Ok(Content::One(reading)),
    }
}

/// An element that is there.
fn object<'a>(holder: &Object<'a>, name: &str) -> Result<Object<'a>, Fault> {
    let raw = holder.raw(name)?.ok_or_else(|| bad("is missing"))?;
    Object::parse(raw.get())
}

/// A code of the metric's own, by this project's coding or by its name in any coding or text.
fn coded(concept: &Concept<'_>, codes: &[(&'static str, &str)]) -> Result<&'static str, Fault> {
    let by_code = concept
        .codes(LOCAL)
        .find_map(|code| codes.iter().find(|(known, _)| *known == code));
    let names = || {
        let displays = concept.codings.iter().filter_map(|c| c.display.as_deref());
        concept.text.as_deref().into_iter().chain(displays)
    };
    by_code
        .or_else(|| {
            codes.iter().find(|(code, name)| {
                names().any(|said| said.eq_ignore_ascii_case(name) || said == *code)
            })
        })
        .map(|(code, _)| *code)
        .ok_or_else(|| bad("is no code of this metric"))
}

/// `2026-11-22T10:00:00Z/2026-11-22T11:00:00Z`, as ISO 8601 writes it.
fn period(object: &Object<'_>) -> Result<String, Fault> {
    let (start, end) = (object.text("start")?, object.text("end")?);
    if start.is_none() && end.is_none() {
        return Err(bad("says nothing"));
    }
    let open = || "..".into();
    Ok(format!(
        "{}/{}",
        start.unwrap_or_else(open),
        end.unwrap_or_else(open)
    ))
}
