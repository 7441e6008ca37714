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

/// Which of the two documents of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// `CollectionContent`.
    Device,
    /// `CollectionFhir`.
    Fhir,
}

/// A place in a document: line and column from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    pub line: usize,
    pub column: usize,
}

/// A finding in a mapping document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub severity: Severity,
    pub document: Document,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// Where in the document: `template[2].template.values[0].valueName`.
    pub path: String,
    pub message: String,
}
