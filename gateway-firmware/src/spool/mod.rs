//! What was taken and is not yet acknowledged by the server, on disk.
//!
//! ```text
//! Intake::put ─> writer: a batch of puts, appended and synced, then confirmed
//!                   │ confirmed/ stream/ waveform/ : a log (`store/log`) a class
//!                lanes: live │ backlog ─> publisher ─> PUBACK ─> acknowledged ─> released
//! ```
//!
//! What holds:
//! 1. A put is confirmed when every record of it is synced; a batch is what came while the last one was synced (at most
//!    1,024 puts). A failed write or sync ends the process: it is not tried again.
//! 2. A record is removed only by the server's acknowledgement. Acknowledgements may come in any order; whole segments
//!    (a 64th of the spool, 16 KiB to 8 MiB) are released when all in them are acknowledged. What is acknowledged is
//!    written down at most once a second, so a killed gateway publishes at most that again, under the same identity.
//!    Entries of a device that the server does not want for now are moved to the end of the log when they stand in the
//!    way of a release (`writer`); among a device's entries the order is then that of moving.
//! 3. Bounded: all three logs together stay below `max-size`, and [`RESERVE`] of the disk is left free, so that a full
//!    disk is met before it fails a write. When there is no room, whole segments of waveforms are given up, oldest
//!    first, then of streams, counted record by record; then waveforms and streams that come are not kept, counted too.
//!    Confirmed readings are never given up: a put of them is refused ([`Refused::Full`]) and the source does not
//!    confirm, until there is room.
//! 4. Order: every entry has a serial over all classes, and a lane gives entries in the order of their serials. An entry
//!    is shown to the lanes only when its whole batch is durable.
//! 5. Lanes: when a connection is made, what waits is backlog and what comes is live, beginning with the last seconds
//!    before; a live lane that falls behind by more than `live` becomes backlog too and begins anew at the newest.
//! 6. Reopened: a torn tail is cut (never confirmed); damage puts the log aside and goes on with all that can be read
//!    (`rescue`); an entry in a form that is not known goes to `aside/`. Each is logged and counted, none is silent.

mod acked;
mod entry;
mod lanes;
mod rescue;
mod store;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use wardline_log::Error;
use wardline_normalize::time::Micros;

pub(crate) use acked::replace;
pub(crate) use entry::Entry;
pub(crate) use lanes::{Lane, Lanes, Position, Taken};
pub(crate) use store::Found;
pub(crate) use writer::run as write;

use store::Store;

use crate::clock::Clock;
use crate::source::Class;

/// Left free on the disk: segments' headers, the files of what was acknowledged, and other programs' small needs.
pub(crate) const RESERVE: u64 = 2 << 20;

/// Free space that counts as room again: some hundred puts.
const ROOM: u64 = 256 << 10;
/// Between marks, and how far back they go.
const MARK: Micros = 100_000;
const MARKED: Micros = 60_000_000;

/// By class, in the order in which they are given up.
pub(crate) const CLASSES: [(Class, &str); 3] = [
    (Class::Waveform, "waveform"),
    (Class::Stream, "stream"),
    (Class::Confirmed, "confirmed"),
];

/// The last entry of each class that may be read.
pub(crate) type Visible = [u64; 3];

/// The three logs and what is known of them.
#[derive(Debug)]
pub(crate) struct Spool {
    dir: PathBuf,
    max_size: AtomicU64,
    stores: [Store; 3],
    clock: Clock,
    visible: watch::Sender<Visible>,
    room: watch::Sender<bool>,
    /// What was visible when, a mark a tenth of a second, as far back as anybody asks.
    marks: Mutex<VecDeque<(Micros, Visible)>>,
    next_serial: AtomicU64,
    /// Devices that the server does not want for now.
    held: Mutex<HashSet<String>>,
    counts: Counts,
}

/// Since the start.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Entries made durable.
    pub(crate) taken: AtomicU64,
    /// Puts refused because there was no room.
    pub(crate) refused: AtomicU64,
    /// Entries given up or not kept, by class.
    pub(crate) dropped: [AtomicU64; 2],
    /// Entries acknowledged by the server.
    pub(crate) acknowledged: AtomicU64,
    /// Entries in a form that is not known.
    pub(crate) unreadable: AtomicU64,
    /// Batches synced: progress.
    pub(crate) batches: AtomicU64,
}

pub(crate) fn index(class: Class) -> usize {
    match class {
        Class::Waveform => 0,
        Class::Stream => 1,
        Class::Confirmed => 2,
    }
}

impl Spool {
    /// Opens or creates the spool in `dir`.
    pub(crate) fn open(
        dir: &Path,
        max_size: u64,
        clock: Clock,
    ) -> Result<(Arc<Self>, [Found; 3]), Error> {
        let open = |index: usize| {
            let (class, name) = CLASSES[index];
            Store::open(dir, name, class, max_size)
        };
        let (waveform, stream, confirmed) = (open(0)?, open(1)?, open(2)?);
        let stores = [waveform.0, stream.0, confirmed.0];
        let mut serial = 0;
        for store in &stores {
            serial = serial.max(store.next_serial()?);
        }
        let visible = [stores[0].last(), stores[1].last(), stores[2].last()];
        let spool = Arc::new(Self {
            dir: dir.to_owned(),
            max_size: AtomicU64::new(max_size),
            stores,
            clock,
            visible: watch::Sender::new(visible),
            room: watch::Sender::new(true),
            marks: Mutex::new(VecDeque::from([(i64::MIN, visible)])),
            next_serial: AtomicU64::new(serial),
            held: Mutex::default(),
            counts: Counts::default(),
        });
        spool.look_for_room();
        Ok((spool, [waveform.1, stream.1, confirmed.1]))
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether confirmed readings are taken.
    pub(crate) fn room(&self) -> watch::Receiver<bool> {
        self.room.subscribe()
    }

    /// Wakes when there is more to read.
    pub(crate) fn visible(&self) -> watch::Receiver<Visible> {
        self.visible.subscribe()
    }

    /// Shows a batch to the lanes.
    fn show(&self) {
        let visible = std::array::from_fn(|class| self.stores[class].last());
        let now = self.clock.now().since_boot;
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks
            .back()
            .is_none_or(|(at, _)| at.saturating_add(MARK) <= now)
        {
            marks.push_back((now, visible));
        }
        // The first of them stands for everything before the second.
        while marks.get(1).is_some_and(|(at, _)| at + MARKED < now) {
            marks.pop_front();
        }
        drop(marks);
        self.visible.send_replace(visible);
    }

    /// What was visible at a time since boot, or a little before.
    fn visible_at(&self, since_boot: Micros) -> Visible {
        let now = *self.visible.borrow();
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        match marks.iter().rev().find(|(at, _)| *at <= since_boot) {
            // Nothing has come since the last mark, or something that is not marked yet.
            Some((at, _))
                if Some(at) == marks.back().map(|(at, _)| at) && at + MARK < since_boot =>
            {
                now
            }
            Some((_, visible)) => *visible,
            None => now,
        }
    }

    /// A new bound; what is above it goes by and by.
    pub(crate) fn set_max_size(&self, max_size: u64) {
        self.max_size.store(max_size, Ordering::Relaxed);
    }

    /// Entries that the server does not have.
    pub(crate) fn waiting(&self) -> u64 {
        self.stores.iter().map(Store::waiting).sum()
    }

    pub(crate) fn waiting_of(&self, index: usize) -> u64 {
        self.stores[index].waiting()
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        self.stores.iter().map(Store::bytes).sum()
    }

    /// The devices that are held back: what waits of them pins no segment.
    pub(crate) fn set_held(&self, devices: HashSet<String>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = devices;
    }

    pub(crate) fn acknowledge(&self, position: Position) {
        self.stores[position.class].acknowledge(position.number);
        self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Releases what is acknowledged. Blocks; called about once a second, and at the end.
    pub(crate) fn keep(&self) -> Result<(), Error> {
        for store in &self.stores {
            store.keep()?;
        }
        self.look_for_room();
        Ok(())
    }

    /// Refuses further records and lets go of the lock.
    pub(crate) fn close(&self) -> Result<(), Error> {
        self.keep()?;
        self.stores.iter().try_for_each(Store::close)
    }

    /// Bytes that may still be written.
    fn free(&self) -> u64 {
        let max = self.max_size.load(Ordering::Relaxed);
        let below_bound = max.saturating_sub(self.bytes());
        match disk_free(&self.dir) {
            Ok(free) => below_bound.min(free.saturating_sub(RESERVE)),
            Err(error) => {
                tracing::warn!(%error, "cannot tell how much room the disk has");
                below_bound
            }
        }
    }

    /// There is room for confirmed readings while a fair number of them fits, or something lesser could go.
    fn look_for_room(&self) {
        let enough = store::segment(self.max_size.load(Ordering::Relaxed)).min(ROOM);
        let droppable = self.stores[..2].iter().any(Store::droppable);
        let room = self.free() >= enough || droppable;
        self.set_room(room);
    }

    fn set_room(&self, room: bool) {
        let changed = self.room.send_if_modified(|known| {
            let changed = *known != room;
            *known = room;
            changed
        });
        if changed && !room {
            tracing::error!("the spool is full; nothing more is confirmed to any source");
        } else if changed {
            tracing::info!("the spool has room again");
        }
    }

    /// Puts an entry in an unknown form aside, so that what is behind it goes on.
    fn put_aside(&self, position: Position, bytes: &[u8]) -> io::Result<()> {
        let aside = self.dir.join(rescue::ASIDE);
        std::fs::create_dir_all(&aside)?;
        let (_, class) = CLASSES[position.class];
        replace(&aside, &format!("{class}-{}", position.number), bytes)?;
        self.counts.unreadable.fetch_add(1, Ordering::Relaxed);
        self.acknowledge(position);
        Ok(())
    }
}

fn disk_free(dir: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(dir)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}
