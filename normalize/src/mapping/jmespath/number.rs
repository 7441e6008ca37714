//! Numbers for arithmetic and comparison: the text as sent to an integer or a double, exactly ordered.

use std::cmp::Ordering;

use super::super::value::{Number, Value};

/// A number by its value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Num {
    Int(i64),
    /// An integer beyond 64 bits, nearly.
    Big(f64),
    Float(f64),
}

impl Num {
    #[inline]
    pub(super) fn of(number: Number<'_>) -> Self {
        match number {
            Number::Int(value) => Self::Int(value),
            Number::Float(value) => Self::Float(value),
            Number::Text(text) => Self::parse(text),
        }
    }

    fn parse(text: &str) -> Self {
        if let Ok(value) = text.parse() {
            return Self::Int(value);
        }
        let value = text.parse().unwrap_or(f64::NAN);
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Big(value)
        } else {
            Self::Float(value)
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "an integer beside a double is computed as a double"
    )]
    pub(super) const fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Big(value) | Self::Float(value) => value,
        }
    }

    /// By exact value, so that it is an order: a double that equals two neighbouring integers after rounding equals
    /// one of them at most. NaN stands above all.
    pub(super) fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => left.cmp(&right),
            (Self::Int(left), Self::Big(right) | Self::Float(right)) => int_to_float(left, right),
            (Self::Big(left) | Self::Float(left), Self::Int(right)) => {
                int_to_float(right, left).reverse()
            }
            (Self::Big(left) | Self::Float(left), Self::Big(right) | Self::Float(right)) => left
                .partial_cmp(&right)
                .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan())),
        }
    }
}

/// 2^63, the first double above every `i64`.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

#[expect(
    clippy::cast_possible_truncation,
    reason = "the range is checked, and the fraction compared apart"
)]
fn int_to_float(int: i64, float: f64) -> Ordering {
    if float.is_nan() || float >= BEYOND {
        return Ordering::Less;
    }
    if float < -BEYOND {
        return Ordering::Greater;
    }
    let whole = float.trunc();
    int.cmp(&(whole as i64))
        .then_with(|| whole.partial_cmp(&float).unwrap_or(Ordering::Equal))
}

/// A whole double as an integer, if it fits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the range and the fraction are checked"
)]
pub(super) fn whole(float: f64) -> Option<i64> {
    (float.trunc() == float && (-BEYOND..BEYOND).contains(&float)).then_some(float as i64)
}

pub(super) const fn int<'a>(value: i64) -> Value<'a> {
    Value::Number(Number::Int(value))
}

pub(super) const fn float<'a>(value: f64) -> Value<'a> {
    Value::Number(Number::Float(value))
}
