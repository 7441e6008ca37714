//! `wardline sql`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::reader::StreamReader;
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, RecordBatch};
use serde_json::json;

use crate::cli::{Format, Sql};
use crate::client::Client;
use crate::exit::Exit;
use crate::output;

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// Rows printed at most; `export` has no bound.
const ROWS: usize = 10_000;

pub(super) async fn run(sql: Sql) -> anyhow::Result<Exit> {
    let query = if sql.query == "-" {
        std::io::read_to_string(std::io::stdin())?
    } else {
        sql.query
    };
    let client = Client::connect(&sql.target).await?;
    let body = json!({"query": query, "limit": ROWS + 1});
    let answer = match client
        .send("POST", "/api/v1/sql", Some(body.to_string()), ARROW)
        .await
    {
        Ok(answer) => answer.bytes().await,
        Err(error) => Err(error),
    };
    client.close().await?;
    let bytes = answer?;
    let reader = StreamReader::try_new(bytes.as_slice(), None)?;
    let empty = RecordBatch::new_empty(reader.schema());
    let mut batches = reader.collect::<Result<Vec<_>, _>>()?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if rows > ROWS {
        output::talk(&format!(
            "only the first {ROWS} rows are shown; narrow the query or use `wardline export`"
        ));
        let last = batches
            .pop()
            .map(|last| last.slice(0, last.num_rows() - (rows - ROWS)));
        batches.extend(last);
    }
    if batches.is_empty() {
        // The headings say what was asked even when nothing was found.
        batches.push(empty);
    }
    print(&batches, sql.output.format)?;
    Ok(Exit::Done)
}

fn print(batches: &[RecordBatch], format: Format) -> anyhow::Result<()> {
    let mut out = Vec::new();
    match format {
        Format::Table => {
            out = arrow::util::pretty::pretty_format_batches(batches)?
                .to_string()
                .into_bytes()
        }
        Format::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new()
                .with_header(true)
                .build(&mut out);
            for batch in batches {
                writer.write(&flat(batch)?)?;
            }
        }
        Format::Json => {
            let mut writer = arrow::json::WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, arrow::json::writer::JsonArray>(&mut out);
            for batch in batches {
                writer.write(batch)?;
            }
            writer.finish()?;
        }
    }
    if !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    Ok(output::data(&out)?)
}

/// CSV has no lists: what is nested becomes its JSON text.
fn flat(batch: &RecordBatch) -> anyhow::Result<RecordBatch> {
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.data_type().is_nested() {
            columns.push(json_texts(column)?);
            fields.push(Arc::new(Field::new(field.name(), DataType::Utf8, true)));
        } else {
            columns.push(Arc::clone(column));
            fields.push(Arc::clone(field));
        }
    }
    Ok(RecordBatch::try_new(
        Arc::new(Schema::new(fields)),
        columns,
    )?)
}

fn json_texts(column: &ArrayRef) -> anyhow::Result<ArrayRef> {
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    writer.write(&RecordBatch::try_from_iter([(
        "value",
        Arc::clone(column),
    )])?)?;
    writer.finish()?;
    let mut texts = StringBuilder::new();
    for line in writer.into_inner().split(|byte| *byte == b'\n') {
        if !line.is_empty() {
            let value: serde_json::Value = serde_json::from_slice(line)?;
            let value = value.get("value").filter(|value| !value.is_null());
            texts.append_option(value.map(ToString::to_string));
        }
    }
    Ok(Arc::new(texts.finish()))
}
