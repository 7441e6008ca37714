//! One subject's samples of one list of feeds, kept as long as a late one may still come, and the folds over them.
//!
//! `base` of a series is the fold over everything before `floor`; `current` is `base` and the buffer. A sample that
//! arrives in order is one step of `current`; one that does not makes `current` anew from `base`. So `current` is a
//! function of the set of samples taken, not of the order in which they came.

use super::alert::{Alert, Told};
use super::fold::Fold;
use super::limits::InForce;
use super::plan::LanePlan;
use super::row::{RowId, Sample};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::VecDeque;
use wardline_normalize::time::Micros;

/// How much older than the newest a sample may be and still take its place: 60 s of event time (design 5.6).
pub(crate) const LATENESS: Micros = 60_000_000;

/// Most samples kept per lane: 17 a second for the whole lateness. Beyond it the oldest is settled early.
pub(crate) const MAX_BUFFER: usize = 1024;

/// A less preferred metric counts only when no preferred one did for this long: twice the usual interval.
pub(crate) const PREFERENCE: Micros = 120_000_000;

pub(crate) const NEVER: Micros = Micros::MIN;

/// One rule on the subject of the lane.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Series {
    /// Samples up to here were before the rule's time.
    pub(crate) since: Micros,
    /// Whether the rule applies to the patient.
    pub(crate) applies: bool,
    pub(crate) base: Fold,
    pub(crate) current: Fold,
    /// What judges in the place of the rule's own limit.
    #[serde(skip)]
    pub(crate) limits: InForce,
    /// At most one that is open, and those that a late sample may still change.
    pub(crate) alerts: Vec<Alert>,
    /// What people were told of the open alert, if it is told again when it is worse.
    #[serde(default)]
    pub(crate) told: Option<Told>,
    /// The episodes of `current` may differ from what `alerts` says, or an alert waits for a sample.
    pub(crate) dirty: bool,
}

impl Series {
    pub(crate) fn new(applies: bool, limits: InForce, since: Micros) -> Self {
        Self {
            since,
            applies,
            limits,
            base: Fold::default(),
            current: Fold::default(),
            alerts: Vec::new(),
            told: None,
            dirty: false,
        }
    }

    fn takes(&self, sample: &Sample) -> bool {
        self.applies && sample.time > self.since
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Lane {
    /// Newest sample so far.
    pub(crate) seen: Micros,
    floor: Micros,
    buffer: VecDeque<Sample>,
    /// By feed and rank: when it was heard last.
    base_ranks: Vec<Vec<Micros>>,
    ranks: Vec<Vec<Micros>>,
    pub(crate) series: Vec<Series>,
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    Taken,
    Known,
    /// Older than the lane still looks at.
    Late,
}

impl Lane {
    pub(crate) fn new(plan: &LanePlan, series: impl Fn(usize) -> Series) -> Self {
        let ranks = plan
            .feeds
            .iter()
            .map(|feed| match feed.metrics.len() {
                // One metric has nothing to be preferred to.
                0 | 1 => Vec::new(),
                several => vec![NEVER; several],
            })
            .collect::<Vec<_>>();
        Self {
            seen: NEVER,
            floor: NEVER,
            buffer: VecDeque::new(),
            base_ranks: ranks.clone(),
            ranks,
            series: plan.rules.iter().map(|(rule, _)| series(*rule)).collect(),
        }
    }

    /// Takes a sample; marks the series whose episodes may have changed.
    pub(crate) fn offer(&mut self, plan: &LanePlan, sample: Sample) -> Offered {
        if sample.time < self.floor {
            return Offered::Late;
        }
        let newest = self
            .buffer
            .back()
            .is_none_or(|last| last.order(&sample) == Ordering::Less);
        if newest {
            self.seen = self.seen.max(sample.time);
            if counts(&mut self.ranks, &sample) {
                for (series, (_, rule)) in self.series.iter_mut().zip(&plan.rules) {
                    if series.takes(&sample) {
                        let judge = series.limits.judge(rule, sample.time);
                        series.dirty |=
                            series
                                .current
                                .step(judge, usize::from(sample.input), &sample);
                        series.dirty |= series
                            .told
                            .is_some_and(|told| series.current.is_worse(judge, told.value));
                    }
                }
            }
            self.buffer.push_back(sample);
            return Offered::Taken;
        }
        let place = self
            .buffer
            .partition_point(|known| known.order(&sample) == Ordering::Less);
        match self.buffer.get_mut(place) {
            Some(known) if known.order(&sample) == Ordering::Equal => {
                if known.version >= sample.version {
                    return Offered::Known;
                }
                *known = sample;
            }
            _ => self.buffer.insert(place, sample),
        }
        self.refold(plan);
        Offered::Taken
    }

    /// Takes out what `gone` says, and says whether there was any.
    pub(crate) fn remove(&mut self, plan: &LanePlan, gone: impl Fn(&Sample) -> bool) -> bool {
        let before = self.buffer.len();
        self.buffer.retain(|sample| !gone(sample));
        let changed = self.buffer.len() != before;
        if changed {
            self.refold(plan);
        }
        changed
    }

    /// The version under which a row is in the buffer.
    pub(crate) fn version_of(&self, id: &RowId) -> Option<i64> {
        self.buffer
            .iter()
            .find(|sample| sample.id == *id)
            .map(|sample| sample.version)
    }

    /// Folds anew from what is settled.
    pub(crate) fn refold(&mut self, plan: &LanePlan) {
        self.ranks.clone_from(&self.base_ranks);
        for series in &mut self.series {
            series.current = series.base.clone();
            series.dirty = true;
        }
        for sample in &self.buffer {
            if !counts(&mut self.ranks, sample) {
                continue;
            }
            for (series, (_, rule)) in self.series.iter_mut().zip(&plan.rules) {
                if series.takes(sample) {
                    let judge = series.limits.judge(rule, sample.time);
                    series
                        .current
                        .step(judge, usize::from(sample.input), sample);
                }
            }
        }
    }

    /// Moves what is too old to be changed from the buffer into `base`. After the alerts were brought in line.
    pub(crate) fn settle(&mut self, plan: &LanePlan) {
        let floor = self.floor.max(self.seen.saturating_sub(LATENESS));
        let full = self.buffer.len() > MAX_BUFFER;
        if !full
            && self
                .buffer
                .front()
                .is_none_or(|oldest| oldest.time >= floor)
        {
            self.floor = floor;
            return;
        }
        self.floor = floor;
        if full && let Some(oldest) = self.buffer.front() {
            // All samples of that time, so that the floor parts what is settled from what is not.
            self.floor = self.floor.max(oldest.time + 1);
        }
        while let Some(sample) = self.buffer.front()
            && sample.time < self.floor
        {
            if counts(&mut self.base_ranks, sample) {
                for (series, (_, rule)) in self.series.iter_mut().zip(&plan.rules) {
                    if series.takes(sample) {
                        let judge = series.limits.judge(rule, sample.time);
                        series.base.step(judge, usize::from(sample.input), sample);
                        series.base.done.clear();
                    }
                }
            }
            self.buffer.pop_front();
        }
        let floor = self.floor;
        for series in &mut self.series {
            series.current.done.retain(|episode| {
                episode
                    .closed
                    .as_ref()
                    .is_none_or(|closed| closed.time >= floor)
            });
            series
                .alerts
                .retain(|alert| alert.is_open() || alert.last_change >= floor);
        }
    }
}

/// Notes the sample's metric as heard, and says whether it counts beside the preferred ones.
fn counts(ranks: &mut [Vec<Micros>], sample: &Sample) -> bool {
    let Some(ranks) = ranks
        .get_mut(usize::from(sample.input))
        .filter(|ranks| !ranks.is_empty())
    else {
        return true;
    };
    let rank = usize::from(sample.rank);
    let preferred = ranks
        .iter()
        .take(rank)
        .any(|last| *last != NEVER && sample.time - last <= PREFERENCE);
    if let Some(last) = ranks.get_mut(rank) {
        *last = sample.time;
    }
    !preferred
}
