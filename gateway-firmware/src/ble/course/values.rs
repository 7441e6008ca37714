//! From frames to readings.

use std::time::Instant;

use wardline_gateway::gatt::reader::Wrong;
use wardline_gateway::gatt::{self, Fault, Value, glucose};
use wardline_normalize::senml::{Record, RecordValue};
use wardline_normalize::time::Micros;

use super::super::link::Id;
use super::super::profile::{Profile, class, uuid};
use super::super::repeats::{Repeats, key};
use super::times::{When, wall_of};
use super::{Course, Effect, Item, Note, PARTNER, Partner, Sent, WAITING, record};
use crate::source::{Class, Kind, Readings, Taken};

impl Course {
    /// A value came. It is ready once the clock was read, and at once where there is none.
    pub(crate) fn take(&mut self, sent: Sent) {
        if self.waiting.len() >= WAITING {
            self.clocks = 0;
        }
        self.waiting.push_back(sent);
    }

    /// What can be put now, in the order it came.
    pub(crate) fn ready(&mut self, repeats: &mut Repeats, now: Instant) -> Vec<Item> {
        let mut items = std::mem::take(&mut self.ready);
        if self.clocks == 0 {
            while let Some(sent) = self.waiting.pop_front() {
                let item = self.item(sent, repeats, now);
                items.push(item);
            }
        }
        items
    }

    /// It is on disk.
    pub(crate) fn stored(&mut self, item: Item, now: Instant) {
        match item.effect {
            Effect::None => {}
            Effect::Record { service, number } => self.record_stored(service, number, now),
            Effect::Control { service, bytes } => {
                if let Some((running, procedure)) = &mut self.procedure
                    && *running == service
                {
                    procedure.indicated(&bytes, now);
                }
            }
        }
    }

    fn record_stored(&mut self, service: u16, number: Option<u32>, now: Instant) {
        if let Some((running, procedure)) = &mut self.procedure
            && *running == service
        {
            self.unordered |= number.is_some() && number < procedure.newest();
            let probing = procedure.is_probing();
            // A device that sends its newest record first has not sent those before it.
            let rising = procedure
                .newest()
                .is_some_and(|newest| number > Some(newest));
            procedure.record(number, now);
            // Live values of a CGM come between its stored ones: only the end tells that there is no gap.
            if let Some(number) = number
                && !probing
                && !self.unordered
                && (rising
                    || self
                        .memory
                        .last_record
                        .get(&service)
                        .is_some_and(|last| last + 1 == number))
                && service != Profile::Cgm.service()
            {
                if procedure.began_anew() && self.memory.last_record.get(&service) > Some(&number) {
                    self.memory.last_record.remove(&service);
                }
                self.advance(service, number);
            }
        } else if let Some(number) = number
            && self.complete.contains(&service)
        {
            self.advance(service, number);
        }
    }

    /// Time has passed: what waited for a partner waits no longer.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self
            .open
            .as_ref()
            .is_some_and(|(since, _)| now >= *since + PARTNER)
        {
            self.close();
        }
        let late = |partner: &Partner| partner.due && now >= partner.since + PARTNER;
        let notes: Vec<_> = self
            .partners
            .iter()
            .filter(|p| late(p))
            .map(|_| Note::Unmatched)
            .collect();
        if !notes.is_empty() {
            for partner in &mut self.partners {
                partner.due &= now < partner.since + PARTNER;
            }
            self.ready.push(Item {
                notes,
                ..Item::default()
            });
        }
    }

    /// A part whose other does not come any more.
    pub(super) fn close(&mut self) {
        let Some((_, raw)) = self.open.take() else {
            return;
        };
        let values = self.assembler.finish();
        let note = Item {
            notes: vec![Note::Unmatched],
            ..Item::default()
        };
        self.ready.push(note);
        let Some((id, taken)) = self.opened.take() else {
            return;
        };
        let sent = Sent {
            id,
            instance: 0,
            raw,
            taken,
        };
        let readings = if values.is_empty() {
            self.undecodable(&sent, "its other parts did not come")
        } else {
            self.readings(&sent, &values, &sent.raw)
        };
        self.ready.push(Item {
            readings: Some(readings),
            ..Item::default()
        });
    }

    fn item(&mut self, sent: Sent, repeats: &mut Repeats, now: Instant) -> Item {
        let id = sent.id;
        self.session_known(sent.taken);
        if !self.wanted.contains(&id) {
            return Item {
                sent: Some(sent),
                notes: vec![Note::Ignored],
                ..Item::default()
            };
        }
        match id.uuid {
            uuid::RACP => {
                let effect = Effect::Control {
                    service: id.service,
                    bytes: sent.raw.clone(),
                };
                return Item {
                    sent: Some(sent),
                    effect,
                    ..Item::default()
                };
            }
            uuid::GHS_CONTROL_POINT | uuid::GHS_SCHEDULE_CHANGED => {
                return Item {
                    sent: Some(sent),
                    ..Item::default()
                };
            }
            _ => {}
        }
        let values = match self.assembler.push(id.uuid, &sent.raw, &self.quirks) {
            Ok(values) => values,
            Err(fault) => return self.fault(sent, &fault),
        };
        if self.assembler.open().is_some() {
            let (_, raw) = self.open.get_or_insert_with(|| (now, Vec::new()));
            raw.extend(&sent.raw);
            self.opened.get_or_insert((id, sent.taken));
            if values.is_empty() {
                return Item {
                    sent: Some(sent),
                    ..Item::default()
                };
            }
        }
        let raw = match self.open.take_if(|_| self.assembler.open().is_none()) {
            Some((_, mut raw)) => {
                self.opened = None;
                raw.extend(&sent.raw);
                raw
            }
            None => sent.raw.clone(),
        };
        self.whole(sent, values, raw, repeats, now)
    }

    /// All values of a measurement.
    fn whole(
        &mut self,
        sent: Sent,
        mut values: Vec<Value>,
        raw: Vec<u8>,
        repeats: &mut Repeats,
        now: Instant,
    ) -> Item {
        let mut notes = Vec::new();
        match sent.id.uuid {
            uuid::GLUCOSE => self.expect_context(&sent, &values, now),
            uuid::GLUCOSE_CONTEXT if !self.match_context(&mut values) => {
                notes.push(Note::Unmatched)
            }
            _ => {}
        }
        let number = self.number(&sent, &values);
        let effect = match number {
            Some(_) => Effect::Record {
                service: sent.id.service,
                number,
            },
            None if self.is_stored_kind(&sent) => Effect::Record {
                service: sent.id.service,
                number: None,
            },
            None => Effect::None,
        };
        if matches!(effect, Effect::Record { .. }) {
            notes.push(Note::Record);
        }
        let dated = values
            .iter()
            .any(|value| value.time.is_some() || value.sequence.is_some());
        let key = key(sent.id.uuid, sent.instance, &raw);
        if repeats.is_known(key, dated, now) {
            notes.push(Note::Duplicate);
            return Item {
                sent: Some(sent),
                notes,
                effect,
                ..Item::default()
            };
        }
        let readings = self.readings(&sent, &values, &raw);
        Item {
            readings: (!readings.records.is_empty()).then_some(readings),
            key: dated.then_some(key),
            sent: Some(sent),
            notes,
            effect,
        }
    }

    /// A stored record's number, by which a download goes on after it.
    fn number(&self, sent: &Sent, values: &[Value]) -> Option<u32> {
        match sent.id.uuid {
            uuid::GLUCOSE | uuid::GHS_STORED => values.iter().find_map(|value| value.sequence),
            uuid::CGM => values
                .iter()
                .filter_map(|value| match value.time {
                    Some(gatt::Stamp::Session { minutes }) => Some(u32::from(minutes)),
                    _ => None,
                })
                .max(),
            _ => None,
        }
    }

    fn is_stored_kind(&self, sent: &Sent) -> bool {
        let downloading = self
            .procedure
            .as_ref()
            .is_some_and(|(service, _)| *service == sent.id.service);
        downloading && sent.id.uuid == uuid::PLX_SPOT
    }

    fn expect_context(&mut self, sent: &Sent, values: &[Value], now: Instant) {
        let due =
            glucose::Measurement::decode(&sent.raw, &self.quirks).is_ok_and(|m| m.context_follows);
        if let Some(value) = values.first()
            && let Some(sequence) = value.sequence
        {
            if self.partners.len() >= WAITING {
                self.partners.pop_front();
            }
            self.partners.push_back(Partner {
                sequence,
                stamp: value.time,
                since: now,
                due,
            });
        }
    }

    /// Gives a context its measurement's time; the last of a number, should numbers have begun anew.
    fn match_context(&mut self, values: &mut [Value]) -> bool {
        let sequence = values.first().and_then(|value| value.sequence);
        let found = self
            .partners
            .iter()
            .rposition(|partner| Some(partner.sequence) == sequence);
        let partner = found.and_then(|index| self.partners.remove(index));
        if let Some(partner) = partner {
            for value in values {
                value.time = value.time.or(partner.stamp);
            }
        }
        partner.is_some()
    }

    fn fault(&mut self, sent: Sent, fault: &Fault) -> Item {
        let checksum = matches!(fault.wrong, Wrong::Crc { .. });
        let words = format!("{:04X}: {fault}", sent.id.uuid);
        let readings = self.undecodable(&sent, &words);
        Item {
            readings: Some(readings),
            sent: Some(sent),
            notes: vec![Note::Undecodable { checksum, words }],
            ..Item::default()
        }
    }

    /// Bytes that nobody understands are kept all the same, under a name that no metric has: so the server has them in
    /// quarantine, with the reason, and they can be decoded when the cause is mended.
    fn undecodable(&self, sent: &Sent, words: &str) -> Readings {
        tracing::warn!(
            device = self.device.id,
            words,
            "a value that cannot be decoded"
        );
        let name = format!("gatt-{:04X}", sent.id.uuid);
        let reason = RecordValue::Text(words.to_owned());
        let mut record = Record::new(name, reason, sent.taken.wall);
        record.raw = Some(sent.raw.clone());
        self.pack(sent.taken, class(sent.id.uuid), vec![record], true)
    }

    /// A battery's charge: a device may have several, which btleplug does not tell apart.
    pub(crate) fn battery(&mut self, instance: usize, raw: &[u8], taken: Taken) {
        let id = Id {
            service: uuid::BATTERY_SERVICE,
            uuid: uuid::BATTERY_LEVEL,
        };
        let Ok(values) = gatt::decode(id.uuid, raw, &self.quirks) else {
            return;
        };
        if instance == 0
            && let Some(percent) = raw.first().copied().filter(|percent| *percent <= 100)
        {
            self.facts.push((None, Some(percent)));
        }
        let sent = Sent {
            id,
            instance,
            raw: raw.to_vec(),
            taken,
        };
        let readings = self.readings(&sent, &values, raw);
        self.ready.push(Item {
            readings: Some(readings),
            ..Item::default()
        });
    }

    /// The records of a measurement, raw bytes on the first, and a coincident time if a stamp had to be moved.
    fn readings(&mut self, sent: &Sent, values: &[Value], raw: &[u8]) -> Readings {
        let whens: Vec<_> = values.iter().map(|value| self.when(sent, value)).collect();
        let mut records = record::of(sent.id.uuid, values, &whens, raw);
        if sent.instance > 0 {
            for record in &mut records {
                record
                    .channel
                    .get_or_insert_with(|| (sent.instance + 1).to_string());
            }
        }
        let by_gateway = whens.iter().all(|when| when.by_gateway);
        if whens.iter().any(|when| when.altered)
            && let Some((shown, at)) = self.coincidence.take()
        {
            records.extend(record::coincident_time(shown, wall_of(at, sent.taken)));
        }
        self.pack(sent.taken, class(sent.id.uuid), records, by_gateway)
    }

    fn when(&self, sent: &Sent, value: &Value) -> When {
        let stamp = value.time.as_ref();
        let when = self
            .times
            .when(stamp, Micros::from(value.earlier_us), sent.taken);
        let partner_lost = sent.id.uuid == uuid::GLUCOSE_CONTEXT && stamp.is_none();
        let clock_not_set = stamp.is_some() && value.flags.contains(&"clock-not-set");
        if partner_lost || clock_not_set {
            when.undated(stamp, sent.taken)
        } else {
            when
        }
    }

    fn pack(
        &self,
        taken: Taken,
        class: Class,
        records: Vec<Record>,
        by_gateway_clock: bool,
    ) -> Readings {
        Readings {
            device: self.device.id.clone(),
            kind: Kind::Readings,
            class,
            taken,
            records,
            by_gateway_clock,
        }
    }
}
