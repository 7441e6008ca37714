//! Early warning scores of the latest readings.

use crate::engine::exact::Exact;
use crate::engine::message::off_scale;
use crate::engine::row::Sample;
use crate::score::Sum;
use crate::{Given, Judge, Limit, Measure, Score, Words};
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

/// An older value is named with its age: people take a score for one of now.
const HOUR: Micros = 3_600_000_000;

/// The latest value of each feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Latest {
    now: Micros,
    values: Vec<Option<(Micros, Exact)>>,
    /// What each gives by itself; follows from the values.
    #[serde(skip)]
    points: Vec<Option<u8>>,
}

impl Latest {
    pub(super) fn new(feeds: usize) -> Self {
        Self {
            now: 0,
            values: vec![None; feeds],
            points: Vec::new(),
        }
    }

    /// As `other`, in the room there is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.now = other.now;
        self.values.clone_from(&other.values);
        self.points.clone_from(&other.points);
    }

    pub(super) fn take(&mut self, table: &Score, input: usize, sample: &Sample<'_>) {
        self.now = sample.time;
        if let Some(value) = self.values.get_mut(input) {
            *value = Some((sample.time, Exact(sample.value)));
        }
        if let Some(points) = self.points.get_mut(input) {
            *points = table.alone(input, sample.value);
        } else {
            let values = self.values.iter().enumerate();
            let points = values.map(|(input, value)| {
                let (_, Exact(value)) = (*value)?;
                table.alone(input, value)
            });
            self.points = points.collect();
        }
    }

    /// A value that is older than those of other inputs, and the newest of its own.
    pub(super) fn catch_up(&mut self, table: &Score, input: usize, sample: &Sample<'_>) {
        let now = self.now;
        self.take(table, input, sample);
        self.now = now.max(sample.time);
    }

    /// The value of an input. Infinite: the latest that is known is no value or too old, and what was before it does not
    /// count.
    fn value(&self, max_age: &[Micros], input: usize) -> Option<f64> {
        let (time, Exact(value)) = self.values.get(input).copied().flatten()?;
        let old = self.now - time > *max_age.get(input)?;
        Some(if old { f64::INFINITY } else { value })
    }

    fn given<'j>(&self, judge: &'j Judge, max_age: &[Micros], input: usize) -> Option<Given<'j>> {
        let value = self.value(max_age, input)?;
        match &judge.feeds.get(input)?.words {
            // Places were made from this list.
            Words::Place(words) if value.is_finite() => {
                words.get(value as usize).map(|word| Given::Word(word))
            }
            // No word of the table: nothing is assumed in its place.
            Words::Place(_) => Some(Given::Word("")),
            _ => Some(Given::Number(value)),
        }
    }

    /// What is held against the limit. An incomplete score that does not reach it says nothing.
    pub(super) fn judge(
        &self,
        judge: &Judge,
        table: &Score,
        measure: Measure,
        max_age: &[Micros],
    ) -> Option<f64> {
        let Sum {
            complete,
            lower_bound,
            max_part,
        } = table.sum(
            |input| self.value(max_age, input),
            |input| self.points.get(input).copied().flatten(),
        );
        let value = match measure {
            Measure::Total => f64::from(lower_bound),
            Measure::Part => f64::from(max_part),
        };
        let off = judge.limit == Limit::Never;
        (complete || off || judge.limit.is_beyond(value)).then_some(value)
    }

    pub(super) fn note(&self, judge: &Judge, table: &Score, max_age: &[Micros]) -> String {
        let names: Vec<&str> = table.names().collect();
        let outcome = table.evaluate(|name| {
            let input = names.iter().position(|known| *known == name)?;
            self.given(judge, max_age, input)
        });
        let parts: Vec<String> = (outcome.parts.iter())
            .filter(|part| part.least > 0)
            .map(|part| match part.points {
                Some(points) => format!("{} {points}", part.name),
                None => format!("{} at least {}", part.name, part.least),
            })
            .collect();
        let mut note = match outcome.total {
            Some(total) => format!("{} {total}", table.title),
            None => format!("{} at least {}", table.title, outcome.lower_bound),
        };
        let inputs = names.iter().enumerate();
        let inputs = inputs.filter(|(input, _)| !table.is_setting(*input));
        let old = inputs.filter_map(|(input, name)| {
            self.value(max_age, input)
                .filter(|value| value.is_finite())?;
            let age = self.age(input).filter(|age| *age > HOUR)?;
            Some(format!("{name} {}", old(age)))
        });
        let assumed = outcome.assumed.iter();
        let assumed = assumed.map(|assumed| format!("{} {} assumed", assumed.title, assumed.word));
        let remarks: Vec<String> = old.chain(assumed).collect();
        if !remarks.is_empty() {
            note.push_str(&format!(" ({})", remarks.join("; ")));
        }
        if !parts.is_empty() {
            note.push_str(&format!(": {}", parts.join(", ")));
        }
        if !outcome.missing.is_empty() {
            let missing: Vec<String> = (outcome.missing.iter())
                .map(|name| {
                    let input = names.iter().position(|known| known == name);
                    let why = input.and_then(|input| self.why_missing(judge, max_age, input));
                    why.map_or((*name).to_owned(), |why| format!("{name} ({why})"))
                })
                .collect();
            note.push_str(&format!("; missing: {}", missing.join(", ")));
        }
        note
    }

    /// Of an input that something was said of.
    fn why_missing(&self, judge: &Judge, max_age: &[Micros], input: usize) -> Option<String> {
        let (_, Exact(value)) = self.values.get(input).copied().flatten()?;
        let age = self.age(input)?;
        if age > *max_age.get(input)? {
            return (age > HOUR).then(|| old(age));
        }
        match judge.feeds.get(input)?.words {
            Words::Place(_) if value.is_infinite() => {
                Some("what is recorded is not in the table".to_owned())
            }
            _ => off_scale(value).map(str::to_owned),
        }
    }

    fn age(&self, input: usize) -> Option<Micros> {
        let (time, _) = self.values.get(input).copied().flatten()?;
        Some(self.now - time)
    }
}

/// An age for people, in whole hours, from two days on in whole days.
fn old(age: Micros) -> String {
    match age / HOUR {
        hours if hours < 48 => format!("{hours} h old"),
        hours => format!("{} d old", hours / 24),
    }
}
