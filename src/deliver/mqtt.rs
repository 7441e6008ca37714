//! Alert events on `wardline/v1/{site}/alerts`, to subscribers of our listener or to a broker we read from.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use wardline_store::registry::OutboxEntry;

use super::{Failure, Receiver};

/// How long a broker may take to acknowledge before the attempt counts as failed.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);

/// Where the topic is published.
pub(crate) struct Topic {
    pub(crate) topic: String,
    pub(crate) listener: Option<wardline_ingest::Handle>,
    pub(crate) broker: Option<wardline_ingest::BrokerPublisher>,
}

impl Topic {
    /// Delivered means: queued to the listener's subscribers of the moment, or acknowledged by the broker.
    async fn publish(&self, entry: &OutboxEntry) -> Result<(), String> {
        let payload = bytes::Bytes::copy_from_slice(&entry.payload);
        if let Some(broker) = &self.broker {
            let delivery = broker
                .publish(&self.topic, payload.clone(), false, Some(PATIENCE))
                .map_err(|error| error.to_string())?;
            // What waits for a connection is found expired only when there is one.
            tokio::time::timeout(PATIENCE, delivery.confirmed())
                .await
                .map_err(|_| "the broker did not acknowledge in time".to_owned())?
                .map_err(|error| error.to_string())?;
        }
        if let Some(listener) = &self.listener {
            let heard = listener
                .publish(&self.topic, payload, false, None)
                .map_err(|error| error.to_string())?;
            tracing::debug!(heard, "alert published to subscribers");
        }
        Ok(())
    }
}

impl Receiver for Topic {
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>> {
        self.publish(entry)
            .map(|outcome| outcome.map_err(Failure::transient))
            .boxed()
    }
}
