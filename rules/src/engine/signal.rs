//! What a judge makes of readings before it holds its limit against it. Folds over samples in order of event time,
//! as the condition itself is; their state is part of the fold's.

mod baseline;
mod count;
mod each;
mod rate;
mod score;

use super::row::Sample;
use crate::{Judge, Signal};
use serde::{Deserialize, Serialize};

/// State of a signal.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Derived {
    day: Option<Box<each::Day>>,
    kind: Kind,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
enum Kind {
    #[default]
    None,
    Rate(Box<rate::Rate>),
    Score(Box<score::Latest>),
    Baseline(Box<baseline::Usual>),
    Count(Box<count::Parts>),
}

/// What a signal says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Said {
    Value(f64),
    /// It has a value and nobody knows which: it neither holds nor is over.
    Unknown,
    /// Nothing new.
    Nothing,
}

impl From<Option<f64>> for Said {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Nothing, Self::Value)
    }
}

impl Derived {
    pub(crate) const fn new() -> Self {
        Self {
            day: None,
            kind: Kind::None,
        }
    }

    /// As `other`, in the room there is.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.day.clone_from(&other.day);
        match (&mut self.kind, &other.kind) {
            (Kind::Score(mine), Kind::Score(other)) => mine.copy_from(other),
            (Kind::Count(mine), Kind::Count(other)) => mine.copy_from(other),
            (mine, other) => mine.clone_from(other),
        }
    }

    /// The signal with this sample of feed `input`.
    pub(crate) fn take(&mut self, judge: &Judge, input: usize, sample: &Sample<'_>) -> Said {
        if sample.value.is_infinite()
            && !matches!(judge.signal, Signal::Score { .. } | Signal::Count { .. })
        {
            return off_scale(judge, sample.value);
        }
        let value = match &judge.each {
            None => Some(sample.value),
            Some(each) => self.day.get_or_insert_default().take(each, sample),
        };
        let Some(value) = value else {
            return Said::Nothing;
        };
        if let Signal::Score {
            table,
            measure,
            max_age,
        } = &judge.signal
        {
            if !matches!(self.kind, Kind::Score(_)) {
                self.kind = Kind::Score(Box::new(score::Latest::new(judge.feeds.len())));
            }
            if let Kind::Score(latest) = &mut self.kind {
                latest.take(table, input, sample);
                let known = latest.judge(judge, table, *measure, max_age);
                return known.map_or(Said::Unknown, Said::Value);
            }
        }
        self.number(judge, input, sample, value).into()
    }

    /// A sample of feed `input` that is behind those of others, and the newest of its own: it says nothing now, and
    /// counts for what the next one says.
    pub(crate) fn catch_up(&mut self, judge: &Judge, input: usize, sample: &Sample<'_>) {
        match (&judge.signal, &mut self.kind) {
            (Signal::Score { table, .. }, Kind::Score(latest)) => {
                latest.catch_up(table, input, sample);
            }
            (Signal::Count { parts, .. }, Kind::Count(counted)) => {
                counted.catch_up(parts, input, sample);
            }
            // Nothing is settled, so nothing is ahead of it.
            (Signal::Score { .. } | Signal::Count { .. }, _) => {
                self.take(judge, input, sample);
            }
            (Signal::Value | Signal::Rate { .. } | Signal::Baseline(_), _) => {}
        }
    }

    fn number(
        &mut self,
        judge: &Judge,
        input: usize,
        sample: &Sample<'_>,
        value: f64,
    ) -> Option<f64> {
        match &judge.signal {
            Signal::Value | Signal::Score { .. } => Some(value),
            Signal::Rate { per, window } => {
                if !matches!(self.kind, Kind::Rate(_)) {
                    self.kind = Kind::Rate(Box::default());
                }
                let Kind::Rate(rate) = &mut self.kind else {
                    return None;
                };
                rate.take(*per, *window, sample.time, value)
            }
            Signal::Baseline(baseline) => {
                if !matches!(self.kind, Kind::Baseline(_)) {
                    self.kind = Kind::Baseline(Box::default());
                }
                let Kind::Baseline(usual) = &mut self.kind else {
                    return None;
                };
                usual.take(baseline, sample.time, value)
            }
            Signal::Count { parts, within } => {
                if !matches!(self.kind, Kind::Count(_)) {
                    self.kind = Kind::Count(Box::new(count::Parts::new(parts.len())));
                }
                let Kind::Count(counted) = &mut self.kind else {
                    return None;
                };
                Some(counted.take(parts, *within, input, sample))
            }
        }
    }

    /// What the value is made of, for people: the parts of a score, the usual value, which conditions hold.
    pub(crate) fn note(&self, judge: &Judge) -> Option<String> {
        match (&judge.signal, &self.kind) {
            (Signal::Score { table, max_age, .. }, Kind::Score(latest)) => {
                Some(latest.note(judge, table, max_age))
            }
            (Signal::Baseline(baseline), Kind::Baseline(usual)) => usual.note(baseline, judge),
            (Signal::Count { parts, within }, Kind::Count(counted)) => {
                Some(counted.note(parts, *within))
            }
            _ => None,
        }
    }
}

/// A reading off the scale of its device is beyond a limit on its side, and says nothing certain otherwise. No mean, slope
/// or usual value is made of it.
fn off_scale(judge: &Judge, value: f64) -> Said {
    match judge.signal {
        Signal::Value if judge.each.is_none() && judge.limit.is_beyond(value) => Said::Value(value),
        Signal::Value if judge.each.is_none() => Said::Unknown,
        _ => Said::Nothing,
    }
}
