//! `wardline export`.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::time::Duration;

use anyhow::Context as _;
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tokio_util::io::{StreamReader, SyncIoBridge};
use wardline_normalize::time::format_rfc3339;

use super::time;
use crate::cli::{Export, ExportFormat};
use crate::client::{Client, encode};
use crate::exit::Exit;
use crate::output;

/// Rows turned into Parquet at a time.
const ROWS: usize = 20_000;

pub(super) async fn run(export: Export) -> anyhow::Result<Exit> {
    let (format, accept) = match export.format {
        ExportFormat::Ndjson | ExportFormat::Parquet => ("ndjson", "application/x-ndjson"),
        ExportFormat::Csv => ("csv", "text/csv"),
    };
    let mut path = format!("/api/v1/export?format={format}");
    if let Some(patient) = &export.patient {
        path.push_str(&format!("&patient={}", encode(patient)));
    }
    for (name, text) in [("since", &export.from), ("until", &export.until)] {
        if let Some(at) = time(text.as_deref())? {
            path.push_str(&format!("&{name}={}", encode(&format_rfc3339(at))));
        }
    }
    let out: Box<dyn Write + Send> = match &export.out {
        Some(file) => {
            let made = File::create_new(file)
                .with_context(|| format!("cannot write {}", file.display()))?;
            Box::new(BufWriter::new(made))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let client = Client::connect(&export.target).await?;
    let written = match client.send("GET", &path, None, accept).await {
        Ok(answer) => {
            let bar = progress();
            let counted = bar.clone();
            let stream = answer
                .stream()
                .inspect_ok(move |part| counted.inc(part.len() as u64));
            let reader =
                SyncIoBridge::new(StreamReader::new(stream.map_err(std::io::Error::other)));
            let parquet = export.format == ExportFormat::Parquet;
            let done = tokio::task::spawn_blocking(move || write(reader, out, parquet)).await?;
            bar.finish();
            done
        }
        Err(error) => Err(error),
    };
    client.close().await?;
    written?;
    if let Some(file) = &export.out {
        output::talk(&format!("wrote {}", file.display()));
    }
    Ok(Exit::Done)
}

fn progress() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {bytes} exported, {bytes_per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn write(mut from: impl Read, mut to: Box<dyn Write + Send>, parquet: bool) -> anyhow::Result<()> {
    if parquet {
        return write_parquet(BufReader::new(from), to);
    }
    std::io::copy(&mut from, &mut to)?;
    Ok(to.flush()?)
}

fn write_parquet(from: impl BufRead, to: Box<dyn Write + Send>) -> anyhow::Result<()> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(Default::default()))
        .build();
    let schema = wardline_normalize::columns::schema();
    let mut writer = ArrowWriter::try_new(to, schema, Some(properties))?;
    let mut lines = from.lines();
    let mut text = String::new();
    loop {
        text.clear();
        for line in lines.by_ref().take(ROWS) {
            text.push_str(&line?);
            text.push('\n');
        }
        if text.is_empty() {
            break;
        }
        writer.write(&wardline_dashboard::json::rows_from_ndjson(&text)?)?;
    }
    Ok(writer.into_inner()?.flush()?)
}
