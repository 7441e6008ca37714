//! Alarm channels that are alive: a monitor that says so at intervals (IHE PCD-04 with priority PN), and is missed when
//! it no longer does.
//!
//! * Whatever alarm message comes from a device proves that its channel works; a heartbeat is one with nothing else in
//!   it.
//! * Silence longer than the source's `heartbeat` starts a technical alarm of our own; the next sign of life ends it.
//! * A heartbeat with state `inactive` is the last one of a planned shutdown: the device is no longer watched, until it
//!   is heard again.
//! * A device is watched from its first heartbeat, those of `heartbeat-devices` from the start. The first sign of life
//!   of a process also ends an alarm that an earlier process may have left open; where none is open, that says nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Devices watched at most: beyond it a new one is not watched, and that is said.
const MOST_DEVICES: usize = 10_000;

/// What a device did or did not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// A heartbeat.
    Beat,
    /// An alarm of its own: the channel works.
    Alarm,
    /// The last heartbeat before a planned shutdown.
    Farewell,
}

/// What is to be told of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Missing { device: String },
    Heard { device: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Not heard since the start.
    Expected(Instant),
    Alive(Instant),
    Missing,
    Stopped,
}

/// The alarm channels of one source.
#[derive(Debug)]
pub(crate) struct Watch {
    silence: Duration,
    devices: BTreeMap<String, State>,
}

impl Watch {
    pub(crate) fn new(silence: Duration, expected: &[String], now: Instant) -> Self {
        let expected = expected.iter().cloned();
        Self {
            silence,
            devices: expected
                .map(|device| (device, State::Expected(now)))
                .collect(),
        }
    }

    /// A sign of life; what it changes.
    pub(crate) fn hear(&mut self, device: &str, sign: Sign, now: Instant) -> Option<Change> {
        let before = self.devices.get(device).copied();
        let known = before.is_some();
        if !known && (sign != Sign::Beat || self.devices.len() >= MOST_DEVICES) {
            return None;
        }
        let after = match sign {
            Sign::Farewell => State::Stopped,
            // A stopped device's late alarm does not promise heartbeats.
            Sign::Alarm if before == Some(State::Stopped) => State::Stopped,
            Sign::Beat | Sign::Alarm => State::Alive(now),
        };
        self.devices.insert(device.to_owned(), after);
        match before {
            None | Some(State::Expected(_) | State::Missing) => Some(Change::Heard {
                device: device.to_owned(),
            }),
            Some(State::Alive(_) | State::Stopped) => None,
        }
    }

    /// Devices that have been silent for too long.
    pub(crate) fn missing(&mut self, now: Instant) -> Vec<Change> {
        let mut changes = Vec::new();
        for (device, state) in &mut self.devices {
            let (State::Expected(last) | State::Alive(last)) = *state else {
                continue;
            };
            if now.saturating_duration_since(last) > self.silence {
                *state = State::Missing;
                changes.push(Change::Missing {
                    device: device.clone(),
                });
            }
        }
        changes
    }

    /// The spool did not take it: to be told again.
    pub(crate) fn not_told(&mut self, change: &Change, now: Instant) {
        let (device, state) = match change {
            Change::Missing { device } => (device, State::Expected(now - self.silence)),
            Change::Heard { device } => (device, State::Expected(now)),
        };
        self.devices.insert(device.clone(), state);
    }

    pub(crate) fn watched(&self) -> usize {
        self.devices.len()
    }

    pub(crate) fn silent(&self) -> usize {
        self.devices
            .values()
            .filter(|state| **state == State::Missing)
            .count()
    }
}

#[cfg(test)]
mod tests;
