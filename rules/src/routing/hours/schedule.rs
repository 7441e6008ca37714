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

    /// When somebody else may be on call next; none if never.
    pub(in crate::routing) fn next_change(&self, zone: Tz, at: Micros) -> Option<Micros> {
        let shifts = self.shifts.iter().flat_map(|shift| {
            let turn = match &shift.who {
                People::All(_) => None,
                People::InTurn(rotation) => rotation.next_turn(zone, at),
            };
            [shift.window.next_change(zone, at), turn]
        });
        let overrides = self
            .overrides
            .iter()
            .flat_map(|over| [over.from, over.until])
            .map(|change| instant(zone, change));
        let changes = shifts.flatten().chain(overrides);
        changes.filter(|change| *change > at).min()
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
    /// How many turns are over, once the first has begun.
    fn turn(&self, zone: Tz, at: Micros) -> Option<i64> {
        let start = instant(zone, self.start);
        if at < start {
            return None;
        }
        Some(match self.every {
            Every::Micros(every) => (at - start) / every,
            Every::Days(days) => {
                let passed = (local(zone, at) - self.start).num_days() / days;
                // Within a day of a change of the clocks the wall may be off by a turn.
                let begun = |turn: &i64| self.begins(zone, *turn).is_some_and(|begin| begin <= at);
                (passed - 1..=passed + 1).rev().find(begun)?
            }
        })
    }

    /// When a turn begins; none beyond the calendar.
    fn begins(&self, zone: Tz, turn: i64) -> Option<Micros> {
        Some(match self.every {
            Every::Micros(every) => {
                instant(zone, self.start).saturating_add(turn.saturating_mul(every))
            }
            Every::Days(days) => {
                let passed = TimeDelta::try_days(turn.saturating_mul(days))?;
                instant(zone, self.start.checked_add_signed(passed)?)
            }
        })
    }

    /// When the next one's turn begins.
    fn next_turn(&self, zone: Tz, at: Micros) -> Option<Micros> {
        let next = self.turn(zone, at).map_or(0, |turn| turn + 1);
        self.begins(zone, next)
    }

    fn on_call(&self, zone: Tz, at: Micros) -> Option<usize> {
        let turn = self.turn(zone, at)?;
        let people = i64::try_from(self.people.len()).ok()?;
        let place = usize::try_from(turn.rem_euclid(people)).ok()?;
        self.people.get(place).copied()
    }
}
