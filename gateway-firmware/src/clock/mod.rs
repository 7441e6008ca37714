//! The gateway's two clocks, read here and nowhere else.
//!
//! * The wall clock may be wrong until something sets it (a Raspberry Pi has no battery clock), and may be set at any
//!   time. Whether it is synchronised is asked of the system now and then (`sync`), and stands in every pack.
//! * Time since boot never jumps. What was taken before the first synchronisation is dated by it afterwards
//!   (`stamp`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use wardline_normalize::time::Micros;

use crate::source::Taken;

/// The kernel's id of this boot: times since boot compare within it alone.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Seconds since boot, sleep included, in hundredths.
const UPTIME: &str = "/proc/uptime";
/// Less than this between the clocks is the resolution of [`UPTIME`], more is sleep.
const SLEPT: Micros = 50_000;

/// The wall clock.
pub(crate) fn now() -> Micros {
    // A clock before 1970 or after 292,000 is none; its readings are quarantined by the server.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| Micros::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}

/// Both clocks of this boot. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Clock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    boot: String,
    /// The process's monotonic clock, which stands still while the machine sleeps, …
    start: Instant,
    /// … and what to add to it: time since boot at `start`, and later sleep.
    since_boot: AtomicI64,
    synchronized: watch::Sender<bool>,
}

impl Clock {
    /// Not synchronised until it is told so.
    pub(crate) fn new() -> std::io::Result<Self> {
        let boot = std::fs::read_to_string(BOOT_ID)?.trim().to_owned();
        let start = Instant::now();
        Ok(Self(Arc::new(Shared {
            boot,
            start,
            since_boot: AtomicI64::new(uptime()?),
            synchronized: watch::Sender::new(false),
        })))
    }

    pub(crate) fn now(&self) -> Taken {
        Taken {
            wall: now(),
            since_boot: self.since_boot(),
            synchronized: *self.0.synchronized.borrow(),
        }
    }

    /// The kernel's id of this boot.
    pub(crate) fn boot(&self) -> &str {
        &self.0.boot
    }

    /// Whether the wall clock is synchronised; changes wake the receiver.
    pub(crate) fn synchronized(&self) -> watch::Receiver<bool> {
        self.0.synchronized.subscribe()
    }

    /// What the system says of the wall clock.
    pub(crate) fn set_synchronized(&self, synchronized: bool) {
        self.0.synchronized.send_if_modified(|known| {
            let changed = *known != synchronized;
            *known = synchronized;
            changed
        });
    }

    /// Time that the machine slept since the last call is time since boot too.
    pub(crate) fn count_sleep(&self) -> std::io::Result<()> {
        let missed = uptime()? - self.since_boot();
        if missed > SLEPT {
            self.0.since_boot.fetch_add(missed, Ordering::Relaxed);
        }
        Ok(())
    }

    fn since_boot(&self) -> Micros {
        micros(self.0.start.elapsed()) + self.0.since_boot.load(Ordering::Relaxed)
    }
}

fn uptime() -> std::io::Result<Micros> {
    let text = std::fs::read_to_string(UPTIME)?;
    let seconds = text.split_whitespace().next().and_then(|first| {
        let (seconds, hundredths) = first.split_once('.')?;
        let (seconds, hundredths): (Micros, Micros) =
            (seconds.parse().ok()?, hundredths.parse().ok()?);
        Some(seconds * 1_000_000 + hundredths * 10_000)
    });
    seconds.ok_or_else(|| std::io::Error::other(format!("{UPTIME} has no seconds")))
}

/// A duration as microseconds; 292,000 years at most.
pub(crate) fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_since_boot_goes_on_and_the_state_is_what_was_told() {
        let clock = Clock::new().unwrap();
        let first = clock.now();
        assert!(!first.synchronized && first.since_boot > 0 && first.wall > 0);
        clock.set_synchronized(true);
        clock.count_sleep().unwrap();
        let second = clock.now();
        assert!(second.synchronized && second.since_boot >= first.since_boot);
        assert!(!clock.boot().is_empty());
    }
}
