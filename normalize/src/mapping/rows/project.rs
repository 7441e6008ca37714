//! Rows to the Observations that their mapping makes.

use super::{loinc, read};
use crate::columns::{Columns, MissingColumn, text};
use crate::mapping::fhir::{FhirMapping, Frame, Grouping, Observation, Sample, combine};
use crate::mapping::ticks::Ticks;
use arrow_array::{Array, ArrayRef, RecordBatch};
use std::collections::HashMap;
use std::sync::Arc;

/// What rows became.
#[derive(Debug, Clone, Default)]
pub struct Projected {
    /// In the order of their first rows.
    pub observations: Vec<Observation>,
    /// Rows that no mapping speaks for: native ones, those whose mapping is gone or has no template for their type,
    /// and those that cannot be one Observation. Rows entered in error are neither here nor there.
    pub others: Vec<usize>,
}

/// Mappings by source, each looked up once.
fn mappings<'a>(
    columns: &Columns<'a>,
    lookup: impl Fn(&str) -> Option<Arc<FhirMapping>>,
) -> HashMap<&'a str, Option<Arc<FhirMapping>>> {
    let mut known = HashMap::new();
    for row in (0..columns.len()).filter(|row| columns.type_name.is_valid(*row)) {
        if let Some(source) = text(columns.source, row) {
            known.entry(source).or_insert_with(|| lookup(source));
        }
    }
    known
}

/// The Observations of mapped rows: the same that [`crate::mapping::fhir::observations`] made of the measurements,
/// patients being those of the rows. `status` is `amended` when a row was corrected, `issued` the greatest `received`.
///
/// Where rows of one Observation name several versions of a mapping, the one of the row received last speaks.
/// Whole groups are needed: [`FhirMapping::window`] says what belongs together.
///
/// # Errors
/// A column of the table is missing.
pub fn project(
    rows: &RecordBatch,
    lookup: impl Fn(&str) -> Option<Arc<FhirMapping>>,
) -> Result<Projected, MissingColumn> {
    let columns = Columns::new(rows)?;
    let mappings = mappings(&columns, lookup);
    let mapped = |row: usize| {
        let mapping = mappings.get(text(columns.source, row)?)?.as_deref()?;
        Some((
            mapping.plan(text(columns.type_name, row)?)?,
            mapping.options(),
        ))
    };
    let frame = |row: usize| Frame {
        patient: text(columns.patient_id, row),
        device: columns.device_id.value(row),
        encounter: text(columns.encounter_id, row),
        correlation: text(columns.correlation_id, row),
        time: Ticks(columns.effective.value(row).saturating_mul(10)),
        stamp: (columns.received.value(row), row as u64),
        amended: columns.version.value(row) > 1,
    };
    let valid = |row: &usize| columns.status.value(*row) != "entered-in-error";
    let mut grouping = Grouping::new(true);
    if mappings.len() > 1 {
        for row in (0..columns.len()).filter(valid) {
            if let Some((plan, options)) = mapped(row) {
                grouping.prefer(plan, options, frame(row));
            }
        }
    }
    let mut others = Vec::new();
    for row in (0..columns.len()).filter(valid) {
        let frame = frame(row);
        let group =
            mapped(row).and_then(|(plan, options)| grouping.add(plan, options, frame, row, None));
        let Some(group) = group else {
            others.push(row);
            continue;
        };
        if let Some((name, text)) = text(columns.value_name, row).zip(read::value(&columns, row)) {
            group.push(
                name,
                Sample {
                    time: frame.time,
                    stamp: frame.stamp,
                    member: row,
                    text,
                },
            );
        }
    }
    let (observations, unfit) = combine(&grouping.finish());
    others.extend(unfit.into_iter().map(|problem| problem.measurement));
    others.sort_unstable();
    Ok(Projected {
        observations,
        others,
    })
}

/// Source, type, patient, device, correlation id and time.
type Measured<'a> = ([Option<&'a str>; 5], i64);

/// The same rows with the ids of their MedTech Observations in column `panel_id`, which depend on the patient and so
/// are known once rows are attributed, and in `panel` the LOINC code of the whole where a component has its own, so
/// that either finds it. Rows that no mapping speaks for stay as they are.
///
/// # Errors
/// A column of the table is missing.
pub fn assign_panel_ids(
    rows: &RecordBatch,
    lookup: impl Fn(&str) -> Option<Arc<FhirMapping>>,
) -> Result<RecordBatch, MissingColumn> {
    let columns = Columns::new(rows)?;
    let mappings = mappings(&columns, lookup);
    if mappings.values().all(Option::is_none) {
        return Ok(rows.clone());
    }
    // The rows of one measurement follow each other and share their Observation.
    let mut last: Option<(Measured<'_>, Option<String>)> = None;
    let mut ids = arrow_array::builder::StringBuilder::new();
    let mut panels = arrow_array::builder::StringBuilder::new();
    for row in 0..columns.len() {
        let source = text(columns.source, row);
        let type_name = text(columns.type_name, row);
        let mapping = source.and_then(|source| mappings.get(source)?.as_deref());
        let Some((mapping, type_name)) = mapping.zip(type_name) else {
            ids.append_option(text(columns.panel_id, row));
            panels.append_option(text(columns.panel, row));
            continue;
        };
        let patient = text(columns.patient_id, row);
        let device = columns.device_id.value(row);
        let correlation = text(columns.correlation_id, row);
        let time = columns.effective.value(row);
        let names = [source, Some(type_name), patient, Some(device), correlation];
        let key = (names, time);
        let known = last.take().filter(|(known, _)| *known == key);
        let (_, id) = last.insert(known.unwrap_or_else(|| {
            let id = mapping.observation_id(patient, device, type_name, correlation, time);
            (key, id)
        }));
        ids.append_option(id.as_deref().or(text(columns.panel_id, row)));
        let whole = mapping
            .template(type_name)
            .and_then(|template| loinc(&template.codes))
            .filter(|code| *code != columns.code.value(row));
        panels.append_option(whole);
    }
    let mut arrays: Vec<ArrayRef> = rows.columns().to_vec();
    for (name, column) in [("panel_id", ids.finish()), ("panel", panels.finish())] {
        let place = rows.schema().index_of(name);
        let place = place.map_err(|_| MissingColumn { name })?;
        if let Some(slot) = arrays.get_mut(place) {
            *slot = Arc::new(column);
        }
    }
    Ok(RecordBatch::try_new(rows.schema(), arrays)
        .expect("nullable text columns for others of the same length"))
}
