//! From the lanes to the wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use wardline_log::Error;

use super::{
    FRESH, OPEN_BYTES, Part, Publisher, READ_BACKLOG_BYTES, READ_BYTES, SLOW, Sent, Whole, aside,
};
use crate::publish::pack::{Limits, Pack, Packer, encode};
use crate::publish::wire::BESIDE_WINDOW;
use crate::run::context::PULSE;
use crate::source::Kind;
use crate::spool::{Lane, Lanes, Taken};

/// One lane's packs and messages.
pub(super) struct Way {
    pub(super) packer: Packer,
    pub(super) in_flight: usize,
}

/// How much of its share the backlog uses.
pub(super) struct Pace {
    pub(super) packs: usize,
    pub(super) slowed: Instant,
}

impl Way {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            packer: Packer::new(limits),
            in_flight: 0,
        }
    }
}

impl Publisher {
    /// Sends what may be sent.
    pub(super) async fn fill(&mut self, draining: bool) -> Result<(), Error> {
        if self.link.is_none() || self.paused.is_some() || self.waits_for_clock(draining) {
            return self.note_oldest().await;
        }
        if self.rewind {
            if self.live.in_flight + self.backlog.in_flight > 0 {
                return Ok(());
            }
            self.start_over();
        }
        let mut lanes = [Lane::Live, Lane::Backlog];
        if self.held.careful() && self.last == Lane::Live {
            // One place for both: in turns.
            lanes.reverse();
        }
        for lane in lanes {
            self.fill_lane(lane, draining).await?;
        }
        self.note_oldest().await
    }

    pub(super) fn waits_for_clock(&self, draining: bool) -> bool {
        let wait = self.parts.config.borrow().time.wait;
        !draining && self.parts.clock.anchor().is_none() && self.started.elapsed() < wait
    }

    pub(super) async fn fill_lane(&mut self, lane: Lane, draining: bool) -> Result<(), Error> {
        loop {
            // A message that the connection did not take: nothing of its device may pass it.
            if self.rewind {
                return Ok(());
            }
            let places = self.places(lane);
            let way = match lane {
                Lane::Live => &mut self.live,
                Lane::Backlog => &mut self.backlog,
            };
            if lane == Lane::Live && !draining {
                way.packer.expire(Instant::now());
            } else {
                way.packer.close_all();
            }
            if way.in_flight < places
                && let Some(pack) = way.packer.pop()
            {
                self.send(lane, pack);
                continue;
            }
            // The live lane is read on, so that packs grow while they wait; the backlog only when it may send.
            let more = match lane {
                Lane::Live => way.packer.bytes() < OPEN_BYTES,
                Lane::Backlog => way.in_flight < places,
            };
            if !more || !self.read(lane).await? {
                return Ok(());
            }
        }
    }

    /// Messages that a lane may have on the wire.
    pub(super) fn places(&self, lane: Lane) -> usize {
        let Some(link) = &self.link else { return 0 };
        if self.held.careful() {
            let other = match lane {
                Lane::Live => self.backlog.in_flight,
                Lane::Backlog => self.live.in_flight,
            };
            return usize::from(other == 0);
        }
        let backlog_left =
            self.backlog.in_flight > 0 || self.lanes.as_ref().is_some_and(Lanes::backlog_left);
        let share = usize::from(self.parts.config.borrow().spool.backlog_share);
        let reserved = (link.window * share / 100).clamp(1, link.window - 1);
        match lane {
            Lane::Live if backlog_left => link.window - reserved,
            Lane::Live => link.window,
            Lane::Backlog => reserved.min(self.pace.packs),
        }
    }

    /// Reads on in a lane, off this task; whether there was anything.
    pub(super) async fn read(&mut self, lane: Lane) -> Result<bool, Error> {
        let behind = self.parts.config.borrow().spool.live;
        let now = self.parts.clock.now().since_boot;
        let bytes = match lane {
            Lane::Live => READ_BYTES,
            Lane::Backlog => READ_BACKLOG_BYTES,
        };
        let taken = self
            .with_lanes(move |lanes| {
                if lane == Lane::Live
                    && let Some(since) = lanes.live_since()?
                    && now.saturating_sub(since) > crate::clock::micros(behind)
                {
                    lanes.demote(now - FRESH);
                }
                lanes.take(lane, bytes)
            })
            .await?;
        if taken.is_empty() {
            return Ok(false);
        }
        let now = Instant::now();
        for taken in taken {
            self.add(lane, taken, now);
        }
        Ok(true)
    }

    pub(super) fn add(&mut self, lane: Lane, mut taken: Taken, now: Instant) {
        if self.held.contains(&taken.entry.readings.device) {
            return;
        }
        let word = self.stamper.stamp(&mut taken.entry);
        let way = match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        };
        way.packer.add(taken, word, now);
    }

    /// Lanes read from disk: on a thread that may block.
    pub(super) async fn with_lanes<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Lanes) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut lanes = match self.lanes.take() {
            Some(lanes) => lanes,
            None => Lanes::new(Arc::clone(&self.parts.spool)),
        };
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut lanes);
            (lanes, outcome)
        });
        match done.await {
            Ok((lanes, outcome)) => {
                self.lanes = Some(lanes);
                outcome
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// For the age of the spool: the oldest of what is read, or next.
    pub(super) async fn note_oldest(&mut self) -> Result<(), Error> {
        if self.noted.elapsed() < PULSE.min(Duration::from_secs(1)) {
            return Ok(());
        }
        self.noted = Instant::now();
        let on_wire = self.link.as_ref().and_then(|link| {
            let packs = link.outbox.iter().filter_map(|sent| match sent {
                Sent::Pack(part) => Some(part.whole.taken),
                Sent::Other => None,
            });
            packs.min()
        });
        let next = match &mut self.lanes {
            Some(lanes) if lanes.backlog_left() => {
                self.with_lanes(|lanes| lanes.oldest_head(Lane::Backlog))
                    .await?
            }
            Some(_) => self.with_lanes(Lanes::live_since).await?,
            None => None,
        };
        let oldest = [on_wire, next].into_iter().flatten().min();
        self.parts.figures.set_oldest(oldest);
        Ok(())
    }

    pub(super) fn send(&mut self, lane: Lane, pack: Pack) {
        let config = Arc::clone(&self.parts.config.borrow());
        let Some(most) = self.link.as_ref().map(|link| link.most) else {
            return;
        };
        let topic = match pack.kind {
            Kind::Readings => format!("{}/{}/readings", config.prefix(), pack.device),
            Kind::Alarms => format!("{}/{}/alarms", config.prefix(), pack.device),
        };
        if lane == Lane::Live && config.mirror.enabled {
            self.mirror(&config, &pack);
        }
        let device = pack.device.clone();
        let (positions, records, taken) = (pack.positions.clone(), pack.records.len(), pack.taken);
        let (payloads, too_large) = encode(pack, &config.hash, config.server.format, most);
        for record in &too_large {
            let state = &self.parts.state;
            match aside::put(state, &device, record) {
                Ok(true) => {
                    self.parts.figures.too_large.fetch_add(1, Ordering::Relaxed);
                }
                Ok(false) => {}
                Err(error) => {
                    // All of it stays in the spool.
                    self.held.hold(&device, Instant::now());
                    tracing::error!(%error, device, "a record too large for the server cannot be put aside");
                    return;
                }
            }
        }
        let whole = Arc::new(Whole {
            positions,
            records,
            taken,
            left: AtomicUsize::new(payloads.len()),
        });
        if payloads.is_empty() {
            for position in &whole.positions {
                self.parts.spool.acknowledge(*position);
            }
            return;
        }
        let content_type = match config.server.format {
            crate::cli::Format::Json => wardline_normalize::senml::JSON,
            crate::cli::Format::Cbor => wardline_normalize::senml::CBOR,
        };
        for payload in payloads {
            let part = Part {
                lane,
                device: device.clone(),
                whole: Arc::clone(&whole),
                bytes: payload.len(),
                at: Instant::now(),
            };
            let sent = Sent::Pack(part);
            if !self.publish(sent, &topic, payload.into(), content_type, false) {
                // It is read again once what is on the wire is answered.
                self.rewind = true;
                return;
            }
            self.last = lane;
            match lane {
                Lane::Live => self.live.in_flight += 1,
                Lane::Backlog => self.backlog.in_flight += 1,
            }
        }
    }
}

impl Pace {
    pub(super) fn adapt(&mut self, took: Duration) {
        if took < SLOW {
            self.packs = self.packs.saturating_add(1).min(BESIDE_WINDOW * 256);
        } else if self.slowed.elapsed() > took {
            // Once for all that was on the wire together.
            self.packs = (self.packs / 2).max(1);
            self.slowed = Instant::now();
        }
    }
}
