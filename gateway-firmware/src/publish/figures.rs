//! What the publisher has done, for metrics and health.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use wardline_normalize::time::Micros;

use crate::spool::Lane;

/// Upper bounds of the latency histogram, in milliseconds.
pub(crate) const LATENCIES: [u64; 10] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_000, 10_000];

/// Since the start. One publisher writes, anybody reads.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) connected: AtomicBool,
    pub(crate) connections: AtomicU64,
    /// Packs acknowledged, by lane.
    pub(crate) live: AtomicU64,
    pub(crate) backlog: AtomicU64,
    /// Records in them.
    pub(crate) records: AtomicU64,
    /// Bytes of payload in them.
    pub(crate) bytes: AtomicU64,
    /// Packs that the server answered with a failure; they are kept.
    pub(crate) failed: AtomicU64,
    /// Packs that the broker took and gave to nobody; they are kept, and counted as failed too.
    pub(crate) unheard: AtomicU64,
    /// Records that no message to this server can hold; they are put aside.
    pub(crate) too_large: AtomicU64,
    pub(crate) commands: AtomicU64,
    /// Since boot, when the oldest entry that is on its way or next was taken; negative for none.
    oldest: AtomicI64,
    /// Live packs by time from taken to acknowledged: at most each of [`LATENCIES`], then longer.
    latency: [AtomicU64; LATENCIES.len() + 1],
    latency_sum: AtomicU64,
}

impl Figures {
    pub(super) fn acknowledged(&self, lane: Lane, records: usize) {
        let packs = match lane {
            Lane::Live => &self.live,
            Lane::Backlog => &self.backlog,
        };
        packs.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
    }

    pub(super) fn took(&self, latency: Micros) {
        let millis = u64::try_from(latency / 1_000).unwrap_or(0);
        let slot = LATENCIES.partition_point(|&bound| bound < millis);
        self.latency[slot].fetch_add(1, Ordering::Relaxed);
        self.latency_sum.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) fn set_oldest(&self, since_boot: Option<Micros>) {
        self.oldest
            .store(since_boot.unwrap_or(-1), Ordering::Relaxed);
    }

    pub(crate) fn oldest(&self) -> Option<Micros> {
        Some(self.oldest.load(Ordering::Relaxed)).filter(|&at| at >= 0)
    }

    /// Counts up to each bound, then all, and the sum in seconds.
    pub(crate) fn latency(&self) -> ([u64; LATENCIES.len() + 1], f64) {
        let mut sum = 0;
        let counts = std::array::from_fn(|slot| {
            sum += self.latency[slot].load(Ordering::Relaxed);
            sum
        });
        (
            counts,
            self.latency_sum.load(Ordering::Relaxed) as f64 / 1e3,
        )
    }
}
