//! Answers to commands, on their way in with the readings.

use std::sync::{Arc, PoisonError};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use wardline_ingest::{Answer, COMMAND_REPLY, Closed, Incoming, Sink};
use wardline_store::registry;

use super::Gateways;
use crate::pipeline::Pipeline;

/// Longest answer kept whole.
const MAX_REPLY: usize = 64 << 10;

/// The pipeline, with answers to commands kept on the way: they are acknowledged once they are in the registry.
pub(crate) struct Replies {
    pub(crate) pipeline: Pipeline,
    pub(crate) gateways: Arc<Gateways>,
}

impl Sink for Replies {
    fn submit(&self, batch: Vec<Incoming>) -> BoxFuture<'static, Result<Vec<Answer>, Closed>> {
        let replies: Vec<Incoming> = batch
            .iter()
            .filter(|message| message.route.format == COMMAND_REPLY)
            .cloned()
            .collect();
        if replies.is_empty() {
            return self.pipeline.submit(batch);
        }
        let (pipeline, gateways) = (self.pipeline.clone(), Arc::clone(&self.gateways));
        async move {
            let kept = tokio::task::spawn_blocking(move || {
                replies.iter().try_for_each(|reply| gateways.replied(reply))
            });
            match kept.await {
                Ok(Ok(())) => pipeline.submit(batch).await,
                Ok(Err(error)) => {
                    tracing::error!(%error, "an answer to a command could not be kept");
                    Err(Closed)
                }
                Err(error) => {
                    tracing::error!(%error, "an answer to a command could not be read");
                    Err(Closed)
                }
            }
        }
        .boxed()
    }
}

impl Gateways {
    /// Keeps an answer and wakes who waits for it. One that cannot be read, or that nobody asked for, is told of.
    fn replied(&self, message: &Incoming) -> registry::Result<()> {
        let Some(gateway) = message.gateway.as_deref() else {
            return Ok(());
        };
        let Ok(reply) = serde_json::from_slice::<Value>(&message.payload) else {
            tracing::warn!(gateway, "an answer to a command is no JSON");
            return Ok(());
        };
        let Some(id) = reply.get("id").and_then(Value::as_str) else {
            tracing::warn!(gateway, "an answer to a command names none");
            return Ok(());
        };
        let text = if message.payload.len() > MAX_REPLY {
            json!({"id": id, "bytes": message.payload.len(), "error": "the answer is too long to be kept"}).to_string()
        } else {
            reply.to_string()
        };
        if self
            .registry
            .keep_reply(gateway, id, &text, message.received)?
        {
            let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waiting) = waiting.get(id) {
                waiting.notify_one();
            }
        } else {
            tracing::warn!(gateway, "an answer to no open command");
        }
        Ok(())
    }
}
