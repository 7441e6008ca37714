//! The compiled device mapping: event in, measurements out, all or nothing.

/// Why an event gives no measurements although a template matched it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventReason {
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
#[error("template[{template}] ({type_name}), {expression}: {detail}")]
pub struct EventError {
    pub reason: EventReason,
    /// Place in the document's array, from 0.
    pub template: usize,
    pub type_name: String,
    /// Role and text: ``valueExpression hr `$.hr` ``.
    pub expression: String,
    pub detail: String,
}
