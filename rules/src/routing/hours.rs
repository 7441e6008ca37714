//! Hours by the wall clock of one time zone: windows of a week, on-call schedules, calendars.
//!
//! A local time that daylight saving skips is the moment of the change; one that comes twice is the first of the two.
//! Windows that meet on the wall therefore meet in time, too: no hole, no overlap.

mod calendar;
mod schedule;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use wardline_normalize::time::Micros;

pub(super) use calendar::Calendar;
pub(super) use schedule::{Every, Override, People, Rotation, Schedule, Shift};

/// Minutes of a day.
pub(super) const DAY: u16 = 1440;

/// Longest stretch of local time that a zone has ever skipped: a day, when a country changed sides of the date line.
const LONGEST_GAP: i64 = 24 * 60;

/// Days from yesterday on in which every window of a week starts at least once after any time of today.
const WEEK_AROUND: usize = 9;

/// Hours on some days of the week, each window known by the day on which it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Bit 0 is Monday.
    pub(super) days: u8,
    /// Minute of the day.
    pub(super) from: u16,
    /// Minute of the day, up to [`DAY`]; not after `from` means on the next day.
    pub(super) until: u16,
}

/// Every day, all day.
pub(super) const ALWAYS: Window = Window {
    days: 0x7F,
    from: 0,
    until: DAY,
};

impl Window {
    /// Minutes from its start to its end, by the wall clock.
    pub(super) fn length(self) -> u16 {
        if self.until > self.from {
            self.until - self.from
        } else {
            self.until + DAY - self.from
        }
    }

    /// From when until when, if it starts on this date.
    fn on(self, zone: Tz, date: NaiveDate) -> Option<(Micros, Micros)> {
        let weekday = date.weekday().num_days_from_monday();
        if self.days & (1 << weekday) == 0 {
            return None;
        }
        let midnight = date.and_hms_opt(0, 0, 0)?;
        let start = midnight + TimeDelta::minutes(i64::from(self.from));
        let end = start + TimeDelta::minutes(i64::from(self.length()));
        Some((instant(zone, start), instant(zone, end)))
    }

    /// The window of this week that `at` is in.
    fn around(self, zone: Tz, at: Micros) -> Option<(Micros, Micros)> {
        let today = local(zone, at).date();
        let yesterday = today.checked_sub_days(Days::new(1))?;
        [yesterday, today]
            .into_iter()
            .filter_map(|date| self.on(zone, date))
            .find(|(start, end)| (*start..*end).contains(&at))
    }

    /// Its first start or end after a time; none for one that is always.
    fn next_change(self, zone: Tz, at: Micros) -> Option<Micros> {
        if self == ALWAYS {
            return None;
        }
        let yesterday = local(zone, at).date().checked_sub_days(Days::new(1))?;
        yesterday
            .iter_days()
            .take(WEEK_AROUND)
            .filter_map(|date| self.on(zone, date))
            .flat_map(|(start, end)| [start, end])
            .filter(|change| *change > at)
            .min()
    }
}

/// What the wall clock shows. Times beyond the calendar show its first day.
pub(super) fn local(zone: Tz, at: Micros) -> NaiveDateTime {
    let utc = DateTime::from_timestamp_micros(at).unwrap_or_default();
    utc.with_timezone(&zone).naive_local()
}

/// When the wall clock shows this.
pub(super) fn instant(zone: Tz, shown: NaiveDateTime) -> Micros {
    for minutes in 0..=LONGEST_GAP {
        let candidate = shown + TimeDelta::minutes(minutes);
        if let Some(found) = zone.from_local_datetime(&candidate).earliest() {
            return found.timestamp_micros();
        }
    }
    shown.and_utc().timestamp_micros()
}

#[cfg(test)]
mod tests;
