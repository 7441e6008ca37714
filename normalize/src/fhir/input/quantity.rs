//! Quantities: their numbers, units and, where they are no single number, words.

use super::super::codes::UCUM;
use super::json::{At as _, Fault, Object};
use super::value::{Reading, Value, bad};
use crate::measurement::Reason;
use crate::units::{self, Unit};
use crate::vocabulary::Metric;

/// A measured number, or the text of a limit.
pub(super) fn reading(
    object: &Object<'_>,
    metric: Option<&'static Metric>,
) -> Result<Reading, Fault> {
    let Some(number) = object.decimal("value")? else {
        return Err(bad("is missing").at("value"));
    };
    let unit = unit(object)?;
    if let Some(comparator) = object.text("comparator")? {
        let off_scale = match comparator.as_ref() {
            "<" | "<=" => "<",
            ">" | ">=" => ">",
            _ => return Err(bad("is not known").at("comparator")),
        };
        let text = format!("{comparator} {number} {}", unit.unwrap_or_default());
        return Ok(Reading {
            value: Value::Text(text.trim_end().to_owned()),
            unit: None,
            off_scale: Some(off_scale),
        });
    }
    Ok(Reading {
        value: Value::Number(number),
        unit: fitting_unit(unit, metric)?,
        off_scale: None,
    })
}

/// A whole number counts or scores: it has no unit to state.
pub(super) fn integer(
    holder: &Object<'_>,
    name: &str,
    metric: Option<&'static Metric>,
) -> Result<Reading, Fault> {
    let number = holder
        .decimal(name)
        .map_err(|fault| Fault::new(fault.reason, "is no whole number"))?
        .filter(|number| number.exponent == 0)
        .ok_or_else(|| bad("is no whole number"))?;
    let unit = match metric {
        None => Some("1".to_owned()),
        Some(_) => fitting_unit(None, metric)?,
    };
    Ok(Reading {
        value: Value::Number(number),
        unit,
        off_scale: None,
    })
}

/// The unit a Quantity states: its UCUM code, else its words, else whatever code it has.
pub(super) fn unit(quantity: &Object<'_>) -> Result<Option<String>, Fault> {
    let code = quantity.text("code")?;
    let is_ucum = quantity.text("system")?.as_deref() == Some(UCUM);
    let text = match code {
        Some(code) if is_ucum => Some(code),
        code => quantity.text("unit")?.or(code),
    };
    Ok(text.map(|text| units::canonical(text.trim()).as_str().to_owned()))
}

/// The unit of a number; one of another dimension contradicts the metric, and one nobody knows is kept and never
/// judged. A number may go without one only where the metric has none.
pub(super) fn fitting_unit(
    unit: Option<String>,
    metric: Option<&'static Metric>,
) -> Result<Option<String>, Fault> {
    let bad = |what: String| Err(Fault::new(Reason::BadUnit, what).at("unit"));
    match (unit, metric) {
        (Some(unit), Some(metric)) => {
            let known = matches!(units::canonical(&unit), Unit::Ucum(_));
            if known && unit != metric.unit && metric.convert(1.0, &unit, metric.unit).is_none() {
                return bad(format!("cannot be converted to {}", metric.unit));
            }
            Ok(Some(unit))
        }
        (Some(unit), None) => Ok(Some(unit)),
        (None, Some(metric)) if metric.unit == "1" || metric.unit.starts_with('{') => {
            Ok(Some(metric.unit.to_owned()))
        }
        (None, _) => bad("is missing".to_owned()),
    }
}

/// `2.50 mg`.
fn quantity_words(object: &Object<'_>) -> Result<String, Fault> {
    let number = object.decimal("value")?;
    let number = number.ok_or_else(|| bad("is missing").at("value"))?;
    let comparator = object.text("comparator")?.unwrap_or_default();
    let text = match unit(object)? {
        Some(unit) => format!("{comparator}{number} {unit}"),
        None => format!("{comparator}{number}"),
    };
    Ok(text)
}

/// `1:128`.
pub(super) fn ratio(object: &Object<'_>) -> Result<String, Fault> {
    let part = |name: &str| match object.object(name)? {
        Some(quantity) => quantity_words(&quantity).at(name),
        None => Err(bad("is missing").at(name)),
    };
    Ok(format!("{}:{}", part("numerator")?, part("denominator")?))
}

/// `3.5 mmol/L to 5.0 mmol/L`.
pub(super) fn range(object: &Object<'_>) -> Result<String, Fault> {
    let part = |name: &str| match object.object(name)? {
        Some(quantity) => quantity_words(&quantity).map(Some).at(name),
        None => Ok(None),
    };
    match (part("low")?, part("high")?) {
        (Some(low), Some(high)) => Ok(format!("{low} to {high}")),
        (Some(low), None) => Ok(format!("from {low}")),
        (None, Some(high)) => Ok(format!("up to {high}")),
        (None, None) => Err(bad("says nothing")),
    }
}
