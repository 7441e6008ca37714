//! The compiled device mapping: event in, measurements out, all or nothing.
//!
//! A mapping is compiled once. An event is parsed once, before; templates share its tree. Nothing of it is cloned:
//! `matchedToken` is a member of a new root whose other members are the event's own, and even that root is made only
//! for expressions that are more than a path of names. Expressions that cannot see `matchedToken` are evaluated once
//! per event, whichever templates use them.

mod evaluate;
mod explain;
mod plan;
#[cfg(test)]
mod tests;
mod trace;

use sha2::{Digest, Sha256};

use super::document::{Fault, load_device};
pub use trace::{MatchTrace, Step, TemplateTrace};

/// A device mapping, ready to run.
#[derive(Debug, Clone)]
pub struct DeviceMapping {
    templates: Vec<plan::Template>,
    /// How many results of expressions are kept for the length of an event.
    slots: usize,
    warnings: Vec<Fault>,
    version: String,
}

impl DeviceMapping {
    /// Compiles a document.
    ///
    /// # Errors
    /// All findings, warnings too, if one of them is an error.
    pub fn compile(text: &str) -> Result<Self, Vec<Fault>> {
        let (document, faults) = load_device(text);
        if faults.iter().any(Fault::is_error) {
            return Err(faults);
        }
        let (templates, slots) = plan::compile(&document);
        let digest = Sha256::digest(text.as_bytes());
        Ok(Self {
            templates,
            slots,
            warnings: faults,
            version: digest
                .iter()
                .take(6)
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        })
    }

    /// The first 12 hex digits of the SHA-256 of the document's text.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What its author should know.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }
}

/// Why an event gives no measurements although a template matched it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventReason {
    /// The event is an array or a scalar; an envelope is an object (specification 1.1).
    NotAnObject,
    /// A required value is absent, null or blank.
    MissingValue,
    /// The device's name is absent, null or blank.
    MissingDevice,
    /// The time is absent, or no time.
    BadTime,
    /// The template asks for a correlation id and the event has none.
    MissingCorrelation,
    /// An expression selects more than one token.
    Ambiguous,
    /// A required string is an object or an array.
    NotAScalar,
    /// An expression failed: a type error, a division by zero.
    ExpressionError,
    /// The event needs more steps than one event is allowed.
    TooManySteps,
}

impl EventReason {
    /// Stable, for quarantine and error files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotAnObject => "not-an-object",
            Self::MissingValue => "missing-value",
            Self::MissingDevice => "missing-device",
            Self::BadTime => "bad-time",
            Self::MissingCorrelation => "missing-correlation",
            Self::Ambiguous => "ambiguous",
            Self::NotAScalar => "not-a-scalar",
            Self::ExpressionError => "expression-error",
            Self::TooManySteps => "too-many-steps",
        }
    }
}

/// What is wrong with an event, and which expression found it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", self.place())]
pub struct EventError {
    pub reason: EventReason,
    /// Place in the document's array, from 0.
    pub template: usize,
    pub type_name: String,
    /// Role and text: ``valueExpression hr `$.hr` ``.
    pub expression: String,
    pub detail: String,
}

impl EventError {
    /// `template[0] (heartrate), valueExpression hr `$.hr``, or the event itself.
    #[must_use]
    pub fn place(&self) -> String {
        if self.reason == EventReason::NotAnObject {
            return "event".to_owned();
        }
        format!(
            "template[{}] ({}), {}",
            self.template, self.type_name, self.expression
        )
    }
}
