//! The `observation` table (design 5.4) as Arrow columns: schema, builder, typed view.
//!
//! The table's partition column `date` is not here; it derives from `effective` when a file is written.

mod builder;
mod sparse;
mod view;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use std::sync::{Arc, LazyLock};

pub use builder::Builder;
pub use view::{Columns, MissingColumn, text};

/// Type of every time column.
#[must_use]
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(&UTC)))
}

static UTC: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from("UTC"));

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    use DataType::{Binary, Float64, Int8, Int64, Utf8};
    let time = timestamp_type();
    let fields = [
        ("id", Utf8, false),
        ("version", Int64, false),
        ("patient_id", Utf8, true),
        ("encounter_id", Utf8, true),
        ("device_id", Utf8, false),
        ("gateway_id", Utf8, true),
        ("site", Utf8, true),
        ("code", Utf8, false),
        ("mdc", Utf8, true),
        ("panel", Utf8, true),
        ("panel_id", Utf8, true),
        ("channel", Utf8, true),
        ("device_user", Utf8, true),
        ("value", Float64, true),
        ("value_text", Utf8, true),
        ("decimals", Int8, true),
        ("unit", Utf8, true),
        ("effective", time.clone(), false),
        ("effective_end", time.clone(), true),
        ("device_time", time.clone(), true),
        ("time_source", Utf8, false),
        ("received", time, false),
        ("status", Utf8, false),
        ("data_absent_reason", Utf8, true),
        ("interpretation", Utf8, true),
        ("body_site", Utf8, true),
        ("method", Utf8, true),
        ("quality", Utf8, true),
        ("source", Utf8, true),
        ("type_name", Utf8, true),
        ("value_name", Utf8, true),
        ("correlation_id", Utf8, true),
        ("raw", Binary, true),
    ];
    Arc::new(Schema::new(
        fields
            .into_iter()
            .map(|(name, kind, nullable)| Field::new(name, kind, nullable))
            .collect::<Vec<_>>(),
    ))
});

/// The columns of a reading, in the order of the table.
#[must_use]
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

#[cfg(test)]
mod tests;
