//! Takes puts, a batch at a time, and moves what would pin the log.
//!
//! A device that is held back for hours would keep every segment since its oldest entry. So when a segment holds nothing
//! that waits but entries of such devices, and most of its log is acknowledged, they are written anew at the end, synced,
//! and only then acknowledged where they were: after a crash between the two they are there twice, with one identity.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use wardline_log::{Error, Pending};

use super::store::Store;
use super::{CLASSES, Entry, RESERVE, Spool, disk_free, index};
use crate::run::context::{PULSE, Pulse};
use crate::source::{Class, Put, Refused};

/// Puts of one batch; the queue holds as many.
const BATCH: usize = crate::source::PUTS;
/// Bytes of one batch, within what a log queues.
const BATCH_BYTES: u64 = 2 << 20;
/// What the log writes beside a record, at most.
const FRAME: u64 = 32;
/// Between looks for what pins the log.
const MOVING: Duration = Duration::from_secs(10);

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
    let mut moved = Instant::now();
    loop {
        if moved.elapsed() >= MOVING {
            spool.move_held().await?;
            moved = Instant::now();
        }
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
        let encoded: Vec<(Class, Vec<u8>)> = readings
            .iter()
            .map(|readings| {
                // Of what is not kept, the serial is left out.
                let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
                let bytes = Entry::encode(serial, self.clock.boot(), readings);
                (readings.class, bytes)
            })
            .collect();
        let size = |bytes: &Vec<u8>| bytes.len() as u64 + FRAME;
        let confirmed: u64 = encoded
            .iter()
            .filter(|(class, _)| *class == Class::Confirmed)
            .map(|(_, bytes)| size(bytes))
            .sum();
        if confirmed > 0 && !self.make_room(batch.bytes + confirmed, true) {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
            self.set_room(false);
            answer(reply, Err(Refused::Full));
            return;
        }
        batch.bytes += confirmed;
        for (class, bytes) in encoded {
            let index = index(class);
            if class != Class::Confirmed {
                let size = size(&bytes);
                if !self.make_room(batch.bytes + size, class == Class::Stream) {
                    self.counts.dropped[index].fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                batch.bytes += size;
            }
            batch.entries[index].push(bytes);
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
                last[class] = Some(self.stores[class].append(entry).await?);
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

impl Spool {
    /// Writes anew what entries of devices held back keep from being released. Its room is beyond the bound, for as
    /// long as the old place is there: a segment at most.
    pub(super) async fn move_held(&self) -> Result<(), Error> {
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if held.is_empty() {
            return Ok(());
        }
        for (class, store) in self.stores.iter().enumerate() {
            // What is moved now is not looked at again now.
            let end = store.last();
            while let Some((_, last)) = store.blocked().filter(|(_, last)| *last <= end) {
                let mut entries = Vec::new();
                let mut bytes = 0;
                for (from, to) in store.missing(last) {
                    for record in store.read_from(from).take((to - from) as usize) {
                        let (number, payload) = match record {
                            // Released meanwhile, so nothing stands there.
                            Err(Error::Released { .. }) => return Ok(()),
                            other => other?,
                        };
                        match Entry::decode(&payload, store.class) {
                            Ok(entry) if held.contains(&entry.readings.device) => {
                                bytes += payload.len() as u64 + FRAME;
                                entries.push((number, entry));
                            }
                            // It goes out, or aside, by itself.
                            _ => return Ok(()),
                        }
                    }
                }
                if disk_free(&self.dir).is_ok_and(|free| free < RESERVE + bytes) {
                    return Ok(());
                }
                let mut pending = None;
                for (_, entry) in &entries {
                    let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
                    let bytes = Entry::encode(serial, &entry.boot, &entry.readings);
                    pending = Some(store.append(bytes).await?);
                }
                if let Some(pending) = pending {
                    pending.await?;
                }
                for (number, _) in &entries {
                    store.acknowledge(*number);
                }
                store.keep()?;
                self.show();
                let (_, name) = CLASSES[class];
                tracing::debug!(class = name, entries = entries.len(), "moved to the end");
            }
        }
        self.look_for_room();
        Ok(())
    }
}

fn answer(reply: oneshot::Sender<Result<(), Refused>>, outcome: Result<(), Refused>) {
    if reply.send(outcome).is_err() {
        tracing::debug!("a source went away before its readings were kept");
    }
}
