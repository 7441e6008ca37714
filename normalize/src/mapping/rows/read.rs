//! Rows to measurements.

use crate::columns::{Columns, MissingColumn, text};
use crate::mapping::measurement::{Measurement, Property};
use crate::mapping::ticks::Ticks;
use arrow_array::{Array, RecordBatch};
use std::borrow::Cow;
use std::collections::HashMap;

/// A measurement made from rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedMeasurement {
    pub type_name: String,
    pub occurrence: Ticks,
    pub device_id: String,
    pub patient_id: Option<String>,
    pub encounter_id: Option<String>,
    pub correlation_id: Option<String>,
    /// Names and values, in the order of the rows.
    pub properties: Vec<(String, String)>,
}

impl OwnedMeasurement {
    /// The properties as a [`Measurement`] borrows them.
    #[must_use]
    pub fn properties(&self) -> Vec<Property<'_>> {
        let pairs = self.properties.iter();
        pairs
            .map(|(name, value)| Property { name, value })
            .collect()
    }

    /// The measurement, borrowing what [`Self::properties`] gave.
    #[must_use]
    pub fn borrow<'a>(&'a self, properties: &'a [Property<'a>]) -> Measurement<'a> {
        Measurement {
            type_name: &self.type_name,
            occurrence: self.occurrence,
            device_id: &self.device_id,
            patient_id: self.patient_id.as_deref(),
            encounter_id: self.encounter_id.as_deref(),
            correlation_id: self.correlation_id.as_deref(),
            properties,
        }
    }
}

/// The measurements that these rows came from, in the order of their first rows. Rows of one device, type, patient,
/// encounter, correlation id and time are one measurement. Rows without a type name are not a mapping's and are
/// passed over, as are indices beyond the batch.
///
/// # Errors
/// A column of the table is missing.
pub fn measurements_from_rows(
    rows: &RecordBatch,
    indices: impl IntoIterator<Item = usize>,
) -> Result<Vec<OwnedMeasurement>, MissingColumn> {
    let columns = Columns::new(rows)?;
    let mut out: Vec<OwnedMeasurement> = Vec::new();
    let mut known: HashMap<[Option<&str>; 5], HashMap<i64, usize>> = HashMap::new();
    for row in indices.into_iter().filter(|row| *row < columns.len()) {
        let Some(type_name) = text(columns.type_name, row) else {
            continue;
        };
        let device = columns.device_id.value(row);
        let patient = text(columns.patient_id, row);
        let encounter = text(columns.encounter_id, row);
        let correlation = text(columns.correlation_id, row);
        let time = columns.effective.value(row);
        let index = *known
            .entry([
                Some(device),
                Some(type_name),
                patient,
                encounter,
                correlation,
            ])
            .or_default()
            .entry(time)
            .or_insert(out.len());
        if index == out.len() {
            out.push(OwnedMeasurement {
                type_name: type_name.to_owned(),
                occurrence: Ticks(time.saturating_mul(10)),
                device_id: device.to_owned(),
                patient_id: patient.map(str::to_owned),
                encounter_id: encounter.map(str::to_owned),
                correlation_id: correlation.map(str::to_owned),
                properties: Vec::new(),
            });
        }
        let property = text(columns.value_name, row).zip(value(&columns, row));
        if let (Some((name, value)), Some(measurement)) = (property, out.get_mut(index)) {
            let property = (name.to_owned(), value.into_owned());
            measurement.properties.push(property);
        }
    }
    Ok(out)
}

/// The text that the device's event gave for a row.
pub(super) fn value<'a>(columns: &Columns<'a>, row: usize) -> Option<Cow<'a, str>> {
    if let Some(text) = text(columns.value_text, row) {
        return Some(Cow::Borrowed(text));
    }
    let decimals = columns
        .decimals
        .is_valid(row)
        .then(|| columns.decimals.value(row));
    columns
        .value
        .is_valid(row)
        .then(|| Cow::Owned(printed(columns.value.value(row), decimals)))
}

/// A number with its decimals.
pub(super) fn printed(value: f64, decimals: Option<i8>) -> String {
    match decimals {
        Some(decimals) => {
            let decimals = usize::from(decimals.max(0).unsigned_abs());
            format!("{value:.decimals$}")
        }
        None => value.to_string(),
    }
}
