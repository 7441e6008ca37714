//! What a source hands on, and the sink that takes it.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::{Principal, Route};

/// Microseconds since 1970-01-01 UTC.
pub type Micros = i64;

/// One MQTT message that passed rights and routes, not yet decoded.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The route that took it; names the payload format.
    pub route: Arc<Route>,
    /// The topic as published.
    pub topic: String,
    /// Site, from the topic of a native route.
    pub site: Option<String>,
    /// Gateway, from the topic of a native route.
    pub gateway: Option<String>,
    /// Device, from the topic where the route takes it from there.
    pub device: Option<String>,
    /// The payload, untouched.
    pub payload: Bytes,
    /// MQTT 5 Content Type.
    pub content_type: Option<String>,
    /// MQTT 5 User Properties in order.
    pub user_properties: Vec<(String, String)>,
    /// Who published it; none for a message from a broker, which does not say.
    pub principal: Option<Arc<Principal>>,
    /// When it was read from the socket.
    pub received: Micros,
}

/// What the sink says of one message once its batch is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Durable, or kept in quarantine, or a known duplicate: acknowledge.
    Stored,
    /// The device's quarantine quota is used up: disconnect with 0x97, do not acknowledge.
    QuotaExceeded,
}

/// The sink takes no more; whatever is in flight will not be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sink is closed")]
pub struct Closed;

/// Takes micro-batches and makes them durable.
///
/// `submit` may be called again before an earlier call has resolved. The future resolves when
/// the batch is durable, with one answer per message in order.
pub trait Sink: Send + Sync + 'static {
    /// Hands over one micro-batch.
    fn submit(&self, batch: Vec<Incoming>) -> BoxFuture<'static, Result<Vec<Answer>, Closed>>;
}
