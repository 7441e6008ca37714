//! What happens to alerts, to their receivers, out of the durable outbox: docs/delivery.md.
//!
//! "Raised" is a row in the registry, "delivered" another fact beside it. An entry stays until its
//! receiver has taken it or it is given up (a dead letter, kept and visible). The idempotency key is the
//! same on every attempt, so a receiver that saw an attempt we took for failed can tell.
//!
//! | file | does |
//! |---|---|
//! | `destination`, `body` | which events go where; the neutral bodies that the outbox keeps |
//! | `setup`, `outbox`, `retry` | receivers as configured; the worker; what a failure means and when the next attempt is |
//! | `turned`, `unwritten` | the worker's clocks; what it knows and the registry could not take |
//! | `message`, `people` | a body as people are told of it; their beds, and links to acknowledge by |
//! | `webhook`, `watchdog`, `teams`, `email`, `mqtt`, `fhir` | the receivers |
//! | `answer` | what an HTTP receiver's answer means |

mod answer;
mod body;
mod destination;
mod email;
mod fhir;
mod message;
mod mqtt;
mod outbox;
mod people;
mod retry;
mod setup;
mod teams;
mod turned;
mod unwritten;
mod watchdog;
mod webhook;

use std::sync::atomic::AtomicU64;

use futures::future::BoxFuture;
use wardline_store::registry::OutboxEntry;

pub(crate) use body::body;
pub(crate) use destination::{destinations, recalled, remembered};
pub(crate) use email::Email;
pub(crate) use fhir::FhirPush;
pub(crate) use mqtt::Topic;
pub(crate) use outbox::Outbox;
pub(crate) use people::{People, bed};
pub(crate) use retry::Failure;
pub(crate) use setup::{deaf, names, outbox, unaddressed, watchdogs};
pub(crate) use teams::Teams;
pub(crate) use watchdog::Watchdog;
pub(crate) use webhook::Webhook;

use crate::metrics::Latency;

/// What became of attempts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Entries given up.
    pub(crate) dead: AtomicU64,
    /// From the entry's making to its delivery.
    pub(crate) latency: Latency,
    pub(crate) watchdogs: watchdog::Counts,
    /// That the worker lives.
    pub(crate) turned: turned::Turned,
}

/// A receiver.
pub(crate) trait Receiver: Send + Sync {
    /// One attempt; the failure says why, without personal data and secrets.
    fn deliver<'a>(&'a self, entry: &'a OutboxEntry) -> BoxFuture<'a, Result<(), Failure>>;

    /// Attempts under way at once; where there are several, one more for what is urgent.
    fn concurrent(&self) -> usize {
        16
    }
}
