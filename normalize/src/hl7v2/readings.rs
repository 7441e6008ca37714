//! A message as records of SenML, device by device.
//!
//! Two passes over the segments: the first finds devices, orders and the places in the tree, the second makes records.

mod channel;
mod out;
mod person;

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
use out::Out;
use person::{Person, bed, identifier, site};
use std::collections::{HashMap, HashSet};

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

impl Message {
    /// What the message says, device by device; nothing for kinds that carry no readings. Heartbeats
    /// are left out. Counts what had to be mended in `repairs`, beside what [`Self::repairs`] has.
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
        let mut reader = Reader::new(self, profile, received, repairs);
        reader.scan();
        channel::rank(&mut reader.rows);
        reader.emit()
    }
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
    /// Segments of signs of life.
    beats: HashSet<usize>,
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
            beats: alarm::beats(message, profile)
                .into_iter()
                .flat_map(|beat| beat.lines)
                .collect(),
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
        let beat = self.beats.contains(&segment.line);
        let Some(coded) = code::of_field(segment.field(3), self.repairs) else {
            if beat {
                return;
            }
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
        if beat {
            // The equipment that it names may be that of what follows.
            equipments.of(place, equipment);
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
                other || told.ends_before(&row.coded)
            });
            if next && let Some((first, told)) = told.take() {
                self.alarm(&rows[first], told, &mut out);
            }
            if of_alarm {
                let (_, told) = told.get_or_insert_with(|| (index, Told::default()));
                told.take(&row.coded, &row.segment, self.profile, self.repairs);
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
