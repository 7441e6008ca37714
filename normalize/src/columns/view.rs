//! Columns to typed fields.

use arrow_array::{
    Array, BinaryArray, Float64Array, Int8Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};

/// A batch lacks a column of the `observation` table, or has it in another type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no column {name} of the expected type")]
pub struct MissingColumn {
    /// The column.
    pub name: &'static str,
}

macro_rules! view {
    ($($field:ident: $array:ty),* $(,)?) => {
        /// Typed view of a batch that has the columns of [`super::schema`], in any order and among others.
        #[derive(Debug, Clone, Copy)]
        pub struct Columns<'a> {
            rows: usize,
            $(pub $field: &'a $array,)*
        }

        impl<'a> Columns<'a> {
            /// Finds the columns by name.
            ///
            /// # Errors
            /// The first column that is missing or of another type.
            pub fn new(batch: &'a RecordBatch) -> Result<Self, MissingColumn> {
                Ok(Self {
                    rows: batch.num_rows(),
                    $($field: batch
                        .column_by_name(stringify!($field))
                        .and_then(|column| column.as_any().downcast_ref::<$array>())
                        .ok_or(MissingColumn { name: stringify!($field) })?,)*
                })
            }
        }
    };
}

view! {
    id: StringArray,
    version: Int64Array,
    patient_id: StringArray,
    encounter_id: StringArray,
    device_id: StringArray,
    gateway_id: StringArray,
    site: StringArray,
    code: StringArray,
    mdc: StringArray,
    panel: StringArray,
    panel_id: StringArray,
    channel: StringArray,
    device_user: StringArray,
    value: Float64Array,
    value_text: StringArray,
    decimals: Int8Array,
    unit: StringArray,
    effective: TimestampMicrosecondArray,
    effective_end: TimestampMicrosecondArray,
    device_time: TimestampMicrosecondArray,
    time_source: StringArray,
    received: TimestampMicrosecondArray,
    status: StringArray,
    data_absent_reason: StringArray,
    interpretation: StringArray,
    body_site: StringArray,
    method: StringArray,
    quality: StringArray,
    source: StringArray,
    type_name: StringArray,
    value_name: StringArray,
    correlation_id: StringArray,
    raw: BinaryArray,
}

/// The value of `array` at `row`, `None` when it is null.
#[must_use]
#[inline]
pub fn text(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

impl<'a> Columns<'a> {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What identifies the metric of a row: the MDC reference id, else the row's own code.
    #[must_use]
    #[inline]
    pub fn metric(&self, row: usize) -> &'a str {
        text(self.mdc, row).unwrap_or_else(|| self.code.value(row))
    }
}
