//! The log without its thread: batches in, durable records out, every step in the caller's hands.

use crate::disk::{Disk, DiskFile, Lock};
use crate::error::{Error, Failure};
use crate::format::{FRAME_BYTES, HEADER_BYTES, header, put_frame};
use crate::options::{MAX_RECORD_BYTES, Options, Sabotage};
use crate::reader::Reader;
use crate::recover::{self, Recovered};
use crate::segments::{Segment, Segments};
use crate::stats::SyncSample;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// The synchronous core of [`Log`](crate::Log), for a caller that brings its own thread or simulates one.
///
/// [`push`](Writer::push) collects a batch in memory, [`commit`](Writer::commit) makes it durable. After the first
/// failure every call gives that failure. Of the bounds in [`Options`] only the sizes of segment and record apply: queue
/// and total belong to the [`Log`](crate::Log).
#[derive(Debug)]
pub struct Writer {
    segments: Arc<Segments>,
    file: Box<dyn DiskFile>,
    /// First record of the segment in use.
    first: u64,
    /// Length of the segment in use.
    len: u64,
    /// Number of the next record pushed.
    next: u64,
    /// Frames of the batch being collected.
    batch: Vec<u8>,
    batch_records: u64,
    _lock: Box<dyn Lock>,
}

impl Writer {
    /// Opens or creates the log in `dir`: takes the lock, checks everything, cuts off a torn tail.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: Options,
    ) -> Result<(Self, Recovered), Error> {
        let opened = recover::open(disk, dir, options)?;
        let writer = Self {
            segments: Arc::new(opened.segments),
            file: opened.file,
            first: opened.first,
            len: opened.len,
            next: opened.recovered.last + 1,
            batch: Vec::new(),
            batch_records: 0,
            _lock: opened.lock,
        };
        Ok((writer, opened.recovered))
    }

    /// Adds a record to the batch and gives it its number. It is not durable yet.
    pub fn push(&mut self, payload: &[u8]) -> Result<u64, Error> {
        if payload.len() > MAX_RECORD_BYTES {
            return Err(Error::TooLarge {
                bytes: payload.len(),
                max: MAX_RECORD_BYTES,
            });
        }
        let seq = self.next;
        put_frame(&mut self.batch, seq, self.batch_records == 0, payload);
        self.next += 1;
        self.batch_records += 1;
        Ok(seq)
    }

    /// Bytes of the batch so far, frame headers included.
    pub fn batch_bytes(&self) -> usize {
        self.batch.len()
    }

    /// Writes and syncs the batch, in a new segment if it does not fit the one in use. On return all of it is durable.
    pub fn commit(&mut self) -> Result<SyncSample, Failure> {
        self.check()?;
        let room = self.segments.options.segment_bytes;
        if self.len > HEADER_BYTES && self.len + self.batch.len() as u64 > room {
            self.begin_segment()?;
        }
        let start = Instant::now();
        self.file
            .write_all_at(&self.batch, self.len)
            .map_err(|source| self.failed("write", source))?;
        let written = Instant::now();
        if !self.segments.options.sabotaged(Sabotage::SkipDataSync) {
            self.file
                .sync_data()
                .map_err(|source| self.failed("sync", source))?;
        }
        let sample = SyncSample {
            records: self.batch_records,
            bytes: self.batch.len() as u64,
            write: written - start,
            sync: written.elapsed(),
        };
        self.len += sample.bytes;
        self.publish(sample.bytes);
        self.batch.clear();
        self.batch
            .shrink_to(2 * self.segments.options.max_batch_bytes);
        self.batch_records = 0;
        Ok(sample)
    }

    /// Begins a new segment if the one in use holds records, so that a release can delete it.
    pub fn roll(&mut self) -> Result<(), Failure> {
        self.check()?;
        if self.len > HEADER_BYTES {
            self.begin_segment()?;
        }
        Ok(())
    }

    /// Lets go of the records up to and including `upto`, a whole segment at a time. If that covers everything durable
    /// and the segment in use is worth it, a new one is begun first.
    pub fn release(&mut self, upto: u64) -> Result<(), Error> {
        if worth_rolling(&self.segments, upto) {
            self.roll()?;
        }
        self.segments.release(upto)
    }

    /// Durable records from `seq` on.
    pub fn read_from(&self, seq: u64) -> Reader {
        Reader::new(Arc::clone(&self.segments), seq)
    }

    pub(crate) fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    fn check(&self) -> Result<(), Failure> {
        self.segments
            .failure()
            .map_or(Ok(()), |failure| Err(failure.clone()))
    }

    fn failed(&self, operation: &'static str, source: std::io::Error) -> Failure {
        self.segments
            .fail(operation, self.segments.path(self.first), source)
    }

    fn begin_segment(&mut self) -> Result<(), Failure> {
        let first = self.next - self.batch_records;
        self.file = create_segment(&self.segments, first)?;
        self.first = first;
        self.len = HEADER_BYTES;
        let mut state = self.segments.state();
        state.list.push_back(Segment {
            first,
            len: HEADER_BYTES,
        });
        state.bytes += HEADER_BYTES;
        state.rolls += 1;
        Ok(())
    }

    /// Shows a synced batch to readers.
    fn publish(&self, bytes: u64) {
        let mut state = self.segments.state();
        state.bytes += bytes;
        state.durable = self.next - 1;
        if let Some(segment) = state.list.back_mut() {
            segment.len = self.len;
        }
    }
}

/// Creates a segment, durable with its directory entry (step 5 of the write order).
pub(crate) fn create_segment(
    segments: &Segments,
    first: u64,
) -> Result<Box<dyn DiskFile>, Failure> {
    let path = segments.path(first);
    let fail = |operation, source| segments.fail(operation, path.clone(), source);
    let file = segments
        .disk
        .create(&path)
        .map_err(|source| fail("create", source))?;
    file.write_all_at(&header(first), 0)
        .map_err(|source| fail("write", source))?;
    file.sync_data().map_err(|source| fail("sync", source))?;
    segments.sync_dir()?;
    Ok(file)
}

/// Whether releasing `upto` should begin a new segment: all records are released, and the one in use is an eighth of a
/// full one or the log is more than half full. Below that a roll costs more than the space is worth.
pub(crate) fn worth_rolling(segments: &Segments, upto: u64) -> bool {
    let state = segments.state();
    let used = state.list.back().map_or(0, |segment| segment.len);
    upto >= state.durable
        && used > HEADER_BYTES
        && (used >= segments.options.segment_bytes / 8
            || state.bytes > segments.options.max_total_bytes / 2)
}

/// Bytes a record takes on disk.
pub(crate) fn framed(payload: usize) -> u64 {
    (FRAME_BYTES + payload) as u64
}
