//! Devices that the server does not want for now. Pure but for the instants it is given.
//!
//! A device is held back for [`FIRST`], and twice as long each further time up to [`MOST`]; a pack of it that the server
//! takes makes it an ordinary one again. After a DISCONNECT for a quota it is plain whose pack was the cause if only one
//! device had any on the wire; else what was on the wire goes out again one pack at a time, and the next DISCONNECT says.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::spool::Position;

const FIRST: Duration = Duration::from_secs(300);
const MOST: Duration = Duration::from_secs(3_600);
/// One at a time is slow: what was not found by then is looked for anew when it shows again.
const CAREFUL: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct Held {
    devices: HashMap<String, Hold>,
    /// Entries one of which made the server end the connection, and until when they are looked at one by one.
    suspects: HashMap<Position, String>,
    careful: Option<Instant>,
}

#[derive(Debug)]
struct Hold {
    until: Instant,
    wait: Duration,
    /// Not yet over.
    on: bool,
}

impl Held {
    pub(super) fn contains(&self, device: &str) -> bool {
        self.devices.get(device).is_some_and(|hold| hold.on)
    }

    /// All that are held back now.
    pub(super) fn devices(&self) -> HashSet<String> {
        let held = self.devices.iter().filter(|(_, hold)| hold.on);
        held.map(|(device, _)| device.clone()).collect()
    }

    /// Holds a device back; whether it was not before.
    pub(super) fn hold(&mut self, device: &str, now: Instant) -> bool {
        self.suspects.retain(|_, suspect| suspect != device);
        match self.devices.get_mut(device) {
            Some(hold) if hold.on => false,
            Some(hold) => {
                hold.wait = (hold.wait * 2).min(MOST);
                hold.until = now + hold.wait;
                hold.on = true;
                true
            }
            None => {
                let hold = Hold {
                    until: now + FIRST,
                    wait: FIRST,
                    on: true,
                };
                self.devices.insert(device.to_owned(), hold);
                true
            }
        }
    }

    /// Whether any is to be tried again.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        let mut any = false;
        for hold in self.devices.values_mut().filter(|hold| hold.on) {
            hold.on = hold.until > now;
            any |= !hold.on;
        }
        if self.careful.is_some_and(|until| until <= now) {
            self.careful = None;
            self.suspects.clear();
        }
        any
    }

    /// The server has taken a pack.
    pub(super) fn delivered(&mut self, device: &str, positions: &[Position]) {
        if self.devices.get(device).is_some_and(|hold| !hold.on) {
            self.devices.remove(device);
        }
        for position in positions {
            self.suspects.remove(position);
        }
    }

    /// Whether only one pack may be on the wire.
    pub(super) fn careful(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// The server ended the connection over a quota, with these packs on the wire; the device that is held back for it,
    /// if it is known.
    pub(super) fn sent_away<'a>(
        &mut self,
        on_wire: impl Iterator<Item = (&'a str, &'a [Position])>,
        now: Instant,
    ) -> Option<String> {
        let packs: Vec<_> = on_wire.collect();
        let (device, _) = *packs.first()?;
        if packs.iter().all(|(other, _)| *other == device) {
            self.hold(device, now);
            return Some(device.to_owned());
        }
        self.careful = Some(now + CAREFUL);
        for (device, positions) in packs {
            let suspects = positions.iter().map(|at| (*at, device.to_owned()));
            self.suspects.extend(suspects);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: u64) -> [Position; 1] {
        [Position { class: 2, number }]
    }

    #[test]
    fn a_device_is_held_back_longer_each_time_until_the_server_takes_it() {
        let mut held = Held::default();
        let mut now = Instant::now();
        for minutes in [5, 10, 20, 40, 60, 60] {
            assert!(held.hold("d", now) && !held.hold("d", now));
            let wait = Duration::from_secs(minutes * 60);
            assert!(!held.expire(now + wait - Duration::from_secs(1)) && held.contains("d"));
            now += wait;
            assert!(held.expire(now) && !held.contains("d"));
        }
        held.delivered("d", &at(1));
        held.hold("d", now);
        assert!(held.expire(now + FIRST));
    }

    #[test]
    fn after_a_disconnect_packs_go_one_by_one_until_the_cause_is_known() {
        let mut held = Held::default();
        let now = Instant::now();
        let (one, two, three) = (at(1), at(2), at(3));
        let packs = [("a", &one[..]), ("b", &two[..]), ("c", &three[..])];
        assert_eq!(held.sent_away(packs.into_iter(), now), None);
        assert!(held.careful() && held.devices().is_empty());
        held.delivered("a", &one);
        let found = held.sent_away([packs[1]].into_iter(), now);
        assert_eq!(found.as_deref(), Some("b"));
        assert!(held.contains("b") && !held.contains("c") && held.careful());
        held.delivered("c", &three);
        assert!(!held.careful());
        assert_eq!(held.sent_away(std::iter::empty(), now), None);
        assert!(!held.careful());
    }
}
