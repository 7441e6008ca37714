//! Limits of wards and patients: what is known of them, and which is in force for a reading.
//!
//! A series holds those of its rule and patient as [`InForce`], in order of the time they judge; most hold none, and
//! judge by the rule's own. A change folds anew what is not settled, and like everything that is not a reading it
//! raises nothing by itself.

mod review;

use super::Engine;
use super::alert::{Alert, exact_option};
use super::context::{Context, Key};
use super::plan::{Kind, Plan};
use super::rows;
use super::threshold::Cause;
use crate::{Condition, Judge, Limit, LimitChange, LimitSource, Rule, Scope};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wardline_normalize::time::Micros;

pub(super) use review::Reviews;

/// A limit that is over judges readings that come this late, from a gateway that was cut off; then it is let go.
const KEPT: Micros = 30 * 86_400_000_000;

/// Wards left by one patient that are remembered.
const FORMER: usize = 16;

/// Limits of one ward or patient: each is set by a person. Beyond it the one that is over first is let go, and counted.
const MOST: usize = 256;

/// Limits that judge in the place of the rule's own, in order and apart from each other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct InForce(Option<Arc<Vec<Interval>>>);

#[derive(Debug, Clone, PartialEq)]
struct Interval {
    from: Micros,
    until: Micros,
    source: LimitSource,
    judge: Judge,
}

impl InForce {
    fn at(&self, time: Micros) -> Option<&Interval> {
        let intervals = self.0.as_deref()?;
        let after = intervals.partition_point(|interval| interval.from <= time);
        let interval = intervals.get(after.checked_sub(1)?)?;
        (time < interval.until).then_some(interval)
    }

    /// Whether the rule's own limit judges always.
    pub(crate) fn is_own(&self) -> bool {
        self.0.is_none()
    }

    /// What judges a value of this time.
    pub(crate) fn judge<'a>(&'a self, own: &'a Judge, time: Micros) -> &'a Judge {
        self.at(time).map_or(own, |interval| &interval.judge)
    }

    /// What an alert says of it; none for the rule's own.
    pub(crate) fn used(&self, time: Micros) -> Option<Box<Used>> {
        let interval = self.at(time)?;
        let (low, high) = bounds(interval.judge.limit);
        Some(Box::new(Used {
            low,
            high,
            source: interval.source,
        }))
    }
}

/// The limits that a reading was held against, where they are not the rule's own. Neither: the rule was off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Used {
    #[serde(with = "exact_option")]
    pub(crate) low: Option<f64>,
    #[serde(with = "exact_option")]
    pub(crate) high: Option<f64>,
    pub(crate) source: LimitSource,
}

impl Used {
    /// As a limit of the rule's kind.
    pub(crate) fn limit(&self, own: Limit) -> Limit {
        match (own, self.low, self.high) {
            (_, None, None) => Limit::Never,
            (Limit::AtLeast(_), _, Some(high)) => Limit::AtLeast(high),
            (_, Some(low), Some(high)) => Limit::Outside(low, high),
            (_, Some(low), None) => Limit::Below(low),
            (_, None, Some(high)) => Limit::Above(high),
        }
    }
}

/// Low and high limit.
pub(crate) fn bounds(limit: Limit) -> (Option<f64>, Option<f64>) {
    match limit {
        Limit::Above(high) | Limit::AtLeast(high) => (None, Some(high)),
        Limit::Below(low) => (Some(low), None),
        Limit::Outside(low, high) => (Some(low), Some(high)),
        Limit::Never => (None, None),
    }
}

/// Limits and source as an event tells them.
pub(super) fn told(rule: &Rule, alert: &Alert) -> (Option<f64>, Option<f64>, Option<LimitSource>) {
    let Condition::Judged(judge) = &rule.condition else {
        return (None, None, None);
    };
    if let Some(used) = alert.limits.as_deref() {
        return (used.low, used.high, Some(used.source));
    }
    if judge.by_words() {
        return (None, None, None);
    }
    let (low, high) = bounds(judge.limit);
    (low, high, Some(LimitSource::Rule))
}

/// All that were set and may still judge a reading.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limits {
    known: BTreeMap<Scope, Vec<LimitChange>>,
    former: Former,
    pub(super) reviews: Reviews,
}

/// Wards that patients have left: which, and until when by the log clock, in order.
type Former = BTreeMap<String, Vec<(Option<String>, Micros)>>;

/// What of it a checkpoint has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    changes: Vec<LimitChange>,
    former: Former,
    reviews: Reviews,
}

impl LimitChange {
    /// Effective time of the first reading that it no longer judges.
    fn over(&self) -> Micros {
        let until = self.until.unwrap_or(Micros::MAX);
        if self.ended {
            until.min(self.at)
        } else {
            until
        }
    }

    fn covers(&self, time: Micros) -> bool {
        self.from <= time && time < self.over()
    }
}

impl Limits {
    pub(super) fn keep(&self) -> Kept {
        Kept {
            changes: self.known.values().flatten().cloned().collect(),
            former: self.former.clone(),
            reviews: self.reviews.clone(),
        }
    }

    pub(super) fn restored(kept: Kept) -> Self {
        let mut known: BTreeMap<Scope, Vec<LimitChange>> = BTreeMap::new();
        for change in kept.changes {
            known.entry(change.scope.clone()).or_default().push(change);
        }
        Self {
            known,
            former: kept.former,
            reviews: kept.reviews,
        }
    }

    /// The patient has left a ward, or had none.
    pub(super) fn left(&mut self, patient: &str, ward: Option<String>, now: Micros) {
        let former = self.former.entry(patient.to_owned()).or_default();
        former.retain(|(_, until)| *until >= now.saturating_sub(KEPT));
        if former.len() >= FORMER {
            former.remove(0);
        }
        former.push((ward, now));
    }

    /// The patient's wards in order: which, from and until.
    fn wards<'a>(&'a self, patient: &str, now: Option<&'a str>) -> Vec<(&'a str, Micros, Micros)> {
        let former = self.former.get(patient).map(Vec::as_slice);
        let former = former.unwrap_or_default().iter();
        let former = former.map(|(ward, until)| (ward.as_deref(), *until));
        let mut since = Micros::MIN;
        let mut wards = Vec::new();
        for (ward, until) in former.chain([(now, Micros::MAX)]) {
            wards.extend(ward.map(|ward| (ward, since, until)));
            since = until;
        }
        wards
    }

    /// Takes a change; says for whom and which rules something is otherwise now, and how many were let go early.
    fn take(&mut self, change: &LimitChange, now: Micros) -> (Vec<(Scope, String)>, u64) {
        let known = self.known.get(&change.scope).and_then(|changes| {
            let mut changes = changes.iter();
            changes.find(|known| known.id == change.id)
        });
        let same = |known: &LimitChange| {
            let at = known.at;
            LimitChange {
                at,
                ..change.clone()
            } == *known
        };
        if known.is_some_and(same) {
            // Said again, and nobody has looked at it for that.
            return (Vec::new(), 0);
        }
        let mut touched = vec![(change.scope.clone(), change.rule.clone())];
        for (scope, changes) in &mut self.known {
            changes.retain(|known| {
                let gone = known.id == change.id || known.over() < now.saturating_sub(KEPT);
                if gone {
                    touched.push((scope.clone(), known.rule.clone()));
                }
                !gone
            });
        }
        self.known.retain(|_, changes| !changes.is_empty());
        let changes = self.known.entry(change.scope.clone()).or_default();
        changes.push(change.clone());
        let mut early = 0;
        while changes.len() > MOST {
            let first = (0..changes.len()).min_by_key(|place| changes[*place].over());
            let gone = changes.remove(first.unwrap_or_default());
            touched.push((gone.scope, gone.rule));
            early += 1;
        }
        touched.sort_unstable();
        touched.dedup();
        (touched, early)
    }

    fn of<'a>(&'a self, scope: &Scope, rule: &'a str) -> impl Iterator<Item = &'a LimitChange> {
        let known = self.known.get(scope).map(Vec::as_slice);
        let known = known.unwrap_or_default().iter();
        known.filter(move |change| change.rule == rule)
    }

    /// What judges the readings of a patient in the place of the rule's own.
    fn in_force(&self, rule: &Rule, patient: &str, ward: Option<&str>) -> InForce {
        if self.known.is_empty() || !matches!(rule.condition, Condition::Judged(_)) {
            return InForce::default();
        }
        let own = Scope::Patient(patient.to_owned());
        let own = self.of(&own, &rule.id);
        let own = own.map(|change| (LimitSource::Patient, change, change.from, change.over()));
        let mut all: Vec<(LimitSource, &LimitChange, Micros, Micros)> = own.collect();
        for (ward, since, until) in self.wards(patient, ward) {
            let scope = Scope::Ward(ward.to_owned());
            let of = self.of(&scope, &rule.id);
            all.extend(of.map(|change| {
                let (from, over) = (change.from.max(since), change.over().min(until));
                (LimitSource::Ward, change, from, over)
            }));
        }
        // One that no longer fits the rule judges nothing: the rule alarms by its own.
        let fitting: Vec<(Micros, Interval)> = all
            .into_iter()
            .filter(|(_, _, from, until)| from < until)
            .filter_map(|(source, change, from, until)| {
                let judge = change.fitted(rule).ok()?;
                let interval = Interval {
                    from,
                    until,
                    source,
                    judge,
                };
                Some((change.from, interval))
            })
            .collect();
        if fitting.is_empty() {
            return InForce::default();
        }
        let ends = fitting.iter().flat_map(|(_, one)| [one.from, one.until]);
        let mut ends: Vec<Micros> = ends.collect();
        ends.sort_unstable();
        ends.dedup();
        let mut intervals: Vec<Interval> = Vec::new();
        for (from, until) in ends.iter().zip(ends.iter().skip(1)) {
            let covering = fitting
                .iter()
                .filter(|(_, one)| one.from <= *from && *until <= one.until);
            // The last of several that are equal in this: the one set last.
            let Some((_, first)) = covering.max_by_key(|(set, one)| (one.source, *set)) else {
                continue;
            };
            intervals.push(Interval {
                from: *from,
                until: *until,
                ..first.clone()
            });
        }
        InForce(Some(Arc::new(intervals)))
    }
}

impl Context {
    /// Limits in the place of the rule's own.
    pub(crate) fn limits_of(&self, rule: usize, key: &Key) -> InForce {
        if self.limits.known.is_empty() || key.kind == Kind::Device {
            return InForce::default();
        }
        let ward = self.attributes.get(&*key.id);
        let ward = ward.and_then(|known| known.ward.as_deref());
        let rule = &self.plan.set.rules()[rule];
        self.limits.in_force(rule, &key.id, ward)
    }
}

impl Engine {
    pub(super) fn limit(&mut self, change: &LimitChange) {
        self.advance(change.at);
        let (touched, early) = self.ctx.limits.take(change, self.ctx.clock);
        self.ctx.stats.limits_let_go += early;
        for (scope, rule) in touched {
            self.limits_changed(&scope, &rule);
        }
    }

    fn limits_changed(&mut self, scope: &Scope, rule: &str) {
        match scope {
            Scope::Patient(patient) => {
                self.hold_limits(patient, Some(rule));
                self.review(patient, rule);
            }
            Scope::Ward(ward) => {
                let known = self.ctx.attributes.values();
                let inside = known.filter(|known| known.ward.as_ref() == Some(ward));
                let inside = inside.map(|known| known.id.clone());
                let left = self.ctx.limits.former.iter().filter(|(_, wards)| {
                    let mut wards = wards.iter();
                    wards.any(|(known, _)| known.as_ref() == Some(ward))
                });
                let left = left.map(|(patient, _)| patient.clone());
                let patients: BTreeSet<String> = inside.chain(left).collect();
                for patient in patients {
                    self.hold_limits(&patient, Some(rule));
                }
            }
        }
    }

    /// Gives the patient's series the limits that are in force for them now, and folds those anew that have others.
    /// Without a rule, all of them.
    pub(super) fn hold_limits(&mut self, patient: &str, rule: Option<&str>) {
        let plan = Arc::clone(&self.ctx.plan);
        let Some(subject) = self.groups.get(Kind::Patient, patient) else {
            return;
        };
        let key = Key {
            kind: Kind::Patient,
            id: Arc::clone(&subject.id),
        };
        let mut changed = Vec::new();
        for (index, lane) in &mut subject.lanes {
            let mut other = false;
            for (series, (place, _)) in lane.series.iter_mut().zip(&plan.lanes[*index].rules) {
                if rule.is_some_and(|rule| plan.set.rules()[*place].id != rule) {
                    continue;
                }
                let limits = self.ctx.limits_of(*place, &key);
                if limits != series.limits {
                    series.limits = limits;
                    other = true;
                }
            }
            if other {
                lane.refold(&plan.lanes[*index]);
                changed.push(*index);
            }
        }
        for lane in changed {
            rows::reconcile(&mut self.ctx, &plan, &key, subject, lane, Cause::Removal);
        }
    }

    /// Limits after a restart: they follow from what was set.
    pub(super) fn restore_limits(&mut self) {
        let plan: Arc<Plan> = Arc::clone(&self.ctx.plan);
        for key in self.groups.keys() {
            let Some(subject) = self.groups.get(key.kind, &key.id) else {
                continue;
            };
            for (index, lane) in &mut subject.lanes {
                for (series, (rule, _)) in lane.series.iter_mut().zip(&plan.lanes[*index].rules) {
                    series.limits = self.ctx.limits_of(*rule, &key);
                }
            }
        }
    }
}
