//! Rows to Observations: our own projection, and for mapped rows the mapping's.

use std::collections::{HashMap, HashSet};

use arrow::compute::filter_record_batch;
use arrow_array::{BooleanArray, RecordBatch};
use wardline_normalize::columns::{Columns, text};
use wardline_normalize::fhir::{Projection, observations};
use wardline_normalize::mapping::rows;

use crate::backend::Backend;
use crate::reply::Failure;

/// An Observation as it goes out.
pub(crate) struct Projected {
    pub(crate) id: String,
    pub(crate) patient: String,
    pub(crate) json: String,
}

/// The Observations of whole resources, in the order of their first rows.
pub(crate) fn project(
    batch: &RecordBatch,
    backend: &dyn Backend,
) -> Result<Vec<Projected>, Failure> {
    let columns = Columns::new(batch).map_err(fault)?;
    let resource =
        |row: usize| text(columns.panel_id, row).unwrap_or_else(|| columns.id.value(row));
    let mut made: HashMap<String, Vec<Projected>> = HashMap::new();
    let mut add = |one: Projected| made.entry(one.id.clone()).or_default().push(one);
    let mapped = rows::project(batch, |source| backend.mapping(source)).map_err(fault)?;
    for one in mapped.observations {
        if let Some(patient) = one.subject {
            add(Projected {
                id: one.id,
                patient,
                json: one.json,
            });
        }
    }
    if !mapped.others.is_empty() {
        let others: HashSet<usize> = mapped.others.into_iter().collect();
        let keep: BooleanArray = (0..columns.len())
            .map(|row| Some(others.contains(&row)))
            .collect();
        let projection = Projection {
            base: String::new(),
        };
        for one in observations(
            &filter_record_batch(batch, &keep).map_err(fault)?,
            &projection,
        ) {
            add(Projected {
                id: one.id().to_owned(),
                patient: one.patient().to_owned(),
                json: one.to_json(),
            });
        }
    }
    let mut seen = HashSet::new();
    let mut ordered = Vec::new();
    for row in 0..columns.len() {
        let id = resource(row);
        if seen.insert(id) {
            ordered.extend(made.remove(id).unwrap_or_default());
        }
    }
    Ok(ordered)
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::internal(&error.to_string())
}
