//! Imports: a whole file, or nothing.

mod rows;

use std::collections::HashMap;

use rusqlite::Connection;

use super::identifier::{self, DEVICE, Owner, PATIENT};
use super::{
    DeviceFields, Error, Identifier, Micros, NewAssignment, PatientFields, Registry, Result,
    RowFault, Sex, Touch, assignment, bed, device, id, patient, time,
};
use rows::Row;

/// What a file holds, one row a line. Fields in brackets may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// `[id], [name], [birth_date], [sex], [tags], [identifiers], [active], [ward], [care_team]`. A
    /// row is of a known patient when it has the id, else when it has one of the identifiers.
    Patients,
    /// `[id], [name], [kind], [manufacturer], [model], [serial], [site], [gateway],
    /// [identifiers], [active]`, known by id or identifier too.
    Devices,
    /// `[id], label, [site]`, known by id or label.
    Beds,
    /// `device, [device_user], patient, from, [until]`; device and patient as opaque id or as
    /// `system|value`, times in RFC 3339.
    Assignments,
}

impl ImportKind {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Patients => &[
                "id",
                "name",
                "birth_date",
                "sex",
                "tags",
                "identifiers",
                "active",
                "ward",
                "care_team",
            ],
            Self::Devices => &[
                "id",
                "name",
                "kind",
                "manufacturer",
                "model",
                "serial",
                "site",
                "gateway",
                "identifiers",
                "active",
            ],
            Self::Beds => &["id", "label", "site"],
            Self::Assignments => &["device", "device_user", "patient", "from", "until"],
        }
    }

    fn touches(self) -> Touch {
        match self {
            Self::Patients => Touch::PATIENTS,
            Self::Devices => Touch::DEVICES,
            Self::Beds => Touch::BEDS,
            Self::Assignments => Touch::ASSIGNMENTS,
        }
    }
}

/// How it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportFormat {
    /// With a header line; lists are separated by `;`, an identifier is `system|value`, an
    /// empty cell is no value.
    Csv,
    /// One JSON object a line; lists are arrays, an identifier is `{"system":…,"value":…}`.
    Ndjson,
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Imported {
    /// Rows added.
    pub created: usize,
    /// Rows that were there and changed.
    pub updated: usize,
    /// Rows that were there and said the same.
    pub unchanged: usize,
}

/// Most rows of one import: it is one transaction, and holds the writer while it lasts.
const MAX_ROWS: usize = 100_000;

enum Done {
    Created,
    Updated,
    Unchanged,
}

/// What a row did, and the id of what it is about; `None` where rows may repeat.
type Applied = Result<(Option<String>, Done)>;

/// The row has faults already and was not tried.
const SKIPPED: Applied = Ok((None, Done::Unchanged));

impl Done {
    fn changed(changed: bool) -> Self {
        if changed {
            Self::Updated
        } else {
            Self::Unchanged
        }
    }
}

/// The row's own id, or the id of whoever holds one of its identifiers.
fn known(
    conn: &Connection,
    owner: Owner,
    given: Option<&str>,
    held: &[Identifier],
) -> Result<Option<String>> {
    if let Some(id) = given {
        return Ok(Some(id.to_owned()));
    }
    for one in held {
        if let Some(id) = identifier::holder(conn, owner, one)? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// An opaque id, or `system|value` of somebody who is known.
fn named(conn: &Connection, owner: Owner, name: String) -> Result<String> {
    let Some((system, value)) = name.split_once('|') else {
        return Ok(name);
    };
    let wanted = Identifier {
        system: system.to_owned(),
        value: value.to_owned(),
    };
    identifier::holder(conn, owner, &wanted)?
        .ok_or_else(|| Error::invalid(owner.entity, "identifier", "names nobody who is known"))
}

fn patient_row(conn: &Connection, row: &mut Row, clock: Micros) -> Applied {
    let given = row.text("id");
    let fields = PatientFields {
        name: row.text("name"),
        birth_date: row.text("birth_date"),
        sex: row.parsed("sex", "must be male, female, other or unknown", Sex::parse),
        tags: row.texts("tags"),
        identifiers: row.identifiers("identifiers"),
        active: row.flag("active").unwrap_or(true),
        ward: row.text("ward"),
        care_team: row.text("care_team"),
    };
    if row.faulty() {
        return SKIPPED;
    }
    match known(conn, PATIENT, given.as_deref(), &fields.identifiers)? {
        Some(id) if patient::exists(conn, &id)? => {
            let changed = patient::update(conn, &id, &fields, clock)?;
            Ok((Some(id), Done::changed(changed)))
        }
        id => {
            let id = patient::insert(conn, id.as_deref(), &fields, clock)?;
            Ok((Some(id), Done::Created))
        }
    }
}

fn device_row(conn: &Connection, row: &mut Row, clock: Micros) -> Applied {
    let given = row.text("id");
    let fields = DeviceFields {
        name: row.text("name"),
        kind: row.text("kind"),
        manufacturer: row.text("manufacturer"),
        model: row.text("model"),
        serial: row.text("serial"),
        site: row.text("site"),
        gateway: row.text("gateway"),
        identifiers: row.identifiers("identifiers"),
        active: row.flag("active").unwrap_or(true),
    };
    if row.faulty() {
        return SKIPPED;
    }
    match known(conn, DEVICE, given.as_deref(), &fields.identifiers)? {
        Some(id) if device::exists(conn, &id)? => {
            let changed = device::update(conn, &id, &fields, clock)?;
            Ok((Some(id), Done::changed(changed)))
        }
        id => {
            let id = device::insert(conn, id.as_deref(), &fields, clock)?;
            Ok((Some(id), Done::Created))
        }
    }
}

fn bed_row(conn: &Connection, row: &mut Row) -> Applied {
    let (given, label, site) = (row.text("id"), row.needed("label"), row.text("site"));
    let (Some(label), false) = (label, row.faulty()) else {
        return SKIPPED;
    };
    let id = match given {
        Some(id) => Some(id),
        None => bed::find(conn, &label)?.map(|bed| bed.id),
    };
    match id {
        Some(id) if bed::exists(conn, &id)? => {
            let changed = bed::update(conn, &id, &label, site.as_deref())?;
            Ok((Some(id), Done::changed(changed)))
        }
        id => {
            let bed = bed::insert(conn, id.as_deref(), &label, site.as_deref())?;
            Ok((Some(bed.id), Done::Created))
        }
    }
}

fn assignment_row(conn: &Connection, row: &mut Row, author: &str, clock: Micros) -> Applied {
    let problem = "must be a time as 2026-11-22T08:00:00Z";
    let (device, patient) = (row.needed("device"), row.needed("patient"));
    let device_user = row.text("device_user");
    row.needed("from");
    let (from, until) = (
        row.parsed("from", problem, time::parse),
        row.parsed("until", problem, time::parse),
    );
    let (Some(device), Some(patient), Some(from), false) = (device, patient, from, row.faulty())
    else {
        return SKIPPED;
    };
    let new = NewAssignment {
        device: named(conn, DEVICE, device)?,
        device_user,
        patient: named(conn, PATIENT, patient)?,
        from,
        until,
        author: author.to_owned(),
    };
    let (_, added) = assignment::insert(conn, &new, clock)?;
    Ok((
        None,
        if added {
            Done::Created
        } else {
            Done::Unchanged
        },
    ))
}

/// Where a fault is, as far as the error tells.
fn fault(line: u64, error: Error) -> Result<RowFault> {
    let (field, message) = match error {
        Error::Invalid {
            entity,
            field,
            problem,
        } => match field {
            "identifier" => (Some(entity.to_owned()), format!("{field} {problem}")),
            _ => (Some(field.to_owned()), problem),
        },
        error @ (Error::NotFound { .. }
        | Error::Taken { .. }
        | Error::Overlap(_)
        | Error::State { .. }) => (None, error.to_string()),
        // Not the row's fault: the import stops.
        other => return Err(other),
    };
    Ok(RowFault {
        line,
        field,
        message,
    })
}

impl Registry {
    /// Imports a file in one transaction. All faults are reported at once, and then nothing is
    /// changed; the same file again changes nothing.
    ///
    /// # Errors
    /// [`Error::Import`] with every fault.
    pub fn import(
        &self,
        kind: ImportKind,
        format: ImportFormat,
        data: &[u8],
        author: &str,
        clock: Micros,
    ) -> Result<Imported> {
        id::check_text("import", "author", author)?;
        let (mut rows, mut faults) = match format {
            ImportFormat::Csv => rows::csv(data, kind.columns()),
            ImportFormat::Ndjson => rows::ndjson(data, kind.columns()),
        };
        if rows.len() > MAX_ROWS {
            return Err(Error::invalid(
                "import",
                "file",
                format!("has more than {MAX_ROWS} rows"),
            ));
        }
        self.write(kind.touches(), |conn| {
            let mut imported = Imported::default();
            let mut seen: HashMap<String, u64> = HashMap::new();
            for row in &mut rows {
                // A row that fails half-way leaves nothing that could make a later row fail.
                conn.execute_batch("SAVEPOINT import_row")?;
                let done = match kind {
                    ImportKind::Patients => patient_row(conn, row, clock),
                    ImportKind::Devices => device_row(conn, row, clock),
                    ImportKind::Beds => bed_row(conn, row),
                    ImportKind::Assignments => assignment_row(conn, row, author, clock),
                };
                match done {
                    Ok((id, done)) => {
                        if let Some(first) = id.and_then(|id| seen.insert(id, row.line)) {
                            row.fault("id", format!("is the same as on line {first}"));
                        }
                        match done {
                            Done::Created => imported.created += 1,
                            Done::Updated => imported.updated += 1,
                            Done::Unchanged => imported.unchanged += 1,
                        }
                    }
                    Err(error) => {
                        conn.execute_batch("ROLLBACK TO import_row")?;
                        faults.push(fault(row.line, error)?);
                    }
                }
                conn.execute_batch("RELEASE import_row")?;
                faults.append(&mut row.faults);
            }
            if faults.is_empty() {
                return Ok(imported);
            }
            faults.sort_by_key(|fault| fault.line);
            Err(Error::Import(faults))
        })
    }
}
