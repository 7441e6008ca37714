//! Rules compiled for the row loop: from a metric straight to the lanes and absence rules that use it.

use super::hash::Fast;
use super::units::Units;
use crate::{Class, Condition, Feed, Judge, Limit, Method, RuleSet, Signal};
use std::collections::HashMap;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// What a subject is. Technical rules watch the device, physiological ones the patient.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) enum Kind {
    Patient,
    Device,
}

/// Rules that share their feeds share one buffer of samples per subject.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LanePlan {
    pub(crate) kind: Kind,
    pub(crate) feeds: Vec<Feed>,
    /// By place of the feed: how numbers come into its unit.
    pub(crate) units: Vec<Units>,
    /// Indices into the rule set, with what they judge.
    pub(crate) rules: Vec<(usize, Judge)>,
    /// Whether a feed has several metrics, of which one is preferred.
    pub(crate) ranked: bool,
    /// If its rules judge the readings themselves: from where to where, both included, a value is beyond no limit.
    pub(crate) quiet: Option<(f64, f64)>,
}

impl LanePlan {
    /// A reading that no rule asks for more than to have come.
    #[inline]
    pub(crate) fn is_quiet(&self, value: f64) -> bool {
        self.quiet
            .is_some_and(|(low, high)| low <= value && value <= high)
    }

    /// Whether samples kept for the other lane serve this one.
    pub(crate) fn same_samples(&self, other: &Self) -> bool {
        self.kind == other.kind && self.feeds == other.feeds
    }
}

/// A metric's place in a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    pub(crate) lane: usize,
    pub(crate) input: u8,
    pub(crate) rank: u8,
}

/// Who uses a metric.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    pub(crate) patient: Vec<Use>,
    pub(crate) device: Vec<Use>,
    /// Absence rules, by index into the rule set.
    pub(crate) absence: Vec<usize>,
}

/// Absence rule: how long until a device is overdue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Overdue {
    pub(crate) after: Micros,
    /// Of any reading: armed by the assignment itself.
    pub(crate) any: bool,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) set: Arc<RuleSet>,
    pub(crate) lanes: Vec<LanePlan>,
    uses: HashMap<String, Uses, Fast>,
    /// For metrics that no rule names: absence of any reading.
    pub(crate) other: Uses,
    /// By index into the rule set; `None` for other kinds.
    pub(crate) overdue: Vec<Option<Overdue>>,
    /// Indices of the rules that inhibit a rule.
    pub(crate) inhibitors: Vec<Vec<usize>>,
    /// Whether a rule inhibits any.
    pub(crate) inhibits: Vec<bool>,
}

impl Plan {
    pub(crate) fn new(set: Arc<RuleSet>) -> Self {
        let rules = set.rules();
        let mut plan = Self {
            lanes: Vec::new(),
            uses: HashMap::default(),
            other: Uses::default(),
            overdue: vec![None; rules.len()],
            inhibitors: vec![Vec::new(); rules.len()],
            inhibits: vec![false; rules.len()],
            set: Arc::clone(&set),
        };
        let mut any = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match &rule.condition {
                Condition::Judged(judge) => {
                    let kind = match rule.class {
                        Class::Physiological => Kind::Patient,
                        Class::Technical => Kind::Device,
                    };
                    plan.add(LanePlan {
                        kind,
                        ranked: judge.feeds.iter().any(|feed| feed.metrics.len() > 1),
                        feeds: judge.feeds.clone(),
                        units: judge.feeds.iter().map(Units::of).collect(),
                        rules: vec![(index, judge.clone())],
                        quiet: None,
                    });
                }
                Condition::Absence {
                    expect_every,
                    grace,
                } => {
                    let is_any = rule.metrics.is_empty();
                    plan.overdue[index] = Some(Overdue {
                        after: expect_every + grace,
                        any: is_any,
                    });
                    if is_any {
                        any.push(index);
                    }
                    for metric in &rule.metrics {
                        plan.uses
                            .entry(metric.clone())
                            .or_default()
                            .absence
                            .push(index);
                    }
                }
            }
            for (by, other) in rules.iter().enumerate() {
                if rule.inhibited_by.contains(&other.id) {
                    plan.inhibitors[index].push(by);
                    plan.inhibits[by] = true;
                }
            }
        }
        for lane in &mut plan.lanes {
            lane.quiet = quiet(&lane.rules);
        }
        for (index, lane) in plan.lanes.iter().enumerate() {
            for (input, feed) in lane.feeds.iter().enumerate() {
                for (rank, metric) in feed.metrics.iter().enumerate() {
                    let uses = plan.uses.entry(metric.clone()).or_default();
                    // Feeds and metrics of a rule are a handful each.
                    let place = |place: usize| u8::try_from(place).unwrap_or(u8::MAX);
                    let used = Use {
                        lane: index,
                        input: place(input),
                        rank: place(rank),
                    };
                    match lane.kind {
                        Kind::Patient => uses.patient.push(used),
                        Kind::Device => uses.device.push(used),
                    }
                }
            }
        }
        for uses in plan.uses.values_mut() {
            uses.absence.extend_from_slice(&any);
            uses.absence.sort_unstable();
        }
        plan.other.absence = any;
        plan
    }

    fn add(&mut self, lane: LanePlan) {
        match self
            .lanes
            .iter_mut()
            .find(|known| known.same_samples(&lane))
        {
            Some(known) => known.rules.extend(lane.rules),
            None => self.lanes.push(lane),
        }
    }

    /// Ids of the rules that a rule holds back.
    pub(crate) fn held_back(&self, rule: usize) -> Vec<&str> {
        if !self.inhibits[rule] {
            return Vec::new();
        }
        let inhibited = self.inhibitors.iter().zip(self.set.rules());
        inhibited
            .filter(|(by, _)| by.contains(&rule))
            .map(|(_, held)| held.id.as_str())
            .collect()
    }

    pub(crate) fn uses(&self, metric: &str) -> &Uses {
        self.uses.get(metric).unwrap_or(&self.other)
    }
}

/// Where a value is beyond no limit; none if a rule judges more than the value.
fn quiet(rules: &[(usize, Judge)]) -> Option<(f64, f64)> {
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for (_, judge) in rules {
        if judge.signal != Signal::Value || judge.each.is_some() {
            return None;
        }
        let (least, most) = match judge.limit {
            Limit::Above(most) => (f64::NEG_INFINITY, most),
            Limit::Below(least) => (least, f64::INFINITY),
            Limit::Outside(least, most) => (least, most),
            Limit::AtLeast(limit) => (f64::NEG_INFINITY, limit.next_down()),
            Limit::Never => continue,
        };
        (low, high) = (low.max(least), high.min(most));
    }
    Some((low, high))
}

const DAY: Micros = 86_400_000_000;

/// How long a condition can go on without another reading: what it is told of, and its longest hole.
pub(crate) fn lasts(judge: &Judge) -> Micros {
    let signal = match &judge.signal {
        Signal::Value | Signal::Baseline(_) => 0,
        Signal::Rate { window, .. } => *window,
        // A decision stands for a year and says nothing of how the patient is.
        Signal::Score { table, max_age, .. } => {
            let ages = max_age.iter().enumerate();
            let readings = ages.filter(|(place, _)| !table.is_setting(*place));
            readings.map(|(_, age)| *age).max().unwrap_or(0)
        }
        Signal::Count { parts, within } => {
            within + parts.iter().map(lasts).max().unwrap_or_default()
        }
    };
    signal + days(judge) + judge.hold.max(judge.clear.hold) + judge.max_gap
}

/// How far back a fold can look.
pub(crate) fn memory(judge: &Judge) -> Micros {
    let signal = match &judge.signal {
        Signal::Value => 0,
        Signal::Rate { window, .. } => *window,
        Signal::Score { max_age, .. } => max_age.iter().copied().max().unwrap_or(0),
        Signal::Baseline(baseline) => match baseline.method {
            Method::Entered(_) => 0,
            Method::Median(memory) => memory,
            Method::Ewma(half_life) | Method::Cusum { half_life, .. } => 4 * half_life,
        },
        Signal::Count { parts, within } => {
            within + parts.iter().map(memory).max().unwrap_or_default()
        }
    };
    signal + days(judge) + judge.hold.max(judge.clear.hold) + judge.max_gap
}

/// The days before today that count with it.
fn days(judge: &Judge) -> Micros {
    judge
        .each
        .map_or(0, |each| Micros::from(each.days).saturating_sub(1) * DAY)
}
