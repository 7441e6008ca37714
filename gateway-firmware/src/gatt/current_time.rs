//! Current Time service and its parts: current time (2A2B), local time information (2A0F), date time (2A08),
//! time zone (2A0E), daylight saving (2A0D).

use super::number::{Absence, Number};
use super::reader::{Fault, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Content, Unit, Value, names};
use super::{Quirks, metric};
use alloc::string::ToString;
use alloc::vec::Vec;

/// Current Time (2A2B): ten bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentTime {
    pub time: DateTime,
    /// 1 Monday to 7 Sunday; 0 unknown.
    pub day_of_week: u8,
    /// 1/256 s.
    pub fractions: u8,
    /// Bits: manual, external reference, change of zone, change of daylight saving.
    pub reason: u8,
}

const REASONS: &[(u8, &str)] = &[
    (0, "manual-update"),
    (1, "reference-update"),
    (2, "zone-change"),
    (3, "dst-change"),
];

impl CurrentTime {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let time = DateTime::read(&mut reader)?;
        let at = reader.at();
        let day_of_week = reader.u8("day of week")?;
        if day_of_week > 7 {
            return Err(Fault::impossible(
                at,
                "day of week",
                u32::from(day_of_week),
                "0 to 7",
            ));
        }
        let current = Self {
            time,
            day_of_week,
            fractions: reader.u8("fractions of a second")?,
            reason: reader.u8("adjust reason")?,
        };
        reader.end(false)?;
        Ok(current)
    }

    /// What is read, and what is written to set the clock.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.time.put(&mut out);
        out.extend([self.day_of_week, self.fractions, self.reason]);
        out
    }

    /// The local time of `us` microseconds since 1970 that are read as local time, to set a clock by;
    /// `None` outside 1582 to 9999.
    #[must_use]
    pub fn from_local_us(us: i64) -> Option<Self> {
        let time = DateTime::from_us(us)?;
        // 1970-01-01 was a Thursday.
        let day = us.div_euclid(86_400_000_000) + 3;
        Some(Self {
            time,
            day_of_week: day.rem_euclid(7) as u8 + 1,
            fractions: (us.rem_euclid(1_000_000) * 256 / 1_000_000) as u8,
            reason: 0b10,
        })
    }

    /// Its digits read as UTC, in microseconds since 1970; `None` when a part of the date is not known.
    #[must_use]
    pub fn local_us(&self) -> Option<i64> {
        Some(self.time.as_us()? + i64::from(self.fractions) * 1_000_000 / 256)
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let mut value = Value::setting(metric::CLOCK, Content::Text(self.time.to_string()));
        value.time = Some(Stamp::Local(self.time));
        value.flags = names(u32::from(self.reason), REASONS);
        alloc::vec![value]
    }
}

/// Date Time (2A08) alone.
pub fn date_time(bytes: &[u8], quirks: &Quirks) -> Result<DateTime, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let time = DateTime::read(&mut reader)?;
    reader.end(false)?;
    Ok(time)
}

/// Seven bytes, as read and written.
#[must_use]
pub fn encode_date_time(time: DateTime) -> Vec<u8> {
    let mut out = Vec::new();
    time.put(&mut out);
    out
}

pub(super) fn date_time_values(time: DateTime) -> Vec<Value> {
    let mut value = Value::setting(metric::CLOCK, Content::Text(time.to_string()));
    value.time = Some(Stamp::Local(time));
    alloc::vec![value]
}

/// Time Zone (2A0E) that is not known.
pub const ZONE_UNKNOWN: i8 = -128;
/// DST Offset (2A0D) that is not known.
pub const DST_UNKNOWN: u8 = 255;

/// Local Time Information (2A0F).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    /// Quarters of an hour east of UTC, -48 to 56; -128: unknown.
    pub zone: i8,
    /// Quarters of an hour of daylight saving: 0, 2, 4 or 8; 255: unknown.
    pub dst: u8,
}

pub(super) fn read_zone(reader: &mut Reader<'_>) -> Result<i8, Fault> {
    let at = reader.at();
    let zone = reader.u8("time zone")? as i8;
    if zone == ZONE_UNKNOWN || (-48..=56).contains(&zone) {
        return Ok(zone);
    }
    Err(Fault::impossible(
        at,
        "time zone",
        u32::from(zone as u8),
        "-48 to 56 quarters of an hour, or -128",
    ))
}

pub(super) fn read_dst(reader: &mut Reader<'_>) -> Result<u8, Fault> {
    let at = reader.at();
    let dst = reader.u8("DST offset")?;
    if matches!(dst, 0 | 2 | 4 | 8 | DST_UNKNOWN) {
        return Ok(dst);
    }
    Err(Fault::impossible(
        at,
        "DST offset",
        u32::from(dst),
        "0, 2, 4, 8 or 255",
    ))
}

/// Minutes that local time is ahead of UTC; `None` when the zone is not known. Daylight saving that is not known counts
/// as none: the zone alone is what the device stated.
#[must_use]
pub fn zone_minutes(zone: i8, dst: u8) -> Option<i16> {
    let dst = if dst == DST_UNKNOWN { 0 } else { dst };
    (zone != ZONE_UNKNOWN).then(|| (i16::from(zone) + i16::from(dst)) * 15)
}

impl LocalTime {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let local = Self {
            zone: read_zone(&mut reader)?,
            dst: read_dst(&mut reader)?,
        };
        reader.end(false)?;
        Ok(local)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        alloc::vec![self.zone as u8, self.dst]
    }

    pub(super) fn values(&self) -> Vec<Value> {
        zone_values(self.zone, self.dst).into()
    }
}

/// Time Zone (2A0E) alone.
pub fn zone(bytes: &[u8], quirks: &Quirks) -> Result<i8, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let zone = read_zone(&mut reader)?;
    reader.end(false)?;
    Ok(zone)
}

/// DST Offset (2A0D) alone.
pub fn dst(bytes: &[u8], quirks: &Quirks) -> Result<u8, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let dst = read_dst(&mut reader)?;
    reader.end(false)?;
    Ok(dst)
}

pub(super) fn zone_value(zone: i8) -> Value {
    minutes(metric::TIME_ZONE, i64::from(zone), zone == ZONE_UNKNOWN)
}

pub(super) fn dst_value(dst: u8) -> Value {
    minutes(metric::DST_OFFSET, i64::from(dst), dst == DST_UNKNOWN)
}

pub(super) fn zone_values(zone: i8, dst: u8) -> [Value; 2] {
    [zone_value(zone), dst_value(dst)]
}

fn minutes(metric: super::Metric, quarters: i64, unknown: bool) -> Value {
    let content = if unknown {
        Content::Absent(Absence::Unknown)
    } else {
        Content::Number(Number::integer(quarters * 15))
    };
    let mut value = Value::setting(metric, content);
    value.unit = Unit::Ucum("min");
    value
}
