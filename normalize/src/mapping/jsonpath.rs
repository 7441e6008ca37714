//! JSONPath in the dialect of Json.NET (specification 1.4).

/// What is wrong with the text of an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (character {})", offset + 1)]
pub struct SyntaxError {
    /// In characters of the expression, from 0.
    pub offset: usize,
    pub message: String,
}
