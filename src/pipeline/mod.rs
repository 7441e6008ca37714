//! From MQTT messages to durable rows: normalise, attribute, tell repeats, log, acknowledge.
//!
//! ```text
//! submit ──(blocking threads: decode a batch)──> sequencer ──> append (log, group commit) ──> settler
//!                                               attribute,                                  answers in order,
//!                                               dedup, quota                                then rules follow
//! ```
//!
//! Batches are decoded side by side; the sequencer takes them one after the other, because what is a
//! repeat depends on what went before; appends overlap so that one sync serves many batches; the
//! settler answers in the sequencer's order, so a repeat is acknowledged only when its original is
//! durable. Queues are bounded: a full one holds the acknowledgements back, never drops. A message that
//! the code cannot stand goes to quarantine alone (`contain`).

mod attribute;
mod beside;
mod contain;
mod decode;
mod identity;
mod prepare;
mod quota;
mod reattribute;
mod sequencer;
mod settle;
mod split;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arrow_array::RecordBatch;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use wardline_ingest::{Answer, Closed, Incoming, Sink};
use wardline_normalize::batch::Guard;
use wardline_normalize::time::Micros;
use wardline_store::registry::Registry;
use wardline_store::{Dedup, Entry, Store};

pub(crate) use quota::{Limits, Quota};
pub(crate) use reattribute::{Former, Window};
pub(crate) use sequencer::QUOTA_REASON;

use crate::mappings::Mappings;
use crate::metrics::Metrics;

/// Batches that wait for the sequencer: enough to keep it busy while blocking threads decode.
const JOBS: usize = 32;
/// Appends under way: each holds one batch in memory, and one group commit takes them all.
const APPENDS: usize = 64;

/// What became durable, in the words of the log. Sent on in order, without holes.
#[derive(Debug, Clone)]
pub(crate) struct Durable {
    pub(crate) seq: u64,
    pub(crate) entry: Entry,
    /// When the first message of the batch was read from its socket.
    pub(crate) received: Micros,
}

/// Counts of the way in.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) messages: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) corrections: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) repeated_rejects: AtomicU64,
    pub(crate) quota_exceeded: AtomicU64,
    pub(crate) unattributed: AtomicU64,
    pub(crate) internal_errors: AtomicU64,
    pub(crate) alarms: AtomicU64,
    pub(crate) waveforms: AtomicU64,
    pub(crate) waveforms_ignored: AtomicU64,
    pub(crate) gateway_states: AtomicU64,
}

/// What one batch did, for those who ask (quarantine replay, manual observations).
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) answers: Vec<Answer>,
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    pub(crate) rejected: u64,
    /// First rejection, for people.
    pub(crate) detail: Option<String>,
}

pub(crate) enum Job {
    /// `kept`: the messages come from quarantine, where those that are refused again stay.
    Messages {
        messages: Arc<Vec<Incoming>>,
        decoded: tokio::task::JoinHandle<Result<decode::Parts, contain::Fault>>,
        kept: bool,
        reply: oneshot::Sender<Outcome>,
    },
    Rows {
        rows: RecordBatch,
        received: Micros,
        reply: oneshot::Sender<Outcome>,
    },
    Entry {
        entry: Entry,
        reply: oneshot::Sender<u64>,
    },
    Reattribute {
        window: Window,
        of: reattribute::Of,
        reply: oneshot::Sender<u64>,
    },
    /// Tells the position when all before it is durable and visible.
    Settle { reply: oneshot::Sender<u64> },
    /// Take nothing more, although the pipeline is still held.
    Stop,
}

/// The way in; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    jobs: mpsc::Sender<Job>,
    decoder: Arc<decode::Decoder>,
    store: Store,
}

/// What the pipeline runs on.
pub(crate) struct Parts {
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) guard: Guard,
    pub(crate) mappings: Arc<Mappings>,
    pub(crate) quota: Quota,
    /// Keep waveforms; otherwise they are acknowledged and counted.
    pub(crate) waveforms: bool,
    pub(crate) metrics: Arc<Metrics>,
    /// The rule engine's bounded queue.
    pub(crate) follow: mpsc::Sender<Durable>,
    /// Called once when the log fails: nothing is acknowledged from then on.
    pub(crate) failed: Arc<dyn Fn(&wardline_store::Error) + Send + Sync>,
}

impl Pipeline {
    /// Starts sequencer and settler; both end after [`Pipeline::stop`].
    pub(crate) fn start(parts: Parts) -> (Self, tokio::task::JoinHandle<()>) {
        let (jobs, queue) = mpsc::channel(JOBS);
        let (appends, settle_queue) = mpsc::channel(APPENDS);
        let settler = settle::Settler {
            follow: parts.follow,
            metrics: Arc::clone(&parts.metrics),
            failed: parts.failed,
        };
        let settled = tokio::spawn(settler.run(settle_queue));
        let (mappings, registry) = (Arc::clone(&parts.mappings), Arc::clone(&parts.registry));
        let decoder = Arc::new(decode::Decoder::new(parts.guard, mappings, registry));
        let store = parts.store.clone();
        let sequencer = sequencer::Sequencer {
            dedup: Dedup::new(&parts.store),
            store: parts.store,
            registry: parts.registry,
            mappings: parts.mappings,
            quota: parts.quota,
            waveforms: parts.waveforms,
            pieces: beside::Known::default(),
            told: sequencer::lines(),
            decoder: Arc::clone(&decoder),
            metrics: parts.metrics,
            appends,
        };
        let sequenced = tokio::spawn(sequencer.run(queue));
        let ended = tokio::spawn(async move {
            for task in [sequenced, settled] {
                if let Err(error) = task.await {
                    tracing::error!(%error, "the pipeline ended early");
                }
            }
        });
        (
            Self {
                jobs,
                decoder,
                store,
            },
            ended,
        )
    }

    async fn send<T>(&self, job: Job, answer: oneshot::Receiver<T>) -> Result<T, Closed> {
        self.jobs.send(job).await.map_err(|_| Closed)?;
        answer.await.map_err(|_| Closed)
    }

    /// Makes messages durable; the outcome is known when they are.
    pub(crate) async fn messages(&self, messages: Vec<Incoming>) -> Result<Outcome, Closed> {
        self.decode(messages, false).await
    }

    /// The same with messages out of quarantine: those refused again are not kept a second time.
    pub(crate) async fn replay(&self, messages: Vec<Incoming>) -> Result<Outcome, Closed> {
        self.decode(messages, true).await
    }

    async fn decode(&self, messages: Vec<Incoming>, kept: bool) -> Result<Outcome, Closed> {
        let decoder = Arc::clone(&self.decoder);
        let messages = Arc::new(messages);
        let batch = Arc::clone(&messages);
        let decoded = tokio::task::spawn_blocking(move || {
            contain::decode(&decoder, &batch, &(0..batch.len()))
        });
        let (reply, answer) = oneshot::channel();
        self.send(
            Job::Messages {
                messages,
                decoded,
                kept,
                reply,
            },
            answer,
        )
        .await
    }

    /// Makes rows durable that are attributed already (manual observations).
    pub(crate) async fn rows(
        &self,
        rows: RecordBatch,
        received: Micros,
    ) -> Result<Outcome, Closed> {
        let (reply, answer) = oneshot::channel();
        self.send(
            Job::Rows {
                rows,
                received,
                reply,
            },
            answer,
        )
        .await
    }

    /// Makes any other entry durable and gives its position.
    pub(crate) async fn entry(&self, entry: Entry) -> Result<u64, Closed> {
        let (reply, answer) = oneshot::channel();
        self.send(Job::Entry { entry, reply }, answer).await
    }

    /// Brings stored rows of a device in line with the assignments of today; gives the position after it. A stretch
    /// at a time, so that a month of rows needs no memory and the intake goes on in between.
    pub(crate) async fn reattribute(&self, window: Window) -> Result<u64, Closed> {
        // What comes later is attributed by the assignments of today already.
        let (reply, answer) = oneshot::channel();
        let mut position = self.send(Job::Settle { reply }, answer).await?;
        let Window {
            device,
            from,
            until,
            former,
        } = window;
        let rows = self
            .store
            .stretches_of_device(&device, from, until, reattribute::STRETCH);
        let rows = rows.await;
        let pieces = self.store.waveform_stretches_of_device(
            &device,
            from,
            until,
            reattribute::STRETCH_PIECES,
        );
        let stretches = [
            (reattribute::Of::Rows, rows),
            (reattribute::Of::Waveforms, pieces.await),
        ];
        let mut all = Vec::new();
        for (of, found) in stretches {
            let found = found.map_err(|error| {
                tracing::error!(%error, "stored rows could not be looked up; the next start moves them");
                Closed
            })?;
            all.extend(found.into_iter().map(|stretch| (of, stretch)));
        }
        for (of, (from, until)) in all {
            let (reply, answer) = oneshot::channel();
            let window = Window {
                device: device.clone(),
                from,
                until: Some(until),
                former: former.clone(),
            };
            position = self
                .send(Job::Reattribute { window, of, reply }, answer)
                .await?;
        }
        Ok(position)
    }

    /// Takes nothing more; what was taken is settled.
    pub(crate) async fn stop(&self) {
        if self.jobs.send(Job::Stop).await.is_err() {
            tracing::debug!("the pipeline had ended before it was stopped");
        }
    }

    /// Lets the log carry the time, until the pipeline ends.
    pub(crate) async fn tick(self, every: Duration, stop: tokio_util::sync::CancellationToken) {
        let mut interval = tokio::time::interval(every);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            if self
                .entry(Entry::Tick {
                    at: crate::clock::now(),
                })
                .await
                .is_err()
            {
                return;
            }
        }
    }
}

impl Sink for Pipeline {
    fn submit(&self, batch: Vec<Incoming>) -> BoxFuture<'static, Result<Vec<Answer>, Closed>> {
        let pipeline = self.clone();
        if crate::sabotage::acknowledges_on_receipt() {
            let answers = vec![Answer::Stored; batch.len()];
            tokio::spawn(async move { pipeline.messages(batch).await });
            return async move { Ok(answers) }.boxed();
        }
        async move {
            pipeline
                .messages(batch)
                .await
                .map(|outcome| outcome.answers)
        }
        .boxed()
    }
}
