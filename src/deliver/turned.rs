//! Clocks of the outbox's worker.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use wardline_normalize::time::Micros;

use super::retry::micros;

/// When the worker looked into the outbox last, so that others notice when it does not any more.
#[derive(Debug)]
pub(crate) struct Turned(Mutex<Instant>);

impl Default for Turned {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Turned {
    pub(super) fn now(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(super) fn elapsed(&self) -> Duration {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.elapsed()
    }

    #[cfg(test)]
    pub(super) fn before(&self, ago: Duration) {
        let past = Instant::now().checked_sub(ago).unwrap();
        *self.0.lock().unwrap() = past;
    }
}

/// A step that is none: clocks are read one after the other, and slewed.
const SLACK: Micros = 2_000_000;

/// The wall clock beside one that nobody sets.
#[derive(Debug)]
pub(super) struct Wall {
    wall: Micros,
    at: Instant,
}

impl Wall {
    pub(super) fn new(wall: Micros) -> Self {
        let at = Instant::now();
        Self { wall, at }
    }

    /// Whether the wall clock was set back since the last look.
    pub(super) fn set_back(&mut self, now: Micros) -> bool {
        let expected = self.wall + micros(self.at.elapsed());
        *self = Self::new(now);
        now < expected - SLACK
    }
}

#[cfg(test)]
mod tests {
    use super::Wall;

    #[test]
    fn a_step_back_is_seen_once_and_a_step_forward_is_none() {
        let mut wall = Wall::new(1_000_000_000);
        assert!(!wall.set_back(1_000_000_000), "it has hardly moved");
        assert!(!wall.set_back(9_000_000_000));
        assert!(wall.set_back(8_000_000_000));
        assert!(!wall.set_back(8_000_000_000));
    }
}
