//! Mapping documents as typed templates, with every fault at its line and column.
//!
//! A document is read as Json.NET reads it: comments, single quotes and trailing commas are fine, names of members
//! have no case (specification 1.2). All faults are found in one pass; a template without errors is kept although
//! another has some. What the original would only find per event (a syntax error in JSONPath, an unknown
//! `periodInterval`) is a fault of the document here.

pub mod device;
pub mod fhir;

mod cross;
mod load_device;
mod load_fhir;
mod nearest;
mod reader;
#[cfg(test)]
mod tests;

pub use cross::cross_check;
pub use load_device::load_device;
pub use load_fhir::load_fhir;

/// The JSON Schema (draft 2020-12) of device mappings, for editors.
pub const DEVICE_SCHEMA: &str = include_str!("../../schemas/medtech-device-mapping.schema.json");
/// The JSON Schema (draft 2020-12) of FHIR mappings, for editors.
pub const FHIR_SCHEMA: &str = include_str!("../../schemas/medtech-fhir-mapping.schema.json");

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

impl Fault {
    /// The mapping is refused for it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `line 3, column 7: template[0].template.typeName: missing …`, as people read it.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(
            f,
            "line {}, column {}: {severity}: ",
            self.line, self.column
        )?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}
