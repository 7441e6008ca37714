//! The outbox's worker.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::Micros;
use wardline_store::registry::{OutboxEntry, Registry};

use super::{Failure, Receiver, retry};

/// Entries of each receiver looked at in the outbox at a time, those under way among them.
const BATCH: u32 = 64;
/// Longest time without a look at the outbox while something is pending: the wall clock may be set meanwhile, and
/// what is due goes by it.
const PENDING: Duration = Duration::from_secs(1);
/// Longest time without a look at the outbox.
const LOOK: Duration = Duration::from_secs(60);
/// Delivered entries are kept this long for those who look things up.
const KEEP: Micros = 7 * 86_400_000_000;

/// The outbox's worker.
pub(crate) struct Outbox {
    pub(crate) registry: Arc<Registry>,
    pub(crate) receivers: HashMap<String, Arc<dyn Receiver>>,
    pub(crate) metrics: Arc<crate::metrics::Metrics>,
    pub(crate) wake: Arc<Notify>,
}

impl Outbox {
    /// Delivers until told to stop; an attempt under way is let finish.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        // Which entries those are, and whose: a slow receiver holds up nobody else.
        let mut busy: HashMap<i64, String> = HashMap::new();
        let mut pruned = None;
        while !stop.is_cancelled() {
            let now = crate::clock::now();
            for entry in self.due(now) {
                let same = busy.values().filter(|to| **to == entry.destination);
                let receiver = self.receivers.get(&entry.destination);
                let places = receiver.map_or(1, |receiver| receiver.concurrent());
                if same.count() < places && !busy.contains_key(&entry.id) {
                    busy.insert(entry.id, entry.destination.clone());
                    let outbox = &self;
                    under_way.push(async move {
                        outbox.attempt(&entry).await;
                        entry.id
                    });
                }
            }
            let pause = if busy.is_empty() {
                self.idle(now, &mut pruned)
            } else {
                PENDING
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = under_way.next() => {
                    busy.remove(&done);
                    while let Some(Some(done)) = under_way.next().now_or_never() {
                        busy.remove(&done);
                    }
                }
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while under_way.next().await.is_some() {}
    }

    fn due(&self, now: Micros) -> Vec<OutboxEntry> {
        tokio::task::block_in_place(|| self.registry.due(now, BATCH)).unwrap_or_else(|error| {
            tracing::error!(%error, "the outbox cannot be read");
            Vec::new()
        })
    }

    /// Tidies up now and then; says how long nothing falls due.
    fn idle(&self, now: Micros, pruned: &mut Option<Instant>) -> Duration {
        tokio::task::block_in_place(|| {
            if pruned.is_none_or(|at| at.elapsed() >= LOOK) {
                if let Err(error) = self.registry.prune_delivered(now - KEEP) {
                    tracing::warn!(%error, "delivered outbox entries could not be pruned");
                }
                *pruned = Some(Instant::now());
            }
            match self.registry.next_due().ok().flatten() {
                None => LOOK,
                Some(at) => {
                    let wait = Duration::from_micros(u64::try_from(at - now).unwrap_or(0));
                    wait.clamp(Duration::from_millis(10), PENDING)
                }
            }
        })
    }

    async fn attempt(&self, entry: &OutboxEntry) {
        let outcome = match self.receivers.get(&entry.destination) {
            Some(receiver) => receiver.deliver(entry).await,
            None => Err(Failure::transient(
                "no such receiver is configured any more",
            )),
        };
        let now = crate::clock::now();
        let counts = &self.metrics.delivery;
        let written = match outcome {
            Ok(()) => {
                counts.delivered.fetch_add(1, Relaxed);
                counts.latency.record_since(entry.created_at, now);
                tokio::task::block_in_place(|| self.registry.mark_delivered(&[entry.id], now))
            }
            Err(failure) => {
                counts.failed.fetch_add(1, Relaxed);
                let next = retry::next(entry, &failure, now);
                self.tell(entry, &failure, next.is_none());
                let why = failure.why();
                tokio::task::block_in_place(|| self.registry.mark_failed(entry.id, why, next))
            }
        };
        if let Err(error) = written {
            tracing::error!(%error, "the outbox cannot be written; the delivery will be repeated");
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
