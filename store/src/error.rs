//! What can go wrong.

use std::path::PathBuf;

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store was closed, or stopped after a failed sync.
    #[error("the store is closed")]
    Closed,
    /// Another process holds the data directory.
    #[error("data directory {dir} is in use by {holder}", dir = .dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// What the lock file says about its holder.
        holder: String,
    },
    /// The data directory was written by a newer version, or by one before the first release.
    #[error("data directory {dir} has format {found:?}; this program knows {known}", dir = .dir.display())]
    Format {
        /// The data directory.
        dir: PathBuf,
        /// What `FORMAT` says.
        found: String,
        /// The format this program reads.
        known: u32,
    },
    /// A table is older than what has been released from the log.
    #[error(
        "table {table} stands at log position {table_at}, but the log was released up to {released}: part of the data directory was replaced by an older copy"
    )]
    Behind {
        /// Which table.
        table: &'static str,
        /// Its position.
        table_at: u64,
        /// The cursor's.
        released: u64,
    },
    /// The log ends before what the tables have: part of it is gone.
    #[error(
        "the log ends at position {last}, but the tables were committed up to {committed}: the log was replaced or lost"
    )]
    LogBehind {
        /// Last record of the log.
        last: u64,
        /// Highest position that was committed or released.
        committed: u64,
    },
    /// A log record that does not decode.
    #[error("log record {seq}: {detail}")]
    Record {
        /// Position, 0 when not known.
        seq: u64,
        /// What is wrong.
        detail: String,
    },
    /// A statement that is not a query, or a fault in it.
    #[error("{0}")]
    Query(String),
    /// A query ran longer than allowed.
    #[error("query stopped after {0:?}")]
    Timeout(std::time::Duration),
    /// The file system.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The log.
    #[error("log: {0}")]
    Log(String),
    /// The table format.
    #[error("table: {0}")]
    Table(String),
    /// Columns.
    #[error(transparent)]
    Arrow(#[from] arrow_schema::ArrowError),
    /// A source that the store was given.
    #[error("{what}: {detail}")]
    Source {
        /// Which.
        what: &'static str,
        /// What it said.
        detail: String,
    },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<deltalake::DeltaTableError> for Error {
    fn from(error: deltalake::DeltaTableError) -> Self {
        Self::Table(error.to_string())
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(error: parquet::errors::ParquetError) -> Self {
        Self::Table(error.to_string())
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        Self::Table(error.to_string())
    }
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        Self::Query(error.strip_backtrace())
    }
}
