//! A row's value as `value[x]`, in the unit its profile allows.

use super::types::{Coding, Concept, Quantity, Value};
use super::{at, codes};
use crate::columns::Columns;
use crate::decimal::Decimal;
use crate::units;
use crate::vocabulary::{Metric, ValueKind};
use arrow_array::Array;
use serde_json::value::RawValue;

/// Whether the value fits its metric's profile.
pub(super) struct Fitted {
    pub(super) value: Value,
    /// False when a vital sign has a value its profile forbids.
    pub(super) conforms: bool,
}

pub(super) fn absent(reason: &str) -> Value {
    Value {
        data_absent_reason: Some(codes::absent(reason)),
        ..Value::default()
    }
}

pub(super) fn of_row(columns: &Columns<'_>, row: usize, metric: Option<&'static Metric>) -> Fitted {
    let profile = metric.and_then(|metric| metric.profile);
    if let Some(reason) = at(columns.data_absent_reason, row) {
        return Fitted {
            value: absent(reason),
            conforms: true,
        };
    }
    if columns.value.is_valid(row) {
        let number = columns.value.value(row);
        let decimals = columns
            .decimals
            .is_valid(row)
            .then(|| columns.decimals.value(row));
        let Some(sent) = print(number, decimals) else {
            return Fitted {
                value: absent("not-a-number"),
                conforms: true,
            };
        };
        let unit = at(columns.unit, row);
        let Some((metric, profile)) = metric.zip(profile) else {
            return Fitted {
                value: quantity(sent, unit),
                conforms: true,
            };
        };
        if unit.is_some_and(|unit| profile.units().contains(&unit)) {
            return Fitted {
                value: quantity(sent, unit),
                conforms: true,
            };
        }
        let target = profile.units()[0];
        let converted =
            unit.and_then(|unit| convert(metric, number, decimals.unwrap_or(0), unit, target));
        return match converted {
            Some(text) => Fitted {
                value: quantity(text, Some(target)),
                conforms: true,
            },
            None => Fitted {
                value: quantity(sent, unit),
                conforms: false,
            },
        };
    }
    match at(columns.value_text, row) {
        Some(text) => Fitted {
            value: words(text, metric),
            conforms: profile.is_none(),
        },
        None => Fitted {
            value: absent("unknown"),
            conforms: true,
        },
    }
}

/// The decimal as sent: the column's double has the 15 digits that a reading has at most.
fn print(number: f64, decimals: Option<i8>) -> Option<String> {
    if !number.is_finite() {
        return None;
    }
    Some(match decimals {
        Some(decimals) => format!("{number:.*}", usize::from(decimals.max(0).unsigned_abs())),
        None => number.to_string(),
    })
}

/// Converted, and no finer than it was sent: 16.0 kPa is 120.0 mmHg, 1.78 m is 178 cm.
fn convert(metric: &Metric, number: f64, decimals: i8, from: &str, to: &str) -> Option<String> {
    let converted = metric.convert(number, from, to)?;
    let slope = (metric.convert(1.0, from, to)? - metric.convert(0.0, from, to)?).abs();
    let shift = if slope > 0.0 {
        slope.log10().floor()
    } else {
        0.0
    };
    let kept = (f64::from(decimals) - shift).clamp(0.0, 12.0) as i8;
    Decimal::from_f64_decimals(converted, kept).map(|decimal| decimal.to_string())
}

fn quantity(text: String, unit: Option<&str>) -> Value {
    let ucum = unit.filter(|unit| units::is_ucum(unit));
    let human = match ucum {
        Some(ucum) => Some(units::display(ucum))
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        None => unit.map(codes::clean),
    };
    let quantity = Quantity {
        value: RawValue::from_string(text).expect("a printed finite number is JSON"),
        unit: human,
        system: ucum.map(|_| codes::UCUM),
        code: ucum.map(str::to_owned),
    };
    Value {
        value_quantity: Some(quantity),
        ..Value::default()
    }
}

fn words(text: &str, metric: Option<&'static Metric>) -> Value {
    match metric.map(|metric| metric.kind) {
        Some(ValueKind::Boolean) if matches!(text, "true" | "false") => Value {
            value_boolean: Some(text == "true"),
            ..Value::default()
        },
        Some(ValueKind::Coded(codes)) => {
            let coding = codes
                .iter()
                .find(|(code, _)| *code == text)
                .map(|(code, display)| Coding {
                    system: codes::LOCAL,
                    code: (*code).into(),
                    display: Some((*display).into()),
                });
            let concept = Concept {
                text: Some(
                    coding
                        .as_ref()
                        .and_then(|c| c.display.clone())
                        .unwrap_or_else(|| codes::clean(text).into()),
                ),
                coding: coding.into_iter().collect(),
            };
            Value {
                value_codeable_concept: Some(concept),
                ..Value::default()
            }
        }
        _ => Value {
            value_string: Some(codes::clean(text)),
            ..Value::default()
        },
    }
}
