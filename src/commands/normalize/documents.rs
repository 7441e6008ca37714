//! SenML packs and FHIR documents to rows or Observations.

use arrow_array::{RecordBatch, StringArray};
use wardline_normalize::batch::{Format, Guard, Message, Normalized, normalize};
use wardline_normalize::columns::Columns;
use wardline_normalize::time::Micros;

use super::lines::{Line, Rejected, Rejects, batch};
use crate::cli::{From, Normalize, To};
use crate::exit::UsageError;
use crate::output;

pub(super) fn run(
    command: &Normalize,
    received: Micros,
    rejects: &mut Rejects,
) -> anyhow::Result<()> {
    let to = command.to.unwrap_or(To::Rows);
    if to == To::Measurements {
        let message = "measurements are what a device mapping makes: use --from events";
        return Err(UsageError(message.to_owned()).into());
    }
    let mut input = std::io::stdin().lock();
    let mut read = 0;
    loop {
        let lines = batch(&mut input, &mut read)?;
        if lines.is_empty() {
            return Ok(());
        }
        let messages: Vec<Message<'_>> = lines
            .iter()
            .map(|line| message(command.from, line, received))
            .collect();
        let normalized = normalize(&messages, &Guard::default());
        refuse(&normalized, &lines, rejects)?;
        let rows = of_patient(normalized.rows, command.patient.as_deref())?;
        output::data(&printed(&rows, to)?)?;
    }
}

pub(super) fn refuse(
    normalized: &Normalized,
    lines: &[Line],
    rejects: &mut Rejects,
) -> anyhow::Result<()> {
    for reject in &normalized.rejects {
        rejects.add(&Rejected {
            line: lines[reject.message as usize].number,
            record: reject.record,
            reason: reject.reason.as_str(),
            detail: reject.detail.clone(),
        })?;
    }
    Ok(())
}

fn message(from: From, line: &Line, received: Micros) -> Message<'_> {
    let (format, content_type) = match from {
        From::Fhir => (Format::Fhir, "application/fhir+json"),
        From::Senml | From::Events => (Format::Senml, "application/senml+json"),
    };
    Message {
        format,
        site: None,
        gateway: None,
        device: None,
        fallback_device: Some("fhir"),
        content_type: Some(content_type),
        payload: &line.text,
        received,
        source: "normalize",
        keep_raw: false,
    }
}

/// The rows as one patient's, if one is given.
pub(super) fn of_patient(rows: RecordBatch, patient: Option<&str>) -> anyhow::Result<RecordBatch> {
    let Some(patient) = patient else {
        return Ok(rows);
    };
    let index = rows.schema().index_of("patient_id")?;
    let mut columns = rows.columns().to_vec();
    let patients = std::iter::repeat_n(patient, rows.num_rows());
    columns[index] = std::sync::Arc::new(StringArray::from_iter_values(patients));
    Ok(RecordBatch::try_new(rows.schema(), columns)?)
}

pub(super) fn printed(rows: &RecordBatch, to: To) -> anyhow::Result<Vec<u8>> {
    let mut out = Vec::new();
    if to == To::Fhir {
        let projection = wardline_normalize::fhir::Projection::default();
        for observation in wardline_normalize::fhir::observations(rows, &projection) {
            out.extend_from_slice(observation.to_json().as_bytes());
            out.push(b'\n');
        }
        return Ok(out);
    }
    let columns = Columns::new(rows)?;
    for row in 0..columns.len() {
        wardline_dashboard::json::row(&columns, row, &mut out);
        out.push(b'\n');
    }
    Ok(out)
}
