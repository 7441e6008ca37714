//! Elapsed Time (2BF2): the clock of the Elapsed Time service, and the stamps of Generic Health Sensor observations.

use super::metric;
use super::reader::{Fault, Put, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Content, Value, names};
use super::{Quirks, Unit};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;

/// Nine bytes: what a clock or a counter showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ElapsedTime {
    /// Bit 0 tick counter, 1 UTC, 2 and 3 resolution, 4 offset used, 5 on the current timeline.
    pub flags: u8,
    /// In units of the resolution, since the start of 2000 or of the counter; 48 bits.
    pub value: u64,
    /// Time Sync Source Type.
    pub source: u8,
    /// Zone and daylight saving, in quarters of an hour.
    pub offset: i8,
}

/// The characteristic: the clock, its status and what it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Clock {
    pub time: ElapsedTime,
    /// Bit 0: needs to be set.
    pub status: u8,
    /// Bit 0 applies daylight saving itself, 1 manages its zone itself.
    pub capabilities: u8,
}

const FLAGS: &[(u8, &str)] = &[
    (0, "tick-counter"),
    (1, "utc"),
    (4, "offset-used"),
    (5, "current-timeline"),
];
const EPOCH_2000_US: i64 = 10_957 * 86_400 * 1_000_000;
const MICROSECONDS: [u64; 4] = [1_000_000, 100_000, 1_000, 100];
/// Bits 6 and 7.
const RESERVED: u8 = 0xC0;

impl ElapsedTime {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            flags: reader.u8("flags of the time stamp")?,
            value: reader.u48("time value")?,
            source: reader.u8("time source")?,
            offset: reader.u8("offset from UTC")? as i8,
        })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.flags);
        out.put_u48(self.value);
        out.extend([self.source, self.offset as u8]);
    }

    const fn bit(&self, bit: u8) -> bool {
        self.flags >> bit & 1 == 1
    }

    /// Whether it is a counter, which tells order and distance and nothing else.
    #[must_use]
    pub const fn is_tick_counter(&self) -> bool {
        self.bit(0)
    }

    /// Whether the clock has not been set since in another way; a stamp of an older timeline has no known relation
    /// to the time of day.
    #[must_use]
    pub const fn on_current_timeline(&self) -> bool {
        self.bit(5)
    }

    /// Microseconds since the start of 2000 or of the counter; it never overflows, as 48 bits of seconds are
    /// fewer microseconds than an `u64` has.
    #[must_use]
    pub fn elapsed_us(&self) -> u64 {
        self.value
            .saturating_mul(MICROSECONDS[usize::from(self.flags >> 2 & 3)])
    }

    fn since_1970_us(&self) -> Option<i64> {
        if self.is_tick_counter() {
            return None;
        }
        i64::try_from(self.elapsed_us())
            .ok()?
            .checked_add(EPOCH_2000_US)
    }

    fn offset_us(&self) -> i64 {
        i64::from(self.offset) * 900_000_000
    }

    /// Local time, its digits read as UTC; `None` for a counter, and for UTC without an offset.
    #[must_use]
    pub fn local_us(&self) -> Option<i64> {
        let time = self.since_1970_us()?;
        match (self.bit(1), self.bit(4)) {
            (false, _) => Some(time),
            (true, true) => time.checked_add(self.offset_us()),
            (true, false) => None,
        }
    }

    /// The point in time; `None` for a counter, and for local time without an offset.
    #[must_use]
    pub fn instant_us(&self) -> Option<i64> {
        let time = self.since_1970_us()?;
        match (self.bit(1), self.bit(4)) {
            (true, _) => Some(time),
            (false, true) => time.checked_sub(self.offset_us()),
            (false, false) => None,
        }
    }

    /// Names of its bits.
    #[must_use]
    pub fn flag_names(&self) -> Vec<&'static str> {
        names(u32::from(self.flags), FLAGS)
    }
}

impl fmt::Display for ElapsedTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.elapsed_us();
        let digits = [0, 1, 3, 4][usize::from(self.flags >> 2 & 3)];
        let fraction = us % 1_000_000 / 100 / 10_u64.pow(4 - digits as u32);
        let part = |f: &mut fmt::Formatter<'_>| match digits {
            0 => Ok(()),
            _ => write!(f, ".{fraction:0digits$}"),
        };
        let shown = match (self.bit(1), self.bit(4)) {
            (true, true) => self.local_us(),
            _ => self.since_1970_us(),
        };
        match shown.and_then(DateTime::from_us) {
            Some(date) => {
                write!(f, "{date}")?;
                part(f)?;
                match (self.bit(1), self.bit(4)) {
                    (_, true) => {
                        let minutes = i32::from(self.offset) * 15;
                        let sign = if minutes < 0 { '-' } else { '+' };
                        let minutes = minutes.abs();
                        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
                    }
                    (true, false) => f.write_str("Z"),
                    (false, false) => Ok(()),
                }
            }
            None => {
                write!(f, "PT{}", us / 1_000_000)?;
                part(f)?;
                f.write_str("S")
            }
        }
    }
}

impl Clock {
    /// From the characteristic; nine bytes (a notification) have neither status nor capabilities.
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let time = ElapsedTime::read(&mut reader)?;
        let both = reader.left() > 0;
        let clock = Self {
            time,
            status: reader.when(both, |r| r.u8("clock status"))?.unwrap_or(0),
            capabilities: reader
                .when(both, |r| r.u8("clock capabilities"))?
                .unwrap_or(0),
        };
        reader.end(time.flags & RESERVED != 0)?;
        Ok(clock)
    }

    /// Eleven bytes, as read and written.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(11);
        self.time.put(&mut out);
        out.extend([self.status, self.capabilities]);
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let text = Content::Text(self.time.to_string());
        let metric = if self.time.is_tick_counter() {
            metric::TICK_COUNTER
        } else {
            metric::CLOCK
        };
        let mut value = Value::setting(metric, text);
        value.unit = Unit::None;
        value.time = Some(Stamp::Elapsed(self.time));
        value.flags = self.time.flag_names();
        value
            .flags
            .extend(names(u32::from(self.status), &[(0, "needs-setting")]));
        value.flags.extend(names(
            u32::from(self.capabilities),
            &[(0, "applies-dst"), (1, "manages-zone")],
        ));
        alloc::vec![value]
    }
}
