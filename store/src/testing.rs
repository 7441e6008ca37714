//! Rows for tests.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, Float64Array, Int8Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow_array::{RecordBatch, new_null_array};
use arrow_schema::DataType;
use wardline_normalize::columns;

/// A column of any type without nulls.
pub(crate) fn filler(kind: &DataType, n: usize) -> ArrayRef {
    match kind {
        DataType::Utf8 => Arc::new(StringArray::from(vec!["x"; n])),
        DataType::Int64 => Arc::new(Int64Array::from(vec![1; n])),
        DataType::Int8 => Arc::new(Int8Array::from(vec![1; n])),
        DataType::Float64 => Arc::new(Float64Array::from(vec![1.0; n])),
        _ => Arc::new(TimestampMicrosecondArray::from(vec![0; n]).with_timezone("UTC")),
    }
}

/// What a test wants to say about a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) device: String,
    pub(crate) mdc: String,
    pub(crate) at: i64,
    pub(crate) value: f64,
    pub(crate) version: i64,
    pub(crate) patient: Option<String>,
    pub(crate) panel: Option<String>,
}

impl Row {
    pub(crate) fn new(device: &str, at: i64, value: f64) -> Self {
        Self {
            device: device.to_owned(),
            mdc: "MDC_PULS_RATE".to_owned(),
            at,
            value,
            version: 1,
            patient: Some(format!("p-{device}")),
            panel: None,
        }
    }

    pub(crate) fn id(&self) -> String {
        wardline_normalize::id::row_id(self.at, &self.device, &self.mdc, None, None, None)
    }
}

/// A batch of `columns::schema`.
pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
    let n = rows.len();
    let text = |f: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(f).collect::<StringArray>())
    };
    let time = || -> ArrayRef {
        let at: Vec<i64> = rows.iter().map(|r| r.at).collect();
        Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC"))
    };
    let arrays = columns::schema()
        .fields()
        .iter()
        .map(|f| match f.name().as_str() {
            "id" => text(&|r| Some(r.id())),
            "version" => Arc::new(rows.iter().map(|r| Some(r.version)).collect::<Int64Array>()),
            "patient_id" => text(&|r| r.patient.clone()),
            "device_id" => text(&|r| Some(r.device.clone())),
            "mdc" => text(&|r| Some(r.mdc.clone())),
            "panel_id" => text(&|r| r.panel.clone()),
            "code" => text(&|_| Some("8867-4".to_owned())),
            "status" => text(&|_| Some("final".to_owned())),
            "effective" | "received" => time(),
            "value" => Arc::new(rows.iter().map(|r| Some(r.value)).collect::<Float64Array>()),
            _ if f.is_nullable() => new_null_array(f.data_type(), n),
            _ => filler(f.data_type(), n),
        })
        .collect();
    RecordBatch::try_new(columns::schema(), arrays).expect("columns of the schema")
}
