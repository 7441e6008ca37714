use crate::{Error, Truncated};
use std::path::{Path, PathBuf};

/// What a full check of a log found. See [`Report::is_sound`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments seen.
    pub segments: u64,
    /// Records whose checksums hold, up to the first damage of each segment.
    pub records: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Number of the first record, if there is one.
    pub first: Option<u64>,
    /// Number of the last record, if there is one.
    pub last: Option<u64>,
    /// The end of a write that a crash interrupted, or that is under way; opening the log will cut it off.
    pub torn_tail: Option<Truncated>,
    /// Damage, at most one entry a segment.
    pub damage: Vec<Damage>,
}

/// Bytes that do not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Byte offset.
    pub offset: u64,
    /// What does not hold.
    pub what: String,
}

impl Report {
    /// No damage. A torn tail is no damage: it was never acknowledged.
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Reads every byte of a log and checks it. Changes nothing and takes no lock; beside a running writer the record it is
/// just writing may show as a torn tail.
pub fn verify(dir: &Path) -> Result<Report, Error> {
    let _ = dir;
    Err(Error::Closed)
}
