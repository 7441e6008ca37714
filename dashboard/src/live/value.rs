//! One latest value.

use arrow_array::Array;
use wardline_normalize::columns::{Columns, text};

use crate::backend::Micros;

/// The latest reading of one metric of one patient.
#[derive(Debug, Clone, PartialEq)]
pub struct Latest {
    /// Row id.
    pub id: String,
    /// Row version.
    pub version: i64,
    /// Whose.
    pub patient: String,
    /// MDC reference id, else own code.
    pub metric: String,
    /// LOINC or local code.
    pub code: String,
    /// From which device.
    pub device: String,
    /// Number, when it is one.
    pub value: Option<f64>,
    /// Decimals the device sent.
    pub decimals: Option<i8>,
    /// Coded or text value, when it is one.
    pub value_text: Option<String>,
    /// Why there is no value.
    pub absent: Option<String>,
    /// UCUM.
    pub unit: Option<String>,
    /// When measured.
    pub effective: Micros,
    /// When the server took it.
    pub received: Micros,
    /// FHIR status.
    pub status: String,
    /// `questionable`, `demo`, …
    pub quality: Option<String>,
    /// How often a reading is expected.
    pub expected: Micros,
}

impl Latest {
    pub(super) fn of(columns: &Columns<'_>, row: usize, patient: &str, expected: Micros) -> Self {
        let own = |array, row| text(array, row).map(str::to_owned);
        let status = columns.status.value(row);
        // A value entered in error is never shown as one.
        let erroneous = status == "entered-in-error";
        let absent = if erroneous {
            Some("error".to_owned())
        } else {
            own(columns.data_absent_reason, row)
        };
        Self {
            id: columns.id.value(row).to_owned(),
            version: columns.version.value(row),
            patient: patient.to_owned(),
            metric: columns.metric(row).to_owned(),
            code: columns.code.value(row).to_owned(),
            device: columns.device_id.value(row).to_owned(),
            value: (!erroneous && columns.value.is_valid(row)).then(|| columns.value.value(row)),
            decimals: columns
                .decimals
                .is_valid(row)
                .then(|| columns.decimals.value(row)),
            value_text: own(columns.value_text, row).filter(|_| !erroneous),
            absent,
            unit: own(columns.unit, row),
            effective: columns.effective.value(row),
            received: columns.received.value(row),
            status: status.to_owned(),
            quality: own(columns.quality, row),
            expected,
        }
    }
}
