//! Objects.

use bumpalo::collections::Vec as BumpVec;

use super::super::super::value::Value;
use super::super::EvalError;
use super::super::eval::{Run, member};
use super::super::kind::kind;
use super::super::plan::Op;
use super::refuse;
use super::text::text;

type Result<'a> = std::result::Result<Value<'a>, EvalError>;
type Members<'a> = &'a [(&'a str, Value<'a>)];

/// An argument, which the signature has found to be an object.
fn members<'a>(value: Option<&Value<'a>>) -> Members<'a> {
    if let Some(Value::Object(members)) = value {
        members
    } else {
        &[]
    }
}

pub(super) fn keys<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let members = members(arguments.first());
    let mut keys = run.list(members.len())?;
    keys.extend(members.iter().map(|(name, _)| Value::String(name)));
    Ok(Value::Array(keys.into_bump_slice()))
}

pub(super) fn values<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let members = members(arguments.first());
    let mut values = run.list(members.len())?;
    values.extend(members.iter().map(|(_, value)| *value));
    Ok(Value::Array(values.into_bump_slice()))
}

/// Pairs `[name, value]`.
pub(super) fn items<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let members = members(arguments.first());
    let mut pairs = run.list(members.len())?;
    for (name, value) in members {
        run.charge(2)?;
        pairs.push(Value::Array(
            run.arena.alloc_slice_copy(&[Value::String(name), *value]),
        ));
    }
    Ok(Value::Array(pairs.into_bump_slice()))
}

/// The inverse of `items`; of equal names the last value, at the place of the first.
pub(super) fn to_object<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    const EXPECTED: &str = "an array of pairs of a string and a value";
    let pairs = if let Some(Value::Array(pairs)) = arguments.first() {
        *pairs
    } else {
        &[]
    };
    let mut object = Object::new(run, pairs.len())?;
    for (index, pair) in pairs.iter().enumerate() {
        let (name, value) = match pair {
            Value::Array([name @ (Value::String(_) | Value::Date(_)), value]) => (name, value),
            Value::Array([other, _]) => {
                let actual = format!("an array whose pair {index} starts with {}", kind(other));
                return Err(refuse("to_object", 0, EXPECTED, actual));
            }
            Value::Array(other) => {
                let actual = format!("an array with an array of {} at {index}", other.len());
                return Err(refuse("to_object", 0, EXPECTED, actual));
            }
            other => {
                let actual = format!("an array with {} at {index}", kind(other));
                return Err(refuse("to_object", 0, EXPECTED, actual));
            }
        };
        let name = text(run, name);
        object.set(run, name, *value)?;
    }
    Ok(object.finish())
}

/// One object of all members; of equal names the last value, at the place of the first. Nested objects are not merged.
pub(super) fn merge<'a>(run: &mut Run<'a, '_>, arguments: &[Value<'a>]) -> Result<'a> {
    let most = arguments
        .iter()
        .map(|value| members(Some(value)).len())
        .sum();
    let mut object = Object::new(run, most)?;
    for argument in arguments {
        for (name, value) in members(Some(argument)) {
            object.set(run, name, *value)?;
        }
    }
    Ok(object.finish())
}

/// Evaluates the expression on the current value; names that it does not find there are members of the object.
pub(super) fn bind<'a>(
    run: &mut Run<'a, '_>,
    body: &'a Op,
    object: &Value<'a>,
    current: Value<'a>,
) -> Result<'a> {
    run.with_bindings(members(Some(object)), body, current)
}

struct Object<'a> {
    members: BumpVec<'a, (&'a str, Value<'a>)>,
}

impl<'a> Object<'a> {
    fn new(run: &mut Run<'a, '_>, most: usize) -> std::result::Result<Self, EvalError> {
        run.charge(most)?;
        Ok(Self {
            members: BumpVec::with_capacity_in(most, run.arena),
        })
    }

    fn set(
        &mut self,
        run: &mut Run<'a, '_>,
        name: &'a str,
        value: Value<'a>,
    ) -> std::result::Result<(), EvalError> {
        if member(run, &self.members, name)?.is_none() {
            self.members.push((name, value));
        } else if let Some((_, known)) = self.members.iter_mut().find(|(known, _)| *known == name) {
            *known = value;
        }
        Ok(())
    }

    fn finish(self) -> Value<'a> {
        Value::Object(self.members.into_bump_slice())
    }
}
