//! Absence: a device that is assigned and has not been heard for too long, by the log clock.
//!
//! A rule with a metric watches the devices that have sent that metric (a thermometer is not missed by a rule on
//! oxygen saturation); a rule without one watches every assigned device from the assignment on.

use super::alert::Alert;
use super::context::{Context, Key, Purpose};
use super::row::RowId;
use super::state::Subject;
use crate::Reason;
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

/// One absence rule on one device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Absence {
    pub(crate) rule: usize,
    /// Watched clock when it was heard last, or when it was assigned if that is later.
    since: Micros,
    last: Option<RowId>,
    /// A timer is under way.
    timer: bool,
    pub(crate) alert: Option<Alert>,
}

/// A reading of the device came in.
pub(crate) fn heard(ctx: &mut Context, key: &Key, device: &mut Subject, rule: usize, id: &str) {
    let assigned = device.assigned(ctx.clock);
    let absence = entry(ctx, device, rule);
    absence.since = ctx.watched();
    absence.last = Some(RowId::new(id));
    if let Some(mut alert) = absence.alert.take() {
        let now = ctx.clock;
        alert.evidence.push(id.to_owned());
        ctx.resolve(rule, key, &mut alert, now, Reason::Cleared);
    }
    if assigned && !absence.timer {
        watch(ctx, key, absence);
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
    if !assigned || absence.alert.is_some() {
        return;
    }
    if ctx.watched() < absence.since.saturating_add(overdue.after) {
        watch(ctx, key, absence);
        return;
    }
    let onset = absence.since.saturating_add(overdue.after) + ctx.unwatched;
    let mut alert = Alert::new(onset);
    alert.device = Some(std::sync::Arc::clone(&key.id));
    alert.evidence = absence.last.iter().map(RowId::to_text).collect();
    if ctx.inhibited(rule, key, &key.id) {
        // Looked at again after the same time.
        absence.timer = true;
        let at = ctx.clock.saturating_add(overdue.after.max(1));
        ctx.timer(at, Purpose::Overdue, rule, key);
        return;
    }
    let page = ctx.clock - onset <= ctx.plan.set.rules()[rule].page_within;
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
        if !absence.timer && absence.alert.is_none() {
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
        if absence.alert.is_none() {
            watch(ctx, key, absence);
        }
    }
}
