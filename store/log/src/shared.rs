//! What the log's handle, its commit thread and its waiters share.

use crate::error::Error;
use crate::options::{MAX_RECORD_BYTES, Sabotage};
use crate::segments::Segments;
use crate::stats::{Stats, SyncSample};
use crate::writer::framed;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) segments: Arc<Segments>,
    queue: Mutex<Queue>,
    /// The commit thread waits here for work.
    work: Condvar,
    /// Blocking waiters for durability, and for a roll.
    done: Condvar,
    /// Blocking waiters for a place in the queue.
    space: Condvar,
    ack_early: bool,
}

/// The waiting records and everyone who waits.
#[derive(Debug)]
pub(crate) struct Queue {
    records: VecDeque<Bytes>,
    /// Framed bytes of `records`.
    bytes: u64,
    /// Framed bytes taken by the commit thread and not yet durable.
    in_flight: u64,
    /// Number of the next record queued. Numbers are given here: after a failure nothing later is acknowledged, so
    /// order of queueing is order on disk.
    next: u64,
    /// Last record whose waiters may know.
    durable: u64,
    pub(crate) waiters: BTreeMap<u64, Waker>,
    /// Waiting for the queue or for a release.
    pub(crate) room: Vec<Waker>,
    roll: bool,
    closing: bool,
    /// The commit thread has ended.
    ended: bool,
    counts: Stats,
}

/// What the commit thread is to do.
pub(crate) enum Work {
    /// The records are in the vector it passed.
    Commit,
    Roll,
    Close,
}

pub(crate) enum Admission {
    Queued(u64),
    /// No place in the queue now.
    Wait,
}

impl Shared {
    pub(crate) fn new(segments: Arc<Segments>) -> Self {
        let durable = segments.state().durable;
        let ack_early = segments.options.sabotaged(Sabotage::AckBeforeWrite);
        Self {
            segments,
            queue: Mutex::new(Queue {
                records: VecDeque::new(),
                bytes: 0,
                in_flight: 0,
                next: durable + 1,
                durable,
                waiters: BTreeMap::new(),
                room: Vec::new(),
                roll: false,
                closing: false,
                ended: false,
                counts: Stats::default(),
            }),
            work: Condvar::new(),
            done: Condvar::new(),
            space: Condvar::new(),
            ack_early,
        }
    }

    /// Every change under this lock is complete before anything can panic, so poison says nothing.
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_done<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.done
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_space<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        self.space
            .wait(queue)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How a record's wait ended, if it has.
    pub(crate) fn outcome(&self, queue: &Queue, seq: u64) -> Option<Result<u64, Error>> {
        if queue.durable >= seq || self.ack_early {
            return Some(Ok(seq));
        }
        self.stopped(queue).map(Err)
    }

    fn stopped(&self, queue: &Queue) -> Option<Error> {
        match self.segments.failure() {
            Some(failure) => Some(failure.clone().into()),
            None if queue.ended => Some(Error::Closed),
            None => None,
        }
    }

    /// Queues the record, or says that it must wait, or why it cannot.
    pub(crate) fn admit(&self, queue: &mut Queue, payload: &Bytes) -> Result<Admission, Error> {
        if let Some(error) = self.stopped(queue) {
            return Err(error);
        }
        if queue.closing {
            return Err(Error::Closed);
        }
        if payload.len() > MAX_RECORD_BYTES {
            return Err(Error::TooLarge {
                bytes: payload.len(),
                max: MAX_RECORD_BYTES,
            });
        }
        let options = &self.segments.options;
        let bytes = framed(payload.len());
        if let Err(full) = self.check_room(queue, bytes) {
            queue.counts.refused_full += 1;
            return Err(full);
        }
        let fits = queue.records.len() < options.queue
            && queue.bytes + bytes <= options.queue_bytes as u64;
        if !fits && !queue.records.is_empty() {
            return Ok(Admission::Wait);
        }
        queue.records.push_back(payload.clone());
        queue.bytes += bytes;
        queue.next += 1;
        if queue.records.len() == 1 {
            self.work.notify_one();
        }
        Ok(Admission::Queued(queue.next - 1))
    }

    /// Whether so many framed bytes fit the bound of the whole log.
    pub(crate) fn check_room(&self, queue: &Queue, bytes: u64) -> Result<(), Error> {
        let max = self.segments.options.max_total_bytes;
        let held = self.segments.state().bytes + queue.bytes + queue.in_flight;
        if held + bytes > max {
            return Err(Error::Full { bytes: held, max });
        }
        Ok(())
    }

    /// Blocks the commit thread until there is work; moves a batch of records into `batch`.
    pub(crate) fn next_work(&self, batch: &mut Vec<Bytes>) -> Work {
        let mut queue = self.queue();
        loop {
            if !queue.records.is_empty() {
                queue.take_batch(self.segments.options.max_batch_bytes as u64, batch);
                let room = std::mem::take(&mut queue.room);
                drop(queue);
                self.space.notify_all();
                room.into_iter().for_each(Waker::wake);
                return Work::Commit;
            }
            if queue.roll {
                return Work::Roll;
            }
            if queue.closing {
                return Work::Close;
            }
            queue = self
                .work
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Tells the waiters of a batch, in order.
    pub(crate) fn committed(&self, sample: &SyncSample) {
        let mut queue = self.queue();
        queue.durable += sample.records;
        queue.in_flight = 0;
        queue.counts.syncs += 1;
        queue.counts.records += sample.records;
        queue.counts.written_bytes += sample.bytes;
        queue.counts.largest_batch = queue.counts.largest_batch.max(sample.records);
        queue.counts.sync_time += sample.sync;
        let later = queue.durable + 1;
        let waiting = queue.waiters.split_off(&later);
        let told = std::mem::replace(&mut queue.waiters, waiting);
        drop(queue);
        self.done.notify_all();
        told.into_values().for_each(Waker::wake);
    }

    /// Asks the commit thread to begin a new segment and waits for it.
    pub(crate) fn roll(&self) -> Result<(), Error> {
        let mut queue = self.queue();
        queue.roll = true;
        self.work.notify_one();
        while queue.roll {
            if let Some(error) = self.stopped(&queue) {
                return Err(error);
            }
            queue = self.wait_done(queue);
        }
        Ok(())
    }

    pub(crate) fn rolled(&self) {
        self.queue().roll = false;
        self.done.notify_all();
    }

    /// Wakes those who wait for a place.
    pub(crate) fn room_made(&self) {
        let room = std::mem::take(&mut self.queue().room);
        room.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn close(&self) {
        self.queue().closing = true;
        self.work.notify_one();
        self.space.notify_all();
        self.room_made();
    }

    /// The commit thread has ended, well or not: nobody may wait for it any longer.
    pub(crate) fn end(&self) {
        let mut queue = self.queue();
        queue.ended = true;
        queue.records.clear();
        queue.bytes = 0;
        let waiters = std::mem::take(&mut queue.waiters);
        let room = std::mem::take(&mut queue.room);
        drop(queue);
        self.done.notify_all();
        self.space.notify_all();
        waiters.into_values().chain(room).for_each(Waker::wake);
    }

    pub(crate) fn stats(&self) -> Stats {
        let queue = self.queue();
        let state = self.segments.state();
        Stats {
            rolls: state.rolls,
            released_segments: state.released,
            segments: state.list.len() as u64,
            bytes: state.bytes,
            queued_records: queue.records.len() as u64,
            queued_bytes: queue.bytes,
            ..queue.counts
        }
    }

    pub(crate) fn durable(&self) -> u64 {
        self.queue().durable
    }
}

impl Queue {
    /// Remembers whom to wake when there may be room.
    pub(crate) fn wait_for_room(&mut self, waker: &Waker) {
        if !self.room.iter().any(|known| known.will_wake(waker)) {
            self.room.push(waker.clone());
        }
    }

    fn take_batch(&mut self, max: u64, batch: &mut Vec<Bytes>) {
        while let Some(record) = self.records.front() {
            let bytes = framed(record.len());
            if self.in_flight > 0 && self.in_flight + bytes > max {
                break;
            }
            self.in_flight += bytes;
            self.bytes -= bytes;
            batch.extend(self.records.pop_front());
        }
    }
}
