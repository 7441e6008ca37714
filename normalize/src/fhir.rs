//! FHIR R4 (4.0.1) Observations from columns; alerts are in [`alert`].
//!
//! What comes out is valid against the base resource, and against a vital-signs profile whenever a LOINC code that
//! demands one appears (clinical.md 2.1). Choices made here:
//!
//! * A vital sign in another UCUM unit than its profile allows is converted (K to °C, kPa to mmHg) and rounded to
//!   the resolution it was sent with. In a unit that is no UCUM, or with a text value, it cannot conform: the LOINC
//!   codes and the category are left out, and the MDC code, the text and the value as sent remain.
//! * Blood pressure is one Observation per panel id with systolic and diastolic always present, absent-valued when
//!   missing. A component in a unit that cannot be converted is absent with `as-text`, and a note says what was sent.
//! * An implausible value stays, with security label UNRELIABLE and a note. Questionable, early or calibrating
//!   values carry UNCERTREL, demo and test data HTEST.
//! * `versionId` of a panel is the sum of its rows' versions, so it grows when a component arrives or is corrected.

pub mod alert;
mod codes;
mod group;
pub mod input;
mod project;
mod types;
mod value;

use crate::columns::{Columns, text};
use arrow_array::{Array, RecordBatch};

pub(crate) use codes::{CATEGORY, LOINC, UCUM};
pub use types::Observation;

/// How references and identifiers are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    /// Before `Patient/…` and `Device/…`: empty for relative references, else the server's base with a slash.
    pub base: String,
}

/// The Observations of these rows, in the order in which their first rows appear. Rows of one panel id are one
/// Observation. Rows without a patient are skipped: FHIR does not serve them.
///
/// # Panics
/// If `rows` lacks a column of [`crate::columns::schema`].
#[must_use]
pub fn observations(rows: &RecordBatch, projection: &Projection) -> Vec<Observation> {
    let columns = Columns::new(rows).expect("rows have the columns of the observation table");
    let attributed = (0..columns.len()).filter(|&row| columns.patient_id.is_valid(row));
    group::group(&columns, attributed)
        .iter()
        .map(|rows| project::project(&columns, rows, projection))
        .collect()
}

impl Observation {
    /// The logical id: the row's id, or the panel id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The patient's id.
    #[must_use]
    pub fn patient(&self) -> &str {
        &self.patient
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, lists and checked numbers are JSON")
    }
}

/// A nullable text of a row.
fn at(array: &arrow_array::StringArray, row: usize) -> Option<&str> {
    text(array, row).filter(|text| !text.is_empty())
}

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod tests;
