//! JMESPath: the expression language of `CalculatedContent` templates (specification 1.5, 1.8).

use bumpalo::Bump;

use super::jsonpath::SyntaxError;
use super::value::Value;
use super::{Budget, Compat, OutOfBudget};

/// Where an evaluation builds its results, and by whose rules.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub arena: &'a Bump,
    pub compat: Compat,
}

/// Why an expression gives no value for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    #[error(transparent)]
    OutOfBudget(#[from] OutOfBudget),
    /// A function was given an argument of another type than it takes.
    #[error(transparent)]
    Argument(Box<ArgumentError>),
    /// A function has no result for these arguments: division by zero, a position outside a string.
    #[error("{function}: {reason}")]
    NoResult {
        function: &'static str,
        reason: &'static str,
    },
}

/// An argument of the wrong type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{function}: argument {argument} must be {expected}, not {actual}")]
pub struct ArgumentError {
    pub function: &'static str,
    /// From 1.
    pub argument: usize,
    pub expected: &'static str,
    pub actual: String,
}

/// The result of an expression, and whether it is a projection: then each element of the array is one token
/// (specification 1.5); else the value is one token even if it is an array, and `null` is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selected<'a> {
    pub value: Value<'a>,
    pub projection: bool,
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
}

impl Expression {
    /// Compiles `text`.
    ///
    /// # Errors
    /// [`SyntaxError`] for text that is no expression, for an unknown function and for a wrong number of arguments.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Err(SyntaxError {
            offset: 0,
            message: format!("JMESPath is being built: {text}"),
        })
    }

    /// The value that the expression gives for `root`; results borrow from the event, the arena or the expression.
    ///
    /// # Errors
    /// [`EvalError`] when a function gets arguments that it does not take, or the budget runs out.
    pub fn evaluate<'a>(
        &'a self,
        root: Value<'a>,
        scope: &Scope<'a>,
        budget: &mut Budget,
    ) -> Result<Value<'a>, EvalError> {
        self.select(root, scope, budget)
            .map(|selected| selected.value)
    }

    /// As [`Expression::evaluate`], and whether this result is a projection (for `a[*] || b` it depends on the event).
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn select<'a>(
        &'a self,
        root: Value<'a>,
        _scope: &Scope<'a>,
        budget: &mut Budget,
    ) -> Result<Selected<'a>, EvalError> {
        budget.take(1)?;
        Ok(Selected {
            value: root,
            projection: false,
        })
    }

    /// Whether the result is a projection: the root of the expression, for a pipe its right-most part.
    #[must_use]
    pub fn is_projection(&self) -> bool {
        false
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The compiled plan as an indented tree.
    #[must_use]
    pub fn explain(&self) -> String {
        self.source.clone()
    }
}
