//! What was said before, for monitors that say it again.
//!
//! A cuff reading stays on a monitor's screen until the next inflation, and some monitors send it in every message
//! meanwhile, with the time it was taken (OBX-14). The server knows the row by its id and ignores the repeat; this
//! window keeps the gateway from spooling and publishing it hundreds of times.
//!
//! A repeat is the same metric of the same device and channel with the same stated time *and the same value*: a
//! correction has another value and passes. Readings without a time of the device's are never repeats.

use crate::senml::{DeviceTime, Record, RecordValue};
use std::collections::HashMap;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

/// Streams remembered by default: 1,000 monitors of 30 metrics, twice over. 40 bytes each in two generations: 5 MB.
const DEFAULT_STREAMS: usize = 65_536;

/// The last statement of each stream, in two generations: when the younger one is full, the older one is forgotten.
#[derive(Debug)]
pub struct Repeats {
    young: HashMap<u128, u64>,
    old: HashMap<u128, u64>,
    /// Most streams in a generation.
    most: usize,
    dropped: u64,
}

impl Default for Repeats {
    fn default() -> Self {
        Self::new(DEFAULT_STREAMS)
    }
}

impl Repeats {
    /// A window over at most twice `streams` streams.
    #[must_use]
    pub fn new(streams: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            most: streams.max(1),
            dropped: 0,
        }
    }

    /// Takes out of `records` what the device said before; gives how many.
    pub fn filter(&mut self, device: &str, records: &mut Vec<Record>) -> usize {
        let before = records.len();
        records.retain(|record| !self.is_repeat(device, record));
        let dropped = before - records.len();
        self.dropped += dropped as u64;
        dropped
    }

    /// Whether the device said exactly this as its last statement.
    #[must_use]
    pub fn is_repeat(&self, device: &str, record: &Record) -> bool {
        let Some((stream, statement)) = keys(device, record) else {
            return false;
        };
        let known = self.young.get(&stream).or_else(|| self.old.get(&stream));
        known == Some(&statement)
    }

    /// Notes what is safe: call it once the records are synced, not before, or a message that was refused and sent
    /// again would lose its readings.
    pub fn remember(&mut self, device: &str, records: &[Record]) {
        for record in records {
            let Some((stream, statement)) = keys(device, record) else {
                continue;
            };
            if self.young.len() >= self.most && !self.young.contains_key(&stream) {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(stream, statement);
        }
    }

    /// Repeats taken out since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Hash of the stream and hash of what is said in it; `None` without a time of the device's own.
fn keys(device: &str, record: &Record) -> Option<(u128, u64)> {
    let time = match record.device_time.as_ref()? {
        DeviceTime::Instant(time) => (0_u8, *time),
        DeviceTime::Local(time) => (1, *time),
        DeviceTime::Text(_) => return None,
    };
    if matches!(
        record.value,
        RecordValue::Waveform(_) | RecordValue::Alarm { .. }
    ) {
        return None;
    }
    let channel = record.channel.as_deref().unwrap_or_default();
    let stream = format!("{device}\n{}\n{channel}", record.name);
    let statement = format!(
        "{time:?}{:?}{:?}{:?}{:?}{:?}{:?}",
        record.sequence, record.value, record.unit, record.status, record.quality, record.patient
    );
    Some((xxh3_128(stream.as_bytes()), xxh3_64(statement.as_bytes())))
}
