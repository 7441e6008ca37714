//! Alerts that no rule of the file decides: alarms of monitors, states of gateways.
//!
//! People act on them as on all others, and silences hold them back. Their ladder is that of the rules file for their
//! priority; what they page follows from their source.

use super::Engine;
use super::alert::{alert_id, exact_option};
use super::context::{Context, Key, Purpose, What};
use super::message::words;
use super::plan::Kind;
use super::silence::{Facts, Hush};
use crate::{
    Action, ActionKind, AlertEvent, Class, EventKind, MAX_SILENCE, Priority, Reason, State, Subject,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
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
    #[serde(default)]
    level: u32,
    #[serde(default)]
    hush: Hush,
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
            level: 0,
            hush: Hush::default(),
        }
    }

    /// Nobody was told of it, nor will be by the end of a silence.
    pub(super) fn is_untold(&self) -> bool {
        self.paged.is_none() && !self.hush.held && self.acknowledged.is_none()
    }

    /// Whether people may still be told of what happened at `time`.
    pub(super) fn may_page(&self, ctx: &Context, time: Micros) -> bool {
        self.priority != Priority::Info && ctx.clock.saturating_sub(time) <= PAGE_WITHIN
    }

    /// A reminder of its silence or ladder; its state decides.
    fn timer(&self, ctx: &mut Context, at: Micros) {
        let key = Key {
            kind: Kind::Device,
            id: Arc::from(self.id.as_str()),
        };
        ctx.timer(at, Purpose::Standing, 0, &key);
    }

    /// Looks at what holds it back; true if that has changed.
    fn hush(&mut self, ctx: &mut Context) -> bool {
        let patient = match &self.about.subject {
            Subject::Patient(id) => Some(id.as_str()),
            Subject::Device(id) => ctx.wearer_of(id),
            Subject::Gateway(_) => None,
        };
        let facts = Facts {
            rule: &self.about.rule,
            class: self.class,
            patient,
            ward: ctx.ward_of(patient),
            device: self.about.device.as_deref(),
            longest: self.longest_silence(),
        };
        let before = (self.silenced_until, self.hush.by.clone());
        self.silenced_until = self.hush.look(&ctx.silences, &facts, ctx.clock);
        let changed = before != (self.silenced_until, self.hush.by.clone());
        if changed && let Some(until) = self.silenced_until {
            self.timer(ctx, until);
        }
        changed
    }

    /// A monitor's high priority is never silenced for longer than an hour, whatever its class.
    fn longest_silence(&self) -> Micros {
        match self.priority {
            Priority::High => MAX_SILENCE,
            _ => self.class.longest_silence(),
        }
    }

    fn hush_again(&mut self, ctx: &mut Context, by: Option<&Action>) {
        if !self.hush(ctx) {
            return;
        }
        let over = self.silenced_until.is_none();
        let asks = over && self.acknowledged.is_none();
        let page = asks && (self.hush.held || self.paged.is_some() && by.is_none());
        if page || asks && self.paged.is_some() {
            self.note_page(ctx);
        }
        let done = if over {
            "no longer silenced"
        } else {
            "silenced"
        };
        let words = by.map_or(String::new(), words);
        let message = format!("{}: {done}{words}", self.message);
        let what = What::new(EventKind::Silenced, ctx.clock).paging(page);
        self.emit(ctx, what, message);
    }

    /// People are to be told now: whether they are, or a silence holds it back until its end.
    fn page(&mut self, ctx: &mut Context) -> bool {
        if self.silenced_until.is_some() {
            self.hush.held = true;
            ctx.stats.held_by_silence += 1;
            return false;
        }
        self.note_page(ctx);
        true
    }

    /// From now on the ladder counts, from its foot.
    fn note_page(&mut self, ctx: &mut Context) {
        self.paged = Some(ctx.clock);
        self.level = 0;
        self.hush.held = false;
        self.remind(ctx);
    }

    /// When the next step of the ladder is due, and whom it goes up to.
    fn next_step(&self, ctx: &Context) -> Option<(Micros, String)> {
        let ladder = ctx.plan.set.escalation(self.priority);
        let step = ladder.get(usize::try_from(self.level).ok()?)?;
        let due = self.paged?.saturating_add(step.after);
        let due = due.max(self.silenced_until.unwrap_or(due));
        self.acknowledged.is_none().then(|| (due, step.to.clone()))
    }

    /// The ladder is that of its priority now.
    pub(super) fn remind(&self, ctx: &mut Context) {
        if let Some((due, _)) = self.next_step(ctx) {
            self.timer(ctx, due);
        }
    }

    fn escalate(&mut self, ctx: &mut Context) {
        let Some((due, to)) = self.next_step(ctx) else {
            return;
        };
        if due <= ctx.clock {
            self.level += 1;
            let mut what = What::new(EventKind::Escalated, ctx.clock).paging(true);
            what.escalate_to = Some(to);
            let over = match self.state {
                State::Recovering => "over, ",
                State::Active | State::Resolved => "",
            };
            let message = format!("{}; {over}not acknowledged", self.message);
            self.emit(ctx, what, message);
        }
        self.remind(ctx);
    }

    /// It asks for attention again. A page makes an earlier acknowledgement void.
    pub(super) fn worsen(&mut self, ctx: &mut Context, time: Micros, page: bool, why: &str) {
        if page {
            self.acknowledged = None;
        }
        self.hush(ctx);
        let page = page && self.page(ctx);
        ctx.stats.worsened += u64::from(page);
        let message = format!("{}; {why}", self.message);
        let what = What::new(EventKind::Worsened, time).paging(page);
        self.emit(ctx, what, message);
        self.remind(ctx);
    }

    /// The same alert, told otherwise.
    pub(super) fn correct(&self, ctx: &mut Context, time: Micros) {
        self.emit(
            ctx,
            What::new(EventKind::Corrected, time),
            self.message.clone(),
        );
        self.remind(ctx);
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
        let event = self.event(ctx, what, message);
        ctx.out.push(event);
        ctx.ordinal += 1;
    }

    /// The alert as it now is.
    fn event(&self, ctx: &Context, what: What, message: String) -> AlertEvent {
        let (by, at) = self.acknowledged.clone().unzip();
        AlertEvent {
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
            escalation_level: self.level,
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
            escalate_to: what.escalate_to,
            repeats: self.repeats,
            latched: false,
            silenced_by: self.hush.by.clone(),
            limit_low: None,
            limit_high: None,
            limit_source: None,
        }
    }
}

/// Those that are open, by id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Standings {
    alerts: BTreeMap<String, Standing>,
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
        alert.hush(ctx);
        let page = page && alert.page(ctx);
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
        alert.hush(ctx);
        let page = page && alert.page(ctx);
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
        match action.kind {
            ActionKind::Acknowledge if alert.acknowledged.is_some() => {}
            ActionKind::Acknowledge => {
                alert.acknowledged = Some((action.by.clone(), now));
                let message = format!("{}: acknowledged{}", alert.message, words(action));
                alert.emit(ctx, What::new(EventKind::Acknowledged, now), message);
            }
            ActionKind::Silence { until } => {
                let until = until.min(now.saturating_add(alert.longest_silence()));
                alert.hush.act(until, &action.by, &ctx.silences, now);
                alert.hush_again(ctx, Some(action));
            }
        }
        true
    }

    /// Its silence may be over, or a step of its ladder due.
    pub(super) fn due(&mut self, ctx: &mut Context, id: &str) {
        if let Some(alert) = self.alerts.get_mut(id) {
            alert.hush_again(ctx, None);
            alert.escalate(ctx);
        }
    }

    /// Those of which people should know, as raised.
    pub(super) fn asking(&self, ctx: &Context) -> Vec<AlertEvent> {
        let told = self.alerts.values().filter(|alert| alert.paged.is_some());
        told.map(|alert| {
            let what = What::new(EventKind::Raised, alert.onset).paging(true);
            alert.event(ctx, what, alert.message.clone())
        })
        .collect()
    }

    pub(super) fn hush_all(&mut self, ctx: &mut Context) {
        for alert in self.alerts.values_mut() {
            alert.hush_again(ctx, None);
        }
    }

    /// What an earlier version did not know of them. In a state of this version nothing changes.
    pub(super) fn adopt(&mut self, ctx: &mut Context) {
        for alert in self.alerts.values_mut() {
            alert.hush.adopt(alert.silenced_until);
        }
        self.remind(ctx);
    }

    /// Timers anew from the state.
    pub(super) fn remind(&self, ctx: &mut Context) {
        for alert in self.alerts.values() {
            if let Some(until) = alert.silenced_until {
                alert.timer(ctx, until);
            }
            alert.remind(ctx);
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
        let review = self.ctx.limits.reviews.due();
        [self.monitors.due(), self.gateways.due(), review]
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
        self.alarms_due();
        self.gateways.overdue(&mut self.ctx, &mut self.standing);
        self.reviews_due();
    }
}
