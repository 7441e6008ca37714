//! What could not be read is kept for the server's quarantine, within bounds.
//!
//! It goes out as a record named `hl7v2` with the reason as text and the message's bytes as `rw`: no metric has that
//! name, so the server quarantines it with reason, topic, time and bytes. A monitor that says something without meaning
//! says it every second, and the server's quarantine has a bound per device and day; so of each kind of fault of a
//! device one message an hour is kept, and everything is counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use wardline_normalize::senml::{Record, RecordValue};
use wardline_normalize::time::Micros;

/// One message for a kind of fault in this time.
const EVERY: Duration = Duration::from_secs(3_600);
/// Kinds of faults remembered, over all devices; beyond it none is kept until some are forgotten.
const MOST_KINDS: usize = 10_000;
/// Longest reason, in characters: the first faults of a message tell the rest.
const MOST_REASON: usize = 1_000;

/// Which faults were kept lately.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<HashMap<(String, String), Instant>>);

impl Kept {
    /// Whether a fault of this kind is kept now; if so, no other for an hour.
    pub(crate) fn due(&self, device: &str, fault: &str, now: Instant) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (device.to_owned(), fault.to_owned());
        if kept.get(&key).is_some_and(|last| now - *last < EVERY) {
            return false;
        }
        if kept.len() >= MOST_KINDS {
            kept.retain(|_, last| now - *last < EVERY);
            if kept.len() >= MOST_KINDS {
                return false;
            }
        }
        kept.insert(key, now);
        true
    }

    /// It was not kept after all.
    pub(crate) fn forget(&self, device: &str, fault: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&(device.to_owned(), fault.to_owned()));
    }
}

/// The record that carries what could not be read.
pub(crate) fn record(reason: &str, message: &[u8], at: Micros) -> Record {
    let reason = reason.chars().take(MOST_REASON).collect();
    let mut record = Record::new("hl7v2", RecordValue::Text(reason), at);
    record.raw = Some(message.to_vec());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_is_kept_in_an_hour() {
        let (kept, now) = (Kept::default(), Instant::now());
        assert!(kept.due("m1", "OBX-6", now));
        assert!(!kept.due("m1", "OBX-6", now + EVERY / 2));
        assert!(kept.due("m2", "OBX-6", now) && kept.due("m1", "OBX-3", now));
        assert!(kept.due("m1", "OBX-6", now + EVERY));
        kept.forget("m1", "OBX-6");
        assert!(kept.due("m1", "OBX-6", now + EVERY));
        for number in 0..2 * MOST_KINDS {
            kept.due("m3", &number.to_string(), now + EVERY * 2);
        }
        assert!(kept.0.lock().unwrap().len() <= MOST_KINDS);
    }
}
