//! The rule engine's task: takes what is durable in log order, keeps alerts, checkpoints.
//!
//! Everything the engine sees is in the log: after a crash the records after the last checkpoint go
//! through it again, and events that were recorded already change nothing.

mod asked;
mod entry;
mod judgement;
pub(crate) mod people;
mod quota;
mod record;
mod standing;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use wardline_rules::routing::Outcome;
use wardline_store::registry::{Checkpoint, Destination, Registry};
use wardline_store::{Entry, Store};

pub(crate) use asked::{Asker, Question, Watching};
pub(crate) use judgement::Judgement;

use crate::live::Live;
use crate::metrics::Metrics;
use crate::pipeline::Durable;
use crate::told::Told;

/// How often rule state is saved: bounds the log that a restart replays.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);

pub(crate) struct Follower {
    pub(crate) judgement: Judgement,
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) live: Arc<Live>,
    pub(crate) told: Arc<Told>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) destinations: Arc<[Destination]>,
    /// Wakes the outbox.
    pub(crate) outbox: Arc<Notify>,
    /// Last position whose consequences are recorded.
    pub(crate) applied: watch::Sender<u64>,
    /// Held by a backup: what its copy of the registry needs of the log must stay.
    pub(crate) checkpoints: Arc<Mutex<()>>,
    /// Position of the last checkpoint.
    pub(crate) saved: u64,
}

impl Follower {
    /// Takes the records of the log after the last checkpoint; gives the last position.
    pub(crate) fn replay(&mut self) -> anyhow::Result<u64> {
        let mut last = self.saved;
        let store = self.store.clone();
        for record in store.replay_from(self.saved + 1) {
            let (seq, entry) = record?;
            if seq != last + 1 {
                tracing::warn!(
                    from = last + 1,
                    to = seq - 1,
                    "the log no longer has what the rules missed"
                );
            }
            self.take(&Durable {
                seq,
                entry,
                received: 0,
            })?;
            last = seq;
        }
        let end = self.store.stats().appended;
        if last > end {
            bail!(
                "the rules are at {last} but the log ends at {end}: the registry is of another time"
            );
        }
        if last < end {
            tracing::warn!(
                from = last + 1,
                to = end,
                "the log no longer has what the rules missed"
            );
        }
        self.applied.send_replace(end);
        Ok(end)
    }

    /// Follows until the pipeline ends, then saves the state. Questions are answered between two records.
    pub(crate) async fn run(
        mut self,
        mut queue: mpsc::Receiver<Durable>,
        mut questions: mpsc::Receiver<Question>,
    ) -> anyhow::Result<()> {
        let mut saved_at = Instant::now();
        loop {
            let next = tokio::select! {
                next = queue.recv() => next,
                Some(question) = questions.recv() => {
                    self.answer(question);
                    continue;
                }
            };
            let Some(durable) = next else { break };
            let expected = *self.applied.borrow() + 1;
            if durable.seq != expected {
                bail!("log position {} came where {expected} was due", durable.seq);
            }
            tokio::task::block_in_place(|| self.take(&durable))?;
            self.applied.send_replace(durable.seq);
            if saved_at.elapsed() >= CHECKPOINT_EVERY {
                tokio::task::block_in_place(|| self.save())?;
                saved_at = Instant::now();
            }
        }
        tokio::task::block_in_place(|| self.save())
    }

    /// Whoever asked may have gone: then nobody minds the answer.
    fn answer(&self, question: Question) {
        let Judgement { engine, router } = &self.judgement;
        match question {
            Question::Pending(reply) => drop(reply.send(engine.pending())),
            Question::Rules(reply) => drop(reply.send(Arc::clone(engine.rules()))),
            Question::Watch(reply) => {
                let now = crate::clock::now();
                drop(reply.send((router.watch(now), router.on_call(now))));
            }
        }
    }

    fn take(&mut self, durable: &Durable) -> anyhow::Result<()> {
        let followed = self.judgement.take(durable);
        // Whoever watches by the last good files sees more than whoever does not start.
        if let Some(refused) = &followed.refused {
            let position = durable.seq;
            tracing::error!(position, refused, "the log holds what this version refuses");
            self.metrics.rules.refuse(format!(
                "this version refuses a file at log position {position} ({refused}): those before stay in force"
            ));
        } else if followed.renewed {
            self.metrics.rules.clear();
        }
        let clock = self.judgement.engine.clock();
        *self
            .metrics
            .judged
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = self.judgement.engine.stats();
        self.metrics.log_clock.store(clock, Relaxed);
        self.untold(&followed.outcomes);
        let bed = |patient: &str| crate::deliver::bed(&self.registry, patient);
        let records = record::Records::of(&followed, clock, &bed);
        let consequences = records.consequences();
        if !consequences.is_empty() {
            let now = crate::clock::now();
            let new =
                self.registry
                    .record_alerts(durable.seq, &consequences, &self.destinations, now)?;
            self.live.alerts(&new);
            self.outbox.notify_one();
        }
        match &durable.entry {
            Entry::Batch { rows, .. } => self.live.readings(rows),
            Entry::Gateway(gateway) => self.told.take(gateway),
            _ => {}
        }
        if durable.received > 0 && !followed.events.is_empty() {
            self.metrics
                .alert
                .record_since(durable.received, crate::clock::now());
        }
        Ok(())
    }

    /// Counts and logs the pages that reach nobody now.
    fn untold(&self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            match outcome {
                Outcome::Notify(_) => {}
                Outcome::NotWatched { .. } => {
                    self.metrics.not_watched.fetch_add(1, Relaxed);
                }
                Outcome::Unrouted { alert_id } => {
                    self.metrics.unrouted.fetch_add(1, Relaxed);
                    tracing::warn!(alert_id, "no route takes a page");
                }
            }
        }
    }

    fn save(&mut self) -> anyhow::Result<()> {
        let position = *self.applied.borrow();
        if position == self.saved {
            return Ok(());
        }
        // During a backup the next turn will do; at the end, a restart takes a little more of the log.
        let checkpoints = Arc::clone(&self.checkpoints);
        let Ok(_free) = checkpoints.try_lock() else {
            return Ok(());
        };
        let checkpoint = Checkpoint {
            position,
            ruleset_version: self.judgement.engine.rule_version().to_owned(),
            state: self.judgement.checkpoint(),
        };
        self.told.save(&self.registry)?;
        self.registry
            .save_checkpoint(&checkpoint, crate::clock::now())?;
        self.store.set_rules_position(position);
        self.saved = position;
        Ok(())
    }
}
