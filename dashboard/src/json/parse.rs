//! NDJSON rows back to columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, Float64Builder, Int8Builder, Int64Builder, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;
use wardline_normalize::columns::schema;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::time::parse_rfc3339;
use wardline_normalize::{id, vocabulary};

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct RowFault {
    /// 1 and up.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Reads rows as [`super::row`] writes them; empty lines are passed over, `date` is not read.
///
/// A row needs `device_id`, `effective` and `code` or `mdc`. What else the table requires has a stated
/// meaning when absent: `received` is `effective`, `version` 1, `status` final, `time_source` device, and `id`, `code`
/// and the panel follow from device, metric and time as they do for a reading. `decimals` follow from
/// the number as written.
///
/// # Errors
/// The first line that is no such row.
pub fn rows_from_ndjson(text: &str) -> Result<RecordBatch, RowFault> {
    let mut columns: Vec<Column> = schema()
        .fields()
        .iter()
        .map(|field| Column::new(field.data_type()))
        .collect();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let fault = |message: String| RowFault {
            line: index + 1,
            message,
        };
        let row = Row::read(line).map_err(fault)?;
        for (field, column) in schema().fields().iter().zip(&mut columns) {
            row.push(field.name(), column).map_err(fault)?;
        }
    }
    let arrays = columns.into_iter().map(Column::finish).collect();
    RecordBatch::try_new(schema(), arrays).map_err(|error| RowFault {
        line: 0,
        message: error.to_string(),
    })
}

struct Row<'a> {
    fields: Fields<'a>,
    /// Values for absent columns.
    implied: BTreeMap<&'static str, String>,
}

impl<'a> Row<'a> {
    fn read(line: &'a str) -> Result<Self, String> {
        let mut fields: Fields<'a> =
            serde_json::from_str(line).map_err(|error| error.to_string())?;
        fields.retain(|name, value| value.get() != "null" && name != "date");
        if let Some(name) = fields
            .keys()
            .find(|name| schema().field_with_name(name).is_err())
        {
            return Err(format!("no column {name} in the observation table"));
        }
        let mut row = Row {
            fields,
            implied: BTreeMap::new(),
        };
        row.imply()?;
        Ok(row)
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        let Some(value) = self.fields.get(name) else {
            return Ok(self.implied.get(name).cloned());
        };
        serde_json::from_str(value.get())
            .map(Some)
            .map_err(|_| format!("{name} must be text"))
    }

    fn required(&self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    fn imply(&mut self) -> Result<(), String> {
        let device = self.required("device_id")?;
        let effective = self.required("effective")?;
        let time =
            parse_rfc3339(&effective).ok_or("effective must be a time as 2026-11-22T13:00:00Z")?;
        let mdc = self.text("mdc")?;
        let metric = mdc.as_deref().and_then(vocabulary::by_mdc);
        if let Some(metric) = metric {
            self.implied.insert("code", metric.code_text().to_owned());
        }
        let code = self.text("code")?.ok_or("code or mdc is missing")?;
        self.implied.insert("received", effective);
        self.implied.insert("status", "final".to_owned());
        self.implied.insert("time_source", "device".to_owned());
        let (channel, user) = (self.text("channel")?, self.text("device_user")?);
        let key = mdc.as_deref().unwrap_or(&code);
        let row_id = id::row_id(
            time,
            &device,
            key,
            channel.as_deref(),
            user.as_deref(),
            None,
        );
        self.implied.insert("id", row_id);
        if let Some(panel) = metric.and_then(|metric| metric.panel) {
            self.implied.insert("panel", panel.loinc.to_owned());
            let panel_id = id::panel_id(
                time,
                &device,
                panel.mdc,
                channel.as_deref(),
                user.as_deref(),
            );
            self.implied.insert("panel_id", panel_id);
        }
        Ok(())
    }

    fn push(&self, name: &str, column: &mut Column) -> Result<(), String> {
        match column {
            Column::Text(builder) => builder.append_option(self.text(name)?),
            Column::Time(builder) => builder.append_option(match self.text(name)? {
                None => None,
                Some(text) => Some(
                    parse_rfc3339(&text)
                        .ok_or_else(|| format!("{name} must be an RFC 3339 time"))?,
                ),
            }),
            Column::Float(builder) => builder.append_option(self.number::<f64>(name)?),
            Column::Long(builder) => {
                builder.append_option(Some(self.number::<i64>(name)?.unwrap_or(1)))
            }
            Column::Small(builder) => builder.append_option(match self.number::<i8>(name)? {
                Some(decimals) => Some(decimals),
                None => self
                    .fields
                    .get("value")
                    .and_then(|value| Decimal::parse(value.get()))
                    .map(Decimal::decimals),
            }),
            Column::Bytes(builder) => builder.append_option(match self.text(name)? {
                None => None,
                Some(text) => Some(
                    STANDARD
                        .decode(text)
                        .map_err(|_| format!("{name} must be base64"))?,
                ),
            }),
        }
        Ok(())
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(value) = self.fields.get(name) else {
            return Ok(None);
        };
        value
            .get()
            .parse()
            .map(Some)
            .map_err(|_| format!("{name} must be a number"))
    }
}

/// One column under construction; the only 64-bit integer column is `version`, the only 8-bit one `decimals`.
enum Column {
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
    Float(Float64Builder),
    Long(Int64Builder),
    Small(Int8Builder),
    Bytes(BinaryBuilder),
}

impl Column {
    fn new(kind: &DataType) -> Self {
        match kind {
            DataType::Float64 => Self::Float(Float64Builder::new()),
            DataType::Int64 => Self::Long(Int64Builder::new()),
            DataType::Int8 => Self::Small(Int8Builder::new()),
            DataType::Binary => Self::Bytes(BinaryBuilder::new()),
            DataType::Timestamp(..) => {
                Self::Time(TimestampMicrosecondBuilder::new().with_data_type(kind.clone()))
            }
            _ => Self::Text(StringBuilder::new()),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Float(mut builder) => Arc::new(builder.finish()),
            Self::Long(mut builder) => Arc::new(builder.finish()),
            Self::Small(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
        }
    }
}
