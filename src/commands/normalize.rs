//! `wardline normalize`: the codecs offline, one document a line.

use std::fs::File;
use std::io::{BufRead as _, BufWriter, Write as _};

use anyhow::Context as _;
use serde_json::json;
use wardline_normalize::batch::{Format, Guard, Message, Normalized, normalize};
use wardline_normalize::measurement::Reject;

use super::time;
use crate::cli::{Normalize, To};
use crate::exit::{Exit, UsageError};
use crate::output;

/// Lines normalised together, so that rows of one panel in one input meet.
const BATCH: usize = 10_000;

pub(super) fn run(command: &Normalize) -> anyhow::Result<Exit> {
    let received = time(command.received.as_deref())?.unwrap_or_else(crate::clock::now);
    if let Some(patient) = &command.patient
        && crate::config::id(patient).is_err()
    {
        return Err(UsageError(format!("--patient {patient:?} is no FHIR id")).into());
    }
    let mut errors = match &command.errors {
        Some(file) => {
            let file =
                File::create(file).with_context(|| format!("cannot write {}", file.display()))?;
            Some(BufWriter::new(file))
        }
        None => None,
    };
    let mut rejects = 0;
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut input = std::io::stdin().lock().lines().enumerate().peekable();
    while input.peek().is_some() {
        lines.clear();
        for (number, line) in input.by_ref().take(BATCH) {
            let line = line.context("stdin")?;
            if !line.trim().is_empty() {
                lines.push((number + 1, line));
            }
        }
        let messages: Vec<Message<'_>> = lines
            .iter()
            .map(|(_, line)| message(line, received))
            .collect();
        let normalized = normalize(&messages, &Guard::default());
        for reject in &normalized.rejects {
            rejects += 1;
            report(&mut errors, lines[reject.message as usize].0, reject)?;
        }
        print(command, &normalized)?;
    }
    if let Some(mut errors) = errors {
        errors.flush()?;
        return Ok(Exit::Done);
    }
    Ok(if rejects == 0 {
        Exit::Done
    } else {
        Exit::Problems
    })
}

fn message(line: &str, received: i64) -> Message<'_> {
    Message {
        format: Format::Senml,
        site: None,
        gateway: None,
        device: None,
        fallback_device: None,
        content_type: Some("application/senml+json"),
        payload: line.as_bytes(),
        received,
        source: "normalize",
        keep_raw: false,
    }
}

fn report(
    errors: &mut Option<BufWriter<File>>,
    line: usize,
    reject: &Reject,
) -> anyhow::Result<()> {
    let entry = json!({
        "line": line, "record": reject.record, "reason": reject.reason.as_str(), "detail": reject.detail,
    })
    .to_string();
    match errors {
        Some(file) => writeln!(file, "{entry}")?,
        None => output::talk(&entry),
    }
    Ok(())
}

fn print(command: &Normalize, normalized: &Normalized) -> anyhow::Result<()> {
    let mut rows = normalized.rows.clone();
    if let Some(patient) = &command.patient {
        let index = rows.schema().index_of("patient_id")?;
        let mut columns = rows.columns().to_vec();
        let patients = std::iter::repeat_n(patient.as_str(), rows.num_rows());
        columns[index] = std::sync::Arc::new(arrow_array::StringArray::from_iter_values(patients));
        rows = arrow_array::RecordBatch::try_new(rows.schema(), columns)?;
    }
    let mut out = Vec::new();
    match command.to {
        To::Rows => {
            let columns = wardline_normalize::columns::Columns::new(&rows)?;
            for row in 0..columns.len() {
                wardline_dashboard::json::row(&columns, row, &mut out);
                out.push(b'\n');
            }
        }
        To::Fhir => {
            let projection = wardline_normalize::fhir::Projection::default();
            for observation in wardline_normalize::fhir::observations(&rows, &projection) {
                out.extend_from_slice(observation.to_json().as_bytes());
                out.push(b'\n');
            }
        }
    }
    Ok(output::data(&out)?)
}
