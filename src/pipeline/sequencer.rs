//! Takes batches one after the other: whose they are, what is new, what may be kept; then hands them to the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow_array::RecordBatch;
use tokio::sync::mpsc;
use wardline_dashboard::throttle::{Throttle, Verdict as Told};
use wardline_ingest::{Answer, Incoming};
use wardline_normalize::time::Micros;
use wardline_store::registry::Registry;
use wardline_store::{Classified, Dedup, Entry, Rejected, Store};

use super::beside;
use super::contain::{self, Fault, Prepared, Refused};
use super::decode::{Decoder, Parts};
use super::quota::{Quota, Room, hash, owner};
use super::reattribute::Of;
use super::settle::{Append, Done, Step};
use super::{Job, Outcome, reattribute, split};
use crate::mappings::Mappings;
use crate::metrics::Metrics;

/// Reason of the marker that tells the rules a device has used up its quarantine quota.
pub(crate) const QUOTA_REASON: &str = "quarantine-quota";

const DAY: Micros = 86_400_000_000;

/// Lines of the log a minute that tell of quarantined messages.
const LINES: u32 = 20;
const MINUTE: Micros = 60_000_000;

pub(super) fn lines() -> Throttle {
    Throttle::new(LINES, MINUTE)
}

pub(super) struct Sequencer {
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    pub(super) mappings: Arc<Mappings>,
    pub(super) dedup: Dedup,
    pub(super) quota: Quota,
    pub(super) waveforms: bool,
    /// Pieces of waveforms that are known.
    pub(super) pieces: beside::Known,
    /// Bounds the lines of the log that tell of quarantined messages.
    pub(super) told: Throttle,
    pub(super) decoder: Arc<Decoder>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) appends: mpsc::Sender<Step>,
}

/// The settler is gone, which happens only when the process is ending.
pub(super) struct Ended;

impl Sequencer {
    pub(super) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            if let Err(error) = self.job(job).await {
                if let Some(error) = error {
                    tracing::error!(%error, "a batch could not be taken; it is not acknowledged");
                } else {
                    return;
                }
            }
        }
    }

    /// Does one job. A failed look-up drops the job's reply: its messages stay unacknowledged and come again.
    async fn job(&mut self, job: Job) -> Result<(), Option<wardline_store::Error>> {
        match job {
            Job::Messages {
                messages,
                decoded,
                kept,
                reply,
            } => {
                let decoded = decoded.await.unwrap_or_else(|_| Err(Fault::panic()));
                let received = messages
                    .iter()
                    .map(|message| message.received)
                    .min()
                    .unwrap_or_default();
                for entry in self.decoder.registered() {
                    let append = self.append(entry).await?;
                    self.settle(vec![append], received, Done::Nobody).await?;
                }
                let (started, outcome) = self.messages(&messages, decoded, kept).await;
                self.settle_all(started, received, Done::Outcome { outcome, reply })
                    .await
            }
            Job::Rows {
                rows,
                received,
                reply,
            } => {
                let mut prepared = Prepared::default();
                if let Err(fault) = self.fresh(&rows, &mut prepared).await {
                    tracing::error!(%fault, "rows could not be looked up; they are refused");
                    return Ok(());
                }
                self.count(0, &prepared);
                let outcome = Outcome {
                    stored: prepared.stored(),
                    duplicates: prepared.duplicates,
                    ..Outcome::default()
                };
                let Prepared { rows, held, .. } = prepared;
                let started = self
                    .start(&rows, Vec::new(), received, held, Vec::new())
                    .await;
                self.settle_all(started, received, Done::Outcome { outcome, reply })
                    .await
            }
            Job::Entry { entry, reply } => {
                let append = self.append(entry).await?;
                self.settle(vec![append], crate::clock::now(), Done::Position(reply))
                    .await
            }
            Job::Stop => Err(None),
            Job::Settle { reply } => self.settle(Vec::new(), 0, Done::Position(reply)).await,
            Job::Reattribute { window, of, reply } => {
                self.settled().await.map_err(|Ended| None)?;
                let entries = match of {
                    Of::Rows => {
                        reattribute::entries(&self.store, &self.registry, &self.mappings, &window)
                            .await?
                    }
                    Of::Waveforms => {
                        reattribute::waveform_entries(&self.store, &self.registry, &window).await?
                    }
                };
                for entry in entries {
                    let append = self.append(entry).await?;
                    self.settle(vec![append], crate::clock::now(), Done::Nobody)
                        .await?;
                }
                // A correction of one of these rows must find their new version.
                self.settled().await.map_err(|Ended| None)?;
                self.settle(Vec::new(), 0, Done::Position(reply)).await
            }
        }
    }

    async fn append(&self, entry: Entry) -> Result<Append, wardline_store::Error> {
        Append::start(&self.store, entry)
            .await
            .map_err(|failed| failed.1)
    }

    /// Settles what the log took; `done` is told only if that is all of it. What was taken of a batch that failed is
    /// settled too, or the rules would miss a position of the log.
    async fn settle_all(
        &self,
        started: Started,
        received: Micros,
        done: Done,
    ) -> Result<(), Option<wardline_store::Error>> {
        match started.failed {
            None => self.settle(started.appends, received, done).await,
            Some((error, _)) => {
                self.settle(started.appends, received, Done::Nobody).await?;
                Err(Some(error))
            }
        }
    }

    /// Hands appends on to be settled in order; `done` is told with the last.
    async fn settle(
        &self,
        mut appends: Vec<Append>,
        received: Micros,
        done: Done,
    ) -> Result<(), Option<wardline_store::Error>> {
        let last = appends.pop();
        for append in appends {
            let step = Step {
                append: Some(append),
                received,
                done: Done::Nobody,
            };
            self.appends.send(step).await.map_err(|_| None)?;
        }
        self.appends
            .send(Step {
                append: last,
                received,
                done,
            })
            .await
            .map_err(|_| None)
    }

    /// Waits until all earlier appends are durable and visible.
    async fn settled(&self) -> Result<(), Ended> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let step = Step {
            append: None,
            received: 0,
            done: Done::Position(reply),
        };
        self.appends.send(step).await.map_err(|_| Ended)?;
        answer.await.map(|_| ()).map_err(|_| Ended)
    }

    /// Prepares a batch and hands it to the log.
    async fn messages(
        &mut self,
        messages: &Arc<Vec<Incoming>>,
        decoded: Result<Parts, Fault>,
        kept: bool,
    ) -> (Started, Outcome) {
        let mut outcome = Outcome {
            answers: vec![Answer::Stored; messages.len()],
            ..Outcome::default()
        };
        let this = &*self;
        let prepare = |parts| this.prepare(parts);
        let mut prepared = match contain::each(messages, decoded, &self.decoder, prepare).await {
            Ok(prepared) => prepared,
            Err(error) => return (Started::refused(error), outcome),
        };
        let gateways = beside::gateways(messages, &mut prepared.refused);
        match self
            .pieces
            .fresh(&self.store, &mut prepared.waveforms)
            .await
        {
            Ok(duplicates) => prepared.duplicates += duplicates,
            Err(error) => return (Started::refused(error), outcome),
        }
        self.count(messages.len(), &prepared);
        let states = gateways.len() as u64;
        self.metrics
            .intake
            .gateway_states
            .fetch_add(states, Relaxed);
        outcome.stored = prepared.stored() + prepared.waveforms.len() as u64;
        outcome.stored += prepared.alarms.len() as u64;
        outcome.duplicates = prepared.duplicates;
        outcome.rejected = prepared.refused.len() as u64;
        outcome.detail = prepared
            .refused
            .first()
            .map(|(_, _, reason, detail)| format!("{reason}: {detail}"));
        let received = messages
            .iter()
            .map(|message| message.received)
            .max()
            .unwrap_or_default();
        let beside = beside::entries(received, &mut prepared, gateways);
        let Prepared {
            rows,
            held,
            refused,
            ..
        } = prepared;
        let named: BTreeSet<usize> = refused.iter().map(|one| one.0).collect();
        let rejects = if kept {
            Vec::new()
        } else {
            self.keep(messages, refused, &mut outcome.answers)
        };
        let mut started = self.start(&rows, rejects, received, held, beside).await;
        if let Some((error, unlogged)) = started.failed.take_if(|(error, _)| !kept && !ended(error))
        {
            // What is not in the log must not be acknowledged: the messages go there as they came.
            tracing::error!(%error, "a batch could not be logged; its messages go to quarantine");
            let mut all = Prepared::default();
            all.refuse(0..messages.len());
            all.refused.retain(|one| !named.contains(&one.0));
            self.metrics
                .intake
                .internal_errors
                .fetch_add(all.refused.len() as u64, Relaxed);
            outcome.stored = 0;
            outcome.rejected += all.refused.len() as u64;
            let mut rejects = unlogged;
            rejects.extend(self.keep(messages, all.refused, &mut outcome.answers));
            let rest = self
                .start(&[], rejects, received, Vec::new(), Vec::new())
                .await;
            started.appends.extend(rest.appends);
            started.failed = rest.failed;
        }
        (started, outcome)
    }

    fn count(&self, messages: usize, prepared: &Prepared) {
        let counts = &self.metrics.intake;
        for (counter, count) in [
            (&counts.messages, messages as u64),
            (&counts.rows, prepared.stored()),
            (&counts.duplicates, prepared.duplicates),
            (&counts.corrections, prepared.corrections),
            (&counts.unattributed, prepared.unattributed),
            (&counts.internal_errors, prepared.internal_errors),
            (&counts.alarms, prepared.alarms.len() as u64),
            (&counts.waveforms, prepared.waveforms.len() as u64),
            (&counts.waveforms_ignored, prepared.waveforms_ignored),
        ] {
            counter.fetch_add(count, Relaxed);
        }
    }

    /// Refused messages with their bytes, within each device's quota; an answer changes where there is no room.
    fn keep(
        &mut self,
        messages: &[Incoming],
        refused: Vec<Refused>,
        answers: &mut [Answer],
    ) -> Vec<Rejected> {
        let mut by_message: BTreeMap<usize, Vec<Refused>> = BTreeMap::new();
        for one in refused {
            by_message.entry(one.0).or_default().push(one);
        }
        let mut kept = Vec::new();
        let counts = &self.metrics.intake;
        for (index, refused) in by_message {
            let message = &messages[index];
            let owner = owner(device(message), &message.topic);
            let hash = hash(&message.payload);
            match self
                .quota
                .room(owner, message.received, hash, message.payload.len())
            {
                Room::Keep => {
                    counts.rejected.fetch_add(1, Relaxed);
                    let reject = rejected(message, hash, &refused);
                    if let Told::Record { repeats } = self.told.failed(None, crate::clock::now()) {
                        // Neither topic nor detail: what was sent may be in them.
                        let (id, reason, route) = (&reject.id, &reject.reason, &reject.source);
                        tracing::warn!(
                            id,
                            reason,
                            route,
                            untold = repeats,
                            "a message went to quarantine"
                        );
                    }
                    kept.push(reject);
                }
                Room::Repeat => {
                    counts.repeated_rejects.fetch_add(1, Relaxed);
                }
                room @ (Room::Full | Room::StillFull) => {
                    counts.quota_exceeded.fetch_add(1, Relaxed);
                    answers[index] = Answer::QuotaExceeded;
                    if room == Room::Full {
                        let day = message.received.div_euclid(DAY);
                        let detail =
                            format!("device {owner} has used up its quarantine quota of the day");
                        let marker = [(index, None, QUOTA_REASON, detail)];
                        let marker = rejected(message, day.unsigned_abs(), &marker);
                        kept.push(Rejected {
                            payload: Vec::new(),
                            ..marker
                        });
                    }
                }
            }
        }
        kept
    }

    /// Hands rows, rejects and what is beside them to the log; `held` is let go with the last.
    async fn start(
        &self,
        rows: &[RecordBatch],
        rejects: Vec<Rejected>,
        received: Micros,
        held: Vec<Classified>,
        beside: Vec<Entry>,
    ) -> Started {
        let mut started = Started::default();
        let joined = match rows {
            [] => Ok(RecordBatch::new_empty(wardline_normalize::columns::schema())),
            [one] => Ok(one.clone()),
            many => arrow_select::concat::concat_batches(&many[0].schema(), many),
        };
        let rows = match joined {
            Ok(rows) => rows,
            Err(error) => {
                started.failed = Some((error.into(), rejects));
                return started;
            }
        };
        let mut entries = split::entries(received, &rows, rejects)
            .into_iter()
            .chain(beside);
        while let Some(entry) = entries.next() {
            match Append::start(&self.store, entry).await {
                Ok(append) => started.appends.push(append),
                Err(failed) => {
                    let (entry, error) = *failed;
                    let unlogged = std::iter::once(entry).chain(entries).flat_map(rejects_of);
                    started.failed = Some((error, unlogged.collect()));
                    return started;
                }
            }
        }
        if let Some(last) = started.appends.pop() {
            started.appends.push(last.holding(held));
        }
        started
    }
}

/// Whether nothing can be logged any more.
fn ended(error: &wardline_store::Error) -> bool {
    matches!(
        error,
        wardline_store::Error::Closed | wardline_store::Error::Log(_)
    )
}

fn rejects_of(entry: Entry) -> Vec<Rejected> {
    match entry {
        Entry::Batch { rejects, .. } => rejects,
        _ => Vec::new(),
    }
}

/// What the log has taken of a batch, in its order.
#[derive(Default)]
struct Started {
    appends: Vec<Append>,
    /// Why the rest was not taken, and the rejects among it. Then nobody may be told that it was.
    failed: Option<(wardline_store::Error, Vec<Rejected>)>,
}

impl Started {
    fn refused(error: wardline_store::Error) -> Self {
        Self {
            failed: Some((error, Vec::new())),
            ..Self::default()
        }
    }
}

/// The device that the topic names, or the one the credential is bound to.
fn device(message: &Incoming) -> Option<&str> {
    message
        .device
        .as_deref()
        .or_else(|| message.principal.as_ref()?.device.as_deref())
}

/// One message, once however many of its records were refused: what is replayed is the message. The same bytes
/// with the same fault on the same topic give the same id on the same day.
fn rejected(message: &Incoming, hash: u64, refused: &[Refused]) -> Rejected {
    let (_, record, reason, detail) = refused
        .iter()
        .min_by_key(|one| one.1)
        .expect("a refused message has a reason");
    let detail = match refused.len() {
        1 => detail.clone(),
        count => {
            let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
            for (_, _, reason, _) in refused {
                *reasons.entry(reason).or_default() += 1;
            }
            let reasons: Vec<String> = reasons
                .iter()
                .map(|(reason, count)| format!("{reason} {count}"))
                .collect();
            format!("{detail}; {count} records refused: {}", reasons.join(", "))
        }
    };
    // What comes again on another day is another entry, as it counts against another day's quota.
    let day = message.received.div_euclid(DAY);
    let key = format!("{}|{hash:016x}|{record:?}|{reason}|{day}", message.topic);
    Rejected {
        id: format!("q{:032x}", xxhash_rust::xxh3::xxh3_128(key.as_bytes())),
        received: message.received,
        source: message.route.name.clone(),
        topic: message.topic.clone(),
        device_id: device(message).map(str::to_owned),
        reason: (*reason).to_owned(),
        detail,
        record: *record,
        content_type: message.content_type.clone(),
        properties: (!message.user_properties.is_empty())
            .then(|| serde_json::json!(message.user_properties).to_string()),
        payload: message.payload.to_vec(),
    }
}
