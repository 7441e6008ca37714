//! What people set for alerts: limits, silences.

use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

/// For whom a limit holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeEntry {
    /// Everybody on this ward without a limit of their own.
    Ward(String),
    /// This patient.
    Patient(String),
}

/// Body of [`crate::Entry::Limit`]. The same id again replaces what was said before: an end, a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitEntry {
    /// Opaque id.
    pub id: String,
    /// For whom.
    pub scope: ScopeEntry,
    /// Id of the rule.
    pub rule: String,
    /// The rule does not alarm here.
    pub off: bool,
    /// Alarm above this.
    pub above: Option<f64>,
    /// Alarm below this.
    pub below: Option<f64>,
    /// Goes with `below`: its alert is over above this.
    pub clear_above: Option<f64>,
    /// Goes with `above`: its alert is over below this.
    pub clear_below: Option<f64>,
    /// UCUM; the rule's unit when absent.
    pub unit: Option<String>,
    /// First effective time of readings it judges.
    pub from: Micros,
    /// First effective time of readings it does not judge.
    pub until: Option<Micros>,
    /// Name of the token or user.
    pub author: String,
    /// When somebody last found it still right.
    pub reviewed: Option<Micros>,
    /// Ended before its time; `until` says from when on.
    pub ended: bool,
    /// When this was said.
    pub at: Micros,
}

/// Body of [`crate::Entry::Silence`]; every matcher that is set must fit. The same id again replaces what was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceEntry {
    /// Opaque id.
    pub id: String,
    /// Opaque patient id.
    pub patient: Option<String>,
    /// Id of the rule.
    pub rule: Option<String>,
    /// Opaque device id.
    pub device: Option<String>,
    /// Opaque ward id.
    pub ward: Option<String>,
    /// `physiological` or `technical`.
    pub class: Option<String>,
    /// First instant of the log clock.
    pub from: Micros,
    /// First instant after it.
    pub until: Micros,
    /// Name of the token or user.
    pub author: String,
    /// Ended before its time.
    pub ended: bool,
    /// When this was said.
    pub at: Micros,
}
