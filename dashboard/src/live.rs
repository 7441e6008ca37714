//! The live picture: the latest value of every metric of every patient, and open alerts.
//!
//! Writers put in durable readings and alert events; each change gets the next sequence number and a
//! place in a bounded ring of changed keys. A reader holds nothing but the number it has seen: when it
//! comes back it gets the *latest* state of every key changed since, however many changes there were, or
//! a snapshot when the ring has moved past it. So a slow reader costs no memory; it misses display
//! frames, which are counted, and never a final state.

mod estimate;
mod state;
mod value;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use tokio::sync::watch;
use wardline_normalize::columns::{Columns, MissingColumn};

use crate::backend::{Alert, Micros};
use state::State;
pub use value::Latest;

/// Latest values kept at most: 10,000 patients with 20 metrics each, about 60 MB.
pub const MAX_VALUES: usize = 200_000;
/// Changed keys remembered for readers that come back: 16 s at 1,000 changes a second.
pub const RING: usize = 16_384;

/// The live picture; shared by the writer and every stream.
#[derive(Debug)]
pub struct Live {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    /// Tells this run of the server from another in event ids.
    epoch: u64,
    skipped: AtomicU64,
}

/// What a reader gets.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// The whole picture, replacing what the reader had; else only what changed.
    pub snapshot: bool,
    /// Latest values, in order of patient and metric.
    pub values: Vec<Arc<Latest>>,
    /// Alerts as they stand; resolved ones only in a change.
    pub alerts: Vec<Arc<Alert>>,
    /// Sequence number this frame brings the reader to.
    pub seq: u64,
    /// Changes the reader did not see one by one.
    pub skipped: u64,
}

/// Which part of the picture a reader wants.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only these patients; empty for all.
    pub patients: Vec<String>,
    /// Only alerts.
    pub alerts_only: bool,
}

impl Filter {
    fn takes_value(&self, value: &Latest) -> bool {
        !self.alerts_only && (self.patients.is_empty() || self.patients.contains(&value.patient))
    }

    fn takes_alert(&self, alert: &Alert) -> bool {
        self.patients.is_empty()
            || alert
                .patient()
                .is_some_and(|patient| self.patients.iter().any(|wanted| wanted == patient))
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// An empty picture.
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            changed: watch::Sender::new(0),
            epoch: RandomState::new().build_hasher().finish(),
            skipped: AtomicU64::new(0),
        }
    }

    /// Takes durable rows with the columns of `wardline_normalize::columns::schema`. Rows without a
    /// patient and implausible ones are passed over; an older reading never replaces a newer one; a
    /// correction replaces the version it corrects.
    ///
    /// # Errors
    /// A column is missing; nothing has been taken.
    pub fn readings(&self, rows: &RecordBatch) -> Result<(), MissingColumn> {
        let columns = Columns::new(rows)?;
        let seq = {
            let mut state = self.lock();
            for row in 0..columns.len() {
                state.reading(&columns, row);
            }
            state.seq()
        };
        self.publish(seq);
        Ok(())
    }

    /// Takes alerts after their latest events, in log order.
    pub fn alerts(&self, alerts: impl IntoIterator<Item = Alert>) {
        let seq = {
            let mut state = self.lock();
            for alert in alerts {
                state.alert(alert);
            }
            state.seq()
        };
        self.publish(seq);
    }

    /// States how often a metric (MDC id, else own code) is expected; without it the interval is
    /// estimated from the readings.
    pub fn expect(&self, metric: &str, every: Micros) {
        self.lock().expect(metric, every);
    }

    /// Removes a patient's values, after discharge or erasure. Readers drop them at their next snapshot.
    pub fn forget(&self, patient: &str) {
        let seq = {
            let mut state = self.lock();
            state.forget(patient);
            state.seq()
        };
        self.publish(seq);
    }

    /// Display changes that slow readers did not see one by one, since start.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Readings not shown because [`MAX_VALUES`] were held already, since start.
    pub fn refused(&self) -> u64 {
        self.lock().refused()
    }

    /// Number of latest values held.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether no value is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(crate) fn snapshot(&self, filter: &Filter) -> Frame {
        self.lock().snapshot(filter)
    }

    /// What changed after `seq`, or a snapshot when that is too long ago.
    pub(crate) fn since(&self, seq: u64, filter: &Filter) -> Frame {
        let frame = self.lock().since(seq, filter);
        self.skipped.fetch_add(frame.skipped, Ordering::Relaxed);
        frame
    }

    fn publish(&self, seq: u64) {
        self.changed.send_if_modified(|last| {
            let newer = seq > *last;
            if newer {
                *last = seq;
            }
            newer
        });
    }

    /// A panic while holding the lock leaves at worst one half-updated display value.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
