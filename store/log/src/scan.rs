//! Reading one segment through, and telling a torn tail from damage.

use crate::disk::{Disk, DiskFile};
use crate::error::{Error, io_error};
use crate::format::{BadHeader, HEADER_BYTES, VERSION, check_header, segment_path};
use crate::frames::{Bad, Frames, Next, read_full};
use crate::recover::Truncated;
use std::path::{Path, PathBuf};

/// A segment read through.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) path: PathBuf,
    /// Number in its name.
    pub(crate) first: u64,
    /// Last good record; `first - 1` if there is none.
    pub(crate) last: u64,
    /// Offset behind the last good frame.
    pub(crate) end: u64,
    /// Offset of the last batch that has a good frame; 0 if there is no frame.
    pub(crate) last_batch: u64,
    pub(crate) tail: Tail,
}

#[derive(Debug)]
pub(crate) enum Tail {
    Clean,
    Torn(Truncated),
    /// Its creation was interrupted: not even the header is whole.
    NoHeader(Truncated),
    /// Not the trace of a crash.
    Damaged(Error),
}

/// Checks the segment that begins with record `first`. `expected` is the number that should follow the segment before.
/// An error is one of reading; what was found wrong is the tail.
pub(crate) fn segment(
    disk: &dyn Disk,
    dir: &Path,
    first: u64,
    expected: Option<u64>,
    is_last: bool,
    check: bool,
) -> Result<Scan, Error> {
    let path = segment_path(dir, first);
    let file = disk.open(&path, false).map_err(io_error("open", &path))?;
    let size = file.size().map_err(io_error("measure", &path))?;
    let mut scan = Scan {
        path,
        first,
        last: first - 1,
        end: HEADER_BYTES,
        last_batch: 0,
        tail: Tail::Clean,
    };
    if let Some(expected) = expected.filter(|&expected| expected != first) {
        scan.tail = gap(&scan.path, 0, expected, first);
    } else if let Some(bad) = bad_header(file.as_ref(), &scan.path, first, size)? {
        scan.end = 0;
        scan.tail = match bad {
            BadHeader::Bad(what) if is_last && size <= HEADER_BYTES => {
                Tail::NoHeader(cut(&scan.path, 0, size, what))
            }
            BadHeader::Bad(what) => damaged(&scan.path, 0, what),
            BadHeader::Newer(found) => Tail::Damaged(Error::NewerFormat {
                file: scan.path.clone(),
                found,
                known: VERSION,
            }),
        };
    } else {
        let mut frames = Frames::new(file, size, check);
        scan.tail = match read_through(&mut frames, &mut scan)? {
            Stop::End => Tail::Clean,
            Stop::Gap(offset, found) => gap(&scan.path, offset, scan.last + 1, found),
            Stop::Bad(bad) => {
                let torn = is_last
                    && torn(frames, &scan, bad, size).map_err(io_error("read", &scan.path))?;
                if torn {
                    Tail::Torn(cut(&scan.path, scan.end, size, bad.what))
                } else {
                    damaged(&scan.path, scan.end, bad.what)
                }
            }
        };
    }
    Ok(scan)
}

fn bad_header(
    file: &dyn DiskFile,
    path: &Path,
    first: u64,
    size: u64,
) -> Result<Option<BadHeader>, Error> {
    let mut bytes = [0; HEADER_BYTES as usize];
    if size < HEADER_BYTES {
        return Ok(Some(BadHeader::Bad("the file ends inside its header")));
    }
    read_full(file, &mut bytes, 0).map_err(io_error("read", path))?;
    Ok(check_header(&bytes, first).err())
}

enum Stop {
    End,
    Bad(Bad),
    /// Offset and number of a frame that does not follow.
    Gap(u64, u64),
}

/// Reads good frames until the end or the first bad one.
fn read_through(frames: &mut Frames, scan: &mut Scan) -> Result<Stop, Error> {
    loop {
        match frames.next().map_err(io_error("read", &scan.path))? {
            Next::End => return Ok(Stop::End),
            Next::Bad(bad) => return Ok(Stop::Bad(bad)),
            Next::Frame(frame) if frame.head.seq != scan.last + 1 => {
                return Ok(Stop::Gap(frame.offset, frame.head.seq));
            }
            Next::Frame(frame) => {
                if frame.head.begins_batch() || scan.last_batch == 0 {
                    scan.last_batch = frame.offset;
                }
                scan.last = frame.head.seq;
                scan.end = frames.offset();
            }
        }
    }
}

/// Whether a bad frame at the end of the good ones of the last segment is the trace of an interrupted write (the rules
/// are in the module on the format).
fn torn(mut frames: Frames, scan: &Scan, bad: Bad, size: u64) -> std::io::Result<bool> {
    let start = scan.end;
    let later = scan.last + 2;
    let follower = frames.search(later, |_| true)?;
    if follower.is_some() {
        let synced = frames.search(later, |head| head.begins_batch())?;
        if synced.is_some() {
            return Ok(false);
        }
    }
    match follower.or(bad.end) {
        Some(end) => frames.has_hole(start, end.min(size)),
        None => Ok(true),
    }
}

fn damaged(path: &Path, offset: u64, what: &str) -> Tail {
    Tail::Damaged(Error::Damaged {
        file: path.into(),
        offset,
        what: what.into(),
    })
}

fn gap(path: &Path, offset: u64, expected: u64, found: u64) -> Tail {
    Tail::Damaged(Error::Gap {
        file: path.into(),
        offset,
        expected,
        found,
    })
}

fn cut(path: &Path, offset: u64, size: u64, what: &str) -> Truncated {
    Truncated {
        file: path.into(),
        offset,
        bytes: size - offset,
        what: what.into(),
    }
}
