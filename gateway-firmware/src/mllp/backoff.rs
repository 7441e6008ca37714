//! Waits between tries: doubled each time, and never the same for two gateways that lost one server.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
/// A server that comes back is found again within this time.
const MOST: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        Self { next: FIRST }
    }

    pub(crate) fn reset_if(&mut self, good: bool) {
        if good {
            self.next = FIRST;
        }
    }

    /// From half of the wait to all of it, drawn by lot.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(MOST);
        wait.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_start_again() {
        let mut backoff = Backoff::new();
        let mut most = FIRST;
        for _ in 0..10 {
            let wait = backoff.next();
            assert!(wait >= most / 2 && wait <= most, "{wait:?}");
            most = (most * 2).min(MOST);
        }
        backoff.reset_if(false);
        assert!(backoff.next() >= MOST / 2);
        backoff.reset_if(true);
        assert!(backoff.next() <= FIRST);
    }
}
