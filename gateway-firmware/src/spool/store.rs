//! One class's log with what was acknowledged of it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use wardline_log::{Error, Log, Options, Pending, Reader, RealDisk, Recovered};

use super::acked::Acked;
use super::entry::Entry;
use super::rescue;
use crate::source::Class;

/// Most bytes written before one sync, and waiting for it: a second of 1,000 monitors fits, and so it bounds memory.
const BATCH_BYTES: usize = 1 << 20;
const QUEUE_BYTES: usize = 4 << 20;
/// A spool is dropped and released in 64ths, of at most this.
const SEGMENT_MOST: u64 = 8 << 20;
const SEGMENT_LEAST: u64 = 16 << 10;

#[derive(Debug)]
pub(crate) struct Store {
    pub(super) class: Class,
    pub(super) dir: PathBuf,
    log: Log,
    acked: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    acked: Acked,
    /// Changed since the file was written.
    dirty: bool,
}

/// What opening a store found beside its records.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// Bytes of a torn tail, never confirmed to anyone.
    pub(crate) torn: u64,
    /// Where a damaged log was put, and the records that could not be read, as far as they can be counted.
    pub(crate) damaged: Option<(PathBuf, u64)>,
}

pub(super) fn options(max_size: u64) -> Options {
    Options {
        segment_bytes: segment(max_size),
        max_batch_bytes: BATCH_BYTES,
        // The bound over all classes is the spool's; this one only keeps a fault of ours from filling a disk.
        max_total_bytes: max_size.saturating_mul(2),
        queue_bytes: QUEUE_BYTES,
        ..Options::default()
    }
}

/// Size of a segment: what is dropped at once.
pub(super) fn segment(max_size: u64) -> u64 {
    (max_size / 64).clamp(SEGMENT_LEAST, SEGMENT_MOST)
}

impl Store {
    pub(super) fn open(
        spool: &Path,
        name: &str,
        class: Class,
        max_size: u64,
    ) -> Result<(Self, Found), Error> {
        let dir = spool.join(name);
        rescue::finish(&dir)?;
        let opened = Log::open(Arc::new(RealDisk), &dir, options(max_size));
        let (log, recovered, damaged) = match opened {
            Ok((log, recovered)) => (log, recovered, None),
            Err(error @ (Error::Damaged { .. } | Error::Gap { .. })) => {
                tracing::error!(%error, "the spool is damaged; what can be read of it goes on");
                let (aside, lost) = rescue::rescue(spool, name, max_size)?;
                let (log, recovered) = Log::open(Arc::new(RealDisk), &dir, options(max_size))?;
                (log, recovered, Some((aside, lost)))
            }
            Err(error) => return Err(error),
        };
        let acked = load(&dir, &recovered)?;
        let found = Found {
            torn: recovered.truncated.map_or(0, |torn| torn.bytes),
            damaged,
        };
        let kept = Mutex::new(Kept {
            acked,
            dirty: false,
        });
        Ok((
            Self {
                class,
                dir,
                log,
                acked: kept,
            },
            found,
        ))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.acked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn append(&self, payload: Vec<u8>) -> Result<Pending, Error> {
        self.log.append_async(Bytes::from(payload)).await
    }

    /// First and last record of the oldest segment that is no longer written to, if more than half of the whole log is
    /// of what the server has: then what stands in the way is moved with less work than it frees.
    pub(super) fn blocked(&self) -> Option<(u64, u64)> {
        let (first, last) = self.log.oldest_segment()?;
        let held = self.last() + 1 - self.first();
        (self.waiting() * 2 < held).then_some((first, last))
    }

    pub(super) fn last(&self) -> u64 {
        self.log.last_durable()
    }

    pub(super) fn first(&self) -> u64 {
        self.log.first()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.log.bytes()
    }

    pub(super) fn read_from(&self, number: u64) -> Reader {
        self.log.read_from(number)
    }

    pub(super) fn close(&self) -> Result<(), Error> {
        self.log.close()
    }

    /// Records that the server does not have yet.
    pub(super) fn waiting(&self) -> u64 {
        let (first, end) = (self.first(), self.last() + 1);
        end - first - self.kept().acked.count(first, end)
    }

    /// What the server does not have of the records up to and including `last`.
    pub(super) fn missing(&self, last: u64) -> Vec<(u64, u64)> {
        self.kept().acked.gaps(self.first(), last + 1)
    }

    /// What the server does not have of the records after `last`, also of those that will come.
    pub(super) fn missing_after(&self, last: u64) -> Vec<(u64, u64)> {
        self.kept().acked.gaps(last + 1, u64::MAX)
    }

    pub(super) fn acknowledge(&self, number: u64) {
        let mut kept = self.kept();
        kept.dirty |= kept.acked.insert(number, number + 1) > 0;
    }

    /// Lets go of what the server has, and remembers it. Blocks for a few syncs.
    pub(super) fn keep(&self) -> Result<(), Error> {
        let first = self.first();
        let (done, save) = {
            let mut kept = self.kept();
            kept.acked.forget(first);
            let save = std::mem::take(&mut kept.dirty).then(|| kept.acked.clone());
            (kept.acked.prefix(first), save)
        };
        if let Some(acked) = save
            && let Err(error) = acked.save(&self.dir, first)
        {
            // What it would have said is only published again.
            self.kept().dirty = true;
            tracing::warn!(%error, "cannot write down what was acknowledged");
        }
        if done > first {
            self.log.release(done - 1)?;
        }
        Ok(())
    }

    /// Whether [`Self::keep`] would free space.
    pub(super) fn releasable(&self) -> bool {
        let prefix = self.kept().acked.prefix(self.first());
        matches!(self.log.oldest_segment(), Some((_, last)) if last < prefix)
    }

    /// Whether [`Self::drop_oldest`] would give up something.
    pub(super) fn droppable(&self) -> bool {
        self.log.oldest_segment().is_some()
    }

    /// Gives up the oldest segment; how many records that nobody has were in it. `None` if there is none to give up.
    pub(super) fn drop_oldest(&self) -> Result<Option<u64>, Error> {
        let Some((first, last)) = self.log.oldest_segment() else {
            return Ok(None);
        };
        let dropped = {
            let mut kept = self.kept();
            kept.dirty = true;
            kept.acked.insert(first, last + 1)
        };
        self.log.release(last)?;
        Ok(Some(dropped))
    }

    /// The serial after the last one used in this log.
    pub(super) fn next_serial(&self) -> Result<u64, Error> {
        let last = self.last();
        if last < self.first() {
            return Ok(0);
        }
        match self.log.read_from(last).next() {
            Some(record) => Ok(Entry::serial(&record?.1).map_or(0, |serial| serial + 1)),
            None => Ok(0),
        }
    }
}

/// What was acknowledged, as far as the log has it: after a loss of power the file may be ahead of nothing, since a
/// record is durable before it is published, but a log put in from elsewhere may be behind.
fn load(dir: &Path, recovered: &Recovered) -> Result<Acked, Error> {
    let acked = Acked::load(dir).map_err(|source| Error::Io {
        operation: "read what was acknowledged in",
        path: dir.to_owned(),
        source,
    })?;
    let beyond = acked.count(recovered.last + 1, u64::MAX);
    if beyond > 0 {
        tracing::warn!(dir = %dir.display(), beyond, "more was acknowledged than there is; all is published again");
        return Ok(Acked::default());
    }
    Ok(acked)
}
