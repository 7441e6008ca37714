//! Alerts as HTTP shows them.

use wardline_rules::AlertEvent;

use super::{Delivery, Micros};

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
    /// On `resolved`, why, when known: `cleared`, `reattributed`, …
    pub reason: Option<String>,
    /// The limits that decided, in `unit`.
    pub limit_low: Option<f64>,
    /// The same.
    pub limit_high: Option<f64>,
    /// Whose they are: `rule`, `ward` or `patient`.
    pub limit_source: Option<String>,
    /// The condition is over; the alert waits for somebody to acknowledge it.
    pub latched: bool,
    /// Who silenced it, while it is silenced.
    pub silenced_by: Option<String>,
    /// How often the condition came back within this alert.
    pub repeats: u32,
    /// What became of its messages; only where the registry was asked, not on events as they happen.
    pub delivery: Option<Delivery>,
}

impl From<&AlertEvent> for Alert {
    fn from(event: &AlertEvent) -> Self {
        Self {
            alert_id: event.alert_id.clone(),
            rule_id: event.rule_id.clone(),
            rule_version: event.rule_version.clone(),
            subject: event.subject.to_string(),
            device_id: event.device_id.clone(),
            class: event.class.as_str().to_owned(),
            priority: event.priority.as_str().to_owned(),
            event: event.event.as_str().to_owned(),
            state: event.state.as_str().to_owned(),
            acknowledged_by: event.acknowledged_by.clone(),
            acknowledged_at: event.acknowledged_at,
            silenced_until: event.silenced_until,
            escalation_level: event.escalation_level,
            onset: event.onset,
            ended: event.ended,
            event_time: event.event_time,
            processed_time: event.processed_time,
            value: event.value,
            unit: event.unit.clone(),
            message: event.message.clone(),
            evidence: event.evidence.clone(),
            reason: event.reason.map(|reason| reason.as_str().to_owned()),
            limit_low: event.limit_low,
            limit_high: event.limit_high,
            limit_source: event.limit_source.map(|source| source.as_str().to_owned()),
            latched: event.latched,
            silenced_by: event.silenced_by.clone(),
            repeats: event.repeats,
            delivery: None,
        }
    }
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
    /// `physiological` or `technical`.
    pub class: Option<String>,
    /// Subject is `Patient/` and this id.
    pub patient: Option<String>,
    /// The rule.
    pub rule: Option<String>,
    /// Whether somebody has acknowledged it.
    pub acknowledged: Option<bool>,
    /// Onset at or after.
    pub since: Option<Micros>,
    /// Onset before.
    pub until: Option<Micros>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
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
