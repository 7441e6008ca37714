//! Delta tables, hot rows, queries and the registry.
//!
//! A reading's way through this crate: [`Dedup`] says whether it is new, [`Store::append`] makes
//! it durable in the log and visible to queries, and a background task copies it to the Delta
//! tables, after which the log may forget it.
//!
//! | module | is |
//! |---|---|
//! | [`entry`] | what one log record says, and its bytes |
//! | `layout` | the data directory: format, lock, permissions |
//! | `hot` | rows that are durable but not yet committed to a table |
//! | `delta` | one Delta table: files, statistics, commits |
//! | `sync_store` | the object store that syncs what it writes |
//! | `flush` | log positions into table commits, corrections, compaction, release |
//! | `query` | the DataFusion side: table plus hot rows, each row once |
//! | [`search`] | what the FHIR API asks for |
//! | `dedup` | new, duplicate or correction |
//! | `registry` | patients, devices, assignments, tokens, alerts, audit |
//!
//! Invariants, and where each is tested: a row is seen once by every query, whatever is being
//! flushed (`tests/flush.rs`); a crash after any step of a flush changes nothing visible
//! (`tests/crash.rs`); the log is released only below what every table has committed.

mod alerts;
mod config;
mod dedup;
pub mod entry;
mod error;
pub mod registry;
pub mod search;
mod store;

pub use alerts::{AlertEventRow, AlertFeed};
pub use config::{Config, FLUSH_ROWS, HOT_ROWS_MAX, registry_path};
pub use dedup::{Classified, Dedup, Verdict};
pub use entry::{
    ActionEntry, ActionKind, AssignmentEntry, Entry, PatientEntry, ReattributedEntry, Rejected,
};
pub use error::Error;
pub use search::{Bound, Cursor, Page, Search, Sort};
pub use store::{Stats, Store};
