//! Functions that evaluate an expression on every element.

use std::cmp::Ordering;

use super::super::super::value::Value;
use super::super::EvalError;
use super::super::eval::Run;
use super::super::kind::kind;
use super::super::plan::Op;
use super::list::{Key, sorting};
use super::refuse;

type Result<'a> = std::result::Result<Value<'a>, EvalError>;

fn items<'a>(value: &Value<'a>) -> &'a [Value<'a>] {
    if let Value::Array(items) = value {
        items
    } else {
        &[]
    }
}

/// Null stays in the result, unlike in a projection.
pub(super) fn map<'a>(
    run: &mut Run<'a, '_>,
    each: &'a Op,
    array: &Value<'a>,
    _: Value<'a>,
) -> Result<'a> {
    let items = items(array);
    let mut mapped = run.list(items.len())?;
    for item in items {
        mapped.push(run.eval(each, *item)?);
    }
    Ok(Value::Array(mapped.into_bump_slice()))
}

/// Every element with its key; all keys are numbers or all are strings.
fn keyed<'a>(
    run: &mut Run<'a, '_>,
    function: &'static str,
    key: &'a Op,
    array: &Value<'a>,
) -> std::result::Result<Vec<(Key<'a>, Value<'a>)>, EvalError> {
    const EXPECTED: &str = "an expression that gives numbers only or strings only";
    let items = items(array);
    run.charge(items.len())?;
    let mut keyed: Vec<(Key<'a>, Value<'a>)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let value = run.eval(key, *item)?;
        match Key::of(run, &value) {
            Some(key)
                if keyed
                    .first()
                    .is_none_or(|(first, _)| first.is_number() == key.is_number()) =>
            {
                keyed.push((key, *item));
            }
            _ => {
                let actual = format!("one that gives {} for element {index}", kind(&value));
                return Err(refuse(function, 1, EXPECTED, actual));
            }
        }
    }
    Ok(keyed)
}

/// Equal keys keep their order.
pub(super) fn sort_by<'a>(
    run: &mut Run<'a, '_>,
    key: &'a Op,
    array: &Value<'a>,
    _: Value<'a>,
) -> Result<'a> {
    let mut keyed = keyed(run, "sort_by", key, array)?;
    run.charge(sorting(keyed.len()))?;
    keyed.sort_by(|(left, _), (right, _)| left.order(right));
    let mut sorted = run.list(keyed.len())?;
    sorted.extend(keyed.into_iter().map(|(_, value)| value));
    Ok(Value::Array(sorted.into_bump_slice()))
}

pub(super) fn max_by<'a>(
    run: &mut Run<'a, '_>,
    key: &'a Op,
    array: &Value<'a>,
    _: Value<'a>,
) -> Result<'a> {
    extreme(run, "max_by", key, array, Ordering::Greater)
}

pub(super) fn min_by<'a>(
    run: &mut Run<'a, '_>,
    key: &'a Op,
    array: &Value<'a>,
    _: Value<'a>,
) -> Result<'a> {
    extreme(run, "min_by", key, array, Ordering::Less)
}

/// The first of the elements with the largest or smallest key; null of nothing.
fn extreme<'a>(
    run: &mut Run<'a, '_>,
    function: &'static str,
    key: &'a Op,
    array: &Value<'a>,
    wanted: Ordering,
) -> Result<'a> {
    let keyed = keyed(run, function, key, array)?;
    let better = |best: (Key<'a>, Value<'a>), next: (Key<'a>, Value<'a>)| {
        if next.0.order(&best.0) == wanted {
            next
        } else {
            best
        }
    };
    Ok(keyed
        .into_iter()
        .reduce(better)
        .map_or(Value::Null, |(_, value)| value))
}
