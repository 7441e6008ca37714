//! HL7 v2 messages, one after another, in MLLP frames or plain.

use std::io::Read as _;

use anyhow::Context as _;
use wardline_normalize::batch::{Format, Guard, Message, normalize};
use wardline_normalize::hl7v2::frame::Splitter;
use wardline_normalize::hl7v2::{Profile, Zone};
use wardline_normalize::measurement::Reason;
use wardline_normalize::time::Micros;

use super::documents::refuse;
use super::lines::{Line, Rejected, Rejects};
use super::printed::{Told, all};
use crate::cli::{Normalize, To};
use crate::output;

/// Bytes read at a time.
const CHUNK: usize = 1 << 16;

/// A reject's `line` is the number of the message in the input, from 1, and `record` the segment's in it, from 0.
pub(super) fn run(
    command: &Normalize,
    received: Micros,
    rejects: &mut Rejects,
) -> anyhow::Result<()> {
    let to = command.to.unwrap_or(To::Rows);
    let profile = Profile {
        zone: command.zone.unwrap_or(Zone::UTC),
        ..Profile::default()
    };
    let mut input = std::io::stdin().lock();
    let mut chunk = vec![0; CHUNK];
    let mut splitter = Splitter::default();
    let mut told = Told::default();
    let mut number = 0;
    loop {
        let read = input.read(&mut chunk).context("stdin")?;
        splitter.push(&chunk[..read]);
        if read == 0 {
            splitter.finish();
        }
        let mut lines = Vec::new();
        while let Some(frame) = splitter.take() {
            number += 1;
            match frame {
                Ok(frame) => lines.push(Line {
                    number,
                    text: frame.bytes,
                }),
                Err(broken) => rejects.add(&Rejected {
                    line: number,
                    record: None,
                    reason: Reason::Undecodable.as_str(),
                    detail: broken.to_string(),
                })?,
            }
        }
        let messages: Vec<Message<'_>> = lines
            .iter()
            .map(|line| message(line, &profile, received))
            .collect();
        let normalized = normalize(&messages, &Guard::default());
        refuse(&normalized, &lines, rejects)?;
        told.count(&normalized);
        output::data(&all(normalized, to, command.patient.as_deref())?)?;
        if read == 0 {
            break;
        }
    }
    if number == 0 {
        rejects.add(&Rejected {
            line: 1,
            record: None,
            reason: Reason::Undecodable.as_str(),
            detail: "no message: one begins with MSH and its field separator".to_owned(),
        })?;
    }
    told.finish(to);
    Ok(())
}

fn message<'a>(line: &'a Line, profile: &'a Profile, received: Micros) -> Message<'a> {
    Message {
        format: Format::Hl7v2(profile),
        site: None,
        gateway: None,
        device: None,
        fallback_device: None,
        content_type: None,
        payload: &line.text,
        received,
        source: "normalize",
        keep_raw: false,
    }
}
