//! Answers in order once the log has synced, then hands the batch to the rules.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use wardline_normalize::time::Micros;
use wardline_store::{Classified, Entry, Error, Store};

use super::{Durable, Outcome};
use crate::metrics::Metrics;

/// An append under way.
pub(super) struct Append {
    entry: Entry,
    task: JoinHandle<Result<u64, Error>>,
    /// While these live, their rows count as seen.
    held: Vec<Classified>,
}

impl Append {
    /// Starts the append now; appends overlap and share syncs.
    pub(super) fn start(store: &Store, entry: Entry, held: Vec<Classified>) -> Self {
        let (store, logged) = (store.clone(), entry.clone());
        let task = tokio::spawn(async move {
            crate::sabotage::stall().await;
            store.append(logged).await
        });
        Self { entry, task, held }
    }
}

/// Who waits for it.
pub(super) enum Done {
    Outcome { outcome: Outcome, reply: oneshot::Sender<Outcome> },
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
        while let Some(Step { append, received, done }) = steps.recv().await {
            let mut durable = None;
            if let Some(Append { entry, task, held }) = append {
                match task.await {
                    Ok(Ok(seq)) => {
                        position = position.max(seq);
                        durable = Some(Durable { seq, entry, received });
                    }
                    Ok(Err(error)) => return (self.failed)(&error),
                    Err(error) => {
                        tracing::error!(%error, "an append ended early");
                        return (self.failed)(&Error::Closed);
                    }
                }
                drop(held);
            }
            // Whoever waited may be gone, as a client that hung up; the rows are durable all the same.
            let heard = match done {
                Done::Outcome { outcome, reply } => {
                    if received > 0 {
                        self.metrics.durable.record_since(received, crate::clock::now());
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
