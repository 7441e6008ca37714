//! Lines in, rejects out.

use std::fs::File;
use std::io::{BufRead, BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use crate::exit::Exit;
use crate::output;

/// Lines worked on together: enough for every core, and a bound on memory.
const BATCH: usize = 10_000;

/// A line that holds something, with its number from 1.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: Vec<u8>,
}

/// The next lines; none at the end. Blank ones are passed over.
pub(super) fn batch(input: &mut impl BufRead, read: &mut usize) -> anyhow::Result<Vec<Line>> {
    let mut lines = Vec::new();
    while lines.len() < BATCH {
        let mut text = Vec::new();
        if input.read_until(b'\n', &mut text).context("stdin")? == 0 {
            break;
        }
        *read += 1;
        if !text.trim_ascii().is_empty() {
            lines.push(Line {
                number: *read,
                text,
            });
        }
    }
    Ok(lines)
}

/// One thing that was not taken.
pub(super) struct Rejected {
    pub(super) line: usize,
    pub(super) record: Option<u32>,
    pub(super) reason: &'static str,
    pub(super) detail: String,
}

/// Where rejects go: a file, else stderr.
pub(super) struct Rejects {
    file: Option<BufWriter<File>>,
    count: u64,
}

impl Rejects {
    pub(super) fn open(file: Option<&Path>) -> anyhow::Result<Self> {
        let create = |file: &Path| {
            File::create(file)
                .map(BufWriter::new)
                .with_context(|| format!("cannot write {}", file.display()))
        };
        Ok(Self {
            file: file.map(create).transpose()?,
            count: 0,
        })
    }

    pub(super) fn add(&mut self, rejected: &Rejected) -> anyhow::Result<()> {
        self.count += 1;
        let mut entry = json!({
            "line": rejected.line, "reason": rejected.reason, "detail": rejected.detail,
        });
        if let Some(record) = rejected.record {
            entry["record"] = record.into();
        }
        match &mut self.file {
            Some(file) => writeln!(file, "{entry}").context("the rejects' file")?,
            None => output::talk(&entry.to_string()),
        }
        Ok(())
    }

    /// Rejects in a file are no failure: whoever asked for the file reads it.
    pub(super) fn finish(self) -> anyhow::Result<Exit> {
        if let Some(mut file) = self.file {
            file.flush().context("the rejects' file")?;
            return Ok(Exit::Done);
        }
        Ok(if self.count == 0 {
            Exit::Done
        } else {
            Exit::Problems
        })
    }
}
