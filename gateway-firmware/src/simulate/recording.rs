//! Plays a recording of numerics: one CSV row, one pack.
//!
//! The first column is `seconds` since the start of the recording; the others name what was measured
//! ([`COLUMNS`]), or are an IEEE 11073 reference id of the vocabulary. Monitors of the MIMIC-II waveform
//! database write 0 when a signal was not measured, so a zero is published as an absence and not as a
//! number; an empty cell (no cuff reading in this minute) is not published. Digits go out as they stand.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use csv::StringRecord;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary;

use super::MICROS_PER_SECOND;
use super::reading::{NOT_PERFORMED, Outcome, Pack, Reading, Source};

/// Columns of MIMIC-II numerics, with IEEE 11073-10101 reference ids.
const COLUMNS: [(&str, &str); 14] = [
    ("HR_bpm", "MDC_ECG_HEART_RATE"),
    ("PULSE_bpm", "MDC_PULS_OXIM_PULS_RATE"),
    ("SpO2_pct", "MDC_PULS_OXIM_SAT_O2"),
    ("RESP_per_min", "MDC_RESP_RATE"),
    ("ABPSys_mmHg", "MDC_PRESS_BLD_ART_SYS"),
    ("ABPDias_mmHg", "MDC_PRESS_BLD_ART_DIA"),
    ("ABPMean_mmHg", "MDC_PRESS_BLD_ART_MEAN"),
    ("NBPSys_mmHg", "MDC_PRESS_BLD_NONINV_SYS"),
    ("NBPDias_mmHg", "MDC_PRESS_BLD_NONINV_DIA"),
    ("NBPMean_mmHg", "MDC_PRESS_BLD_NONINV_MEAN"),
    // The older spelling of the same database.
    ("ABP Sys_mmHg", "MDC_PRESS_BLD_ART_SYS"),
    ("ABP Dias_mmHg", "MDC_PRESS_BLD_ART_DIA"),
    ("ABP Mean_mmHg", "MDC_PRESS_BLD_ART_MEAN"),
    ("CVP_mmHg", "MDC_PRESS_BLD_VEN_CENT_MEAN"),
];

/// A recording is held in memory: ten times a month of 20 numerics a minute.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Why a recording cannot be played. Lines and columns count from 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{file}: {source}")]
    Read {
        file: String,
        source: std::io::Error,
    },
    #[error("{file}: {bytes} bytes; at most {MAX_BYTES} are played")]
    TooLarge { file: String, bytes: u64 },
    #[error("{file}:{line}:{column}: {what}")]
    Fault {
        file: String,
        line: u64,
        column: usize,
        what: String,
    },
    #[error("{file}: no rows")]
    Empty { file: String },
}

#[derive(Debug, Clone, Copy)]
struct Column {
    mdc: &'static str,
    unit: &'static str,
}

#[derive(Debug)]
struct Row {
    /// Since the start of the recording.
    offset: Micros,
    readings: Vec<Reading>,
}

/// A recording as read from its file.
#[derive(Debug)]
pub(crate) struct Recording {
    rows: Vec<Row>,
}

impl Recording {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let file = path.display().to_string();
        let failed = |source| Error::Read {
            file: file.clone(),
            source,
        };
        let bytes = std::fs::metadata(path).map_err(failed)?.len();
        if bytes > MAX_BYTES {
            return Err(Error::TooLarge { file, bytes });
        }
        Self::parse(&file, &std::fs::read(path).map_err(failed)?)
    }

    /// `file` is the name to use in errors.
    pub(crate) fn parse(file: &str, bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = csv::Reader::from_reader(bytes);
        let header = reader.headers().map_err(|e| of_csv(file, &e))?.clone();
        let columns = columns(&header).map_err(|(column, what)| fault(file, 1, column, what))?;
        let mut rows: Vec<Row> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| of_csv(file, &e))?;
            let line = record.position().map_or(0, csv::Position::line);
            let row = row(&record, &columns).map_err(|(c, what)| fault(file, line, c, what))?;
            if rows.last().is_some_and(|last| last.offset >= row.offset) {
                let what = "the seconds do not increase".to_owned();
                return Err(fault(file, line, 1, what));
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(Error::Empty {
                file: file.to_owned(),
            });
        }
        Ok(Self { rows })
    }

    /// Offset of the last row.
    pub(crate) fn length(&self) -> Micros {
        self.rows.last().map_or(0, |row| row.offset)
    }

    /// From the start of one round to the start of the next: the length and one more step.
    fn round(&self) -> Micros {
        let step = match self.rows.as_slice() {
            [.., before, last] => last.offset - before.offset,
            _ => 60 * MICROS_PER_SECOND,
        };
        let first = self.rows.first().map_or(0, |row| row.offset);
        self.length() + step - first
    }
}

fn fault(file: &str, line: u64, column: usize, what: String) -> Error {
    Error::Fault {
        file: file.to_owned(),
        line,
        column,
        what,
    }
}

/// Rows of unequal length and broken text, in our words.
fn of_csv(file: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(1, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => {
            let column = usize::try_from(*len.min(expected_len)).unwrap_or(usize::MAX);
            let what = format!("{len} cells where the header has {expected_len}");
            fault(file, line, column, what)
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            fault(file, line, err.field() + 1, "not UTF-8".to_owned())
        }
        _ => fault(file, line, 1, error.to_string()),
    }
}

type Wrong = (usize, String);

fn columns(header: &StringRecord) -> Result<Vec<Column>, Wrong> {
    let mut names = header.iter();
    match names.next() {
        Some("seconds") => {}
        other => {
            let found = other.unwrap_or_default();
            return Err((1, format!("the first column is 'seconds', not '{found}'")));
        }
    }
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for (number, name) in (2..).zip(names) {
        let known = COLUMNS.iter().find(|(column, _)| *column == name);
        let mdc = known.map_or(name, |(_, mdc)| mdc);
        let Some(metric) = vocabulary::by_mdc(mdc) else {
            let known: Vec<&str> = COLUMNS.iter().map(|(column, _)| *column).collect();
            let known = known.join(", ");
            return Err((
                number,
                format!("unknown column '{name}'; known are {known} and MDC_… ids"),
            ));
        };
        if !seen.insert(metric.mdc) {
            return Err((number, format!("{} is there twice", metric.mdc)));
        }
        found.push(Column {
            mdc: metric.mdc,
            unit: metric.unit,
        });
    }
    if found.is_empty() {
        return Err((1, "no column but 'seconds'".to_owned()));
    }
    Ok(found)
}

fn row(record: &StringRecord, columns: &[Column]) -> Result<Row, Wrong> {
    let mut cells = record.iter();
    let seconds = cells.next().unwrap_or_default();
    let offset =
        offset(seconds).ok_or_else(|| (1, format!("'{seconds}' is not a number of seconds")))?;
    let mut readings = Vec::new();
    for ((number, cell), column) in (2..).zip(cells).zip(columns) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        let value =
            Decimal::parse(cell).ok_or_else(|| (number, format!("'{cell}' is not a number")))?;
        readings.push(Reading {
            mdc: column.mdc,
            unit: column.unit,
            outcome: match value.mantissa {
                0 => Outcome::Absent(NOT_PERFORMED),
                _ => Outcome::Value(value),
            },
        });
    }
    Ok(Row { offset, readings })
}

/// Seconds with at most six decimals as microseconds.
fn offset(text: &str) -> Option<Micros> {
    let seconds = Decimal::parse(text.trim())?;
    let power = u32::try_from(6 + i32::from(seconds.exponent)).ok()?;
    let offset = 10_i64.checked_pow(power)?.checked_mul(seconds.mantissa)?;
    (offset >= 0).then_some(offset)
}

/// A recording under way as one device.
#[derive(Debug)]
pub(crate) struct Player {
    recording: Recording,
    device: Arc<str>,
    /// Stamp of second 0 of this round.
    start: Micros,
    end: Option<Micros>,
    again: bool,
    next: usize,
}

impl Player {
    /// `start` is the stamp of second 0; nothing is played at or after `end`; `again` starts over.
    pub(crate) fn new(
        recording: Recording,
        device: &str,
        start: Micros,
        end: Option<Micros>,
        again: bool,
    ) -> Self {
        let mut player = Self {
            recording,
            device: device.into(),
            start,
            end,
            again,
            next: 0,
        };
        player.settle();
        player
    }

    /// Goes on to the next row that says something.
    fn settle(&mut self) {
        let rows = &self.recording.rows;
        // One round without a word and there will be none.
        for _ in 0..=rows.len() {
            match rows.get(self.next) {
                Some(row) if row.readings.is_empty() => self.next += 1,
                None if self.again => {
                    self.start += self.recording.round();
                    self.next = 0;
                }
                _ => return,
            }
        }
        self.next = rows.len();
        self.again = false;
    }
}

impl Source for Player {
    fn due(&self) -> Option<Micros> {
        let at = self.start + self.recording.rows.get(self.next)?.offset;
        self.end.is_none_or(|end| at < end).then_some(at)
    }

    fn take(&mut self) -> Option<Pack> {
        let at = self.due()?;
        let readings = self.recording.rows.get(self.next)?.readings.clone();
        self.next += 1;
        self.settle();
        Some(Pack {
            device: Arc::clone(&self.device),
            at,
            readings,
        })
    }
}

#[cfg(test)]
mod tests;
