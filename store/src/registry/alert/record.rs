//! Storing what an input led to: events, alerts, notifications, outbox and position in one transaction.

use rusqlite::{Connection, params};

use super::{AlertEventRecord, Registry, Result, StoredAlertEvent};
use crate::registry::{
    Destination, Micros, NotWatchedRecord, NotificationRecord, Touch, db, notification, outbox,
};

/// Stores an event; `None` when it is stored already.
fn insert_event(conn: &Connection, event: &AlertEventRecord) -> Result<Option<i64>> {
    let inserted = conn
        .prepare_cached(
            "INSERT INTO alert_event (seq, ordinal, alert_id, rule_id, rule_version, subject, device_id, class,
               priority, event, state, acknowledged_by, acknowledged_at, silenced_until, escalation_level, onset,
               ended, event_time, processed_time, value, unit, message, evidence, page, reason, limit_low,
               limit_high, limit_source, latched, silenced_by, repeats)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (seq, ordinal) DO NOTHING",
        )?
        .execute(params![
            db::position("alert event", "seq", event.seq)?,
            event.ordinal,
            event.alert_id,
            event.rule_id,
            event.rule_version,
            event.subject,
            event.device_id,
            event.class,
            event.priority,
            event.event,
            event.state,
            event.acknowledged_by,
            event.acknowledged_at,
            event.silenced_until,
            event.escalation_level,
            event.onset,
            event.ended,
            event.event_time,
            event.processed_time,
            event.value,
            event.unit,
            event.message,
            db::json(&event.evidence),
            event.page,
            event.reason,
            event.limit_low,
            event.limit_high,
            event.limit_source,
            event.latched,
            event.silenced_by,
            event.repeats
        ])?;
    Ok((inserted == 1).then(|| conn.last_insert_rowid()))
}

/// Brings the alert to the state of its event, unless a later one was applied.
fn apply(conn: &Connection, rowid: i64, event: &AlertEventRecord) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO alert (id, first_event, last_event, last_seq, last_ordinal, raised_at, patient, device, rule,
           class, priority, state, acknowledged, onset)
         VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (id) DO UPDATE SET last_event = excluded.last_event, last_seq = excluded.last_seq,
           last_ordinal = excluded.last_ordinal, patient = excluded.patient, device = excluded.device,
           class = excluded.class, priority = excluded.priority, state = excluded.state,
           acknowledged = excluded.acknowledged, onset = excluded.onset
         WHERE (excluded.last_seq, excluded.last_ordinal) > (alert.last_seq, alert.last_ordinal)",
    )?
    .execute(params![
        event.alert_id,
        rowid,
        db::position("alert event", "seq", event.seq)?,
        event.ordinal,
        event.processed_time,
        event.patient(),
        event.device_id,
        event.rule_id,
        event.class,
        event.priority,
        event.state,
        event.acknowledged_by.is_some() || event.acknowledged_at.is_some(),
        event.onset
    ])?;
    Ok(())
}

/// What one input of the log led to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consequences<'a> {
    /// Alert events, in order.
    pub events: &'a [AlertEventRecord],
    /// What people and systems are to be told of them, in order.
    pub notifications: &'a [NotificationRecord],
    /// Alerts that nobody watches at present.
    pub not_watched: &'a [NotWatchedRecord],
    /// Ids of alerts that should have paged, and that no route took.
    pub unrouted: &'a [String],
}

impl Consequences<'_> {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.notifications.is_empty()
            && self.not_watched.is_empty()
            && self.unrouted.is_empty()
    }
}

impl Registry {
    /// Stores events, the alerts they change, notifications and the outbox entries of both, in one
    /// transaction, and returns the events that are new with their row numbers. An event (same seq
    /// and ordinal) or notification (same id) that is stored already changes nothing and sends
    /// nothing again. `position` is the log position they reach; without any nothing is written.
    ///
    /// # Errors
    /// The database failed; then nothing of the batch is stored.
    pub fn record_alerts(
        &self,
        position: u64,
        consequences: &Consequences<'_>,
        destinations: &[Destination],
        clock: Micros,
    ) -> Result<Vec<StoredAlertEvent>> {
        if consequences.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Touch::NOTHING, |conn| {
            let mut new = Vec::new();
            for event in consequences.events {
                let Some(rowid) = insert_event(conn, event)? else {
                    continue;
                };
                apply(conn, rowid, event)?;
                outbox::enqueue(conn, rowid, event, destinations, clock)?;
                new.push(StoredAlertEvent {
                    rowid,
                    event: event.clone(),
                });
            }
            for notification in consequences.notifications {
                if notification::insert(conn, notification)? {
                    outbox::enqueue_notification(conn, notification, clock)?;
                }
            }
            let position = db::position("alerts", "position", position)?;
            for fact in consequences.not_watched {
                notification::insert_not_watched(conn, position, fact)?;
            }
            for alert in consequences.unrouted {
                notification::insert_unrouted(conn, position, alert)?;
            }
            conn.prepare_cached(
                "INSERT INTO position (name, value) VALUES ('alerts', ?)
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            )?
            .execute([position])?;
            Ok(new)
        })
    }
}
