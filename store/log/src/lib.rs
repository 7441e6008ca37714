//! The segmented log: write-ahead log of the server, spool of the gateway.
//!
//! Records are byte strings. Each gets the next number, from 1; a record is *durable* when its bytes and the directory
//! entry of their file are synced, and only then does its [`Pending`] resolve. Nothing here knows what is in a record.
//!
//! ```text
//! append ─> queue ─> commit thread: one write, one fdatasync a batch ─> Pending resolves, in order
//!                          │
//!                       segments ─> Reader (any number, beside the writer)
//!                          └─────── release: whole segments, oldest first
//! ```
//!
//! What holds, and where it is tested:
//! - Acknowledged records survive loss of power, exactly once, in order, under their number; no number is used twice
//!   (`tests/log/power_loss.rs`, over a simulated disk that forgets and tears; also what it must notice: `Sabotage`).
//! - A failed write or sync ends the log: no retry, no later acknowledgement (`tests/log/failures.rs`).
//! - A torn tail is cut off; damage is an error that names file and offset and alters nothing; changed bytes are never
//!   given out (`tests/log/damage.rs`: every byte flipped, every length cut).
//! - Bounded: [`MAX_RECORD_BYTES`], and in [`Options`] the queue (appends wait) and the whole log (appends are refused
//!   with [`Error::Full`]; the user pushes back and waits for a release).
//! - One user at a time: an exclusive lock on the directory.
//! - Whoever must make room may give up the oldest segment (`oldest_segment`, `release`): the gateway does, with readings
//!   that nobody was told are safe. A reader holds the file that it is in: a released segment's space comes back when
//!   the reader has gone on or is dropped.
//!
//! Opening reads the whole log to check it, at the speed of the disk. It does not compress, encrypt, replicate or index;
//! [`Log::read_from`] reads through the segment that holds its start.
//!
//! Modules: `format` (bytes and write order), `disk` (the seam to the system), `writer` (the synchronous core), `log`
//! and `shared` (the thread around it), `recover` and `scan` (opening), `frames` and `reader` (reading), `segments`
//! (what is held, release), `verify`.

mod disk;
mod error;
mod format;
mod frames;
mod log;
mod options;
mod pending;
mod reader;
mod recover;
mod scan;
mod segments;
mod shared;
mod stats;
mod verify;
mod writer;

pub use disk::{Disk, DiskFile, Lock, RealDisk};
pub use error::{Error, Failure};
pub use log::Log;
#[cfg(feature = "sabotage")]
pub use options::Sabotage;
pub use options::{
    MAX_BATCH_BYTES, MAX_RECORD_BYTES, MAX_TOTAL_BYTES, Options, QUEUE_BYTES, QUEUE_RECORDS,
    SEGMENT_BYTES,
};
pub use pending::Pending;
pub use reader::Reader;
pub use recover::{Recovered, Truncated};
pub use stats::{Observer, Stats, SyncSample};
pub use verify::{Damage, Report, verify, verify_on};
pub use writer::Writer;
