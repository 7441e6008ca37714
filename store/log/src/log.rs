//! The handle and the commit thread: a thin shell around [`Writer`].

use crate::disk::Disk;
use crate::error::Error;
use crate::options::Options;
use crate::pending::Pending;
use crate::reader::Reader;
use crate::recover::Recovered;
use crate::shared::{Admission, Shared, Work};
use crate::stats::Stats;
use crate::writer::{Writer, framed, worth_rolling};
use bytes::Bytes;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread::{self, JoinHandle};

/// A segmented log with group commit. All methods take `&self` and may be called from any thread.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens or creates the log in `dir`: takes its lock, checks every byte, cuts off a torn tail, starts the commit
    /// thread. Damage is an error and leaves everything as it was.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, Recovered), Error> {
        let (writer, recovered) = Writer::open(disk, dir, options)?;
        let shared = Arc::new(Shared::new(Arc::clone(writer.segments())));
        let ending = Ending(Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("wardline-log".into())
            .spawn(move || {
                let ending = ending;
                run(writer, &ending.0);
            })
            .map_err(crate::error::io_error("start the thread of", dir))?;
        let log = Self {
            shared,
            thread: Mutex::new(Some(thread)),
        };
        Ok((log, recovered))
    }

    /// Queues a record. Blocks while the queue is full; [`Error::Full`] if the whole log is.
    pub fn append(&self, payload: Bytes) -> Result<Pending, Error> {
        let mut queue = self.shared.queue();
        loop {
            match self.shared.admit(&mut queue, &payload)? {
                Admission::Queued(seq) => return Ok(self.pending(seq)),
                Admission::Wait => queue = self.shared.wait_space(queue),
            }
        }
    }

    /// Queues a record. Waits, without blocking the thread, while the queue is full; [`Error::Full`] if the whole log
    /// is. Appends of different tasks that wait are let in in no particular order.
    pub async fn append_async(&self, payload: Bytes) -> Result<Pending, Error> {
        poll_fn(|context| {
            let mut queue = self.shared.queue();
            match self.shared.admit(&mut queue, &payload) {
                Ok(Admission::Queued(seq)) => Poll::Ready(Ok(self.pending(seq))),
                Ok(Admission::Wait) => {
                    queue.wait_for_room(context.waker());
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }

    /// Resolves when the log has room for a record of so many bytes, which takes a [`release`](Log::release) after
    /// [`Error::Full`]; or with the reason why it never will.
    pub async fn wait_for_room(&self, payload_bytes: usize) -> Result<(), Error> {
        poll_fn(|context| {
            let mut queue = self.shared.queue();
            if let Some(Err(error)) = self.shared.outcome(&queue, u64::MAX) {
                return Poll::Ready(Err(error));
            }
            if self
                .shared
                .check_room(&queue, framed(payload_bytes))
                .is_ok()
            {
                return Poll::Ready(Ok(()));
            }
            queue.wait_for_room(context.waker());
            Poll::Pending
        })
        .await
    }

    /// Durable records from `seq` on.
    pub fn read_from(&self, seq: u64) -> Reader {
        Reader::new(Arc::clone(&self.shared.segments), seq)
    }

    /// Lets go of records up to and including `upto`, whole segments at a time, oldest first. Call it only when
    /// whatever was made of them is synced. Blocks for two syncs a segment: not for an async thread, nor for the
    /// observer.
    pub fn release(&self, upto: u64) -> Result<(), Error> {
        if worth_rolling(&self.shared.segments, upto) {
            self.shared.roll()?;
        }
        let outcome = self.shared.segments.release(upto);
        self.shared.room_made();
        outcome
    }

    /// First and last record of the oldest segment, if [`release`](Log::release) of the last would delete it: `None`
    /// when the only segment is the one in use. For a user that gives up its oldest records when room is short.
    pub fn oldest_segment(&self) -> Option<(u64, u64)> {
        self.shared.segments.state().oldest()
    }

    /// First record held; `last_durable() + 1` if there is none.
    pub fn first(&self) -> u64 {
        self.shared.segments.state().first()
    }

    /// Last durable record; 0 in a new log.
    pub fn last_durable(&self) -> u64 {
        self.shared.durable()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.shared.segments.state().bytes
    }

    /// Counts since opening, and what is held now.
    pub fn stats(&self) -> Stats {
        self.shared.stats()
    }

    /// Whether a write or sync failed: nothing more will be acknowledged, the process should end.
    pub fn failed(&self) -> bool {
        self.shared.segments.failure().is_some()
    }

    /// Refuses further records, makes durable what is queued, lets go of the lock; what is there can still be read.
    /// Gives the failure if there was one. Closing twice is fine.
    pub fn close(&self) -> Result<(), Error> {
        self.shared.close();
        self.shared.segments.close();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the log's commit thread panicked"); // Ending has marked the log as failed
        }
        match self.shared.segments.failure() {
            Some(failure) => Err(failure.clone().into()),
            None => Ok(()),
        }
    }

    fn pending(&self, seq: u64) -> Pending {
        Pending::new(Arc::clone(&self.shared), seq)
    }
}

/// Like [`close`](Log::close).
impl Drop for Log {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::debug!(%error, "dropped after it stopped"); // every waiter was told
        }
    }
}

/// Ends every wait when the commit thread ends, however it does.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        if thread::panicking() {
            let segments = &self.0.segments;
            let source = io::Error::other("the commit thread panicked");
            segments.fail("write", segments.dir.clone(), source);
        }
        self.0.end();
    }
}

/// The commit thread.
fn run(mut writer: Writer, shared: &Shared) {
    let mut batch = Vec::new();
    loop {
        let done = match shared.next_work(&mut batch) {
            Work::Close => return,
            Work::Roll => writer.roll().map(|()| shared.rolled()).is_ok(),
            Work::Commit => commit(&mut writer, shared, &mut batch),
        };
        if !done {
            return;
        }
    }
}

/// False if the log has stopped.
fn commit(writer: &mut Writer, shared: &Shared, batch: &mut Vec<Bytes>) -> bool {
    for record in batch.drain(..) {
        writer
            .push(&record)
            .expect("lengths were checked before queueing");
    }
    let Ok(sample) = writer.commit() else {
        return false; // the failure is kept with the segments and reaches every waiter
    };
    shared.committed(&sample);
    if let Some(observer) = &shared.segments.options.observer {
        observer(&sample);
    }
    true
}
