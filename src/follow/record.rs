//! What follows from a record of the log, in the registry's form.

use wardline_normalize::time::Micros;
use wardline_rules::AlertEvent;
use wardline_rules::routing::{Notification, Outcome};
use wardline_store::registry::{
    AlertEventRecord, Consequences, NotWatchedRecord, NotificationRecord,
};

use super::judgement::Followed;

/// What follows from one record.
#[derive(Default)]
pub(super) struct Records {
    events: Vec<AlertEventRecord>,
    notifications: Vec<NotificationRecord>,
    not_watched: Vec<NotWatchedRecord>,
    unrouted: Vec<String>,
}

impl Records {
    /// `bed` names the bed in which a patient lies, `clock` is that of the log.
    pub(super) fn of(
        followed: &Followed,
        clock: Micros,
        bed: &dyn Fn(&str) -> Option<String>,
    ) -> Self {
        let mut records = Self {
            events: followed.events.iter().map(event).collect(),
            ..Self::default()
        };
        for outcome in &followed.outcomes {
            match outcome {
                Outcome::Notify(told) => records.notifications.push(notification(told, bed)),
                Outcome::NotWatched {
                    alert_id,
                    calendar,
                    until,
                } => records.not_watched.push(NotWatchedRecord {
                    alert_id: alert_id.clone(),
                    calendar: calendar.clone(),
                    until: *until,
                    at: clock,
                }),
                Outcome::Unrouted { alert_id } => records.unrouted.push(alert_id.clone()),
            }
        }
        records
    }

    pub(super) fn consequences(&self) -> Consequences<'_> {
        Consequences {
            events: &self.events,
            notifications: &self.notifications,
            not_watched: &self.not_watched,
            unrouted: &self.unrouted,
        }
    }
}

fn notification(told: &Notification, bed: &dyn Fn(&str) -> Option<String>) -> NotificationRecord {
    NotificationRecord {
        id: told.id.clone(),
        seq: told.seq,
        at: told.at,
        kind: told.kind.to_string(),
        channel: told.channel.clone(),
        recipient: told.recipient.clone(),
        address: told.address.clone(),
        group: told.group.clone(),
        priority: told.priority.to_string(),
        alerts: told
            .alerts
            .iter()
            .map(|alert| alert.alert_id.clone())
            .collect(),
        route: told.route.clone(),
        payload: crate::deliver::body(told, bed),
    }
}

fn event(event: &AlertEvent) -> AlertEventRecord {
    AlertEventRecord {
        seq: event.seq,
        ordinal: event.ordinal,
        alert_id: event.alert_id.clone(),
        rule_id: event.rule_id.clone(),
        rule_version: event.rule_version.clone(),
        subject: event.subject.to_string(),
        device_id: event.device_id.clone(),
        class: event.class.to_string(),
        priority: event.priority.to_string(),
        event: event.event.to_string(),
        state: event.state.to_string(),
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
        page: event.page,
        reason: event.reason.map(|reason| reason.to_string()),
        limit_low: event.limit_low,
        limit_high: event.limit_high,
        limit_source: event.limit_source.map(|source| source.to_string()),
        latched: event.latched,
        silenced_by: event.silenced_by.clone(),
        repeats: event.repeats,
    }
}
