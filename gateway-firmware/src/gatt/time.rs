//! Times as devices state them: without a zone, partly unknown, relative. None is turned into a point in time here.

use super::elapsed_time::ElapsedTime;
use super::reader::{Fault, Put, Reader};
use alloc::vec::Vec;
use core::fmt;

/// Date Time (2A08): local time without a zone. A zero in year, month or day means that it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DateTime {
    /// 1582 to 9999, or 0.
    pub year: u16,
    /// 1 to 12, or 0.
    pub month: u8,
    /// 1 to 31, or 0.
    pub day: u8,
    pub hours: u8,
    pub minutes: u8,
    pub seconds: u8,
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar (years from March, eras of 400 years).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day `days` after 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

const fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(month: u8, year: u16) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year != 0 && !is_leap(year) => 28,
        2 => 29,
        _ => 31,
    }
}

impl DateTime {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = reader.at();
        let year = reader.u16("year")?;
        let mut field = |name: &'static str, most: u8, allowed: &'static str| {
            let at = reader.at();
            match reader.u8(name)? {
                found if found <= most => Ok(found),
                found => Err(Fault::impossible(at, name, u32::from(found), allowed)),
            }
        };
        if year != 0 && !(1582..=9999).contains(&year) {
            return Err(Fault::impossible(
                at,
                "year",
                u32::from(year),
                "0 or 1582 to 9999",
            ));
        }
        let month = field("month", 12, "0 to 12")?;
        let day = field("day", days_of(month, year), "a day of its month, or 0")?;
        Ok(Self {
            year,
            month,
            day,
            hours: field("hours", 23, "0 to 23")?,
            minutes: field("minutes", 59, "0 to 59")?,
            seconds: field("seconds", 59, "0 to 59")?,
        })
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.put_u16(self.year);
        out.extend([self.month, self.day, self.hours, self.minutes, self.seconds]);
    }

    /// The date and time of this many microseconds since 1970, read as local time; `None` outside 1582 to 9999.
    #[must_use]
    pub fn from_us(us: i64) -> Option<Self> {
        let seconds = us.div_euclid(1_000_000);
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        if !(1582..=9999).contains(&year) {
            return None;
        }
        Some(Self {
            year: year as u16,
            month: month as u8,
            day: day as u8,
            hours: (of_day / 3_600) as u8,
            minutes: (of_day / 60 % 60) as u8,
            seconds: (of_day % 60) as u8,
        })
    }

    /// Its digits read as UTC, in microseconds since 1970; `None` when a part of the date is not known.
    #[must_use]
    pub fn as_us(self) -> Option<i64> {
        if self.year == 0 || self.month == 0 || self.day == 0 {
            return None;
        }
        let days = days(
            i64::from(self.year),
            i64::from(self.month),
            i64::from(self.day),
        );
        let seconds =
            (i64::from(self.hours) * 60 + i64::from(self.minutes)) * 60 + i64::from(self.seconds);
        Some((days * 86_400 + seconds) * 1_000_000)
    }

    /// So many minutes later; as it is when a part of the date is not known or the calendar ends.
    #[must_use]
    pub fn plus_minutes(self, minutes: i16) -> Self {
        self.as_us()
            .and_then(|us| Self::from_us(us + i64::from(minutes) * 60_000_000))
            .unwrap_or(self)
    }
}

impl fmt::Display for DateTime {
    /// `2026-11-22T08:30:00`; what is not known is zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            self.year, self.month, self.day, self.hours, self.minutes, self.seconds
        )
    }
}

/// When a value was measured, as its device stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stamp {
    /// Local time without a zone.
    Local(DateTime),
    /// Seconds since the start of 1900 or 2000, of local time.
    Seconds { since: u16, seconds: u32 },
    /// Minutes since a CGM session started.
    Session { minutes: u16 },
    /// A clock that may have a zone, or a tick counter.
    Elapsed(ElapsedTime),
}

const DAYS_1900: i64 = -25_567;
const DAYS_2000: i64 = 10_957;

impl Stamp {
    /// Its digits as local time read as UTC, in microseconds since 1970; `None` for partial and relative times.
    #[must_use]
    pub fn local_us(&self) -> Option<i64> {
        match self {
            Self::Local(date) => date.as_us(),
            Self::Seconds { since, seconds } => {
                let epoch = if *since == 1900 { DAYS_1900 } else { DAYS_2000 };
                Some((epoch * 86_400 + i64::from(*seconds)) * 1_000_000)
            }
            Self::Session { .. } => None,
            Self::Elapsed(elapsed) => elapsed.local_us(),
        }
    }

    /// The point in time, in microseconds since 1970, where the device states its zone.
    #[must_use]
    pub fn instant_us(&self) -> Option<i64> {
        match self {
            Self::Elapsed(elapsed) => elapsed.instant_us(),
            _ => None,
        }
    }
}

impl fmt::Display for Stamp {
    /// ISO 8601 as far as it goes: local times without a zone, relative times as durations.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(date) => date.fmt(f),
            Self::Seconds { .. } => match self.local_us().and_then(DateTime::from_us) {
                Some(date) => date.fmt(f),
                None => Ok(()),
            },
            Self::Session { minutes } => write!(f, "PT{minutes}M"),
            Self::Elapsed(elapsed) => elapsed.fmt(f),
        }
    }
}
