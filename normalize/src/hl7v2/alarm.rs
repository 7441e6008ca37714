//! Alarms (IHE PCD-04): the rows below an OBR whose service is MDC_EVT_ALARM.
//!
//! The first row is the event, with priority and type in OBX-8; then come the metric that the alarm is about (value,
//! limits in OBX-7) and attributes, in two generations of codes. The alarm instance is OBR-3; a message about an
//! instance that began earlier names that one in OBR-29.

use super::code::Coded;
use super::device::{self, Equipments};
use super::flags::Flags;
use super::message::{Field, Message, Segment};
use super::profile::Profile;
use super::repair::{Repair, Repairs};
use super::tree::Place;
use super::unit;
use super::value::{self, Held};
use crate::decimal::Decimal;
use crate::measurement::{AlarmPriority, AlarmState, AlertKind, Phase, Presence};
use crate::senml::{MAX_TEXT, RecordValue};

/// MDC_EVT_ALARM.
const EVENT: u32 = 196_616;

/// Whether OBR-4 says that the segments below are an alarm.
pub(super) fn is_event(service: Field<'_>) -> bool {
    [1, 4].into_iter().any(|at| {
        super::code::number(service.component(at)) == Some(EVENT)
            || service.component(at + 1).trim() == "MDC_EVT_ALARM"
    })
}

/// Whether a row names an event: partition 3, or by name.
pub(super) fn names_event(coded: &Coded) -> bool {
    let private = coded.is_reference("MDCX_EVT_");
    private || coded.is_reference("MDC_EVT_") || coded.number.is_some_and(|n| n >> 16 == 3)
}

/// What the rows of one alarm say.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) event: Option<String>,
    pub(super) text: Option<String>,
    pub(super) state: AlarmState,
    pub(super) quality: Option<&'static str>,
    /// A row names MDC_EVT_WATCHDOG or an event of the profile's.
    watchdog: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Source,
    Phase,
    State,
    Inactivation,
    Priority,
    Kind,
    /// Words beside the event's own.
    Text,
    /// How long the sender waits for an answer.
    Timeout,
}

fn attribute(coded: &Coded) -> Option<Attribute> {
    let name = coded.reference.to_ascii_uppercase();
    let by_name = [
        ("PHASE", Attribute::Phase),
        ("INACTIVATION", Attribute::Inactivation),
        ("PRIORITY", Attribute::Priority),
        ("CONFIRM_TIMEOUT", Attribute::Timeout),
        ("TYPE", Attribute::Kind),
        ("TEXT", Attribute::Text),
        ("SOURCE", Attribute::Source),
        ("STATE", Attribute::State),
    ];
    let number = match coded.number? {
        68_164 | 68_480 => Attribute::Source,
        68_165 | 68_481 => Attribute::Phase,
        68_166 | 68_482 => Attribute::State,
        68_167 | 68_483 => Attribute::Inactivation,
        68_168 | 68_484 => Attribute::Priority,
        68_485 => Attribute::Kind,
        68_546 => Attribute::Text,
        67_860 => Attribute::Timeout,
        _ => {
            let found = by_name.into_iter().find(|(part, _)| name.contains(part));
            return found
                .filter(|_| name.starts_with("MDC_ATTR_"))
                .map(|(_, attribute)| attribute);
        }
    };
    Some(number)
}

impl Told {
    /// Takes one row.
    pub(super) fn take(
        &mut self,
        coded: &Coded,
        segment: &Segment<'_>,
        profile: &Profile,
        repairs: &mut Repairs,
    ) {
        let flags = Flags::of(segment);
        self.watchdog |= is_watchdog(coded, profile);
        self.state.priority = self.state.priority.or(flags.priority);
        self.state.kind = self.state.kind.or(flags.kind);
        self.quality = self.quality.or(flags.quality);
        if let Some(attribute) = attribute(coded) {
            return self.attribute(attribute, segment, repairs);
        }
        if names_event(coded) && self.event.is_none() {
            return self.event(coded, segment.field(5), repairs);
        }
        // The metric the alarm is about; not what else is said of the device.
        let metric = coded.metric.is_some() || coded.number.is_some_and(|n| n >> 16 == 2);
        let number = segment.field(2).component(1).trim() == "NM";
        if (metric || number) && self.state.source.is_none() {
            self.state.source = Some(coded.event());
            self.state.limits = clipped(segment.field(7).raw().trim());
            self.state.value = measured(coded, segment, profile, repairs);
            self.state.value.take_if(|_| flags.absent.is_some());
            self.state.unit = unit::of_field(segment.field(6), coded.metric, repairs);
            return;
        }
        repairs.note(Repair::AlarmAttribute);
    }

    /// Whether the next row begins another alarm.
    pub(super) fn ends_before(&self, coded: &Coded) -> bool {
        self.event.is_some() && names_event(coded)
    }

    /// A sign of life, if it is one: priority PN (or none) and an event that the profile names, or MDC_EVT_WATCHDOG.
    fn heartbeat(&self) -> Option<Heartbeat> {
        let silent = matches!(self.state.priority, None | Some(AlarmPriority::None));
        (self.watchdog && silent).then_some(match self.state.state {
            Some(Presence::Inactive) => Heartbeat::PlannedShutdown,
            _ => Heartbeat::Alive,
        })
    }

    /// The event: of OBX-3, or where that says no more than "alarm", the code in OBX-5.
    fn event(&mut self, coded: &Coded, said: Field<'_>, repairs: &mut Repairs) {
        let general = coded.number == Some(EVENT) || coded.is_reference("MDC_EVT_ALARM");
        let exact = super::code::of_field(said, repairs)
            .filter(|exact| general && (exact.number.is_some() || names_event(exact)));
        match exact {
            Some(exact) => {
                self.event = Some(exact.event());
                self.text = clipped(&said.text(9, repairs)).or_else(|| words(said, repairs));
            }
            None => {
                self.event = Some(coded.event());
                self.text = words(said, repairs);
            }
        }
    }

    fn attribute(&mut self, attribute: Attribute, segment: &Segment<'_>, repairs: &mut Repairs) {
        let field = segment.field(5);
        let said: Vec<String> = [2, 1, 3]
            .into_iter()
            .map(|at| field.text(at, repairs).trim().to_ascii_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        let Some(first) = said.first() else {
            return;
        };
        let known = match attribute {
            Attribute::Phase => {
                let found = said.iter().find_map(|word| Phase::parse(word));
                self.state.phase = self.state.phase.or(found);
                found.is_some() || matches!(first.as_str(), "present")
            }
            Attribute::State => {
                let found = said.iter().find_map(|word| presence(word));
                self.state.state = self.state.state.or(found);
                found.is_some()
            }
            Attribute::Inactivation => {
                self.state.audio = clipped(first);
                true
            }
            Attribute::Priority => {
                let found = said.iter().find_map(|word| priority(word));
                self.state.priority = self.state.priority.or(found);
                found.is_some()
            }
            Attribute::Kind => {
                let found = said.iter().find_map(|word| kind(word));
                self.state.kind = self.state.kind.or(found);
                found.is_some()
            }
            Attribute::Source => {
                let coded = super::code::of_field(field, repairs);
                let source = coded.map(|coded| coded.event());
                self.state.source = self.state.source.take().or(source);
                true
            }
            Attribute::Text => {
                self.text = words(field, repairs).or(self.text.take());
                true
            }
            Attribute::Timeout => true,
        };
        if !known {
            repairs.note(Repair::AlarmAttribute);
        }
    }
}

fn presence(word: &str) -> Option<Presence> {
    match word {
        "off" => Some(Presence::Inactive),
        "on" => Some(Presence::Active),
        _ => Presence::parse(word),
    }
}

fn priority(word: &str) -> Option<AlarmPriority> {
    match word {
        "pn" => Some(AlarmPriority::None),
        "pl" => Some(AlarmPriority::Low),
        "pm" => Some(AlarmPriority::Medium),
        "ph" => Some(AlarmPriority::High),
        _ => AlarmPriority::parse(word),
    }
}

fn kind(word: &str) -> Option<AlertKind> {
    match word {
        "sp" => Some(AlertKind::Physiological),
        "st" => Some(AlertKind::Technical),
        "sa" => Some(AlertKind::Advisory),
        _ => AlertKind::parse(word),
    }
}

/// The text of an event: all that is said, without the code of a triplet.
fn words(field: Field<'_>, repairs: &mut Repairs) -> Option<String> {
    let (code, said) = (field.text(1, repairs), field.text(2, repairs));
    let said = if said.is_empty() { code } else { said };
    clipped(said.trim())
}

fn clipped(text: &str) -> Option<String> {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end)?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The alarm instance: the parent's (OBR-29, its filler's part), else OBR-3.
pub(super) fn instance(order: &Segment<'_>, message: &Message) -> Option<String> {
    let d = message.delimiters;
    let plain = |text: &str, separator: char| {
        // Entity, namespace and universal id; the type of the last is written in many ways.
        let parts: Vec<&str> = text.split(separator).map(str::trim).take(3).collect();
        clipped(parts.join("^").trim_end_matches('^'))
    };
    let parent = order.field(29);
    let filler = match parent.component(2).trim() {
        "" => parent.component(1),
        filler => filler,
    };
    plain(filler, d.sub).or_else(|| {
        let own = order.field(3);
        let own = own.repeats().next()?;
        plain(own.raw(), d.component)
    })
}

fn is_watchdog(coded: &Coded, profile: &Profile) -> bool {
    let named = coded.is_reference("MDC_EVT_WATCHDOG") || coded.is_reference("MDC_EVT_HEARTBEAT");
    let listed = |number| profile.heartbeat_events.contains(&number);
    named || coded.number.is_some_and(listed)
}

/// The number that a metric has, by the rules of readings: what means "no value" is none, and what is only known to be
/// above or below a number is not that number.
fn measured(
    coded: &Coded,
    segment: &Segment<'_>,
    profile: &Profile,
    repairs: &mut Repairs,
) -> Option<Decimal> {
    match value::of(segment, coded.metric, profile, repairs) {
        Held::Value {
            value: RecordValue::Number(number),
            interpretation: None,
        } => Some(number),
        // A number sent as text, of what the vocabulary has not.
        Held::Value {
            value: RecordValue::Text(said),
            ..
        } => Decimal::parse(said.trim())
            .filter(|_| value::sentinel(said.trim(), coded.metric, profile).is_none()),
        _ => None,
    }
}

/// A sign of life ([`Message::heartbeats`]; PCD-04 with priority PN and a watchdog event).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// The source lives and will send another one.
    Alive,
    /// The last one: the source goes down as planned (state inactive).
    PlannedShutdown,
}

/// A sign of life among the alarms of a message.
#[derive(Debug)]
pub(super) struct Beat {
    /// As of readings; empty where nothing names one.
    device: String,
    sign: Heartbeat,
    /// Places of its segments.
    pub(super) lines: Vec<usize>,
}

/// The rows of one alarm.
#[derive(Debug, Default)]
struct Rows {
    told: Told,
    device: Option<String>,
    lines: Vec<usize>,
}

impl Rows {
    fn end(&mut self, beats: &mut Vec<Beat>) {
        let rows = std::mem::take(self);
        if let Some(sign) = rows.told.heartbeat() {
            beats.push(Beat {
                device: rows.device.unwrap_or_default(),
                sign,
                lines: rows.lines,
            });
        }
    }
}

/// The signs of life in a message, each judged by itself: the alarms beside one are alarms.
pub(super) fn beats(message: &Message, profile: &Profile) -> Vec<Beat> {
    let all = message.kind() == super::Kind::R40;
    let is_alarm = |order: &Segment<'_>| all || is_event(order.field(4));
    let mut beats = Vec::new();
    if !all && !message.segments_named("OBR").any(|order| is_alarm(&order)) {
        return beats;
    }
    let mut repairs = Repairs::default();
    let sender = device::sender(message);
    let mut equipments = Equipments::default();
    let (mut rows, mut alarm) = (Rows::default(), all);
    for segment in message.segments() {
        match segment.name() {
            "OBR" => {
                rows.end(&mut beats);
                alarm = is_alarm(&segment);
            }
            "OBX" => {
                let place = Place::parse(&segment.field(4).text(1, &mut repairs));
                let coded = super::code::of_field(segment.field(3), &mut repairs);
                if coded.as_ref().is_some_and(Coded::is_device) {
                    equipments.device_row(place, segment.field(18));
                }
                let equipment = equipments.of(place, segment.field(18));
                if !alarm {
                    continue;
                }
                if let Some(coded) = &coded {
                    if rows.told.ends_before(coded) {
                        rows.end(&mut beats);
                    }
                    rows.told.take(coded, &segment, profile, &mut repairs);
                }
                rows.lines.push(segment.line);
                if rows.device.is_none() {
                    rows.device = device::owner(equipment.as_ref(), sender.as_deref(), profile)
                        .map(|owner| owner.device);
                }
            }
            _ => {}
        }
    }
    rows.end(&mut beats);
    beats
}

impl Message {
    /// The signs of life in a message, which say that a source and its link live and nothing else, and are no alarms:
    /// priority PN (or none) and an event that the profile names, or MDC_EVT_WATCHDOG. Each with its device as that of
    /// readings, empty where nothing names one. What else the message says is in [`Self::readings`].
    #[must_use]
    pub fn heartbeats(&self, profile: &Profile) -> Vec<(String, Heartbeat)> {
        let beats = beats(self, profile).into_iter();
        beats.map(|beat| (beat.device, beat.sign)).collect()
    }
}
