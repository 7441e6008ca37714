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
//! (`tests/crash.rs`); the log is released only below what every table has committed and the rules
//! have seen (`tests/flush.rs`); verdicts on repeats are those of a perfect memory
//! (`dedup/tests.rs`); what the tables write is synced before it is named (`sync_store`).

mod alerts;
mod append;
mod background;
mod backup;
mod compact;
mod config;
mod core;
mod dedup;
pub mod entry;
mod error;
mod flush;
mod hot;
mod keyed;
mod layout;
mod open;
mod query;
pub mod registry;
pub mod search;
mod shapes;
mod store;
mod stream;
mod sync_store;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verify;

pub use alerts::AlertFeed;
pub use backup::restore;
pub use config::{Config, FLUSH_ROWS, HOT_ROWS_MAX, registry_path};
pub use dedup::{Classified, Dedup, STREAMS_MAX, Verdict};
pub use entry::{
    ActionEntry, ActionKind, AlarmEntry, AlarmsEntry, AssignmentEntry, Entry, GatewayEntry,
    GatewayLimitsEntry, LimitEntry, PatientEntry, ReattributedEntry, Rejected, ScopeEntry,
    SilenceEntry, Waveform,
};
pub use error::Error;
pub use search::{Bound, Cursor, Page, Search, Sort};
pub use store::{Queued, Stats, Store};
pub use stream::RowStream;
pub use verify::{Finding, Report, verify};
