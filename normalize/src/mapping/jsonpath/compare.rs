//! Comparison of two values in a filter.

use super::plan::Comparison;
use crate::mapping::ticks::Ticks;
use crate::mapping::value::{Number, Value};
use std::cmp::Ordering;

pub(super) fn holds(left: Value<'_>, comparison: Comparison, right: Value<'_>) -> bool {
    use Comparison as C;
    let container = |value| matches!(value, Value::Array(_) | Value::Object(_));
    if container(left) || container(right) {
        return comparison == C::NotEqual;
    }
    match comparison {
        C::Equal => equal(left, right) || same_date(left, right),
        C::NotEqual => !equal(left, right) && !same_date(left, right),
        C::StrictlyEqual => equal(left, right),
        C::StrictlyNotEqual => !equal(left, right),
        C::Less => order(left, right).is_some_and(Ordering::is_lt),
        C::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
        C::Greater => order(left, right).is_some_and(Ordering::is_gt),
        C::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
    }
}

/// Between scalars of one type.
fn equal(left: Value<'_>, right: Value<'_>) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => order_numbers(a, b).is_eq(),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Date(a), Value::Date(b)) => a == b,
        _ => false,
    }
}

/// What the parser typed as a date equals the text it was typed from, in its usual form.
fn same_date(left: Value<'_>, right: Value<'_>) -> bool {
    match (left, right) {
        (Value::Date(date), Value::String(text)) => date.format() == text,
        _ => false,
    }
}

fn order(left: Value<'_>, right: Value<'_>) -> Option<Ordering> {
    let number = |truth| Number::Int(i64::from(truth));
    Some(match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (_, Value::Null) => Ordering::Greater,
        (Value::Null, _) => Ordering::Less,
        (Value::Number(a), Value::Number(b)) => order_numbers(a, b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(&b),
        (Value::Number(a), Value::Bool(b)) => order_numbers(a, number(b)),
        (Value::Bool(a), Value::Number(b)) => a.cmp(&(b.as_f64() != 0.0)),
        (Value::String(a), Value::String(b)) => a.encode_utf16().cmp(b.encode_utf16()),
        (Value::Date(a), Value::Date(b)) => a.cmp(&b),
        (Value::Date(a), Value::String(b)) => a.cmp(&Ticks::parse(b)?),
        _ => return None,
    })
}

/// Exact between integers. A double is compared as one, within a tolerance; what is no number comes first.
fn order_numbers(left: Number<'_>, right: Number<'_>) -> Ordering {
    if left.is_integer()
        && right.is_integer()
        && let Some(order) = left.compare(right)
    {
        return order;
    }
    let (a, b) = (left.as_f64(), right.as_f64());
    if (a - b).abs() < (a.abs() + b.abs() + 10.0) * f64::EPSILON {
        return Ordering::Equal;
    }
    a.partial_cmp(&b)
        .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}
