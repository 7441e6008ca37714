//! The audit: who saw or changed what.
//!
//! Append-only, and each row holds the SHA-256 of the row before and itself, so that an edited,
//! removed or inserted row is found by [`Registry::verify_audit`]. The chain proves nothing
//! against somebody who rewrites all of it: keep the head it reports in another place too.

mod chain;

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::db::{self, Where};
use super::{Error, Listed, Micros, Page, Registry, Result, Role, Touch, id};

pub use chain::AuditReport;

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Answered.
    Success,
    /// Not authenticated, or no right.
    Denied,
    /// The request was at fault.
    Refused,
    /// We were.
    Failed,
}

impl Outcome {
    /// The stored word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// From the stored word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Success, Self::Denied, Self::Refused, Self::Failed]
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
    }
}

/// One request or stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Micros,
    /// Token name; `None` when nobody was recognised.
    pub actor: Option<String>,
    /// Its role at that time.
    pub role: Option<Role>,
    /// What, as a stable word: `read`, `search`, `create`, `update`, `sql`, `stream`,
    /// `login-failed`, `denied`, or with the resource before it (`observation.search`).
    pub action: String,
    /// Method and route template, `GET /fhir/R4/Observation/{id}`; an id in it must be opaque.
    pub route: String,
    /// Opaque ids of the patients touched.
    pub patients: Vec<String>,
    /// The answer may rest on any patient's data (a query over all rows).
    pub any_patient: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Id of the request, as in logs.
    pub request_id: String,
    /// Address of the client.
    pub client: Option<String>,
    /// What the route does not say: query string, SQL text, id of the changed row. May be
    /// personal data: the audit may hold it, logs may not.
    pub detail: Option<String>,
    /// Further attempts that this record stands for; else 0.
    pub repeats: u64,
    /// The record that this one adds patients to, for streams and exports.
    pub continues: Option<i64>,
}

/// An audit row as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Row number, 1 and up without a gap.
    pub id: i64,
    /// What happened.
    pub entry: AuditEntry,
    /// SHA-256, in hex, of the chain up to and with this row.
    pub hash: String,
}

/// Which audit rows to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// By this token.
    pub actor: Option<String>,
    /// That touched this patient, or any patient.
    pub patient: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// At or after.
    pub from: Option<Micros>,
    /// Before.
    pub until: Option<Micros>,
}

/// The columns in the order that the hash takes them; never change it.
const COLUMNS: &str =
    "id, at, actor, role, action, route, patients, any_patient, outcome, status, request_id,
    client, detail, repeats, continues, hash";

fn read_row(row: &Row<'_>) -> rusqlite::Result<AuditRecord> {
    let role: Option<String> = row.get(3)?;
    let hash: [u8; 32] = row.get(15)?;
    Ok(AuditRecord {
        id: row.get(0)?,
        entry: AuditEntry {
            at: row.get(1)?,
            actor: row.get(2)?,
            role: role.map(|_| db::word(row, 3, Role::parse)).transpose()?,
            action: row.get(4)?,
            route: row.get(5)?,
            patients: db::texts(row, 6)?,
            any_patient: row.get(7)?,
            outcome: db::word(row, 8, Outcome::parse)?,
            status: row.get(9)?,
            request_id: row.get(10)?,
            client: row.get(11)?,
            detail: row.get(12)?,
            repeats: db::unsigned(row, 13)?,
            continues: row.get(14)?,
        },
        hash: chain::hex(&hash),
    })
}

/// Adds one row after the last.
fn append(conn: &Connection, last: chain::Link, entry: &AuditEntry) -> Result<chain::Link> {
    id::check_text("audit", "action", &entry.action)?;
    if let Some(first) = entry
        .continues
        .filter(|first| !(1..=last.0).contains(first))
    {
        return Err(Error::not_found("audit record", first));
    }
    let row = last.0 + 1;
    let values: [Value; 15] = [
        row.into(),
        entry.at.into(),
        entry.actor.clone().into(),
        entry.role.map(|role| role.as_str().to_owned()).into(),
        entry.action.clone().into(),
        entry.route.clone().into(),
        db::json(&entry.patients).into(),
        i64::from(entry.any_patient).into(),
        entry.outcome.as_str().to_owned().into(),
        entry.status.map(i64::from).into(),
        entry.request_id.clone().into(),
        entry.client.clone().into(),
        entry.detail.clone().into(),
        db::position("audit", "repeats", entry.repeats)?.into(),
        entry.continues.into(),
    ];
    let hash = chain::link(&last.1, values.iter().map(Into::into));
    let sql = format!(
        "INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    );
    let all = values.into_iter().chain([Value::from(hash.to_vec())]);
    conn.prepare_cached(&sql)?
        .execute(rusqlite::params_from_iter(all))?;
    let mut touched = conn.prepare_cached(
        "INSERT INTO audit_patient (patient, audit) VALUES (?, ?) ON CONFLICT DO NOTHING",
    )?;
    for patient in &entry.patients {
        touched.execute(params![patient, row])?;
    }
    Ok((row, hash))
}

impl Registry {
    /// Adds rows in one transaction, durable when it returns, and returns their row numbers. One
    /// per request or stream; several at once cost one sync.
    ///
    /// # Errors
    /// An action is empty; a continued record does not exist; the database failed. Then nothing
    /// was added and the caller must not answer.
    pub fn audit(&self, entries: &[AuditEntry]) -> Result<Vec<i64>> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Touch::NOTHING, |conn| {
            let mut last = chain::last(conn)?;
            let mut rows = Vec::with_capacity(entries.len());
            for entry in entries {
                last = append(conn, last, entry)?;
                rows.push(last.0);
            }
            Ok(rows)
        })
    }

    /// Rows, newest first; the cursor is the row number.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn audit_records(&self, filter: &AuditFilter, page: &Page) -> Result<Listed<AuditRecord>> {
        let mut with = Where::default();
        if let Some(after) = page.after_row()? {
            with.and("id < ?", [Value::from(after)]);
        }
        with.equal("actor", filter.actor.clone());
        with.equal("action", filter.action.clone());
        if let Some(patient) = &filter.patient {
            with.and(
                "(any_patient OR id IN (SELECT audit FROM audit_patient WHERE patient = ?))",
                [Value::from(patient.clone())],
            );
        }
        if let Some(from) = filter.from {
            with.and("at >= ?", [Value::from(from)]);
        }
        if let Some(until) = filter.until {
            with.and("at < ?", [Value::from(until)]);
        }
        let select = format!("SELECT {COLUMNS} FROM audit");
        self.read(|conn| {
            let found = with.list(conn, &select, "ORDER BY id DESC", page.limit(), read_row)?;
            Ok(Listed::cut(found, page, |record| record.id.to_string()))
        })
    }
}
