//! The gateway's two clocks, read here and nowhere else.
//!
//! * The wall clock may be wrong until something sets it (a Raspberry Pi has no battery clock), and may be set at any
//!   time. Whether it is synchronised is asked of the system (`sync`), and stands in every pack.
//! * Time since boot never jumps. It dates what was taken before the first synchronisation, once that has happened
//!   (`stamp`), and what is taken while the wall clock is not to be believed (`judge`, which states what happens when
//!   the clock is set by a day).

mod judge;
mod stamp;
mod sync;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use wardline_normalize::time::Micros;

use crate::source::Taken;
use judge::Judge;
pub(crate) use stamp::Stamper;
pub(crate) use sync::watch;

/// The kernel's id of this boot: times since boot compare within it alone.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Seconds since boot, sleep included, in hundredths.
const UPTIME: &str = "/proc/uptime";
/// Less than this between the clocks is the resolution of [`UPTIME`], more is sleep.
const SLEPT: Micros = 50_000;

/// The wall clock as the system has it.
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
    judge: Mutex<Judge>,
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
            judge: Mutex::default(),
        })))
    }

    /// The time to date things with: the wall clock, or what it would be had nobody set it (`judge`).
    pub(crate) fn now(&self) -> Taken {
        let (wall, since_boot) = (now(), self.since_boot());
        let mut judge = self.judge();
        let steps = judge.steps();
        let taken = judge.judge(wall, since_boot);
        if judge.steps() > steps {
            let by = wall.wrapping_sub(taken.wall) / 1_000_000;
            tracing::warn!(
                seconds = by,
                "the clock was set; it is not followed until it is synchronised"
            );
        }
        taken
    }

    /// The kernel's id of this boot.
    pub(crate) fn boot(&self) -> &str {
        &self.0.boot
    }

    /// What the system says of the wall clock.
    pub(crate) fn set_synchronized(&self, synchronized: bool) {
        let since_boot = self.since_boot();
        let known = {
            let mut judge = self.judge();
            let known = judge.synchronized();
            judge.told(now(), since_boot, synchronized);
            known
        };
        match (known, synchronized) {
            (false, true) => tracing::info!("the clock is synchronised"),
            (true, false) => tracing::warn!("the clock is no longer synchronised"),
            _ => {}
        }
    }

    /// Wall clock minus time since boot, when it was last synchronised in this boot.
    pub(crate) fn anchor(&self) -> Option<Micros> {
        self.judge().anchor()
    }

    /// How often the clock was seen to jump.
    pub(crate) fn steps(&self) -> u64 {
        self.judge().steps()
    }

    /// Time that the machine slept since the last call is time since boot too.
    pub(crate) fn count_sleep(&self) -> std::io::Result<()> {
        let missed = uptime()? - self.since_boot();
        if missed > SLEPT {
            self.0.since_boot.fetch_add(missed, Ordering::Relaxed);
        }
        Ok(())
    }

    fn judge(&self) -> MutexGuard<'_, Judge> {
        self.0.judge.lock().unwrap_or_else(PoisonError::into_inner)
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
        assert!(!clock.boot().is_empty() && clock.anchor().is_some());
    }
}
