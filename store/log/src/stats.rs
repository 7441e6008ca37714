use std::sync::Arc;
use std::time::Duration;

/// One group commit, as the observer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SyncSample {
    /// Records made durable together.
    pub records: u64,
    /// Bytes written, frame headers included.
    pub bytes: u64,
    /// Time the write took.
    pub write: Duration,
    /// Time the sync took.
    pub sync: Duration,
}

/// Told about every group commit.
pub type Observer = Arc<dyn Fn(&SyncSample) + Send + Sync>;

/// Counts since the log was opened, and what it holds now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Group commits.
    pub syncs: u64,
    /// Records made durable.
    pub records: u64,
    /// Bytes made durable, frame headers included.
    pub written_bytes: u64,
    /// Records of the largest group commit.
    pub largest_batch: u64,
    /// Sum of the times syncs took.
    pub sync_time: Duration,
    /// Segments begun.
    pub rolls: u64,
    /// Segments deleted by releases.
    pub released_segments: u64,
    /// Appends refused because the log was full.
    pub refused_full: u64,
    /// Segments on disk now.
    pub segments: u64,
    /// Bytes on disk now.
    pub bytes: u64,
    /// Records waiting for the commit thread now.
    pub queued_records: u64,
    /// Bytes waiting for the commit thread now.
    pub queued_bytes: u64,
}
