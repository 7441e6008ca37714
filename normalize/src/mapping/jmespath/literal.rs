//! Values that an expression owns: literals, and what constant parts come to.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::ticks::Ticks;
use super::super::value::{Number, Value};
use super::super::{Budget, OutOfBudget};
use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value owned by the expression; numbers keep the text they were written in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Digits(Box<str>),
    Int(i64),
    Float(f64),
    String(Box<str>),
    Date(Ticks),
    Array(Box<[Literal]>),
    /// Names are unique.
    Object(Box<[(Box<str>, Literal)]>),
}

impl Literal {
    /// Strict JSON, or one bare word, which is a string: published mappings write them (specification 1.5, idioms).
    pub(super) fn parse(json: &str) -> Result<Self, serde_json::Error> {
        let json = json.trim_matches([' ', '\t', '\r', '\n']);
        match serde_json::from_str::<&RawValue>(json) {
            Ok(raw) => Self::from_raw(raw),
            Err(_) if is_word(json) => Ok(Self::String(json.into())),
            Err(error) => Err(error),
        }
    }

    /// The nesting is bounded: serde_json has checked the outermost text, to 128 levels.
    fn from_raw(raw: &RawValue) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::String(serde_json::from_str::<String>(text)?.into()),
            Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(text)?
                .into_iter()
                .map(Self::from_raw)
                .collect::<Result<Box<[_]>, _>>()
                .map(Self::Array)?,
            Some(b'{') => Self::Object(serde_json::from_str::<Members>(text)?.0.into()),
            Some(_) => Self::Digits(text.into()),
            None => return Err(serde_json::Error::custom("nothing between the back-ticks")),
        })
    }

    /// A copy, if `budget` has a step for every part of it: parts of a computed value may be shared, so that a copy is
    /// far larger than what it was made from.
    pub(super) fn of(value: Value<'_>, budget: &mut Budget) -> Result<Self, OutOfBudget> {
        budget.take(1)?;
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(Number::Text(digits)) => Self::Digits(digits.into()),
            Value::Number(Number::Int(value)) => Self::Int(value),
            Value::Number(Number::Float(value)) => Self::Float(value),
            Value::String(text) => {
                budget.take(text.len() as u64)?;
                Self::String(text.into())
            }
            Value::Date(ticks) => Self::Date(ticks),
            Value::Array(items) => {
                let items = items.iter().map(|item| Self::of(*item, budget));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Value::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| Ok((Box::from(*name), Self::of(*value, budget)?)));
                Self::Object(members.collect::<Result<_, _>>()?)
            }
        })
    }

    /// As a value; text is borrowed, arrays and objects are laid out in the arena.
    pub(super) fn to_value<'a>(&'a self, arena: &'a Bump) -> Value<'a> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Digits(digits) => Value::Number(Number::Text(digits)),
            Self::Int(value) => Value::Number(Number::Int(*value)),
            Self::Float(value) => Value::Number(Number::Float(*value)),
            Self::String(text) => Value::String(text),
            Self::Date(ticks) => Value::Date(*ticks),
            Self::Array(items) => {
                let items = items.iter().map(|item| item.to_value(arena));
                Value::Array(BumpVec::from_iter_in(items, arena).into_bump_slice())
            }
            Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| (&**name, value.to_value(arena)));
                Value::Object(BumpVec::from_iter_in(members, arena).into_bump_slice())
            }
        }
    }

    /// Whether a value of it needs the arena.
    pub(super) const fn is_composite(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }
}

/// Members in order; of equal names the last value, at the place of the first.
struct Members(Vec<(Box<str>, Literal)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(Box<str>, Literal)> = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    let value = Literal::from_raw(raw).map_err(A::Error::custom)?;
                    match members.iter_mut().find(|(known, _)| **known == *name) {
                        Some(known) => known.1 = value,
                        None => members.push((name.into(), value)),
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}
