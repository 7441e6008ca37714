//! The columns of a batch as the row loop reads them: what a whole batch has in common is looked at once.

use super::hash::same;
use crate::ruleset::ABSENT;
use arrow_array::{Array, StringArray};
use wardline_normalize::columns::{Columns, text};
use wardline_normalize::time::Micros;

/// Qualities of readings that never count for rules on values.
const NOT_FROM_A_PATIENT: [&str; 3] = ["implausible", "demo", "test"];
/// Those of a rehearsal.
const STAGED: [&str; 2] = ["demo", "test"];
/// Statuses of readings that do not hold.
const VOID: [&str; 2] = ["entered-in-error", "cancelled"];

/// Reasons for a missing value that go with one off the scale.
const OFF_SCALE: [&str; 4] = [
    "unknown",
    "as-text",
    "negative-infinity",
    "positive-infinity",
];

/// What a reading says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said<'a> {
    /// Value and unit.
    Number(f64, &'a str),
    Words(&'a str),
    /// Below (negative infinity) or above what the device can show, in whatever words beside that.
    OffScale(f64, Option<&'a str>),
}

/// A row with what the rules ask of it.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) id: &'a str,
    pub(super) version: i64,
    pub(super) time: Micros,
    /// What it says, if it may count.
    pub(super) value: Option<Said<'a>>,
    /// Demonstration or test.
    pub(super) staged: bool,
    /// Where it is.
    place: (&'a Columns<'a>, usize),
}

impl Row<'_> {
    /// Whether a reading of a patient is marked with one of the words, as a number.
    pub(super) fn marked(&self, words: &[String]) -> Option<f64> {
        let (columns, row) = self.place;
        if self.staged || VOID.contains(&columns.status.value(row)) {
            return None;
        }
        let quality = text(columns.quality, row).unwrap_or_default();
        let reason = text(columns.data_absent_reason, row);
        let marks = quality.split([',', ' ']).chain(reason);
        let mut marks = marks.chain(reason.map(|_| ABSENT));
        let found = marks.any(|mark| words.iter().any(|word| word == mark));
        Some(f64::from(u8::from(found)))
    }
}

#[derive(Debug)]
pub(super) struct Cells<'a> {
    pub(super) columns: &'a Columns<'a>,
    received: &'a [Micros],
    effective: &'a [Micros],
    version: &'a [i64],
    value: &'a [f64],
    /// None where no row has any.
    quality: Option<&'a StringArray>,
    absent: Option<&'a StringArray>,
    interpretation: Option<&'a StringArray>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(columns: &'a Columns<'a>) -> Self {
        let used = |column: &'a StringArray| (column.null_count() < column.len()).then_some(column);
        Self {
            columns,
            received: columns.received.values(),
            effective: columns.effective.values(),
            version: columns.version.values(),
            value: columns.value.values(),
            quality: used(columns.quality),
            absent: used(columns.data_absent_reason),
            interpretation: used(columns.interpretation),
        }
    }

    #[inline]
    pub(super) fn rows(&self) -> std::ops::Range<usize> {
        0..self.received.len()
    }

    #[inline]
    pub(super) fn received(&self, row: usize) -> Micros {
        self.received[row]
    }

    #[inline]
    pub(super) fn metric(&self, row: usize) -> &'a str {
        self.columns.metric(row)
    }

    #[inline]
    pub(super) fn device(&self, row: usize) -> &'a str {
        self.columns.device_id.value(row)
    }

    #[inline]
    pub(super) fn patient(&self, row: usize) -> Option<&'a str> {
        text(self.columns.patient_id, row)
    }

    #[inline]
    pub(super) fn row(&self, row: usize) -> Row<'a> {
        let quality = self.quality.and_then(|column| text(column, row));
        Row {
            id: self.columns.id.value(row),
            version: self.version[row],
            time: self.effective[row],
            value: self.countable(row, quality),
            staged: quality.is_some_and(|quality| has_word(quality, &STAGED)),
            place: (self.columns, row),
        }
    }

    /// What the row says, if it may count for rules on values.
    #[inline]
    fn countable(&self, row: usize, quality: Option<&str>) -> Option<Said<'a>> {
        let usable = !quality.is_some_and(|quality| has_word(quality, &NOT_FROM_A_PATIENT))
            && !self.is_void(row);
        if !usable {
            return None;
        }
        let reason = self.absent.and_then(|column| text(column, row));
        if let Some(end) = self.off_scale(row, reason) {
            return Some(Said::OffScale(end, text(self.columns.value_text, row)));
        }
        if reason.is_some() {
            return None;
        }
        if self.columns.value.is_null(row) {
            return text(self.columns.value_text, row).map(Said::Words);
        }
        let value = self.value[row];
        let unit = text(self.columns.unit, row)?;
        value.is_finite().then_some(Said::Number(value, unit))
    }

    /// Which end of its scale the device is beyond, by HL7's interpretation `<` or `>`, with or without the end itself as
    /// a value, or by FHIR's reason for the missing one.
    #[inline]
    fn off_scale(&self, row: usize, reason: Option<&str>) -> Option<f64> {
        let said = self.interpretation.and_then(|column| text(column, row));
        if said.is_none() && reason.is_none()
            || reason.is_some_and(|reason| !OFF_SCALE.contains(&reason))
        {
            return None;
        }
        match (said, reason) {
            (Some("<"), _) | (_, Some("negative-infinity")) => Some(f64::NEG_INFINITY),
            (Some(">"), _) | (_, Some("positive-infinity")) => Some(f64::INFINITY),
            _ => None,
        }
    }

    #[inline]
    fn is_void(&self, row: usize) -> bool {
        let status = self.columns.status.value(row);
        !same(status, "final") && VOID.contains(&status)
    }
}

/// `quality` is one word or several, parted by commas or blanks.
fn has_word(quality: &str, words: &[&str]) -> bool {
    quality.split([',', ' ']).any(|word| words.contains(&word))
}
