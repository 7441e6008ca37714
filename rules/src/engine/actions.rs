//! What people do with an alert: facts beside its state.

use super::Engine;
use super::absence;
use super::context::{Key, What};
use super::plan::Plan;
use super::threshold::{self, Cause};
use crate::{Action, ActionKind, EventKind};
use std::sync::Arc;

const NEVER_SILENT: &str = "not silenced, its rule does not allow that";

impl Engine {
    pub(super) fn action(&mut self, action: &Action) {
        self.advance(action.at);
        if self.standing.action(&mut self.ctx, action) {
            return;
        }
        let plan = Arc::clone(&self.ctx.plan);
        let found = self.ctx.open.get(&action.alert_id).cloned();
        let alert = found.as_ref().and_then(|(key, rule)| {
            let subject = self.groups.get(key.kind, &key.id)?;
            Some((key, *rule, subject.shown(&plan, *rule)?))
        });
        let Some((key, rule, alert)) = alert else {
            self.ctx.stats.unknown_alerts += 1;
            return;
        };
        let now = self.ctx.clock;
        match action.kind {
            // The first acknowledgement counts; a repeat changes nothing.
            ActionKind::Acknowledge if alert.acknowledged.is_some() => {}
            ActionKind::Acknowledge => {
                alert.acknowledged = Some((action.by.clone(), now));
                let what = What::new(EventKind::Acknowledged, now).by(Some(action));
                self.ctx.emit(rule, key, alert, what);
                if let Some(subject) = self.groups.get(key.kind, &key.id) {
                    subject.note_told(&plan);
                }
                self.acknowledged(&plan, rule, key);
            }
            ActionKind::Silence { until } => {
                let longest = plan.set.rules()[rule].max_silence;
                if until > now && longest == 0 {
                    self.ctx.stats.refused_silences += 1;
                    let what = What::new(EventKind::Silenced, now).why(NEVER_SILENT);
                    return self.ctx.emit(rule, key, alert, what);
                }
                let until = until.min(now.saturating_add(longest));
                alert.hush.act(until, &action.by, &self.ctx.silences, now);
                self.ctx.hush_again(rule, key, alert, Some(action));
            }
        }
    }

    /// Somebody has seen it: what is latched is over, and what goes on does not latch.
    fn acknowledged(&mut self, plan: &Plan, rule: usize, key: &Key) {
        if !plan.set.rules()[rule].latch {
            return;
        }
        let ctx = &mut self.ctx;
        let Some(subject) = self.groups.get(key.kind, &key.id) else {
            return;
        };
        absence::acknowledged(ctx, key, subject, rule);
        for (index, lane) in &mut subject.lanes {
            let lane_plan = &plan.lanes[*index];
            let rules = lane_plan.rules.iter();
            let Some(place) = rules.clone().position(|(other, _)| *other == rule) else {
                continue;
            };
            let judge = &lane_plan.rules[place].1;
            let seen = lane.seen;
            let series = &mut lane.series[place];
            series.current.release(Some(seen));
            threshold::reconcile(ctx, key, (rule, judge), series, Cause::Correction);
            series.base.release(Some(seen));
            series.base.done.clear();
            // What is settled of it can no longer change.
            lane.settle(lane_plan);
        }
    }
}
