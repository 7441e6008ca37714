//! JMESPath: the expression language of `CalculatedContent` templates (specification 1.5, 1.8).
//!
//! ```text
//! text ──lexer──> tokens ──parser──> tree ──plan──> steps ──eval──> value
//!                             └ functions: names, arguments, arity     └ every step, element and text counted
//! ```
//!
//! The grammar and its precedence are those of the JMESPath specification, projections included; `!` binds looser than
//! a path and tighter than a comparison, as in JmesPath.Net. A path on null is null even where a function ends it
//! (`a.length(@)` without `a`), as there. Expressions nest [`MAX_DEPTH`] levels at most, so that steps may recurse.

mod ast;
mod compare;
mod eval;
mod explain;
mod functions;
mod kind;
mod lexer;
mod literal;
mod number;
mod parser;
mod plan;

#[cfg(test)]
mod tests;

use bumpalo::Bump;

use super::jsonpath::SyntaxError;
use super::value::Value;
use super::{Budget, Compat, OutOfBudget};
use eval::Run;
use plan::Plan;

/// Levels that an expression may nest, far beyond any that a person writes: a level takes up to 7 KB of stack in a
/// build without optimisation, and threads have 2 MB. A link of a path or a pipe is a level; what `||`, `&&`, lists and
/// arguments hold side by side is not.
pub const MAX_DEPTH: usize = 128;

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
    #[error(transparent)]
    NoResult(Box<NoResult>),
}

/// Arguments of the right type that a function has no result for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{function}: {reason}")]
pub struct NoResult {
    pub function: &'static str,
    pub reason: &'static str,
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
    source: Box<str>,
    plan: Plan,
    projection: bool,
}

impl Expression {
    /// Compiles `text`.
    ///
    /// # Errors
    /// [`SyntaxError`] for text that is no expression, for an unknown function, a wrong number of arguments, and an
    /// expression reference out of place.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let node = parser::parse(text)?;
        let projection = node.is_projection();
        Ok(Self {
            source: text.into(),
            plan: Plan::of(node),
            projection,
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
        Run::new(scope, budget, self.plan.slots).eval(&self.plan.op, root)
    }

    /// As [`Expression::evaluate`], and whether this result is a projection (for `a[*] || b` it depends on the event).
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn select<'a>(
        &'a self,
        root: Value<'a>,
        scope: &Scope<'a>,
        budget: &mut Budget,
    ) -> Result<Selected<'a>, EvalError> {
        Run::new(scope, budget, self.plan.slots).select(&self.plan.op, root)
    }

    /// Whether the result is a projection: the outermost part of the expression, for a pipe or a sub-expression its
    /// right-most one, for `||` and `&&` both sides.
    #[must_use]
    pub const fn is_projection(&self) -> bool {
        self.projection
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The compiled plan as an indented tree.
    #[must_use]
    pub fn explain(&self) -> String {
        explain::explain(&self.plan.op)
    }
}
