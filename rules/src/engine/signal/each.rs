//! One value a day, by local time, or the mean of those of several days.

use crate::engine::exact::Exact;
use crate::engine::row::Sample;
use crate::{Each, Take};
use chrono::{DateTime, Datelike as _, Timelike as _};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use wardline_normalize::time::Micros;

/// What a resting value is averaged over.
const REST: Micros = 300_000_000;

/// The day under way.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Day {
    /// Days since 1 January of year 1, local; none while outside the hours.
    date: Option<i32>,
    count: u32,
    sum: Exact,
    low: Exact,
    high: Exact,
    /// Five minutes under way: their number, count and sum.
    rest: (i64, u32, Exact),
    /// Lowest mean of the five minutes before.
    resting: Option<Exact>,
    /// Days and their values, of a mean of several.
    #[serde(default)]
    recent: VecDeque<(i32, Exact)>,
}

impl Day {
    /// The value of a day: with its first reading if that is the one taken, else with the first reading after it.
    pub(super) fn take(&mut self, each: &Each, sample: &Sample<'_>) -> Option<f64> {
        let before = self.date;
        let value = self.day(each, sample)?;
        if each.days < 2 {
            return Some(value);
        }
        let day = match each.take {
            Take::First => self.date,
            _ => before,
        }?;
        let days = i32::try_from(each.days).ok()?;
        self.recent.push_back((day, Exact(value)));
        self.recent.retain(|(known, _)| *known > day - days);
        let count = u32::try_from(self.recent.len()).ok()?;
        let sum: f64 = self.recent.iter().map(|(_, Exact(value))| value).sum();
        (count >= each.least).then(|| sum / f64::from(count))
    }

    fn day(&mut self, each: &Each, sample: &Sample<'_>) -> Option<f64> {
        let date = date(each, sample.time);
        let over = if date == self.date {
            None
        } else {
            let over = self.value(each.take);
            *self = Self {
                date,
                recent: std::mem::take(&mut self.recent),
                ..Self::default()
            };
            over
        };
        if date.is_some() {
            self.add(sample);
            if each.take == Take::First {
                return (self.count == 1).then_some(sample.value);
            }
        }
        over
    }

    fn add(&mut self, sample: &Sample<'_>) {
        let value = sample.value;
        self.low.0 = if self.count == 0 {
            value
        } else {
            self.low.0.min(value)
        };
        self.high.0 = if self.count == 0 {
            value
        } else {
            self.high.0.max(value)
        };
        self.count += 1;
        self.sum.0 += value;
        let stretch = sample.time.div_euclid(REST);
        if self.rest.0 != stretch {
            self.resting = self.lowest();
            self.rest = (stretch, 0, Exact(0.0));
        }
        self.rest.1 += 1;
        self.rest.2.0 += value;
    }

    fn lowest(&self) -> Option<Exact> {
        let (_, count, Exact(sum)) = self.rest;
        let mean = (count > 0).then(|| Exact(sum / f64::from(count)));
        match (self.resting, mean) {
            (Some(one), Some(other)) => Some(Exact(one.0.min(other.0))),
            (one, other) => one.or(other),
        }
    }

    fn value(&self, take: Take) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        match take {
            Take::First => None,
            Take::Mean => Some(self.sum.0 / f64::from(self.count)),
            Take::Min => Some(self.low.0),
            Take::Max => Some(self.high.0),
            Take::Low => self.lowest().map(|Exact(value)| value),
        }
    }
}

/// The local day a time belongs to; `None` outside the hours.
fn date(each: &Each, time: Micros) -> Option<i32> {
    let local = DateTime::from_timestamp_micros(time)?.with_timezone(&each.zone);
    let day = local.num_days_from_ce();
    let Some((from, to)) = each.between else {
        return Some(day);
    };
    let minute = local.hour() * 60 + local.minute();
    if from < to {
        return (from..to).contains(&minute).then_some(day);
    }
    if minute >= from {
        Some(day)
    } else {
        (minute < to).then_some(day - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_night_belongs_to_the_day_it_began_by_local_time() {
        let each = Each {
            take: Take::Low,
            between: Some((22 * 60, 6 * 60)),
            zone: chrono_tz::Europe::Berlin,
            days: 1,
            least: 1,
        };
        let at = |text: &str| wardline_normalize::time::parse_rfc3339(text).unwrap();
        let evening = date(&each, at("2026-03-28T21:30:00Z")); // 22:30 in Berlin
        assert!(evening.is_some());
        // The clocks go forward in that night: 05:59 is 03:59 UTC.
        assert_eq!(date(&each, at("2026-03-29T03:59:00Z")), evening);
        assert_eq!(date(&each, at("2026-03-29T04:00:00Z")), None);
        assert_eq!(date(&each, at("2026-03-28T20:59:00Z")), None);
    }
}
