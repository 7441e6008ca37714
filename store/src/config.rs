//! Settings of the store, each with the reason of its default.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows that wait in memory for the next commit before `append` holds back: about 100 MB of numerics.
pub const HOT_ROWS_MAX: usize = 500_000;
/// Rows that start a commit before its time has come.
pub const FLUSH_ROWS: usize = 200_000;

/// How a data directory is opened.
#[derive(Clone, Debug)]
pub struct Config {
    /// The data directory; made (0700) when missing.
    pub data_dir: PathBuf,
    /// How often new rows are committed to the tables.
    pub flush_every: Duration,
    /// Unflushed rows that start a commit at once.
    pub flush_rows: usize,
    /// Unflushed rows at which `append` waits for the commit (back-pressure).
    pub hot_rows_max: usize,
    /// How often small files are merged; `None` leaves it to [`crate::Store::compact`].
    pub compact_every: Option<Duration>,
    /// Files of one day above which they are merged although the day is not over.
    pub compact_files: usize,
    /// Size at which a merged file is closed.
    pub target_file_bytes: u64,
    /// Memory that queries share.
    pub query_memory: usize,
    /// A query that runs longer is stopped.
    pub query_timeout: Duration,
    /// Threads of the query runtime.
    pub query_threads: usize,
    /// Bytes after which the log starts a new segment.
    pub segment_bytes: u64,
    /// Bytes of the whole log at which appends wait for the tables and the rules.
    pub log_bytes_max: u64,
    /// Faults switched on to prove that tests see them; empty and without effect unless the
    /// crate is built with the `sabotage` feature.
    pub sabotage: Vec<String>,
}

impl Config {
    /// The defaults for a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            flush_every: Duration::from_secs(10),
            flush_rows: FLUSH_ROWS,
            hot_rows_max: HOT_ROWS_MAX,
            compact_every: Some(Duration::from_secs(300)),
            compact_files: 12,
            target_file_bytes: 128 << 20,
            query_memory: 512 << 20,
            query_timeout: Duration::from_secs(60),
            query_threads: 2,
            segment_bytes: 64 << 20,
            log_bytes_max: wardline_log::MAX_TOTAL_BYTES,
            sabotage: Vec::new(),
        }
    }

    /// Where the registry's database lies.
    pub fn registry_path(&self) -> PathBuf {
        registry_path(&self.data_dir)
    }
}

/// Where the registry's database of a data directory lies.
pub fn registry_path(data_dir: &Path) -> PathBuf {
    data_dir.join("registry.sqlite")
}
