//! What to do on a connection, in which order, and what the values mean: without I/O, so that every turn is tested.
//!
//! ```text
//! [serial number, once] ─ [CGM feature, once] ─ subscribe ─ clocks ─ features ─ stored records ─ [set clock] ─
//! device information, once ─ battery ─ values
//! ```
//!
//! Devices advertise for seconds and hang up when done: the measurement is subscribed to before anything else. Only
//! two things may come before it, and only the first time: the serial number where one is expected (what an impostor
//! says is never taken), and the CGM feature, without which no measurement can be told from its checksum.
//!
//! * `plan`: the steps. * `reads`: what is read once. * `values`: frames to readings. * `record`: a value to a SenML record. * `times`, `zone`: stamps
//!   to points in time. * `procedure`: stored records.
//!
//! Values that carry the device's time wait for the clock to be read, which follows the subscriptions at once; without
//! it their time would be wrong by what the clock is. They are not waited with for longer than that one read, and not
//! at all once the link has ended.

pub(crate) mod plan;
pub(crate) mod procedure;
mod reads;
mod record;
pub(crate) mod times;
mod values;
pub(crate) mod zone;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use wardline_gateway::gatt::current_time::{CurrentTime, encode_date_time};
use wardline_gateway::gatt::{Assembler, Crc, Quirks, Stamp, cgm_session};
use wardline_normalize::time::Micros;

use super::config::Device;
use super::failure::{Failure, Kind};
use super::link::{Action, Can, Id};
use super::memory::Memory;
use super::profile::{Profile, uuid};
use crate::source::{Readings, Taken};
use plan::Step;
use procedure::{Numbering, Procedure, Progress};
use times::{Session, Times};
use zone::Zone;

/// Values waiting for the clock; a download does not begin before it was read, so these are few.
const WAITING: usize = 1_024;
/// A context follows its measurement at once, and a second part its first.
const PARTNER: Duration = Duration::from_secs(10);

/// A value as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) id: Id,
    /// Which of several characteristics of one number.
    pub(crate) instance: usize,
    pub(crate) raw: Vec<u8>,
    pub(crate) taken: Taken,
}

/// Something to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Note {
    Duplicate,
    /// Of a characteristic that is not subscribed to.
    Ignored,
    /// Its other part did not come.
    Unmatched,
    /// A stored record.
    Record,
    /// The device's clock, because ours was not synchronised.
    NotSet,
    Undecodable {
        checksum: bool,
        words: String,
    },
}

/// What a value came to.
#[derive(Debug, Default)]
pub(crate) struct Item {
    pub(crate) sent: Option<Sent>,
    /// To be put before `stored` is called.
    pub(crate) readings: Option<Readings>,
    /// Identity, to be remembered once it is stored.
    pub(crate) key: Option<[u8; 16]>,
    pub(crate) notes: Vec<Note>,
    effect: Effect,
}

/// What follows once a value is safe.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
enum Effect {
    #[default]
    None,
    /// Record of a service that numbers them, or does not.
    Record { service: u16, number: Option<u32> },
    /// The control point said this.
    Control { service: u16, bytes: Vec<u8> },
}

/// Whether to go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    Refuse(&'static str, String),
    Fail(Failure),
}

/// A context or second part that is due.
#[derive(Debug, Clone, Copy)]
struct Partner {
    sequence: u32,
    stamp: Option<Stamp>,
    since: Instant,
    /// The measurement said that one follows.
    due: bool,
}

/// The course of one connection.
#[derive(Debug)]
pub(crate) struct Course {
    device: Device,
    limit: Duration,
    memory: Memory,
    memory_changed: bool,
    can: BTreeMap<Id, Can>,
    /// Whose values are taken: what is or will be subscribed to. bluetoothd takes subscriptions of before up again by
    /// itself, and a first value may overtake the answer.
    wanted: BTreeSet<Id>,
    steps: VecDeque<Step>,
    /// Clocks still to be read.
    clocks: usize,
    times: Times,
    quirks: Quirks,
    assembler: Assembler,
    /// Since when a part waits for its other, with what came so far.
    open: Option<(Instant, Vec<u8>)>,
    /// Whose part that is, and when it came.
    opened: Option<(Id, Taken)>,
    waiting: VecDeque<Sent>,
    /// Readings that reads gave.
    ready: Vec<Item>,
    partners: VecDeque<Partner>,
    procedure: Option<(u16, Procedure)>,
    /// Services whose stored records are all here.
    complete: BTreeSet<u16>,
    /// Numbers of this procedure came in falling order: none is the last before the end.
    unordered: bool,
    facts: Vec<(Option<Micros>, Option<u8>)>,
    /// The device's clock as read, until it was told beside a stamp that was moved.
    coincidence: Option<(Micros, Taken)>,
}

impl Course {
    pub(crate) fn new(
        device: &Device,
        limit: Duration,
        memory: Memory,
        can: &BTreeMap<Id, Can>,
        now: Instant,
    ) -> Self {
        Self::in_zone(device, limit, memory, can, now, Zone::System)
    }

    pub(crate) fn in_zone(
        device: &Device,
        limit: Duration,
        memory: Memory,
        can: &BTreeMap<Id, Can>,
        _now: Instant,
        zone: Zone,
    ) -> Self {
        let steps = plan::steps(device, &memory, can);
        let clocks = steps
            .iter()
            .filter(|step| matches!(step, Step::Clock(_)))
            .count();
        let wanted = steps.iter().filter_map(|step| match step {
            Step::Do(Action::Subscribe(id)) => Some(*id),
            _ => None,
        });
        let wanted = wanted.collect();
        let mut course = Self {
            device: device.clone(),
            limit,
            memory,
            memory_changed: false,
            can: can.clone(),
            wanted,
            steps,
            clocks,
            times: Times::new(zone),
            quirks: quirks(device, "", ""),
            assembler: Assembler::default(),
            open: None,
            opened: None,
            waiting: VecDeque::new(),
            ready: Vec::new(),
            partners: VecDeque::new(),
            procedure: None,
            complete: BTreeSet::new(),
            unordered: false,
            facts: Vec::new(),
            coincidence: None,
        };
        course.recall();
        course
    }

    /// What an earlier connection found out.
    fn recall(&mut self) {
        let told = |number: u16| {
            self.memory
                .information
                .get(&number)
                .map_or("", String::as_str)
        };
        self.quirks = quirks(&self.device, told(uuid::MAKER), told(uuid::MODEL));
        let feature = self
            .memory
            .cgm_feature
            .as_deref()
            .and_then(super::capture::unhex);
        if let Some(feature) = feature {
            self.cgm_feature(&feature);
        }
    }

    // -- what to do

    /// The next thing to do; the session does one at a time.
    pub(crate) fn next(&mut self, now: Instant, taken: Taken) -> Option<Action> {
        loop {
            if let Some((service, procedure)) = &mut self.procedure {
                if let Some(bytes) = procedure.next(now) {
                    let id = Id {
                        service: *service,
                        uuid: uuid::RACP,
                    };
                    return Some(Action::Write(id, bytes));
                }
                if procedure.progress() == Progress::Running {
                    return None;
                }
                self.procedure_over();
            }
            match self.steps.pop_front()? {
                Step::Do(action) | Step::Optional(action) | Step::Clock(action) => {
                    return Some(action);
                }
                Step::Records(service) => self.begin_procedure(service, now),
                Step::SetClock(id) => {
                    if let Some(action) = self.set_clock(id, taken) {
                        return Some(action);
                    }
                }
            }
        }
    }

    fn begin_procedure(&mut self, service: u16, now: Instant) {
        if !self.wanted.contains(&Id {
            service,
            uuid: uuid::RACP,
        }) {
            return;
        }
        let numbering = match Profile::of_service(service) {
            Some(Profile::Glucose | Profile::Cgm) => Numbering::Short,
            Some(Profile::GenericHealth) => Numbering::Long,
            _ => Numbering::None,
        };
        let last = self.memory.last_record.get(&service).copied();
        let delete = self.device.delete_after_download;
        self.unordered = false;
        self.procedure = Some((
            service,
            Procedure::new(numbering, last, delete, self.limit, now),
        ));
    }

    fn procedure_over(&mut self) {
        let Some((service, procedure)) = self.procedure.take() else {
            return;
        };
        match procedure.progress() {
            Progress::Done => {
                self.complete.insert(service);
                if procedure.began_anew() {
                    self.memory.last_record.remove(&service);
                }
                if let Some(newest) = procedure.newest() {
                    self.advance(service, newest);
                }
            }
            Progress::Failed(why) => {
                tracing::warn!(
                    device = self.device.id,
                    why,
                    "the download of stored records did not come to its end"
                );
                self.steps.clear();
            }
            Progress::Running => {}
        }
    }

    fn advance(&mut self, service: u16, number: u32) {
        let last = self.memory.last_record.entry(service).or_insert(number);
        *last = number.max(*last);
        self.memory_changed = true;
    }

    /// The clock as it should be, into 2A2B, or 2A08, or the start of the CGM session; never by a clock of ours that
    /// is not synchronised.
    fn set_clock(&mut self, id: Id, taken: Taken) -> Option<Action> {
        if !taken.synchronized {
            tracing::warn!(
                device = self.device.id,
                "the device's clock is not set: ours is not synchronised"
            );
            self.ready.push(Item {
                notes: vec![Note::NotSet],
                ..Item::default()
            });
            return None;
        }
        let wall = taken.wall;
        let digits = self.times.zone.digits(wall)?;
        let before = self.times.offset(taken);
        tracing::info!(
            device = self.device.id,
            offset_us = before,
            "setting the device's clock"
        );
        let bytes = match id.uuid {
            uuid::CURRENT_TIME => CurrentTime::from_local_us(digits)?.encode(),
            uuid::DATE_TIME => encode_date_time(times::now_at(self.times.zone, wall)?),
            uuid::CGM_SESSION_START => {
                // A running session keeps its start.
                let unset = !matches!(
                    self.times.session,
                    Some(Session::Instant(_) | Session::Local(_))
                );
                unset.then_some(())?;
                let quarters = i8::try_from((digits - wall) / 900_000_000).ok()?;
                let time = times::now_at(self.times.zone, wall)?;
                let crc = self.quirks.crc == Crc::Present;
                cgm_session::SessionStart {
                    time,
                    zone: quarters,
                    dst: 0,
                }
                .encode(crc)
            }
            _ => return None,
        };
        Some(Action::Write(id, bytes))
    }

    /// What became of it; `taken` is when.
    pub(crate) fn done(
        &mut self,
        action: &Action,
        result: Result<&[u8], &Failure>,
        taken: Taken,
        now: Instant,
    ) -> Verdict {
        let verdict = match (action, result) {
            (Action::Subscribe(_), Ok(_)) => Verdict::Go,
            (Action::Subscribe(id), Err(failure)) => {
                self.wanted.remove(id);
                self.not_subscribed(*id, failure)
            }
            (Action::Write(id, _), result) => self.written(*id, result, now),
            (Action::Read(id), Ok(bytes)) => self.read(*id, bytes, taken),
            (Action::Read(id), Err(failure)) => self.not_read(*id, failure),
        };
        if let Action::Read(id) = action
            && plan::is_clock(*id)
        {
            self.clocks = self.clocks.saturating_sub(1);
        }
        verdict
    }

    /// Without its measurements a connection is of no use; without its extras it is.
    fn not_subscribed(&self, id: Id, failure: &Failure) -> Verdict {
        let extra = matches!(id.uuid, uuid::RACP | uuid::GLUCOSE_CONTEXT)
            || Profile::of_service(id.service).is_none_or(|p| p.intermediate().contains(&id.uuid));
        if extra && failure.kind != Kind::Authentication {
            Verdict::Go
        } else {
            Verdict::Fail(failure.clone())
        }
    }

    fn written(&mut self, id: Id, result: Result<&[u8], &Failure>, now: Instant) -> Verdict {
        if id.uuid == uuid::GHS_CONTROL_POINT {
            if let Err(failure) = result {
                tracing::debug!(device = self.device.id, %failure, "live observations were not asked for");
            }
            return Verdict::Go;
        }
        if id.uuid != uuid::RACP {
            match result {
                Ok(_) => {
                    tracing::info!(device = self.device.id, "the device's clock was set");
                    let read = Id {
                        uuid: id.uuid,
                        ..id
                    };
                    if self.can.get(&read).is_some_and(|can| can.read) {
                        self.steps.push_front(Step::Optional(Action::Read(read)));
                    }
                }
                Err(failure) => {
                    tracing::warn!(device = self.device.id, %failure, "the device's clock was not set");
                }
            }
            return Verdict::Go;
        }
        let Err(failure) = result else {
            return Verdict::Go;
        };
        if let Some((_, procedure)) = &mut self.procedure {
            procedure.refused(att_code(&failure.text), now);
        }
        Verdict::Go
    }

    fn not_read(&mut self, id: Id, failure: &Failure) -> Verdict {
        match id.uuid {
            uuid::SERIAL_NUMBER if self.device.serial.is_some() => Verdict::Fail(failure.clone()),
            _ => Verdict::Go,
        }
    }

    // -- how it stands

    /// When `next` or `tick` has something to do though nothing came.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let procedure = self
            .procedure
            .as_ref()
            .and_then(|(_, procedure)| procedure.deadline());
        let open = self.open.as_ref().map(|(since, _)| *since + PARTNER);
        let partner = self
            .partners
            .iter()
            .filter(|p| p.due)
            .map(|p| p.since + PARTNER)
            .min();
        [procedure, open, partner].into_iter().flatten().min()
    }

    /// Nothing left to do but to wait for values.
    pub(crate) fn settled(&self) -> bool {
        self.steps.is_empty()
            && self.procedure.is_none()
            && self.waiting.is_empty()
            && self.open.is_none()
    }

    /// The memory, if it is to be written.
    pub(crate) fn changed_memory(&mut self) -> Option<Memory> {
        std::mem::take(&mut self.memory_changed).then(|| self.memory.clone())
    }

    /// Clock offsets and battery charges found since the last call.
    pub(crate) fn facts(&mut self) -> Vec<(Option<Micros>, Option<u8>)> {
        std::mem::take(&mut self.facts)
    }

    /// What comes after this has come without its clock.
    pub(crate) fn flush(&mut self) {
        self.clocks = 0;
        self.close();
    }
}

/// What is known of the device: the entry that the configuration names, else that of its model.
fn quirks(device: &Device, maker: &str, model: &str) -> Quirks {
    let entry = match &device.quirk {
        Some(name) => crate::decode::quirks::entry(name),
        None => crate::decode::quirks::of_model(maker, model),
    };
    entry.map_or_else(Quirks::default, |entry| entry.apply(Quirks::default()))
}

/// The ATT error code in bluetoothd's words (`Operation failed with ATT error: 0xfe`).
fn att_code(text: &str) -> Option<u8> {
    let (_, rest) = text.split_once("0x")?;
    let digits: String = rest
        .chars()
        .take_while(char::is_ascii_hexdigit)
        .take(2)
        .collect();
    u8::from_str_radix(&digits, 16).ok()
}

#[cfg(test)]
mod tests;
