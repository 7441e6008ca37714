//! Alerts: every event as it happened, and the present state of each alert.

use super::{Destination, Listed, Micros, Page, Registry, Result};

/// An alert event of the rule engine, with its words as text.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertEventRecord {
    /// Log position of the input that caused it.
    pub seq: u64,
    /// Number of this event within `seq`; (seq, ordinal) is the same on every replay.
    pub ordinal: u32,
    /// Id of the episode.
    pub alert_id: String,
    /// Rule.
    pub rule_id: String,
    /// Version of the rule set.
    pub rule_version: String,
    /// `Patient/…`, `Device/…` or `Gateway/…`.
    pub subject: String,
    /// Device the deciding reading came from.
    pub device_id: Option<String>,
    /// `physiological` or `technical`.
    pub class: String,
    /// `high`, `medium`, `low` or `info`.
    pub priority: String,
    /// `raised`, `worsened`, `acknowledged`, `silenced`, `escalated`, `corrected`, `recovering`
    /// or `resolved`.
    pub event: String,
    /// `active`, `recovering` or `resolved`.
    pub state: String,
    /// Who acknowledged the alert.
    pub acknowledged_by: Option<String>,
    /// When.
    pub acknowledged_at: Option<Micros>,
    /// Until when it is silenced.
    pub silenced_until: Option<Micros>,
    /// Steps of escalation taken.
    pub escalation_level: u32,
    /// When the condition began.
    pub onset: Micros,
    /// When it ended.
    pub ended: Option<Micros>,
    /// Effective time of the deciding reading, or the log's clock.
    pub event_time: Micros,
    /// Log clock when the event was made.
    pub processed_time: Micros,
    /// Deciding value.
    pub value: Option<f64>,
    /// UCUM unit of it.
    pub unit: Option<String>,
    /// For people.
    pub message: String,
    /// At most ten observation ids.
    pub evidence: Vec<String>,
    /// False when it came too late to page anybody.
    pub page: bool,
}

/// A stored event and its row number.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlertEvent {
    /// Row number: grows in the order events became visible; the resume point of a stream.
    pub rowid: i64,
    /// The event.
    pub event: AlertEventRecord,
}

/// The present state of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Row number of its first event: the order of the list.
    pub first_rowid: i64,
    /// Row number of its latest event.
    pub last_rowid: i64,
    /// Log clock when it was first raised.
    pub raised_at: Micros,
    /// Opaque patient id when the subject is a patient.
    pub patient_id: Option<String>,
    /// Its latest event, which holds all present facts.
    pub latest: AlertEventRecord,
}

/// Which alerts to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AlertFilter {
    /// In one of these states; empty is any.
    pub states: Vec<String>,
    /// Of this patient.
    pub patient: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Of one of these priorities; empty is any.
    pub priorities: Vec<String>,
    /// Of this class.
    pub class: Option<String>,
    /// Acknowledged, or not.
    pub acknowledged: Option<bool>,
    /// With an onset at or after.
    pub from: Option<Micros>,
    /// With an onset before.
    pub until: Option<Micros>,
}

impl Registry {
    /// Stores events, the alerts they change and the outbox entries they cause, in one
    /// transaction, and returns the events that are new with their row numbers. An event that is
    /// stored already (same seq and ordinal) changes nothing and sends nothing. `position` is the
    /// log position the events reach; without events nothing is written.
    pub fn record_alerts(
        &self,
        position: u64,
        events: &[AlertEventRecord],
        destinations: &[Destination],
        clock: Micros,
    ) -> Result<Vec<StoredAlertEvent>> {
        unimplemented!("{position} {events:?} {destinations:?} {clock}")
    }

    /// Highest log position with a recorded alert event; 0 without any.
    pub fn alerts_position(&self) -> Result<u64> {
        unimplemented!()
    }

    /// Events after a row number, in order, at most `limit` (and [`super::MAX_PAGE`]).
    pub fn events_after(&self, rowid: i64, limit: u32) -> Result<Vec<StoredAlertEvent>> {
        unimplemented!("{rowid} {limit}")
    }

    /// Alerts, the latest raised first.
    pub fn alerts(&self, filter: &AlertFilter, page: &Page) -> Result<Listed<Alert>> {
        unimplemented!("{filter:?} {page:?}")
    }

    /// One alert.
    pub fn alert(&self, id: &str) -> Result<Option<Alert>> {
        unimplemented!("{id}")
    }

    /// The events of one alert, oldest first.
    pub fn alert_events(&self, id: &str, page: &Page) -> Result<Listed<StoredAlertEvent>> {
        unimplemented!("{id} {page:?}")
    }
}
