//! Equality and order of values, every node counted.

use std::cmp::Ordering;

use super::super::value::Value;
use super::EvalError;
use super::ast::Comparator;
use super::eval::{Run, member};

/// The result of `left comparator right`; `None` where an order is asked of what is no number.
#[inline]
pub(super) fn compare(
    run: &mut Run<'_, '_>,
    comparator: Comparator,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Result<Option<bool>, EvalError> {
    let holds: fn(Ordering) -> bool = match comparator {
        Comparator::Equal => return equal(run, left, right).map(Some),
        Comparator::NotEqual => return equal(run, left, right).map(|equal| Some(!equal)),
        Comparator::Less => Ordering::is_lt,
        Comparator::LessOrEqual => Ordering::is_le,
        Comparator::Greater => Ordering::is_gt,
        Comparator::GreaterOrEqual => Ordering::is_ge,
    };
    let (Value::Number(left), Value::Number(right)) = (left, right) else {
        return Ok(None);
    };
    Ok(Some(left.compare(*right).is_some_and(holds)))
}

/// Deep equality: numbers by value, members in any order.
pub(super) fn equal(
    run: &mut Run<'_, '_>,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Result<bool, EvalError> {
    run.charge(1)?;
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Ok(left == right),
        (Value::String(left), Value::String(right)) => Ok(left == right),
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(left), Value::Bool(right)) => Ok(left == right),
        (Value::Date(left), Value::Date(right)) => Ok(left == right),
        (Value::Array(left), Value::Array(right)) => arrays_equal(run, left, right),
        (Value::Object(left), Value::Object(right)) => objects_equal(run, left, right),
        _ => Ok(false),
    }
}

fn arrays_equal(
    run: &mut Run<'_, '_>,
    left: &[Value<'_>],
    right: &[Value<'_>],
) -> Result<bool, EvalError> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (left, right) in left.iter().zip(right) {
        if !equal(run, left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn objects_equal(
    run: &mut Run<'_, '_>,
    left: &[(&str, Value<'_>)],
    right: &[(&str, Value<'_>)],
) -> Result<bool, EvalError> {
    if left.len() != right.len() {
        return Ok(false);
    }
    for (index, (name, left)) in left.iter().enumerate() {
        // Mostly both sides have the same order.
        let right = match right.get(index) {
            Some((other, value)) if other == name => Some(value),
            _ => member(run, right, name)?,
        };
        let Some(right) = right else { return Ok(false) };
        if !equal(run, left, right)? {
            return Ok(false);
        }
    }
    Ok(true)
}
