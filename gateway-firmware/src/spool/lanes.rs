//! Reading the spool: what is live and what is backlog, each in the order of serials.
//!
//! Everything here may read from disk and so blocks; the publisher calls it off its own task.

use std::collections::VecDeque;
use std::sync::Arc;

use wardline_log::{Error, Reader};
use wardline_normalize::time::Micros;

use super::{CLASSES, Entry, Spool, Visible};

/// Which way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// What comes now.
    Live,
    /// What waited.
    Backlog,
}

/// An entry's place: index of its class, number in the class's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) class: usize,
    pub(crate) number: u64,
}

/// An entry read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Taken {
    pub(crate) position: Position,
    pub(crate) entry: Entry,
    /// In the spool.
    pub(crate) bytes: usize,
}

/// Reads entries for one publisher.
#[derive(Debug)]
pub(crate) struct Lanes {
    spool: Arc<Spool>,
    live: [Cursor; 3],
    backlog: [Cursor; 3],
}

/// The unread stretches of one class in one lane.
#[derive(Debug, Default)]
struct Cursor {
    /// First to one past the last; the live lane's is open.
    spans: VecDeque<(u64, u64)>,
    reader: Option<Reader>,
    head: Option<Taken>,
}

impl Lanes {
    /// Everything that waits is backlog.
    pub(crate) fn new(spool: Arc<Spool>) -> Self {
        Self::since(spool, Micros::MAX)
    }

    fn since(spool: Arc<Spool>, live: Micros) -> Self {
        let mut lanes = Self {
            spool,
            live: Default::default(),
            backlog: Default::default(),
        };
        lanes.rewind(live);
        lanes
    }

    /// Begins anew, for a new connection, with everything unacknowledged, also what had been read: what was taken since
    /// `live` (about; since boot) is live, the rest is backlog.
    pub(crate) fn rewind(&mut self, live: Micros) {
        let visible = self.spool.visible_at(live);
        for (class, last) in visible.into_iter().enumerate() {
            self.backlog[class] = Cursor::over(self.spool.stores[class].missing(last));
            self.live[class] = Cursor::over(self.spool.stores[class].missing_after(last));
        }
    }

    /// What the live lane has not given yet of before `live` (about; since boot) becomes backlog.
    pub(crate) fn demote(&mut self, live: Micros) {
        let visible = self.spool.visible_at(live);
        for (class, last) in visible.into_iter().enumerate() {
            let end = last + 1;
            let live = &mut self.live[class];
            live.reader = None;
            if let Some(head) = live.head.take() {
                let number = head.position.number;
                live.spans.push_front((number, number + 1));
            }
            let old = live.spans.iter().filter(|span| span.0 < end);
            let old: Vec<_> = old.map(|span| (span.0, span.1.min(end))).collect();
            self.backlog[class].spans.extend(old);
            live.spans.retain_mut(|span| {
                span.0 = span.0.max(end);
                span.0 < span.1
            });
        }
    }

    /// Since boot, when the next entry of the live lane was taken.
    pub(crate) fn live_since(&mut self) -> Result<Option<Micros>, Error> {
        self.oldest_head(Lane::Live)
    }

    /// Since boot, when the next entry of a lane was taken; of an earlier boot, when this one began.
    pub(crate) fn oldest_head(&mut self, lane: Lane) -> Result<Option<Micros>, Error> {
        let class = self.next_class(lane)?;
        let boot = self.spool.clock.boot().to_owned();
        let cursors = self.cursors(lane);
        let head = class.and_then(|class| cursors[class].head.as_ref());
        Ok(head.map(|taken| match taken.entry.boot == boot {
            true => taken.entry.readings.taken.since_boot,
            false => 0,
        }))
    }

    /// Whether there is anything left of the backlog.
    pub(crate) fn backlog_left(&self) -> bool {
        self.backlog
            .iter()
            .any(|cursor| cursor.head.is_some() || !cursor.spans.is_empty())
    }

    /// The next entries of a lane, up to about `bytes`; empty when there is none now.
    pub(crate) fn take(&mut self, lane: Lane, bytes: usize) -> Result<Vec<Taken>, Error> {
        let mut entries = Vec::new();
        let mut sum = 0;
        while sum < bytes {
            let Some(class) = self.next_class(lane)? else {
                break;
            };
            if let Some(taken) = self.cursors(lane)[class].head.take() {
                sum += taken.bytes;
                entries.push(taken);
            }
        }
        Ok(entries)
    }

    fn cursors(&mut self, lane: Lane) -> &mut [Cursor; 3] {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        }
    }

    /// The class whose head is the oldest.
    fn next_class(&mut self, lane: Lane) -> Result<Option<usize>, Error> {
        let visible = *self.spool.visible.borrow();
        let spool = Arc::clone(&self.spool);
        let cursors = self.cursors(lane);
        for (class, cursor) in cursors.iter_mut().enumerate() {
            cursor.fill(&spool, class, &visible)?;
        }
        let oldest = cursors
            .iter()
            .enumerate()
            .filter_map(|(class, cursor)| Some((cursor.head.as_ref()?.entry.serial, class)))
            .min();
        Ok(oldest.map(|(_, class)| class))
    }
}

impl Cursor {
    fn over(spans: Vec<(u64, u64)>) -> Self {
        Self {
            spans: spans.into(),
            reader: None,
            head: None,
        }
    }

    /// Reads the next entry as head if there is one.
    fn fill(&mut self, spool: &Spool, class: usize, visible: &Visible) -> Result<(), Error> {
        let store = &spool.stores[class];
        while self.head.is_none() {
            let Some(span) = self.spans.front_mut() else {
                self.reader = None;
                return Ok(());
            };
            // Given up, or released, since the stretch was noted.
            span.0 = span.0.max(store.first());
            if span.0 >= span.1 {
                self.spans.pop_front();
                continue;
            }
            let number = span.0;
            if number > visible[class] {
                // A released segment takes room on the disk for as long as it is open.
                if store.first() >= number {
                    self.reader = None;
                }
                return Ok(());
            }
            if self.reader.as_ref().map(Reader::position) != Some(number) {
                self.reader = Some(store.read_from(number));
            }
            let Some(reader) = &mut self.reader else {
                return Ok(());
            };
            let payload = match reader.next() {
                Some(Ok((_, payload))) => payload,
                Some(Err(Error::Released { .. })) => {
                    self.reader = None;
                    continue;
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            };
            span.0 += 1;
            let position = Position { class, number };
            match Entry::decode(&payload, store.class) {
                Ok(entry) => {
                    self.head = Some(Taken {
                        position,
                        entry,
                        bytes: payload.len(),
                    });
                }
                Err(error) => {
                    tracing::error!(%error, class = CLASSES[class].1, number, "an entry of the spool is put aside");
                    spool
                        .put_aside(position, &payload)
                        .map_err(|source| Error::Io {
                            operation: "put an entry aside in",
                            path: spool.dir.clone(),
                            source,
                        })?;
                }
            }
        }
        Ok(())
    }
}
