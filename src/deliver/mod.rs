//! Alert events to their receivers, out of the durable outbox.
//!
//! "Raised" is a row in the registry, "delivered" another fact beside it. An entry stays until its
//! receiver has taken it or it is given up (a dead letter, kept and visible). The idempotency key is the
//! same on every attempt, so a receiver that saw an attempt we took for failed can tell.

mod mqtt;
mod webhook;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use rand::RngExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::Micros;
use wardline_store::registry::{AlertEventRecord, Destination, OutboxEntry, Registry};

pub(crate) use mqtt::Topic;
pub(crate) use webhook::Webhook;

use crate::config::Events;
use crate::metrics::Latency;

/// Deliveries under way at once to one receiver.
const CONCURRENT: usize = 16;
/// Entries looked at in the outbox at a time: those of a slow receiver wait among them.
const BATCH: u32 = 256;
/// Longest time without a look at the outbox while deliveries are under way.
const BUSY: Duration = Duration::from_secs(1);
/// Attempts before an entry becomes a dead letter: with the pauses below, about 50 minutes.
const ATTEMPTS: u32 = 16;
/// Longest pause between attempts.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Longest time without a look at the outbox.
const LOOK: Duration = Duration::from_secs(60);
/// Delivered entries are kept this long for those who look things up.
const KEEP: Micros = 7 * 86_400_000_000;

/// What became of attempts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// From the entry's making to its delivery.
    pub(crate) latency: Latency,
}

/// A receiver.
pub(crate) trait Receiver: Send + Sync {
    /// One attempt; the error says why it failed, without personal data.
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), String>>;
}

/// The outbox's worker.
pub(crate) struct Outbox {
    pub(crate) registry: Arc<Registry>,
    pub(crate) receivers: HashMap<String, Arc<dyn Receiver>>,
    pub(crate) metrics: Arc<crate::metrics::Metrics>,
    pub(crate) wake: Arc<Notify>,
}

/// Where alert events go, as the registry enters them into the outbox. The body says by `page` whether the event may
/// call people: it is false for what came too late, and for what only tells of an alert.
pub(crate) fn destination(name: &str, events: Events) -> Destination {
    let render = Arc::new(|_: i64, event: &AlertEventRecord| {
        let mut body = wardline_dashboard::json::alert(&crate::backend::view(event));
        if let Some(fields) = body.as_object_mut() {
            fields.insert("page".to_owned(), event.page.into());
        }
        body.to_string().into_bytes()
    });
    Destination {
        name: name.to_owned(),
        pages: events == Events::Pages,
        render,
    }
}

/// Ends the line of a destination that hears only what may call people; no name has it.
const PAGES: &str = "\tpages";

/// A destination as a line of text.
pub(crate) fn remembered(destination: &Destination) -> String {
    let pages = if destination.pages { PAGES } else { "" };
    format!("{}{pages}", destination.name)
}

/// The way back.
pub(crate) fn recalled(line: &str) -> Destination {
    match line.strip_suffix(PAGES) {
        Some(name) => destination(name, Events::Pages),
        None => destination(line, Events::All),
    }
}

impl Outbox {
    /// Delivers until told to stop; an attempt under way is let finish.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        // Which entries those are, and whose: a slow receiver holds up nobody else.
        let mut busy: HashMap<i64, String> = HashMap::new();
        while !stop.is_cancelled() {
            let now = crate::clock::now();
            for entry in self.due(now) {
                let same = busy.values().filter(|to| **to == entry.destination);
                if same.count() < CONCURRENT && !busy.contains_key(&entry.id) {
                    busy.insert(entry.id, entry.destination.clone());
                    let outbox = &self;
                    under_way.push(async move {
                        outbox.attempt(&entry).await;
                        entry.id
                    });
                }
            }
            let pause = if busy.is_empty() {
                self.idle(now)
            } else {
                BUSY
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

    /// Tidies up; says how long nothing falls due.
    fn idle(&self, now: Micros) -> Duration {
        tokio::task::block_in_place(|| {
            if let Err(error) = self.registry.prune_delivered(now - KEEP) {
                tracing::warn!(%error, "delivered outbox entries could not be pruned");
            }
            self.pause(now)
        })
    }

    fn pause(&self, now: Micros) -> Duration {
        let next = self.registry.next_due().ok().flatten();
        let wait = next.map_or(LOOK, |at| {
            Duration::from_micros(u64::try_from(at - now).unwrap_or(0))
        });
        wait.clamp(Duration::from_millis(10), LOOK)
    }

    async fn attempt(&self, entry: &OutboxEntry) {
        let outcome = match self.receivers.get(&entry.destination) {
            Some(receiver) => receiver.deliver(entry).await,
            None => Err("no such receiver is configured any more".to_owned()),
        };
        let now = crate::clock::now();
        let counts = &self.metrics.delivery;
        let written = match outcome {
            Ok(()) => {
                counts.delivered.fetch_add(1, Relaxed);
                counts.latency.record_since(entry.created_at, now);
                tokio::task::block_in_place(|| self.registry.mark_delivered(&[entry.id]))
            }
            Err(error) => {
                counts.failed.fetch_add(1, Relaxed);
                let next = (entry.attempts + 1 < ATTEMPTS).then(|| now + backoff(entry.attempts));
                let (destination, attempts) = (&entry.destination, entry.attempts + 1);
                tracing::warn!(
                    destination,
                    attempts,
                    error,
                    given_up = next.is_none(),
                    "delivery failed"
                );
                tokio::task::block_in_place(|| self.registry.mark_failed(entry.id, &error, next))
            }
        };
        if let Err(error) = written {
            tracing::error!(%error, "the outbox cannot be written; the delivery will be repeated");
        }
    }
}

/// Doubling from a second, capped, each with a random half so that receivers are not hit in step.
fn backoff(attempts: u32) -> Micros {
    let full = Duration::from_secs(1 << attempts.min(16)).min(PAUSE_MAX);
    let half = full.as_micros() as i64 / 2;
    half + rand::rng().random_range(0..=half)
}

#[cfg(test)]
mod tests {
    use super::{ATTEMPTS, Events, PAUSE_MAX, backoff, destination, recalled, remembered};

    #[test]
    fn a_destination_is_remembered_with_what_it_hears() {
        for (events, pages) in [(Events::All, false), (Events::Pages, true)] {
            let known = recalled(&remembered(&destination("ward pager", events)));
            assert_eq!((known.name.as_str(), known.pages), ("ward pager", pages));
        }
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        for attempts in 0..ATTEMPTS {
            let pause = backoff(attempts);
            assert!(
                pause >= 500_000 && pause <= PAUSE_MAX.as_micros() as i64,
                "{attempts}: {pause}"
            );
        }
        assert!(backoff(5) > backoff(1));
    }
}
