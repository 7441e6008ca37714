//! Another rule set in force: rules that look for the same keep their state, alerts of the others resolve.

use super::Engine;
use super::absence;
use super::context::{Context, Key, Purpose};
use super::lane::Series;
use super::plan::{Kind, Plan};
use super::state::Subject;
use crate::{Reason, RuleSet};
use std::sync::Arc;

impl Engine {
    pub(super) fn activate(&mut self, set: Arc<RuleSet>) {
        let old = Arc::clone(&self.ctx.plan);
        let new = Arc::new(Plan::new(set));
        let kept = kept(&old, &new);
        let keys = self.groups.keys();
        // Events of what ends speak of the rules as they were.
        for key in &keys {
            if let Some(subject) = self.groups.get(key.kind, &key.id) {
                end_removed(&mut self.ctx, key, subject, &old, &new, &kept);
            }
        }
        self.ctx.plan = Arc::clone(&new);
        for key in &keys {
            if let Some(subject) = self.groups.get(key.kind, &key.id) {
                carry_over(&self.ctx, key, subject, &old, &new, &kept);
            }
        }
        self.reindex();
        for key in &keys {
            if let Some(subject) = self.groups.get(key.kind, &key.id) {
                self.ctx.reapply(key, subject);
            }
        }
        self.hush_all();
        self.review_all();
    }

    /// Timers and indices anew from the state: they speak of rules by their place in the set.
    fn reindex(&mut self) {
        self.ctx.timers.retain(|timer| match timer.purpose {
            Purpose::Sweep | Purpose::Assignment | Purpose::Silence => true,
            Purpose::Overdue | Purpose::SilenceEnds | Purpose::Escalate | Purpose::Standing => {
                false
            }
        });
        self.ctx.open.clear();
        self.ctx.inhibiting.clear();
        for key in self.groups.keys() {
            let Some(subject) = self.groups.get(key.kind, &key.id) else {
                continue;
            };
            if key.kind == Kind::Device {
                absence::rewatch(&mut self.ctx, &key, subject);
                absence::arm_new(&mut self.ctx, &key, subject);
            }
            self.ctx.index(&key, subject);
            self.ctx.remind(&key, subject);
        }
        self.standing.remind(&mut self.ctx);
    }
}

impl Context {
    /// Notes the subject's open alerts.
    pub(super) fn index(&mut self, key: &Key, subject: &mut Subject) {
        let plan = Arc::clone(&self.plan);
        for rule in 0..plan.set.rules().len() {
            let confirmed = subject.confirmed(&plan, rule);
            let Some(alert) = subject.shown(&plan, rule) else {
                continue;
            };
            self.open.insert(alert.id.clone(), (key.clone(), rule));
            if let Some(last) = confirmed.filter(|_| plan.inhibits[rule]) {
                self.inhibiting.insert((rule, key.clone()), last);
            }
        }
    }

    /// Timers of the subject's open alerts.
    fn remind(&mut self, key: &Key, subject: &mut Subject) {
        let plan = Arc::clone(&self.plan);
        for (rule, definition) in plan.set.rules().iter().enumerate() {
            let Some(alert) = subject.shown(&plan, rule) else {
                continue;
            };
            if let Some(until) = alert.silenced_until {
                self.timer(until, Purpose::SilenceEnds, rule, key);
            }
            let step = definition.escalate.get(alert.level as usize);
            if let (Some(step), Some(paged)) = (step, alert.paged) {
                self.timer(
                    paged.saturating_add(step.after),
                    Purpose::Escalate,
                    rule,
                    key,
                );
            }
        }
    }
}

/// For each old rule its place in the new set, if one there looks for the same.
fn kept(old: &Plan, new: &Plan) -> Vec<Option<usize>> {
    let rules = new.set.rules();
    old.set
        .rules()
        .iter()
        .map(|rule| rules.iter().position(|other| other.is_like(rule)))
        .collect()
}

fn reason(old: &Plan, new: &Plan, rule: usize) -> Reason {
    let id = &old.set.rules()[rule].id;
    if new.set.rules().iter().any(|other| other.id == *id) {
        Reason::RuleChanged
    } else {
        Reason::RuleRemoved
    }
}

fn end_removed(
    ctx: &mut Context,
    key: &Key,
    subject: &mut Subject,
    old: &Plan,
    new: &Plan,
    kept: &[Option<usize>],
) {
    for (lane, state) in &mut subject.lanes {
        for (series, (rule, _)) in state.series.iter_mut().zip(&old.lanes[*lane].rules) {
            if kept[*rule].is_none() {
                ctx.drop_series(*rule, key, series, reason(old, new, *rule));
            }
        }
    }
    for absence in &mut subject.absences {
        if kept[absence.rule].is_none()
            && let Some(mut alert) = absence.alert.take()
        {
            let now = ctx.clock;
            ctx.resolve(
                absence.rule,
                key,
                &mut alert,
                now,
                reason(old, new, absence.rule),
            );
        }
    }
}

/// Moves the state of kept rules to their new places. New rules see the samples that come from now on.
fn carry_over(
    ctx: &Context,
    key: &Key,
    subject: &mut Subject,
    old: &Plan,
    new: &Plan,
    kept: &[Option<usize>],
) {
    let lanes = std::mem::take(&mut subject.lanes);
    for (index, mut lane) in lanes {
        let Some(place) = new
            .lanes
            .iter()
            .position(|other| other.same_samples(&old.lanes[index]))
        else {
            continue;
        };
        let mut series: Vec<(usize, Series)> = old.lanes[index]
            .rules
            .iter()
            .zip(std::mem::take(&mut lane.series))
            .filter_map(|((rule, _), series)| Some((kept[*rule]?, series)))
            .collect();
        for (rule, _) in &new.lanes[place].rules {
            let known = series.iter().position(|(known, _)| known == rule);
            let carried = known.map(|known| series.swap_remove(known).1);
            lane.series
                .push(carried.unwrap_or_else(|| ctx.series(*rule, key, lane.seen)));
        }
        lane.calm = false;
        subject.lanes.push((place, lane));
    }
    for absence in &mut subject.absences {
        // Those not kept are taken out below.
        absence.rule = kept[absence.rule].unwrap_or(usize::MAX);
    }
    subject
        .absences
        .retain(|absence| absence.rule != usize::MAX);
}
