/// What opening a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// First record held. `last + 1` when the log is empty.
    pub first: u64,
    /// Last durable record; 0 in a new log.
    pub last: u64,
    /// A torn tail that was cut off: the end of a write that a crash interrupted, never acknowledged.
    pub truncated: Option<Truncated>,
}

/// The torn end of the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncated {
    /// The segment.
    pub file: std::path::PathBuf,
    /// Length it was cut to.
    pub offset: u64,
    /// Bytes cut off.
    pub bytes: u64,
    /// What did not hold there.
    pub what: String,
}
