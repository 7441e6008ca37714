//! An event as a tree of borrowed values.
//!
//! Copying a value copies three words; nothing of the tree behind it. [`super::parse::parse`] builds trees no deeper
//! than [`super::parse::MAX_DEPTH`], so what walks one may recurse.

mod number;
mod text;

#[cfg(test)]
mod tests;

pub use number::Number;
pub use text::NotScalar;

use super::ticks::Ticks;
use std::collections::BTreeMap;

/// A JSON value. Arrays, objects and unescaped strings live in the text or in the event's arena; results of
/// expressions are values of the same kind.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    String(&'a str),
    /// A time that a function made (`fromUnixTimestamp`), or (strict) a string that the original types as a date.
    Date(Ticks),
    Array(&'a [Value<'a>]),
    /// Members in document order, each name once.
    Object(&'a [(&'a str, Value<'a>)]),
}

impl<'a> Value<'a> {
    /// The member of an object; `None` for a missing one and for what is no object.
    #[must_use]
    #[inline]
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(members) => members
                .iter()
                .find(|(member, _)| *member == name)
                .map(|(_, value)| *value),
            _ => None,
        }
    }

    /// What the value is, as a report names it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Date(_) => "date",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    #[must_use]
    pub const fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// JMESPath's truth: all but null, false and what is empty.
    #[must_use]
    pub const fn is_truthy(self) -> bool {
        match self {
            Self::Null | Self::Bool(false) => false,
            Self::String(text) => !text.is_empty(),
            Self::Array(items) => !items.is_empty(),
            Self::Object(members) => !members.is_empty(),
            Self::Bool(true) | Self::Number(_) | Self::Date(_) => true,
        }
    }
}

/// Deep and by meaning: numbers by what they count (`1`, `1.0`, `1e0`), objects in any order of members.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Number(a), Self::Number(b)) => a == b,
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => same_members(a, b),
            _ => false,
        }
    }
}

/// In time that grows no faster than sorting, however the members are ordered.
fn same_members(a: &[(&str, Value<'_>)], b: &[(&str, Value<'_>)]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.iter().zip(b).all(|((a, _), (b, _))| a == b) {
        return a.iter().zip(b).all(|((_, a), (_, b))| a == b);
    }
    let names: BTreeMap<&str, Value<'_>> = b.iter().copied().collect();
    a.iter()
        .all(|(name, value)| names.get(name).is_some_and(|found| found == value))
}
