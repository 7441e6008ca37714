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

/// What a notification met that nobody subscribed to hear.
const UNHEARD: &str = "nobody subscribes to the topic";

impl Topic {
    /// Delivered means: queued to the listener's subscribers of the moment, or acknowledged by the broker. An event may be
    /// heard by nobody; a notification is for somebody, and waits for a subscriber.
    async fn publish(&self, entry: &OutboxEntry) -> Result<(), Failure> {
        let payload = bytes::Bytes::copy_from_slice(&entry.payload);
        let mut heard = false;
        if let Some(broker) = &self.broker {
            let delivery = broker
                .publish(&self.topic, payload.clone(), false, Some(PATIENCE))
                .map_err(|error| Failure::transient(error.to_string()))?;
            // What waits for a connection is found expired only when there is one.
            heard |= tokio::time::timeout(PATIENCE, delivery.confirmed())
                .await
                .map_err(|_| Failure::transient("the broker did not acknowledge in time"))?
                .map_err(|error| Failure::transient(error.to_string()))?
                .heard;
        }
        if let Some(listener) = &self.listener {
            let subscribers = listener
                .publish(&self.topic, payload, false, None)
                .map_err(|error| Failure::transient(error.to_string()))?;
            heard |= subscribers > 0;
        }
        if entry.notification.is_some() && !heard {
            return Err(Failure::transient(UNHEARD));
        }
        Ok(())
    }
}

impl Receiver for Topic {
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>> {
        self.publish(entry).boxed()
    }
}
