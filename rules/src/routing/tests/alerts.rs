//! Alerts as an engine tells of them.

use crate::{AlertEvent, Class, EventKind, Priority, Reason, State, Subject};
use std::collections::BTreeMap;
use wardline_normalize::time::Micros;

/// Alerts as an engine would tell them.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    seq: u64,
    pub(super) ordinal: u32,
    known: BTreeMap<String, AlertEvent>,
}

impl Alerts {
    pub(super) fn next_input(&mut self) -> u64 {
        (self.seq, self.ordinal) = (self.seq + 1, 0);
        self.seq
    }

    pub(super) fn raise(
        &mut self,
        at: Micros,
        id: &str,
        patient: &str,
        priority: Priority,
    ) -> AlertEvent {
        let event = AlertEvent {
            seq: 0,
            ordinal: 0,
            alert_id: id.to_owned(),
            rule_id: "rule".to_owned(),
            rule_version: "1".to_owned(),
            subject: Subject::Patient(patient.to_owned()),
            device_id: None,
            class: Class::Physiological,
            priority,
            event: EventKind::Raised,
            state: State::Active,
            acknowledged_by: None,
            acknowledged_at: None,
            silenced_until: None,
            escalation_level: 0,
            onset: at,
            ended: None,
            event_time: at,
            processed_time: at,
            value: Some(0.1),
            unit: None,
            message: String::new(),
            evidence: Vec::new(),
            page: true,
            reason: None,
            escalate_to: None,
            repeats: 0,
            latched: false,
            silenced_by: None,
            limit_low: Some(90.0),
            limit_high: None,
            limit_source: None,
        };
        self.tell(at, event)
    }

    pub(super) fn get(&self, id: &str) -> Option<&AlertEvent> {
        self.known.get(id)
    }

    /// The next event of an alert.
    pub(super) fn next(
        &mut self,
        at: Micros,
        id: &str,
        event: EventKind,
        page: bool,
        change: impl FnOnce(&mut AlertEvent),
    ) -> AlertEvent {
        let mut next = self
            .known
            .get(id)
            .expect("an alert that was raised")
            .clone();
        next.escalate_to = None;
        (next.event, next.page) = (event, page);
        if event == EventKind::Resolved {
            (next.state, next.ended) = (State::Resolved, Some(at));
            next.reason.get_or_insert(Reason::Cleared);
        }
        change(&mut next);
        self.tell(at, next)
    }

    fn tell(&mut self, at: Micros, mut event: AlertEvent) -> AlertEvent {
        (event.seq, event.ordinal) = (self.seq, self.ordinal);
        (event.event_time, event.processed_time) = (at, at);
        self.ordinal += 1;
        self.known.insert(event.alert_id.clone(), event.clone());
        event
    }
}
