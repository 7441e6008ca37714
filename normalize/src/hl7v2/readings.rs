//! A message as records of SenML, device by device.
//!
//! Two passes over the segments: the first finds devices, orders and the places in the tree, the second makes records.
//!
//! # Channels
//! Two sensors of one metric must not share rows, and one sensor's rows must not depend on numbers that a monitor may
//! deal out anew in its next message. So the places (OBX-4) of one metric of one device in one message are ranked: the
//! lowest has no channel, the next is channel `2`, and so on; a panel's components are ranked together by the channel
//! they stand in. A device that only its sender knows (OBX-18 without an EUI-64) goes before: `F1519EFX`,
//! `F1519EFX.2`. A sender that shares one id among its beds and names no device (MSH-3 of a gateway, PV1-3) gets the
//! bed there.

use super::alarm::{self, Told};
use super::code::{self, Coded};
use super::device::{self, Equipments, Owner};
use super::flags::{self, Flags};
use super::message::{Field, Kind, Message, Segment};
use super::profile::Profile;
use super::repair::{Repair, Repairs};
use super::time::Written;
use super::tree::Place;
use super::unit;
use super::value::{self, Held};
use super::wave::{self, Facets};
use crate::decimal::Decimal;
use crate::measurement::Reason;
use crate::senml::{MAX_RECORDS, MAX_TEXT, Record, RecordValue};
use crate::time::Micros;
use crate::units::{self, Unit};
use chrono::FixedOffset;
use std::collections::{BTreeSet, HashMap};

/// What one message says of one device.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeviceReadings {
    /// Id in the topic (design 5.1): OBX-18's EUI-64, else from MSH-3. Empty, with rejects alone, where nothing names
    /// a device.
    pub device: String,
    /// Readings and pieces of waveforms, for `…/readings`. A record without `device_time` has no time of the
    /// device's: its `time` is `received`.
    pub records: Vec<Record>,
    /// Alarms, for `…/alarms`.
    pub alarms: Vec<Record>,
    /// Place of the segment of each record, from 0 (MSH).
    pub lines: Vec<u32>,
    /// Place of the first segment of each alarm.
    pub alarm_lines: Vec<u32>,
    /// What was not taken.
    pub rejects: Vec<Rejected>,
}

/// A segment that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the message, from 0 (MSH).
    pub line: u32,
    pub reason: Reason,
    /// Segment, field and what was expected; never a value of a person.
    pub detail: String,
}

/// A sign of life (PCD-04 with priority PN and a watchdog event).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The source lives and will send another one.
    Alive,
    /// The last one: the source goes down as planned (state inactive).
    PlannedShutdown,
}

impl Message {
    /// What the message says, device by device; nothing for kinds that carry no readings and for heartbeats. Counts
    /// what had to be mended in `repairs`, beside what [`Self::repairs`] has.
    #[must_use]
    pub fn readings(
        &self,
        profile: &Profile,
        received: Micros,
        repairs: &mut Repairs,
    ) -> Vec<DeviceReadings> {
        match self.kind() {
            Kind::R01 | Kind::R40 | Kind::W01 => {}
            Kind::Ack | Kind::Query | Kind::Admit | Kind::Other => return Vec::new(),
        }
        if self.heartbeat(profile).is_some() {
            return Vec::new();
        }
        let mut reader = Reader::new(self, profile, received, repairs);
        reader.scan();
        reader.rank();
        reader.emit()
    }
}

/// Identifiers as read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Person {
    patient: Option<String>,
    bed: Option<String>,
    encounter: Option<String>,
}

/// What an OBR says of the rows below it.
#[derive(Debug)]
struct Order {
    alarm: bool,
    begin: Written,
    end: Written,
    instance: Option<String>,
    person: usize,
}

struct Row<'a> {
    segment: Segment<'a>,
    order: usize,
    place: Option<Place>,
    coded: Coded,
    owner: Owner,
    array: bool,
    channel: Option<String>,
}

struct Reader<'a, 'r> {
    message: &'a Message,
    profile: &'a Profile,
    received: Micros,
    repairs: &'r mut Repairs,
    /// MSH-7's, for times without one.
    offset: Option<FixedOffset>,
    stamped: Written,
    /// MSH-11 says that this is no patient's.
    training: bool,
    orders: Vec<Order>,
    persons: Vec<Person>,
    rows: Vec<Row<'a>>,
    rejects: Vec<(String, Rejected)>,
}

impl<'a, 'r> Reader<'a, 'r> {
    fn new(
        message: &'a Message,
        profile: &'a Profile,
        received: Micros,
        repairs: &'r mut Repairs,
    ) -> Self {
        let header = message.header();
        let stamped = Written::parse(header.field(7).component(1));
        Self {
            message,
            profile,
            received,
            repairs,
            offset: stamped.offset(),
            stamped,
            training: matches!(header.field(11).component(1).trim(), "T" | "D"),
            orders: Vec::new(),
            persons: vec![Person::default()],
            rows: Vec::new(),
            rejects: Vec::new(),
        }
    }

    /// First pass.
    fn scan(&mut self) {
        let sender = device::sender(self.message);
        let mut equipments = Equipments::default();
        let mut set_id = 0_u32;
        let alarms = self.message.kind() == Kind::R40;
        for segment in self.message.segments() {
            match segment.name() {
                "PID" => {
                    let person = Person {
                        patient: identifier(segment.field(3), self.repairs),
                        ..Person::default()
                    };
                    self.persons.push(person);
                }
                "PV1" => {
                    let bed = bed(segment.field(3), self.message);
                    let encounter = Some(segment.field(19).text(1, self.repairs).into_owned())
                        .filter(|id| !id.is_empty() && id.len() <= MAX_TEXT);
                    if let Some(person) = self.persons.last_mut() {
                        person.bed = bed;
                        person.encounter = encounter;
                    }
                }
                "OBR" => {
                    set_id = 0;
                    self.orders.push(Order {
                        alarm: alarms || alarm::is_event(segment.field(4)),
                        begin: Written::parse(segment.field(7).component(1)),
                        end: Written::parse(segment.field(8).component(1)),
                        instance: alarm::instance(&segment, self.message),
                        person: self.persons.len() - 1,
                    });
                }
                "OBX" => {
                    let stated = code::number(segment.field(1).component(1)).unwrap_or(0);
                    if stated <= set_id {
                        self.repairs.note(Repair::SetId);
                    }
                    set_id = set_id.max(stated);
                    self.row(segment, sender.as_deref(), &mut equipments);
                }
                _ => {}
            }
        }
    }

    fn row(&mut self, segment: Segment<'a>, sender: Option<&str>, equipments: &mut Equipments) {
        if self.orders.is_empty() {
            self.repairs.note(Repair::MissingOrder);
            self.orders.push(Order {
                alarm: self.message.kind() == Kind::R40,
                begin: Written::Nothing,
                end: Written::Nothing,
                instance: None,
                person: self.persons.len() - 1,
            });
        }
        let order = self.orders.len() - 1;
        let sub = segment.field(4).text(1, self.repairs).into_owned();
        let place = Place::parse(&sub);
        let equipment = segment.field(18);
        let Some(coded) = code::of_field(segment.field(3), self.repairs) else {
            let expected = "a code of what was measured in OBX-3";
            return self.refuse("", &segment, Reason::UnknownMetric, expected);
        };
        let silent = segment.field(5).is_empty();
        let device_row = place.is_some_and(|place| place.is_device())
            && (silent || coded.metric.is_none())
            || coded.is_device();
        if device_row {
            equipments.device_row(place, equipment);
            return;
        }
        if place.is_none_or(|place| !place.is_dotted()) {
            self.repairs.note(Repair::SubId);
        }
        let found = equipments.of(place, equipment);
        let owner = match device::owner(found.as_ref(), sender, self.profile) {
            Some(owner) => self.with_bed(owner, found.is_some(), order),
            // A central station that names nothing but beds.
            None => match self.bed(order) {
                Some(bed) => Owner {
                    device: device::valid(&format!("bed-{bed}")),
                    part: None,
                },
                None => {
                    let expected = "an id of the device in OBX-18 or MSH-3, or a bed in PV1-3";
                    return self.refuse("", &segment, Reason::NoDevice, expected);
                }
            },
        };
        if self.rows.len() == MAX_RECORDS {
            let detail = format!("at most {MAX_RECORDS} OBX segments");
            return self.refuse(&owner.device, &segment, Reason::TooManyRecords, &detail);
        }
        let kind = segment.field(2).component(1).trim();
        let array = matches!(kind, "NA" | "MA");
        self.rows.push(Row {
            segment,
            order,
            place,
            coded,
            owner,
            array,
            channel: None,
        });
    }

    /// A gateway of several beds that names no device: the bed tells them apart.
    fn with_bed(&self, owner: Owner, named: bool, order: usize) -> Owner {
        if named || self.profile.device.is_some() || owner.part.is_some() {
            return owner;
        }
        Owner {
            part: self.bed(order),
            ..owner
        }
    }

    /// The bed as part of an id.
    fn bed(&self, order: usize) -> Option<String> {
        let bed = self.persons[self.orders[order].person].bed.as_deref();
        bed.map(device::valid).filter(|bed| !bed.is_empty())
    }

    fn refuse(&mut self, device: &str, segment: &Segment<'_>, reason: Reason, expected: &str) {
        let rejected = Rejected {
            line: segment.line as u32,
            reason,
            detail: format!(
                "segment {} ({}): expected {expected}",
                segment.line + 1,
                segment.name()
            ),
        };
        self.rejects.push((device.to_owned(), rejected));
    }

    /// Channels by rank of place.
    fn rank(&mut self) {
        type Stream<'s> = (&'s Owner, &'s str, bool);
        let mut places: HashMap<Stream<'_>, BTreeSet<Ranked>> = HashMap::new();
        for row in &self.rows {
            places.entry(stream(row)).or_default().insert(ranked(row));
        }
        let channels: Vec<Option<String>> = self
            .rows
            .iter()
            .map(|row| {
                let of_stream = places.get(&stream(row));
                let rank = of_stream.map_or(0, |places| places.range(..ranked(row)).count());
                let part = row.owner.part.as_deref();
                let channel = match (part, rank) {
                    (None, 0) => return None,
                    (Some(part), 0) => part.to_owned(),
                    (None, rank) => (rank + 1).to_string(),
                    (Some(part), rank) => format!("{part}.{}", rank + 1),
                };
                Some(channel)
            })
            .collect();
        for (row, channel) in self.rows.iter_mut().zip(channels) {
            row.channel = channel;
        }

        fn stream<'s>(row: &'s Row<'_>) -> Stream<'s> {
            let panel = row.coded.metric.and_then(|metric| metric.panel);
            let name = panel.map_or(row.coded.name.as_str(), |panel| panel.mdc);
            (&row.owner, name, row.array)
        }

        fn ranked(row: &Row<'_>) -> Ranked {
            let of_panel = row
                .coded
                .metric
                .is_some_and(|metric| metric.panel.is_some());
            match row.place {
                None => Ranked::Text(row.segment.field(4).raw().trim().to_owned()),
                Some(place) if of_panel && place.is_dotted() => Ranked::Place(place.channel()),
                Some(place) => Ranked::Place(place.metric()),
            }
        }
    }

    /// Second pass.
    fn emit(mut self) -> Vec<DeviceReadings> {
        let mut out = Out::default();
        let rows = std::mem::take(&mut self.rows);
        let parents: HashMap<(usize, Place), usize> = rows
            .iter()
            .enumerate()
            .filter_map(|(index, row)| {
                let place = row.place.filter(|p| p.is_dotted() && p.facet().is_none())?;
                Some(((row.order, place), index))
            })
            .collect();
        // What attributes say of the row above them.
        let mut facets: HashMap<usize, Facets> = HashMap::new();
        let mut words: HashMap<usize, Vec<String>> = HashMap::new();
        let mut taken = vec![false; rows.len()];
        for (index, row) in rows.iter().enumerate() {
            let place = row.place.filter(|place| place.facet().is_some());
            let Some(parent) = place.and_then(|p| parents.get(&(row.order, p.metric()))) else {
                continue;
            };
            if self.orders[row.order].alarm || *parent == index {
                continue;
            }
            let of_array = rows[*parent].array;
            let known = of_array
                && facets
                    .entry(*parent)
                    .or_default()
                    .take(&row.coded, &row.segment, self.repairs);
            if known || row.coded.metric.is_none() {
                taken[index] = true;
            }
            if !known && row.coded.metric.is_none() {
                let said = self.facet(row);
                let list = words.entry(*parent).or_default();
                if list.len() < MAX_WORDS {
                    list.push(said);
                }
            }
        }
        let mut told: Option<(usize, Told)> = None;
        for (index, row) in rows.iter().enumerate() {
            let of_alarm = self.orders[row.order].alarm;
            let next = told.as_ref().is_some_and(|(first, told)| {
                let other = rows[*first].order != row.order;
                other || (told.event.is_some() && alarm::names_event(&row.coded))
            });
            if next && let Some((first, told)) = told.take() {
                self.alarm(&rows[first], told, &mut out);
            }
            if of_alarm {
                let (_, told) = told.get_or_insert_with(|| (index, Told::default()));
                told.take(&row.coded, &row.segment, self.repairs);
            } else if !taken[index] {
                let words = words.remove(&index).unwrap_or_default();
                let facets = facets.remove(&index).unwrap_or_default();
                self.reading(row, words, &facets, &mut out);
            }
        }
        if let Some((first, told)) = told.take() {
            self.alarm(&rows[first], told, &mut out);
        }
        for (device, rejected) in std::mem::take(&mut self.rejects) {
            out.device(&device).rejects.push(rejected);
        }
        out.devices
    }

    /// An attribute that says nothing about samples, in words.
    fn facet(&mut self, row: &Row<'_>) -> String {
        let value = row.segment.field(5);
        let (first, second) = (value.text(1, self.repairs), value.text(2, self.repairs));
        let said = if first.is_empty() { second } else { first };
        let unit = unit::of_field(row.segment.field(6), None, self.repairs);
        let unit = unit
            .filter(|unit| unit != "1")
            .map_or_else(String::new, |u| format!(" {u}"));
        let name = row.coded.event();
        format!("{name}={said}{unit}").chars().take(128).collect()
    }

    fn reading(&mut self, row: &Row<'_>, words: Vec<String>, facets: &Facets, out: &mut Out) {
        let segment = &row.segment;
        let metric = row.coded.metric;
        let status = flags::status(segment, self.profile, self.repairs);
        if status.no_result {
            return;
        }
        let manner = flags::manner(segment, self.repairs);
        let mut flags = Flags::of(segment);
        if self.training {
            flags.qualify("test");
        }
        // A setting is no measurement: no metric of the vocabulary judges it.
        let metric = metric.filter(|_| !manner.setting);
        let (value, off_scale) = match value::of(segment, metric, self.profile, self.repairs) {
            Held::Value {
                value,
                interpretation,
            } => (value, interpretation),
            Held::Array => match self.samples(row, facets) {
                Ok(sampled) => (RecordValue::Waveform(sampled), None),
                Err(expected) => {
                    let device = &row.owner.device;
                    return self.refuse(device, segment, Reason::BadValue, &expected);
                }
            },
            Held::Wrong(expected) => {
                let device = &row.owner.device;
                let expected = format!("{expected}, for {}", row.coded.name);
                return self.refuse(device, segment, Reason::BadValue, &expected);
            }
        };
        let is_absent = matches!(value, RecordValue::Absent(_));
        let value = match flags.absent {
            Some(reason) => RecordValue::Absent(reason.to_owned()),
            None if status.without_value && !is_absent => {
                self.repairs.note(Repair::StatusDisagrees);
                RecordValue::Absent("unknown".to_owned())
            }
            None => value,
        };
        let name = if manner.setting {
            row.coded.setting()
        } else {
            row.coded.name.clone()
        };
        let unit = match self.unit(row, metric, facets, &value) {
            Ok(unit) => unit,
            Err(expected) => {
                let device = &row.owner.device;
                return self.refuse(device, segment, Reason::BadUnit, &expected);
            }
        };
        let order = &self.orders[row.order];
        let when = written(segment, order, &self.stamped, self.repairs).when(
            self.offset,
            self.profile.zone,
            self.received,
            self.repairs,
        );
        let mut record = Record::new(name, value, when.time);
        record.unit = unit;
        record.device_time = when.device;
        record.undated = when.undated;
        record.sequence = when.sequence;
        record.channel = row.channel.clone();
        record.status = (status.fhir != "final").then(|| status.fhir.to_owned());
        record.quality = flags.quality.map(str::to_owned);
        record.interpretation = off_scale.map(str::to_owned).or(flags.interpretation);
        // A metric that implies its method says more than "measured by itself".
        record.method = manner
            .method
            .filter(|_| metric.is_none_or(|metric| metric.method.is_none()));
        record.body_site = site(segment.field(20), self.repairs);
        record.flags = flags.words;
        record.flags.extend(manner.words);
        let limits = segment.field(7).raw().trim();
        if !limits.is_empty() && limits.len() <= 64 {
            record.flags.push(format!("alarm-limits={limits}"));
        }
        if row.coded.disagrees {
            let name: String = row.coded.reference.chars().take(64).collect();
            record.flags.push(format!("sent-as={name}"));
        }
        record.flags.extend(words);
        let person = &self.persons[order.person];
        record.patient = person.patient.clone();
        record.bed = person.bed.clone();
        record.encounter = person.encounter.clone();
        out.take(&row.owner.device, segment.line, record, self.repairs);
    }

    /// The unit of a record; an error where it contradicts the metric.
    fn unit(
        &mut self,
        row: &Row<'_>,
        metric: Option<&'static crate::vocabulary::Metric>,
        facets: &Facets,
        value: &RecordValue,
    ) -> Result<Option<String>, String> {
        // A setting keeps the unit of its metric where it states none.
        let known = row.coded.metric;
        let stated = unit::of_field(row.segment.field(6), known, self.repairs);
        match value {
            RecordValue::Waveform(_) => Ok(facets.unit.clone().or(stated)),
            RecordValue::Number(_) => {
                let Some(unit) = stated else {
                    self.repairs.note(Repair::MissingUnit);
                    return Ok(match (metric, known) {
                        (Some(_), _) => None,
                        (None, Some(known)) => Some(known.unit.to_owned()),
                        // Many a monitor's index has none.
                        (None, None) => Some("1".to_owned()),
                    });
                };
                let wrong = metric.is_some_and(|metric| {
                    matches!(units::canonical(&unit), Unit::Ucum(ucum)
                        if metric.convert(1.0, ucum, metric.unit).is_none())
                });
                match metric {
                    Some(metric) if wrong => Err(format!(
                        "a unit that converts to {} in OBX-6, for {}",
                        metric.unit, row.coded.name
                    )),
                    _ => Ok(Some(unit)),
                }
            }
            _ => Ok(None),
        }
    }

    fn samples(
        &mut self,
        row: &Row<'_>,
        facets: &Facets,
    ) -> Result<crate::measurement::SampledData, String> {
        let field = row.segment.field(5);
        let period = match facets.period {
            Some(period) => period,
            None => self
                .spread(row, field)
                .ok_or("a sample rate (facet MDC_ATTR_SAMP_RATE) or OBR-7 and OBR-8")?,
        };
        wave::sampled(field, facets, period, self.repairs)
    }

    /// The period of samples that OBR-7 and OBR-8 bound.
    fn spread(&self, row: &Row<'_>, field: Field<'_>) -> Option<Decimal> {
        let order = &self.orders[row.order];
        let (Written::Time { local: begin, .. }, Written::Time { local: end, .. }) =
            (&order.begin, &order.end)
        else {
            return None;
        };
        let count = field.raw_components().count();
        let micros = (*end - *begin).num_microseconds()?;
        let nanos = micros
            .checked_mul(1_000)?
            .checked_div(i64::try_from(count).ok()?)?;
        (nanos > 0).then(|| wave::plain(nanos))
    }

    fn alarm(&mut self, first: &Row<'_>, told: Told, out: &mut Out) {
        let order = &self.orders[first.order];
        let when = written(&first.segment, order, &self.stamped, self.repairs).when(
            self.offset,
            self.profile.zone,
            self.received,
            self.repairs,
        );
        let event = told.event.unwrap_or_else(|| "MDC_EVT_ALARM".to_owned());
        let mut state = told.state;
        state.id = order.instance.clone();
        let value = RecordValue::Alarm {
            text: told.text,
            state: Box::new(state),
        };
        let mut record = Record::new(event, value, when.time);
        record.device_time = when.device;
        record.undated = when.undated;
        record.sequence = when.sequence;
        record.channel = first.owner.part.clone();
        record.quality = if self.training {
            Some("test".to_owned())
        } else {
            told.quality.map(str::to_owned)
        };
        let person = &self.persons[order.person];
        record.patient = person.patient.clone();
        record.bed = person.bed.clone();
        record.encounter = person.encounter.clone();
        let device = out.device(&first.owner.device);
        device.alarms.push(record);
        device.alarm_lines.push(first.segment.line as u32);
    }
}

/// Attributes kept with one reading.
const MAX_WORDS: usize = 16;

/// What places are ranked by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Ranked {
    Place(Place),
    Text(String),
}

/// OBX-14, else OBR-7, else MSH-7.
fn written(
    segment: &Segment<'_>,
    order: &Order,
    stamped: &Written,
    repairs: &mut Repairs,
) -> Written {
    let own = Written::parse(segment.field(14).component(1));
    if own.is_something() {
        return own;
    }
    if order.begin.is_something() {
        return order.begin.clone();
    }
    repairs.note(if stamped.is_something() {
        Repair::TimeOfMessage
    } else {
        Repair::NoTime
    });
    stamped.clone()
}

/// Records by device, each said once.
#[derive(Default)]
struct Out {
    devices: Vec<DeviceReadings>,
    index: HashMap<String, usize>,
    /// Stream and stated time to what was said.
    said: HashMap<String, Vec<RecordValue>>,
}

impl Out {
    fn device(&mut self, id: &str) -> &mut DeviceReadings {
        let next = self.devices.len();
        let index = *self.index.entry(id.to_owned()).or_insert(next);
        if index == next {
            self.devices.push(DeviceReadings {
                device: id.to_owned(),
                ..DeviceReadings::default()
            });
        }
        &mut self.devices[index]
    }

    fn take(&mut self, device: &str, line: usize, mut record: Record, repairs: &mut Repairs) {
        let channel = record.channel.as_deref().unwrap_or_default();
        let array = matches!(record.value, RecordValue::Waveform(_));
        let key = format!(
            "{device}\n{}\n{channel}\n{array}\n{:?}",
            record.name, record.device_time
        );
        let said = self.said.entry(key).or_default();
        if said.contains(&record.value) {
            return;
        }
        if !said.is_empty() {
            repairs.note(Repair::RepeatedSubId);
            let order = said.len() + 1;
            record.channel = Some(match channel {
                "" => format!("same.{order}"),
                channel => format!("{channel}.same.{order}"),
            });
        }
        // The same place over and over is garbage: its tail goes on under the last number.
        if said.len() < 64 {
            said.push(record.value.clone());
        }
        let device = self.device(device);
        device.records.push(record);
        device.lines.push(line as u32);
    }
}

/// PID-3: `assigner|id` or the id alone; the first repetition that has one.
fn identifier(field: Field<'_>, repairs: &mut Repairs) -> Option<String> {
    field.repeats().find_map(|repeat| {
        let id = repeat.text(1, repairs).into_owned();
        if id.is_empty() {
            return None;
        }
        let name = repeat.sub(4, 1).trim();
        let assigner = if name.is_empty() {
            repeat.sub(4, 2).trim()
        } else {
            name
        };
        let text = if assigner.is_empty() {
            id
        } else {
            format!("{}|{id}", repeat.plain(assigner, repairs))
        };
        (text.len() <= MAX_TEXT).then_some(text)
    })
}

/// PV1-3 as sent, with the usual separators and without empty ends: `ICU^2^23`.
fn bed(field: Field<'_>, message: &Message) -> Option<String> {
    let d = message.delimiters;
    let first = field.repeats().next()?;
    let text: String = first
        .raw()
        .trim()
        .chars()
        .map(|c| match c {
            _ if c == d.component => '^',
            _ if c == d.sub => '&',
            _ => c,
        })
        .collect();
    let text = text.trim_end_matches(['^', '&']);
    let said = text.chars().any(|c| !matches!(c, '^' | '&' | ' '));
    (said && text.len() <= MAX_TEXT).then(|| text.to_owned())
}

/// OBX-20: its text, else its code.
fn site(field: Field<'_>, repairs: &mut Repairs) -> Option<String> {
    let (code, text) = (field.text(1, repairs), field.text(2, repairs));
    let said = if text.is_empty() { code } else { text };
    (!said.is_empty() && said.len() <= MAX_TEXT).then(|| said.into_owned())
}
