//! The segmented log: write-ahead log of the server, spool of the gateway
mod disk;
mod error;
mod log;
mod options;
mod reader;
mod recover;
mod stats;
mod verify;

pub use disk::{Disk, DiskFile, Lock, RealDisk};
pub use error::{Error, Failure};
pub use log::{Log, Pending};
#[cfg(feature = "sabotage")]
pub use options::Sabotage;
pub use options::{
    MAX_BATCH_BYTES, MAX_RECORD_BYTES, MAX_TOTAL_BYTES, Options, QUEUE_BYTES, QUEUE_RECORDS, SEGMENT_BYTES,
};
pub use reader::Reader;
pub use recover::{Recovered, Truncated};
pub use stats::{Observer, Stats, SyncSample};
pub use verify::{Damage, Report, verify};
