//! One message: encoding characters, segments, fields.

use super::profile::Profile;
use super::repair::{Repair, Repairs};
use super::text;
use crate::measurement::Reason;
use std::borrow::Cow;
use std::ops::Range;

/// Segments looked at: more than any monitor sends, few enough to bound the time one message takes.
pub(super) const MAX_SEGMENTS: usize = 20_000;

/// Fields of a segment looked at: OBR has 50, and none beyond is read.
const MAX_FIELDS: usize = 64;

/// Repetitions and components looked at.
const MAX_PARTS: usize = 64;

/// Why a message cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("no MSH segment: a message begins with MSH and its field separator")]
    NoHeader,
    #[error("more than {MAX_SEGMENTS} segments")]
    TooManySegments,
    #[error("longer than {} bytes", super::frame::MAX_MESSAGE)]
    TooLong,
}

impl Fault {
    /// The reason for the quarantine.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::NoHeader => Reason::Undecodable,
            Self::TooManySegments | Self::TooLong => Reason::TooManyRecords,
        }
    }
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Results: ORU^R01 (IHE PCD-01) and ORU with any other event.
    R01,
    /// Alarms: ORU^R40 (PCD-04).
    R40,
    /// Waveforms: ORU^W01.
    W01,
    /// An answer (ACK, MCF, ORA): never answered itself.
    Ack,
    /// A question (QRY, QBP, …).
    Query,
    /// Admissions and moves: ADT.
    Admit,
    Other,
}

/// When an acknowledgement is wanted (MSH-15 and MSH-16, HL7 table 0155).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// AL
    Always,
    /// NE
    Never,
    /// ER: on error or reject.
    Error,
    /// SU: on success.
    Success,
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "AL" => Some(Self::Always),
            "NE" => Some(Self::Never),
            "ER" => Some(Self::Error),
            "SU" => Some(Self::Success),
            _ => None,
        }
    }

    /// Whether an answer is wanted, given how it went.
    #[must_use]
    pub const fn wants(self, success: bool) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Error => !success,
            Self::Success => success,
        }
    }
}

/// Separators, all ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Delimiters {
    pub(super) field: char,
    pub(super) component: char,
    pub(super) repeat: char,
    pub(super) escape: char,
    pub(super) sub: char,
}

/// A message as text, with the places of its segments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    text: String,
    pub(super) delimiters: Delimiters,
    segments: Vec<Range<usize>>,
    pub(super) repairs: Repairs,
}

impl Message {
    /// Reads a message, whatever its segment ends, encoding characters and character set; bytes before MSH and an
    /// MLLP frame around it are passed over. What follows the message in `bytes` (a second MSH) is not read: see
    /// [`super::frame::Splitter`].
    ///
    /// # Errors
    /// Only where there is no MSH segment, or the message is beyond all bounds.
    pub fn parse(bytes: &[u8], profile: &Profile) -> Result<Self, Fault> {
        let _ = profile;
        if bytes.len() > super::frame::MAX_MESSAGE {
            return Err(Fault::TooLong);
        }
        let mut repairs = Repairs::default();
        let text = text::decode(bytes, &mut repairs).ok_or(Fault::NoHeader)?;
        let delimiters = delimiters(&text, &mut repairs).ok_or(Fault::NoHeader)?;
        let segments = segments(&text, &mut repairs)?;
        Ok(Self {
            text,
            delimiters,
            segments,
            repairs,
        })
    }

    /// What was mended while reading the text; [`Self::readings`] mends more.
    #[must_use]
    pub fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// The segments in order.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.segments
            .iter()
            .enumerate()
            .map(|(line, range)| self.segment_at(line, range))
    }

    /// The segments of one name, in order.
    pub(super) fn segments_named(&self, name: &str) -> impl Iterator<Item = Segment<'_>> {
        self.segments
            .iter()
            .enumerate()
            .filter(move |(_, range)| {
                let text = self.text.get((*range).clone());
                text.is_some_and(|text| text.starts_with(name))
            })
            .map(|(line, range)| self.segment_at(line, range))
    }

    fn segment_at(&self, line: usize, range: &Range<usize>) -> Segment<'_> {
        Segment::new(
            self.text.get(range.clone()).unwrap_or_default(),
            line,
            self.delimiters,
        )
    }

    /// The first segment of a name.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<Segment<'_>> {
        self.segments_named(name).next()
    }

    /// MSH.
    #[must_use]
    pub fn header(&self) -> Segment<'_> {
        // There is one: nothing else parses.
        let nothing = 0..0;
        self.segment_at(0, self.segments.first().unwrap_or(&nothing))
    }

    /// What the message is for, by MSH-9; where that is empty, by its segments.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let header = self.header();
        let field = header.field(9);
        let structure = field.component(3);
        let (message, event) = match field.component(1) {
            "" => structure.split_once('_').unwrap_or((structure, "")),
            message => (message, field.component(2)),
        };
        let event = if event.is_empty() {
            structure.split_once('_').map_or("", |(_, event)| event)
        } else {
            event
        };
        match message.trim().to_ascii_uppercase().as_str() {
            "ORU" => match event.trim().to_ascii_uppercase().as_str() {
                "R40" => Kind::R40,
                "W01" => Kind::W01,
                "" if self.is_alarm() => Kind::R40,
                _ => Kind::R01,
            },
            "ACK" | "MCF" | "ORA" => Kind::Ack,
            "QRY" | "QBP" | "QCN" | "QSB" | "QSX" | "QVR" => Kind::Query,
            "ADT" => Kind::Admit,
            "" if self.segment("MSA").is_some() => Kind::Ack,
            "" if self.is_alarm() => Kind::R40,
            "" if self.segment("OBX").is_some() => Kind::R01,
            _ => Kind::Other,
        }
    }

    fn is_alarm(&self) -> bool {
        self.segment("OBR")
            .is_some_and(|order| super::alarm::is_event(order.field(4)))
    }

    /// MSH-10, as sent.
    #[must_use]
    pub fn control_id(&self) -> &str {
        self.header().field(10).raw()
    }

    /// MSH-3, its universal id (component 2) where it has one, else its name; with MSH-10 it names a message.
    #[must_use]
    pub fn sender(&self) -> &str {
        let header = self.header();
        let field = header.field(3);
        match field.component(2).trim() {
            "" => field.component(1).trim(),
            universal => universal,
        }
    }

    /// MSH-15: when an accept acknowledgement is wanted.
    #[must_use]
    pub fn accept_ack(&self) -> Option<Condition> {
        Condition::parse(self.header().field(15).component(1))
    }

    /// MSH-16: when an application acknowledgement is wanted.
    #[must_use]
    pub fn application_ack(&self) -> Option<Condition> {
        Condition::parse(self.header().field(16).component(1))
    }

    /// Enhanced mode: MSH-15 or MSH-16 says something.
    #[must_use]
    pub fn is_enhanced(&self) -> bool {
        let header = self.header();
        !header.field(15).is_empty() || !header.field(16).is_empty()
    }

    /// Of an answer: what it answers (MSA-2) and how (MSA-1).
    #[must_use]
    pub fn answers(&self) -> Option<(&str, &str)> {
        let answer = self.segment("MSA")?;
        Some((answer.field(2).raw(), answer.field(1).raw()))
    }
}

fn delimiters(text: &str, repairs: &mut Repairs) -> Option<Delimiters> {
    let mut rest = text.strip_prefix("MSH")?.chars();
    let field = rest.next().filter(char::is_ascii)?;
    let usual = Delimiters {
        field,
        component: '^',
        repeat: '~',
        escape: '\\',
        sub: '&',
    };
    let stated: Vec<char> = rest
        .take_while(|c| *c != field && !c.is_whitespace())
        .take(6)
        .collect();
    let mut distinct = stated.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let good = (2..=5).contains(&stated.len())
        && distinct.len() == stated.len()
        && stated.iter().all(char::is_ascii_punctuation);
    if !good {
        repairs.note(Repair::Delimiters);
        return Some(usual);
    }
    let at = |index: usize, usual: char| stated.get(index).copied().unwrap_or(usual);
    Some(Delimiters {
        field,
        component: at(0, '^'),
        repeat: at(1, '~'),
        escape: at(2, '\\'),
        sub: at(3, '&'),
    })
}

/// The lines that are segments. A second MSH ends the message.
fn segments(text: &str, repairs: &mut Repairs) -> Result<Vec<Range<usize>>, Fault> {
    let mut segments = Vec::new();
    let mut begin = 0;
    let mut line_feeds = 0_u32;
    let mut ended = false;
    for line in text.split_inclusive(['\r', '\n']) {
        let range = begin..begin + line.trim_end_matches(['\r', '\n']).len();
        begin += line.len();
        line_feeds += u32::from(line.ends_with('\n'));
        ended = line.ends_with(['\r', '\n']);
        let content = text.get(range.clone()).unwrap_or_default();
        let indent = content.len() - content.trim_start().len();
        let content = content.trim_start();
        if content.trim().is_empty() {
            continue;
        }
        if !is_segment(content) {
            repairs.note(Repair::NoSegment);
            continue;
        }
        if matches!(content.get(..3), Some("FHS" | "BHS" | "BTS" | "FTS")) {
            repairs.note(Repair::BatchSegment);
            continue;
        }
        if content.starts_with("MSH") && !segments.is_empty() {
            break;
        }
        if segments.len() == MAX_SEGMENTS {
            return Err(Fault::TooManySegments);
        }
        segments.push(range.start + indent..range.end);
    }
    if line_feeds > 0 {
        repairs.note(Repair::LineEnds);
    }
    if !ended {
        repairs.note(Repair::OpenEnd);
    }
    if segments.is_empty() {
        return Err(Fault::NoHeader);
    }
    Ok(segments)
}

/// Three letters or digits, the first a letter, then no letter or digit.
fn is_segment(line: &str) -> bool {
    match line.as_bytes() {
        [a, b, c, rest @ ..] => {
            a.is_ascii_uppercase()
                && b.is_ascii_alphanumeric()
                && c.is_ascii_alphanumeric()
                && !rest.first().is_some_and(u8::is_ascii_alphanumeric)
        }
        _ => false,
    }
}

/// One segment, split into fields.
#[derive(Debug, Clone)]
pub struct Segment<'a> {
    /// Place among the segments, from 0.
    pub line: usize,
    name: &'a str,
    fields: Vec<&'a str>,
    delimiters: Delimiters,
}

impl<'a> Segment<'a> {
    fn new(text: &'a str, line: usize, delimiters: Delimiters) -> Self {
        let fields: Vec<&str> = text.split(delimiters.field).take(MAX_FIELDS).collect();
        Self {
            line,
            name: text.get(..3).unwrap_or_default(),
            fields,
            delimiters,
        }
    }

    /// Its name, e.g. `OBX`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// A field by its number in the standard; an empty one where there is none.
    #[must_use]
    pub fn field(&self, number: usize) -> Field<'a> {
        // MSH-1 is the separator.
        let index = if self.name == "MSH" {
            number.saturating_sub(1)
        } else {
            number
        };
        let text = self.fields.get(index).copied().unwrap_or_default();
        Field {
            text: if text.trim() == "\"\"" { "" } else { text },
            delimiters: self.delimiters,
        }
    }
}

/// A field, or one repetition of it.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    text: &'a str,
    delimiters: Delimiters,
}

impl<'a> Field<'a> {
    /// All of it as sent.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.text
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Its repetitions.
    pub fn repeats(self) -> impl Iterator<Item = Field<'a>> {
        let delimiters = self.delimiters;
        self.text
            .split(delimiters.repeat)
            .take(MAX_PARTS)
            .map(move |text| Field { text, delimiters })
    }

    /// Its repetitions, however many: arrays of samples.
    pub(super) fn all_repeats(self) -> impl Iterator<Item = Field<'a>> {
        let delimiters = self.delimiters;
        self.text
            .split(delimiters.repeat)
            .map(move |text| Field { text, delimiters })
    }

    /// The components of all of it, as sent.
    pub(super) fn raw_components(self) -> impl Iterator<Item = &'a str> {
        self.text.split(self.delimiters.component)
    }

    fn first(&self) -> &'a str {
        self.text
            .split(self.delimiters.repeat)
            .next()
            .unwrap_or_default()
    }

    /// A component of the first repetition, from 1, as sent.
    #[must_use]
    pub fn component(&self, number: usize) -> &'a str {
        self.first()
            .split(self.delimiters.component)
            .nth(number.saturating_sub(1))
            .unwrap_or_default()
    }

    /// A subcomponent of the first repetition, both from 1, as sent.
    #[must_use]
    pub fn sub(&self, component: usize, number: usize) -> &'a str {
        self.component(component)
            .split(self.delimiters.sub)
            .nth(number.saturating_sub(1))
            .unwrap_or_default()
    }

    /// A component without its escape sequences.
    #[must_use]
    pub fn text(&self, number: usize, repairs: &mut Repairs) -> Cow<'a, str> {
        unescape(self.component(number).trim(), self.delimiters, repairs)
    }

    /// Any part of a field without its escape sequences.
    pub(super) fn plain(&self, part: &'a str, repairs: &mut Repairs) -> Cow<'a, str> {
        unescape(part.trim(), self.delimiters, repairs)
    }
}

/// Longest escape sequence: `\X` with 32 bytes in hex.
const MAX_ESCAPE: usize = 72;

/// Escape sequences to what they stand for: separators, bytes in hex (`\X0D\`), line breaks (`\.br\`); highlighting
/// (`\H\`, `\N\`) and other formatting vanish. What is no sequence stays as it is and is counted.
fn unescape<'a>(text: &'a str, delimiters: Delimiters, repairs: &mut Repairs) -> Cow<'a, str> {
    let escape = delimiters.escape;
    if !text.contains(escape) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(escape) {
        out.push_str(before);
        let sequence = after
            .split_once(escape)
            .filter(|(sequence, _)| sequence.len() <= MAX_ESCAPE);
        let Some((sequence, next)) = sequence else {
            repairs.note(Repair::Escape);
            out.push(escape);
            rest = after;
            continue;
        };
        if replace(sequence, delimiters, &mut out) {
            rest = next;
        } else {
            repairs.note(Repair::Escape);
            out.push(escape);
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn replace(sequence: &str, delimiters: Delimiters, out: &mut String) -> bool {
    match sequence {
        "F" => out.push(delimiters.field),
        "S" => out.push(delimiters.component),
        "R" => out.push(delimiters.repeat),
        "E" => out.push(delimiters.escape),
        "T" => out.push(delimiters.sub),
        ".br" | ".sp" => out.push('\n'),
        "H" | "N" => {}
        _ => {
            if let Some(hex) = sequence.strip_prefix('X') {
                let bytes: Option<Vec<u8>> = hex
                    .as_bytes()
                    .chunks(2)
                    .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                    .collect();
                let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else {
                    return false;
                };
                out.push_str(&String::from_utf8_lossy(&bytes));
                return true;
            }
            // Escapes of character sets, local escapes and formatting: nothing to show.
            return sequence.starts_with(['.', 'C', 'M', 'Z'])
                && sequence.len() <= 16
                && sequence.bytes().all(|b| b.is_ascii_graphic());
        }
    }
    true
}
