//! Mapping documents as typed templates, with every fault at its line and column.

pub mod device;
pub mod fhir;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The mapping is refused.
    Error,
    /// The mapping runs; its author should know.
    Warning,
}

/// A finding in a mapping document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub severity: Severity,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where in the document: `template[2].template.values[0].valueName`.
    pub path: String,
    pub message: String,
}
