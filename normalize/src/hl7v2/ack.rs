//! Answers: acknowledgements in original and enhanced mode, and PCD-05 answers to alarms.
//!
//! The answer speaks the sender's dialect: its encoding characters, its version, its application and facility in the
//! receiver's place; MSA-2 repeats its MSH-10 as sent. Whether and when to answer is the caller's to decide, from
//! [`Message::accept_ack`] and [`Message::application_ack`].

use super::message::{Kind, Message};
use crate::time::Micros;
use chrono::{DateTime, Utc};
use xxhash_rust::xxh3::xxh3_64;

/// MSA-1 (HL7 table 0008).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckCode {
    /// Application accept.
    AA,
    /// Application error: sending again may help.
    AE,
    /// Application reject: do not send again.
    AR,
    /// Accept: stored safely.
    CA,
    /// Not accepted for now: sending again may help.
    CE,
    /// Refused: do not send again.
    CR,
}

impl AckCode {
    /// As in MSA-1.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AA => "AA",
            Self::AE => "AE",
            Self::AR => "AR",
            Self::CA => "CA",
            Self::CE => "CE",
            Self::CR => "CR",
        }
    }

    /// Whether the message was taken.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::AA | Self::CA)
    }

    /// ERR-3 (HL7 table 0357) where the caller has nothing more exact.
    const fn error(self) -> (&'static str, &'static str) {
        match self {
            Self::AE | Self::CE => ("207", "Application internal error"),
            _ => ("200", "Unsupported message type"),
        }
    }
}

/// An answer to `message`, without a frame. `text` is for people (ERR-8, and MSA-3 in old versions); it must not
/// hold values of a person. `at` is the time of the answer.
#[must_use]
pub fn build(message: &Message, code: AckCode, text: &str, at: Micros) -> Vec<u8> {
    let mut out = header(message, &kind(message), at, code);
    acknowledge(message, code, text, &mut out);
    out.into_bytes()
}

/// ORA^R41 (IHE PCD-05, HL7 structure ORA_R41): the application answer to an alarm.
#[must_use]
pub fn build_alarm(alarm: &Message, code: AckCode, text: &str, at: Micros) -> Vec<u8> {
    let c = alarm.delimiters.component;
    let mut out = header(alarm, &format!("ORA{c}R41{c}ORA_R41"), at, code);
    acknowledge(alarm, code, text, &mut out);
    out.into_bytes()
}

fn kind(message: &Message) -> String {
    let c = message.delimiters.component;
    let header = message.header();
    let event = header.field(9).component(2).trim();
    // MSH-9 had one component in the oldest versions.
    if event.is_empty() {
        return "ACK".to_owned();
    }
    match version(message) {
        Some((2, 0..=2)) => format!("ACK{c}{event}"),
        _ => format!("ACK{c}{event}{c}ACK"),
    }
}

/// MSH-12 as numbers.
fn version(message: &Message) -> Option<(u32, u32)> {
    let header = message.header();
    let (major, minor) = header.field(12).component(1).trim().split_once('.')?;
    let minor = minor.split('.').next()?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn header(message: &Message, kind: &str, at: Micros, code: AckCode) -> String {
    let d = message.delimiters;
    let header = message.header();
    let field = |number: usize| header.field(number).raw().to_owned();
    // Unique enough for the sender's log: time, and what is answered.
    let seed = format!("{}{}{}", message.control_id(), code.as_str(), kind);
    let control = format!("{:x}{:04x}", at, xxh3_64(seed.as_bytes()) & 0xFFFF);
    let processing = match field(11) {
        empty if empty.is_empty() => "P".to_owned(),
        stated => stated,
    };
    let version = match field(12) {
        empty if empty.is_empty() => "2.6".to_owned(),
        stated => stated,
    };
    let character_set = match field(18) {
        empty if empty.is_empty() => "UNICODE UTF-8".to_owned(),
        stated => stated,
    };
    let fields = [
        format!(
            "MSH{}{}{}{}{}",
            d.field, d.component, d.repeat, d.escape, d.sub
        ),
        field(5),
        field(6),
        field(3),
        field(4),
        stamp(at),
        String::new(),
        kind.to_owned(),
        control,
        processing,
        version,
        String::new(),
        String::new(),
        // Never an acknowledgement of an acknowledgement.
        if message.is_enhanced() { "NE" } else { "" }.to_owned(),
        if message.is_enhanced() { "NE" } else { "" }.to_owned(),
        String::new(),
        character_set,
    ];
    let mut out = fields.join(&d.field.to_string());
    out.push('\r');
    out
}

fn acknowledge(message: &Message, code: AckCode, text: &str, out: &mut String) {
    let f = message.delimiters.field;
    let c = message.delimiters.component;
    let text = escaped(message, text);
    let control = message.control_id();
    out.push_str(&format!("MSA{f}{}{f}{control}", code.as_str()));
    let old = version(message).is_none_or(|version| version < (2, 5));
    if !code.is_success() && old && !text.is_empty() {
        out.push_str(&format!("{f}{text}"));
    }
    out.push('\r');
    if code.is_success() {
        return;
    }
    let (number, name) = code.error();
    let (number, name) = match message.kind() {
        Kind::R01 | Kind::R40 | Kind::W01 if matches!(code, AckCode::AR | AckCode::CR) => {
            ("102", "Data type error")
        }
        _ => (number, name),
    };
    if old {
        let s = message.delimiters.sub;
        out.push_str(&format!("ERR{f}{c}{c}{c}{number}{s}{name}\r"));
    } else {
        out.push_str(&format!(
            "ERR{f}{f}{f}{number}{c}{name}{c}HL70357{f}E{f}{f}{f}{f}{text}\r"
        ));
    }
}

/// Local time is nobody's concern in an answer: UTC, with its offset.
fn stamp(at: Micros) -> String {
    DateTime::<Utc>::from_timestamp_micros(at)
        .unwrap_or_default()
        .format("%Y%m%d%H%M%S%.3f+0000")
        .to_string()
}

fn escaped(message: &Message, text: &str) -> String {
    let d = message.delimiters;
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(250) {
        let letter = match c {
            _ if c == d.field => 'F',
            _ if c == d.component => 'S',
            _ if c == d.repeat => 'R',
            _ if c == d.escape => 'E',
            _ if c == d.sub => 'T',
            _ if c.is_control() => {
                out.push(' ');
                continue;
            }
            _ => {
                out.push(c);
                continue;
            }
        };
        out.extend([d.escape, letter, d.escape]);
    }
    out
}
