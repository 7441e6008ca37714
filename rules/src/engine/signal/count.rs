//! How many conditions were true within a window: `all` and `any`.

use crate::Judge;
use crate::engine::fold::Fold;
use crate::engine::message;
use crate::engine::row::Sample;
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Parts {
    now: Micros,
    folds: Vec<Fold>,
    /// When each was true last.
    last: Vec<Option<Micros>>,
}

impl Parts {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            now: 0,
            folds: vec![Fold::default(); parts],
            last: vec![None; parts],
        }
    }

    /// As `other`, in the room there is.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.now = other.now;
        for (mine, other) in self.folds.iter_mut().zip(&other.folds) {
            mine.copy_from(other);
        }
        self.last.clone_from(&other.last);
    }

    /// Takes a sample of feed `input`, counted over the feeds of all parts.
    pub(super) fn take(
        &mut self,
        parts: &[Judge],
        within: Micros,
        input: usize,
        sample: &Sample<'_>,
    ) -> f64 {
        self.now = sample.time;
        let mut first = 0;
        for (part, (fold, last)) in parts.iter().zip(self.folds.iter_mut().zip(&mut self.last)) {
            if let Some(own) = input.checked_sub(first)
                && own < part.feeds.len()
            {
                fold.step(part, own, sample);
                // Nobody asks for them: what counts is whether it holds.
                fold.done.clear();
                if fold.holds() {
                    *last = Some(sample.time);
                }
            }
            first += part.feeds.len();
        }
        self.held(within).count() as f64
    }

    /// A sample that is older than those of other feeds, and the newest of its own.
    pub(super) fn catch_up(&mut self, parts: &[Judge], input: usize, sample: &Sample<'_>) {
        let mut first = 0;
        for (part, (fold, last)) in parts.iter().zip(self.folds.iter_mut().zip(&mut self.last)) {
            if let Some(own) = input.checked_sub(first)
                && own < part.feeds.len()
            {
                if part.feeds.len() > 1 {
                    fold.derived.catch_up(part, own, sample);
                } else {
                    fold.step(part, own, sample);
                    fold.done.clear();
                    if fold.holds() {
                        *last = Some(sample.time);
                    }
                }
            }
            first += part.feeds.len();
        }
    }

    /// Places of the parts that count now.
    fn held(&self, within: Micros) -> impl Iterator<Item = usize> {
        let now = self.now;
        let recent = move |last: &Option<Micros>| last.is_some_and(|last| now - last <= within);
        let last = self.last.iter().enumerate();
        last.filter(move |(_, last)| recent(last))
            .map(|(place, _)| place)
    }

    pub(super) fn note(&self, parts: &[Judge], within: Micros) -> String {
        let held: Vec<String> = self
            .held(within)
            .filter_map(|place| parts.get(place).zip(self.folds.get(place)))
            .map(|(part, fold)| {
                let last = fold.run.as_deref().map(|run| run.evidence.last.value);
                let judged = message::judged(part);
                match last.and_then(message::off_scale) {
                    Some(off) => format!("{judged}: {off}"),
                    None => judged,
                }
            })
            .collect();
        held.join(" and ")
    }
}
