use crate::{Disk, Error, Options, Reader, Recovered, Stats};
use bytes::Bytes;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The segmented log with its commit thread.
#[derive(Debug)]
pub struct Log {}

/// A record on its way. As a future or by [`wait`](Pending::wait) it gives the record's number once it is durable.
#[derive(Debug)]
#[must_use = "the record is durable only when this resolves"]
pub struct Pending {
    seq: u64,
}

impl Pending {
    /// The number the record will have if it becomes durable.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Blocks until the record is durable.
    pub fn wait(self) -> Result<u64, Error> {
        Err(Error::Closed)
    }
}

impl Future for Pending {
    type Output = Result<u64, Error>;
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Err(Error::Closed))
    }
}

impl Log {
    /// Opens or creates a log.
    pub fn open(_: Arc<dyn Disk>, _: &Path, _: Options) -> Result<(Self, Recovered), Error> {
        Err(Error::Closed)
    }
    /// Queues a record; blocks while the queue is full.
    pub fn append(&self, _: Bytes) -> Result<Pending, Error> {
        Err(Error::Closed)
    }
    /// Queues a record; waits while the queue is full.
    pub async fn append_async(&self, _: Bytes) -> Result<Pending, Error> {
        Err(Error::Closed)
    }
    /// Resolves when an append would not be refused as full.
    pub async fn wait_for_room(&self) -> Result<(), Error> {
        Err(Error::Closed)
    }
    /// Records from `seq` on.
    pub fn read_from(&self, seq: u64) -> Reader {
        Reader { next: seq }
    }
    /// Lets go of records up to and including `upto`.
    pub fn release(&self, _: u64) -> Result<(), Error> {
        Err(Error::Closed)
    }
    /// First record held.
    pub fn first(&self) -> u64 {
        1
    }
    /// Last durable record.
    pub fn last_durable(&self) -> u64 {
        0
    }
    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        0
    }
    /// Counts.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
    /// Whether a write or sync failed: nothing more will be acknowledged.
    pub fn failed(&self) -> bool {
        true
    }
    /// Writes what is queued and closes.
    pub fn close(self) -> Result<(), Error> {
        Err(Error::Closed)
    }
}
