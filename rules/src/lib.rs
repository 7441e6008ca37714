//! Clinical rules and the life cycle of alerts: pure, time is an argument.

mod engine;
mod event;
mod input;
mod ruleset;

pub use engine::{Engine, Error, KEY_GROUPS, Stats, key_group};
pub use event::{AlertEvent, Class, EventKind, Priority, Reason, State, Subject};
pub use input::{Action, ActionKind, Assignment, Input, PatientAttributes, Reattributed};
pub use ruleset::{
    AppliesTo, Clear, ClearLimit, Condition, Escalation, Fault, Limit, Rule, RuleSet,
};

/// Longest silence a person can ask for at once, in µs: an hour. Longer needs a fresh look at the patient.
pub const MAX_SILENCE: wardline_normalize::time::Micros = 3_600_000_000;
