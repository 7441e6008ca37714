//! Silences: nobody is paged for an alert, and its ladder waits. A person's own silence of one alert, and silences by
//! matcher, which hold for an alert at most as long as its rule allows from when they began: what is raised in the middle
//! of one is not silent for longer.

use super::Engine;
use super::alert::Alert;
use super::context::{Context, Key, Purpose, What};
use super::plan::Kind;
use super::state::Subject;
use crate::{Action, Class, EventKind, Silence};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Silences kept at once. One more is not taken, and so people are paged.
const MOST: usize = 10_000;

/// What holds back the pages of one alert.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Hush {
    /// Who silenced it, of the silence that holds longest.
    pub(crate) by: Option<String>,
    /// A person's silence of this alert: until, who.
    own: Option<(Micros, String)>,
    /// Silences by matcher, and since when each counts for it.
    taken: Vec<(String, Micros)>,
    /// People should have been told.
    pub(crate) held: bool,
    /// What holds it back is about a device: another device's reading ends it.
    pub(crate) by_device: bool,
}

/// What matchers ask of an alert.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) rule: &'a str,
    pub(super) class: Class,
    pub(super) patient: Option<&'a str>,
    pub(super) ward: Option<&'a str>,
    pub(super) device: Option<&'a str>,
    /// How long after its begin a silence may hold.
    pub(super) longest: Micros,
}

impl Silence {
    /// By the log clock.
    fn is_in_force(&self, now: Micros) -> bool {
        self.from <= now && now < self.until
    }

    fn fits(&self, facts: &Facts<'_>) -> bool {
        let text = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let any = self.class.is_some()
            || [&self.patient, &self.rule, &self.device, &self.ward]
                .iter()
                .any(|wanted| wanted.is_some());
        any && text(&self.patient, facts.patient)
            && text(&self.rule, Some(facts.rule))
            && text(&self.device, facts.device)
            && text(&self.ward, facts.ward)
            && self.class.is_none_or(|class| class == facts.class)
    }
}

/// Silences by matcher that are not over, by id.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Silences(BTreeMap<String, Silence>);

impl Silences {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// False if there is no room.
    fn put(&mut self, silence: &Silence, now: Micros) -> bool {
        if silence.ended || silence.until <= now {
            self.0.remove(&silence.id);
            return true;
        }
        if self.0.len() >= MOST && !self.0.contains_key(&silence.id) {
            return false;
        }
        self.0.insert(silence.id.clone(), silence.clone());
        true
    }
}

/// Who silenced an alert in a version that did not keep it with the alert.
const UNKNOWN: &str = "unknown";

impl Hush {
    /// A version that knew of no other silences kept only until when it lasts. True if there is one.
    pub(super) fn adopt(&mut self, silenced_until: Option<Micros>) -> bool {
        let Some(until) = silenced_until.filter(|_| self.by.is_none()) else {
            return false;
        };
        self.own = Some((until, UNKNOWN.to_owned()));
        self.by = Some(UNKNOWN.to_owned());
        true
    }

    /// A person silences this alert. A time that has passed ends every silence on it.
    pub(super) fn act(&mut self, until: Micros, by: &str, silences: &Silences, now: Micros) {
        self.own = (until > now).then(|| (until, by.to_owned()));
        if self.own.is_none() {
            let spent = silences.0.keys();
            self.taken = spent.map(|id| (id.clone(), Micros::MIN)).collect();
        }
    }

    /// Until when it is silenced now.
    pub(super) fn look(
        &mut self,
        silences: &Silences,
        facts: &Facts<'_>,
        now: Micros,
    ) -> Option<Micros> {
        let taken = std::mem::take(&mut self.taken);
        self.own = self.own.take().filter(|(until, _)| *until > now);
        let mut best = self.own.clone().map(|(until, by)| (until, by, false));
        for (id, silence) in &silences.0 {
            let known = taken.iter().find(|(known, _)| known == id);
            let holds = silence.is_in_force(now) && silence.fits(facts);
            let since = match known {
                Some((_, since)) => *since.min(&silence.from),
                None if holds => silence.from,
                None => continue,
            };
            self.taken.push((id.clone(), since));
            let until = silence.until.min(since.saturating_add(facts.longest));
            if holds && until > now && best.as_ref().is_none_or(|best| until > best.0) {
                best = Some((until, silence.author.clone(), silence.device.is_some()));
            }
        }
        self.by_device = best.as_ref().is_some_and(|best| best.2);
        let (until, by) = best.map(|(until, by, _)| (until, by)).unzip();
        self.by = by;
        until
    }
}

impl Context {
    /// Whom the device is with, if that is one person.
    pub(super) fn wearer(&mut self, device: &Subject) {
        let clock = self.clock;
        let mut patients = device
            .stays
            .iter()
            .filter(|stay| stay.from <= clock && stay.until.is_none_or(|until| clock < until));
        let first = patients.next().map(|stay| stay.patient.as_str());
        let same = patients.all(|stay| Some(stay.patient.as_str()) == first);
        match first.filter(|_| same) {
            Some(patient) => {
                self.wearers
                    .insert(Arc::clone(&device.id), patient.to_owned());
            }
            None => {
                self.wearers.remove(&*device.id);
            }
        }
    }

    /// Whose an alert about a device is.
    pub(super) fn wearer_of(&self, device: &str) -> Option<&str> {
        self.wearers.get(device).map(String::as_str)
    }

    pub(super) fn ward_of(&self, patient: Option<&str>) -> Option<&str> {
        self.attributes.get(patient?)?.ward.as_deref()
    }

    /// Silences of alerts that an earlier version wrote. In a state of this version nothing changes.
    pub(super) fn adopt(&mut self, key: &Key, subject: &mut Subject) {
        let plan = Arc::clone(&self.plan);
        for rule in 0..plan.set.rules().len() {
            let Some(alert) = subject.shown(&plan, rule) else {
                continue;
            };
            if alert.hush.adopt(alert.silenced_until)
                && let Some(until) = alert.silenced_until
            {
                self.timer(until, Purpose::SilenceEnds, rule, key);
            }
        }
    }

    /// Looks at what holds the alert back; true if that has changed.
    pub(crate) fn hush(&mut self, rule: usize, key: &Key, alert: &mut Alert) -> bool {
        let plan = Arc::clone(&self.plan);
        let definition = &plan.set.rules()[rule];
        let patient = match key.kind {
            Kind::Patient => Some(&*key.id),
            Kind::Device => self.wearer_of(&key.id),
        };
        let facts = Facts {
            rule: &definition.id,
            class: definition.class,
            patient,
            ward: self.ward_of(patient),
            device: alert.device.as_deref(),
            longest: definition.max_silence,
        };
        let before = (alert.silenced_until, alert.hush.by.clone());
        alert.silenced_until = alert.hush.look(&self.silences, &facts, self.clock);
        let changed = before != (alert.silenced_until, alert.hush.by.clone());
        if changed && let Some(until) = alert.silenced_until {
            self.timer(until, Purpose::SilenceEnds, rule, key);
        }
        changed
    }

    /// What holds the alert back may have changed: people are told, and paged again. Not when somebody has just ended
    /// it `by` an action on the alert itself, unless nobody was told yet. The ladder, which has waited, counts from here.
    pub(crate) fn hush_again(
        &mut self,
        rule: usize,
        key: &Key,
        alert: &mut Alert,
        by: Option<&Action>,
    ) {
        if !self.hush(rule, key, alert) {
            return;
        }
        let over = alert.silenced_until.is_none() && alert.acknowledged.is_none();
        let page = over && (alert.hush.held || alert.paged.is_some() && by.is_none());
        if page || over && alert.paged.is_some() {
            self.note_page(rule, key, alert);
        }
        let what = What::new(EventKind::Silenced, self.clock)
            .paging(page)
            .by(by);
        self.emit(rule, key, alert, what);
    }
}

impl Engine {
    pub(super) fn silence(&mut self, silence: &Silence) {
        self.advance(silence.at);
        let now = self.ctx.clock;
        if !self.ctx.silences.put(silence, now) {
            self.ctx.stats.refused_silences += 1;
            return;
        }
        let key = Key {
            kind: Kind::Device,
            id: Arc::from(silence.id.as_str()),
        };
        for at in [silence.from, silence.until] {
            if at > now && !silence.ended {
                self.ctx.timer(at, Purpose::Silence, 0, &key);
            }
        }
        self.hush_all();
    }

    /// A silence by matcher begins or ends.
    pub(super) fn silence_due(&mut self) {
        let now = self.ctx.clock;
        self.ctx.silences.0.retain(|_, silence| silence.until > now);
        self.hush_all();
    }

    /// Looks at every open alert again.
    pub(super) fn hush_all(&mut self) {
        let plan = Arc::clone(&self.ctx.plan);
        let mut open: Vec<(Key, usize)> = self.ctx.open.values().cloned().collect();
        open.sort();
        for (key, rule) in open {
            let subject = self.groups.get(key.kind, &key.id);
            if let Some(alert) = subject.and_then(|subject| subject.shown(&plan, rule)) {
                self.ctx.hush_again(rule, &key, alert, None);
            }
        }
        self.standing.hush_all(&mut self.ctx);
    }

    /// Something that silences ask for has changed: whom a device is with, which ward a patient is in.
    pub(super) fn facts_changed(&mut self) {
        if !self.ctx.silences.is_empty() {
            self.hush_all();
        }
    }
}

/// By device.
pub(crate) type Wearers = HashMap<Arc<str>, String>;
