use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process, or another [`Log`](crate::Log) of this one, holds the directory.
    #[error("the log {} is in use by another process", dir.display())]
    Locked {
        /// Directory of the log.
        dir: PathBuf,
    },
    /// The operating system refused an operation outside the commit path (there it is [`Error::Failed`]).
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb: "open", "list", "read".
        operation: &'static str,
        /// The file or directory it was done to.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes that had been made durable have changed: not a torn tail. Needs a person; nothing was altered.
    #[error("the log file {} is damaged at byte {offset}: {what}", file.display())]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Byte offset of the first frame or field that does not hold.
        offset: u64,
        /// What does not hold.
        what: String,
    },
    /// Sequence numbers do not follow on: a segment is missing, or a file was put in from elsewhere.
    #[error("the log file {} has record {found} at byte {offset} where {expected} should be", file.display())]
    Gap {
        /// The segment.
        file: PathBuf,
        /// Byte offset of the frame (0: the segment itself starts at the wrong number).
        offset: u64,
        /// The number that should follow.
        expected: u64,
        /// The number that was found.
        found: u64,
    },
    /// Written by a newer version of this program.
    #[error("the log file {} has format {found}, this program knows up to {known}", file.display())]
    NewerFormat {
        /// The segment.
        file: PathBuf,
        /// Format version in its header.
        found: u32,
        /// Newest format version this program reads.
        known: u32,
    },
    /// The record is longer than [`MAX_RECORD_BYTES`](crate::MAX_RECORD_BYTES).
    #[error("a record of {bytes} bytes is over the limit of {max}")]
    TooLarge {
        /// Length of the payload.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The log holds as much as [`Options::max_total_bytes`](crate::Options::max_total_bytes) allows. Nothing was
    /// queued; push back on the source and try again after a release
    /// ([`Log::wait_for_room`](crate::Log::wait_for_room)).
    #[error("the log is full: {bytes} of {max} bytes")]
    Full {
        /// Bytes on disk and in the queue.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// A write or sync failed. Nothing more is acknowledged: stop the process, mend the disk, start again.
    #[error("the log has stopped: {0}")]
    Failed(#[from] Failure),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// The record was released and is no longer in the log.
    #[error("record {asked} was released; the log starts at {first}")]
    Released {
        /// The record asked for.
        asked: u64,
        /// The first record still held.
        first: u64,
    },
}

/// Why the log stopped for good. Every waiter gets the same one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct Failure {
    /// What was being done: "write", "sync", "create", "sync the directory".
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: Arc<io::Error>,
}

impl Failure {
    /// The system's error kind, such as `StorageFull`.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

pub(crate) fn io_error(
    operation: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::Io {
        operation,
        path,
        source,
    }
}
