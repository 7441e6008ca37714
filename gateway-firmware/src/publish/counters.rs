//! What the publisher has done so far, for progress and summary.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Shared between the publisher, who writes, and whoever shows them.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    accepted: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    readings: AtomicU64,
    connections: AtomicU64,
    connected: AtomicBool,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Messages taken over by the publisher.
    pub(crate) accepted: u64,
    /// Messages acknowledged by the server.
    pub(crate) acknowledged: u64,
    /// Messages that the server answered with an error.
    pub(crate) refused: u64,
    /// Readings in acknowledged messages.
    pub(crate) readings: u64,
    /// Connections made.
    pub(crate) connections: u64,
    pub(crate) connected: bool,
}

impl Counters {
    pub(super) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn acknowledge(&self, readings: u32) {
        self.acknowledged.fetch_add(1, Ordering::Relaxed);
        self.readings
            .fetch_add(u64::from(readings), Ordering::Relaxed);
    }

    /// How many had been refused before.
    pub(super) fn refuse(&self) -> u64 {
        self.refused.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn connect(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.connected.store(true, Ordering::Relaxed);
    }

    pub(super) fn disconnect(&self) {
        self.connected.store(false, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            accepted: self.accepted.load(Ordering::Relaxed),
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            readings: self.readings.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            connected: self.connected.load(Ordering::Relaxed),
        }
    }
}
