//! Silences: alerts that fit are shown and tell nobody for a while.
//!
//! At least one matcher is set, and every one that is set must fit. A silence has an author, a
//! reason and an end. It is kept for a year after `until`, for those who ask why nobody was told;
//! older ones are pruned a thousand at a time when another is added.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::Where;
use super::{Error, Listed, Micros, Page, Registry, Result, Touch, id, time};

/// How long a silence is kept after its `until`.
const KEEP: Micros = 365 * 86_400_000_000;
/// Rows pruned at a time.
const PRUNE: i64 = 1_000;
/// Most silences that are not over: the rules look through them.
const MAX_AHEAD: i64 = 10_000;

/// A silence to be added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewSilence {
    /// Alerts about this patient (opaque id).
    pub patient: Option<String>,
    /// Of this rule.
    pub rule: Option<String>,
    /// Of this device's readings.
    pub device: Option<String>,
    /// About patients of this ward.
    pub ward: Option<String>,
    /// `physiological` or `technical`.
    pub class: Option<String>,
    /// First instant of the log clock.
    pub from: Micros,
    /// First instant after it.
    pub until: Micros,
    /// Who says so.
    pub author: String,
    /// Why.
    pub reason: String,
}

/// A silence as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Opaque id.
    pub id: String,
    /// What was asked for.
    pub set: NewSilence,
    /// When.
    pub created_at: Micros,
    /// It was ended early.
    pub ended_at: Option<Micros>,
    /// By whom.
    pub ended_by: Option<String>,
}

impl Silence {
    /// First instant at which it does not hold.
    pub fn over(&self) -> Micros {
        self.ended_at.map_or(self.set.until, |ended| {
            ended.clamp(self.set.from.min(self.set.until), self.set.until)
        })
    }

    /// When it was last added or ended.
    pub fn changed_at(&self) -> Micros {
        self.created_at.max(self.ended_at.unwrap_or(Micros::MIN))
    }
}

/// Which silences to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SilenceFilter {
    /// With this patient as matcher.
    pub patient: Option<String>,
    /// With this rule as matcher.
    pub rule: Option<String>,
    /// With this device as matcher.
    pub device: Option<String>,
    /// With this ward as matcher.
    pub ward: Option<String>,
    /// In force at this instant.
    pub at: Option<Micros>,
}

const SELECT: &str =
    "SELECT id, patient, rule, device, ward, class, from_at, until_at, author, reason,
    created_at, ended_at, ended_by FROM silence";

/// [`Silence::over`].
const OVER: &str = "min(until_at, max(from_at, coalesce(ended_at, until_at)))";

fn read_row(row: &Row<'_>) -> rusqlite::Result<Silence> {
    Ok(Silence {
        id: row.get(0)?,
        set: NewSilence {
            patient: row.get(1)?,
            rule: row.get(2)?,
            device: row.get(3)?,
            ward: row.get(4)?,
            class: row.get(5)?,
            from: row.get(6)?,
            until: row.get(7)?,
            author: row.get(8)?,
            reason: row.get(9)?,
        },
        created_at: row.get(10)?,
        ended_at: row.get(11)?,
        ended_by: row.get(12)?,
    })
}

fn get(conn: &Connection, id: &str) -> Result<Option<Silence>> {
    Ok(conn
        .prepare_cached(&format!("{SELECT} WHERE id = ?"))?
        .query_row([id], read_row)
        .optional()?)
}

fn need(conn: &Connection, id: &str) -> Result<Silence> {
    get(conn, id)?.ok_or_else(|| Error::not_found("silence", id))
}

fn check(new: &NewSilence) -> Result<()> {
    let refuse = |field, problem: &str| Err(Error::invalid("silence", field, problem));
    id::check_option("silence", "patient", new.patient.as_deref())?;
    id::check_text_option("silence", "rule", new.rule.as_deref())?;
    id::check_option("silence", "device", new.device.as_deref())?;
    id::check_option("silence", "ward", new.ward.as_deref())?;
    id::check_text("silence", "author", &new.author)?;
    id::check_text("silence", "reason", &new.reason)?;
    time::check_interval("silence", new.from, Some(new.until))?;
    match new.class.as_deref() {
        None | Some("physiological" | "technical") => {}
        Some(_) => return refuse("class", "must be physiological or technical"),
    }
    let matchers = [&new.patient, &new.rule, &new.device, &new.ward, &new.class];
    if matchers.into_iter().all(Option::is_none) {
        return refuse("patient", "or another matcher is needed");
    }
    Ok(())
}

fn insert(conn: &Connection, new: &NewSilence, now: Micros) -> Result<String> {
    conn.prepare_cached(
        "DELETE FROM silence WHERE id IN
           (SELECT id FROM silence WHERE until_at < ? ORDER BY until_at LIMIT ?)",
    )?
    .execute(params![now.saturating_sub(KEEP), PRUNE])?;
    let ahead: i64 = conn
        .prepare_cached(&format!(
            "SELECT count(*) FROM silence WHERE until_at > ?1 AND {OVER} > ?1"
        ))?
        .query_row([now], |row| row.get(0))?;
    if ahead >= MAX_AHEAD {
        return Err(Error::invalid(
            "silence",
            "until",
            format!("cannot be kept: {MAX_AHEAD} silences are in force or to come"),
        ));
    }
    let id = id::generate();
    conn.prepare_cached(
        "INSERT INTO silence (id, patient, rule, device, ward, class, from_at, until_at, author, reason, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id,
        new.patient,
        new.rule,
        new.device,
        new.ward,
        new.class,
        new.from,
        new.until,
        new.author,
        new.reason,
        now
    ])?;
    Ok(id)
}

impl Registry {
    /// Adds a silence. Silences may overlap.
    ///
    /// # Errors
    /// No matcher is set; a field is unacceptable.
    pub fn add_silence(&self, new: &NewSilence, now: Micros) -> Result<Silence> {
        check(new)?;
        self.write(Touch::NOTHING, |conn| {
            let id = insert(conn, new, now)?;
            need(conn, &id)
        })
    }

    /// Ends a silence. One that is over already stays as it is.
    ///
    /// # Errors
    /// No such silence.
    pub fn end_silence(&self, id: &str, by: &str, at: Micros) -> Result<Silence> {
        id::check_text("silence", "author", by)?;
        self.write(Touch::NOTHING, |conn| {
            let silence = need(conn, id)?;
            if silence.over() <= at || silence.ended_at.is_some_and(|ended| ended <= at) {
                return Ok(silence);
            }
            conn.prepare_cached("UPDATE silence SET ended_at = ?, ended_by = ? WHERE id = ?")?
                .execute(params![at, by, id])?;
            need(conn, id)
        })
    }

    /// One silence.
    ///
    /// # Errors
    /// The database failed.
    pub fn silence(&self, id: &str) -> Result<Option<Silence>> {
        self.read(|conn| get(conn, id))
    }

    /// Silences, the latest start first, ties by id; the cursor is `{from}/{id}`.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn silences(&self, filter: &SilenceFilter, page: &Page) -> Result<Listed<Silence>> {
        let mut with = Where::default();
        if let Some((from, id)) = page.after_time()? {
            with.and(
                "(from_at < ? OR (from_at = ? AND id > ?))",
                [from.into(), from.into(), id.to_owned().into()],
            );
        }
        with.equal("patient", filter.patient.clone());
        with.equal("rule", filter.rule.clone());
        with.equal("device", filter.device.clone());
        with.equal("ward", filter.ward.clone());
        if let Some(at) = filter.at {
            let at = Value::from(at);
            with.and(&format!("from_at <= ? AND {OVER} > ?"), [at.clone(), at]);
        }
        self.read(|conn| {
            let tail = "ORDER BY from_at DESC, id";
            let found = with.list(conn, SELECT, tail, page.limit(), read_row)?;
            Ok(Listed::cut(found, page, |silence| {
                format!("{}/{}", silence.set.from, silence.id)
            }))
        })
    }
}
