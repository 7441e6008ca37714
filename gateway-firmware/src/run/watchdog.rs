//! Whether everything gets on: each part beats when its loop gets round, and the service manager hears of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

use super::context::{PULSE, Pulse};
use crate::clock::Clock;

/// A part that has not beaten for longer is stuck: a sync may take seconds on a worn card, not this long.
const STUCK: Duration = PULSE.saturating_mul(6);

/// The pulses of all parts that run.
#[derive(Debug, Clone)]
pub(crate) struct Pulses {
    clock: Clock,
    all: Arc<Mutex<Vec<(&'static str, Pulse)>>>,
}

impl Pulses {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            all: Arc::default(),
        }
    }

    /// A part's pulse, in place of one that it had before.
    pub(super) fn add(&self, name: &'static str) -> Pulse {
        let pulse = Pulse::new(self.clock.clone());
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, _)| *known != name);
        all.push((name, pulse.clone()));
        pulse
    }

    /// Parts that do not get on, and for how long.
    pub(super) fn stuck(&self) -> Vec<(&'static str, Duration)> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(name, pulse)| (*name, pulse.age()))
            .filter(|(_, age)| *age > STUCK)
            .collect()
    }
}

/// Feeds the service manager's watchdog while nothing is stuck, until the end.
pub(super) async fn feed(pulses: Pulses, end: CancellationToken) {
    let watched = sd_notify::watchdog_enabled();
    let every = watched.map_or(PULSE, |limit| (limit / 3).min(PULSE));
    let mut said = false;
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
        let stuck = pulses.stuck();
        if stuck.is_empty() {
            said = false;
            if watched.is_some() {
                super::notify(&[NotifyState::Watchdog]);
            }
        } else if !said {
            said = true;
            tracing::error!(?stuck, "a part does not get on");
        }
    }
}
