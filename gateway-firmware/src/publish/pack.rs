//! Puts readings of one device together into packs. Pure but for the instants it is given.
//!
//! A pack holds consecutive entries of one device in one lane, all readings or all alarms, under one state of the
//! gateway's clock; whatever would break that closes it first, so the order of a device's entries is the order of its
//! packs. It closes when it is large enough or has waited for `linger`.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use wardline_normalize::senml::{self, Record};

use crate::cli::Format;
use crate::source::Kind;
use crate::spool::{Position, Taken};

/// When a pack is large enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) linger: Duration,
    /// As the entries take in the spool, which is about what they take in a pack.
    pub(super) bytes: usize,
    pub(super) records: usize,
}

/// What goes out as one message, if the server takes one so large.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pack {
    pub(super) device: String,
    pub(super) kind: Kind,
    /// State of the clock.
    pub(super) clock: &'static str,
    /// Boot in which it was taken.
    pub(super) boot: String,
    pub(super) records: Vec<Record>,
    pub(super) positions: Vec<Position>,
    /// Since boot, when the first entry was taken.
    pub(super) taken: i64,
    bytes: usize,
    opened: Instant,
}

#[derive(Debug)]
pub(super) struct Packer {
    limits: Limits,
    open: HashMap<String, Pack>,
    /// Devices by the time when their pack was opened; packs that are closed or newer are passed over.
    order: VecDeque<(Instant, String)>,
    ready: VecDeque<Pack>,
    bytes: usize,
}

impl Packer {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: HashMap::new(),
            order: VecDeque::new(),
            ready: VecDeque::new(),
            bytes: 0,
        }
    }

    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Bytes that wait, open or ready.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn add(&mut self, taken: Taken, clock: &'static str, now: Instant) {
        let Taken {
            position,
            entry,
            bytes,
        } = taken;
        let readings = entry.readings;
        let device = readings.device;
        self.bytes += bytes;
        let fits = self.open.get(&device).is_none_or(|pack| {
            pack.kind == readings.kind
                && pack.clock == clock
                && pack.boot == entry.boot
                && pack.bytes + bytes <= self.limits.bytes
                && pack.records.len() + readings.records.len() <= self.limits.records
        });
        if !fits {
            self.close(&device);
        }
        let order = &mut self.order;
        let pack = self.open.entry(device.clone()).or_insert_with(|| {
            order.push_back((now, device.clone()));
            Pack {
                device: device.clone(),
                kind: readings.kind,
                clock,
                boot: entry.boot,
                records: Vec::new(),
                positions: Vec::new(),
                taken: readings.taken.since_boot,
                bytes: 0,
                opened: now,
            }
        });
        pack.records.extend(readings.records);
        pack.positions.push(position);
        pack.bytes += bytes;
        // An alarm does not wait for others.
        let full = pack.bytes >= self.limits.bytes || pack.records.len() >= self.limits.records;
        if full || pack.kind == Kind::Alarms {
            self.close(&device);
        }
    }

    /// Closes what has waited long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((opened, _)) = self.order.front() {
            if *opened + self.limits.linger > now {
                return;
            }
            if let Some((opened, device)) = self.order.pop_front()
                && self.open.get(&device).is_some_and(|p| p.opened == opened)
            {
                self.close(&device);
            }
        }
    }

    pub(super) fn close_all(&mut self) {
        while let Some((opened, device)) = self.order.pop_front() {
            if self.open.get(&device).is_some_and(|p| p.opened == opened) {
                self.close(&device);
            }
        }
    }

    /// When [`Self::expire`] would close the next.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.order
            .front()
            .map(|(opened, _)| *opened + self.limits.linger)
    }

    pub(super) fn pop(&mut self) -> Option<Pack> {
        let pack = self.ready.pop_front()?;
        self.bytes -= pack.bytes;
        Some(pack)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limits);
    }

    fn close(&mut self, device: &str) {
        self.ready.extend(self.open.remove(device));
    }
}

/// Payloads of at most `most` bytes that together are the pack, in order. A record that alone is larger is given back.
pub(super) fn encode(
    pack: Pack,
    config: &str,
    format: Format,
    most: usize,
) -> (Vec<Vec<u8>>, Vec<Record>) {
    let gateway = senml::Gateway {
        boot: pack.boot,
        clock: pack.clock.to_owned(),
        offset: None,
        config: Some(config.to_owned()),
    };
    let mut payloads = Vec::new();
    let mut too_large = Vec::new();
    let mut waiting = vec![pack.records];
    while let Some(records) = waiting.pop() {
        let whole = senml::Pack {
            device: pack.device.clone(),
            gateway: Some(gateway.clone()),
            records,
        };
        let payload = match format {
            Format::Json => whole.to_json(),
            Format::Cbor => whole.to_cbor(),
        };
        if payload.len() <= most {
            payloads.push(payload);
            continue;
        }
        let mut records = whole.records;
        if records.len() == 1 {
            too_large.append(&mut records);
        } else {
            let second = records.split_off(records.len() / 2);
            waiting.push(second);
            waiting.push(records);
        }
    }
    (payloads, too_large)
}

#[cfg(test)]
mod tests {
    use wardline_normalize::decimal::Decimal;
    use wardline_normalize::senml::RecordValue;

    use super::*;
    use crate::source::{self, Class, Readings};
    use crate::spool::Entry;

    fn taken(device: &str, kind: Kind, number: u64) -> Taken {
        let value = RecordValue::Number(Decimal::integer(1));
        Taken {
            position: Position { class: 1, number },
            entry: Entry {
                serial: number,
                boot: "b".to_owned(),
                readings: Readings {
                    device: device.to_owned(),
                    kind,
                    class: Class::Stream,
                    taken: source::Taken {
                        wall: 0,
                        since_boot: 0,
                        synchronized: true,
                    },
                    records: vec![Record::new("MDC_TEMP_BODY", value, 1_795_348_800_000_000)],
                    by_gateway_clock: false,
                },
            },
            bytes: 100,
        }
    }

    const LIMITS: Limits = Limits {
        linger: Duration::from_millis(200),
        bytes: 350,
        records: 1_000,
    };

    fn numbers(packer: &mut Packer) -> Vec<(String, Vec<u64>)> {
        std::iter::from_fn(|| packer.pop())
            .map(|pack| {
                let numbers = pack.positions.iter().map(|p| p.number).collect();
                (pack.device, numbers)
            })
            .collect()
    }

    #[test]
    fn a_pack_closes_by_size_by_time_and_before_what_does_not_belong_to_it() {
        let start = Instant::now();
        let mut packer = Packer::new(LIMITS);
        for number in 0..4 {
            packer.add(taken("a", Kind::Readings, number), "synchronized", start);
        }
        assert_eq!(numbers(&mut packer), [("a".to_owned(), vec![0, 1, 2])]);
        packer.add(
            taken("b", Kind::Readings, 4),
            "synchronized",
            start + LIMITS.linger / 2,
        );
        packer.add(taken("a", Kind::Readings, 5), "corrected", start);
        assert_eq!(numbers(&mut packer), [("a".to_owned(), vec![3])]);
        packer.add(taken("a", Kind::Alarms, 6), "corrected", start);
        let alarm_after = [("a".to_owned(), vec![5]), ("a".to_owned(), vec![6])];
        assert_eq!(numbers(&mut packer), alarm_after);
        packer.expire(start + LIMITS.linger);
        assert_eq!(numbers(&mut packer), []);
        assert!(packer.next_expiry().is_some());
        packer.expire(start + LIMITS.linger * 2);
        assert_eq!(numbers(&mut packer), [("b".to_owned(), vec![4])]);
        assert_eq!(packer.bytes(), 0);
        packer.add(taken("b", Kind::Readings, 7), "synchronized", start);
        packer.close_all();
        assert_eq!(numbers(&mut packer), [("b".to_owned(), vec![7])]);
    }

    #[test]
    fn what_is_too_large_for_the_server_is_cut_between_records() {
        let mut packer = Packer::new(LIMITS);
        let mut many = taken("a", Kind::Readings, 0);
        let record = many.entry.readings.records[0].clone();
        many.entry.readings.records = vec![record; 10];
        many.entry.readings.records[3].raw = Some(vec![0; 400]);
        packer.add(many, "synchronized", Instant::now());
        packer.close_all();
        let pack = packer.pop().unwrap();
        let (payloads, too_large) = encode(pack, "c", Format::Json, 300);
        assert!(payloads.len() > 1 && payloads.iter().all(|p| p.len() <= 300));
        assert_eq!(too_large.len(), 1);
        let count = |payload: &Vec<u8>| {
            let pack: Vec<serde_json::Value> = serde_json::from_slice(payload).unwrap();
            assert_eq!(pack[0]["gw"]["clock"], "synchronized");
            pack.len()
        };
        assert_eq!(payloads.iter().map(count).sum::<usize>(), 9);
    }
}
