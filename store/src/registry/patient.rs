//! Patients: who a reading can belong to.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::db::{self, Where};
use super::identifier::{self, PATIENT};
use super::{Error, Identifier, ListFilter, Listed, Micros, Page, Registry, Result, Touch, id};

/// FHIR R4 administrative gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum Sex {
    Male,
    Female,
    Other,
    Unknown,
}

impl Sex {
    /// FHIR's code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "male",
            Self::Female => "female",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }

    /// From FHIR's code.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Male, Self::Female, Self::Other, Self::Unknown]
            .into_iter()
            .find(|sex| sex.as_str() == text)
    }
}

/// What can be said about a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientFields {
    /// For people's eyes only; never in logs, topics or URLs.
    pub name: Option<String>,
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`, as FHIR has it.
    pub birth_date: Option<String>,
    /// Administrative gender.
    pub sex: Option<Sex>,
    /// Free words that rules may ask for (`copd`); stored sorted, each once.
    pub tags: Vec<String>,
    /// Foreign identifiers; (system, value) names one patient only. Stored sorted.
    pub identifiers: Vec<Identifier>,
    /// Whether the patient is monitored at present. Attribution does not ask.
    pub active: bool,
    /// Opaque id of the ward, `[A-Za-z0-9.-]{1,64}`: its limits and silences hold for the patient.
    pub ward: Option<String>,
    /// Opaque id of the care team, of the same form: who is told.
    pub care_team: Option<String>,
}

impl Default for PatientFields {
    fn default() -> Self {
        Self {
            name: None,
            birth_date: None,
            sex: None,
            tags: vec![],
            identifiers: vec![],
            active: true,
            ward: None,
            care_team: None,
        }
    }
}

/// A patient as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Opaque id.
    pub id: String,
    /// What is known.
    pub fields: PatientFields,
    /// Label of the bed of an open stay ([`Registry::place_patient`]).
    pub bed: Option<String>,
    /// When the ward was last changed; none when it is as it was when the row was made.
    pub ward_since: Option<Micros>,
    /// The ward before that change.
    pub ward_before: Option<String>,
    /// When the row was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// Most tags of one patient: they are looked through on every rule evaluation.
const MAX_TAGS: usize = 32;

const SELECT: &str =
    "SELECT t.id, t.name, t.birth_date, t.sex, t.tags, t.active, t.created_at, t.updated_at,
    (SELECT b.label FROM stay s JOIN bed b ON b.id = s.bed
      WHERE s.patient = t.id AND s.until_at IS NULL ORDER BY s.from_at DESC LIMIT 1), t.ward, t.care_team,
    t.ward_since, t.ward_before
    FROM patient AS t";

fn read_row(row: &Row<'_>) -> rusqlite::Result<Patient> {
    let sex: Option<String> = row.get(3)?;
    Ok(Patient {
        id: row.get(0)?,
        fields: PatientFields {
            name: row.get(1)?,
            birth_date: row.get(2)?,
            sex: sex.map(|_| db::word(row, 3, Sex::parse)).transpose()?,
            tags: db::texts(row, 4)?,
            identifiers: Vec::new(),
            active: row.get(5)?,
            ward: row.get(9)?,
            care_team: row.get(10)?,
        },
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        bed: row.get(8)?,
        ward_since: row.get(11)?,
        ward_before: row.get(12)?,
    })
}

fn with_identifiers(conn: &Connection, mut patient: Patient) -> Result<Patient> {
    patient.fields.identifiers = identifier::of(conn, PATIENT, &patient.id)?;
    Ok(patient)
}

/// A full or partial date that exists.
fn check_birth_date(text: &str) -> Result<()> {
    let full = match text.len() {
        4 => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let shaped = full.len() == 10 && full.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if shaped && chrono::NaiveDate::parse_from_str(&full, "%Y-%m-%d").is_ok() {
        Ok(())
    } else {
        Err(Error::invalid(
            "patient",
            "birth_date",
            "must be a date as YYYY-MM-DD, YYYY-MM or YYYY",
        ))
    }
}

/// The fields as they will be stored, or why they cannot be.
fn clean(fields: &PatientFields) -> Result<PatientFields> {
    id::check_text_option("patient", "name", fields.name.as_deref())?;
    fields
        .birth_date
        .as_deref()
        .map_or(Ok(()), check_birth_date)?;
    let mut tags = fields.tags.clone();
    tags.sort();
    tags.dedup();
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid(
            "patient",
            "tags",
            format!("are more than {MAX_TAGS}"),
        ));
    }
    tags.iter()
        .try_for_each(|tag| id::check_text("patient", "tags", tag))?;
    id::check_option("patient", "ward", fields.ward.as_deref())?;
    id::check_option("patient", "care_team", fields.care_team.as_deref())?;
    let identifiers = identifier::clean(PATIENT, &fields.identifiers)?;
    Ok(PatientFields {
        tags,
        identifiers,
        ..fields.clone()
    })
}

pub(super) fn insert(
    conn: &Connection,
    given: Option<&str>,
    fields: &PatientFields,
    clock: Micros,
) -> Result<String> {
    let id = given.map_or_else(id::generate, str::to_owned);
    id::check("patient", "id", &id)?;
    let fields = clean(fields)?;
    if exists(conn, &id)? {
        return Err(Error::Taken {
            entity: "patient",
            field: "id".to_owned(),
            other: id,
        });
    }
    conn.prepare_cached(
        "INSERT INTO patient (id, name, birth_date, sex, tags, active, created_at, updated_at, ward, care_team)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )?
    .execute(params![
        id,
        fields.name,
        fields.birth_date,
        fields.sex.map(Sex::as_str),
        db::json(&fields.tags),
        fields.active,
        clock,
        clock,
        fields.ward,
        fields.care_team
    ])?;
    identifier::replace(conn, PATIENT, &id, &fields.identifiers)?;
    Ok(id)
}

/// Returns whether anything changed.
pub(super) fn update(
    conn: &Connection,
    id: &str,
    fields: &PatientFields,
    clock: Micros,
) -> Result<bool> {
    let old = get(conn, id)?.ok_or_else(|| Error::not_found("patient", id))?;
    let fields = clean(fields)?;
    if old.fields == fields {
        return Ok(false);
    }
    conn.prepare_cached(
        "UPDATE patient SET name = ?, birth_date = ?, sex = ?, tags = ?, active = ?, updated_at = ?, ward = ?,
           care_team = ? WHERE id = ?",
    )?
    .execute(params![
        fields.name,
        fields.birth_date,
        fields.sex.map(Sex::as_str),
        db::json(&fields.tags),
        fields.active,
        clock,
        fields.ward,
        fields.care_team,
        id
    ])?;
    if old.fields.ward != fields.ward {
        conn.prepare_cached("UPDATE patient SET ward_since = ?, ward_before = ? WHERE id = ?")?
            .execute(params![clock, old.fields.ward, id])?;
    }
    identifier::replace(conn, PATIENT, id, &fields.identifiers)?;
    Ok(true)
}

pub(super) fn get(conn: &Connection, id: &str) -> Result<Option<Patient>> {
    let found = conn
        .prepare_cached(&format!("{SELECT} WHERE t.id = ?"))?
        .query_row([id], read_row)
        .optional()?;
    found
        .map(|patient| with_identifiers(conn, patient))
        .transpose()
}

pub(super) fn exists(conn: &Connection, id: &str) -> Result<bool> {
    db::exists(conn, "SELECT 1 FROM patient WHERE id = ?", [id])
}

/// The row just written.
fn stored(conn: &Connection, id: &str) -> Result<Patient> {
    get(conn, id)?.ok_or_else(|| Error::not_found("patient", id))
}

impl Registry {
    /// Adds a patient; without an id a random one is given.
    ///
    /// # Errors
    /// A field is unacceptable; id or identifier is held by another patient.
    pub fn create_patient(
        &self,
        id: Option<&str>,
        fields: &PatientFields,
        clock: Micros,
    ) -> Result<Patient> {
        self.write(Touch::PATIENTS, |conn| {
            let id = insert(conn, id, fields, clock)?;
            stored(conn, &id)
        })
    }

    /// Replaces everything known of a patient.
    ///
    /// # Errors
    /// No such patient; else as [`Registry::create_patient`].
    pub fn update_patient(
        &self,
        id: &str,
        fields: &PatientFields,
        clock: Micros,
    ) -> Result<Patient> {
        self.write(Touch::PATIENTS, |conn| {
            update(conn, id, fields, clock)?;
            stored(conn, id)
        })
    }

    /// One patient.
    ///
    /// # Errors
    /// The database failed.
    pub fn patient(&self, id: &str) -> Result<Option<Patient>> {
        self.read(|conn| get(conn, id))
    }

    /// Whether any patient is on this ward.
    ///
    /// # Errors
    /// The database failed.
    pub fn has_ward(&self, ward: &str) -> Result<bool> {
        self.read(|conn| db::exists(conn, "SELECT 1 FROM patient WHERE ward = ?", [ward]))
    }

    /// Patients by id. The text of the filter is looked for in id, name, tags and identifiers;
    /// the cursor is the last id.
    ///
    /// # Errors
    /// The database failed.
    pub fn patients(&self, filter: &ListFilter, page: &Page) -> Result<Listed<Patient>> {
        let mut with = Where::default();
        if let Some(after) = &page.after {
            with.and("t.id > ?", [Value::from(after.clone())]);
        }
        if let Some(i) = &filter.identifier {
            let held = identifier::exists_sql(PATIENT, "i.system = ? AND i.value = ?");
            with.and(
                &held,
                [Value::from(i.system.clone()), Value::from(i.value.clone())],
            );
        }
        let values = "(SELECT group_concat(value, ' ') FROM patient_identifier WHERE owner = t.id)";
        with.contains(
            &["t.id", "t.name", "t.tags", values],
            filter.text.as_deref(),
        );
        self.read(|conn| {
            let found = with.list(conn, SELECT, "ORDER BY t.id", page.limit(), read_row)?;
            let found = found
                .into_iter()
                .map(|p| with_identifiers(conn, p))
                .collect::<Result<_>>()?;
            Ok(Listed::cut(found, page, |patient| patient.id.clone()))
        })
    }
}
