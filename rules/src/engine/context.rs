//! What all parts of the engine share: clock, plan, timers, what is open, and the making of events.

use super::alert::{Alert, Told, alert_id};
use super::lane::Series;
use super::limits::{self, Limits};
use super::message;
use super::plan::{Kind, Plan};
use super::silence::{Silences, Wearers};
use crate::{
    Action, AlertEvent, Condition, EventKind, PatientAttributes, Priority, Reason, RuleSet, State,
    Subject,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// A subject inside the engine.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) kind: Kind,
    pub(crate) id: Arc<str>,
}

impl Key {
    pub(crate) fn subject(&self) -> Subject {
        match self.kind {
            Kind::Patient => Subject::Patient(self.id.to_string()),
            Kind::Device => Subject::Device(self.id.to_string()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subject().fmt(f)
    }
}

/// What a timer is for. Timers are reminders: the state decides when one fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// An assignment begins or ends.
    Assignment,
    /// A device may be overdue.
    Overdue,
    /// A silence by matcher begins or ends.
    Silence,
    SilenceEnds,
    Escalate,
    /// Silence or ladder of an alert that no rule decides; the key is the alert's id.
    Standing,
    /// Idle subjects are let go.
    Sweep,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Timer {
    pub(crate) at: Micros,
    pub(crate) purpose: Purpose,
    pub(crate) rule: usize,
    pub(crate) key: Key,
}

/// Counters of what the engine could not use or held back; nothing is dropped in silence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Samples older than the lateness, which rules could no longer place. Counted per lane of rules.
    pub late: u64,
    /// Readings that rules would have looked at and that never count: absent, implausible, marked invalid, in
    /// demonstration or test, entered in error. As first sent; corrections are not counted.
    #[serde(default)]
    pub invalid: u64,
    /// Values that rules could not read, because their unit does not convert or their word is not known. Counted per
    /// lane of rules, as first sent.
    #[serde(default)]
    pub foreign: u64,
    /// Batches without the columns of a reading.
    pub unreadable: u64,
    /// Actions on alerts that are not open.
    pub unknown_alerts: u64,
    /// Alarms of monitors in demonstration or test.
    #[serde(default)]
    pub staged_alarms: u64,
    /// Reports of gateways beyond those that can be watched.
    #[serde(default)]
    pub unwatched_gateways: u64,
    /// Silences that could not be kept, or of an alert that cannot be silenced.
    #[serde(default)]
    pub refused_silences: u64,
    /// Pages that silences held back.
    #[serde(default)]
    pub held_by_silence: u64,
    /// Alerts that another rule held back when their condition was met; of absence, each time that was looked at.
    #[serde(default)]
    pub held_by_inhibition: u64,
    /// Conditions that came back within an open alert: flapping.
    #[serde(default)]
    pub repeats: u64,
    /// Pages because an alert had become worse.
    #[serde(default)]
    pub worsened: u64,
    /// Limits let go because a ward or a patient had too many.
    #[serde(default)]
    pub limits_let_go: u64,
}

#[derive(Debug)]
pub(crate) struct Context {
    /// Log clock.
    pub(crate) clock: Micros,
    /// Before then the passing of time alone has no effect, as far as is known: whoever may change that sets it back.
    pub(crate) idle_until: Micros,
    /// How much of the log clock nobody was watching: the log was silent as a whole. Absence does not count it.
    pub(crate) unwatched: Micros,
    pub(crate) seq: u64,
    pub(crate) ordinal: u32,
    pub(crate) plan: Arc<Plan>,
    pub(crate) timers: BTreeSet<Timer>,
    /// Open alerts that people know of.
    pub(crate) open: HashMap<String, (Key, usize)>,
    /// Subjects on which the condition of an inhibiting rule holds, with the time of the last reading that says so; of
    /// absence the end of time. Follows from the state of the subjects.
    pub(crate) inhibiting: HashMap<(usize, Key), Micros>,
    pub(crate) attributes: HashMap<String, PatientAttributes>,
    pub(crate) silences: Silences,
    /// Whom each device is with.
    pub(crate) wearers: Wearers,
    pub(crate) limits: Limits,
    pub(crate) stats: Stats,
    pub(crate) out: Vec<AlertEvent>,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            clock: 0,
            idle_until: Micros::MIN,
            unwatched: 0,
            seq: 0,
            ordinal: 0,
            plan: Arc::new(Plan::new(Arc::new(RuleSet::empty()))),
            timers: BTreeSet::new(),
            open: HashMap::new(),
            inhibiting: HashMap::new(),
            attributes: HashMap::new(),
            silences: Silences::default(),
            wearers: Wearers::default(),
            limits: Limits::default(),
            stats: Stats::default(),
            out: Vec::new(),
        }
    }
}

/// What an event says beside the alert's own state.
#[derive(Debug, Clone)]
pub(crate) struct What {
    pub(crate) event: EventKind,
    pub(crate) event_time: Micros,
    pub(crate) page: bool,
    pub(crate) reason: Option<Reason>,
    pub(crate) escalate_to: Option<String>,
    /// On `worsened`: in what way. On `silenced`: why it is not.
    pub(crate) why: &'static str,
    /// What the person said who did it, ready for a message; else empty.
    pub(crate) words: String,
}

impl What {
    pub(crate) fn new(event: EventKind, event_time: Micros) -> Self {
        Self {
            event,
            event_time,
            page: false,
            reason: None,
            escalate_to: None,
            why: "",
            words: String::new(),
        }
    }

    /// The event follows from what a person did.
    pub(crate) fn by(mut self, action: Option<&Action>) -> Self {
        self.words = action.map_or(String::new(), message::words);
        self
    }

    pub(crate) fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    pub(crate) fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    pub(crate) fn paging(mut self, page: bool) -> Self {
        self.page = page;
        self
    }
}

impl Context {
    /// The clock that absence goes by.
    pub(crate) fn watched(&self) -> Micros {
        self.clock - self.unwatched
    }

    pub(crate) fn timer(&mut self, at: Micros, purpose: Purpose, rule: usize, key: &Key) {
        self.idle_until = self.idle_until.min(at);
        self.timers.insert(Timer {
            at,
            purpose,
            rule,
            key: key.clone(),
        });
    }

    /// Whether the condition of a rule that inhibits `rule` holds for the subject, or for the device of the reading, and
    /// was confirmed lately enough before the reading's time.
    pub(crate) fn inhibited(
        &self,
        rule: usize,
        key: &Key,
        device: &Arc<str>,
        time: Micros,
    ) -> bool {
        let inhibitors = &self.plan.inhibitors[rule];
        if inhibitors.is_empty() || self.inhibiting.is_empty() {
            return false;
        }
        let device = Key {
            kind: Kind::Device,
            id: Arc::clone(device),
        };
        let holds = |by: usize, subject: &Key| {
            let last = self.inhibiting.get(&(by, subject.clone()));
            let longest = self.plan.set.rules()[by].holds_for;
            last.is_some_and(|last| time.saturating_sub(*last) <= longest)
        };
        inhibitors
            .iter()
            .any(|by| holds(*by, key) || holds(*by, &device))
    }

    /// Notes what the series says of those that its rule inhibits.
    pub(crate) fn note_inhibiting(&mut self, rule: usize, key: &Key, series: &Series) {
        if !self.plan.inhibits[rule] {
            return;
        }
        match series.confirmed() {
            Some(last) => self.inhibiting.insert((rule, key.clone()), last),
            None => self.inhibiting.remove(&(rule, key.clone())),
        };
    }

    /// Whether people are told of the rule's alerts at all: `info` asks for nobody's attention.
    pub(crate) fn pages(&self, rule: usize) -> bool {
        self.plan.set.rules()[rule].priority != Priority::Info
    }

    /// Tells people of an alert for the first time.
    pub(crate) fn report(
        &mut self,
        rule: usize,
        key: &Key,
        alert: &mut Alert,
        event_time: Micros,
        page: bool,
    ) {
        alert.reported = true;
        alert.first_onset = alert.onset;
        alert.id = alert_id(&self.plan.set.rules()[rule].id, key, alert.onset);
        if alert.is_open() {
            self.hush(rule, key, alert);
        }
        let page = page && self.may_page(rule, key, alert, event_time);
        self.emit(
            rule,
            key,
            alert,
            What::new(EventKind::Raised, event_time).paging(page),
        );
    }

    /// People are to be told now, of a reading of `time`: whether they are, or a silence holds it back until its end.
    pub(crate) fn may_page(
        &mut self,
        rule: usize,
        key: &Key,
        alert: &mut Alert,
        time: Micros,
    ) -> bool {
        let again = match &self.plan.set.rules()[rule].condition {
            Condition::Judged(judge) => judge.worsens.is_some(),
            Condition::Absence { .. } => false,
        };
        let value = alert.value.filter(|_| again);
        alert.told = value.map(|value| Told { value, time });
        if alert.silenced_until.is_some() {
            alert.hush.held = true;
            self.stats.held_by_silence += 1;
            return false;
        }
        self.note_page(rule, key, alert);
        true
    }

    /// From now on the ladder counts, from its foot.
    pub(crate) fn note_page(&mut self, rule: usize, key: &Key, alert: &mut Alert) {
        alert.paged = Some(self.clock);
        alert.level = 0;
        alert.hush.held = false;
        if let Some(step) = self.plan.set.rules()[rule].escalate.first() {
            let at = self.clock.saturating_add(step.after);
            self.timer(at, Purpose::Escalate, rule, key);
        }
    }

    pub(crate) fn resolve(
        &mut self,
        rule: usize,
        key: &Key,
        alert: &mut Alert,
        ended: Micros,
        reason: Reason,
    ) {
        alert.state = State::Resolved;
        alert.ended = Some(ended);
        alert.latched = None;
        if alert.reported {
            let event_time = if reason == Reason::Cleared {
                ended
            } else {
                self.clock
            };
            self.emit(
                rule,
                key,
                alert,
                What::new(EventKind::Resolved, event_time).because(reason),
            );
        }
    }

    /// Makes an event of the alert as it now is, and keeps the indices of open alerts.
    pub(crate) fn emit(&mut self, rule: usize, key: &Key, alert: &Alert, what: What) {
        self.idle_until = Micros::MIN;
        let plan = Arc::clone(&self.plan);
        let definition = &plan.set.rules()[rule];
        if alert.is_open() {
            self.open.insert(alert.id.clone(), (key.clone(), rule));
            if plan.inhibits[rule] && alert.latched.is_some() {
                // Kept for people to acknowledge: the condition is over.
                self.inhibiting.remove(&(rule, key.clone()));
            } else if plan.inhibits[rule] {
                let last = match definition.condition {
                    Condition::Judged(_) => alert.last_change,
                    Condition::Absence { .. } => Micros::MAX,
                };
                self.inhibiting.entry((rule, key.clone())).or_insert(last);
            }
        } else {
            // One that was over when it was found was never open, and another may be.
            let was_open = self.open.remove(&alert.id).is_some();
            if was_open && plan.inhibits[rule] {
                self.inhibiting.remove(&(rule, key.clone()));
            }
        }
        if what.event == EventKind::Raised && key.kind == Kind::Patient {
            let asked = plan.set.limit_review();
            self.limits
                .raised(&key.id, &definition.id, self.clock, asked);
        }
        let event = self.event(rule, key, alert, what);
        self.out.push(event);
        self.ordinal += 1;
    }

    /// The alert as it now is.
    pub(super) fn event(&self, rule: usize, key: &Key, alert: &Alert, what: What) -> AlertEvent {
        let definition = &self.plan.set.rules()[rule];
        let (by, at) = alert.acknowledged.clone().unzip();
        let held = self.plan.held_back(rule);
        let (limit_low, limit_high, limit_source) = limits::told(definition, alert);
        let value = alert.value.filter(|value| value.is_finite());
        AlertEvent {
            seq: self.seq,
            ordinal: self.ordinal,
            alert_id: alert.id.clone(),
            rule_id: definition.id.clone(),
            rule_version: self.plan.set.version().to_owned(),
            subject: key.subject(),
            device_id: alert.device.as_deref().map(str::to_owned),
            class: definition.class,
            priority: definition.priority,
            event: what.event,
            state: alert.state,
            acknowledged_by: by,
            acknowledged_at: at,
            silenced_until: alert.silenced_until,
            escalation_level: alert.level,
            onset: alert.onset,
            ended: alert.ended,
            event_time: what.event_time,
            processed_time: self.clock,
            value,
            unit: message::unit_of(definition)
                .filter(|_| value.is_some())
                .map(str::to_owned),
            message: message::sentence(definition, alert, &what, &held),
            evidence: alert.evidence.clone(),
            page: what.page,
            reason: what.reason,
            escalate_to: what.escalate_to,
            repeats: alert.repeats,
            latched: alert.latched.is_some(),
            silenced_by: alert.hush.by.clone(),
            limit_low,
            limit_high,
            limit_source,
        }
    }
}
