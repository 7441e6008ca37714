//! Whose reading it is: by assignment at the effective time, then by identifier, then by bed.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch, StringArray};
use arrow_select::filter::filter_record_batch;
use wardline_normalize::columns::Columns;
use wardline_normalize::id::is_fhir_id;
use wardline_normalize::mapping::rows::assign_panel_ids;
use wardline_normalize::measurement::Claims;
use wardline_store::registry::Assignments;

use crate::mappings::Mappings;

/// Rows with their patients, and those that may not be stored.
#[derive(Debug)]
pub(crate) struct Attributed {
    pub(crate) rows: RecordBatch,
    /// Row index before, reason and detail.
    pub(crate) refused: Vec<(usize, &'static str, String)>,
    /// How many of `rows` have no patient.
    pub(crate) unattributed: usize,
}

/// Fills in `patient_id`, `encounter_id` and, of mapped rows, the Observation they belong to, whose id depends on
/// the patient. `claims` name rows by index.
pub(crate) fn attribute(
    rows: &RecordBatch,
    claims: &[(u32, Claims)],
    assignments: &Assignments,
    mappings: &Mappings,
) -> Result<Attributed, arrow::error::ArrowError> {
    let columns = Columns::new(rows)
        .map_err(|error| arrow::error::ArrowError::SchemaError(error.to_string()))?;
    let claims: HashMap<usize, &Claims> = claims
        .iter()
        .map(|(row, claims)| (*row as usize, claims))
        .collect();
    let mut patients: Vec<Option<&str>> = Vec::with_capacity(rows.num_rows());
    let mut encounters: Vec<Option<&str>> = Vec::with_capacity(rows.num_rows());
    let mut refused = Vec::new();
    for row in 0..rows.num_rows() {
        let device = columns.device_id.value(row);
        let user = wardline_normalize::columns::text(columns.device_user, row);
        let at = columns.effective.value(row);
        let patient = whose((device, user, at), claims.get(&row).copied(), assignments);
        encounters.push(
            claims
                .get(&row)
                .and_then(|claims| claims.encounter.as_deref())
                .filter(|encounter| is_fhir_id(encounter)),
        );
        match patient {
            Ok(patient) => patients.push(patient),
            Err((reason, detail)) => {
                patients.push(None);
                refused.push((row, reason, detail));
            }
        }
    }
    let schema = rows.schema();
    let index = schema.index_of("patient_id")?;
    let mut arrays = rows.columns().to_vec();
    if encounters.iter().any(Option::is_some) {
        arrays[schema.index_of("encounter_id")?] = Arc::new(StringArray::from(encounters));
    }
    let unattributed = patients.iter().filter(|patient| patient.is_none()).count() - refused.len();
    arrays[index] = Arc::new(StringArray::from(patients));
    let mut rows = RecordBatch::try_new(rows.schema(), arrays)?;
    if !refused.is_empty() {
        let mut keep = vec![true; rows.num_rows()];
        for (row, _, _) in &refused {
            keep[*row] = false;
        }
        rows = filter_record_batch(&rows, &BooleanArray::from(keep))?;
    }
    let rows = assign_panel_ids(&rows, |source| mappings.by_source(source))
        .map_err(|error| arrow::error::ArrowError::SchemaError(error.to_string()))?;
    Ok(Attributed {
        rows,
        refused,
        unattributed,
    })
}

/// Whose it is what a device, or one of its users, said at a time.
pub(super) fn whose<'a>(
    (device, user, at): (&str, Option<&str>, i64),
    claims: Option<&'a Claims>,
    assignments: &'a Assignments,
) -> Result<Option<&'a str>, (&'static str, String)> {
    // Only people speak for it, over HTTP: a message could correct what they measured.
    if device == crate::backend::MANUAL_DEVICE {
        return Err((
            "reserved-device",
            format!("device {device:?} is for manual observations"),
        ));
    }
    let assigned = assignments.resolve(device, user, at);
    match claims {
        None => Ok(assigned),
        Some(claims) => claimed(claims, assigned, at, assignments),
    }
}

/// What the payload says of the patient must agree with the assignment and with itself.
fn claimed<'a>(
    claims: &'a Claims,
    assigned: Option<&'a str>,
    at: i64,
    assignments: &'a Assignments,
) -> Result<Option<&'a str>, (&'static str, String)> {
    let conflict = |what: &str| {
        let detail = format!("the payload's {what} names another patient than the assignment");
        Err(("patient-conflict", detail))
    };
    let identified = match claims.patient.as_deref() {
        None => None,
        Some(identifier) => match known_patient(identifier, assignments) {
            Some(patient) => Some(patient),
            None => {
                return Err((
                    "unknown-patient",
                    "the payload's patient identifier is not registered".to_owned(),
                ));
            }
        },
    };
    let bedded = claims
        .bed
        .as_deref()
        .and_then(|bed| assignments.by_bed(bed, at));
    if let (Some(assigned), Some(identified)) = (assigned, identified)
        && assigned != identified
    {
        return conflict("patient identifier");
    }
    if let (Some(known), Some(bedded)) = (assigned.or(identified), bedded)
        && known != bedded
    {
        return conflict("bed");
    }
    Ok(assigned.or(identified).or(bedded))
}

/// A foreign identifier, as `system|value` or bare, or one of our own ids.
fn known_patient<'a>(identifier: &'a str, assignments: &'a Assignments) -> Option<&'a str> {
    match identifier.rsplit_once('|') {
        Some((system, value)) => assignments.by_identifier(Some(system), value),
        None if assignments.knows_patient(identifier) => Some(identifier),
        None => assignments.by_identifier(None, identifier),
    }
}
