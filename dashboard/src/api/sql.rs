//! SQL over HTTP.

use std::collections::BTreeSet;

use arrow::ipc::writer::StreamWriter;
use arrow::json::writer::{JsonArray, WriterBuilder};
use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, DataType};
use axum::http::{HeaderName, StatusCode};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::app::Call;
use crate::backend::{Role, SqlAnswer, SqlRequest};
use crate::reply::{Failure, Reply, Touched};

/// Rows of an answer when none are asked for.
const DEFAULT_ROWS: usize = 10_000;
/// Rows of an answer at most: it is held in memory; an export streams.
const MAX_ROWS: usize = 100_000;
/// Bytes of columns an answer may have, for the same reason.
const MAX_BYTES: usize = 64 * 1024 * 1024;

const ARROW: &str = "application/vnd.apache.arrow.stream";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SqlIn {
    query: String,
    #[serde(default)]
    limit: Option<usize>,
}

pub(crate) async fn run(mut call: Call) -> Result<Reply, Failure> {
    let body: SqlIn = call.json().await?;
    let limit = body.limit.unwrap_or(DEFAULT_ROWS);
    if !(1..=MAX_ROWS).contains(&limit) {
        return Err(Failure::invalid(format!(
            "limit must be from 1 to {MAX_ROWS}"
        )));
    }
    if call.principal()?.role < Role::Operate && body.query.to_lowercase().contains("quarantine") {
        let detail =
            "quarantine holds payloads as sent, which may name anybody: it needs the role operate";
        return Err(Failure::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let asked = body.query.clone();
    let as_arrow = call.accepts(ARROW);
    let answer = call
        .app
        .backend
        .sql(SqlRequest {
            text: body.query,
            limit,
        })
        .await;
    let result = answer
        .map_err(Failure::from)
        .and_then(|answer| reply(&answer, as_arrow));
    // A refused query is audited with its text too.
    let mut reply = result.unwrap_or_else(|failure| failure.into_reply(false));
    reply.asked = Some(asked);
    Ok(reply)
}

fn reply(answer: &SqlAnswer, as_arrow: bool) -> Result<Reply, Failure> {
    let bytes: usize = answer
        .batches
        .iter()
        .map(RecordBatch::get_array_memory_size)
        .sum();
    if bytes > MAX_BYTES {
        let detail = "the answer is too large; select fewer columns or rows, or use the export";
        return Err(Failure::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "too-costly",
            detail,
        ));
    }
    let mut patients = BTreeSet::new();
    for batch in &answer.batches {
        named_patients(batch, &mut patients);
    }
    let touched = Touched {
        patients,
        any: true,
    };
    let written = if as_arrow {
        arrow_stream(answer)
    } else {
        json_rows(answer)
    };
    let body = written.map_err(|error| Failure::internal(&format!("sql answer: {error}")))?;
    let kind = if as_arrow { ARROW } else { "application/json" };
    let truncated = if answer.truncated { "true" } else { "false" };
    Ok(Reply::new(StatusCode::OK, kind, body)
        .header(HeaderName::from_static("x-wardline-truncated"), truncated)
        .touching(touched))
}

fn arrow_stream(answer: &SqlAnswer) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), &answer.schema)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.into_inner()
}

/// `{"columns": [{"name", "type"}], "rows": [{…}], "truncated": bool}`
fn json_rows(answer: &SqlAnswer) -> Result<Vec<u8>, ArrowError> {
    let mut writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, JsonArray>(Vec::new());
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.finish()?;
    let rows = String::from_utf8(writer.into_inner())
        .map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let rows = if rows.is_empty() {
        "[]".to_owned()
    } else {
        rows
    };
    let rows =
        RawValue::from_string(rows).map_err(|error| ArrowError::JsonError(error.to_string()))?;
    let columns: Vec<_> = answer
        .schema
        .fields()
        .iter()
        .map(|field| json!({ "name": field.name(), "type": field.data_type().to_string() }))
        .collect();
    #[derive(serde::Serialize)]
    struct Body {
        columns: Vec<serde_json::Value>,
        rows: Box<RawValue>,
        truncated: bool,
    }
    serde_json::to_vec(&Body {
        columns,
        rows,
        truncated: answer.truncated,
    })
    .map_err(|error| ArrowError::JsonError(error.to_string()))
}

/// Patients a batch names in a column `patient_id`, whatever its text type.
fn named_patients(batch: &RecordBatch, patients: &mut BTreeSet<String>) {
    let Some(column) = batch.column_by_name("patient_id") else {
        return;
    };
    let Ok(column) = arrow::compute::cast(column, &DataType::Utf8) else {
        return;
    };
    let column = column.as_string::<i32>();
    for patient in (0..column.len())
        .filter(|row| column.is_valid(*row))
        .map(|row| column.value(row))
    {
        if !patients.contains(patient) {
            patients.insert(patient.to_owned());
        }
    }
}
