//! A broker as source and as way out, by rumqttc, MQTT 5.
//!
//! Consuming and publishing are separate connections: rumqttc sends acknowledgements through
//! the queue of publications and stops it when the broker's window is full.

mod publisher;
mod source;

use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::MqttOptions;
use rumqttc::{TlsConfiguration, Transport};

pub use publisher::{
    Arrived, BrokerPublisher, Delivery, PublishRefused, PublisherTask, Undelivered,
    broker_publisher,
};
pub use source::BrokerSource;

/// What rumqttc insists on.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A configuration no broker would take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerConfigError {
    /// The group of a shared subscription is one level without wildcards (MQTT 5, 4.8.2).
    #[error("not a name for a shared subscription: {0:?}")]
    Share(String),
}

/// How to reach a broker.
#[derive(Clone)]
pub struct BrokerConfig {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Client id of the source; the publisher adds `-out`. It names the session the broker
    /// keeps, so it must be the same after a restart and used by nobody else.
    pub client_id: String,
    /// User name and password.
    pub credentials: Option<(String, String)>,
    /// TLS, or a plain connection.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Keep-alive; rumqttc takes no less than 5 s.
    pub keep_alive: Duration,
    /// Messages the broker may have unacknowledged: what one connection can carry is this over
    /// the latency of a sync.
    pub receive_maximum: u16,
    /// Largest packet in bytes. A larger one would be redelivered for ever, so this is above
    /// what any device sends.
    pub max_packet: u32,
    /// How long the broker keeps the session, and with it unacknowledged messages, without us.
    pub session_expiry: Duration,
    /// Group of the shared subscription, or a plain subscription.
    pub share: Option<String>,
    /// Bytes of messages received and not admitted yet; beyond it polling stops, and the broker
    /// may drop the connection: nothing is lost, nothing of it was acknowledged.
    pub queued_bytes: usize,
    /// First pause before connecting again; it doubles, with jitter, up to `max_backoff`.
    pub min_backoff: Duration,
    /// Longest pause before connecting again.
    pub max_backoff: Duration,
    /// How long an orderly stop waits for the answers of what is in flight.
    pub drain_timeout: Duration,
}

impl BrokerConfig {
    /// The defaults for a broker and client id.
    #[must_use]
    pub fn new(host: &str, port: u16, client_id: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            client_id: client_id.to_owned(),
            credentials: None,
            tls: None,
            keep_alive: Duration::from_secs(30),
            receive_maximum: 10_000,
            max_packet: 1 << 20,
            session_expiry: Duration::from_secs(24 * 3600),
            share: Some("wardline".to_owned()),
            queued_bytes: 16 << 20,
            min_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BrokerConfigError> {
        match &self.share {
            Some(group) if group.is_empty() || group.contains(['/', '+', '#', '\0']) => {
                Err(BrokerConfigError::Share(group.clone()))
            }
            _ => Ok(()),
        }
    }

    fn options(&self, client_id: String) -> MqttOptions {
        let mut options = MqttOptions::new(client_id, self.host.clone(), self.port);
        options.set_keep_alive(self.keep_alive.max(MIN_KEEP_ALIVE));
        options.set_max_packet_size(Some(self.max_packet));
        if let Some((user, password)) = &self.credentials {
            options.set_credentials(user, password);
        }
        if let Some(tls) = &self.tls {
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
                tls.clone(),
            )));
        }
        options
    }
}

impl std::fmt::Debug for BrokerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without credentials and keys.
        f.debug_struct("BrokerConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Pauses between attempts to connect: exponential, each with a random half.
#[derive(Debug)]
struct Backoff {
    next: Duration,
    min: Duration,
    max: Duration,
}

impl Backoff {
    fn new(config: &BrokerConfig) -> Self {
        Self {
            next: config.min_backoff,
            min: config.min_backoff,
            max: config.max_backoff,
        }
    }

    fn reset(&mut self) {
        self.next = self.min;
    }

    fn pause(&mut self) -> Duration {
        let base = self.next;
        self.next = (base * 2).min(self.max);
        base / 2 + (base / 2).mul_f64(rand::random::<f64>())
    }
}
