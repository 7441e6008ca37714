//! Publishing to the server: MQTT 5, QoS 1, nothing forgotten before its PUBACK.
//!
//! `run` publishes from the spool (`publisher`: lanes, packs, answers of the server; `wire`: the connection; `status`,
//! `commands`, `mirror`: what is not readings). `simulate` publishes what it makes up (`session`):
//!
//! ```text
//! mpsc ──> Outbox (at most `window` unacknowledged) ──> rumqttc ──> server
//!              ^── PUBACK removes; a new connection sends what is left again, in order
//! ```
//!
//! On every connection a retained birth goes out first; the last will, retained, takes its place when
//! the connection breaks, and an orderly end says so itself.

mod commands;
mod counters;
mod figures;
mod mirror;
mod outbox;
mod pack;
mod publisher;
mod session;
mod status;
mod target;
mod wire;

pub(crate) use commands::UNKNOWN;
pub(crate) use counters::{Counters, Snapshot};
pub(crate) use figures::{Figures, LATENCIES};
pub(crate) use publisher::{Parts, run};
pub(crate) use session::{Error, Options, publish};
pub(crate) use status::spool_age;
pub(crate) use target::{TlsFiles, Url, id, transport};

use bytes::Bytes;

/// One MQTT message to deliver at least once.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// MQTT 5 content type.
    pub(crate) content_type: &'static str,
    pub(crate) retain: bool,
    /// Readings in it, for the counters.
    pub(crate) readings: u32,
}
