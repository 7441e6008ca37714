//! JSONPath in the dialect of Json.NET (specification 1.4), compiled once to a list of steps.
//!
//! Where it parts from RFC 9535, and what happens at its corners:
//!
//! * `$` may be missing: `a.b`. A name goes up to `. [ ( ] )` or a space, in a filter also up to `= < > ! | &`.
//! * `(0)` is `[0]`. Names in brackets and strings have single quotes, with the escapes of JSON and `\'`.
//! * `[0]`, `[*]`, slices and `[?()]` take items of arrays, `.*` takes members of objects, and neither takes the other.
//!   `..[0]` and `..[*]` do not descend: they are `[0]` and `[*]`.
//! * `..name`, `..['a','b']` descend; `..*` gives the node itself and all below it; `..[?()]` tests the node itself and
//!   all below it. Order is that of the document, a node before what it holds.
//! * An index beyond the end selects nothing. A negative index is refused at load (the original fails on every array that
//!   meets it); slices may be negative in all three parts. A step of zero is refused at load.
//! * A filter joins tests by `&&` and `||`, right-nested and without precedence, so a test decides as soon as it can:
//!   false before `&&`, true before `||`. Each test compares paths (`@…`, `$…` from the node that the whole path began
//!   at) or literals, or asks with a lone operand whether it exists (null and false do; so do literals).
//! * Of paths with several results, any pair that meets the test meets it; a path without a result meets none, `!=` not
//!   either. With an array or object on a side only `!=` (and `<>`) holds.
//! * `==` and `===` are alike (numbers by value, nothing else across types); `<` and its like order null before
//!   everything, strings by UTF-16 units, booleans as 0 and 1 among numbers; a string and a number have no order, where
//!   the original converts the string or fails. Numbers of which one has a fraction are equal within the
//!   original's tolerance, (|a| + |b| + 10) · 2^-52.
//! * `=~` takes `/pattern/flags` or the same in quotes, flags `i`, `m`, `s`, others without effect. Patterns are those of
//!   the `regex` crate, which runs in linear time; what it lacks (look-around, back-references) is refused at load.

mod compare;
mod evaluate;
mod explain;
mod parser;
mod plan;

#[cfg(test)]
mod tests;

use super::value::Value;
use super::{Budget, OutOfBudget};
use plan::Step;

/// What is wrong with the text of an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (character {})", offset + 1)]
pub struct SyntaxError {
    /// In characters of the expression, from 0.
    pub offset: usize,
    pub message: String,
}

/// A compiled path. `Display` gives its plan in words.
#[derive(Debug, Clone)]
pub struct Path {
    source: Box<str>,
    steps: Box<[Step]>,
}

/// What a path selects where one value is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Single<'a> {
    None,
    One(Value<'a>),
    /// Two or more: the search ends at the second.
    Many,
}

impl Path {
    /// Compiles `text`. Blank text selects the root.
    ///
    /// # Errors
    /// [`SyntaxError`] at the first character that does not fit.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self {
            source: text.into(),
            steps: parser::parse(text)?,
        })
    }

    /// Appends every node found, in document order.
    ///
    /// # Errors
    /// [`OutOfBudget`]; `out` then holds what was found so far.
    pub fn select<'a>(
        &self,
        root: Value<'a>,
        budget: &mut Budget,
        out: &mut Vec<Value<'a>>,
    ) -> Result<(), OutOfBudget> {
        evaluate::run(&self.steps, root, budget, |value| {
            out.push(value);
            true
        })
    }

    /// The node found, if it is one.
    ///
    /// # Errors
    /// [`OutOfBudget`].
    pub fn single<'a>(
        &self,
        root: Value<'a>,
        budget: &mut Budget,
    ) -> Result<Single<'a>, OutOfBudget> {
        let mut found = Single::None;
        evaluate::run(&self.steps, root, budget, |value| {
            let first = matches!(found, Single::None);
            found = if first {
                Single::One(value)
            } else {
                Single::Many
            };
            first
        })?;
        Ok(found)
    }

    /// The text as given.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }
}
