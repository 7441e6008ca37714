//! Alerts: every event as it happened, and the present state of each alert.
//!
//! Events are the truth and are never changed. An alert is a row that points to its first and
//! latest event, with the columns that lists ask for.

mod record;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row};

use super::db::{self, Where};
use super::{Listed, Micros, Page, Registry, Result};

pub use record::Consequences;

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
    /// Why, on `resolved`: `cleared`, `reattributed`, …
    pub reason: Option<String>,
    /// Lower limit in force when it was decided, in `unit`.
    pub limit_low: Option<f64>,
    /// Upper limit.
    pub limit_high: Option<f64>,
    /// Whose limit that was: `rule`, `ward` or `patient`.
    pub limit_source: Option<String>,
    /// Resolved by its values, kept until somebody acknowledges it.
    pub latched: bool,
    /// Who silenced it, or the id of the silence that does.
    pub silenced_by: Option<String>,
    /// How often the condition came back within the alert.
    pub repeats: u32,
}

/// A stored event and its row number.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlertEvent {
    /// Row number: grows in the order events became visible; the resume point of a stream.
    pub rowid: i64,
    /// The event.
    pub event: AlertEventRecord,
}

impl AlertEventRecord {
    /// The opaque patient id when the subject is a patient.
    pub fn patient(&self) -> Option<&str> {
        self.subject.strip_prefix("Patient/")
    }
}

/// The present state of an alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Row number of its first event.
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
    /// Of one of these priorities; empty is any.
    pub priorities: Vec<String>,
    /// Of one of these classes; empty is any.
    pub classes: Vec<String>,
    /// Of one of these patients; empty is any.
    pub patients: Vec<String>,
    /// Of this device.
    pub device: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Acknowledged, or not.
    pub acknowledged: Option<bool>,
    /// With an onset at or after.
    pub from: Option<Micros>,
    /// With an onset before.
    pub until: Option<Micros>,
}

/// Columns of an event, from `e`.
const EVENT: &str = "e.id, e.seq, e.ordinal, e.alert_id, e.rule_id, e.rule_version, e.subject, e.device_id,
    e.class, e.priority, e.event, e.state, e.acknowledged_by, e.acknowledged_at, e.silenced_until,
    e.escalation_level, e.onset, e.ended, e.event_time, e.processed_time, e.value, e.unit, e.message,
    e.evidence, e.page, e.reason, e.limit_low, e.limit_high, e.limit_source, e.latched, e.silenced_by, e.repeats";

fn read_event(row: &Row<'_>) -> rusqlite::Result<StoredAlertEvent> {
    Ok(StoredAlertEvent {
        rowid: row.get(0)?,
        event: AlertEventRecord {
            seq: db::unsigned(row, 1)?,
            ordinal: row.get(2)?,
            alert_id: row.get(3)?,
            rule_id: row.get(4)?,
            rule_version: row.get(5)?,
            subject: row.get(6)?,
            device_id: row.get(7)?,
            class: row.get(8)?,
            priority: row.get(9)?,
            event: row.get(10)?,
            state: row.get(11)?,
            acknowledged_by: row.get(12)?,
            acknowledged_at: row.get(13)?,
            silenced_until: row.get(14)?,
            escalation_level: row.get(15)?,
            onset: row.get(16)?,
            ended: row.get(17)?,
            event_time: row.get(18)?,
            processed_time: row.get(19)?,
            value: row.get(20)?,
            unit: row.get(21)?,
            message: row.get(22)?,
            evidence: db::texts(row, 23)?,
            page: row.get(24)?,
            reason: row.get(25)?,
            limit_low: row.get(26)?,
            limit_high: row.get(27)?,
            limit_source: row.get(28)?,
            latched: row.get(29)?,
            silenced_by: row.get(30)?,
            repeats: row.get(31)?,
        },
    })
}

fn read_alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let latest = read_event(row)?;
    Ok(Alert {
        first_rowid: row.get(32)?,
        last_rowid: latest.rowid,
        raised_at: row.get(33)?,
        patient_id: row.get(34)?,
        latest: latest.event,
    })
}

fn select_alert() -> String {
    format!(
        "SELECT {EVENT}, a.first_event, a.raised_at, a.patient
         FROM alert AS a JOIN alert_event AS e ON e.id = a.last_event"
    )
}

impl Registry {
    /// Highest log position with a recorded alert event; 0 without any.
    ///
    /// # Errors
    /// The database failed.
    pub fn alerts_position(&self) -> Result<u64> {
        self.read(|conn| {
            let sql = "SELECT value FROM position WHERE name = 'alerts'";
            let found = conn
                .prepare_cached(sql)?
                .query_row([], |row| db::unsigned(row, 0))
                .optional()?;
            Ok(found.unwrap_or(0))
        })
    }

    /// Events after a row number, in order, at most `limit` and [`super::MAX_PAGE`]. Row numbers
    /// grow in the order events became visible, so whoever remembers the last one misses none.
    ///
    /// # Errors
    /// The database failed.
    pub fn events_after(&self, rowid: i64, limit: u32) -> Result<Vec<StoredAlertEvent>> {
        let page = Page {
            after: Some(rowid.to_string()),
            limit,
        };
        let found = self.events(&page, None)?;
        Ok(found.items)
    }

    /// The events of one alert, oldest first; the cursor is the row number.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn alert_events(&self, id: &str, page: &Page) -> Result<Listed<StoredAlertEvent>> {
        self.events(page, Some(id))
    }

    fn events(&self, page: &Page, alert: Option<&str>) -> Result<Listed<StoredAlertEvent>> {
        let mut with = Where::default();
        with.equal("e.alert_id", alert.map(str::to_owned));
        if let Some(after) = page.after_row()? {
            with.and("e.id > ?", [Value::from(after)]);
        }
        let select = format!("SELECT {EVENT} FROM alert_event AS e");
        self.read(|conn| {
            let found = with.list(conn, &select, "ORDER BY e.id", page.limit(), read_event)?;
            Ok(Listed::cut(found, page, |event| event.rowid.to_string()))
        })
    }

    /// Alerts as they stand, the latest onset first, ties by id ascending; the cursor is
    /// `{onset}/{id}`.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn alerts(&self, filter: &AlertFilter, page: &Page) -> Result<Listed<Alert>> {
        let mut with = Where::default();
        if let Some((onset, id)) = page.after_time()? {
            let values = [onset.into(), onset.into(), id.to_owned().into()];
            with.and("(a.onset < ? OR (a.onset = ? AND a.id > ?))", values);
        }
        with.one_of("a.state", &filter.states);
        with.one_of("a.priority", &filter.priorities);
        with.one_of("a.class", &filter.classes);
        with.one_of("a.patient", &filter.patients);
        with.equal("a.device", filter.device.clone());
        with.equal("a.rule", filter.rule.clone());
        with.equal("a.acknowledged", filter.acknowledged.map(i64::from));
        if let Some(from) = filter.from {
            with.and("a.onset >= ?", [Value::from(from)]);
        }
        if let Some(until) = filter.until {
            with.and("a.onset < ?", [Value::from(until)]);
        }
        self.read(|conn| {
            let tail = "ORDER BY a.onset DESC, a.id";
            let found = with.list(conn, &select_alert(), tail, page.limit(), read_alert)?;
            Ok(Listed::cut(found, page, |a| {
                format!("{}/{}", a.latest.onset, a.latest.alert_id)
            }))
        })
    }

    /// One alert as it stands.
    ///
    /// # Errors
    /// The database failed.
    pub fn alert(&self, id: &str) -> Result<Option<Alert>> {
        self.read(|conn| {
            let sql = format!("{} WHERE a.id = ?", select_alert());
            Ok(conn
                .prepare_cached(&sql)?
                .query_row([id], read_alert)
                .optional()?)
        })
    }
}
