//! The seam between what reads devices (`ble`, `mllp`) and what keeps and publishes (`spool`, `publish`).
//!
//! A source hands over readings and waits: when [`Intake::put`] returns `Ok`, they are synced on disk and the source
//! may confirm them to whoever sent them. Nothing that was confirmed is ever dropped.

use tokio::sync::{mpsc, oneshot, watch};
use wardline_normalize::senml::Record;
use wardline_normalize::time::Micros;

/// Puts waiting for the spool's task: a sync takes a few milliseconds, and a source waits for its own.
pub(crate) const PUTS: usize = 1_024;

/// When the gateway took something, on both of its clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Wall clock.
    pub(crate) wall: Micros,
    /// Microseconds since boot, sleep included (CLOCK_BOOTTIME): orders and dates what was taken before the first
    /// synchronisation of the wall clock.
    pub(crate) since_boot: Micros,
    /// Whether the wall clock was synchronised.
    pub(crate) synchronized: bool,
}

/// Where the records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `…/{device}/readings`.
    Readings,
    /// `…/{device}/alarms`.
    Alarms,
}

/// What happens when the spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Unconfirmed waveform: dropped first, oldest first, counted.
    Waveform,
    /// Unconfirmed stream: dropped next, oldest first, counted.
    Stream,
    /// The source is told that it was taken, and may forget it: never dropped; refused when there is no room.
    Confirmed,
}

/// Records of one device, taken at one moment, published in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Readings {
    /// Id in the topic, `[A-Za-z0-9.-]{1,64}`.
    pub(crate) device: String,
    pub(crate) kind: Kind,
    pub(crate) class: Class,
    pub(crate) taken: Taken,
    /// At least one. `time` is the corrected time of the reading; where the gateway's clock gave it
    /// (`by_gateway_clock`), it is `taken.wall`'s and is dated anew if that clock was not synchronised yet.
    pub(crate) records: Vec<Record>,
    /// Whether the records' `time` came from the gateway's clock: stamped on reception, or a device time corrected
    /// by an offset against it.
    pub(crate) by_gateway_clock: bool,
}

/// Why readings were not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// There is no room now; later there may be.
    #[error("the spool is full")]
    Full,
    /// The spool failed or the gateway is ending; this process takes nothing more.
    #[error("the spool takes nothing more")]
    Ended,
}

/// One put and who waits for it.
#[derive(Debug)]
pub(crate) struct Put {
    pub(crate) readings: Vec<Readings>,
    pub(crate) reply: oneshot::Sender<Result<(), Refused>>,
}

/// A source's handle to the spool.
#[derive(Debug, Clone)]
pub(crate) struct Intake {
    puts: mpsc::Sender<Put>,
    room: watch::Receiver<bool>,
}

impl Intake {
    /// A handle, and the end that the spool takes puts from; `room` says whether confirmed readings are taken.
    pub(crate) fn new(room: watch::Receiver<bool>) -> (Self, mpsc::Receiver<Put>) {
        let (puts, queue) = mpsc::channel(PUTS);
        (Self { puts, room }, queue)
    }

    /// Resolves when the readings are synced, all of them or none.
    pub(crate) async fn put(&self, readings: Vec<Readings>) -> Result<(), Refused> {
        let (reply, kept) = oneshot::channel();
        self.puts
            .send(Put { readings, reply })
            .await
            .map_err(|_| Refused::Ended)?;
        kept.await.unwrap_or(Err(Refused::Ended))
    }

    /// Whether there is room for confirmed readings; changes wake the receiver. Devices that forget what they were
    /// confirmed are not connected to while there is none.
    pub(crate) fn room(&self) -> watch::Receiver<bool> {
        self.room.clone()
    }
}
