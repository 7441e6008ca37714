//! Takes batches one after the other: whose they are, what is new, what may be kept; then hands them to the log.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use arrow_array::RecordBatch;
use tokio::sync::mpsc;
use wardline_ingest::{Answer, Incoming};
use wardline_normalize::batch::Normalized;
use wardline_normalize::time::Micros;
use wardline_store::registry::Registry;
use wardline_store::{Classified, Dedup, Rejected, Store, Verdict};

use super::attribute::attribute;
use super::decode::Decoded;
use super::quota::{Quota, Room, hash, owner};
use super::settle::{Append, Done, Step};
use super::{Job, Outcome, reattribute, split};
use crate::metrics::Metrics;

/// Reason of the marker that tells the rules a device has used up its quarantine quota.
pub(crate) const QUOTA_REASON: &str = "quarantine-quota";

/// How often earlier rows are looked up again before the intake gives up.
const LOOK_UPS: u32 = 3;

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
        match job {
            Job::Messages {
                decoded,
                kept,
                reply,
            } => {
                let decoded = match decoded.await {
                    Ok(decoded) => decoded,
                    Err(error) => {
                        tracing::error!(%error, "a decoder ended early; its messages are not acknowledged");
                        return Ok(());
                    }
                };
                let received = decoded
                    .messages
                    .iter()
                    .map(|message| message.received)
                    .min()
                    .unwrap_or_default();
                let (appends, outcome) = self.messages(decoded, kept).await?;
                self.settle(appends, received, Done::Outcome { outcome, reply })
                    .await
            }
            Job::Rows {
                rows,
                received,
                reply,
            } => {
                let mut outcome = Outcome::default();
                let (rows, classified) = self.fresh(&rows, &mut outcome).await?;
                let appends = self
                    .appends(&rows, Vec::new(), received, vec![classified])
                    .await?;
                self.settle(appends, received, Done::Outcome { outcome, reply })
                    .await
            }
            Job::Entry { entry, reply } => {
                let append = Append::start(&self.store, entry, Vec::new()).await?;
                self.settle(vec![append], crate::clock::now(), Done::Position(reply))
                    .await
            }
            Job::Stop => Err(None),
            Job::Reattribute { window, reply } => {
                self.settled().await.map_err(|Ended| None)?;
                for entry in reattribute::entries(&self.store, &self.registry, &window).await? {
                    let append = Append::start(&self.store, entry, Vec::new()).await?;
                    self.settle(vec![append], crate::clock::now(), Done::Nobody)
                        .await?;
                }
                // A correction of one of these rows must find their new version.
                self.settled().await.map_err(|Ended| None)?;
                self.settle(Vec::new(), 0, Done::Position(reply)).await
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

    async fn messages(
        &mut self,
        decoded: Decoded,
        kept: bool,
    ) -> Result<(Vec<Append>, Outcome), wardline_store::Error> {
        let Decoded { messages, parts } = decoded;
        let mut outcome = Outcome {
            answers: vec![Answer::Stored; messages.len()],
            ..Outcome::default()
        };
        let mut batches = Vec::with_capacity(parts.len());
        let mut held = Vec::with_capacity(parts.len());
        let mut refused = Vec::new();
        for (places, part) in parts {
            let Normalized {
                rows,
                origin,
                record,
                claims,
                rejects,
            } = part;
            refused.extend(rejects.into_iter().map(|reject| {
                (
                    places[reject.message as usize],
                    reject.record,
                    reject.reason.as_str(),
                    reject.detail,
                )
            }));
            let attributed = attribute(&rows, &claims, &self.registry.assignments())?;
            refused.extend(attributed.refused.into_iter().map(|(row, reason, detail)| {
                (
                    places[origin[row] as usize],
                    Some(record[row]),
                    reason,
                    detail,
                )
            }));
            self.metrics
                .intake
                .unattributed
                .fetch_add(attributed.unattributed as u64, Relaxed);
            if attributed.rows.num_rows() > 0 {
                let (rows, classified) = self.fresh(&attributed.rows, &mut outcome).await?;
                batches.push(rows);
                held.push(classified);
            }
        }
        self.metrics
            .intake
            .messages
            .fetch_add(messages.len() as u64, Relaxed);
        outcome.rejected = refused.len() as u64;
        outcome.detail = refused
            .first()
            .map(|(_, _, reason, detail)| format!("{reason}: {detail}"));
        let rejects = if kept {
            Vec::new()
        } else {
            self.keep(&messages, refused, &mut outcome.answers)
        };
        let rows = match batches.as_slice() {
            [] => RecordBatch::new_empty(wardline_normalize::columns::schema()),
            [one] => one.clone(),
            many => arrow_select::concat::concat_batches(&many[0].schema(), many)?,
        };
        let received = messages
            .iter()
            .map(|message| message.received)
            .max()
            .unwrap_or_default();
        Ok((self.appends(&rows, rejects, received, held).await?, outcome))
    }

    /// The rows that are not repeats, and what keeps other batches from taking them for new meanwhile.
    async fn fresh(
        &self,
        rows: &RecordBatch,
        outcome: &mut Outcome,
    ) -> Result<(RecordBatch, Classified), wardline_store::Error> {
        let mut attempts = 0;
        let classified = loop {
            match self.dedup.classify(rows).await {
                // Queries took the time. A refusal would end the intake, so it waits.
                Err(error @ wardline_store::Error::Timeout(_)) if attempts < LOOK_UPS => {
                    attempts += 1;
                    tracing::warn!(%error, attempts, "earlier rows could not be looked up; again");
                }
                other => break other?,
            }
        };
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
                    kept.push(rejected(message, hash, &refused));
                }
                Room::Repeat => {
                    counts.repeated_rejects.fetch_add(1, Relaxed);
                }
                room @ (Room::Full | Room::StillFull) => {
                    counts.quota_exceeded.fetch_add(1, Relaxed);
                    answers[index] = Answer::QuotaExceeded;
                    if room == Room::Full {
                        let day = message.received.div_euclid(86_400_000_000);
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

    /// Hands rows and rejects to the log; `held` is let go with the last.
    async fn appends(
        &self,
        rows: &RecordBatch,
        rejects: Vec<Rejected>,
        received: Micros,
        held: Vec<Classified>,
    ) -> Result<Vec<Append>, wardline_store::Error> {
        let mut entries = split::entries(received, rows, rejects);
        let last = entries.pop();
        let mut appends = Vec::with_capacity(entries.len() + 1);
        for entry in entries {
            appends.push(Append::start(&self.store, entry, Vec::new()).await?);
        }
        if let Some(entry) = last {
            appends.push(Append::start(&self.store, entry, held).await?);
        }
        Ok(appends)
    }
}

/// Index of the message, of the record in it (none: all of it), reason and detail.
type Refused = (usize, Option<u32>, &'static str, String);

/// The device that the topic names, or the one the credential is bound to.
fn device(message: &Incoming) -> Option<&str> {
    message
        .device
        .as_deref()
        .or_else(|| message.principal.as_ref()?.device.as_deref())
}

/// One message, once however many of its records were refused: what is replayed is the message. The same bytes
/// with the same fault on the same topic give the same id.
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
    let key = format!("{}|{hash:016x}|{record:?}|{reason}", message.topic);
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
