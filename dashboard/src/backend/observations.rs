//! Observations: search, manual entry, export, SQL.

use std::collections::BTreeSet;

use arrow_array::{Array, RecordBatch};
use arrow_schema::SchemaRef;
use wardline_normalize::columns::{Columns, text};

use super::Micros;

/// Where a page ended: effective time of the last Observation and its id (`panel_id`, else `id`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Effective time.
    pub effective: Micros,
    /// Observation id.
    pub id: String,
}

/// Which Observations, in which order. All conditions must hold; within a list any entry suffices; an
/// empty list or `None` sets no condition.
///
/// The unit is the Observation: a row with no `panel_id` is one, all rows that share a `panel_id` are
/// one. It is found when any of its rows meets all row conditions, and is then returned whole. Rows
/// without a patient are never returned.
///
/// `ids`, `patients` and the paging bind the backend. The other conditions may be met loosely: it may
/// return more than fits them, never less, and the caller filters again with [`Self::matches`]; so a
/// backend that cannot push a condition down is slower, not wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservationSearch {
    /// `id` or `panel_id` is one of these.
    pub ids: Vec<String>,
    /// `patient_id` is one of these.
    pub patients: Vec<String>,
    /// `device_id` is one of these.
    pub devices: Vec<String>,
    /// `status` is one of these.
    pub statuses: Vec<String>,
    /// What is measured.
    pub code: Option<CodeFilter>,
    /// Conditions on `effective`..`effective_end`.
    pub effective: Vec<DateFilter>,
    /// Conditions on `received`.
    pub received: Vec<DateFilter>,
    /// By effective time, ties by Observation id in the same direction.
    pub order: Order,
    /// Only what comes strictly after this position in that order.
    pub after: Option<Position>,
    /// At most this many Observations.
    pub limit: usize,
}

impl ObservationSearch {
    /// Whether a row meets all row conditions (paging aside).
    pub fn matches(&self, columns: &Columns<'_>, row: usize) -> bool {
        fn one_of(wanted: &[String], found: Option<&str>) -> bool {
            wanted.is_empty() || found.is_some_and(|found| wanted.iter().any(|one| one == found))
        }
        let panel_id = text(columns.panel_id, row);
        let effective = columns.effective.value(row);
        let end = if columns.effective_end.is_valid(row) {
            columns.effective_end.value(row)
        } else {
            effective
        };
        let received = columns.received.value(row);
        text(columns.patient_id, row).is_some()
            && (one_of(&self.ids, Some(columns.id.value(row)))
                || panel_id.is_some() && one_of(&self.ids, panel_id))
            && one_of(&self.patients, text(columns.patient_id, row))
            && one_of(&self.devices, Some(columns.device_id.value(row)))
            && one_of(&self.statuses, Some(columns.status.value(row)))
            && self.code.as_ref().is_none_or(|code| {
                code.matches(
                    panel_id.and_then(|_| text(columns.panel, row)),
                    columns.code.value(row),
                    text(columns.mdc, row),
                )
            })
            && self
                .effective
                .iter()
                .all(|date| date.matches(effective, end))
            && self
                .received
                .iter()
                .all(|date| date.matches(received, received))
    }
}

/// Direction of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Keys of single rows: LOINC or local codes in `code`, reference ids in `mdc`; either suffices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeKeys {
    /// Values of the column `code`.
    pub codes: BTreeSet<String>,
    /// Values of the column `mdc`.
    pub mdcs: BTreeSet<String>,
}

impl CodeKeys {
    fn holds(&self, code: &str, mdc: Option<&str>) -> bool {
        self.codes.contains(code) || mdc.is_some_and(|mdc| self.mdcs.contains(mdc))
    }

    /// Whether nothing can match.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty() && self.mdcs.is_empty()
    }
}

/// What is measured: any of the three parts suffices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeFilter {
    /// Rows without a panel.
    pub single: CodeKeys,
    /// Rows of these panels: values of the column `panel`.
    pub panels: BTreeSet<String>,
    /// Rows that are components of a panel.
    pub component: CodeKeys,
}

impl CodeFilter {
    /// Whether a row with these columns matches.
    pub fn matches(&self, panel: Option<&str>, code: &str, mdc: Option<&str>) -> bool {
        match panel {
            None => self.single.holds(code, mdc),
            Some(panel) => self.panels.contains(panel) || self.component.holds(code, mdc),
        }
    }

    /// Whether nothing can match.
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.panels.is_empty() && self.component.is_empty()
    }

    /// Every key of every part, for a backend that has one list for `code`, `mdc` and `panel` together.
    pub fn flat(&self) -> Vec<String> {
        let parts = [
            &self.single.codes,
            &self.single.mdcs,
            &self.panels,
            &self.component.codes,
            &self.component.mdcs,
        ];
        parts
            .into_iter()
            .flatten()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .cloned()
            .collect()
    }
}

/// FHIR's comparison prefixes. <https://hl7.org/fhir/R4/search.html#prefix>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatePrefix {
    /// The interval holds the resource's whole time. The default.
    Eq,
    /// Not `eq`.
    Ne,
    /// Part of the resource's time lies after the interval.
    Gt,
    /// Part of it lies before the interval.
    Lt,
    /// `gt` or `eq`.
    Ge,
    /// `lt` or `eq`.
    Le,
    /// It starts after the interval.
    Sa,
    /// It ends before the interval.
    Eb,
    /// It overlaps the interval (already widened by the parser).
    Ap,
}

/// A prefix and the half-open interval that the written date stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateFilter {
    /// How to compare.
    pub prefix: DatePrefix,
    /// First microsecond of the interval.
    pub from: Micros,
    /// First microsecond after it.
    pub until: Micros,
}

impl DateFilter {
    /// Whether a resource that lasts from `start` to `end` (both included; equal for an instant) matches.
    pub fn matches(&self, start: Micros, end: Micros) -> bool {
        let within = start >= self.from && end < self.until;
        match self.prefix {
            DatePrefix::Eq => within,
            DatePrefix::Ne => !within,
            DatePrefix::Gt => end >= self.until,
            DatePrefix::Lt => start < self.from,
            DatePrefix::Ge => end >= self.until || within,
            DatePrefix::Le => start < self.from || within,
            DatePrefix::Sa => start >= self.until,
            DatePrefix::Eb => end < self.from,
            DatePrefix::Ap => start < self.until && end >= self.from,
        }
    }

    /// Bounds that an *instant* must lie in to match, as `(first, last)` both included; for pruning.
    /// [`DatePrefix::Ne`] gives everything.
    pub fn instant_bounds(&self) -> (Micros, Micros) {
        match self.prefix {
            DatePrefix::Eq | DatePrefix::Ap => (self.from, self.until.saturating_sub(1)),
            DatePrefix::Ne => (Micros::MIN, Micros::MAX),
            DatePrefix::Gt | DatePrefix::Sa => (self.until, Micros::MAX),
            DatePrefix::Ge => (self.from, Micros::MAX),
            DatePrefix::Lt | DatePrefix::Eb => (Micros::MIN, self.from.saturating_sub(1)),
            DatePrefix::Le => (Micros::MIN, self.until.saturating_sub(1)),
        }
    }
}

/// A page of whole Observations.
#[derive(Debug, Clone)]
pub struct ObservationPage {
    /// Their rows in the order of the search; rows of one Observation are adjacent.
    pub rows: RecordBatch,
    /// The last Observation's position when there are more, else `None`.
    pub next: Option<Position>,
}

/// The rows of one Observation.
#[derive(Debug, Clone)]
pub enum Found {
    /// All its rows.
    Rows(RecordBatch),
    /// It was there and has been removed by retention or erasure.
    Gone,
    /// Never heard of.
    Missing,
}

/// Readings a person took.
#[derive(Debug, Clone, PartialEq)]
pub struct ManualObservation {
    /// Whose; must exist.
    pub patient: String,
    /// When measured.
    pub effective: Micros,
    /// All measured together; pressures of one cuff reading become one panel.
    pub readings: Vec<ManualReading>,
    /// The token's name: the author.
    pub author: String,
    /// Free text for the audit trail.
    pub note: Option<String>,
}

/// One value of a manual observation.
#[derive(Debug, Clone, PartialEq)]
pub struct ManualReading {
    /// LOINC, MDC reference id or alias.
    pub metric: String,
    /// What was read.
    pub value: ManualValue,
    /// UCUM; `None` means the metric's own unit.
    pub unit: Option<String>,
    /// FHIR or SNOMED code of the body site.
    pub body_site: Option<String>,
    /// Code of the method.
    pub method: Option<String>,
}

/// The value of a manual reading.
#[derive(Debug, Clone, PartialEq)]
pub enum ManualValue {
    /// A decimal exactly as written, so that 37.20 stays 37.20.
    Number(String),
    /// A coded or text value, as `A` for alert.
    Text(String),
    /// A FHIR data-absent-reason.
    Absent(String),
}

/// Which rows to export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportRequest {
    /// Only these patients; empty for all rows, also those with no patient.
    pub patients: Vec<String>,
    /// `effective` at or after.
    pub from: Option<Micros>,
    /// `effective` before.
    pub until: Option<Micros>,
}

/// A query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlRequest {
    /// One statement.
    pub text: String,
    /// Return at most this many rows.
    pub limit: usize,
}

/// The rows of a query.
#[derive(Debug, Clone)]
pub struct SqlAnswer {
    /// Their schema, also when there is no row.
    pub schema: SchemaRef,
    /// At most as many rows as asked for.
    pub batches: Vec<RecordBatch>,
    /// The query had more rows than the limit.
    pub truncated: bool,
}
