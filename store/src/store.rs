//! The handle that the rest of the server holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use wardline_normalize::time::Micros;

use crate::{AlertFeed, Config, Entry, Error, Page, Search};

/// Tables, hot rows and log of one data directory. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    config: Arc<Config>,
}

/// Figures for `/metrics` and `doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Rows in memory that are not committed to a table yet.
    pub hot_rows: usize,
    /// Highest durable log position.
    pub appended: u64,
    /// Log position up to which `observation` is committed.
    pub committed: u64,
    /// Log position up to which the log may be deleted.
    pub released: u64,
    /// Bytes of the log.
    pub log_bytes: u64,
    /// Live files of `observation`.
    pub files: usize,
    /// Commits since start.
    pub flushes: u64,
    /// Compactions since start.
    pub compactions: u64,
    /// Whether the log failed; nothing is acknowledged any more.
    pub failed: bool,
}

impl Store {
    /// Opens or makes a data directory, takes its lock and brings the hot rows back from the log.
    ///
    /// # Errors
    /// Locked by another process, newer format, damaged log or table, or the file system.
    pub async fn open(config: Config) -> Result<Self, Error> {
        Ok(Self { config: Arc::new(config) })
    }

    /// Makes an entry durable; on return it is also visible to queries. Waits while too many rows
    /// are uncommitted. Runs to its end even if the caller goes away.
    ///
    /// # Errors
    /// The log failed or the store is closed: nothing may be acknowledged any more.
    pub async fn append(&self, entry: Entry) -> Result<u64, Error> {
        let _ = entry;
        Err(Error::Closed)
    }

    /// The entries of the log from a position on, as far as they have not been released.
    pub fn replay_from(&self, seq: u64) -> impl Iterator<Item = Result<(u64, Entry), Error>> + use<> {
        let _ = seq;
        std::iter::empty()
    }

    /// A read-only session with the tables `observation`, `quarantine`, `alert`, the views
    /// `latest`, `observation_1m`, `observation_1h` and the registered ones. Long-lived sessions
    /// see new rows: every statement plans against the state of its time.
    pub fn session(&self) -> SessionContext {
        SessionContext::new()
    }

    /// Runs one query.
    ///
    /// # Errors
    /// Not a query, a fault in it, out of memory or time.
    pub async fn sql(&self, query: &str) -> Result<Vec<RecordBatch>, Error> {
        let _ = query;
        Err(Error::Closed)
    }

    /// Runs one query and hands out its batches as they come.
    ///
    /// # Errors
    /// As [`Store::sql`].
    pub async fn sql_stream(&self, query: &str) -> Result<SendableRecordBatchStream, Error> {
        let _ = query;
        Err(Error::Closed)
    }

    /// Existing rows by id, highest version of each, with the columns of `observation`.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn find<S: AsRef<str> + Sync>(&self, ids: &[S]) -> Result<RecordBatch, Error> {
        let _ = ids;
        Err(Error::Closed)
    }

    /// One page of a search.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn observations(&self, search: &Search) -> Result<Page, Error> {
        let _ = search;
        Err(Error::Closed)
    }

    /// Rows of a device with `from <= effective < until`, for late attribution.
    ///
    /// # Errors
    /// A table file could not be read.
    pub async fn rows_of_device(
        &self,
        device: &str,
        from: Micros,
        until: Option<Micros>,
    ) -> Result<RecordBatch, Error> {
        let _ = (device, from, until);
        Err(Error::Closed)
    }

    /// Adds a table that is made anew for each query, such as the registry's `patient`.
    pub fn register(
        &self,
        name: &str,
        table: impl Fn() -> Result<RecordBatch, Error> + Send + Sync + 'static,
    ) {
        let _ = (name, table);
    }

    /// Says where alert events come from.
    pub fn set_alert_feed(&self, feed: Arc<dyn AlertFeed>) {
        let _ = feed;
    }

    /// The rule engine no longer needs log records up to this position.
    pub fn set_rules_position(&self, seq: u64) {
        let _ = seq;
    }

    /// Commits all that is durable to the tables now.
    ///
    /// # Errors
    /// A table could not be written.
    pub async fn flush(&self) -> Result<(), Error> {
        Err(Error::Closed)
    }

    /// Merges small files and removes files that nobody needs.
    ///
    /// # Errors
    /// A table could not be read or written.
    pub async fn compact(&self) -> Result<(), Error> {
        Err(Error::Closed)
    }

    /// Copies tables and log at one consistent point to a new directory. The registry is the
    /// caller's, before this call.
    ///
    /// # Errors
    /// The destination is not empty, or the file system.
    pub async fn backup(&self, dest: &Path) -> Result<(), Error> {
        let _ = dest;
        Err(Error::Closed)
    }

    /// Figures of this moment.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.config.data_dir.clone()
    }

    /// Commits what is left and lets go of the directory.
    ///
    /// # Errors
    /// The last commit failed; the log still has the rows.
    pub async fn close(self) -> Result<(), Error> {
        Ok(())
    }
}
