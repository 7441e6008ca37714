//! Arrays.

use std::cmp::Ordering;

use super::super::super::value::Value;
use super::super::EvalError;
use super::super::compare::equal;
use super::super::eval::Run;
use super::super::number::{Num, int};
use super::text::text;

type Result<'a> = std::result::Result<Value<'a>, EvalError>;

/// The first argument, which the signature has found to be an array.
fn items<'a>(arguments: &[Value<'a>]) -> &'a [Value<'a>] {
    if let Some(Value::Array(items)) = arguments.first() {
        items
    } else {
        &[]
    }
}

/// What numbers and strings are ordered by. An array holds the one or the other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    Number(Num),
    Text(&'a str),
}

impl<'a> Key<'a> {
    pub(super) fn of(run: &Run<'a, '_>, value: &Value<'a>) -> Option<Self> {
        Some(match value {
            Value::Number(number) => Self::Number(Num::of(*number)),
            Value::String(_) | Value::Date(_) => Self::Text(text(run, value)),
            _ => return None,
        })
    }

    /// Numbers by value, strings by code point.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.order(*right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }

    pub(super) const fn is_number(&self) -> bool {
        matches!(self, Self::Number(_))
    }
}

/// The steps of sorting `len` elements.
pub(super) fn sorting(len: usize) -> usize {
    len * (len.checked_ilog2().unwrap_or(0) as usize + 1)
}

pub(super) fn contains<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let [subject, search] = arguments else {
        return Ok(Value::Null);
    };
    if let Value::Array(items) = subject {
        for item in *items {
            if equal(run, item, search)? {
                return Ok(Value::Bool(true));
            }
        }
        return Ok(Value::Bool(false));
    }
    if !matches!(search, Value::String(_) | Value::Date(_)) {
        return Ok(Value::Bool(false));
    }
    let (subject, search) = (text(run, subject), text(run, search));
    run.charge_text(subject.len() + search.len())?;
    Ok(Value::Bool(subject.contains(search)))
}

pub(super) fn length<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let length = match arguments.first() {
        Some(Value::Array(items)) => items.len(),
        Some(Value::Object(members)) => members.len(),
        Some(other) => {
            let text = text(run, other);
            run.charge_text(text.len())?;
            text.chars().count()
        }
        None => 0,
    };
    Ok(int(i64::try_from(length).unwrap_or(i64::MAX)))
}

pub(super) fn max<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    extreme(run, items(arguments), Ordering::Greater)
}

pub(super) fn min<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    extreme(run, items(arguments), Ordering::Less)
}

/// The first of the largest or smallest elements as it stands; null of nothing.
fn extreme<'a>(run: &mut Run<'a, '_>, items: &[Value<'a>], wanted: Ordering) -> Result<'a> {
    run.charge(items.len())?;
    let mut best: Option<(Key<'a>, Value<'a>)> = None;
    for item in items {
        let Some(key) = Key::of(run, item) else {
            continue;
        };
        if best
            .as_ref()
            .is_none_or(|(known, _)| key.order(known) == wanted)
        {
            best = Some((key, *item));
        }
    }
    Ok(best.map_or(Value::Null, |(_, value)| value))
}

pub(super) fn sort<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let items = items(arguments);
    run.charge(sorting(items.len()))?;
    let keyed = items
        .iter()
        .filter_map(|item| Some((Key::of(run, item)?, *item)));
    let mut keyed: Vec<(Key<'a>, Value<'a>)> = keyed.collect();
    keyed.sort_by(|(left, _), (right, _)| left.order(right));
    let mut sorted = run.list(keyed.len())?;
    sorted.extend(keyed.into_iter().map(|(_, value)| value));
    Ok(Value::Array(sorted.into_bump_slice()))
}

pub(super) fn reverse<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    match arguments.first() {
        Some(Value::Array(items)) => {
            let mut reversed = run.list(items.len())?;
            reversed.extend(items.iter().rev().copied());
            Ok(Value::Array(reversed.into_bump_slice()))
        }
        Some(other) => {
            let text = text(run, other);
            run.charge(text.len() / 2)?;
            let mut reversed =
                bumpalo::collections::String::with_capacity_in(text.len(), run.arena);
            reversed.extend(text.chars().rev());
            Ok(Value::String(reversed.into_bump_str()))
        }
        None => Ok(Value::Null),
    }
}

pub(super) fn not_null<'a>(_: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(arguments
        .iter()
        .find(|value| !matches!(value, Value::Null))
        .copied()
        .unwrap_or(Value::Null))
}

/// An array stays, all else (null too) becomes the one element of one.
pub(super) fn to_array<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    Ok(match arguments.first() {
        Some(array @ Value::Array(_)) => *array,
        other => Value::Array(
            run.arena
                .alloc_slice_copy(&[other.copied().unwrap_or(Value::Null)]),
        ),
    })
}

/// Arrays of the first elements, the second ones, as far as the shortest argument goes.
pub(super) fn zip<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let arrays = || {
        arguments.iter().map(|value| {
            if let Value::Array(items) = value {
                *items
            } else {
                &[]
            }
        })
    };
    let len = arrays().map(<[_]>::len).min().unwrap_or(0);
    let mut zipped = run.list(len)?;
    for index in 0..len {
        let mut row = run.list(arguments.len())?;
        row.extend(arrays().filter_map(|items| items.get(index).copied()));
        zipped.push(Value::Array(row.into_bump_slice()));
    }
    Ok(Value::Array(zipped.into_bump_slice()))
}
