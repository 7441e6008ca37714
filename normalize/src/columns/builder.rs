//! Measurements to columns.

use super::sparse::{Bytes, Float, Run, Small, Text, Time};
use crate::id;
use crate::measurement::{Measurement, Value};
use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use std::sync::Arc;

/// Collects measurements as the columns of [`super::schema`]. A column that no row uses costs nothing.
#[derive(Debug, Default)]
pub struct Builder {
    rows: usize,
    scratch: Vec<u8>,
    id: Text,
    patient_id: Run,
    encounter_id: Run,
    device_id: Run,
    gateway_id: Run,
    site: Run,
    code: Text,
    mdc: Text,
    panel: Text,
    panel_id: Text,
    channel: Text,
    device_user: Text,
    value: Float,
    value_text: Text,
    decimals: Small,
    unit: Text,
    effective: Time,
    effective_end: Time,
    device_time: Time,
    time_source: Run,
    received: Time,
    status: Run,
    data_absent_reason: Text,
    interpretation: Text,
    body_site: Text,
    method: Text,
    quality: Text,
    source: Run,
    type_name: Text,
    value_name: Text,
    correlation_id: Text,
    raw: Bytes,
}

impl Builder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rows so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Appends a row, version 1, with the ids that derive from the measurement.
    pub fn push(&mut self, m: &Measurement<'_>, patient: Option<&str>, encounter: Option<&str>) {
        self.rows += 1;
        let row = id::row_id_bytes(
            &mut self.scratch,
            m.source_time,
            m.device,
            m.metric(),
            m.channel,
            m.device_user,
            m.sequence,
        );
        self.id.push(Some(id::as_str(&row)));
        self.patient_id.push(patient);
        self.encounter_id.push(encounter);
        self.device_id.push(Some(m.device));
        self.gateway_id.push(m.gateway);
        self.site.push(m.site);
        self.code.push(Some(m.code));
        self.mdc.push(m.mdc);
        if let Some(panel) = m.panel {
            let of_panel = id::panel_id_bytes(
                &mut self.scratch,
                m.source_time,
                m.device,
                panel.mdc,
                m.channel,
                m.device_user,
            );
            self.panel.push(Some(panel.loinc));
            self.panel_id.push(Some(id::as_str(&of_panel)));
        } else {
            self.panel.push(None);
            self.panel_id.push(None);
        }
        self.channel.push(m.channel);
        self.device_user.push(m.device_user);
        let (number, text, absent) = match m.value {
            Value::Number(number) => (Some(number), m.text, None),
            Value::Text(text) => (None, Some(text), None),
            Value::Absent(reason) => (None, None, Some(reason)),
        };
        self.value.push(number.map(crate::decimal::Decimal::to_f64));
        self.decimals
            .push(number.map(crate::decimal::Decimal::decimals));
        self.value_text.push(text);
        self.data_absent_reason.push(absent);
        self.unit.push(m.unit);
        self.effective.push(Some(m.effective));
        self.effective_end.push(m.effective_end);
        self.device_time.push(m.device_time);
        self.time_source.push(Some(m.time_source.as_str()));
        self.received.push(Some(m.received));
        self.status.push(Some(m.status));
        self.interpretation.push(m.interpretation);
        self.body_site.push(m.body_site);
        self.method.push(m.method);
        self.quality.push(m.quality);
        self.source.push(m.source);
        self.type_name.push(m.type_name);
        self.value_name.push(m.value_name);
        self.correlation_id.push(m.correlation_id);
        self.raw.push(m.raw);
    }

    /// The rows so far as one batch; the builder is empty again.
    #[must_use]
    pub fn finish(&mut self) -> RecordBatch {
        let rows = std::mem::take(&mut self.rows);
        let columns: Vec<ArrayRef> = vec![
            self.id.finish(),
            Arc::new(Int64Array::from_value(1, rows)),
            self.patient_id.finish(),
            self.encounter_id.finish(),
            self.device_id.finish(),
            self.gateway_id.finish(),
            self.site.finish(),
            self.code.finish(),
            self.mdc.finish(),
            self.panel.finish(),
            self.panel_id.finish(),
            self.channel.finish(),
            self.device_user.finish(),
            self.value.finish(),
            self.value_text.finish(),
            self.decimals.finish(),
            self.unit.finish(),
            self.effective.finish(),
            self.effective_end.finish(),
            self.device_time.finish(),
            self.time_source.finish(),
            self.received.finish(),
            self.status.finish(),
            self.data_absent_reason.finish(),
            self.interpretation.finish(),
            self.body_site.finish(),
            self.method.finish(),
            self.quality.finish(),
            self.source.finish(),
            self.type_name.finish(),
            self.value_name.finish(),
            self.correlation_id.finish(),
            self.raw.finish(),
        ];
        RecordBatch::try_new(super::schema(), columns)
            .expect("every column has the schema's type and one entry a row")
    }
}
