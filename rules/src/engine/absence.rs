//! Absence: a device that is assigned and has not been heard for too long, by the log clock.
//!
//! A rule with a metric watches the devices that have sent that metric (a thermometer is not missed by a rule on
//! oxygen saturation); a rule without one watches every assigned device from the assignment on.

use super::alert::Alert;
use super::context::{Context, Key, Purpose, What};
use super::row::RowId;
use super::state::Subject;
use crate::{EventKind, Reason, State};
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

/// How often an absence that another rule holds back is looked at again.
const HELD: Micros = 60_000_000;

/// One absence rule on one device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Absence {
    pub(crate) rule: usize,
    /// Watched clock when it was heard last, or when it was assigned if that is later.
    since: Micros,
    last: Option<RowId>,
    /// A timer is under way.
    timer: bool,
    /// Another rule holds it back: people are told when that is over, however long it took.
    #[serde(default)]
    held: bool,
    pub(crate) alert: Option<Alert>,
}

/// A reading of the device came in.
pub(crate) fn heard(ctx: &mut Context, key: &Key, device: &mut Subject, rule: usize, id: &str) {
    let assigned = device.assigned(ctx.clock);
    let absence = entry(ctx, device, rule);
    absence.since = ctx.watched();
    absence.last = Some(RowId::new(id));
    absence.held = false;
    if !absence.rests() {
        over(ctx, key, absence, id);
    }
    if assigned && !absence.timer {
        watch(ctx, key, absence);
    }
}

impl Absence {
    /// The device is not overdue, as far as is known.
    fn rests(&self) -> bool {
        self.alert
            .as_ref()
            .is_none_or(|alert| alert.latched.is_some())
    }
}

/// The device is heard again.
fn over(ctx: &mut Context, key: &Key, absence: &mut Absence, id: &str) {
    let (rule, now) = (absence.rule, ctx.clock);
    let Some(mut alert) = absence.alert.take() else {
        return;
    };
    alert.evidence.truncate(1);
    alert.evidence.push(id.to_owned());
    if !ctx.plan.set.rules()[rule].latch || alert.acknowledged.is_some() {
        ctx.resolve(rule, key, &mut alert, now, Reason::Cleared);
        return;
    }
    (alert.state, alert.latched) = (State::Recovering, Some(now));
    ctx.emit(rule, key, &alert, What::new(EventKind::Recovering, now));
    absence.alert = Some(alert);
}

/// Somebody has acknowledged the alert: one that is over is resolved.
pub(crate) fn acknowledged(ctx: &mut Context, key: &Key, device: &mut Subject, rule: usize) {
    let mut absences = device.absences.iter_mut();
    if let Some(absence) = absences.find(|absence| absence.rule == rule)
        && let Some(over) = absence.alert.as_ref().and_then(|alert| alert.latched)
        && let Some(mut alert) = absence.alert.take()
    {
        ctx.resolve(rule, key, &mut alert, over, Reason::Cleared);
    }
}

fn entry<'s>(ctx: &Context, device: &'s mut Subject, rule: usize) -> &'s mut Absence {
    let place = device
        .absences
        .iter()
        .position(|absence| absence.rule == rule)
        .unwrap_or_else(|| {
            device.absences.push(Absence {
                rule,
                since: ctx.watched(),
                last: None,
                timer: false,
                held: false,
                alert: None,
            });
            device.absences.len() - 1
        });
    &mut device.absences[place]
}

fn watch(ctx: &mut Context, key: &Key, absence: &mut Absence) {
    let Some(overdue) = ctx.plan.overdue.get(absence.rule).copied().flatten() else {
        return;
    };
    let at = (absence.since + ctx.unwatched).saturating_add(overdue.after);
    absence.timer = true;
    ctx.timer(at, Purpose::Overdue, absence.rule, key);
}

/// The device's timer for the rule fired.
pub(crate) fn overdue(ctx: &mut Context, key: &Key, device: &mut Subject, rule: usize) {
    let assigned = device.assigned(ctx.clock);
    let Some(overdue) = ctx.plan.overdue.get(rule).copied().flatten() else {
        return;
    };
    let Some(absence) = device
        .absences
        .iter_mut()
        .find(|absence| absence.rule == rule)
    else {
        return;
    };
    absence.timer = false;
    if !assigned || !absence.rests() {
        return;
    }
    if ctx.watched() < absence.since.saturating_add(overdue.after) {
        watch(ctx, key, absence);
        return;
    }
    let onset = absence.since.saturating_add(overdue.after) + ctx.unwatched;
    let recent = ctx.clock - onset <= ctx.plan.set.rules()[rule].page_within;
    let page = ctx.pages(rule) && (recent || absence.held);
    if let Some(alert) = &mut absence.alert {
        // Latched until now.
        (alert.state, alert.latched) = (State::Active, None);
        alert.repeats += 1;
        ctx.stats.repeats += 1;
        let page = page && ctx.may_page(rule, key, alert, onset);
        let what = What::new(EventKind::Worsened, onset).paging(page);
        let again = "again, before anybody has acknowledged it";
        ctx.emit(rule, key, alert, what.why(again));
        return;
    }
    let mut alert = Alert::new(onset);
    alert.device = Some(std::sync::Arc::clone(&key.id));
    alert.evidence = absence.last.iter().map(RowId::to_text).collect();
    if ctx.inhibited(rule, key, &key.id, ctx.clock) {
        ctx.stats.held_by_inhibition += 1;
        (absence.held, absence.timer) = (true, true);
        let at = ctx.clock.saturating_add(HELD);
        ctx.timer(at, Purpose::Overdue, rule, key);
        return;
    }
    absence.held = false;
    ctx.report(rule, key, &mut alert, onset, page);
    absence.alert = Some(alert);
}

/// The device's assignments changed, or one began or ended by the clock.
pub(crate) fn assignment_changed(ctx: &mut Context, key: &Key, device: &mut Subject) {
    let assigned = device.assigned(ctx.clock);
    let before = std::mem::replace(&mut device.was_assigned, assigned);
    if !assigned {
        for absence in &mut device.absences {
            if let Some(mut alert) = absence.alert.take() {
                let now = ctx.clock;
                ctx.resolve(absence.rule, key, &mut alert, now, Reason::Unassigned);
            }
        }
        return;
    }
    if before {
        return;
    }
    arm_new(ctx, key, device);
    for absence in &mut device.absences {
        absence.since = ctx.watched();
        absence.held = false;
        if !absence.timer {
            watch(ctx, key, absence);
        }
    }
}

/// Rules on any reading watch an assigned device from the start.
pub(crate) fn arm_new(ctx: &mut Context, key: &Key, device: &mut Subject) {
    if !device.assigned(ctx.clock) {
        return;
    }
    let any: Vec<usize> = (0..ctx.plan.overdue.len())
        .filter(|rule| ctx.plan.overdue[*rule].is_some_and(|overdue| overdue.any))
        .collect();
    for rule in any {
        let absence = entry(ctx, device, rule);
        if !absence.timer && absence.rests() {
            watch(ctx, key, absence);
        }
    }
}

/// After a restart or a new rule set: the timers that the state calls for.
pub(crate) fn rewatch(ctx: &mut Context, key: &Key, device: &mut Subject) {
    if !device.assigned(ctx.clock) {
        return;
    }
    for absence in &mut device.absences {
        absence.timer = false;
        if absence.rests() {
            watch(ctx, key, absence);
        }
    }
}
