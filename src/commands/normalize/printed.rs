//! What became of the input, as lines.

use arrow_array::{Array as _, RecordBatch, StringArray};
use bumpalo::Bump;
use wardline_normalize::batch::Normalized;
use wardline_normalize::columns::{Columns, text};
use wardline_normalize::decimal::Decimal;
use wardline_normalize::mapping::measurement::{Measurement, Property};
use wardline_normalize::mapping::ticks::Ticks;

use super::alarms;
use crate::cli::To;
use crate::output;

/// What was read and is not in what is printed: it is said, so that nobody takes it for nothing.
#[derive(Debug, Default)]
pub(super) struct Told {
    rows: usize,
    alarms: usize,
    waveforms: usize,
}

impl Told {
    pub(super) fn count(&mut self, normalized: &Normalized) {
        self.rows += normalized.rows.num_rows();
        self.alarms += normalized.alarms.len();
        self.waveforms += normalized.waveforms.len();
    }

    pub(super) fn finish(&self, to: To) {
        let parts = [
            (self.rows, "readings", to == To::Alarms),
            (
                self.alarms,
                "alarms (--to alarms prints them)",
                to != To::Alarms,
            ),
            (self.waveforms, "pieces of waveforms", true),
        ];
        for (count, what, aside) in parts {
            if count > 0 && aside {
                output::talk(&format!("also read: {count} {what}"));
            }
        }
    }
}

/// Everything of a batch that is asked for.
pub(super) fn all(
    normalized: Normalized,
    to: To,
    patient: Option<&str>,
) -> anyhow::Result<Vec<u8>> {
    if to == To::Alarms {
        return Ok(alarms::printed(&normalized));
    }
    printed(&of_patient(normalized.rows, patient)?, to)
}

/// The rows as one patient's, if one is given.
pub(super) fn of_patient(rows: RecordBatch, patient: Option<&str>) -> anyhow::Result<RecordBatch> {
    let Some(patient) = patient else {
        return Ok(rows);
    };
    let index = rows.schema().index_of("patient_id")?;
    let mut columns = rows.columns().to_vec();
    let patients = std::iter::repeat_n(patient, rows.num_rows());
    columns[index] = std::sync::Arc::new(StringArray::from_iter_values(patients));
    Ok(RecordBatch::try_new(rows.schema(), columns)?)
}

pub(super) fn printed(rows: &RecordBatch, to: To) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    if to == To::Fhir {
        let projection = wardline_normalize::fhir::Projection::default();
        for observation in wardline_normalize::fhir::observations(rows, &projection) {
            out.extend_from_slice(observation.to_json().as_bytes());
            out.push(b'\n');
        }
        return Ok(out);
    }
    let columns = Columns::new(rows)?;
    if to == To::Measurements {
        for row in 0..columns.len() {
            measurement(&columns, row, &mut out);
        }
        return Ok(out);
    }
    for row in 0..columns.len() {
        wardline_dashboard::json::row(&columns, row, &mut out);
        out.push(b'\n');
    }
    Ok(out)
}

/// A row as a measurement: its metric is the type; value, unit or reason of absence are the properties.
fn measurement(columns: &Columns<'_>, row: usize, out: &mut Vec<u8>) {
    let arena = Bump::new();
    let number = columns.value.is_valid(row).then(|| {
        let value = columns.value.value(row);
        let decimals = columns
            .decimals
            .is_valid(row)
            .then(|| columns.decimals.value(row));
        decimals
            .and_then(|decimals| Decimal::from_f64_decimals(value, decimals))
            .map_or_else(|| value.to_string(), |decimal| decimal.to_string())
    });
    let number = number.map(|text| &*arena.alloc_str(&text));
    let parts = [
        ("value", number.or_else(|| text(columns.value_text, row))),
        ("unit", text(columns.unit, row)),
        ("dataAbsentReason", text(columns.data_absent_reason, row)),
        ("quality", text(columns.quality, row)),
    ];
    let properties: Vec<Property<'_>> = parts
        .into_iter()
        .filter_map(|(name, value)| {
            Some(Property {
                name,
                value: value?,
            })
        })
        .collect();
    let effective = columns.effective.value(row);
    Measurement {
        type_name: columns.metric(row),
        occurrence: Ticks::from_micros(effective).unwrap_or(Ticks::MIN),
        device_id: columns.device_id.value(row),
        patient_id: text(columns.patient_id, row),
        encounter_id: text(columns.encounter_id, row),
        correlation_id: None,
        properties: &properties,
    }
    .to_json(out);
    out.push(b'\n');
}
