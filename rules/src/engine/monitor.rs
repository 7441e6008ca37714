//! Alarms of bedside monitors, by the monitor's own limits (IHE PCD ACM).
//!
//! One alert per patient (or device), event, source metric and instance, `monitor:{event}`: raised when the condition is
//! there, worsened when its priority rises, recovering while it is latched, resolved when it is over. Messages may come
//! again and out of order: one that is not newer than what is known of its instance only moves the onset back, and
//! never pages.

use super::Engine;
use super::context::Context;
use super::standing::{About, Standing, Standings};
use crate::{
    Assignment, Class, MonitorAlarm, Presence, Priority, Reason, Reattributed, State, Subject,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wardline_normalize::time::Micros;
use wardline_normalize::{units, vocabulary};

/// Conditions remembered of one device, the over ones for their late messages. A monitor has some dozens of alarms.
const CONDITIONS: usize = 256;

/// A condition of which nothing was heard for so long is forgotten; an open alert on it resolves as stale.
const FORGET: Micros = 24 * 3_600_000_000;

/// How often that is looked for.
const SWEEP: Micros = 3_600_000_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Which {
    event: String,
    source: Option<String>,
    instance: Option<String>,
}

/// What is known of one condition.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Condition {
    which: Which,
    /// Its newest message.
    last: (Micros, Presence),
    /// Log clock of any message.
    heard: Micros,
    /// Open alert.
    alert: Option<String>,
    /// Onset and end of the alert before.
    told: Option<(Micros, Micros)>,
}

/// The monitors.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Monitors {
    devices: BTreeMap<String, Vec<Condition>>,
    /// Ends of assignments that are to come: when, device, patient.
    ends: BTreeSet<(Micros, String, String)>,
    /// Next look for what is forgotten.
    sweep: Option<Micros>,
}

impl Engine {
    pub(super) fn alarms(&mut self, at: Micros, alarms: &[MonitorAlarm]) {
        self.advance(at);
        self.monitors.sweep.get_or_insert(at.saturating_add(SWEEP));
        for alarm in alarms {
            self.monitors.take(&mut self.ctx, &mut self.standing, alarm);
        }
    }

    /// Open alerts of the former patient on what the device alarmed in the interval are another's.
    pub(super) fn alarms_reattributed(&mut self, moved: &Reattributed) {
        let inside =
            |time: Micros| time >= moved.from && moved.until.is_none_or(|until| time < until);
        self.end_alerts(
            |alert| {
                alert.about.device.as_deref() == Some(&moved.device)
                    && alert.about.subject.patient() == Some(&moved.former)
                    && inside(alert.onset)
            },
            Reason::Reattributed,
        );
    }

    pub(super) fn alarms_assignment(&mut self, assignment: &Assignment) {
        match assignment.until {
            Some(until) if until <= self.ctx.clock => {
                self.unassigned(&assignment.device, &assignment.patient);
            }
            Some(until) if self.monitors.devices.contains_key(&assignment.device) => {
                let (device, patient) = (assignment.device.clone(), assignment.patient.clone());
                self.monitors.ends.insert((until, device, patient));
            }
            _ => {}
        }
    }

    /// The device may no longer be with the patient: nobody tells any more when the condition is over.
    fn unassigned(&mut self, device: &str, patient: &str) {
        let clock = self.ctx.clock;
        let still = self
            .groups
            .peek(super::plan::Kind::Device, device)
            .is_some_and(|known| {
                known.stays.iter().any(|stay| {
                    stay.patient == patient
                        && stay.from <= clock
                        && stay.until.is_none_or(|until| clock < until)
                })
            });
        if !still {
            self.end_alerts(
                |alert| {
                    alert.about.device.as_deref() == Some(device)
                        && alert.about.subject.patient() == Some(patient)
                },
                Reason::Unassigned,
            );
        }
    }

    fn end_alerts(&mut self, wanted: impl Fn(&Standing) -> bool, reason: Reason) {
        for id in self.standing.ids(wanted) {
            let now = self.ctx.clock;
            self.standing.resolve(&mut self.ctx, &id, now, reason);
            self.monitors.forget_alert(&id);
        }
    }

    pub(super) fn alarms_due(&mut self) {
        let now = self.ctx.clock;
        while let Some((until, ..)) = self.monitors.ends.first()
            && *until <= now
            && let Some((_, device, patient)) = self.monitors.ends.pop_first()
        {
            self.unassigned(&device, &patient);
        }
        if self.monitors.sweep.is_some_and(|at| at <= now) {
            self.monitors.sweep = Some(now.saturating_add(SWEEP));
            self.monitors.forget(&mut self.ctx, &mut self.standing);
        }
    }
}

impl Monitors {
    pub(super) fn due(&self) -> Option<Micros> {
        let end = self.ends.first().map(|end| end.0);
        [end, self.sweep].into_iter().flatten().min()
    }

    /// The alert was resolved for a reason that the monitor does not know of.
    fn forget_alert(&mut self, id: &str) {
        for condition in self.devices.values_mut().flatten() {
            if condition.alert.as_deref() == Some(id) {
                condition.alert = None;
            }
        }
    }

    fn take(&mut self, ctx: &mut Context, standing: &mut Standings, alarm: &MonitorAlarm) {
        let over = alarm.presence == Presence::Over;
        if alarm.staged && !over {
            ctx.stats.staged_alarms += 1;
            return;
        }
        let which = Which {
            event: alarm.event.clone(),
            source: alarm.source.clone(),
            instance: alarm.instance.clone(),
        };
        let conditions = self.devices.entry(alarm.device.clone()).or_default();
        let known = conditions
            .iter_mut()
            .find(|condition| condition.which == which);
        if let Some(condition) = known {
            condition.heard = ctx.clock;
            if (alarm.time, alarm.presence) == condition.last || alarm.time < condition.last.0 {
                late(ctx, standing, condition, alarm);
            } else {
                newer(ctx, standing, condition, alarm);
                condition.last = (alarm.time, alarm.presence);
            }
            return;
        }
        if !over {
            supersede(ctx, standing, conditions, &which, alarm.time);
        }
        let mut condition = Condition {
            which,
            last: (alarm.time, alarm.presence),
            heard: ctx.clock,
            alert: None,
            told: None,
        };
        newer(ctx, standing, &mut condition, alarm);
        conditions.push(condition);
        if conditions.len() > CONDITIONS {
            let oldest = (0..conditions.len())
                .min_by_key(|place| (conditions[*place].alert.is_some(), conditions[*place].heard));
            if let Some(place) = oldest {
                let gone = conditions.remove(place);
                end_stale(ctx, standing, gone);
            }
        }
    }

    fn forget(&mut self, ctx: &mut Context, standing: &mut Standings) {
        let oldest = ctx.clock.saturating_sub(FORGET);
        for conditions in self.devices.values_mut() {
            let (kept, gone) = std::mem::take(conditions)
                .into_iter()
                .partition(|condition| condition.heard >= oldest);
            *conditions = kept;
            for condition in gone {
                end_stale(ctx, standing, condition);
            }
        }
        self.devices.retain(|_, conditions| !conditions.is_empty());
        if self.devices.is_empty() {
            self.sweep = None;
        }
    }
}

fn end_stale(ctx: &mut Context, standing: &mut Standings, condition: Condition) {
    if let Some(id) = condition.alert {
        let now = ctx.clock;
        standing.resolve(ctx, &id, now, Reason::Stale);
    }
}

/// A monitor that numbers a new instance has ended the one before, even if nobody heard.
fn supersede(
    ctx: &mut Context,
    standing: &mut Standings,
    conditions: &mut [Condition],
    which: &Which,
    time: Micros,
) {
    if which.instance.is_none() {
        return;
    }
    for condition in conditions {
        let same = condition.which.event == which.event
            && condition.which.source == which.source
            && condition.which.instance.is_some();
        if same
            && condition.last.0 <= time
            && let Some(id) = condition.alert.take()
        {
            end(ctx, standing, condition, &id, time);
        }
    }
}

fn end(
    ctx: &mut Context,
    standing: &mut Standings,
    condition: &mut Condition,
    id: &str,
    ended: Micros,
) {
    if let Some(alert) = standing.get_mut(id) {
        condition.told = Some((alert.onset, ended));
    }
    standing.resolve(ctx, id, ended, Reason::Cleared);
}

/// A message that is not newer than what is known: a repeat, or one that was overtaken.
fn late(
    ctx: &mut Context,
    standing: &mut Standings,
    condition: &mut Condition,
    alarm: &MonitorAlarm,
) {
    if alarm.presence == Presence::Over {
        return;
    }
    match &condition.alert {
        Some(id) => {
            let subject = subject(alarm);
            if let Some(alert) = standing.get_mut(id)
                && alert.about.subject == subject
                && alarm.time < alert.onset
            {
                alert.onset = alarm.time;
                alert.correct(ctx, alarm.time);
            }
        }
        // Only its end had been heard.
        None if condition.told.is_none() => {
            let ended = condition.last.0;
            condition.told = Some((alarm.time, ended));
            standing.raise_over(ctx, alert(alarm), ended, false);
        }
        None => {}
    }
}

fn newer(
    ctx: &mut Context,
    standing: &mut Standings,
    condition: &mut Condition,
    alarm: &MonitorAlarm,
) {
    if let Some(id) = condition.alert.clone()
        && let Some(open) = standing.get_mut(&id)
        && open.about.subject != subject(alarm)
    {
        // The device is another patient's now, or was given to one: who cares for them has not been told.
        condition.alert = None;
        let now = ctx.clock;
        standing.resolve(ctx, &id, now, Reason::Reattributed);
    }
    let open = condition
        .alert
        .as_deref()
        .and_then(|id| standing.get_mut(id));
    match (open, alarm.presence) {
        (None, Presence::Over) => {}
        (None, Presence::Moment) => {
            condition.told = Some((alarm.time, alarm.time));
            let alert = alert(alarm);
            let page = alert.may_page(ctx, alarm.time);
            standing.raise_over(ctx, alert, alarm.time, page);
        }
        (None, Presence::Present | Presence::Latched) => {
            let alert = alert(alarm);
            let page = alert.may_page(ctx, alarm.time);
            let id = standing.raise(ctx, alert, alarm.time, page);
            if alarm.presence == Presence::Latched
                && let Some(alert) = standing.get_mut(&id)
            {
                alert.recover(ctx, alarm.time, LATCHED);
            }
            condition.alert = Some(id);
        }
        (Some(open), Presence::Present) => update(ctx, open, alarm),
        (Some(open), Presence::Latched) => {
            let active = open.state == State::Active;
            retell(open, alarm);
            if active {
                open.recover(ctx, alarm.time, LATCHED);
            }
        }
        (Some(open), Presence::Over | Presence::Moment) => {
            let id = open.id.clone();
            condition.alert = None;
            end(ctx, standing, condition, &id, alarm.time);
        }
    }
}

const LATCHED: &str = "gone, latched on the monitor";

/// The condition goes on.
fn update(ctx: &mut Context, open: &mut Standing, alarm: &MonitorAlarm) {
    let (before, inactivation) = (open.priority, inactivation(&open.message).to_owned());
    let returned = open.state == State::Recovering;
    retell(open, alarm);
    let may_page = open.may_page(ctx, alarm.time);
    if returned {
        open.return_to_active();
        open.worsen(ctx, alarm.time, may_page, "it is back");
    } else if open.priority < before {
        let why = format!("priority rose from {before} to {}", open.priority);
        open.worsen(ctx, alarm.time, may_page, &why);
    } else if may_page && open.is_untold() {
        open.worsen(ctx, alarm.time, true, "first seen in late messages");
    } else if open.priority != before || inactivation != self::inactivation(&open.message) {
        open.correct(ctx, alarm.time);
    }
}

/// Takes over what the message says now.
fn retell(open: &mut Standing, alarm: &MonitorAlarm) {
    open.priority = alarm.priority;
    open.value = alarm.value;
    open.unit.clone_from(&alarm.unit);
    open.message = sentence(alarm);
}

/// Technical alarms are about the device, as technical rules are.
fn subject(alarm: &MonitorAlarm) -> Subject {
    match &alarm.patient {
        Some(patient) if alarm.class == Class::Physiological => Subject::Patient(patient.clone()),
        _ => Subject::Device(alarm.device.clone()),
    }
}

fn alert(alarm: &MonitorAlarm) -> Standing {
    let about = About {
        rule: format!("monitor:{}", alarm.event),
        subject: subject(alarm),
        device: Some(alarm.device.clone()),
        part: format!(
            "{}\n{}",
            alarm.source.as_deref().unwrap_or_default(),
            alarm.instance.as_deref().unwrap_or_default()
        ),
    };
    let mut alert = Standing::new(
        about,
        alarm.class,
        alarm.priority,
        alarm.time,
        sentence(alarm),
    );
    alert.value = alarm.value;
    alert.unit.clone_from(&alarm.unit);
    alert
}

/// Parts the sentence from what is switched off on the monitor.
const INACTIVE: &str = "; on the monitor: ";

fn inactivation(message: &str) -> &str {
    message.split_once(INACTIVE).map_or("", |(_, words)| words)
}

fn sentence(alarm: &MonitorAlarm) -> String {
    let what = alarm.text.as_deref().unwrap_or(&alarm.event);
    let mut text = format!("Monitor alarm: {what}");
    let source = alarm.source.as_deref().map(|source| {
        let named = || vocabulary::resolve(source).first().copied();
        let metric = match source.parse() {
            Ok(code) => vocabulary::by_code(code),
            Err(_) => named(),
        };
        metric.map_or(source, |metric| metric.display)
    });
    let value = alarm.value.map(|value| {
        let unit = alarm.unit.as_deref().filter(|unit| *unit != "1");
        let unit = unit.map_or(String::new(), |unit| format!(" {}", units::display(unit)));
        format!("{value}{unit}")
    });
    match (source, value) {
        (Some(source), Some(value)) => text.push_str(&format!(", {source} {value}")),
        (Some(part), None) => text.push_str(&format!(", {part}")),
        (None, Some(part)) => text.push_str(&format!(", {part}")),
        (None, None) => {}
    }
    if let Some(limits) = &alarm.limits {
        text.push_str(&format!(", limits {limits}"));
    }
    if alarm.priority == Priority::Info {
        text.push_str(", no priority");
    }
    if let Some(words) = &alarm.inactivation {
        text.push_str(&format!("{INACTIVE}{}", words.replace('-', " ")));
    }
    text
}
