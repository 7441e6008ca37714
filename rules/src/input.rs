//! What the engine is told. Every input is a record of the log, so that a replay and the live run agree.

use crate::RuleSet;
use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// One input. The log clock is the highest `received` or `at` so far; an earlier one does not turn it back.
#[derive(Debug, Clone)]
pub enum Input<'a> {
    /// A micro-batch with the columns of `wardline_normalize::columns::schema`; others are ignored.
    Readings(&'a RecordBatch),
    /// Time passed.
    Tick { at: Micros },
    /// An assignment began, was changed, or ended.
    Assignment(Assignment),
    /// What is known of a patient; replaces what was known.
    Patient(PatientAttributes),
    /// These rules are in force from now on. A rule with unchanged content keeps its state.
    RuleSet { at: Micros, rules: Arc<RuleSet> },
    /// What a person did with an alert.
    Action(Action),
    /// Readings were found to belong to somebody else.
    Reattributed(Reattributed),
}

impl Input<'_> {
    /// The input's own log time; readings carry one per row.
    #[must_use]
    pub fn at(&self) -> Option<Micros> {
        match self {
            Self::Readings(_) => None,
            Self::Tick { at } | Self::RuleSet { at, .. } => Some(*at),
            Self::Assignment(assignment) => Some(assignment.at),
            Self::Patient(attributes) => Some(attributes.at),
            Self::Action(action) => Some(action.at),
            Self::Reattributed(moved) => Some(moved.at),
        }
    }
}

/// A device is with a patient from `from` until `until`. The same device, user, patient and `from` is the same
/// assignment: a later input replaces its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub device: String,
    /// Which user of a shared device.
    pub device_user: Option<String>,
    pub patient: String,
    pub from: Micros,
    /// `None`: still going on.
    pub until: Option<Micros>,
    /// Log time.
    pub at: Micros,
}

/// What rules may ask about a patient. What is `None` is not known, and excludes nobody from a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientAttributes {
    pub id: String,
    /// FHIR date: `1950-03-01`, `1950-03` or `1950`.
    pub birth_date: Option<String>,
    /// `Some(vec![])`: known to have none.
    pub tags: Option<Vec<String>>,
    /// Log time.
    pub at: Micros,
}

/// A person's act on an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub alert_id: String,
    pub kind: ActionKind,
    /// Who.
    pub by: String,
    /// Log time.
    pub at: Micros,
    /// Kept with the action's own record; never in an event's message.
    pub note: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionKind {
    Acknowledge,
    /// Until then, or [`crate::MAX_SILENCE`] from now if that is earlier. A time that has passed ends a silence.
    Silence {
        until: Micros,
    },
}

/// Readings of `device` with `from <= effective < until` do not belong to `former`. Open alerts of `former` that
/// rest on them resolve with reason `reattributed`.
///
/// Corrections in [`Input::Readings`] (version above 1, another patient) do the same for the alerts whose evidence
/// they take away; this input is for the whole interval, when an assignment is corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reattributed {
    pub device: String,
    pub former: String,
    pub from: Micros,
    pub until: Option<Micros>,
    /// Log time.
    pub at: Micros,
}
