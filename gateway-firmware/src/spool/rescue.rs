//! A log with damage in the middle: it is put aside as it is, and what can be read of it goes on in a new one.
//!
//! 1. Every segment, linked into a directory of its own (a damaged one copied up to the damage), is read; records that
//!    the server does not have are appended to a new log beside, `NAME.new`, in order, and synced.
//! 2. `NAME` becomes `aside/NAME-N`, with the file of what was acknowledged.
//! 3. `NAME.new` becomes `NAME`.
//!
//! A crash before 2 leaves `NAME` as it was; between 2 and 3 [`finish`] does step 3. Records behind the damage in the
//! same segment are counted as lost where the next segment tells how many there were; their bytes are in `aside`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use wardline_log::{Error, Log, RealDisk};

use super::acked::Acked;
use super::store::options;

/// Where damaged logs and unreadable records are kept for a person.
pub(super) const ASIDE: &str = "aside";

fn at<T>(path: &Path, operation: &'static str, done: io::Result<T>) -> Result<T, Error> {
    done.map_err(|source| Error::Io {
        operation,
        path: path.to_owned(),
        source,
    })
}

fn new_name(dir: &Path) -> PathBuf {
    dir.with_extension("new")
}

/// Ends a rescue that a crash interrupted.
pub(super) fn finish(dir: &Path) -> Result<(), Error> {
    let new = new_name(dir);
    if !at(&new, "look for", new.try_exists())? {
        return Ok(());
    }
    if at(dir, "look for", dir.try_exists())? {
        return at(&new, "delete", fs::remove_dir_all(&new));
    }
    rename(&new, dir)
}

fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    at(from, "rename", fs::rename(from, to))?;
    for path in [from, to] {
        let parent = path.parent().unwrap_or(path);
        at(
            parent,
            "sync the directory",
            fs::File::open(parent).and_then(|d| d.sync_all()),
        )?;
    }
    Ok(())
}

/// Gives where the damaged log is now, and how many records are known to be lost.
pub(super) fn rescue(spool: &Path, name: &str, max_size: u64) -> Result<(PathBuf, u64), Error> {
    let dir = spool.join(name);
    let new = new_name(&dir);
    let acked = at(&dir, "read what was acknowledged in", Acked::load(&dir))?;
    let (log, _) = Log::open(Arc::new(RealDisk), &new, options(max_size))?;
    let mut expected = None;
    let mut lost = 0;
    for first in segments(&dir)? {
        if let Some(expected) = expected {
            lost += first.saturating_sub(expected);
        }
        expected = Some(copy_records(spool, &dir, first, max_size, &acked, &log)?);
    }
    log.close()?;
    drop(log);
    let aside = free_name(&spool.join(ASIDE), name)?;
    rename(&dir, &aside)?;
    rename(&new, &dir)?;
    Ok((aside, lost))
}

/// First records of the segments in a directory, by the names that `store/log` gives them.
fn segments(dir: &Path) -> Result<Vec<u64>, Error> {
    let mut firsts: Vec<u64> = at(dir, "list", fs::read_dir(dir))?
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".log")?.parse().ok()
        })
        .collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// Appends what the server does not have of one segment; one past the last record that could be read.
fn copy_records(
    spool: &Path,
    dir: &Path,
    first: u64,
    max_size: u64,
    acked: &Acked,
    into: &Log,
) -> Result<u64, Error> {
    let alone = spool.join("rescue");
    if at(&alone, "look for", alone.try_exists())? {
        at(&alone, "delete", fs::remove_dir_all(&alone))?;
    }
    at(&alone, "create", fs::create_dir(&alone))?;
    let name = format!("{first:020}.log");
    let (from, to) = (dir.join(&name), alone.join(&name));
    at(&to, "write", fs::copy(&from, &to))?;
    let opened = Log::open(Arc::new(RealDisk), &alone, options(max_size));
    let log = match opened {
        Ok((log, _)) => Some(log),
        Err(Error::Damaged { offset, .. } | Error::Gap { offset, .. }) => {
            let file = at(&to, "open", fs::OpenOptions::new().write(true).open(&to))?;
            at(&to, "truncate", file.set_len(offset))?;
            // Damage in the header leaves nothing to read.
            Log::open(Arc::new(RealDisk), &alone, options(max_size))
                .ok()
                .map(|(log, _)| log)
        }
        Err(error) => return Err(error),
    };
    let mut next = first;
    let mut last = None;
    for record in log
        .iter()
        .flat_map(|log| log.read_from(log.first()))
        .map_while(Result::ok)
    {
        let (number, payload) = record;
        next = number + 1;
        if acked.count(number, next) == 0 {
            last = Some(into.append(Bytes::copy_from_slice(&payload))?);
        }
    }
    if let Some(last) = last {
        last.wait()?;
    }
    drop(log);
    at(&alone, "delete", fs::remove_dir_all(&alone))?;
    Ok(next)
}

/// A name in `aside` that is not taken.
fn free_name(aside: &Path, name: &str) -> Result<PathBuf, Error> {
    at(aside, "create", fs::create_dir_all(aside))?;
    let mut number = 1_u32;
    loop {
        let path = aside.join(format!("{name}-{number}"));
        if !at(&path, "look for", path.try_exists())? {
            return Ok(path);
        }
        number += 1;
    }
}
