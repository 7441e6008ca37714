//! SenML packs and FHIR documents to rows or Observations.

use wardline_normalize::batch::{Format, Guard, Message, Normalized, normalize};
use wardline_normalize::time::Micros;

use super::lines::{Line, Rejected, Rejects, batch};
use super::printed::{Told, all};
use crate::cli::{From, Normalize, To};
use crate::output;

pub(super) fn run(
    command: &Normalize,
    received: Micros,
    rejects: &mut Rejects,
) -> anyhow::Result<()> {
    let to = command.to.unwrap_or(To::Rows);
    let mut told = Told::default();
    let mut input = std::io::stdin().lock();
    let mut read = 0;
    loop {
        let lines = batch(&mut input, &mut read)?;
        if lines.is_empty() {
            told.finish(to);
            return Ok(());
        }
        let messages: Vec<Message<'_>> = lines
            .iter()
            .map(|line| message(command.from, line, received))
            .collect();
        let normalized = normalize(&messages, &Guard::default());
        refuse(&normalized, &lines, rejects)?;
        told.count(&normalized);
        output::data(&all(normalized, to, command.patient.as_deref())?)?;
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
        From::Senml | From::Events | From::Hl7v2 => (Format::Senml, "application/senml+json"),
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
