//! Numbers: if either operand is a double the result is one, else a 64-bit integer (specification 1.8).

use super::super::super::ticks::Ticks;
use super::super::super::value::{Number, Value};
use super::super::EvalError;
use super::super::eval::Run;
use super::super::number::{Num, float, int, whole};
use super::{no_result, refuse};

type Result<'a> = std::result::Result<Value<'a>, EvalError>;

/// An argument that the signature has found to be a number.
fn number(arguments: &[Value<'_>], index: usize) -> Num {
    match arguments.get(index) {
        Some(Value::Number(number)) => Num::of(*number),
        _ => Num::Float(f64::NAN),
    }
}

enum Operands {
    Ints(i64, i64),
    Floats(f64, f64),
}

fn operands(
    function: &'static str,
    arguments: &[Value<'_>],
) -> std::result::Result<Operands, EvalError> {
    match (number(arguments, 0), number(arguments, 1)) {
        (Num::Int(left), Num::Int(right)) => Ok(Operands::Ints(left, right)),
        (left @ Num::Float(_), right) | (left, right @ Num::Float(_)) => {
            Ok(Operands::Floats(left.as_f64(), right.as_f64()))
        }
        _ => Err(no_result(function, BEYOND)),
    }
}

const BEYOND: &str = "an integer does not fit 64 bits";

pub(super) fn add<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(match operands("add", arguments)? {
        Operands::Ints(left, right) => int(left.wrapping_add(right)),
        Operands::Floats(left, right) => float(left + right),
    })
}

pub(super) fn subtract<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(match operands("subtract", arguments)? {
        Operands::Ints(left, right) => int(left.wrapping_sub(right)),
        Operands::Floats(left, right) => float(left - right),
    })
}

pub(super) fn multiply<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(match operands("multiply", arguments)? {
        Operands::Ints(left, right) => int(left.wrapping_mul(right)),
        Operands::Floats(left, right) => float(left * right),
    })
}

/// Integers truncate toward zero, as the original does under both rules (design 5.3).
pub(super) fn divide<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    match operands("divide", arguments)? {
        Operands::Ints(_, 0) => Err(no_result("divide", "an integer divided by zero")),
        Operands::Ints(left, right) => left
            .checked_div(right)
            .map(int)
            .ok_or_else(|| no_result("divide", BEYOND)),
        Operands::Floats(left, right) => Ok(float(left / right)),
    }
}

pub(super) fn pow<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    match operands("pow", arguments)? {
        Operands::Ints(base, exponent) => int_pow(base, exponent)
            .map(int)
            .ok_or_else(|| no_result("pow", "the result does not fit 64 bits")),
        Operands::Floats(base, exponent) => Ok(float(base.powf(exponent))),
    }
}

/// A negative exponent gives the fraction truncated, as division does.
fn int_pow(base: i64, exponent: i64) -> Option<i64> {
    if exponent >= 0 {
        return match base {
            0 | 1 => Some(if exponent == 0 { 1 } else { base }),
            -1 => Some(if exponent % 2 == 0 { 1 } else { -1 }),
            _ => base.checked_pow(u32::try_from(exponent).ok()?),
        };
    }
    match base {
        0 => None,
        1 => Some(1),
        -1 => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        _ => Some(0),
    }
}

/// A number as sent keeps its digits.
pub(super) fn abs<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    match arguments.first() {
        Some(Value::Number(Number::Text(digits))) => Ok(Value::Number(Number::Text(
            digits.strip_prefix('-').unwrap_or(digits),
        ))),
        Some(Value::Number(Number::Int(value))) => value
            .checked_abs()
            .map(int)
            .ok_or_else(|| no_result("abs", BEYOND)),
        _ => Ok(float(number(arguments, 0).as_f64().abs())),
    }
}

pub(super) fn ceil<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(rounded(arguments, f64::ceil))
}

pub(super) fn floor<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(rounded(arguments, f64::floor))
}

/// An integer, if it fits 64 bits.
fn rounded<'a>(arguments: &[Value<'a>], round: fn(f64) -> f64) -> Value<'a> {
    match number(arguments, 0) {
        Num::Float(value) => whole(round(value)).map_or_else(|| float(round(value)), int),
        Num::Int(_) | Num::Big(_) => arguments.first().copied().unwrap_or(Value::Null),
    }
}

fn numbers<'v>(arguments: &'v [Value<'_>]) -> impl ExactSizeIterator<Item = Num> + Clone + 'v {
    let items = if let Some(Value::Array(items)) = arguments.first() {
        *items
    } else {
        &[]
    };
    (0..items.len()).map(|index| number(items, index))
}

/// An integer where the sum is whole, as in JmesPath.Net; 0 of nothing.
pub(super) fn sum<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let numbers = numbers(arguments);
    run.charge(numbers.len())?;
    let ints: Option<i128> = numbers
        .clone()
        .map(|number| {
            if let Num::Int(value) = number {
                Some(i128::from(value))
            } else {
                None
            }
        })
        .sum();
    if let Some(value) = ints.and_then(|sum| i64::try_from(sum).ok()) {
        return Ok(int(value));
    }
    let sum: f64 = numbers.map(Num::as_f64).sum();
    Ok(whole(sum).map_or_else(|| float(sum), int))
}

/// Null of nothing.
#[expect(clippy::cast_precision_loss, reason = "no array has 2^53 elements")]
pub(super) fn avg<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let numbers = numbers(arguments);
    run.charge(numbers.len())?;
    let count = numbers.len();
    if count == 0 {
        return Ok(Value::Null);
    }
    Ok(float(numbers.map(Num::as_f64).sum::<f64>() / count as f64))
}

pub(super) fn from_unix_timestamp<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    time("fromUnixTimestamp", arguments, Ticks::from_unix_seconds)
}

pub(super) fn from_unix_timestamp_ms<'a>(
    _: &mut Run<'a, '_>,
    arguments: &[Value<'a>],
) -> Result<'a> {
    time("fromUnixTimestampMs", arguments, Ticks::from_unix_millis)
}

fn time<'a>(
    function: &'static str,
    arguments: &[Value<'a>],
    of: fn(i64) -> Option<Ticks>,
) -> Result<'a> {
    let Num::Int(count) = number(arguments, 0) else {
        return Err(refuse(function, 0, INTEGER, NO_INTEGER.to_owned()));
    };
    of(count)
        .map(Value::Date)
        .ok_or_else(|| no_result(function, "the time is outside the years 1 to 9999"))
}

pub(super) const INTEGER: &str = "an integer";
pub(super) const NO_INTEGER: &str = "a number with a fraction, an exponent or over 64 bits";
