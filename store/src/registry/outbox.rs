//! The outbox: what has to be delivered, until it was.
//!
//! An entry is `pending` until it is `delivered` or, given up by its sender, `dead`; a person can
//! make a dead one pending again. Delivery is at least once, so the receiver gets an idempotency
//! key. Entries of one alert go to one destination in order: [`Registry::due`] withholds an entry
//! while an older one of the same alert and destination is pending. One worker delivers.

use std::sync::Arc;

use super::{AlertEventRecord, Listed, Micros, Page, Registry, Result};

/// Makes the body to send of an event and its row number.
pub type Render = Arc<dyn Fn(i64, &AlertEventRecord) -> Vec<u8> + Send + Sync>;

/// Where alert events go.
#[derive(Clone)]
pub struct Destination {
    /// Its name in the configuration.
    pub name: String,
    /// True when it calls people: it gets only events with `page = true`. Others get all.
    pub pages: bool,
    /// The body is made once, when the event is stored, so that every attempt sends (and signs)
    /// the same bytes.
    pub render: Render,
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Destination").field("name", &self.name).field("pages", &self.pages).finish_non_exhaustive()
    }
}

/// Where an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// To be sent, or sent again.
    Pending,
    /// The destination has it.
    Delivered,
    /// Given up.
    Dead,
}

/// One event for one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Row number.
    pub id: i64,
    /// Row number of the alert event.
    pub event_rowid: i64,
    /// Id of the alert.
    pub alert_id: String,
    /// Name of the destination.
    pub destination: String,
    /// The same for every attempt and every replay.
    pub idempotency_key: String,
    /// Attempts made and failed, or made and delivered.
    pub attempts: u32,
    /// Not before.
    pub next_attempt: Micros,
    /// Where it stands.
    pub state: OutboxState,
    /// What the last attempt said.
    pub last_error: Option<String>,
    /// When the entry was made.
    pub created_at: Micros,
    /// The body.
    pub payload: Vec<u8>,
}

/// How full the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Entries still to be sent.
    pub pending: u64,
    /// Entries given up.
    pub dead: u64,
    /// When the oldest pending entry was made.
    pub oldest_pending: Option<Micros>,
}

impl Registry {
    /// Entries to send now, oldest first, at most one per alert and destination.
    pub fn due(&self, now: Micros, limit: u32) -> Result<Vec<OutboxEntry>> {
        unimplemented!("{now} {limit}")
    }

    /// When the next entry falls due; `None` when nothing is pending.
    pub fn next_due(&self) -> Result<Option<Micros>> {
        unimplemented!()
    }

    /// Entries that arrived, in one transaction. Those not pending stay as they are.
    pub fn mark_delivered(&self, ids: &[i64]) -> Result<()> {
        unimplemented!("{ids:?}")
    }

    /// An attempt failed: try again at `next_attempt`, or give up when it is `None`.
    pub fn mark_failed(&self, id: i64, error: &str, next_attempt: Option<Micros>) -> Result<()> {
        unimplemented!("{id} {error} {next_attempt:?}")
    }

    /// Entries given up, oldest first.
    pub fn dead_letters(&self, page: &Page) -> Result<Listed<OutboxEntry>> {
        unimplemented!("{page:?}")
    }

    /// Makes a dead entry pending again, due at `now`.
    pub fn retry_dead(&self, id: i64, now: Micros) -> Result<()> {
        unimplemented!("{id} {now}")
    }

    /// For metrics.
    pub fn outbox_counts(&self) -> Result<OutboxCounts> {
        unimplemented!()
    }

    /// Forgets delivered entries made before `before`; returns how many.
    pub fn prune_delivered(&self, before: Micros) -> Result<u64> {
        unimplemented!("{before}")
    }
}
