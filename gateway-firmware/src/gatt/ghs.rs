//! Generic Health Sensor service: features (2BF3), live (2B8B) and stored (2BDD) observations, control point (2BF4),
//! schedule (2BF1 and its descriptor's layout).
//!
//! Metrics and units come over the wire, so that one decoder covers devices that do not exist yet. Not settled by the
//! layouts at hand, and read as stated here: samples are unsigned; a compound state's masks are followed by codes.

mod observation;
mod value;

pub use observation::{Observation, Status};
pub use value::{Component, Item, Reals, Samples};

use super::number::{Number, Reading};
use super::reader::{Fault, Put, Reader};
use super::segments::{Header, Segments, split};
use super::value::{Content, Unit, Value};
use super::{Metric, Quirks, metric};
use alloc::vec::Vec;

/// Health Sensor Features (2BF3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Features {
    /// 32-bit codes of the observation types.
    pub types: Vec<u32>,
    /// Device specializations: 16-bit term of partition 8, and version.
    pub specializations: Option<Vec<(u16, u8)>>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
}

impl Features {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let count = reader.u8("number of observation types")?;
        let types = (0..count)
            .map(|_| reader.u32("observation type"))
            .collect::<Result<_, _>>()?;
        let specializations = reader.when(flags & 1 != 0, |r| {
            let count = r.u8("number of specializations")?;
            (0..count)
                .map(|_| Ok((r.u16("specialization")?, r.u8("specialization version")?)))
                .collect()
        })?;
        reader.end(flags & 0xFE != 0)?;
        Ok(Self {
            types,
            specializations,
            reserved: flags & 0xFE,
        })
    }

    /// Of at most 255 types and 255 specializations.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.specializations.is_some()) | self.reserved & 0xFE;
        let types = &self.types[..self.types.len().min(255)];
        let mut out = alloc::vec![flags, types.len() as u8];
        types.iter().for_each(|code| out.put_u32(*code));
        if let Some(list) = &self.specializations {
            let list = &list[..list.len().min(255)];
            out.push(list.len() as u8);
            for (term, version) in list {
                out.put_u16(*term);
                out.push(*version);
            }
        }
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let code = |code: u32| {
            Value::setting(
                metric::SENSOR_FEATURES,
                Content::Number(Number::integer(i64::from(code))),
            )
        };
        let types = self.types.iter().map(|metric| {
            let mut value = code(*metric);
            value.method = Some("observation-type");
            value
        });
        let specializations = self.specializations.iter().flatten().map(|(term, _)| {
            let mut value = code(8 << 16 | u32::from(*term));
            value.method = Some("specialization");
            value
        });
        types.chain(specializations).collect()
    }
}

/// Control point (2BF4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// 1.
    StartLive,
    /// 2.
    StopLive,
    /// Any other byte: outcomes of requests from 0x80 on.
    Other(u8),
}

impl Operation {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let operation = match reader.u8("op code")? {
            1 => Self::StartLive,
            2 => Self::StopLive,
            other => Self::Other(other),
        };
        reader.end(false)?;
        Ok(operation)
    }

    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        alloc::vec![match self {
            Self::StartLive => 1,
            Self::StopLive => 2,
            Self::Other(code) => code,
        }]
    }

    pub(super) fn values(self) -> Vec<Value> {
        let content = match self {
            Self::StartLive => Content::Code("start-live"),
            Self::StopLive => Content::Code("stop-live"),
            Self::Other(0x80) => Content::Code("success"),
            Self::Other(0x81) => Content::Code("server-busy"),
            Self::Other(code) => Content::Number(Number::integer(i64::from(code))),
        };
        alloc::vec![Value::setting(metric::SENSOR_OPERATION, content)]
    }
}

/// Observation Schedule (descriptor 2910; 2BF1 indicates that one changed, with its new value).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// 32-bit code of the observation type.
    pub metric: u32,
    /// Seconds that a measurement takes.
    pub period: Reading,
    /// Seconds from one update to the next.
    pub interval: Reading,
}

impl Schedule {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let schedule = Self {
            metric: reader.u32("observation type")?,
            period: reader.float("measurement period")?,
            interval: reader.float("update interval")?,
        };
        reader.end(false)?;
        Ok(schedule)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u32(self.metric);
        out.put_float(self.period);
        out.put_float(self.interval);
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let name = Metric::of_code(self.metric).name;
        [
            (metric::SCHEDULE, self.period),
            (metric::SCHEDULE_INTERVAL, self.interval),
        ]
        .into_iter()
        .map(|(metric, seconds)| {
            let mut value = Value::setting(metric, Content::from(seconds));
            value.unit = Unit::Ucum("s");
            value.method = Some(name).filter(|name| !name.is_empty());
            value
        })
        .collect()
    }
}

/// Puts the segments of live observations (2B8B) together.
#[derive(Debug, Clone, Default)]
pub struct Live {
    segments: Segments,
}

impl Live {
    /// Takes a segment; gives the observation with its last one.
    pub fn push(&mut self, bytes: &[u8], quirks: &Quirks) -> Result<Option<Observation>, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let header = Header(reader.u8("segmentation header")?);
        match self.segments.push(header, reader.rest("segment"))? {
            Some(whole) => Observation::decode(&whole, quirks).map(Some),
            None => Ok(None),
        }
    }

    /// Whether an observation is under way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.segments.is_open()
    }

    /// Forgets what is there: at a disconnection.
    pub fn clear(&mut self) {
        self.segments.clear();
    }
}

/// Puts the segments of stored observations (2BDD) together: a record number and an observation.
///
/// Whether segments after the first repeat the record number is read from the length that the observation states.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    once: Segments,
    repeated: Segments,
    number: [u8; 4],
}

impl Stored {
    /// Takes a segment; gives record number and observation with the last one.
    pub fn push(
        &mut self,
        bytes: &[u8],
        quirks: &Quirks,
    ) -> Result<Option<(u32, Observation)>, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let header = Header(reader.u8("segmentation header")?);
        let part = reader.rest("segment");
        let mut stripped = part;
        match part.split_first_chunk::<4>() {
            Some((head, _)) if header.is_first() => self.number = *head,
            Some((head, rest)) if *head == self.number => stripped = rest,
            _ => {}
        }
        let once = self.once.push(header, part);
        // Fails where the first fails: the headers are the same.
        let repeated = self.repeated.push(header, stripped);
        let (Some(once), Some(repeated)) = (once?, repeated?) else {
            return Ok(None);
        };
        let whole = if Self::fits(&once) || !Self::fits(&repeated) {
            once
        } else {
            repeated
        };
        let mut reader = Reader::new(&whole, quirks);
        let number = reader.u32("record number")?;
        let at = reader.at();
        let observation =
            Observation::decode(reader.rest("observation"), quirks).map_err(|fault| Fault {
                at: fault.at + at,
                ..fault
            })?;
        Ok(Some((number, observation)))
    }

    /// Whether the observation behind the record number has the length it states.
    fn fits(whole: &[u8]) -> bool {
        match whole {
            [_, _, _, _, _, low, high, rest @ ..] => {
                rest.len() == usize::from(u16::from_le_bytes([*low, *high]))
            }
            _ => false,
        }
    }

    /// Whether an observation is under way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.once.is_open()
    }

    /// Forgets what is there: at a disconnection.
    pub fn clear(&mut self) {
        self.once.clear();
        self.repeated.clear();
    }
}

/// Segments of at most `size` bytes behind their headers, of a live observation, or of a stored one with its number.
#[must_use]
pub fn segments(
    observation: &Observation,
    record: Option<u32>,
    size: usize,
    counter: u8,
) -> Vec<Vec<u8>> {
    let mut whole = Vec::new();
    if let Some(number) = record {
        whole.put_u32(number);
    }
    whole.extend(observation.encode());
    split(&whole, size, counter)
        .into_iter()
        .map(|(header, part)| {
            let mut out = alloc::vec![header.0];
            out.extend(part);
            out
        })
        .collect()
}
