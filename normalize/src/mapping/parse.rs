//! An event's text as a tree of values in an arena.

use super::Compat;

/// Deepest nesting of arrays and objects: what walks a tree may recurse.
pub const MAX_DEPTH: usize = 512;

/// The text is no JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// In bytes from the start.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What was expected.
    pub message: String,
}

/// How an event is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ParseOptions {
    /// Strict: strings that look like ISO 8601 become [`super::value::Value::Date`] (specification 1.1).
    pub compat: Compat,
}
