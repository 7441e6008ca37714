//! Conditions that hold, not yet for as long as their rule asks.

use super::Engine;
use crate::{Priority, Subject};
use wardline_normalize::time::Micros;

/// A condition that will raise an alert if it goes on.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    pub rule_id: String,
    pub title: String,
    pub subject: Subject,
    pub priority: Priority,
    /// Effective time of the first reading beyond the limit.
    pub since: Micros,
    /// The last reading, in `unit`.
    pub value: f64,
    /// UCUM unit of the rule.
    pub unit: String,
    /// The first reading beyond the limit from here on raises it: `since` and the rule's `for`.
    pub due: Micros,
}

impl Engine {
    /// What is on its way to an alert and is still heard of, in order of subject and rule; no more than there are open
    /// runs of rules with `for`.
    #[must_use]
    pub fn pending(&self) -> Vec<Pending> {
        Vec::new()
    }
}
