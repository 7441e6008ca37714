//! Takes batches one after the other: whose they are, what is new, what may be kept; then hands them to the log.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow_array::RecordBatch;
use tokio::sync::mpsc;
use wardline_ingest::{Answer, Incoming};
use wardline_normalize::batch::Normalized;
use wardline_normalize::time::Micros;
use wardline_store::registry::Registry;
use wardline_store::{Classified, Dedup, Entry, Rejected, Store, Verdict};

use super::attribute::attribute;
use super::decode::Decoded;
use super::quota::{Quota, Room};
use super::settle::{Append, Done, Step};
use super::{Job, Outcome, reattribute};
use crate::metrics::Metrics;

/// Reason of the marker that tells the rules a device has used up its quarantine quota.
pub(crate) const QUOTA_REASON: &str = "quarantine-quota";

pub(super) struct Sequencer {
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    pub(super) dedup: Dedup,
    pub(super) quota: Quota,
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
        let step = match job {
            Job::Messages { decoded, reply } => {
                let decoded = match decoded.await {
                    Ok(decoded) => decoded,
                    Err(error) => {
                        tracing::error!(%error, "a decoder ended early; its messages are not acknowledged");
                        return Ok(());
                    }
                };
                let received = decoded.messages.iter().map(|message| message.received).min().unwrap_or_default();
                let (append, outcome) = self.messages(decoded).await?;
                Step { append, received, done: Done::Outcome { outcome, reply } }
            }
            Job::Rows { rows, received, reply } => {
                let mut outcome = Outcome::default();
                let (rows, classified) = self.fresh(&rows, &mut outcome).await?;
                let append = self.append(rows, Vec::new(), received, vec![classified]);
                Step { append, received, done: Done::Outcome { outcome, reply } }
            }
            Job::Entry { entry, reply } => {
                let append = Some(Append::start(&self.store, entry, Vec::new()));
                Step { append, received: crate::clock::now(), done: Done::Position(reply) }
            }
            Job::Stop => return Err(None),
            Job::Reattribute { window, reply } => {
                self.settled().await.map_err(|Ended| None)?;
                for entry in reattribute::entries(&self.store, &self.registry, &window).await? {
                    let append = Some(Append::start(&self.store, entry, Vec::new()));
                    let step = Step { append, received: crate::clock::now(), done: Done::Nobody };
                    self.appends.send(step).await.map_err(|_| None)?;
                }
                Step { append: None, received: 0, done: Done::Position(reply) }
            }
        };
        self.appends.send(step).await.map_err(|_| None)
    }

    /// Waits until all earlier appends are durable and visible.
    async fn settled(&self) -> Result<(), Ended> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let step = Step { append: None, received: 0, done: Done::Position(reply) };
        self.appends.send(step).await.map_err(|_| Ended)?;
        answer.await.map(|_| ()).map_err(|_| Ended)
    }

    async fn messages(&mut self, decoded: Decoded) -> Result<(Option<Append>, Outcome), wardline_store::Error> {
        let Decoded { messages, parts } = decoded;
        let mut outcome = Outcome { answers: vec![Answer::Stored; messages.len()], ..Outcome::default() };
        let mut batches = Vec::with_capacity(parts.len());
        let mut held = Vec::with_capacity(parts.len());
        let mut refused = Vec::new();
        for (places, part) in parts {
            let Normalized { rows, origin, record, claims, rejects } = part;
            refused.extend(rejects.into_iter().map(|reject| {
                (places[reject.message as usize], reject.record, reject.reason.as_str(), reject.detail)
            }));
            let attributed = attribute(&rows, &claims, &self.registry.assignments())?;
            refused.extend(attributed.refused.into_iter().map(|(row, reason, detail)| {
                (places[origin[row] as usize], Some(record[row]), reason, detail)
            }));
            self.metrics.intake.unattributed.fetch_add(attributed.unattributed as u64, Relaxed);
            if attributed.rows.num_rows() > 0 {
                let (rows, classified) = self.fresh(&attributed.rows, &mut outcome).await?;
                batches.push(rows);
                held.push(classified);
            }
        }
        self.metrics.intake.messages.fetch_add(messages.len() as u64, Relaxed);
        outcome.rejected = refused.len() as u64;
        outcome.detail = refused.first().map(|(_, _, reason, detail)| format!("{reason}: {detail}"));
        let rejects = self.keep(&messages, refused, &mut outcome.answers);
        let rows = match batches.as_slice() {
            [] => RecordBatch::new_empty(wardline_normalize::columns::schema()),
            [one] => one.clone(),
            many => arrow_select::concat::concat_batches(&many[0].schema(), many)?,
        };
        let received = messages.iter().map(|message| message.received).max().unwrap_or_default();
        Ok((self.append(rows, rejects, received, held), outcome))
    }

    /// The rows that are not repeats, and what keeps other batches from taking them for new meanwhile.
    async fn fresh(
        &self,
        rows: &RecordBatch,
        outcome: &mut Outcome,
    ) -> Result<(RecordBatch, Classified), wardline_store::Error> {
        let classified = self.dedup.classify(rows).await?;
        let (mut duplicates, mut corrections) = (0, 0);
        for verdict in classified.verdicts() {
            match verdict {
                Verdict::New => {}
                Verdict::Duplicate => duplicates += 1,
                Verdict::Correction { .. } => corrections += 1,
            }
        }
        let kept = classified.kept(rows)?;
        let counts = &self.metrics.intake;
        counts.rows.fetch_add(kept.num_rows() as u64, Relaxed);
        counts.duplicates.fetch_add(duplicates, Relaxed);
        counts.corrections.fetch_add(corrections, Relaxed);
        outcome.stored += kept.num_rows() as u64;
        outcome.duplicates += duplicates;
        Ok((kept, classified))
    }

    /// Rejects with their bytes, within each device's quota; an answer changes where there is no room.
    fn keep(
        &mut self,
        messages: &[Incoming],
        refused: Vec<(usize, Option<u32>, &'static str, String)>,
        answers: &mut [Answer],
    ) -> Vec<Rejected> {
        let mut kept = Vec::new();
        let mut last: Option<(usize, Room)> = None;
        let counts = &self.metrics.intake;
        for (index, record, reason, detail) in refused {
            let message = &messages[index];
            let device = message.device.as_deref().or(message.gateway.as_deref()).unwrap_or(&message.topic);
            let hash = xxhash_rust::xxh3::xxh3_64(&message.payload);
            let room = match last {
                Some((asked, room)) if asked == index => room,
                _ => self.quota.room(device, message.received, hash, message.payload.len()),
            };
            match room {
                Room::Keep => {
                    counts.rejected.fetch_add(1, Relaxed);
                    kept.push(rejected(message, hash, record, reason, detail));
                }
                Room::Repeat => {
                    counts.repeated_rejects.fetch_add(1, Relaxed);
                }
                Room::Full | Room::StillFull => {
                    counts.quota_exceeded.fetch_add(1, Relaxed);
                    answers[index] = Answer::QuotaExceeded;
                    if room == Room::Full && last.map(|(asked, _)| asked) != Some(index) {
                        let day = message.received.div_euclid(86_400_000_000);
                        let detail = format!("device {device} has used up its quarantine quota of the day");
                        let mut marker = rejected(message, day.unsigned_abs(), None, QUOTA_REASON, detail);
                        marker.payload.clear();
                        kept.push(marker);
                    }
                }
            }
            last = Some((index, room));
        }
        kept
    }

    fn append(
        &self,
        rows: RecordBatch,
        rejects: Vec<Rejected>,
        received: Micros,
        held: Vec<Classified>,
    ) -> Option<Append> {
        if rows.num_rows() == 0 && rejects.is_empty() {
            return None;
        }
        Some(Append::start(&self.store, Entry::Batch { received, rows, rejects }, held))
    }
}

/// The same bytes with the same fault on the same topic give the same id.
fn rejected(message: &Incoming, hash: u64, record: Option<u32>, reason: &str, detail: String) -> Rejected {
    let key = format!("{}|{hash:016x}|{record:?}|{reason}", message.topic);
    Rejected {
        id: format!("q{:032x}", xxhash_rust::xxh3::xxh3_128(key.as_bytes())),
        received: message.received,
        source: message.route.name.clone(),
        topic: message.topic.clone(),
        device_id: message.device.clone(),
        reason: reason.to_owned(),
        detail,
        record,
        content_type: message.content_type.clone(),
        payload: message.payload.to_vec(),
    }
}
