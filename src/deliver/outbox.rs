//! The outbox's worker.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::Micros;
use wardline_store::registry::{self, OutboxEntry, Registry};

use super::turned::Wall;
use super::unwritten::{Unwritten, settled};
use super::{Failure, Receiver, retry};

/// Entries of each receiver looked at in the outbox at a time, those under way among them.
const BATCH: u32 = 64;
/// Longest time without a look at the outbox while something is pending: the wall clock may be set meanwhile, and
/// what is due goes by it. Also the pause after one that failed.
const PENDING: Duration = Duration::from_secs(1);
/// Longest time without a look at the outbox: the watchdog takes a long one for the worker's end.
const IDLE: Duration = Duration::from_secs(5);
/// From one tidying up to the next.
const TIDY: Duration = Duration::from_secs(60);
/// Delivered entries are kept this long for those who look things up.
const KEEP: Micros = 7 * 86_400_000_000;
/// Entries removed by one tidying up when there are more.
const TIDIED: usize = 1_000;

/// The outbox's worker.
pub(crate) struct Outbox {
    pub(crate) registry: Arc<Registry>,
    pub(crate) receivers: HashMap<String, Arc<dyn Receiver>>,
    pub(crate) metrics: Arc<crate::metrics::Metrics>,
    pub(crate) wake: Arc<Notify>,
}

/// What came of an attempt, as far as the registry has it.
enum Outcome {
    Written,
    /// Taken then.
    Delivered(Micros),
    /// Again after so long.
    Failed(Duration),
}

impl Outbox {
    /// Delivers until told to stop; an attempt under way is let finish.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        // Which entries those are, and whose: a slow receiver holds up nobody else.
        let mut busy: HashMap<i64, String> = HashMap::new();
        let mut unwritten = Unwritten::default();
        let mut tidied = None;
        let mut wall = Wall::new(crate::clock::now());
        let mut set_back = false;
        while !stop.is_cancelled() {
            crate::sabotage::outbox();
            let now = crate::clock::now();
            set_back |= wall.set_back(now);
            tokio::task::block_in_place(|| {
                unwritten.write(&self.registry);
                set_back = set_back && !self.hastened(now);
                self.tidy(now, &mut tidied);
            });
            let found = self.due(now, &unwritten);
            let looked = found.is_some();
            for mut entry in found.unwrap_or_default() {
                let same = busy.values().filter(|to| **to == entry.destination);
                let receiver = self.receivers.get(&entry.destination);
                let places = receiver.map_or(1, |receiver| receiver.concurrent());
                // What is less urgent takes up all places but one, if there are several.
                let places = places + usize::from(places > 1 && entry.urgent);
                if same.count() < places
                    && !busy.contains_key(&entry.id)
                    && !unwritten.holds(entry.id)
                {
                    busy.insert(entry.id, entry.destination.clone());
                    entry.attempts += unwritten.attempts(entry.id);
                    let outbox = &self;
                    under_way.push(async move { (entry.id, outbox.attempt(&entry).await) });
                }
            }
            let pause = if looked && busy.is_empty() && unwritten.len() == 0 {
                self.idle(now)
            } else {
                PENDING
            };
            let mut ended = |(id, outcome): (i64, Outcome)| {
                busy.remove(&id);
                match outcome {
                    Outcome::Written => unwritten.written(id),
                    Outcome::Delivered(at) => unwritten.delivered(id, at),
                    Outcome::Failed(pause) => unwritten.failed(id, pause),
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = under_way.next() => {
                    ended(done);
                    while let Some(Some(done)) = under_way.next().now_or_never() {
                        ended(done);
                    }
                }
                () = self.wake.notified(), if looked => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while let Some((id, outcome)) = under_way.next().await {
            if let Outcome::Delivered(at) = outcome {
                unwritten.delivered(id, at);
            }
        }
        tokio::task::block_in_place(|| unwritten.write_now(&self.registry));
    }

    /// What is due; none when the outbox cannot be read. Entries that are only to be written down hide no others.
    fn due(&self, now: Micros, unwritten: &Unwritten) -> Option<Vec<OutboxEntry>> {
        let each = BATCH.saturating_add(u32::try_from(unwritten.len()).unwrap_or(u32::MAX));
        let due = tokio::task::block_in_place(|| self.registry.due(now, each));
        let due = due.inspect_err(|error| tracing::error!(%error, "the outbox cannot be read"));
        if due.is_ok() {
            self.metrics.delivery.turned.now();
        }
        due.ok()
    }

    /// Whether everything that waits is due: the clock by which it waits was set back.
    fn hastened(&self, now: Micros) -> bool {
        tracing::warn!("the clock was set back: what waits for another attempt is tried at once");
        let done = self.registry.hasten(now);
        let done =
            done.inspect_err(|error| tracing::error!(%error, "the outbox cannot be written"));
        done.is_ok()
    }

    /// Removes now and then what was delivered long ago.
    fn tidy(&self, now: Micros, tidied: &mut Option<Instant>) {
        if tidied.is_some_and(|at| at.elapsed() < TIDY) {
            return;
        }
        let removed = self.registry.prune_delivered(now - KEEP);
        let removed = removed.inspect_err(
            |error| tracing::warn!(%error, "delivered outbox entries could not be pruned"),
        );
        // What is left goes at the next turn.
        *tidied = (removed.unwrap_or(0) < TIDIED).then(Instant::now);
    }

    /// How long nothing falls due.
    fn idle(&self, now: Micros) -> Duration {
        let next = tokio::task::block_in_place(|| self.registry.next_due());
        match next {
            Ok(None) => IDLE,
            Ok(Some(at)) => {
                let wait = Duration::from_micros(u64::try_from(at - now).unwrap_or(0));
                wait.clamp(Duration::from_millis(10), PENDING)
            }
            Err(_) => PENDING,
        }
    }

    async fn attempt(&self, entry: &OutboxEntry) -> Outcome {
        let outcome = match self.receivers.get(&entry.destination) {
            // A receiver that panics over one entry is no reason to deliver none.
            Some(receiver) => AssertUnwindSafe(async { receiver.deliver(entry).await })
                .catch_unwind()
                .await
                .unwrap_or_else(|_| Err(Failure::transient("the attempt panicked"))),
            None => Err(Failure::transient(
                "no such receiver is configured any more",
            )),
        };
        let now = crate::clock::now();
        match outcome {
            Ok(()) => self.delivered(entry, now),
            Err(failure) => self.failed(entry, &failure, now),
        }
    }

    fn delivered(&self, entry: &OutboxEntry, now: Micros) -> Outcome {
        let counts = &self.metrics.delivery;
        counts.delivered.fetch_add(1, Relaxed);
        counts.latency.record_since(entry.created_at, now);
        let written =
            tokio::task::block_in_place(|| self.registry.mark_delivered(&[entry.id], now));
        match written {
            Ok(()) => Outcome::Written,
            Err(error) => {
                tracing::error!(%error, id = entry.id, "a delivery is not written down yet");
                Outcome::Delivered(now)
            }
        }
    }

    fn failed(&self, entry: &OutboxEntry, failure: &Failure, now: Micros) -> Outcome {
        self.metrics.delivery.failed.fetch_add(1, Relaxed);
        let next = |urgent: bool| retry::next(entry, failure, urgent, now);
        let why = failure.why();
        let written: registry::Result<_> =
            tokio::task::block_in_place(|| self.registry.mark_failed(entry.id, why, next));
        match written {
            Ok(next) => {
                self.tell(entry, failure, next.is_none());
                Outcome::Written
            }
            Err(error) if settled(&error) => {
                tracing::warn!(%error, "a failed delivery is not pending any more");
                Outcome::Written
            }
            Err(error) => {
                tracing::error!(%error, id = entry.id, why, "a failed delivery is not written down");
                let pause = next(true).map_or(0, |next| next - now);
                let pause = Duration::from_micros(u64::try_from(pause).unwrap_or(0));
                Outcome::Failed(pause.max(PENDING))
            }
        }
    }

    fn tell(&self, entry: &OutboxEntry, failure: &Failure, given_up: bool) {
        let (destination, attempts) = (&entry.destination, entry.attempts + 1);
        let error = failure.why();
        if given_up {
            self.metrics.delivery.dead.fetch_add(1, Relaxed);
            tracing::error!(
                id = entry.id,
                destination,
                attempts,
                error,
                "a delivery was given up: nobody was told by it; see `wardline outbox list --state dead`"
            );
        } else {
            tracing::warn!(destination, attempts, error, "delivery failed");
        }
    }
}
