//! Notifications: who was to be told what of which alerts, and what became of it.
//!
//! "Raised" is an alert event, "to be told" a notification, "told" its delivery: three facts, each
//! stored. A notification's payload waits in the outbox; its row here stays and follows the entry
//! (state, attempts, last error, time of delivery), also after the entry was pruned.

use std::collections::HashMap;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{self, Where};
use super::{Listed, Micros, OutboxState, Page, Registry, Result};

/// A notification to be stored and sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRecord {
    /// The same on every replay; the receiver's idempotency key.
    pub id: String,
    /// Log position of the input that caused it.
    pub seq: u64,
    /// Log clock when it was made.
    pub at: Micros,
    /// `page`, `worsened`, `escalation`, `repeat`, `resolved` or `opening`.
    pub kind: String,
    /// Name of the receiver that carries it.
    pub channel: String,
    /// Id of the person it is for.
    pub recipient: Option<String>,
    /// Where that person is reached (e-mail).
    pub address: Option<String>,
    /// Notifications of one group go to one recipient in order.
    pub group: String,
    /// `high`, `medium`, `low` or `info`: the highest of its alerts.
    pub priority: String,
    /// Ids of the alerts it tells of.
    pub alerts: Vec<String>,
    /// The route that chose the recipient.
    pub route: String,
    /// The body to send, made once.
    pub payload: Vec<u8>,
}

/// Nobody watches an alert at present; who does is told when the calendar opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotWatchedRecord {
    /// Id of the alert.
    pub alert_id: String,
    /// Which calendar is closed.
    pub calendar: String,
    /// When it opens, as far as it says.
    pub until: Option<Micros>,
    /// Log clock.
    pub at: Micros,
}

/// A notification as stored, with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNotification {
    /// Its id.
    pub id: String,
    /// Log position of the input that caused it.
    pub seq: u64,
    /// Log clock when it was made.
    pub at: Micros,
    /// `page`, `worsened`, `escalation`, `repeat`, `resolved` or `opening`.
    pub kind: String,
    /// Name of the receiver that carries it.
    pub channel: String,
    /// Id of the person it is for.
    pub recipient: Option<String>,
    /// Where that person is reached.
    pub address: Option<String>,
    /// Notifications of one group go to one recipient in order.
    pub group: String,
    /// The highest priority of its alerts.
    pub priority: String,
    /// Ids of the alerts it tells of.
    pub alerts: Vec<String>,
    /// The route that chose the recipient.
    pub route: String,
    /// Where its delivery stands.
    pub state: OutboxState,
    /// Attempts made.
    pub attempts: u32,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
    /// When the receiver took it.
    pub delivered_at: Option<Micros>,
}

/// Which notifications to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotificationFilter {
    /// One of these; empty is any.
    pub ids: Vec<String>,
    /// That tell of this alert.
    pub alert: Option<String>,
    /// That tell of an alert about one of these patients; empty is any.
    pub patients: Vec<String>,
    /// Whose delivery stands there.
    pub state: Option<OutboxState>,
    /// By this receiver.
    pub channel: Option<String>,
    /// For this person.
    pub recipient: Option<String>,
}

/// What became of telling about one alert: events to destinations and notifications together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Still to be delivered.
    pub pending: u32,
    /// Delivered.
    pub delivered: u32,
    /// Given up.
    pub dead: u32,
    /// Of those delivered, messages that called people by the routing: neither events for machines nor the end.
    pub told: u32,
    /// What the last failed attempt of an undelivered one said.
    pub last_error: Option<String>,
    /// Nobody watches: the calendar that is closed, and when it opens. Gone once the opening or anything later was told
    /// to somebody, and with the alert's end or acknowledgement.
    pub not_watched_until: Option<(String, Option<Micros>)>,
    /// Its latest page was taken by no route, but perhaps by the fallback.
    pub unrouted: bool,
}

/// Stores a notification; false when it is stored already.
pub(super) fn insert(conn: &Connection, new: &NotificationRecord) -> Result<bool> {
    let inserted = conn
        .prepare_cached(
            "INSERT INTO notification (id, seq, at, kind, channel, recipient, address, grouped, priority, route)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            new.id,
            db::position("notification", "seq", new.seq)?,
            new.at,
            new.kind,
            new.channel,
            new.recipient,
            new.address,
            new.group,
            new.priority,
            new.route
        ])?;
    if inserted == 0 {
        return Ok(false);
    }
    let mut tells = conn.prepare_cached(
        "INSERT INTO notification_alert (alert_id, notification, ordinal) VALUES (?, ?, ?)
         ON CONFLICT DO NOTHING",
    )?;
    for (ordinal, alert) in (0_i64..).zip(&new.alerts) {
        tells.execute(params![alert, new.id, ordinal])?;
    }
    Ok(true)
}

pub(super) fn insert_not_watched(
    conn: &Connection,
    position: i64,
    fact: &NotWatchedRecord,
) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO not_watched (alert_id, seq, calendar, at, until_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )?
    .execute(params![
        fact.alert_id,
        position,
        fact.calendar,
        fact.at,
        fact.until
    ])?;
    Ok(())
}

pub(super) fn insert_unrouted(conn: &Connection, position: i64, alert: &str) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO unrouted (alert_id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )?
    .execute(params![alert, position])?;
    Ok(())
}

const SELECT: &str =
    "SELECT n.id, n.seq, n.at, n.kind, n.channel, n.recipient, n.address, n.grouped, n.priority,
    (SELECT json_group_array(a.alert_id ORDER BY a.ordinal) FROM notification_alert AS a WHERE a.notification = n.id),
    n.route, n.state, n.attempts, n.last_error, n.delivered_at FROM notification AS n";

fn read_row(row: &Row<'_>) -> rusqlite::Result<StoredNotification> {
    Ok(StoredNotification {
        id: row.get(0)?,
        seq: db::unsigned(row, 1)?,
        at: row.get(2)?,
        kind: row.get(3)?,
        channel: row.get(4)?,
        recipient: row.get(5)?,
        address: row.get(6)?,
        group: row.get(7)?,
        priority: row.get(8)?,
        alerts: db::texts(row, 9)?,
        route: row.get(10)?,
        state: db::word(row, 11, OutboxState::parse)?,
        attempts: row.get(12)?,
        last_error: row.get(13)?,
        delivered_at: row.get(14)?,
    })
}

/// One alert's deliveries. Every look-up is by the alert's id.
fn summary(conn: &Connection, alert: &str) -> Result<Delivery> {
    let mut found = Delivery::default();
    let mut count = conn.prepare_cached(
        "SELECT state, count(*) FROM outbox WHERE alert_id = ?1 GROUP BY state
         UNION ALL SELECT 'delivered', sum(entries) FROM delivered WHERE alert_id = ?1 HAVING count(*) > 0
         UNION ALL SELECT n.state, count(*) FROM notification_alert AS a
           JOIN notification AS n ON n.id = a.notification WHERE a.alert_id = ?1 GROUP BY n.state",
    )?;
    let rows = count.query_map([alert], |row| {
        Ok((db::word(row, 0, OutboxState::parse)?, row.get::<_, u32>(1)?))
    })?;
    for row in rows {
        let (state, number) = row?;
        *match state {
            OutboxState::Pending => &mut found.pending,
            OutboxState::Delivered => &mut found.delivered,
            OutboxState::Dead => &mut found.dead,
        } += number;
    }
    let mut told = conn.prepare_cached(
        "SELECT count(*) FROM notification_alert AS a JOIN notification AS n ON n.id = a.notification
         WHERE a.alert_id = ?1 AND n.state = 'delivered' AND n.kind <> 'resolved'",
    )?;
    found.told = told.query_row([alert], |row| row.get(0))?;
    let mut error = conn.prepare_cached(
        "SELECT o.last_error FROM outbox AS o WHERE o.last_error IS NOT NULL AND o.state <> 'delivered'
           AND (o.alert_id = ?1
             OR o.notification IN (SELECT notification FROM notification_alert WHERE alert_id = ?1))
         ORDER BY o.id DESC LIMIT 1",
    )?;
    found.last_error = first(&mut error, alert, |row| row.get(0))?;
    let mut closed = conn.prepare_cached(
        "SELECT w.calendar, w.until_at FROM not_watched AS w WHERE w.alert_id = ?1
           AND NOT EXISTS (SELECT 1 FROM notification_alert AS a JOIN notification AS n ON n.id = a.notification
             WHERE a.alert_id = ?1 AND n.kind <> 'resolved' AND (n.seq > w.seq OR n.kind = 'opening' AND n.seq = w.seq))
           AND NOT EXISTS (SELECT 1 FROM alert AS t WHERE t.id = ?1 AND (t.state = 'resolved' OR t.acknowledged))
         ORDER BY w.seq DESC, w.calendar LIMIT 1",
    )?;
    found.not_watched_until = first(&mut closed, alert, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut unrouted = conn.prepare_cached(
        "SELECT 1 FROM unrouted AS u WHERE u.alert_id = ?1
           AND NOT EXISTS (SELECT 1 FROM notification_alert AS a JOIN notification AS n ON n.id = a.notification
             WHERE a.alert_id = ?1 AND n.seq >= u.seq AND n.route <> 'fallback') LIMIT 1",
    )?;
    found.unrouted = first(&mut unrouted, alert, |_| Ok(()))?.is_some();
    Ok(found)
}

fn first<T>(
    statement: &mut rusqlite::CachedStatement<'_>,
    alert: &str,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    let mut rows = statement.query([alert])?;
    Ok(rows.next()?.map(read).transpose()?)
}

impl Registry {
    /// What became of telling about each of these alerts; every one of them has an entry.
    ///
    /// # Errors
    /// The database failed.
    pub fn delivery(&self, alerts: &[String]) -> Result<HashMap<String, Delivery>> {
        self.read(|conn| {
            alerts
                .iter()
                .map(|alert| Ok((alert.clone(), summary(conn, alert)?)))
                .collect()
        })
    }

    /// One notification.
    ///
    /// # Errors
    /// The database failed.
    pub fn notification(&self, id: &str) -> Result<Option<StoredNotification>> {
        self.read(|conn| {
            Ok(conn
                .prepare_cached(&format!("{SELECT} WHERE n.id = ?"))?
                .query_row([id], read_row)
                .optional()?)
        })
    }

    /// Notifications, newest first, ties by id; the cursor is `{at}/{id}`.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn notifications(
        &self,
        filter: &NotificationFilter,
        page: &Page,
    ) -> Result<Listed<StoredNotification>> {
        let mut with = Where::default();
        if let Some((at, id)) = page.after_time()? {
            with.and(
                "(n.at < ? OR (n.at = ? AND n.id > ?))",
                [at.into(), at.into(), id.to_owned().into()],
            );
        }
        if let Some(alert) = &filter.alert {
            with.and(
                "n.id IN (SELECT notification FROM notification_alert WHERE alert_id = ?)",
                [Value::from(alert.clone())],
            );
        }
        with.one_of("n.id", &filter.ids);
        if !filter.patients.is_empty() {
            let marks = vec!["?"; filter.patients.len()].join(", ");
            with.and(
                &format!(
                    "n.id IN (SELECT t.notification FROM notification_alert AS t
                       JOIN alert AS a ON a.id = t.alert_id WHERE a.patient IN ({marks}))"
                ),
                filter.patients.iter().cloned().map(Value::from),
            );
        }
        with.equal("n.state", filter.state.map(|s| s.as_str().to_owned()));
        with.equal("n.channel", filter.channel.clone());
        with.equal("n.recipient", filter.recipient.clone());
        self.read(|conn| {
            let tail = "ORDER BY n.at DESC, n.id";
            let found = with.list(conn, SELECT, tail, page.limit(), read_row)?;
            Ok(Listed::cut(found, page, |n| format!("{}/{}", n.at, n.id)))
        })
    }
}
