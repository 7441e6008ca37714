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
use std::hash::{Hash as _, Hasher as _};
use xxhash_rust::xxh3::Xxh3;

/// Streams remembered by default: 1,000 monitors of 30 metrics, twice over. 40 bytes each in two generations: 5 MB.
const DEFAULT_STREAMS: usize = 65_536;

/// What a record states, as far as it can be repeated: hashes of its stream and of what is said in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    stream: u128,
    said: u64,
}

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

    /// Takes out of `records` what the device said before; gives what the others state, to be remembered.
    pub fn filter(&mut self, device: &str, records: &mut Vec<Record>) -> Vec<Statement> {
        let mut stated = Vec::new();
        let before = records.len();
        records.retain(|record| {
            let Some(statement) = Statement::of(device, record) else {
                return true;
            };
            let repeat = self.is_known(statement);
            if !repeat {
                stated.push(statement);
            }
            !repeat
        });
        self.dropped += (before - records.len()) as u64;
        stated
    }

    /// Whether it is the last statement of its stream.
    fn is_known(&self, statement: Statement) -> bool {
        let stream = &statement.stream;
        let known = self.young.get(stream).or_else(|| self.old.get(stream));
        known == Some(&statement.said)
    }

    /// Notes what is safe: call it once the records are synced, not before, or a message that was refused and sent
    /// again would lose its readings.
    pub fn remember(&mut self, stated: &[Statement]) {
        for Statement { stream, said } in stated {
            if self.young.len() >= self.most && !self.young.contains_key(stream) {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(*stream, *said);
        }
    }

    /// Repeats taken out since the start.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Statement {
    /// `None` without a time of the device's own.
    fn of(device: &str, record: &Record) -> Option<Self> {
        let time = match record.device_time.as_ref()? {
            DeviceTime::Instant(time) => (0_u8, *time),
            DeviceTime::Local(time) => (1, *time),
            DeviceTime::Text(_) => return None,
        };
        let mut said = Xxh3::new();
        match &record.value {
            RecordValue::Number(number) => (0_u8, number).hash(&mut said),
            RecordValue::Text(text) => (1_u8, text).hash(&mut said),
            RecordValue::Bool(truth) => (2_u8, truth).hash(&mut said),
            RecordValue::Absent(reason) => (3_u8, reason).hash(&mut said),
            RecordValue::Waveform(_) | RecordValue::Alarm { .. } => return None,
        }
        let (unit, status) = (&record.unit, &record.status);
        let (quality, patient) = (&record.quality, &record.patient);
        (time, record.sequence, unit, status, quality, patient).hash(&mut said);
        let mut stream = Xxh3::new();
        (device, &record.name, &record.channel).hash(&mut stream);
        Some(Self {
            stream: stream.digest128(),
            said: said.finish(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimal::Decimal;

    #[test]
    fn every_field_that_tells_statements_apart_does() {
        let record = |change: fn(&mut Record)| {
            let value = RecordValue::Number(Decimal::parse("37.0").unwrap());
            let mut record = Record::new("MDC_TEMP", value, 1);
            record.device_time = Some(DeviceTime::Instant(1));
            change(&mut record);
            record
        };
        let changes: [fn(&mut Record); 13] = [
            |_| {},
            |r| r.name = "MDC_TEMP_SKIN".to_owned(),
            |r| r.channel = Some("2".to_owned()),
            |r| r.device_time = Some(DeviceTime::Local(1)),
            |r| r.device_time = Some(DeviceTime::Instant(2)),
            |r| r.value = RecordValue::Number(Decimal::parse("37").unwrap()),
            |r| r.value = RecordValue::Text("37.0".to_owned()),
            |r| r.value = RecordValue::Absent("37.0".to_owned()),
            |r| r.sequence = Some(0),
            |r| r.unit = Some("x".to_owned()),
            |r| r.status = Some("x".to_owned()),
            |r| r.quality = Some("x".to_owned()),
            |r| r.patient = Some("x".to_owned()),
        ];
        let stated: Vec<Statement> = changes
            .into_iter()
            .filter_map(|change| Statement::of("d", &record(change)))
            .collect();
        assert_eq!(stated.len(), changes.len());
        for (index, one) in stated.iter().enumerate() {
            assert!(!stated[..index].contains(one), "change {index}");
        }
        let plain = record(|_| {});
        assert_eq!(Statement::of("d", &plain), Some(stated[0]));
        assert_ne!(Statement::of("e", &plain), Some(stated[0]));
        // What is stated is known only once it is remembered.
        let mut window = Repeats::new(8);
        let mut records = vec![plain];
        let stated = window.filter("d", &mut records);
        assert_eq!(
            (window.filter("d", &mut records), records.len()),
            (stated.clone(), 1)
        );
        window.remember(&stated);
        assert!(window.filter("d", &mut records).is_empty() && records.is_empty());
    }
}
