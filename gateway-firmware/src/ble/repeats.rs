//! Values that were taken already.
//!
//! Devices without a record-access point send their backlog again at each connection, and BlueZ repeats a value now
//! and then. A value is known by (characteristic, instance, raw bytes); the device is the owner of this memory, and
//! time stamp, sequence number and user are part of the bytes. What carries neither stamp nor number may well be the
//! same twice: there, only a repeat within [`ECHO`] counts, which no radio link is fast enough for.

use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// Values remembered per device: more than any meter's memory (ble.md: 500 records are many).
const REMEMBERED: usize = 4_096;

/// BlueZ's repeats come at once; a device's next value comes a connection interval (7.5 ms) later at the earliest.
const ECHO: Duration = Duration::from_millis(5);

/// The last values of one device.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    known: HashSet<[u8; 16]>,
    order: VecDeque<[u8; 16]>,
    last: Option<([u8; 16], Instant)>,
}

/// Identity of a value.
pub(crate) fn key(characteristic: u16, instance: usize, raw: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(characteristic.to_be_bytes());
    hash.update(instance.to_be_bytes());
    hash.update(raw);
    let mut key = [0; 16];
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

impl Repeats {
    /// Whether this value was taken before. `dated`: it carries a time stamp or a sequence number of the device's.
    pub(crate) fn is_known(&mut self, key: [u8; 16], dated: bool, now: Instant) -> bool {
        let echo = self
            .last
            .is_some_and(|(last, at)| last == key && now.duration_since(at) < ECHO);
        if !echo {
            self.last = Some((key, now));
        }
        echo || (dated && self.known.contains(&key))
    }

    /// Remembers a value that is safe now.
    pub(crate) fn remember(&mut self, key: [u8; 16]) {
        if !self.known.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dated_value_is_taken_once_and_an_undated_one_as_often_as_it_comes() {
        let mut repeats = Repeats::default();
        let t = Instant::now();
        let record = key(0x2A35, 0, &[1, 2, 3]);
        assert!(!repeats.is_known(record, true, t));
        repeats.remember(record);
        assert!(repeats.is_known(record, true, t + Duration::from_secs(86_400)));

        let beat = key(0x2A37, 0, &[0, 60]);
        assert!(!repeats.is_known(beat, false, t));
        repeats.remember(beat);
        assert!(
            repeats.is_known(beat, false, t + Duration::from_millis(1)),
            "BlueZ's echo"
        );
        assert!(
            !repeats.is_known(beat, false, t + Duration::from_secs(1)),
            "the next beat"
        );
    }

    #[test]
    fn what_was_not_stored_is_not_known() {
        let mut repeats = Repeats::default();
        let t = Instant::now();
        let record = key(0x2A35, 0, &[1]);
        assert!(!repeats.is_known(record, true, t));
        assert!(!repeats.is_known(record, true, t + Duration::from_secs(1)));
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut repeats = Repeats::default();
        for number in 0..=REMEMBERED {
            repeats.remember(key(0x2A18, 0, &number.to_be_bytes()));
        }
        assert_eq!(repeats.known.len(), REMEMBERED);
        let t = Instant::now();
        assert!(!repeats.is_known(key(0x2A18, 0, &0_usize.to_be_bytes()), true, t));
        assert!(repeats.is_known(key(0x2A18, 0, &REMEMBERED.to_be_bytes()), true, t));
    }
}
