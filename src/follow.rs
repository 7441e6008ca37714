//! The rule engine's task: takes what is durable in log order, keeps alerts, checkpoints.
//!
//! Everything the engine sees is in the log: after a crash the records after the last checkpoint go
//! through it again, and events that were recorded already change nothing.

mod asked;
mod entry;
pub(crate) mod people;
mod quota;
mod standing;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::sync::{Mutex, Notify, mpsc, watch};
use wardline_rules::{AlertEvent, Engine, Input};
use wardline_store::registry::{AlertEventRecord, Checkpoint, Consequences, Destination, Registry};
use wardline_store::{Entry, Store};

pub(crate) use asked::{Asker, Question, Watching};

use crate::live::Live;
use crate::metrics::Metrics;
use crate::pipeline::Durable;
use crate::told::Told;

/// How often rule state is saved: bounds the log that a restart replays.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(10);

pub(crate) struct Follower {
    pub(crate) engine: Engine,
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
        match question {
            Question::Pending(reply) => drop(reply.send(self.engine.pending())),
            Question::Rules(reply) => drop(reply.send(Arc::clone(self.engine.rules()))),
            Question::Watch(reply) => drop(reply.send(Watching::default())),
        }
    }

    fn take(&mut self, durable: &Durable) -> anyhow::Result<()> {
        let mut events = Vec::new();
        match entry::input(&durable.entry) {
            Ok(Some(input)) => {
                self.engine.apply(durable.seq, &input, &mut events);
                if matches!(input, Input::RuleSet { .. }) {
                    self.metrics.rules.clear();
                }
            }
            Ok(None) => {}
            // Whoever watches by the last good rules sees more than whoever does not start.
            Err(refused) => {
                tracing::error!(
                    position = durable.seq,
                    refused,
                    "the log holds rules that this version refuses; those before stay in force"
                );
                self.metrics.rules.refuse(format!(
                    "this version refuses the rules at log position {} ({refused}): those before stay in force",
                    durable.seq
                ));
            }
        }
        self.metrics.log_clock.store(self.engine.clock(), Relaxed);
        let mut records: Vec<AlertEventRecord> = events.iter().map(record).collect();
        quota::events(durable, &mut records);
        if !records.is_empty() {
            let consequences = Consequences {
                events: &records,
                ..Consequences::default()
            };
            let new = self.registry.record_alerts(
                durable.seq,
                &consequences,
                &self.destinations,
                crate::clock::now(),
            )?;
            self.live.alerts(&new);
            self.outbox.notify_one();
        }
        match &durable.entry {
            Entry::Batch { rows, .. } => self.live.readings(rows),
            Entry::Gateway(gateway) => self.told.take(gateway),
            _ => {}
        }
        if durable.received > 0 && !records.is_empty() {
            self.metrics
                .alert
                .record_since(durable.received, crate::clock::now());
        }
        Ok(())
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
            ruleset_version: self.engine.rule_version().to_owned(),
            state: self.engine.checkpoint(),
        };
        self.told.save(&self.registry)?;
        self.registry
            .save_checkpoint(&checkpoint, crate::clock::now())?;
        self.store.set_rules_position(position);
        self.saved = position;
        Ok(())
    }
}

/// The registry's form of an event.
fn record(event: &AlertEvent) -> AlertEventRecord {
    AlertEventRecord {
        seq: event.seq,
        ordinal: event.ordinal,
        alert_id: event.alert_id.clone(),
        rule_id: event.rule_id.clone(),
        rule_version: event.rule_version.clone(),
        subject: event.subject.to_string(),
        device_id: event.device_id.clone(),
        class: event.class.to_string(),
        priority: event.priority.to_string(),
        event: event.event.to_string(),
        state: event.state.to_string(),
        acknowledged_by: event.acknowledged_by.clone(),
        acknowledged_at: event.acknowledged_at,
        silenced_until: event.silenced_until,
        escalation_level: event.escalation_level,
        onset: event.onset,
        ended: event.ended,
        event_time: event.event_time,
        processed_time: event.processed_time,
        value: event.value,
        unit: event.unit.clone(),
        message: event.message.clone(),
        evidence: event.evidence.clone(),
        page: event.page,
        reason: event.reason.map(|reason| reason.to_string()),
        limit_low: event.limit_low,
        limit_high: event.limit_high,
        limit_source: event.limit_source.map(|source| source.to_string()),
        latched: event.latched,
        silenced_by: event.silenced_by.clone(),
        repeats: event.repeats,
    }
}
