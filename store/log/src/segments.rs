//! The list of segments, shared by the writer, readers and releases.

use crate::disk::Disk;
use crate::error::{Error, Failure, io_error};
use crate::format::segment_path;
use crate::options::{Options, Sabotage};
use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

#[derive(Debug)]
pub(crate) struct Segments {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    state: Mutex<State>,
    /// One release at a time, so that deletions stay in order. True once the log is closed.
    releasing: Mutex<bool>,
    failure: OnceLock<Failure>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Oldest first; the last one is in use and never missing once the log is open.
    pub(crate) list: VecDeque<Segment>,
    /// Last durable record.
    pub(crate) durable: u64,
    /// Sum of the segments' lengths.
    pub(crate) bytes: u64,
    pub(crate) released: u64,
    pub(crate) rolls: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    /// Durable bytes.
    pub(crate) len: u64,
}

impl Segments {
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, options: Options, state: State) -> Self {
        Self {
            disk,
            dir,
            options,
            state: Mutex::new(state),
            releasing: Mutex::new(false),
            failure: OnceLock::new(),
        }
    }

    /// The state is consistent between any two statements that change it, so a panic elsewhere does not spoil it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn path(&self, first: u64) -> PathBuf {
        segment_path(&self.dir, first)
    }

    pub(crate) fn failure(&self) -> Option<&Failure> {
        self.failure.get()
    }

    /// Stops the log for good; the first reason stays.
    pub(crate) fn fail(
        &self,
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    ) -> Failure {
        let failure = Failure {
            operation,
            path,
            source: Arc::new(source),
        };
        tracing::error!(error = %failure, "the log stops");
        self.failure.get_or_init(|| failure).clone()
    }

    pub(crate) fn sync_dir(&self) -> Result<(), Failure> {
        if self.options.sabotaged(Sabotage::SkipDirSync) {
            return Ok(());
        }
        self.disk
            .sync_dir(&self.dir)
            .map_err(|source| self.fail("sync the directory", self.dir.clone(), source))
    }

    /// Deletes, oldest first, the segments whose records are all at or below `upto`, but never the one in use.
    pub(crate) fn release(&self, upto: u64) -> Result<(), Error> {
        let closed = self
            .releasing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *closed {
            return Err(Error::Closed);
        }
        if let Some(failure) = self.failure() {
            return Err(failure.clone().into());
        }
        if self.options.sabotaged(Sabotage::ReleaseNewestFirst) {
            return self.release_newest_first(upto);
        }
        // The list is not locked while files are deleted: a commit does not wait for that.
        loop {
            let taken = self.state().take_released(upto);
            let Some(segment) = taken else {
                return Ok(());
            };
            let path = self.path(segment.first);
            match self.disk.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.state().put_back(segment);
                    return Err(io_error("delete", path)(error));
                }
                _ => self.sync_dir()?,
            }
        }
    }

    /// Waits for a release under way and allows no further one: after this the lock may be let go.
    pub(crate) fn close(&self) {
        *self
            .releasing
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn release_newest_first(&self, upto: u64) -> Result<(), Error> {
        let taken: Vec<_> = std::iter::from_fn(|| self.state().take_released(upto)).collect();
        for segment in taken.iter().rev() {
            let path = self.path(segment.first);
            self.disk
                .remove(&path)
                .map_err(io_error("delete", path.clone()))?;
            self.sync_dir()?;
        }
        Ok(())
    }
}

impl State {
    /// First record held; one past the last when empty.
    pub(crate) fn first(&self) -> u64 {
        self.list
            .front()
            .map_or(self.durable + 1, |segment| segment.first)
    }

    /// First and last record of the oldest segment behind which there is another.
    pub(crate) fn oldest(&self) -> Option<(u64, u64)> {
        Some((self.list.front()?.first, self.list.get(1)?.first - 1))
    }

    fn take_released(&mut self, upto: u64) -> Option<Segment> {
        let next = self.list.get(1)?;
        if next.first - 1 > upto {
            return None;
        }
        let segment = self.list.pop_front()?;
        self.bytes -= segment.len;
        self.released += 1;
        Some(segment)
    }

    fn put_back(&mut self, segment: Segment) {
        self.list.push_front(segment);
        self.bytes += segment.len;
        self.released -= 1;
    }
}
