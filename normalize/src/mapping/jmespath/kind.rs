//! Types of values as functions see them. A time counts as a string, as in the original.

use super::super::value::Value;
use super::EvalError;
use super::eval::Run;
use super::functions::Param;

/// As a message names it.
pub(super) const fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Date(_) => "a time",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(super) const fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Number(_))
}

pub(super) const fn is_string(value: &Value<'_>) -> bool {
    matches!(value, Value::String(_) | Value::Date(_))
}

/// Whether a value is what a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fits {
    Yes,
    No,
    /// An array, but not for this element.
    Element(usize, &'static str),
}

impl Param {
    /// As a message names it.
    pub(super) const fn expected(self) -> &'static str {
        match self {
            Self::Any => "any value",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
            Self::ArrayOrString => "an array or a string",
            Self::Sized => "a string, an array or an object",
            Self::Numbers => "an array of numbers",
            Self::Strings => "an array of strings",
            Self::Comparable => "an array of numbers or an array of strings",
            Self::Expression => "an expression reference",
        }
    }

    #[inline]
    pub(super) fn fits(self, run: &mut Run<'_, '_>, value: &Value<'_>) -> Result<Fits, EvalError> {
        let fits = match (self, value) {
            (Self::Any, _)
            | (Self::Number, Value::Number(_))
            | (Self::String, Value::String(_) | Value::Date(_))
            | (Self::Array, Value::Array(_))
            | (Self::Object, Value::Object(_))
            | (Self::ArrayOrString, Value::Array(_) | Value::String(_) | Value::Date(_))
            | (
                Self::Sized,
                Value::Array(_) | Value::Object(_) | Value::String(_) | Value::Date(_),
            ) => true,
            (Self::Numbers, Value::Array(items)) => return each(run, items, is_number),
            (Self::Strings, Value::Array(items)) => return each(run, items, is_string),
            (Self::Comparable, Value::Array(items)) => {
                let numbers = items.first().is_none_or(is_number);
                return each(run, items, if numbers { is_number } else { is_string });
            }
            _ => false,
        };
        Ok(if fits { Fits::Yes } else { Fits::No })
    }
}

fn each(
    run: &mut Run<'_, '_>,
    items: &[Value<'_>],
    is: fn(&Value<'_>) -> bool,
) -> Result<Fits, EvalError> {
    run.charge(items.len())?;
    let other = items.iter().enumerate().find(|(_, item)| !is(item));
    Ok(other.map_or(Fits::Yes, |(at, item)| Fits::Element(at, kind(item))))
}
