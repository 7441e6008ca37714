//! Alerts that no rule of the file decides: alarms of monitors, states of gateways.
//!
//! People act on them as on all others. They have no ladder; what they page follows from their source.

use super::Engine;
use super::alert::{alert_id, exact_option};
use super::context::{Context, What};
use crate::{
    Action, ActionKind, AlertEvent, Class, EventKind, MAX_SILENCE, Priority, Reason, State, Subject,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wardline_normalize::time::Micros;

/// How late data may still page, as for rules that say nothing else.
pub(super) const PAGE_WITHIN: Micros = 600_000_000;

/// In the place of a rule set's version: grows when the meaning of these alerts changes.
const VERSION: &str = "1";

/// What an alert is about; its id derives from all of it and its onset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) rule: String,
    pub(super) subject: Subject,
    pub(super) device: Option<String>,
    /// Tells alerts of one rule and subject apart.
    pub(super) part: String,
}

/// An alert that is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) id: String,
    pub(super) about: About,
    pub(super) class: Class,
    pub(super) priority: Priority,
    pub(super) state: State,
    pub(super) onset: Micros,
    ended: Option<Micros>,
    /// Log clock when somebody was first to be told.
    pub(super) paged: Option<Micros>,
    pub(super) acknowledged: Option<(String, Micros)>,
    silenced_until: Option<Micros>,
    repeats: u32,
    #[serde(with = "exact_option")]
    pub(super) value: Option<f64>,
    pub(super) unit: Option<String>,
    /// What is the matter, for people.
    pub(super) message: String,
}

impl Standing {
    pub(super) fn new(
        about: About,
        class: Class,
        priority: Priority,
        onset: Micros,
        message: String,
    ) -> Self {
        let rule = [
            &about.rule,
            about.device.as_deref().unwrap_or_default(),
            &about.part,
        ]
        .join("\n");
        Self {
            id: alert_id(&rule, &about.subject, onset),
            about,
            class,
            priority,
            state: State::Active,
            onset,
            ended: None,
            paged: None,
            acknowledged: None,
            silenced_until: None,
            repeats: 0,
            value: None,
            unit: None,
            message,
        }
    }

    /// Whether people may still be told of what happened at `time`.
    pub(super) fn may_page(&self, ctx: &Context, time: Micros) -> bool {
        self.priority != Priority::Info && ctx.clock.saturating_sub(time) <= PAGE_WITHIN
    }

    /// It asks for attention again.
    pub(super) fn worsen(&mut self, ctx: &mut Context, time: Micros, page: bool, why: &str) {
        if page {
            self.paged.get_or_insert(ctx.clock);
        }
        let message = format!("{}; {why}", self.message);
        let what = What::new(EventKind::Worsened, time).paging(page);
        self.emit(ctx, what, message);
    }

    /// The same alert, told otherwise.
    pub(super) fn correct(&self, ctx: &mut Context, time: Micros) {
        self.emit(
            ctx,
            What::new(EventKind::Corrected, time),
            self.message.clone(),
        );
    }

    pub(super) fn recover(&mut self, ctx: &mut Context, time: Micros, why: &str) {
        self.state = State::Recovering;
        let message = format!("{}; {why}", self.message);
        self.emit(ctx, What::new(EventKind::Recovering, time), message);
    }

    /// The condition came back.
    pub(super) fn return_to_active(&mut self) {
        self.state = State::Active;
        self.repeats += 1;
    }

    fn emit(&self, ctx: &mut Context, what: What, message: String) {
        let (by, at) = self.acknowledged.clone().unzip();
        ctx.out.push(AlertEvent {
            seq: ctx.seq,
            ordinal: ctx.ordinal,
            alert_id: self.id.clone(),
            rule_id: self.about.rule.clone(),
            rule_version: VERSION.to_owned(),
            subject: self.about.subject.clone(),
            device_id: self.about.device.clone(),
            class: self.class,
            priority: self.priority,
            event: what.event,
            state: self.state,
            acknowledged_by: by,
            acknowledged_at: at,
            silenced_until: self.silenced_until,
            escalation_level: 0,
            onset: self.onset,
            ended: self.ended,
            event_time: what.event_time,
            processed_time: ctx.clock,
            value: self.value,
            unit: self.unit.clone().filter(|_| self.value.is_some()),
            message,
            evidence: Vec::new(),
            page: what.page,
            reason: what.reason,
            escalate_to: None,
            repeats: self.repeats,
            latched: false,
            silenced_by: None,
            limit_low: None,
            limit_high: None,
            limit_source: None,
        });
        ctx.ordinal += 1;
    }
}

/// Those that are open, by id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Standings {
    alerts: BTreeMap<String, Standing>,
    /// Silences by their end.
    silences: BTreeSet<(Micros, String)>,
}

impl Standings {
    pub(super) fn len(&self) -> usize {
        self.alerts.len()
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut Standing> {
        self.alerts.get_mut(id)
    }

    /// Ids of the alerts that are `wanted`.
    pub(super) fn ids(&self, wanted: impl Fn(&Standing) -> bool) -> Vec<String> {
        let alerts = self.alerts.values().filter(|alert| wanted(alert));
        alerts.map(|alert| alert.id.clone()).collect()
    }

    /// Tells people of it for the first time, and keeps it.
    pub(super) fn raise(
        &mut self,
        ctx: &mut Context,
        mut alert: Standing,
        time: Micros,
        page: bool,
    ) -> String {
        if page {
            alert.paged = Some(ctx.clock);
        }
        let what = What::new(EventKind::Raised, time).paging(page);
        alert.emit(ctx, what, alert.message.clone());
        let id = alert.id.clone();
        self.alerts.insert(id.clone(), alert);
        id
    }

    /// It was there and is over: raised and resolved in one go, never open.
    pub(super) fn raise_over(
        &self,
        ctx: &mut Context,
        mut alert: Standing,
        ended: Micros,
        page: bool,
    ) {
        (alert.state, alert.ended) = (State::Resolved, Some(ended));
        let what = What::new(EventKind::Raised, alert.onset).paging(page);
        alert.emit(ctx, what, alert.message.clone());
        resolve(ctx, &mut alert, ended, Reason::Cleared);
    }

    pub(super) fn resolve(&mut self, ctx: &mut Context, id: &str, ended: Micros, reason: Reason) {
        if let Some(mut alert) = self.alerts.remove(id) {
            let ended = ended.max(alert.onset);
            resolve(ctx, &mut alert, ended, reason);
        }
    }

    /// What a person does with one of them; false if it is none of them.
    pub(super) fn action(&mut self, ctx: &mut Context, action: &Action) -> bool {
        let Some(alert) = self.alerts.get_mut(&action.alert_id) else {
            return false;
        };
        let now = ctx.clock;
        let (event, done) = match action.kind {
            ActionKind::Acknowledge if alert.acknowledged.is_some() => return true,
            ActionKind::Acknowledge => {
                alert.acknowledged = Some((action.by.clone(), now));
                (EventKind::Acknowledged, "acknowledged")
            }
            ActionKind::Silence { until } => {
                let until = until.min(now.saturating_add(MAX_SILENCE));
                if until <= now && alert.silenced_until.is_none() {
                    return true;
                }
                alert.silenced_until = (until > now).then_some(until);
                match alert.silenced_until {
                    Some(until) => {
                        self.silences.insert((until, alert.id.clone()));
                        (EventKind::Silenced, "silenced")
                    }
                    None => (EventKind::Silenced, "no longer silenced"),
                }
            }
        };
        let message = format!("{}: {done}", alert.message);
        alert.emit(ctx, What::new(event, now), message);
        true
    }

    fn silences_end(&mut self, ctx: &mut Context) {
        while let Some((until, id)) = self.silences.first().cloned()
            && until <= ctx.clock
        {
            self.silences.pop_first();
            let Some(alert) = self.alerts.get_mut(&id) else {
                continue;
            };
            if alert.silenced_until != Some(until) {
                continue;
            }
            alert.silenced_until = None;
            let page = alert.acknowledged.is_none() && alert.paged.is_some();
            let what = What::new(EventKind::Silenced, ctx.clock).paging(page);
            let message = format!("{}: no longer silenced", alert.message);
            alert.emit(ctx, what, message);
        }
    }
}

fn resolve(ctx: &mut Context, alert: &mut Standing, ended: Micros, reason: Reason) {
    (alert.state, alert.ended) = (State::Resolved, Some(ended));
    let (event_time, why) = match reason {
        Reason::Cleared => (ended, "over".to_owned()),
        Reason::Reattributed => (
            ctx.clock,
            "resolved (reattributed): it belongs to another patient".to_owned(),
        ),
        other => (ctx.clock, format!("resolved ({other})")),
    };
    let message = format!("{}: {why}", alert.message);
    let what = What::new(EventKind::Resolved, event_time).because(reason);
    alert.emit(ctx, what, message);
}

impl Engine {
    /// When the log clock may next have an effect on these.
    pub(super) fn standing_due(&self) -> Option<Micros> {
        let silence = self.standing.silences.first().map(|(at, _)| *at);
        [silence, self.monitors.due(), self.gateways.due()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The log clock has moved.
    pub(super) fn standing_advance(&mut self) {
        let now = self.ctx.clock;
        if self.standing_due().is_none_or(|due| due > now) {
            return;
        }
        self.standing.silences_end(&mut self.ctx);
        self.alarms_due();
        self.gateways.overdue(&mut self.ctx, &mut self.standing);
    }
}
