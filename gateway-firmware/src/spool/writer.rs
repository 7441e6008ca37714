//! Takes puts, a batch at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};
use wardline_log::{Error, Pending};

use super::store::Store;
use super::{CLASSES, Entry, Spool, index};
use crate::run::context::{PULSE, Pulse};
use crate::source::{Class, Put, Readings, Refused};

/// Puts of one batch; the queue holds as many.
const BATCH: usize = crate::source::PUTS;
/// Bytes of one batch, within what a log queues.
const BATCH_BYTES: u64 = 2 << 20;
/// What the log writes beside a record.
const FRAME: u64 = 16;

/// Puts that are appended together.
#[derive(Default)]
struct Batch {
    /// By class, encoded; in the order of serials.
    entries: [Vec<Vec<u8>>; 3],
    bytes: u64,
    replies: Vec<oneshot::Sender<Result<(), Refused>>>,
}

/// Runs until every [`crate::source::Intake`] is gone, or the disk fails.
pub(crate) async fn run(
    spool: Arc<Spool>,
    mut puts: mpsc::Receiver<Put>,
    pulse: Pulse,
) -> Result<(), Error> {
    let mut waiting = Vec::with_capacity(BATCH);
    loop {
        let received = tokio::time::timeout(PULSE, puts.recv_many(&mut waiting, BATCH)).await;
        pulse.beat();
        match received {
            Ok(0) => break,
            Ok(_) => {}
            // Nothing came.
            Err(_) => continue,
        }
        let mut puts = waiting.drain(..).peekable();
        while puts.peek().is_some() {
            let mut batch = Batch::default();
            while let Some(put) = puts.next_if(|_| batch.bytes < BATCH_BYTES) {
                spool.admit(put, &mut batch);
            }
            spool.commit(batch).await?;
        }
    }
    pulse.end();
    Ok(())
}

impl Spool {
    /// Adds a put to the batch, or refuses it.
    fn admit(&self, put: Put, batch: &mut Batch) {
        let Put { readings, reply } = put;
        let size = |readings: &Readings| {
            // An estimate above what it takes: names, ids and numbers of a record.
            let raw: usize = readings
                .records
                .iter()
                .map(|r| r.raw.as_ref().map_or(0, Vec::len))
                .sum();
            (128 + 160 * readings.records.len() + raw) as u64
        };
        let confirmed: u64 = readings
            .iter()
            .filter(|readings| readings.class == Class::Confirmed)
            .map(size)
            .sum();
        if confirmed > 0 && !self.make_room(batch.bytes + confirmed, true) {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            self.set_room(false);
            answer(reply, Err(Refused::Full));
            return;
        }
        batch.bytes += confirmed;
        for readings in &readings {
            let class = index(readings.class);
            if readings.class != Class::Confirmed {
                let size = size(readings);
                if !self.make_room(batch.bytes + size, readings.class == Class::Stream) {
                    self.counts.dropped[class].fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                batch.bytes += size;
            }
            let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
            let bytes = Entry::encode(serial, self.clock.boot(), readings);
            batch.entries[class].push(bytes);
        }
        batch.replies.push(reply);
    }

    /// Whether so many bytes fit, once segments of lesser classes are given up.
    fn make_room(&self, bytes: u64, over_streams: bool) -> bool {
        if bytes > self.free()
            && self.stores.iter().any(Store::releasable)
            && let Err(error) = self.keep()
        {
            tracing::error!(%error, "cannot release what the server has");
        }
        loop {
            if bytes <= self.free() {
                return true;
            }
            let lesser = if over_streams { 2 } else { 1 };
            let gave_up = (0..lesser).any(|class| match self.stores[class].drop_oldest() {
                Ok(Some(records)) => {
                    self.counts.dropped[class].fetch_add(records, Ordering::Relaxed);
                    if records > 0 {
                        let (_, class) = CLASSES[class];
                        tracing::warn!(class, records, "the spool is full: the oldest are dropped");
                    }
                    true
                }
                Ok(None) => false,
                Err(error) => {
                    tracing::error!(%error, "cannot give up a segment");
                    false
                }
            });
            if !gave_up {
                return false;
            }
        }
    }

    /// Appends and syncs a batch, answers its puts, shows it to the lanes.
    async fn commit(&self, batch: Batch) -> Result<(), Error> {
        let outcome = self.append(batch.entries).await;
        if outcome.is_err() {
            for reply in batch.replies {
                answer(reply, Err(Refused::Ended));
            }
            return outcome;
        }
        for reply in batch.replies {
            answer(reply, Ok(()));
        }
        self.counts.batches.fetch_add(1, Ordering::Relaxed);
        self.show();
        Ok(())
    }

    async fn append(&self, entries: [Vec<Vec<u8>>; 3]) -> Result<(), Error> {
        let mut last: [Option<Pending>; 3] = [None, None, None];
        let mut count = 0;
        for (class, entries) in entries.into_iter().enumerate() {
            for entry in entries {
                count += 1;
                // Within what the log queues, so this waits for nothing.
                last[class] = Some(self.stores[class].append(entry)?);
            }
        }
        // The last of each is durable after all before it.
        for pending in last.into_iter().flatten() {
            pending.await?;
        }
        self.counts.taken.fetch_add(count, Ordering::Relaxed);
        Ok(())
    }
}

fn answer(reply: oneshot::Sender<Result<(), Refused>>, outcome: Result<(), Refused>) {
    if reply.send(outcome).is_err() {
        tracing::debug!("a source went away before its readings were kept");
    }
}

/// What the log adds to a record is within the estimate of its size.
const _: () = assert!(FRAME < 128);
