//! What became of attempts while the registry took no word of it.
//!
//! There the entry is still due; but what was delivered is not sent again, only written down again, and what failed is
//! tried as often as it would be otherwise. A crash forgets this: then what was delivered is sent once more, under the
//! same key. It holds no more than was pending when the registry failed, for nothing new is entered meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use wardline_normalize::time::Micros;
use wardline_store::registry::{Error, Registry};

use super::retry;

/// Longest pause between attempts to write it down.
const PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub(super) struct Unwritten {
    /// When the receiver took it.
    delivered: BTreeMap<i64, Micros>,
    failed: HashMap<i64, Failed>,
    /// Failures to write, one after the other.
    tries: u32,
    again: Option<Instant>,
}

#[derive(Debug)]
struct Failed {
    /// Attempts that the registry knows nothing of.
    attempts: u32,
    /// Not before.
    next: Instant,
}

impl Unwritten {
    /// The receiver took it.
    pub(super) fn delivered(&mut self, id: i64, at: Micros) {
        self.failed.remove(&id);
        self.delivered.insert(id, at);
        self.failed_to_write();
    }

    /// An attempt failed; the next is after this pause.
    pub(super) fn failed(&mut self, id: i64, pause: Duration) {
        let next = Instant::now() + pause;
        let attempts = self.attempts(id) + 1;
        self.failed.insert(id, Failed { attempts, next });
    }

    /// The registry has it.
    pub(super) fn written(&mut self, id: i64) {
        self.failed.remove(&id);
    }

    /// Attempts that the registry knows nothing of.
    pub(super) fn attempts(&self, id: i64) -> u32 {
        self.failed.get(&id).map_or(0, |failed| failed.attempts)
    }

    /// Whether it must not be sent now.
    pub(super) fn holds(&self, id: i64) -> bool {
        let failed = self.failed.get(&id);
        self.delivered.contains_key(&id)
            || failed.is_some_and(|failed| failed.next > Instant::now())
    }

    pub(super) fn len(&self) -> usize {
        self.delivered.len() + self.failed.len()
    }

    /// Writes down what was delivered, with growing pauses while the registry takes nothing.
    pub(super) fn write(&mut self, registry: &Registry) {
        if self.again.is_some_and(|again| again > Instant::now()) {
            return;
        }
        while let Some((id, at)) = self.delivered.first_key_value() {
            let id = *id;
            match registry.mark_delivered(&[id], *at) {
                Ok(()) => {}
                Err(error) if settled(&error) => {
                    tracing::warn!(%error, "a delivery cannot be written down");
                }
                Err(error) => {
                    tracing::error!(%error, deliveries = self.delivered.len(), "deliveries are still not written down");
                    return self.failed_to_write();
                }
            }
            self.delivered.remove(&id);
        }
        (self.tries, self.again) = (0, None);
    }

    /// The same without regard to earlier failures.
    pub(super) fn write_now(&mut self, registry: &Registry) {
        self.again = None;
        self.write(registry);
    }

    fn failed_to_write(&mut self) {
        let pause = retry::backoff(self.tries, PAUSE);
        self.tries = self.tries.saturating_add(1);
        let pause = Duration::from_micros(u64::try_from(pause).unwrap_or(0));
        self.again = Some(Instant::now() + pause);
    }
}

/// Whether the registry refuses because the entry is not pending any more, whoever saw to that: it would refuse again.
pub(super) fn settled(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. } | Error::State { .. })
}
