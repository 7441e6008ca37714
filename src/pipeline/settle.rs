//! Answers in order once the log has synced, then hands the batch to the rules.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wardline_normalize::time::Micros;
use wardline_store::{Classified, Entry, Error, Queued, Store};

use super::{Durable, Outcome};
use crate::metrics::Metrics;

/// An append under way.
pub(super) struct Append {
    entry: Entry,
    queued: Queued,
    /// While these live, their rows count as seen.
    held: Vec<Classified>,
}

impl Append {
    /// Hands the entry to the log now, so that the log has the sequencer's order; appends share syncs. An entry that
    /// is not taken comes back.
    pub(super) async fn start(store: &Store, entry: Entry) -> Result<Self, Box<(Entry, Error)>> {
        crate::sabotage::stall().await;
        match store.enqueue(entry.clone()).await {
            Ok(queued) => Ok(Self {
                entry,
                queued,
                held: Vec::new(),
            }),
            Err(error) => Err(Box::new((entry, error))),
        }
    }

    /// Keeps these verdicts until the entry is durable.
    pub(super) fn holding(mut self, held: Vec<Classified>) -> Self {
        self.held = held;
        self
    }
}

/// Who waits for it.
pub(super) enum Done {
    Outcome {
        outcome: Outcome,
        reply: oneshot::Sender<Outcome>,
    },
    Position(oneshot::Sender<u64>),
    Nobody,
}

/// One thing to settle. Without an append it waits for those before it.
pub(super) struct Step {
    pub(super) append: Option<Append>,
    pub(super) received: Micros,
    pub(super) done: Done,
}

pub(super) struct Settler {
    pub(super) follow: mpsc::Sender<Durable>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) failed: Arc<dyn Fn(&Error) + Send + Sync>,
}

impl Settler {
    pub(super) async fn run(self, mut steps: mpsc::Receiver<Step>) {
        let mut position = 0;
        while let Some(Step {
            append,
            received,
            done,
        }) = steps.recv().await
        {
            let mut durable = None;
            if let Some(Append {
                entry,
                queued,
                held,
            }) = append
            {
                match queued.durable().await {
                    Ok(seq) => {
                        position = position.max(seq);
                        durable = Some(Durable {
                            seq,
                            entry,
                            received,
                        });
                    }
                    Err(error) => return (self.failed)(&error),
                }
                drop(held);
            }
            // Whoever waited may be gone, as a client that hung up; the rows are durable all the same.
            let heard = match done {
                Done::Outcome { outcome, reply } => {
                    if received > 0 {
                        self.metrics
                            .durable
                            .record_since(received, crate::clock::now());
                    }
                    reply.send(outcome).is_ok()
                }
                Done::Position(reply) => reply.send(position).is_ok(),
                Done::Nobody => true,
            };
            if !heard {
                tracing::debug!("nobody waited for an answer any more");
            }
            if let Some(durable) = durable
                && self.follow.send(durable).await.is_err()
            {
                return;
            }
        }
    }
}
