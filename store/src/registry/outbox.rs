//! The outbox: what has to be delivered, until it was.
//!
//! An entry is `pending` until it is `delivered` or, given up by its sender, `dead`; a person can
//! make a dead one pending again. Delivery is at least once, so the receiver gets an idempotency
//! key. An entry is of an alert event, for a destination that hears of events by itself, or of a
//! notification, for the channel and person that routing chose. Entries of one stream (an alert; a
//! notification's group and recipient) go to one destination in order: [`Registry::due`] withholds
//! an entry while an older one of the same stream and destination is pending. One worker delivers.
//!
//! What calls people for a high priority waits for nothing less urgent: its stream goes first among
//! those of its destination, and what stands before it in the stream is tried at once and more often.
//!
//! `next_attempt` goes by the wall clock, which people set. An entry that would wait longer than any
//! does is due; after a step back [`Registry::hasten`] makes all of them due.
//!
//! Delivered entries are pruned after a while; that something was delivered stays: in the
//! notification's own row, and for events as a count by alert and destination.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{self, Where};
use super::page::MAX_PAGE;
use super::{
    AlertEventRecord, Error, Listed, Micros, NotificationRecord, Page, Registry, Result, Touch,
};

/// Makes the body to send of an event and its row number.
pub type Render = Arc<dyn Fn(i64, &AlertEventRecord) -> Vec<u8> + Send + Sync>;

/// Where alert events go.
#[derive(Clone)]
pub struct Destination {
    /// Its name in the configuration.
    pub name: String,
    /// True when it calls people: it gets only events with `page = true`. Others get all.
    pub pages: bool,
    /// The body is made once, when the event is stored, so that every attempt sends (and signs)
    /// the same bytes.
    pub render: Render,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination")
            .field("name", &self.name)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// To be sent, or sent again.
    Pending,
    /// The destination has it.
    Delivered,
    /// Given up.
    Dead,
}

impl OutboxState {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Dead]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One event or notification for one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Row number.
    pub id: i64,
    /// Row number of the alert event; none of a notification.
    pub event_rowid: Option<i64>,
    /// Id of the notification; none of an event.
    pub notification: Option<String>,
    /// Id of the event's alert; a notification may tell of several.
    pub alert_id: Option<String>,
    /// Entries of one stream go to one destination in order: the alert, or the notification's
    /// group and recipient.
    pub stream: String,
    /// Name of the destination.
    pub destination: String,
    /// Id of the person it is for.
    pub recipient: Option<String>,
    /// Where that person is reached, when the channel asks for it (e-mail).
    pub address: Option<String>,
    /// The same for every attempt and every replay.
    pub idempotency_key: String,
    /// Attempts made, the delivering one too.
    pub attempts: u32,
    /// Not before.
    pub next_attempt: Micros,
    /// Where it stands.
    pub state: OutboxState,
    /// What the last attempt said.
    pub last_error: Option<String>,
    /// When the entry was made.
    pub created_at: Micros,
    /// When the destination took it; not known of entries delivered under schema 2.
    pub delivered_at: Option<Micros>,
    /// The body.
    pub payload: Vec<u8>,
    /// Whether something of high priority waits for it: it calls people for one, or what is behind
    /// it in its stream does.
    pub urgent: bool,
}

/// Which entries to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxFilter {
    /// In this state.
    pub state: Option<OutboxState>,
    /// For this destination.
    pub destination: Option<String>,
    /// About this alert, by an event or a notification.
    pub alert: Option<String>,
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Entries still to be sent.
    pub pending: u64,
    /// Entries given up.
    pub dead: u64,
    /// When the oldest pending entry was made.
    pub oldest_pending: Option<Micros>,
}

/// No entry waits longer than this for its next attempt: one that would was given its time by a
/// clock that was set back since. An hour that a receiver may ask for, and our own pause.
pub const LONGEST_WAIT: Micros = 66 * 60_000_000;

/// The same where something of high priority waits.
pub const LONGEST_URGENT_WAIT: Micros = 3 * 60_000_000;

/// [`urgency`] of what calls people for a high priority.
const HIGH: u8 = 3;

/// Longest error text kept of an attempt.
const MAX_ERROR: usize = 500;

/// Rows a pruning call removes at most, so that it holds the writer for milliseconds.
const PRUNE: i64 = 1_000;

const SELECT: &str =
    "SELECT o.id, o.event, o.alert_id, o.destination, o.idempotency_key, o.attempts,
    o.next_attempt, o.state, o.last_error, o.created_at, o.payload, o.notification, o.stream, o.recipient,
    o.address, o.delivered_at, o.urgency FROM outbox AS o";

/// The first entry of every stream, the only one that may go: of a group with one `min` SQLite gives
/// the other columns of the row that has it.
const FIRST: &str = "SELECT min(id) AS id, destination, next_attempt, urgency FROM outbox
    WHERE state = 'pending' GROUP BY destination, stream";

/// How soon an entry is wanted.
fn urgency(calls: bool, priority: &str) -> u8 {
    match priority {
        "high" if calls => HIGH,
        "medium" if calls => 2,
        "low" if calls => 1,
        _ => 0,
    }
}

/// What stands before a more urgent entry in its stream becomes as urgent, and is tried now, however
/// long it was to wait.
fn hurry(
    conn: &Connection,
    destination: &str,
    stream: &str,
    urgency: u8,
    clock: Micros,
) -> Result<()> {
    conn.prepare_cached(
        "UPDATE outbox SET urgency = ?3, next_attempt = min(next_attempt, ?4)
         WHERE state = 'pending' AND destination = ?1 AND stream = ?2 AND urgency < ?3",
    )?
    .execute(params![destination, stream, urgency, clock])?;
    Ok(())
}

fn read_row(row: &Row<'_>) -> rusqlite::Result<OutboxEntry> {
    Ok(OutboxEntry {
        id: row.get(0)?,
        event_rowid: row.get(1)?,
        alert_id: row.get(2)?,
        destination: row.get(3)?,
        idempotency_key: row.get(4)?,
        attempts: row.get(5)?,
        next_attempt: row.get(6)?,
        state: db::word(row, 7, OutboxState::parse)?,
        last_error: row.get(8)?,
        created_at: row.get(9)?,
        payload: row.get(10)?,
        notification: row.get(11)?,
        stream: row.get(12)?,
        recipient: row.get(13)?,
        address: row.get(14)?,
        delivered_at: row.get(15)?,
        urgent: row.get::<_, u8>(16)? >= HIGH,
    })
}

/// Entries of a new event: for every destination, for those that page only if it may page.
pub(super) fn enqueue(
    conn: &Connection,
    rowid: i64,
    event: &AlertEventRecord,
    destinations: &[Destination],
    clock: Micros,
) -> Result<()> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO outbox (event, alert_id, stream, destination, idempotency_key, next_attempt, created_at, payload,
           urgency)
         VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?5, ?6, ?7)",
    )?;
    let urgency = urgency(event.page, &event.priority);
    for destination in destinations.iter().filter(|d| event.page || !d.pages) {
        // What the engine calls the event on every replay, so that the key survives a restored
        // backup too.
        let key = format!("{}-{}-{}", event.alert_id, event.seq, event.ordinal);
        let payload = (destination.render)(rowid, event);
        insert.execute(params![
            rowid,
            event.alert_id,
            destination.name,
            key,
            clock,
            payload,
            urgency
        ])?;
        hurry(conn, &destination.name, &event.alert_id, urgency, clock)?;
    }
    Ok(())
}

/// The entry of a new notification. A person who cannot be reached holds up nobody else, and an
/// address of hers no other.
pub(super) fn enqueue_notification(
    conn: &Connection,
    new: &NotificationRecord,
    clock: Micros,
) -> Result<()> {
    let mut stream = new.group.clone();
    for part in [&new.recipient, &new.address].into_iter().flatten() {
        stream.push('/');
        stream.push_str(part);
    }
    let urgency = urgency(new.kind != "resolved", &new.priority);
    conn.prepare_cached(
        "INSERT INTO outbox (notification, stream, destination, recipient, address, idempotency_key, next_attempt,
           created_at, payload, urgency)
         VALUES (?1, ?2, ?3, ?4, ?5, ?1, ?6, ?6, ?7, ?8)",
    )?
    .execute(params![
        new.id,
        stream,
        new.channel,
        new.recipient,
        new.address,
        clock,
        new.payload,
        urgency
    ])?;
    hurry(conn, &new.channel, &stream, urgency, clock)
}

/// Brings the notification of an entry, if it is of one, to where the entry stands.
fn tell_notification(conn: &Connection, id: i64) -> Result<()> {
    conn.prepare_cached(
        "UPDATE notification SET (state, attempts, last_error, delivered_at) =
           (SELECT o.state, o.attempts, o.last_error, o.delivered_at FROM outbox AS o WHERE o.id = ?1)
         WHERE id = (SELECT o.notification FROM outbox AS o WHERE o.id = ?1)",
    )?
    .execute([id])?;
    Ok(())
}

fn state(conn: &Connection, id: i64) -> Result<OutboxState> {
    conn.prepare_cached("SELECT state FROM outbox WHERE id = ?")?
        .query_row([id], |row| db::word(row, 0, OutboxState::parse))
        .optional()?
        .ok_or_else(|| Error::not_found("outbox entry", id))
}

fn require(conn: &Connection, id: i64, wanted: OutboxState) -> Result<()> {
    let found = state(conn, id)?;
    if found == wanted {
        return Ok(());
    }
    let problem = format!("is {}, not {}", found.as_str(), wanted.as_str());
    Err(Error::State {
        entity: "outbox entry",
        id: id.to_string(),
        problem,
    })
}

/// The first `MAX_ERROR` bytes, cut between characters.
fn shorten(error: &str) -> &str {
    error
        .get(..error.floor_char_boundary(MAX_ERROR))
        .unwrap_or(error)
}

impl Registry {
    /// Entries to send now, of each destination the most urgent first and then the longest due: at
    /// most one per stream, and at most `each` for a destination, so that none that hangs hides the
    /// others' (and at most [`MAX_PAGE`]). An entry is as urgent as what waits behind it. Ask again
    /// after marking these.
    ///
    /// # Errors
    /// The database failed.
    pub fn due(&self, now: Micros, each: u32) -> Result<Vec<OutboxEntry>> {
        self.read(|conn| {
            let sql = format!(
                "{SELECT} JOIN (
                   SELECT id, row_number() OVER
                     (PARTITION BY destination ORDER BY urgency DESC, next_attempt, id) AS place
                   FROM ({FIRST}) WHERE next_attempt <= ?1
                     OR next_attempt > CASE WHEN urgency >= {HIGH} THEN ?2 ELSE ?3 END) AS p ON p.id = o.id
                 WHERE p.place <= ?4 ORDER BY p.place, o.next_attempt, o.id LIMIT {MAX_PAGE}"
            );
            let mut statement = conn.prepare_cached(&sql)?;
            let rows = statement.query_map(
                params![
                    now,
                    now.saturating_add(LONGEST_URGENT_WAIT),
                    now.saturating_add(LONGEST_WAIT),
                    each.clamp(1, MAX_PAGE)
                ],
                read_row,
            )?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Everything that waits is due at `now`: the clock that gave the times was set back.
    ///
    /// # Errors
    /// The database failed.
    pub fn hasten(&self, now: Micros) -> Result<()> {
        self.write(Touch::NOTHING, |conn| {
            conn.prepare_cached(
                "UPDATE outbox SET next_attempt = ?1 WHERE state = 'pending' AND next_attempt > ?1",
            )?
            .execute([now])?;
            Ok(())
        })
    }

    /// When the next entry falls due; `None` when nothing is pending.
    ///
    /// # Errors
    /// The database failed.
    pub fn next_due(&self) -> Result<Option<Micros>> {
        self.read(|conn| {
            let sql = format!("SELECT min(next_attempt) FROM ({FIRST})");
            Ok(conn.prepare_cached(&sql)?.query_row([], |row| row.get(0))?)
        })
    }

    /// Entries that arrived by `now`, in one transaction. Entries delivered already stay as they are.
    ///
    /// # Errors
    /// An entry does not exist or is dead; then none is marked.
    pub fn mark_delivered(&self, ids: &[i64], now: Micros) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write(Touch::NOTHING, |conn| {
            let mut update = conn.prepare_cached(
                "UPDATE outbox SET state = 'delivered', attempts = attempts + 1, last_error = NULL,
                   delivered_at = ? WHERE id = ? AND state = 'pending'",
            )?;
            for id in ids {
                if update.execute([now, *id])? == 0 {
                    require(conn, *id, OutboxState::Delivered)?;
                } else {
                    tell_notification(conn, *id)?;
                }
            }
            Ok(())
        })
    }

    /// An attempt failed: again at what `next` says, or `None` to give up. It is told whether
    /// something of high priority waits in the stream, this entry or one behind it.
    ///
    /// # Errors
    /// The entry does not exist or is not pending.
    pub fn mark_failed(
        &self,
        id: i64,
        error: &str,
        next: impl FnOnce(bool) -> Option<Micros>,
    ) -> Result<Option<Micros>> {
        self.write(Touch::NOTHING, |conn| {
            require(conn, id, OutboxState::Pending)?;
            let urgency: u8 = conn
                .prepare_cached("SELECT urgency FROM outbox WHERE id = ?")?
                .query_row([id], |row| row.get(0))?;
            let next_attempt = next(urgency >= HIGH);
            let state = if next_attempt.is_some() {
                OutboxState::Pending
            } else {
                OutboxState::Dead
            };
            conn.prepare_cached(
                "UPDATE outbox SET attempts = attempts + 1, last_error = ?, state = ?,
                   next_attempt = coalesce(?, next_attempt) WHERE id = ?",
            )?
            .execute(params![shorten(error), state.as_str(), next_attempt, id])?;
            tell_notification(conn, id)?;
            Ok(next_attempt)
        })
    }

    /// Entries given up, oldest first; the cursor is the row number.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn dead_letters(&self, page: &Page) -> Result<Listed<OutboxEntry>> {
        let filter = OutboxFilter {
            state: Some(OutboxState::Dead),
            ..OutboxFilter::default()
        };
        self.outbox(&filter, page)
    }

    /// Entries, oldest first; the cursor is the row number.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn outbox(&self, filter: &OutboxFilter, page: &Page) -> Result<Listed<OutboxEntry>> {
        let mut with = Where::default();
        with.equal("o.state", filter.state.map(|s| s.as_str().to_owned()));
        with.equal("o.destination", filter.destination.clone());
        if let Some(alert) = &filter.alert {
            let alert = Value::from(alert.clone());
            with.and(
                "(o.alert_id = ? OR o.notification IN
                    (SELECT notification FROM notification_alert WHERE alert_id = ?))",
                [alert.clone(), alert],
            );
        }
        if let Some(after) = page.after_row()? {
            with.and("o.id > ?", [Value::from(after)]);
        }
        self.read(|conn| {
            let found = with.list(conn, SELECT, "ORDER BY o.id", page.limit(), read_row)?;
            Ok(Listed::cut(found, page, |entry| entry.id.to_string()))
        })
    }

    /// Makes a dead entry pending again, due at `now`. Its attempts count from the start, so that it
    /// is not given up at once for its age.
    ///
    /// # Errors
    /// The entry does not exist or is not dead.
    pub fn retry_dead(&self, id: i64, now: Micros) -> Result<()> {
        self.write(Touch::NOTHING, |conn| {
            require(conn, id, OutboxState::Dead)?;
            conn.prepare_cached(
                "UPDATE outbox SET state = 'pending', attempts = 0, next_attempt = ? WHERE id = ?",
            )?
            .execute(params![now, id])?;
            tell_notification(conn, id)
        })
    }

    /// How full the outbox is, for metrics.
    ///
    /// # Errors
    /// The database failed.
    pub fn outbox_counts(&self) -> Result<OutboxCounts> {
        self.read(|conn| {
            let sql = "SELECT (SELECT count(*) FROM outbox WHERE state = 'pending'),
                (SELECT count(*) FROM outbox WHERE state = 'dead'),
                (SELECT min(created_at) FROM outbox WHERE state = 'pending')";
            let counts = conn.prepare_cached(sql)?.query_row([], |row| {
                Ok(OutboxCounts {
                    pending: db::unsigned(row, 0)?,
                    dead: db::unsigned(row, 1)?,
                    oldest_pending: row.get(2)?,
                })
            })?;
            Ok(counts)
        })
    }

    /// The same for each destination that waits or has given up, by name.
    ///
    /// # Errors
    /// The database failed.
    pub fn outbox_counts_by_destination(&self) -> Result<Vec<(String, OutboxCounts)>> {
        self.read(|conn| {
            let sql = "SELECT destination, count(*) FILTER (WHERE state = 'pending'),
                count(*) FILTER (WHERE state = 'dead'), min(created_at) FILTER (WHERE state = 'pending')
                FROM outbox WHERE state <> 'delivered' GROUP BY destination ORDER BY destination";
            let mut statement = conn.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| {
                let counts = OutboxCounts {
                    pending: db::unsigned(row, 1)?,
                    dead: db::unsigned(row, 2)?,
                    oldest_pending: row.get(3)?,
                };
                Ok((row.get(0)?, counts))
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
    }

    /// Forgets up to a thousand entries delivered before `before` and returns how many; call again
    /// while it returns a thousand. A replay sends nothing again: event and notification are kept,
    /// and that they were delivered.
    ///
    /// # Errors
    /// The database failed.
    pub fn prune_delivered(&self, before: Micros) -> Result<usize> {
        const OLD: &str = "SELECT id FROM outbox WHERE state = 'delivered'
            AND coalesce(delivered_at, created_at) < ?
            ORDER BY coalesce(delivered_at, created_at), id LIMIT ?";
        self.write(Touch::NOTHING, |conn| {
            let count = format!(
                "INSERT INTO delivered (alert_id, destination, entries, last_at)
                   SELECT alert_id, destination, count(*), max(delivered_at) FROM outbox
                   WHERE id IN ({OLD}) AND alert_id IS NOT NULL GROUP BY alert_id, destination
                 ON CONFLICT (alert_id, destination) DO UPDATE SET entries = entries + excluded.entries,
                   last_at = max(coalesce(last_at, excluded.last_at), coalesce(excluded.last_at, last_at))"
            );
            conn.prepare_cached(&count)?.execute(params![before, PRUNE])?;
            let delete = format!("DELETE FROM outbox WHERE id IN ({OLD})");
            Ok(conn.prepare_cached(&delete)?.execute(params![before, PRUNE])?)
        })
    }
}
