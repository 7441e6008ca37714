use crate::stats::Observer;
use std::fmt;

/// Longest payload of one record: 64 MiB. A micro-batch of the largest allowed packs is a few MB; this leaves room for
/// a bulk import and still lets a reader hold a record in memory.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// Size of a segment before the next is begun: 64 MiB. Large enough that the three syncs of a roll do not show, small
/// enough that released space comes back in steps of a few seconds' data.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// Bytes written before one sync: 4 MiB. A sync costs about the same from 4 KB to 1 MB; beyond a few MB waiting grows
/// and nothing is gained.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

/// Records waiting for the commit thread: 4,096, a few syncs' worth of micro-batches from every connection.
pub const QUEUE_RECORDS: usize = 4_096;

/// Bytes waiting for the commit thread: 32 MiB, eight full batches. The bound on memory when the disk stalls.
pub const QUEUE_BYTES: usize = 32 << 20;

/// Bytes of the whole log before appends are refused: 8 GiB.
pub const MAX_TOTAL_BYTES: u64 = 8 << 30;

/// How a log is kept. `Options::default()` is what the server uses.
#[derive(Clone)]
pub struct Options {
    /// Size at which the next segment is begun. A batch is never split, so a segment may exceed it by one batch.
    pub segment_bytes: u64,
    /// Most bytes written before one sync (a longer single record is written alone).
    pub max_batch_bytes: usize,
    /// Most bytes on disk and in the queue; beyond it appends are refused with [`Error::Full`](crate::Error::Full).
    pub max_total_bytes: u64,
    /// Most records waiting for the commit thread; beyond it appends wait.
    pub queue: usize,
    /// Most bytes waiting for the commit thread; beyond it appends wait (a single longer record is let in alone).
    pub queue_bytes: usize,
    /// Told about every sync, on the commit thread: keep it short.
    pub observer: Option<Observer>,
    /// Breaks the log on purpose.
    #[cfg(feature = "sabotage")]
    pub sabotage: Option<Sabotage>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            max_batch_bytes: MAX_BATCH_BYTES,
            max_total_bytes: MAX_TOTAL_BYTES,
            queue: QUEUE_RECORDS,
            queue_bytes: QUEUE_BYTES,
            observer: None,
            #[cfg(feature = "sabotage")]
            sabotage: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("max_batch_bytes", &self.max_batch_bytes)
            .field("max_total_bytes", &self.max_total_bytes)
            .field("queue", &self.queue)
            .field("queue_bytes", &self.queue_bytes)
            .finish_non_exhaustive()
    }
}

/// A way to break the log on purpose: the tests must notice each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "sabotage"), allow(dead_code, unreachable_pub))]
pub enum Sabotage {
    /// Records count as durable after the write, without a sync of the data.
    SkipDataSync,
    /// A new segment's directory entry is not synced.
    SkipDirSync,
    /// Segments are deleted newest first.
    ReleaseNewestFirst,
    /// Frames are taken as they are, whatever their checksum says.
    SkipCrcCheck,
    /// A record counts as durable as soon as it is queued, before it is written.
    AckBeforeWrite,
}

impl Options {
    /// Whether this sabotage is on. Constant `false` in every build without the feature.
    pub(crate) fn sabotaged(&self, which: Sabotage) -> bool {
        #[cfg(feature = "sabotage")]
        return self.sabotage == Some(which);
        #[cfg(not(feature = "sabotage"))]
        {
            let _ = which;
            false
        }
    }
}
