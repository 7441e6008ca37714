//! SampledData: one reading a sample, `period` milliseconds apart.

use super::json::{At as _, Fault, Object};
use super::quantity;
use super::value::{Reading, Value, bad};
use crate::decimal::Decimal;
use crate::measurement::Reason;
use crate::time::Micros;
use crate::vocabulary::Metric;

/// A sample and how long after the first it was taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) offset: Micros,
    pub(super) reading: Reading,
}

pub(super) fn samples(
    object: &Object<'_>,
    metric: Option<&'static Metric>,
    most: usize,
) -> Result<Vec<Sample>, Fault> {
    let Some(origin) = object.object("origin")? else {
        return Err(bad("is missing").at("origin"));
    };
    let zero = origin.decimal("value").at("origin")?;
    let zero = zero.ok_or_else(|| bad("is missing").at("origin.value"))?;
    if origin.has("comparator")? {
        return Err(bad("is no origin to count from").at("origin.comparator"));
    }
    let unit = quantity::unit(&origin)
        .and_then(|unit| quantity::fitting_unit(unit, metric))
        .at("origin")?;
    let period = object.decimal("period")?;
    let period = period.ok_or_else(|| bad("is missing").at("period"))?;
    let factor = object.decimal("factor")?;
    if object.decimal("dimensions")? != Some(Decimal::integer(1)) {
        let fault = Fault::new(Reason::UnsupportedField, "is not 1");
        return Err(fault.at("dimensions"));
    }
    let data = object.text("data")?.unwrap_or_default();
    let mut samples = Vec::new();
    for (index, word) in data.split_ascii_whitespace().enumerate() {
        if index == most {
            let fault = Fault::new(Reason::TooManyRecords, "has more samples than are taken");
            return Err(fault.at("data"));
        }
        let offset = offset(period, index).ok_or_else(|| bad("is out of range").at("period"))?;
        if samples
            .last()
            .is_some_and(|last: &Sample| last.offset >= offset)
        {
            return Err(bad("is less than a microsecond").at("period"));
        }
        let reading = match word {
            "E" => Reading::absent("error"),
            "L" => off_scale("negative-infinity", "<"),
            "U" => off_scale("positive-infinity", ">"),
            number => {
                let number = Decimal::parse(number)
                    .and_then(|number| match factor {
                        Some(factor) => number.checked_mul(factor),
                        None => Some(number),
                    })
                    .and_then(|number| number.checked_add(zero))
                    .ok_or_else(|| bad("has a sample that is no number").at("data"))?;
                Reading {
                    value: Value::Number(number),
                    unit: unit.clone(),
                    off_scale: None,
                }
            }
        };
        samples.push(Sample { offset, reading });
    }
    if samples.is_empty() {
        return Err(bad("is missing").at("data"));
    }
    Ok(samples)
}

/// Below or above what the sensor can tell.
fn off_scale(reason: &'static str, interpretation: &'static str) -> Reading {
    Reading {
        off_scale: Some(interpretation),
        ..Reading::absent(reason)
    }
}

/// `period` milliseconds times `index` in microseconds, cut.
fn offset(period: Decimal, index: usize) -> Option<Micros> {
    let ticks = i128::from(period.mantissa).checked_mul(i128::try_from(index).ok()?)?;
    let exponent = i32::from(period.exponent) + 3;
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    let micros = if exponent >= 0 {
        ticks.checked_mul(power?)?
    } else {
        power.map_or(0, |power| ticks.div_euclid(power))
    };
    Micros::try_from(micros).ok()
}
