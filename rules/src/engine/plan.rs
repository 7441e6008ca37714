//! Rules compiled for the row loop: from a metric straight to the lanes and absence rules that use it.

use super::fold::Threshold;
use crate::{Class, Condition, RuleSet};
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

/// Threshold rules that share metrics and unit share one buffer of samples per subject.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LanePlan {
    pub(crate) kind: Kind,
    pub(crate) metrics: Vec<String>,
    pub(crate) unit: String,
    /// Indices into the rule set, with their numbers.
    pub(crate) rules: Vec<(usize, Threshold)>,
}

impl LanePlan {
    /// Whether samples kept for the other lane serve this one.
    pub(crate) fn same_samples(&self, other: &Self) -> bool {
        self.kind == other.kind && self.metrics == other.metrics && self.unit == other.unit
    }
}

/// Who uses a metric.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    /// (lane, rank of the metric in it).
    pub(crate) patient: Vec<(usize, u8)>,
    pub(crate) device: Vec<(usize, u8)>,
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
    uses: HashMap<String, Uses>,
    /// For metrics that no rule names: absence of any reading.
    pub(crate) other: Uses,
    /// By index into the rule set; `None` for other kinds.
    pub(crate) overdue: Vec<Option<Overdue>>,
    /// Indices of the rules that inhibit a rule.
    pub(crate) inhibitors: Vec<Vec<usize>>,
    /// Whether a rule inhibits any.
    pub(crate) inhibits: Vec<bool>,
    /// Longest time that any fold can look back.
    pub(crate) memory: Micros,
}

impl Plan {
    pub(crate) fn new(set: Arc<RuleSet>) -> Self {
        let rules = set.rules();
        let mut plan = Self {
            lanes: Vec::new(),
            uses: HashMap::new(),
            other: Uses::default(),
            overdue: vec![None; rules.len()],
            inhibitors: vec![Vec::new(); rules.len()],
            inhibits: vec![false; rules.len()],
            memory: 0,
            set: Arc::clone(&set),
        };
        let mut any = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match &rule.condition {
                Condition::Threshold {
                    limit,
                    unit,
                    hold,
                    max_gap,
                    clear,
                } => {
                    let numbers = Threshold {
                        limit: *limit,
                        clear: *clear,
                        hold: *hold,
                        max_gap: *max_gap,
                    };
                    plan.memory = plan.memory.max(hold + max_gap).max(clear.hold + max_gap);
                    let kind = match rule.class {
                        Class::Physiological => Kind::Patient,
                        Class::Technical => Kind::Device,
                    };
                    plan.add(LanePlan {
                        kind,
                        metrics: rule.metrics.clone(),
                        unit: unit.clone(),
                        rules: vec![(index, numbers)],
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
        for (index, lane) in plan.lanes.iter().enumerate() {
            for (rank, metric) in lane.metrics.iter().enumerate() {
                let uses = plan.uses.entry(metric.clone()).or_default();
                // A metric list is a handful of entries of the vocabulary.
                let rank = u8::try_from(rank).unwrap_or(u8::MAX);
                match lane.kind {
                    Kind::Patient => uses.patient.push((index, rank)),
                    Kind::Device => uses.device.push((index, rank)),
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

    pub(crate) fn uses(&self, metric: &str) -> &Uses {
        self.uses.get(metric).unwrap_or(&self.other)
    }
}
