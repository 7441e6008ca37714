//! Hours in which somebody watches.

use super::{Window, local};
use crate::routing::Watch;
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use wardline_normalize::time::Micros;

/// How far an opening or a closing is looked for: a year and a little, so that yearly holidays cannot hide one.
const HORIZON: u64 = 400;

#[derive(Debug, Clone)]
pub(in crate::routing) struct Calendar {
    pub(in crate::routing) id: String,
    pub(in crate::routing) open: Vec<Window>,
    /// Dates on which no window starts.
    pub(in crate::routing) closed: Vec<NaiveDate>,
}

impl Calendar {
    pub(in crate::routing) fn is_open(&self, zone: Tz, at: Micros) -> bool {
        let today = local(zone, at).date();
        self.windows(zone, today, 1, 0)
            .any(|(start, end)| (start..end).contains(&at))
    }

    /// When it opens, if it is closed; none if not within the horizon.
    pub(in crate::routing) fn opens(&self, zone: Tz, at: Micros) -> Option<Micros> {
        let today = local(zone, at).date();
        let mut day = Some(today);
        for _ in 0..=HORIZON {
            let date = day?;
            let starts = self.windows(zone, date, 0, 0).map(|(start, _)| start);
            if let Some(first) = starts.filter(|start| *start > at).min() {
                return Some(first);
            }
            day = date.checked_add_days(Days::new(1));
        }
        None
    }

    /// When it may open or close next; none if not within the horizon.
    pub(in crate::routing) fn next_change(&self, zone: Tz, at: Micros) -> Option<Micros> {
        let today = local(zone, at).date();
        let ends = self
            .windows(zone, today, 1, 0)
            .map(|(_, end)| end)
            .filter(|end| *end > at)
            .min();
        [ends, self.opens(zone, at)].into_iter().flatten().min()
    }

    pub(in crate::routing) fn watch(&self, zone: Tz, at: Micros) -> Watch {
        let today = local(zone, at).date();
        let mut windows: Vec<_> = self.windows(zone, today, HORIZON, HORIZON).collect();
        windows.sort_unstable();
        let mut spans: Vec<(Micros, Micros)> = Vec::new();
        for (start, end) in windows {
            match spans.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => spans.push((start, end)),
            }
        }
        let next = spans.partition_point(|(start, _)| *start <= at);
        let current = next.checked_sub(1).and_then(|last| spans.get(last));
        let (first, last) = (spans.first(), spans.last());
        let (open, since, until) = match current {
            Some(span) if at < span.1 => (
                true,
                (Some(span) != first).then_some(span.0),
                (Some(span) != last).then_some(span.1),
            ),
            before => (
                false,
                before.map(|span| span.1),
                spans.get(next).map(|span| span.0),
            ),
        };
        Watch {
            calendar: self.id.clone(),
            open,
            since,
            until,
        }
    }

    /// Windows that start from `before` days before a date to `after` days after it, in the order of days.
    fn windows(
        &self,
        zone: Tz,
        date: NaiveDate,
        before: u64,
        after: u64,
    ) -> impl Iterator<Item = (Micros, Micros)> {
        let first = date
            .checked_sub_days(Days::new(before))
            .unwrap_or(NaiveDate::MIN);
        let days = usize::try_from(before + after + 1).unwrap_or(usize::MAX);
        first
            .iter_days()
            .take(days)
            .filter(|day| !self.closed.contains(day))
            .flat_map(move |day| {
                self.open
                    .iter()
                    .filter_map(move |window| window.on(zone, day))
            })
    }
}
