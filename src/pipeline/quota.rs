//! How much one device may put into quarantine on one day, so that a broken one cannot fill the disk.

use std::collections::{HashMap, HashSet};

use arrow::datatypes::DataType;
use arrow_array::cast::AsArray as _;
use arrow_array::{Array as _, RecordBatch};
use futures::StreamExt as _;
use wardline_normalize::time::{Micros, format_rfc3339};
use wardline_store::{Error, Store};

use super::QUOTA_REASON;

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

/// Whose quota a message counts against: its device's, else that of its topic.
pub(crate) fn owner<'a>(device: Option<&'a str>, topic: &'a str) -> &'a str {
    device.unwrap_or(topic)
}

/// What tells one payload from another.
pub(crate) fn hash(payload: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(payload)
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
        Self {
            limits,
            day: 0,
            devices: HashMap::new(),
        }
    }

    /// With what was kept today before this process started: a restart gives nobody new room.
    pub(crate) async fn recall(limits: Limits, store: &Store, now: Micros) -> Result<Self, Error> {
        let mut quota = Self {
            day: now.div_euclid(DAY),
            ..Self::new(limits)
        };
        let midnight = format_rfc3339(quota.day * DAY);
        let query = format!(
            "SELECT device_id, topic, reason, payload FROM quarantine WHERE received >= TIMESTAMP '{midnight}'"
        );
        let mut batches = store.sql_stream(&query).await?;
        while let Some(batch) = batches.next().await {
            quota.learn(&batch?)?;
        }
        Ok(quota)
    }

    fn learn(&mut self, kept: &RecordBatch) -> Result<(), Error> {
        let text = |index: usize| arrow::compute::cast(kept.column(index), &DataType::Utf8);
        let (devices, topics, reasons) = (text(0)?, text(1)?, text(2)?);
        let payloads = arrow::compute::cast(kept.column(3), &DataType::Binary)?;
        let (devices, topics) = (devices.as_string::<i32>(), topics.as_string::<i32>());
        let (reasons, payloads) = (reasons.as_string::<i32>(), payloads.as_binary::<i32>());
        for row in 0..kept.num_rows() {
            let device = devices.is_valid(row).then(|| devices.value(row));
            let entry = self
                .devices
                .entry(owner(device, topics.value(row)).to_owned())
                .or_default();
            let payload = payloads.value(row);
            if reasons.value(row) == QUOTA_REASON {
                entry.told = true;
            } else if entry.seen.insert(hash(payload)) {
                entry.messages += 1;
                entry.bytes += payload.len() as u64;
            }
        }
        Ok(())
    }

    /// Asks for room for one rejected message, `hash` being that of its payload.
    pub(crate) fn room(&mut self, device: &str, received: Micros, hash: u64, bytes: usize) -> Room {
        let day = received.div_euclid(DAY);
        // Messages read just before midnight come just after; only a clock that was set brings older days.
        if day > self.day || day < self.day - 1 {
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
            return if std::mem::replace(&mut entry.told, true) {
                Room::StillFull
            } else {
                Room::Full
            };
        }
        entry.messages += 1;
        entry.bytes = after;
        entry.seen.insert(hash);
        Room::Keep
    }

    fn forget_half(&mut self) {
        let mut counts: Vec<u32> = self
            .devices
            .values()
            .map(|device| device.messages)
            .collect();
        let middle = counts.len() / 2;
        let (_, median, _) = counts.select_nth_unstable(middle);
        let median = *median;
        self.devices
            .retain(|_, device| device.messages > median || device.told);
        if self.devices.len() >= DEVICES {
            // All have used theirs up: new room for some, or the table grows without bound.
            let mut places = 0..DEVICES / 2;
            self.devices.retain(|_, _| places.next().is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DAY, Limits, Quota, Room};

    fn quota() -> Quota {
        Quota::new(Limits {
            messages: 2,
            bytes: 100,
        })
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
    fn a_late_message_of_yesterday_gives_no_new_room() {
        let mut quota = quota();
        for hash in 0..2 {
            assert_eq!(quota.room("d", DAY, hash, 10), Room::Keep);
        }
        assert_eq!(quota.room("d", DAY - 1, 2, 10), Room::Full);
        assert_eq!(quota.room("d", DAY, 3, 10), Room::StillFull);
        assert_eq!(quota.room("d", 2 * DAY, 3, 10), Room::Keep);
    }

    #[test]
    fn many_devices_do_not_grow_the_table() {
        for bytes in [1, 101] {
            let mut quota = quota();
            for device in 0..3 * super::DEVICES {
                quota.room(&device.to_string(), 0, 1, bytes);
            }
            assert!(quota.devices.len() <= super::DEVICES);
        }
    }
}
