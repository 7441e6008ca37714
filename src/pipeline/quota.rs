//! How much one device may put into quarantine on one day, so that a broken one cannot fill the disk.

use std::collections::{HashMap, HashSet};

use wardline_normalize::time::Micros;

const DAY: Micros = 86_400_000_000;

/// Devices counted at once; the least used half is forgotten when more come on one day.
const DEVICES: usize = 10_000;

/// The bounds (design 5.1: 1,000 messages or 50 MB).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) messages: u32,
    pub(crate) bytes: u64,
}

/// What to do with a rejected message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// Keep it.
    Keep,
    /// The same bytes were kept today: acknowledge and count.
    Repeat,
    /// Over the bound for the first time today: refuse, and tell people.
    Full,
    /// Over the bound again: refuse.
    StillFull,
}

#[derive(Debug, Default)]
struct Device {
    messages: u32,
    bytes: u64,
    seen: HashSet<u64>,
    told: bool,
}

#[derive(Debug)]
pub(crate) struct Quota {
    limits: Limits,
    day: i64,
    devices: HashMap<String, Device>,
}

impl Quota {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, day: i64::MIN, devices: HashMap::new() }
    }

    /// Asks for room for one rejected message, `hash` being that of its payload.
    pub(crate) fn room(&mut self, device: &str, received: Micros, hash: u64, bytes: usize) -> Room {
        let day = received.div_euclid(DAY);
        if day != self.day {
            self.day = day;
            self.devices.clear();
        }
        if self.devices.len() >= DEVICES && !self.devices.contains_key(device) {
            self.forget_half();
        }
        let entry = self.devices.entry(device.to_owned()).or_default();
        if entry.seen.contains(&hash) {
            return Room::Repeat;
        }
        let after = entry.bytes.saturating_add(bytes as u64);
        if entry.messages >= self.limits.messages || after > self.limits.bytes {
            return if std::mem::replace(&mut entry.told, true) { Room::StillFull } else { Room::Full };
        }
        entry.messages += 1;
        entry.bytes = after;
        entry.seen.insert(hash);
        Room::Keep
    }

    fn forget_half(&mut self) {
        let mut counts: Vec<u32> = self.devices.values().map(|device| device.messages).collect();
        let middle = counts.len() / 2;
        let (_, median, _) = counts.select_nth_unstable(middle);
        let median = *median;
        self.devices.retain(|_, device| device.messages > median || device.told);
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Limits, Quota, Room};

    fn quota() -> Quota {
        Quota::new(Limits { messages: 2, bytes: 100 })
    }

    #[test]
    fn identical_payloads_count_once() {
        let mut quota = quota();
        assert_eq!(quota.room("d", 0, 1, 10), Room::Keep);
        assert_eq!(quota.room("d", 0, 1, 10), Room::Repeat);
        assert_eq!(quota.room("d", 0, 2, 10), Room::Keep);
    }

    #[test]
    fn the_bound_is_per_device_and_day_and_told_once() {
        let mut quota = quota();
        for hash in 0..2 {
            assert_eq!(quota.room("d", 0, hash, 10), Room::Keep);
        }
        assert_eq!(quota.room("d", 0, 2, 10), Room::Full);
        assert_eq!(quota.room("d", 0, 3, 10), Room::StillFull);
        assert_eq!(quota.room("e", 0, 3, 10), Room::Keep);
        assert_eq!(quota.room("d", DAY, 3, 10), Room::Keep);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut quota = quota();
        assert_eq!(quota.room("d", 0, 1, 90), Room::Keep);
        assert_eq!(quota.room("d", 0, 2, 20), Room::Full);
    }

    #[test]
    fn many_devices_do_not_grow_the_table() {
        let mut quota = quota();
        for device in 0..3 * super::DEVICES {
            quota.room(&device.to_string(), 0, 1, 1);
        }
        assert!(quota.devices.len() <= super::DEVICES);
    }
}
