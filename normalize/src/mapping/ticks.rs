//! Times of 100 ns since 1970 UTC: the resolution of the original's `DateTime` (specification 1.7).
//!
//! A time without a zone is UTC. Digits beyond the seventh of a second are cut off.

use std::fmt;

use chrono::{Datelike, NaiveDate};

mod general;
mod iso;
#[cfg(test)]
mod tests;

/// Units of 100 ns since 1970-01-01T00:00:00Z; years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub i64);

/// A time taken apart, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    pub year: i32,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    /// Units of 100 ns into the second.
    pub fraction: u32,
}

/// Days from 0001-01-01 (day 1 of chrono's common era count) to 1970-01-01.
const EPOCH_DAYS: i64 = 719_163;

impl Ticks {
    pub const SECOND: i64 = 10_000_000;
    pub const MINUTE: i64 = 60 * Self::SECOND;
    pub const HOUR: i64 = 60 * Self::MINUTE;
    pub const DAY: i64 = 24 * Self::HOUR;
    /// 0001-01-01T00:00:00Z.
    pub const MIN: Self = Self(-621_355_968_000_000_000);
    /// 9999-12-31T23:59:59.9999999Z.
    pub const MAX: Self = Self(2_534_023_007_999_999_999);

    /// Reads what .NET's general invariant parser reads: ISO 8601 with or without zone, `MM/dd/yyyy` with the time
    /// of day in 12 or 24 hours, RFC 1123, names of months, `/Date(ms)/`. What needs today's date to be complete
    /// (a time alone, a day without a year) is no time.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        iso::parse(text.as_bytes()).or_else(|| general::parse(text))
    }

    /// Reads the one form that Json.NET types as a date (specification 1.1): `yyyy-MM-ddTHH:mm:ss`, at most seven
    /// decimals, `Z`, an offset or nothing; and nothing around it.
    #[must_use]
    pub fn parse_json_net(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        if !(19..=40).contains(&text.len()) || text.get(10) != Some(&b'T') {
            return None;
        }
        iso::parse_strict(text)
    }

    /// Seconds since 1970.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        Self::checked(seconds.checked_mul(Self::SECOND)?)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        Self::checked(millis.checked_mul(10_000)?)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        Self::checked(micros.checked_mul(10)?)
    }

    /// Microseconds since 1970; the last digit is cut off towards the past.
    #[must_use]
    pub const fn to_micros(self) -> i64 {
        self.0.div_euclid(10)
    }

    /// `Some` within the years 1 to 9999.
    #[must_use]
    pub fn checked(ticks: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&ticks)
            .then_some(Self(ticks))
    }

    /// The last multiple of `unit` (ticks, say [`Ticks::HOUR`]) at or before this time.
    #[must_use]
    pub const fn floor(self, unit: i64) -> Self {
        Self(self.0 - self.0.rem_euclid(unit))
    }

    /// A date and a time of day; `hour` may be 24 at midnight.
    fn from_parts(parts: Parts) -> Option<Self> {
        let Parts {
            hour,
            minute,
            second,
            fraction,
            ..
        } = parts;
        let midnight = hour == 24 && minute == 0 && second == 0 && fraction == 0;
        if !(1..=9999).contains(&parts.year)
            || (hour > 23 && !midnight)
            || minute > 59
            || second > 59
        {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(parts.year, parts.month, parts.day)?;
        let days = i64::from(date.num_days_from_ce()) - EPOCH_DAYS;
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Self::checked(days * Self::DAY + seconds * Self::SECOND + i64::from(fraction))
    }

    /// Date and time of day, in UTC.
    #[must_use]
    pub fn parts(self) -> Parts {
        let ticks = self.0.clamp(Self::MIN.0, Self::MAX.0);
        let days = ticks.div_euclid(Self::DAY) + EPOCH_DAYS;
        let rest = ticks.rem_euclid(Self::DAY);
        let date = i32::try_from(days)
            .ok()
            .and_then(NaiveDate::from_num_days_from_ce_opt)
            .unwrap_or_default();
        let part = |unit: i64, of: i64| u32::try_from(rest / unit % of).unwrap_or_default();
        Parts {
            year: date.year(),
            month: date.month(),
            day: date.day(),
            hour: part(Self::HOUR, 24),
            minute: part(Self::MINUTE, 60),
            second: part(Self::SECOND, 60),
            fraction: part(1, Self::SECOND),
        }
    }

    /// RFC 3339 in UTC with the fewest decimals that are exact: `2026-01-05T10:00:00.5Z`.
    #[must_use]
    pub fn format(self) -> String {
        self.to_string()
    }

    /// RFC 3339 in UTC with seven decimals, as the original writes it: `2019-01-01T00:59:59.9999999Z`.
    #[must_use]
    pub fn format_seven(self) -> String {
        let p = self.parts();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:07}Z",
            p.year, p.month, p.day, p.hour, p.minute, p.second, p.fraction
        )
    }

    /// `yyyyMMddHHmmss`: the original's piece of an Observation's identifier (its `Z` is the caller's).
    #[must_use]
    pub fn format_compact(self) -> String {
        let p = self.parts();
        format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}",
            p.year, p.month, p.day, p.hour, p.minute, p.second
        )
    }

    /// `MM/dd/yyyy HH:mm:ss`: what .NET's invariant culture prints (specification 1.6, strict).
    #[must_use]
    pub fn format_invariant(self) -> String {
        let p = self.parts();
        format!(
            "{:02}/{:02}/{:04} {:02}:{:02}:{:02}",
            p.month, p.day, p.year, p.hour, p.minute, p.second
        )
    }
}

/// As [`Ticks::format`].
impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = self.parts();
        let mut text = *b"0000-00-00T00:00:00.0000000Z";
        let fields = [
            (0, 4, p.year.unsigned_abs()),
            (5, 2, p.month),
            (8, 2, p.day),
            (11, 2, p.hour),
        ];
        let rest = [(14, 2, p.minute), (17, 2, p.second), (20, 7, p.fraction)];
        for (at, width, mut number) in fields.into_iter().chain(rest) {
            for digit in text.iter_mut().skip(at).take(width).rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        let mut end = 27;
        if p.fraction == 0 {
            end = 19;
        } else {
            while text[end - 1] == b'0' {
                end -= 1;
            }
        }
        text[end] = b'Z';
        f.write_str(std::str::from_utf8(&text[..=end]).map_err(|_| fmt::Error)?)
    }
}
