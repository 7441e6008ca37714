//! Alerts as HTTP shows them.

use super::{Micros, Position};

/// An alert event of design 5.6: the state of one episode after its latest event. Enumerations are held
/// by name, as the registry stores them.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Names the episode.
    pub alert_id: String,
    /// Which rule, or `monitor:{MDC event}`.
    pub rule_id: String,
    /// Hash of the rule set in force.
    pub rule_version: String,
    /// `Patient/…`, `Device/…` or `Gateway/…`.
    pub subject: String,
    /// The device behind it.
    pub device_id: Option<String>,
    /// `physiological` or `technical`.
    pub class: String,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// The latest event: `raised`, `worsened`, `acknowledged`, …
    pub event: String,
    /// `active`, `recovering` or `resolved`.
    pub state: String,
    /// Who acknowledged it.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Micros>,
    /// Until when it is silenced.
    pub silenced_until: Option<Micros>,
    /// How often it has been escalated.
    pub escalation_level: u32,
    /// When the condition began.
    pub onset: Micros,
    /// When it ended.
    pub ended: Option<Micros>,
    /// Event time of the latest event.
    pub event_time: Micros,
    /// Log time at which it was processed.
    pub processed_time: Micros,
    /// The value that caused the event.
    pub value: Option<f64>,
    /// Its UCUM unit.
    pub unit: Option<String>,
    /// One sentence for people.
    pub message: String,
    /// Ids of at most 10 observations.
    pub evidence: Vec<String>,
}

impl Alert {
    /// The patient, when the subject is one.
    pub fn patient(&self) -> Option<&str> {
        self.subject.strip_prefix("Patient/")
    }
}

/// Which alerts; empty lists and `None` set no condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertSearch {
    /// `active`, `recovering`, `resolved`.
    pub states: Vec<String>,
    /// `high`, `medium`, `low`, `info`.
    pub priorities: Vec<String>,
    /// `physiological`, `technical`.
    pub classes: Vec<String>,
    /// Subject is `Patient/` and one of these ids.
    pub patients: Vec<String>,
    /// The device behind it.
    pub device: Option<String>,
    /// The rule.
    pub rule: Option<String>,
    /// Whether somebody has acknowledged it.
    pub acknowledged: Option<bool>,
    /// Onset at or after.
    pub since: Option<Micros>,
    /// Only what comes after this position; `time` is the onset.
    pub after: Option<Position>,
    /// At most this many.
    pub limit: usize,
}

/// A page of alerts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AlertPage {
    /// Newest onset first, ties by id ascending.
    pub alerts: Vec<Alert>,
    /// The last one's position when there are more.
    pub next: Option<Position>,
}

/// What a person does to an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertAction {
    /// Which.
    pub alert_id: String,
    /// What.
    pub kind: AlertActionKind,
    /// The token's name.
    pub by: String,
    /// When, by the server's clock.
    pub at: Micros,
    /// A person's words.
    pub note: Option<String>,
}

/// The kinds of action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertActionKind {
    /// Somebody has seen it.
    Acknowledge,
    /// Send no more messages until then.
    Silence {
        /// End of the silence; capped by the HTTP layer.
        until: Micros,
    },
}
