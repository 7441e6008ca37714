//! Measurements of a mapping as rows of the `observation` table (design 5.4), and back.
//!
//! ```text
//! Measurement ──rows──> crate::measurement::Measurement, one a property
//! rows ──assign_panel_ids──> rows with the ids of their Observations, once attributed
//! rows ──project──> Observations, the same that the events give
//! rows ──measurements_from_rows──> OwnedMeasurement
//! ```
//!
//! * `code` is the LOINC code that the FHIR mapping gives the value: its component's, or its template's for the value
//!   itself; else `local:{type}/{value}`. `mdc` is set when the vocabulary knows exactly one metric of that code.
//! * A value that becomes a Quantity or SampledData, or that no template reads, is a number if it is one; a text
//!   that the number would not print again stays in `value_text` beside it, so that nothing is lost.
//! * Values of one mapping that share a metric have `channel` `{type}.{value}`, so that they are different readings.
//!   Patient and correlation id that the event states are part of the row's id, as a sequence number is.
//! * A measurement without properties is one row without value: its Observation exists.

mod plan;
mod project;
mod read;

use super::fhir::{FhirMapping, number};
use super::measurement::Measurement;
use super::{Compat, measurement::Property};
use crate::decimal::Decimal;
use crate::measurement::{Claims, Measurement as Reading, TimeSource, Value};
use crate::time::Micros;
use std::borrow::Cow;
use xxhash_rust::xxh3::Xxh3Default;

pub(super) use plan::{Read, RowPlan, loinc};
pub use project::{Projected, assign_panel_ids, project};
pub use read::{OwnedMeasurement, measurements_from_rows};

/// What the rows of one message share.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub received: Micros,
    /// Route and mapping version: `vendor@1a2b3c4d5e6f`. The FHIR mapping is found again by it.
    pub source: &'a str,
    pub site: Option<&'a str>,
    pub gateway: Option<&'a str>,
    /// The message's bytes, where the route keeps them.
    pub raw: Option<&'a [u8]>,
}

/// Gives `sink` one reading for every property of a measurement, in order; of several properties of one name the
/// first. Patient and encounter are claims. Whether an Observation can be made of the measurement is
/// [`FhirMapping::check`]'s to say.
pub fn rows(
    measurement: &Measurement<'_>,
    mapping: Option<&FhirMapping>,
    context: &Context<'_>,
    mut sink: impl FnMut(&Reading<'_>, Option<Claims>),
) {
    let m = measurement;
    let stated = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let claims = Claims {
        patient: stated(m.patient_id),
        bed: None,
        encounter: stated(m.encounter_id),
    };
    let claims = (claims != Claims::default()).then_some(claims);
    let plan = mapping.and_then(|mapping| mapping.plan(m.type_name));
    let compat = mapping.map_or(Compat::Default, |mapping| mapping.options().compat);
    let type_name = plan.map_or(m.type_name, |plan| &plan.template.type_name);
    let time = m.occurrence.to_micros();
    let frame = Reading {
        definition: None,
        device: m.device_id,
        gateway: context.gateway,
        site: context.site,
        code: "",
        mdc: None,
        panel: None,
        channel: None,
        device_user: None,
        sequence: sequence(m),
        value: Value::Absent("unknown"),
        text: None,
        unit: None,
        effective: time,
        effective_end: None,
        device_time: None,
        time_source: TimeSource::Device,
        source_time: time,
        received: context.received,
        status: "final",
        interpretation: None,
        body_site: None,
        method: None,
        quality: None,
        source: Some(context.source),
        type_name: Some(m.type_name),
        value_name: None,
        correlation_id: m.correlation_id.filter(|id| !id.is_empty()),
        raw: context.raw,
    };
    if m.properties.is_empty() {
        let code = format!("local:{type_name}");
        let row = Reading {
            code: &code,
            ..frame
        };
        return sink(&row, claims);
    }
    for (index, property) in m.properties.iter().enumerate() {
        let before = m.properties.get(..index).unwrap_or_default();
        if before.iter().any(|earlier| earlier.name == property.name) {
            continue;
        }
        let planned = plan.and_then(|plan| plan.rows.get(plan.place(property.name)?));
        let read = planned.map_or(Read::Plain, |planned| planned.read);
        let (value, text) = value(property, read, compat);
        let local = match planned {
            Some(_) => String::new(),
            None => format!("local:{type_name}/{}", property.name),
        };
        let row = Reading {
            code: planned.map_or(&local, |planned| &planned.code),
            mdc: planned.and_then(|planned| planned.metric?.mdc_id()),
            definition: planned.and_then(|planned| planned.metric),
            channel: planned.and_then(|planned| planned.channel.as_deref()),
            unit: planned
                .and_then(|planned| planned.unit.as_deref())
                .filter(|_| matches!(value, Value::Number(_))),
            value,
            text,
            value_name: Some(property.name),
            ..frame.clone()
        };
        sink(&row, claims.clone());
    }
}

/// What tells readings of one device, type and time apart beside the metric: the correlation id and the patient that
/// the event states. `None` when it states neither.
fn sequence(m: &Measurement<'_>) -> Option<i64> {
    let parts = [m.correlation_id, m.patient_id].map(Option::unwrap_or_default);
    if parts.iter().all(|part| part.is_empty()) {
        return None;
    }
    let mut hash = Xxh3Default::new();
    for part in parts {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    Some(hash.digest().cast_signed())
}

/// A property's value, and its text where the number does not print it again.
fn value<'a>(property: &Property<'a>, read: Read, compat: Compat) -> (Value<'a>, Option<&'a str>) {
    let text = property.value;
    let decimal = match read {
        Read::Text => None,
        Read::Plain => Decimal::parse(text),
        Read::Quantity => number(text, compat).and_then(|json: Cow<'_, str>| Decimal::parse(&json)),
    };
    match decimal {
        None => (Value::Text(text), None),
        Some(decimal) => {
            let same = survives(text, decimal)
                || read::printed(decimal.to_f64(), Some(decimal.decimals())) == text;
            (Value::Number(decimal), (!same).then_some(text))
        }
    }
}

/// Whether the double of a decimal surely prints its text again, told without printing: every decimal of 15 digits
/// survives a double (`f64::DIGITS`), so that only the text's form counts.
fn survives(text: &str, decimal: Decimal) -> bool {
    const FIFTEEN_DIGITS: u64 = 999_999_999_999_999;
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && digits(fraction)
        && decimal.mantissa.unsigned_abs() <= FIFTEEN_DIGITS
        && (-15..=0).contains(&decimal.exponent)
        // Minus zero loses its sign.
        && (decimal.mantissa != 0 || unsigned.len() == text.len())
}

#[cfg(test)]
mod tests;
