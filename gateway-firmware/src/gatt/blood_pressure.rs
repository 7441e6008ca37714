//! Blood Pressure service: measurement (2A35), intermediate cuff pressure (2A36), their enhanced forms (2B34, 2B35),
//! and the segmented record (2B36).

use super::number::Reading;
use super::reader::{Fault, Put, Reader, Wrong};
use super::segments::{Header, Segments};
use super::time::{DateTime, Stamp};
use super::value::{Purpose, Quality, Value, general, names};
use super::{Crc, Quirks, metric};
use alloc::vec::Vec;

/// Which of the four characteristics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// 2A35.
    Measurement,
    /// 2A36.
    Cuff,
    /// 2B34.
    EnhancedMeasurement,
    /// 2B35.
    EnhancedCuff,
}

/// Pressures as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressures {
    /// Systolic, diastolic, mean.
    Three([Reading; 3]),
    /// Of the cuff, while it measures.
    One(Reading),
}

/// When, as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Date(Option<DateTime>),
    /// Seconds since the start of `since` (1900 or 2000): of the device's base clock, and as its user sees it.
    Seconds {
        since: u16,
        base: Option<u32>,
        user_facing: Option<u32>,
    },
}

/// A measurement in any of the four forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    pub kilopascal: bool,
    pub pressures: Pressures,
    pub times: Times,
    pub pulse: Option<Reading>,
    /// 0xFF: unknown.
    pub user: Option<u8>,
    pub status: Option<u16>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
    /// A number had a special mantissa and a power of ten; not encoded.
    pub doubtful: bool,
}

const STATUS: &[(u8, &str)] = &[
    (0, "body-movement"),
    (1, "cuff-too-loose"),
    (2, "irregular-pulse"),
    (5, "improper-position"),
];

impl Form {
    const fn enhanced(self) -> bool {
        matches!(self, Self::EnhancedMeasurement | Self::EnhancedCuff)
    }

    /// 2A36 has the layout of 2A35; 2B35 has one pressure alone.
    const fn one(self) -> bool {
        matches!(self, Self::EnhancedCuff)
    }

    const fn reserved(self) -> u8 {
        if self.enhanced() { 0x80 } else { 0xE0 }
    }

    /// Whether it is shown while measuring and never kept.
    #[must_use]
    pub const fn intermediate(self) -> bool {
        matches!(self, Self::Cuff | Self::EnhancedCuff)
    }
}

impl Measurement {
    pub fn decode(form: Form, bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let pressures = if form.one() {
            Pressures::One(reader.sfloat("cuff pressure")?)
        } else {
            Pressures::Three([
                reader.sfloat("systolic pressure")?,
                reader.sfloat("diastolic pressure")?,
                reader.sfloat("mean pressure")?,
            ])
        };
        let stamped = flags & 2 != 0;
        let (mut date, mut base) = (None, None);
        if form.enhanced() {
            base = reader.when(stamped, |r| r.u32("time stamp"))?;
        } else {
            date = reader.when(stamped, DateTime::read)?;
        }
        let pulse = reader.when(flags & 4 != 0, |r| r.sfloat("pulse rate"))?;
        let user = reader.when(flags & 8 != 0, |r| r.u8("user id"))?;
        let status = reader.when(flags & 16 != 0, |r| r.u16("measurement status"))?;
        let times = if form.enhanced() {
            Times::Seconds {
                since: if flags & 64 == 0 { 1900 } else { 2000 },
                base,
                user_facing: reader.when(flags & 32 != 0, |r| r.u32("user facing time"))?,
            }
        } else {
            Times::Date(date)
        };
        let reserved = flags & form.reserved();
        reader.end(reserved != 0)?;
        Ok(Self {
            kilopascal: flags & 1 != 0,
            pressures,
            times,
            pulse,
            user,
            status,
            reserved,
            doubtful: reader.doubtful,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (stamped, facing, epoch) = match self.times {
            Times::Date(date) => (date.is_some(), false, false),
            Times::Seconds {
                since,
                base,
                user_facing,
            } => (base.is_some(), user_facing.is_some(), since == 2000),
        };
        let flags = u8::from(self.kilopascal)
            | u8::from(stamped) << 1
            | u8::from(self.pulse.is_some()) << 2
            | u8::from(self.user.is_some()) << 3
            | u8::from(self.status.is_some()) << 4
            | u8::from(facing) << 5
            | u8::from(epoch) << 6
            | self.reserved;
        let mut out = alloc::vec![flags];
        match self.pressures {
            Pressures::One(cuff) => out.put_sfloat(cuff),
            Pressures::Three(three) => three.into_iter().for_each(|p| out.put_sfloat(p)),
        }
        match self.times {
            Times::Date(Some(date)) => date.put(&mut out),
            Times::Seconds {
                base: Some(base), ..
            } => out.put_u32(base),
            _ => {}
        }
        if let Some(pulse) = self.pulse {
            out.put_sfloat(pulse);
        }
        out.extend(self.user);
        if let Some(status) = self.status {
            out.put_u16(status);
        }
        if let Times::Seconds {
            user_facing: Some(seconds),
            ..
        } = self.times
        {
            out.put_u32(seconds);
        }
        out
    }

    /// The time on the device's display where it states one, else that of its clock.
    fn stamp(&self) -> Option<Stamp> {
        match self.times {
            Times::Date(date) => date.map(Stamp::Local),
            Times::Seconds {
                since,
                base,
                user_facing,
            } => user_facing
                .or(base)
                .map(|seconds| Stamp::Seconds { since, seconds }),
        }
    }

    pub(super) fn values(&self, form: Form) -> Vec<Value> {
        let unit = if self.kilopascal { "kPa" } else { "mm[Hg]" };
        let mut values = Vec::new();
        match self.pressures {
            Pressures::Three([systolic, diastolic, mean]) if !form.intermediate() => {
                values.push(Value::reading(metric::SYSTOLIC, systolic, unit));
                values.push(Value::reading(metric::DIASTOLIC, diastolic, unit));
                values.push(Value::reading(metric::MEAN_PRESSURE, mean, unit));
            }
            // Of an intermediate triple the first alone is real.
            Pressures::Three([cuff, ..]) | Pressures::One(cuff) => {
                values.push(Value::reading(metric::CUFF_PRESSURE, cuff, unit));
            }
        }
        if let Some(pulse) = self.pulse {
            values.push(Value::reading(metric::CUFF_PULSE, pulse, "/min"));
        }
        let status = self.status.unwrap_or(0);
        let mut flags = names(u32::from(status), STATUS);
        match status >> 3 & 3 {
            1 => flags.push("pulse-rate-above-range"),
            2 => flags.push("pulse-rate-below-range"),
            3 => flags.push("pulse-rate-range-reserved"),
            _ => {}
        }
        general(&mut flags, self.reserved != 0, self.doubtful);
        for value in &mut values {
            value.time = self.stamp();
            value.user = self.user.filter(|user| *user != 0xFF);
            value.flags.clone_from(&flags);
            if status & 0b10_0011 != 0 {
                value.worse(Quality::Questionable);
            }
            if form.intermediate() {
                value.purpose = Purpose::Telemetry;
            }
        }
        values
    }
}

/// Blood Pressure Record (2B36), put together: a stored value of another characteristic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub sequence: u16,
    /// 16-bit number of the characteristic.
    pub characteristic: u16,
    /// Its value.
    pub value: Vec<u8>,
}

/// Puts the segments of records (2B36) together.
///
/// The specification leaves open whether segments after the first repeat sequence number and characteristic: they are
/// taken off where a segment begins with the very four bytes that the first one began with.
#[derive(Debug, Clone, Default)]
pub struct Records {
    segments: Segments,
    head: [u8; 4],
}

impl Records {
    /// Takes a segment; gives the record with its last one.
    ///
    /// The record ends in an E2E-CRC over all that is before it where the feature says so; without word of it, it does
    /// if the last two bytes are that CRC.
    pub fn push(&mut self, bytes: &[u8], quirks: &Quirks) -> Result<Option<Record>, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let header = Header(reader.u8("segmentation header")?);
        let mut part = reader.rest("segment");
        match part.split_first_chunk::<4>() {
            Some((head, _)) if header.is_first() => self.head = *head,
            Some((head, rest)) if *head == self.head => part = rest,
            _ => {}
        }
        let Some(whole) = self.segments.push(header, part)? else {
            return Ok(None);
        };
        let mut body = whole.as_slice();
        if let Some((before, crc)) = body.split_last_chunk::<2>() {
            let found = u16::from_le_bytes(*crc);
            let computed = super::crc::ccitt_false(before);
            match quirks.crc {
                Crc::Absent => {}
                Crc::Auto | Crc::Present if found == computed => body = before,
                Crc::Auto => {}
                Crc::Present => {
                    return Err(Fault {
                        at: before.len(),
                        field: "E2E-CRC",
                        wrong: Wrong::Crc { found, computed },
                    });
                }
            }
        }
        let mut reader = Reader::new(body, quirks);
        Ok(Some(Record {
            sequence: reader.u16("sequence number")?,
            characteristic: reader.u16("characteristic of the record")?,
            value: reader.rest("recorded value").to_vec(),
        }))
    }

    /// Whether a record is under way.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.segments.is_open()
    }

    /// Forgets what is there: at a disconnection.
    pub fn clear(&mut self) {
        self.segments.clear();
    }
}

impl Record {
    /// Its segments, of at most `size` bytes behind their headers.
    #[must_use]
    pub fn encode(&self, size: usize, counter: u8, crc: bool) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        whole.put_u16(self.sequence);
        whole.put_u16(self.characteristic);
        whole.extend(&self.value);
        if crc {
            whole.put_crc();
        }
        super::segments::split(&whole, size, counter)
            .into_iter()
            .map(|(header, part)| {
                let mut out = alloc::vec![header.0];
                out.extend(part);
                out
            })
            .collect()
    }

    /// The form of the value, if it is one of this service.
    #[must_use]
    pub const fn form(&self) -> Option<Form> {
        match self.characteristic {
            0x2A35 => Some(Form::Measurement),
            0x2A36 => Some(Form::Cuff),
            0x2B34 => Some(Form::EnhancedMeasurement),
            0x2B35 => Some(Form::EnhancedCuff),
            _ => None,
        }
    }
}
