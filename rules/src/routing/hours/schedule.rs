//! Who is on call, and when.

use super::{Window, instant, local};
use chrono::{NaiveDateTime, TimeDelta};
use chrono_tz::Tz;
use wardline_normalize::time::Micros;

/// Overrides first, then the first shift that fits and has somebody.
#[derive(Debug, Clone)]
pub(in crate::routing) struct Schedule {
    pub(in crate::routing) id: String,
    pub(in crate::routing) shifts: Vec<Shift>,
    pub(in crate::routing) overrides: Vec<Override>,
}

#[derive(Debug, Clone)]
pub(in crate::routing) struct Shift {
    pub(in crate::routing) window: Window,
    /// The file gives hours: who has the shift at its start has it to its end.
    pub(in crate::routing) whole: bool,
    pub(in crate::routing) who: People,
}

#[derive(Debug, Clone)]
pub(in crate::routing) enum People {
    All(Vec<usize>),
    InTurn(Rotation),
}

/// One after the other, for `every` each, from `start` on.
#[derive(Debug, Clone)]
pub(in crate::routing) struct Rotation {
    pub(in crate::routing) people: Vec<usize>,
    pub(in crate::routing) every: Every,
    pub(in crate::routing) start: NaiveDateTime,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::routing) enum Every {
    /// Hands over at the same time by the wall clock, also when a day has 23 or 25 hours.
    Days(i64),
    Micros(Micros),
}

#[derive(Debug, Clone)]
pub(in crate::routing) struct Override {
    pub(in crate::routing) from: NaiveDateTime,
    pub(in crate::routing) until: NaiveDateTime,
    pub(in crate::routing) people: Vec<usize>,
}

impl Schedule {
    /// Nobody, where the file leaves a hole.
    pub(in crate::routing) fn on_call(&self, zone: Tz, at: Micros) -> Vec<usize> {
        let stands_in = self
            .overrides
            .iter()
            .find(|over| (instant(zone, over.from)..instant(zone, over.until)).contains(&at));
        if let Some(over) = stands_in {
            return over.people.clone();
        }
        let shifts = self.shifts.iter();
        shifts
            .filter_map(|shift| shift.on_call(zone, at))
            .find(|people| !people.is_empty())
            .unwrap_or_default()
    }
}

impl Shift {
    fn on_call(&self, zone: Tz, at: Micros) -> Option<Vec<usize>> {
        let (start, _) = self.window.around(zone, at)?;
        match &self.who {
            People::All(people) => Some(people.clone()),
            People::InTurn(rotation) => {
                let decides = if self.whole { start } else { at };
                rotation.on_call(zone, decides).map(|person| vec![person])
            }
        }
    }
}

impl Rotation {
    fn on_call(&self, zone: Tz, at: Micros) -> Option<usize> {
        let start = instant(zone, self.start);
        if at < start {
            return None;
        }
        let turn = match self.every {
            Every::Micros(every) => (at - start) / every,
            Every::Days(days) => {
                let passed = (local(zone, at) - self.start).num_days() / days;
                // Within a day of a change of the clocks the wall may be off by a turn.
                let begun = |turn: &i64| {
                    let handover = TimeDelta::days(turn.saturating_mul(days));
                    instant(zone, self.start + handover) <= at
                };
                (passed - 1..=passed + 1).rev().find(begun)?
            }
        };
        let people = i64::try_from(self.people.len()).ok()?;
        let place = usize::try_from(turn.rem_euclid(people)).ok()?;
        self.people.get(place).copied()
    }
}
