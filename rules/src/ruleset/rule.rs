//! A checked rule.

use crate::{Class, Priority};
use wardline_normalize::time::Micros;

/// One rule: what to look for, on whom, and what an alert of it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: String,
    /// For people; the id if the file has none.
    pub title: String,
    pub class: Class,
    pub priority: Priority,
    /// Keys of the metrics (MDC id, else own code), the preferred first. Empty only for absence of any reading.
    pub metrics: Vec<String>,
    /// The metric's name for people.
    pub metric_name: String,
    pub condition: Condition,
    /// A reading older than this, by the log clock, pages nobody.
    pub page_within: Micros,
    /// Ids of rules; while one is active for the subject, or for the device that sent the reading, this one does
    /// not raise.
    pub inhibited_by: Vec<String>,
    /// In order of `after`.
    pub escalate: Vec<Escalation>,
    pub applies_to: AppliesTo,
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Values beyond a limit, event time.
    Threshold {
        limit: Limit,
        /// UCUM; readings are converted to it.
        unit: String,
        /// How long the condition must hold, from the first reading to the deciding one.
        hold: Micros,
        /// A longer hole between readings breaks `hold`, of the condition and of the clear condition.
        max_gap: Micros,
        clear: Clear,
    },
    /// No reading from an assigned device, log clock.
    Absence { expect_every: Micros, grace: Micros },
}

/// Where the condition holds. Limits themselves are not beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    Above(f64),
    Below(f64),
    Outside(f64, f64),
}

/// When the condition is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clear {
    pub within: ClearLimit,
    /// How long that must hold.
    pub hold: Micros,
}

/// Where the clear condition holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClearLimit {
    /// Wherever the condition does not.
    Limit,
    Below(f64),
    Above(f64),
    /// Both ends included.
    Inside(f64, f64),
}

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Since the alert was first paged, log clock.
    pub after: Micros,
    pub to: String,
}

/// On whom. What is not known of a patient excludes nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppliesTo {
    /// Years are 365.25 days.
    pub min_age: Option<Micros>,
    pub max_age: Option<Micros>,
    /// At least one of them; empty: everybody.
    pub tags: Vec<String>,
}
