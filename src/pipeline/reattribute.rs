//! Late attribution: when assignments change, stored rows of the device follow as corrections.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_select::filter::filter_record_batch;
use wardline_normalize::columns::{Columns, text};
use wardline_normalize::mapping::rows::assign_panel_ids;
use wardline_normalize::time::Micros;
use wardline_store::registry::{Assignments, Registry};
use wardline_store::{Entry, Error, ReattributedEntry, Store};

use super::{beside, split};
use crate::mappings::Mappings;

/// Rows taken up at a time: a fraction of a second, and some megabytes.
pub(super) const STRETCH: u64 = 20_000;
/// Pieces of waveforms taken up at a time: likewise.
pub(super) const STRETCH_PIECES: u64 = 2_000;

/// What moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Rows,
    Waveforms,
}

/// Rows of a device with `from <= effective < until`, whose assignments have changed.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) device: String,
    pub(crate) from: Micros,
    pub(crate) until: Option<Micros>,
    /// Whose assignment no longer covers it; none for one that was made.
    pub(crate) former: Option<Former>,
}

/// Whom an assignment gave the device to.
#[derive(Debug, Clone)]
pub(crate) struct Former {
    pub(crate) patient: String,
    pub(crate) device_user: Option<String>,
}

impl Window {
    /// Whether a row has its patient from an assignment. Otherwise the payload named the patient, or the bed: such
    /// rows stay whose they are, whatever becomes of the assignments.
    fn assigned(
        &self,
        assignments: &Assignments,
        (user, at): (Option<&str>, Micros),
        patient: &str,
    ) -> bool {
        let lost = self.former.as_ref().is_some_and(|former| {
            let theirs = former.device_user.as_deref();
            former.patient == patient && (theirs.is_none() || theirs == user)
        });
        // One of a user of the device takes rows from the one of the whole device.
        lost || assignments.resolve(&self.device, None, at) == Some(patient)
    }
}

/// What to log so that stored rows say what the assignments say: the corrections, and for the rules the interval that
/// each former patient loses. Empty when nothing moves.
pub(super) async fn entries(
    store: &Store,
    registry: &Registry,
    mappings: &Mappings,
    window: &Window,
) -> Result<Vec<Entry>, Error> {
    let stored = store
        .rows_of_device(&window.device, window.from, window.until)
        .await?;
    let (rows, formers) = moved(&stored, &registry.assignments(), window)?;
    if rows.num_rows() == 0 {
        return Ok(Vec::new());
    }
    // The id of a mapping's Observation names the patient.
    let rows = assign_panel_ids(&rows, |source| mappings.by_source(source))
        .map_err(|error| Error::Query(error.to_string()))?;
    let at = crate::clock::now();
    let mut entries = split::entries(at, &rows, Vec::new());
    entries.extend(formers.into_iter().map(|former| {
        Entry::Reattributed(ReattributedEntry {
            device: window.device.clone(),
            device_user: None,
            former: Some(former),
            patient: None,
            from: window.from,
            until: window.until,
            at,
        })
    }));
    Ok(entries)
}

/// The same for pieces of waveforms. The rules do not look at them.
pub(super) async fn waveform_entries(
    store: &Store,
    registry: &Registry,
    window: &Window,
) -> Result<Vec<Entry>, Error> {
    let stored = store
        .waveforms_of_device(&window.device, window.from, window.until)
        .await?;
    let assignments = registry.assignments();
    let moved = stored
        .into_iter()
        .filter_map(|mut piece| {
            let user = piece.device_user.as_deref();
            let today = assignments.resolve(&piece.device, user, piece.start);
            let moves = match piece.patient.as_deref() {
                former if former == today => false,
                None => true,
                Some(former) => window.assigned(&assignments, (user, piece.start), former),
            };
            let today = today.map(str::to_owned);
            piece.version += 1;
            piece.patient = today;
            moves.then_some(piece)
        })
        .collect();
    Ok(beside::waveform_entries(crate::clock::now(), moved))
}

/// Rows to write again, with their patient of today, the next version and status `corrected`; and who lost all that
/// they had here.
fn moved(
    rows: &RecordBatch,
    assignments: &Assignments,
    window: &Window,
) -> Result<(RecordBatch, BTreeSet<String>), Error> {
    let schema = wardline_normalize::columns::schema();
    let indices = schema
        .fields()
        .iter()
        .map(|field| rows.schema().index_of(field.name()))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = rows.project(&indices)?;
    let columns = Columns::new(&rows).map_err(|error| Error::Query(error.to_string()))?;
    let mut keep = Vec::with_capacity(rows.num_rows());
    let mut patients: Vec<Option<&str>> = Vec::with_capacity(rows.num_rows());
    let (mut formers, mut keepers) = (BTreeSet::new(), BTreeSet::new());
    for row in 0..rows.num_rows() {
        let user = text(columns.device_user, row);
        let at = columns.effective.value(row);
        let today = assignments.resolve(columns.device_id.value(row), user, at);
        let moves = match text(columns.patient_id, row) {
            former if former == today => false,
            None => true,
            Some(former) if window.assigned(assignments, (user, at), former) => {
                formers.insert(former.to_owned());
                true
            }
            Some(former) => {
                keepers.insert(former.to_owned());
                false
            }
        };
        keep.push(moves);
        patients.push(today);
    }
    // Who keeps some of it has not lost the interval; the corrections say which rows are gone.
    formers.retain(|former| !keepers.contains(former));
    let versions = Int64Array::from_iter_values(
        columns
            .version
            .iter()
            .map(|version| version.unwrap_or(1) + 1),
    );
    let statuses = StringArray::from_iter_values(std::iter::repeat_n("corrected", rows.num_rows()));
    let mut arrays = rows.columns().to_vec();
    let replaced: [(&str, ArrayRef); 3] = [
        ("patient_id", Arc::new(StringArray::from(patients))),
        ("version", Arc::new(versions)),
        ("status", Arc::new(statuses)),
    ];
    for (name, array) in replaced {
        debug_assert_eq!(array.len(), rows.num_rows());
        arrays[schema.index_of(name)?] = array;
    }
    let rows = RecordBatch::try_new(schema, arrays)?;
    Ok((
        filter_record_batch(&rows, &BooleanArray::from(keep))?,
        formers,
    ))
}
