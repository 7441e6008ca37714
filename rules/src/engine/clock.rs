//! The log clock, its timers, and the letting go of what is idle.

use super::Engine;
use super::absence;
use super::context::{Context, Key, Purpose, Timer, What};
use super::plan::{Kind, lasts, memory};
use super::state::Subject;
use crate::{EventKind, Judge, Reason};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// When the log says nothing for longer, nobody was watching (the server was down): absence is not counted on
/// beyond it, or every device would be overdue at a restart. Servers tick far more often.
const UNWATCHED_AFTER: Micros = 120_000_000;

/// How often idle subjects are looked for.
const SWEEP: Micros = 3_600_000_000;

/// After so long without readings of the subject an alert on values resolves as stale, unless its rule asks for longer:
/// nothing is known of the patient any more. The subject itself is let go, unless a rule looks further back on it.
const IDLE: Micros = 24 * 3_600_000_000;

impl Engine {
    /// Sets the log clock forward and does what is due. The clock never goes back.
    pub(super) fn advance(&mut self, to: Micros) {
        let ctx = &mut self.ctx;
        if to <= ctx.clock {
            return;
        }
        if ctx.clock == 0 {
            let key = Key {
                kind: Kind::Device,
                id: Arc::from(""),
            };
            ctx.timer(to.saturating_add(SWEEP), Purpose::Sweep, 0, &key);
        } else {
            ctx.unwatched += (to - ctx.clock - UNWATCHED_AFTER).max(0);
        }
        let unwatched = ctx.clock > 0 && to - ctx.clock > UNWATCHED_AFTER;
        ctx.clock = to;
        if unwatched {
            self.gateways.unwatched(to);
        }
        while let Some(timer) = self.ctx.timers.first()
            && timer.at <= to
        {
            let Some(timer) = self.ctx.timers.pop_first() else {
                break;
            };
            self.fire(&timer);
        }
        self.standing_advance();
    }

    /// Before when the log clock may be set forward without [`Engine::advance`], until something makes it earlier.
    pub(super) fn idle_until(&self) -> Micros {
        let unwatched = self.ctx.clock.saturating_add(UNWATCHED_AFTER);
        self.next_due().map_or(unwatched, |due| due.min(unwatched))
    }

    fn fire(&mut self, timer: &Timer) {
        let Timer {
            purpose, rule, key, ..
        } = timer;
        match purpose {
            Purpose::Sweep => {
                let at = self.ctx.clock.saturating_add(SWEEP);
                self.ctx.timer(at, Purpose::Sweep, 0, key);
                return self.sweep();
            }
            Purpose::Silence => return self.silence_due(),
            Purpose::Standing => return self.standing.due(&mut self.ctx, &key.id),
            Purpose::Assignment | Purpose::Overdue | Purpose::SilenceEnds | Purpose::Escalate => {}
        }
        let Some(subject) = self.groups.get(key.kind, &key.id) else {
            return;
        };
        match purpose {
            Purpose::Assignment => {
                self.ctx.wearer(subject);
                absence::assignment_changed(&mut self.ctx, key, subject);
                self.facts_changed();
            }
            Purpose::Overdue => absence::overdue(&mut self.ctx, key, subject, *rule),
            Purpose::SilenceEnds => silence_ends(&mut self.ctx, key, subject, *rule),
            Purpose::Escalate => escalate(&mut self.ctx, key, subject, *rule),
            Purpose::Sweep | Purpose::Silence | Purpose::Standing => {}
        }
    }

    fn sweep(&mut self) {
        let plan = Arc::clone(&self.ctx.plan);
        let twice = |time: Micros| IDLE.max(time.saturating_mul(2));
        for key in self.groups.keys() {
            let Some(subject) = self.groups.get(key.kind, &key.id) else {
                continue;
            };
            let now = self.ctx.clock;
            subject
                .stays
                .retain(|stay| stay.until.is_none_or(|until| until > now));
            let silent = now.saturating_sub(subject.heard);
            if silent <= IDLE {
                continue;
            }
            let mut back = 0;
            for (index, lane) in &mut subject.lanes {
                let lane_plan = &plan.lanes[*index];
                let is_stale = |judge: &Judge| silent > twice(lasts(judge));
                for (series, (rule, judge)) in lane.series.iter_mut().zip(&lane_plan.rules) {
                    back = back.max(memory(judge));
                    if is_stale(judge) {
                        self.ctx.drop_series(*rule, &key, series, Reason::Stale);
                    }
                }
                lane.let_go(lane_plan, is_stale);
            }
            if silent <= twice(back) || !subject.stays.is_empty() {
                continue;
            }
            let clock = subject.times.let_go();
            if !subject.has_open() {
                self.groups.remove(&key);
            }
            self.clock_let_go(clock);
        }
    }
}

fn silence_ends(ctx: &mut Context, key: &Key, subject: &mut Subject, rule: usize) {
    let plan = Arc::clone(&ctx.plan);
    let Some(alert) = subject.shown(&plan, rule) else {
        return;
    };
    ctx.hush_again(rule, key, alert, None);
}

fn escalate(ctx: &mut Context, key: &Key, subject: &mut Subject, rule: usize) {
    let plan = Arc::clone(&ctx.plan);
    let ladder = &plan.set.rules()[rule].escalate;
    let Some(alert) = subject.shown(&plan, rule) else {
        return;
    };
    if alert.silenced_until.is_some_and(|until| until <= ctx.clock) {
        // The clock has jumped over its end: that comes first.
        ctx.hush_again(rule, key, alert, None);
    }
    let (None, Some(paged)) = (&alert.acknowledged, alert.paged) else {
        return;
    };
    let level = alert.level as usize;
    let Some(step) = ladder.get(level) else {
        return;
    };
    let due = paged.saturating_add(step.after);
    let due = due.max(alert.silenced_until.unwrap_or(due));
    if due > ctx.clock {
        // A timer of an earlier alert, or a silence: looked at again when this one is due.
        ctx.timer(due, Purpose::Escalate, rule, key);
        return;
    }
    alert.level += 1;
    let now = ctx.clock;
    let mut what = What::new(EventKind::Escalated, now).paging(true);
    what.escalate_to = Some(step.to.clone());
    ctx.emit(rule, key, alert, what);
    if let Some(next) = ladder.get(level + 1) {
        ctx.timer(
            paged.saturating_add(next.after),
            Purpose::Escalate,
            rule,
            key,
        );
    }
}
