//! Opening a log: the checks and repairs of steps 1 to 3 of the write order.

use crate::disk::{Disk, DiskFile, Lock};
use crate::error::{Error, io_error};
use crate::format::{HEADER_BYTES, parse_name};
use crate::frames::read_full;
use crate::options::{Options, Sabotage};
use crate::scan::{self, Scan, Tail};
use crate::segments::{Segment, Segments, State};
use crate::writer::create_segment;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What opening a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// First record held; `last + 1` when the log holds none.
    pub first: u64,
    /// Last record, 0 in a new log. Every record up to it is durable now, also one nobody had been told about. A user
    /// that has a later position of its own has lost data.
    pub last: u64,
    /// A torn tail that was cut off: the end of a write that a crash interrupted, never acknowledged.
    pub truncated: Option<Truncated>,
}

/// The torn end of the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncated {
    /// The segment.
    pub file: PathBuf,
    /// Length it is cut to.
    pub offset: u64,
    /// Bytes cut off.
    pub bytes: u64,
    /// What does not hold there.
    pub what: String,
}

pub(crate) struct Opened {
    pub(crate) segments: Segments,
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) first: u64,
    pub(crate) len: u64,
    pub(crate) lock: Box<dyn Lock>,
    pub(crate) recovered: Recovered,
}

pub(crate) fn open(disk: Arc<dyn Disk>, dir: &Path, options: Options) -> Result<Opened, Error> {
    disk.create_dir(dir).map_err(io_error("create", dir))?;
    let lock = disk
        .lock(dir)
        .map_err(io_error("lock", dir))?
        .ok_or_else(|| Error::Locked { dir: dir.into() })?;
    let options = bounded(options);
    let check = !options.sabotaged(Sabotage::SkipCrcCheck);
    let firsts = list(disk.as_ref(), dir)?;

    let mut state = State::default();
    let mut last = None;
    for (index, &first) in firsts.iter().enumerate() {
        let is_last = index + 1 == firsts.len();
        let expected = (index > 0).then_some(state.durable + 1);
        let mut scan = scan::segment(disk.as_ref(), dir, first, expected, is_last, check)?;
        let tail = std::mem::replace(&mut scan.tail, Tail::Clean);
        if let Tail::Damaged(error) = tail {
            return Err(error);
        }
        state.durable = scan.last;
        state.bytes += scan.end;
        state.list.push_back(Segment {
            first,
            len: scan.end,
        });
        last = Some((scan, tail));
    }
    let parts = Parts {
        disk,
        dir: dir.into(),
        options,
        lock,
        state,
    };
    match last {
        None => parts.create(1, None),
        Some((scan, Tail::NoHeader(cut))) => parts.create(scan.first, Some(cut)),
        Some((scan, Tail::Torn(cut))) => parts.renew(&scan, Some(cut)),
        Some((scan, Tail::Clean | Tail::Damaged(_))) => parts.renew(&scan, None),
    }
}

/// Segments must be fine enough that a release can make room.
fn bounded(mut options: Options) -> Options {
    options.segment_bytes = options.segment_bytes.min(options.max_total_bytes / 4);
    options
}

/// Numbers of the segments in the directory, in order.
pub(crate) fn list(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, Error> {
    let mut firsts = Vec::new();
    for name in disk.list(dir).map_err(io_error("list", dir))? {
        match parse_name(&name) {
            None => {}
            Some(Ok(first)) => firsts.push(first),
            Some(Err(what)) => {
                return Err(Error::Damaged {
                    file: dir.join(name),
                    offset: 0,
                    what: what.into(),
                });
            }
        }
    }
    firsts.sort_unstable();
    Ok(firsts)
}

/// What is known once all segments are checked.
struct Parts {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    options: Options,
    lock: Box<dyn Lock>,
    state: State,
}

impl Parts {
    /// Makes the segment in use from nothing, or again when a crash interrupted its creation.
    fn create(mut self, first: u64, truncated: Option<Truncated>) -> Result<Opened, Error> {
        if truncated.is_some() {
            self.state.list.pop_back();
        }
        self.state.durable = first - 1;
        self.state.bytes += HEADER_BYTES;
        self.state.list.push_back(Segment {
            first,
            len: HEADER_BYTES,
        });
        let recovered = recovered(&self.state, truncated);
        let segments = Segments::new(self.disk, self.dir, self.options, self.state);
        Ok(Opened {
            file: create_segment(&segments, first)?,
            segments,
            first,
            len: HEADER_BYTES,
            lock: self.lock,
            recovered,
        })
    }

    /// Cuts the segment in use at its last good frame and makes all of it durable.
    fn renew(self, scan: &Scan, truncated: Option<Truncated>) -> Result<Opened, Error> {
        let path = &scan.path;
        let file = self.disk.open(path, true).map_err(io_error("open", path))?;
        if let Some(torn) = &truncated {
            file.truncate(torn.offset)
                .map_err(io_error("truncate", path))?;
        }
        write_again(file.as_ref(), scan.last_batch, scan.end).map_err(io_error("write", path))?;
        file.sync_data().map_err(io_error("sync", path))?;
        self.disk
            .sync_dir(&self.dir)
            .map_err(io_error("sync the directory", &self.dir))?;
        let recovered = recovered(&self.state, truncated);
        Ok(Opened {
            segments: Segments::new(self.disk, self.dir, self.options, self.state),
            file,
            first: scan.first,
            len: scan.end,
            lock: self.lock,
            recovered,
        })
    }
}

fn recovered(state: &State, truncated: Option<Truncated>) -> Recovered {
    if let Some(torn) = &truncated {
        tracing::warn!(file = %torn.file.display(), offset = torn.offset, bytes = torn.bytes, what = torn.what,
            "cut off the end of an interrupted write");
    }
    Recovered {
        first: state.first(),
        last: state.durable,
        truncated,
    }
}

/// Writes the bytes of `start..end` over themselves, so that the sync that follows has something to write.
fn write_again(file: &dyn DiskFile, start: u64, end: u64) -> io::Result<()> {
    const CHUNK: u64 = 64 << 10;
    let mut buffer = vec![0; CHUNK.min(end - start) as usize];
    let mut at = start;
    while at < end {
        let part = &mut buffer[..CHUNK.min(end - at) as usize];
        read_full(file, part, at)?;
        file.write_all_at(part, at)?;
        at += part.len() as u64;
    }
    Ok(())
}
