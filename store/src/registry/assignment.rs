//! Assignments: device to patient over an interval.
//!
//! An assignment covers a whole device, or one user or channel of a shared one (the second user
//! of a scale, the second channel of a twin monitor). At any instant a device belongs to nobody,
//! to one patient as a whole, or to patients by user: what would make two of these true at once
//! is refused. The interval is `[from, until)`: a reading at `until` belongs to the next patient.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::Where;
use super::{
    Error, Listed, Micros, Overlap, Page, Registry, Result, Touch, device, id, patient, time,
};

/// An assignment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssignment {
    /// Opaque id of a known device.
    pub device: String,
    /// User or channel of the device; `None` covers all of them.
    pub device_user: Option<String>,
    /// Opaque id of a known patient.
    pub patient: String,
    /// First instant that belongs to the patient.
    pub from: Micros,
    /// First instant that does not any more; `None` is open.
    pub until: Option<Micros>,
    /// Who says so (token or user name).
    pub author: String,
}

/// An assignment as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Row number.
    pub id: i64,
    /// Opaque id of the device.
    pub device: String,
    /// User or channel of the device; `None` covers all of them.
    pub device_user: Option<String>,
    /// Opaque id of the patient.
    pub patient: String,
    /// First instant that belongs to the patient.
    pub from: Micros,
    /// First instant that does not any more; `None` is open.
    pub until: Option<Micros>,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: Micros,
    /// Who set its end or cancelled it later, if anybody did.
    pub changed_by: Option<String>,
    /// When that was.
    pub changed_at: Option<Micros>,
    /// True when it was made in error: it attributes nothing and is kept for the record.
    pub cancelled: bool,
}

/// Which assignments to list; every field that is set must fit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssignmentFilter {
    /// Of this device.
    pub device: Option<String>,
    /// Of this patient.
    pub patient: Option<String>,
    /// In force at this instant.
    pub at: Option<Micros>,
    /// Cancelled ones too.
    pub cancelled: bool,
}

const SELECT: &str =
    "SELECT id, device, device_user, patient, from_at, until_at, author, created_at,
    changed_by, changed_at, cancelled FROM assignment";

fn read_row(row: &Row<'_>) -> rusqlite::Result<Assignment> {
    Ok(Assignment {
        id: row.get(0)?,
        device: row.get(1)?,
        device_user: row.get(2)?,
        patient: row.get(3)?,
        from: row.get(4)?,
        until: row.get(5)?,
        author: row.get(6)?,
        created_at: row.get(7)?,
        changed_by: row.get(8)?,
        changed_at: row.get(9)?,
        cancelled: row.get(10)?,
    })
}

pub(super) fn get(conn: &Connection, id: i64) -> Result<Option<Assignment>> {
    Ok(conn
        .prepare_cached(&format!("{SELECT} WHERE id = ?"))?
        .query_row([id], read_row)
        .optional()?)
}

fn need(conn: &Connection, id: i64) -> Result<Assignment> {
    get(conn, id)?.ok_or_else(|| Error::not_found("assignment", id))
}

/// The first assignment, if any, that would claim a reading the new one claims too.
fn in_the_way(conn: &Connection, new: &NewAssignment) -> Result<Option<Assignment>> {
    let sql = format!(
        "{SELECT} WHERE device = ?1 AND cancelled = 0
           AND (device_user IS NULL OR ?2 IS NULL OR device_user = ?2)
           AND from_at < coalesce(?4, {max}) AND coalesce(until_at, {max}) > ?3
         ORDER BY from_at, id LIMIT 1",
        max = Micros::MAX
    );
    let values = params![new.device, new.device_user, new.from, new.until];
    Ok(conn
        .prepare_cached(&sql)?
        .query_row(values, read_row)
        .optional()?)
}

fn overlap(other: Assignment) -> Error {
    let subject = match &other.device_user {
        Some(user) => format!("device {} user {user}", other.device),
        None => format!("device {}", other.device),
    };
    Error::Overlap(Box::new(Overlap {
        entity: "assignment",
        other: other.id,
        subject,
        patient: other.patient,
        from: other.from,
        until: other.until,
    }))
}

/// Adds an assignment, or finds that exactly this one is there: then the flag is false.
pub(super) fn insert(conn: &Connection, new: &NewAssignment, clock: Micros) -> Result<(i64, bool)> {
    id::check_text("assignment", "author", &new.author)?;
    id::check_text_option("assignment", "device_user", new.device_user.as_deref())?;
    time::check_interval("assignment", new.from, new.until)?;
    if !device::exists(conn, &new.device)? {
        return Err(Error::not_found("device", &new.device));
    }
    if !patient::exists(conn, &new.patient)? {
        return Err(Error::not_found("patient", &new.patient));
    }
    if let Some(other) = in_the_way(conn, new)? {
        let same = (&other.device_user, &other.patient, other.from, other.until)
            == (&new.device_user, &new.patient, new.from, new.until);
        return if same {
            Ok((other.id, false))
        } else {
            Err(overlap(other))
        };
    }
    conn.prepare_cached(
        "INSERT INTO assignment (device, device_user, patient, from_at, until_at, author, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        new.device,
        new.device_user,
        new.patient,
        new.from,
        new.until,
        new.author,
        clock
    ])?;
    Ok((conn.last_insert_rowid(), true))
}

/// Sets an earlier end. The same end again changes nothing.
fn end(
    conn: &Connection,
    old: &Assignment,
    at: Micros,
    author: &str,
    clock: Micros,
) -> Result<Assignment> {
    id::check_text("assignment", "author", author)?;
    let refuse = |problem: String| {
        Err(Error::State {
            entity: "assignment",
            id: old.id.to_string(),
            problem,
        })
    };
    if old.cancelled {
        return refuse("is cancelled".to_owned());
    }
    if at <= old.from {
        return refuse(format!(
            "begins at {}, its end must be later; cancel it instead",
            time::show(old.from)
        ));
    }
    match old.until {
        Some(until) if until < at => {
            return refuse(format!("ended at {} already", time::show(until)));
        }
        Some(until) if until == at => return Ok(old.clone()),
        _ => {}
    }
    conn.prepare_cached(
        "UPDATE assignment SET until_at = ?, changed_by = ?, changed_at = ? WHERE id = ?",
    )?
    .execute(params![at, author, clock, old.id])?;
    need(conn, old.id)
}

impl Registry {
    /// Assigns a device to a patient. Exactly the same assignment again changes nothing.
    ///
    /// # Errors
    /// [`Error::Overlap`] where another stands in the way; device or patient is not known.
    pub fn assign(&self, new: &NewAssignment, clock: Micros) -> Result<Assignment> {
        self.write(Touch::ASSIGNMENTS, |conn| {
            let (id, _) = insert(conn, new, clock)?;
            need(conn, id)
        })
    }

    /// Ends at `at` the assignment of exactly this device and user that holds then.
    ///
    /// # Errors
    /// None holds at that time, or it begins there.
    pub fn unassign(
        &self,
        device: &str,
        device_user: Option<&str>,
        at: Micros,
        author: &str,
        clock: Micros,
    ) -> Result<Assignment> {
        self.write(Touch::ASSIGNMENTS, |conn| {
            let sql = format!(
                "{SELECT} WHERE device = ?1 AND device_user IS ?2 AND cancelled = 0
                   AND from_at <= ?3 AND (until_at IS NULL OR until_at > ?3)"
            );
            let held = conn
                .prepare_cached(&sql)?
                .query_row(params![device, device_user, at], read_row)
                .optional()?;
            let held = held.ok_or_else(|| {
                let user = device_user
                    .map(|user| format!(" user {user}"))
                    .unwrap_or_default();
                Error::not_found(
                    "assignment",
                    format!("of device {device}{user} at {}", time::show(at)),
                )
            })?;
            end(conn, &held, at, author, clock)
        })
    }

    /// Ends an assignment at `at`, which is after its start and not after its present end.
    ///
    /// # Errors
    /// No such assignment, or it was cancelled, begins later or ended before.
    pub fn end_assignment(
        &self,
        id: i64,
        at: Micros,
        author: &str,
        clock: Micros,
    ) -> Result<Assignment> {
        self.write(Touch::ASSIGNMENTS, |conn| {
            end(conn, &need(conn, id)?, at, author, clock)
        })
    }

    /// Takes back an assignment made in error: it attributes nothing any more. Again changes
    /// nothing.
    ///
    /// # Errors
    /// No such assignment.
    pub fn cancel_assignment(&self, id: i64, author: &str, clock: Micros) -> Result<Assignment> {
        id::check_text("assignment", "author", author)?;
        self.write(Touch::ASSIGNMENTS, |conn| {
            conn.prepare_cached(
                "UPDATE assignment SET cancelled = 1, changed_by = ?, changed_at = ? WHERE id = ? AND cancelled = 0",
            )?
            .execute(params![author, clock, id])?;
            need(conn, id)
        })
    }

    /// One assignment.
    ///
    /// # Errors
    /// The database failed.
    pub fn assignment(&self, id: i64) -> Result<Option<Assignment>> {
        self.read(|conn| get(conn, id))
    }

    /// Assignments, the latest start first, ties by row number; the cursor is `{from}/{id}`.
    ///
    /// # Errors
    /// The cursor is none of this list.
    pub fn list_assignments(
        &self,
        filter: &AssignmentFilter,
        page: &Page,
    ) -> Result<Listed<Assignment>> {
        let mut with = Where::default();
        if let Some((from, id)) = page.after_time()? {
            let id: i64 = id.parse().map_err(|_| super::page::bad_cursor())?;
            with.and(
                "(from_at < ? OR (from_at = ? AND id > ?))",
                [from.into(), from.into(), id.into()],
            );
        }
        with.equal("device", filter.device.clone());
        with.equal("patient", filter.patient.clone());
        if !filter.cancelled {
            with.and("cancelled = 0", []);
        }
        if let Some(at) = filter.at {
            let at = Value::from(at);
            with.and(
                "from_at <= ? AND (until_at IS NULL OR until_at > ?)",
                [at.clone(), at],
            );
        }
        self.read(|conn| {
            let found = with.list(
                conn,
                SELECT,
                "ORDER BY from_at DESC, id",
                page.limit(),
                read_row,
            )?;
            Ok(Listed::cut(found, page, |a| format!("{}/{}", a.from, a.id)))
        })
    }
}
