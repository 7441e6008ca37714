//! Patients: who a reading can belong to.

use chrono::NaiveDate;

use super::{Listed, Micros, Page, Registry, Result};

/// A name that somebody else gave: a medical record number, a monitor's serial number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    /// Namespace, usually a URI; empty when the sender states none.
    pub system: String,
    /// The identifier within it.
    pub value: String,
}

/// FHIR R4 administrative gender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are FHIR's")]
pub enum Sex {
    Male,
    Female,
    Other,
    Unknown,
}

/// What can be said about a patient; all of it may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PatientFields {
    /// For people's eyes only; never in logs, topics or URLs.
    pub name: Option<String>,
    /// Date of birth.
    pub birth_date: Option<NaiveDate>,
    /// Administrative gender.
    pub sex: Option<Sex>,
    /// Free words that rules may ask for (`copd`), each once, sorted.
    pub tags: Vec<String>,
    /// Foreign identifiers; (system, value) names one patient only.
    pub identifiers: Vec<Identifier>,
}

/// A patient as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Opaque id.
    pub id: String,
    /// The rest.
    pub fields: PatientFields,
    /// When the row was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

impl Registry {
    /// Adds a patient; without an id a random one is given.
    pub fn create_patient(&self, id: Option<&str>, fields: &PatientFields, clock: Micros) -> Result<Patient> {
        unimplemented!("{id:?} {fields:?} {clock}")
    }

    /// Replaces everything said about a patient.
    pub fn update_patient(&self, id: &str, fields: &PatientFields, clock: Micros) -> Result<Patient> {
        unimplemented!("{id:?} {fields:?} {clock}")
    }

    /// One patient.
    pub fn patient(&self, id: &str) -> Result<Option<Patient>> {
        unimplemented!("{id:?}")
    }

    /// Patients by id; `text` keeps those whose id, name, tag or identifier value contains it
    /// (ASCII case does not matter).
    pub fn patients(&self, text: Option<&str>, page: &Page) -> Result<Listed<Patient>> {
        unimplemented!("{text:?} {page:?}")
    }
}
