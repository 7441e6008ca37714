//! What messages to people need beside the body: the bed, and a link by which to acknowledge.

use std::sync::Arc;

use wardline_normalize::time::Micros;
use wardline_store::registry::{OutboxEntry, Registry};

use super::Failure;
use super::message::Message;

/// How long a link is good.
const LINK_LIFE: Micros = 3_600 * 1_000_000;
/// Alerts that one link acknowledges at most.
const MOST: usize = 100;

/// The registry, and where people reach the server.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) registry: Arc<Registry>,
    /// Base URL of the server; none: no links.
    pub(crate) url: Option<String>,
}

impl People {
    /// What an entry tells. An event's body names no bed: that is looked up.
    pub(super) fn read(&self, entry: &OutboxEntry) -> Result<Message, Failure> {
        let mut message = Message::read(&entry.payload)
            .map_err(|_| Failure::permanent("its body cannot be read by this version"))?;
        for alert in &mut message.alerts {
            if alert.bed.is_none()
                && let Some(patient) = alert.patient()
            {
                alert.bed = bed(&self.registry, patient);
            }
        }
        Ok(message)
    }

    /// A link that acknowledges the open alerts of a message, once and within the hour; made anew for each attempt. When
    /// none can be made the message goes without: it must not wait for a comfort.
    pub(super) fn link(&self, entry: &OutboxEntry, message: &Message) -> Option<String> {
        let (url, open) = (self.url.as_ref()?, message.open());
        // More than anybody answers for by one button are seen in Wardline.
        if !(1..=MOST).contains(&open.len()) {
            return None;
        }
        let recipient = message.recipient.as_deref();
        let now = crate::clock::now();
        let minted = tokio::task::block_in_place(|| {
            let registry = &self.registry;
            registry.mint_ack(&open, recipient, &entry.destination, now, LINK_LIFE)
        });
        let minted = minted.inspect_err(
            |error| tracing::warn!(%error, "a message goes out without a link to acknowledge by"),
        );
        Some(format!("{url}/ack/{}", minted.ok()?.expose()))
    }
}

/// Label of the bed in which a patient lies now.
pub(crate) fn bed(registry: &Registry, patient: &str) -> Option<String> {
    let known = registry.patient(patient);
    let known = known.inspect_err(|error| tracing::warn!(%error, "no bed can be named"));
    known.ok()??.bed
}
