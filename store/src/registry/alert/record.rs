//! Storing a batch of events: events, alerts, outbox and position in one transaction.

use rusqlite::{Connection, params};

use super::{AlertEventRecord, Registry, Result, StoredAlertEvent};
use crate::registry::{Destination, Micros, Touch, db, outbox};

/// Stores an event; `None` when it is stored already.
fn insert_event(conn: &Connection, event: &AlertEventRecord) -> Result<Option<i64>> {
    let inserted = conn
        .prepare_cached(
            "INSERT INTO alert_event (seq, ordinal, alert_id, rule_id, rule_version, subject, device_id, class,
               priority, event, state, acknowledged_by, acknowledged_at, silenced_until, escalation_level, onset,
               ended, event_time, processed_time, value, unit, message, evidence, page, reason)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
            event.reason
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

impl Registry {
    /// Stores events, the alerts they change and the outbox entries they cause, in one
    /// transaction, and returns the events that are new with their row numbers. An event that is
    /// stored already (same seq and ordinal) changes nothing and sends nothing again. `position`
    /// is the log position the events reach; without events nothing is written.
    ///
    /// # Errors
    /// The database failed; then nothing of the batch is stored.
    pub fn record_alerts(
        &self,
        position: u64,
        events: &[AlertEventRecord],
        destinations: &[Destination],
        clock: Micros,
    ) -> Result<Vec<StoredAlertEvent>> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Touch::NOTHING, |conn| {
            let mut new = Vec::new();
            for event in events {
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
            conn.prepare_cached(
                "INSERT INTO position (name, value) VALUES ('alerts', ?)
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            )?
            .execute([db::position("alerts", "position", position)?])?;
            Ok(new)
        })
    }
}
