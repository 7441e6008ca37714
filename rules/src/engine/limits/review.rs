//! Reminders to look again at a patient's own limit: one that was set long ago, that fires often, or that no longer
//! fits its rule. Technical alerts of priority info that page nobody.

use super::Limits;
use crate::engine::Engine;
use crate::engine::message;
use crate::engine::plan::Kind;
use crate::engine::standing::{About, Standing};
use crate::{Class, LimitChange, LimitReview, Priority, Reason, Rule, Scope, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use wardline_normalize::time::{Micros, format_rfc3339};

const RULE: &str = "limit:review";

const DAY: Micros = 86_400_000_000;

/// One rule on a patient who has a limit of their own for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Watch {
    /// When alerts were raised, log clock: within a day, since somebody last looked, and one more than may be.
    raised: VecDeque<Micros>,
    /// When somebody last looked.
    since: Micros,
    often: bool,
    /// Id of the open reminder.
    alert: Option<String>,
    /// When it is looked at next.
    due: Option<Micros>,
}

/// By patient and rule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::engine) struct Reviews {
    watched: BTreeMap<String, BTreeMap<String, Watch>>,
    due: BTreeSet<(Micros, String, String)>,
}

impl Reviews {
    pub(in crate::engine) fn due(&self) -> Option<Micros> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// Takes out what is known of a patient and a rule.
    fn take(&mut self, patient: &str, rule: &str) -> Watch {
        let Some(rules) = self.watched.get_mut(patient) else {
            return Watch::default();
        };
        let mut watch = rules.remove(rule).unwrap_or_default();
        if rules.is_empty() {
            self.watched.remove(patient);
        }
        if let Some(due) = watch.due.take() {
            self.due.remove(&(due, patient.to_owned(), rule.to_owned()));
        }
        watch
    }

    fn put(&mut self, patient: &str, rule: &str, mut watch: Watch, due: Option<Micros>) {
        watch.due = due;
        if let Some(due) = due {
            self.due.insert((due, patient.to_owned(), rule.to_owned()));
        }
        let rules = self.watched.entry(patient.to_owned()).or_default();
        rules.insert(rule.to_owned(), watch);
    }
}

impl Limits {
    /// An alert of the rule was raised on the patient.
    pub(in crate::engine) fn raised(
        &mut self,
        patient: &str,
        rule: &str,
        now: Micros,
        asked: LimitReview,
    ) {
        let rules = self.reviews.watched.get_mut(patient);
        let Some(watch) = rules.and_then(|rules| rules.get_mut(rule)) else {
            return;
        };
        let many = asked.alerts as usize;
        watch.raised.push_back(now);
        watch.raised.retain(|at| now - at < DAY);
        while watch.raised.len() > many + 1 {
            watch.raised.pop_front();
        }
        if watch.raised.len() > many && !watch.often {
            // Soon: what is raised here is still being told.
            let watch = self.reviews.take(patient, rule);
            self.reviews.put(patient, rule, watch, Some(now + 1));
        }
    }

    /// The patient's own limit for the rule at this time, and when that may be another.
    fn own(
        &self,
        patient: &str,
        rule: &str,
        now: Micros,
    ) -> (Option<&LimitChange>, Option<Micros>) {
        let scope = Scope::Patient(patient.to_owned());
        let Some(known) = self.known.get(&scope) else {
            return (None, None);
        };
        let known = || known.iter().filter(|change| change.rule == rule);
        let current = known().filter(|change| change.covers(now));
        let next = known()
            .flat_map(|change| [change.from, change.over()])
            .filter(|at| *at > now && *at < Micros::MAX)
            .min();
        (current.max_by_key(|change| change.from), next)
    }
}

impl Engine {
    /// Looks at the limits that are due.
    pub(in crate::engine) fn reviews_due(&mut self) {
        while let Some((at, patient, rule)) = self.ctx.limits.reviews.due.first().cloned()
            && at <= self.ctx.clock
        {
            self.ctx.limits.reviews.due.pop_first();
            self.review(&patient, &rule);
        }
    }

    /// Looks at all of them: other rules are in force.
    pub(in crate::engine) fn review_all(&mut self) {
        let watched = &self.ctx.limits.reviews.watched;
        let all = watched
            .iter()
            .flat_map(|(patient, rules)| rules.keys().map(|rule| (patient.clone(), rule.clone())));
        for (patient, rule) in all.collect::<Vec<_>>() {
            self.review(&patient, &rule);
        }
    }

    /// Raises or resolves the reminder for a patient's limit.
    pub(super) fn review(&mut self, patient: &str, rule: &str) {
        let now = self.ctx.clock;
        let (limit, next) = self.ctx.limits.own(patient, rule, now);
        let limit = limit.cloned();
        let mut watch = self.ctx.limits.reviews.take(patient, rule);
        let plan = Arc::clone(&self.ctx.plan);
        let definition = plan.set.rules().iter().find(|known| known.id == rule);
        let here = self.groups.peek(Kind::Patient, patient).is_some();
        let mut due = next;
        let mut look_at = |at: Micros| due = Some(due.map_or(at, |due| due.min(at)));
        let asked = plan.set.limit_review();
        let old = limit.as_ref().map(|limit| watch.look(limit, asked, now));
        if let Some(old) = old.filter(|old| *old > now) {
            look_at(old);
        }
        let matter = match (&limit, definition) {
            (None, _) => Err(Reason::Cleared),
            (_, None) => Err(Reason::RuleRemoved),
            _ if !here => {
                look_at(now.saturating_add(DAY));
                Err(Reason::Stale)
            }
            (Some(limit), Some(definition)) => {
                let old = old.is_some_and(|old| old <= now);
                matter(&watch, limit, definition, asked, old).ok_or(Reason::Cleared)
            }
        };
        let standing = &mut self.standing;
        match (watch.alert.take(), matter) {
            (None, Ok(message)) => {
                let about = About {
                    rule: RULE.to_owned(),
                    subject: Subject::Patient(patient.to_owned()),
                    device: None,
                    part: rule.to_owned(),
                };
                let alert = Standing::new(about, Class::Technical, Priority::Info, now, message);
                watch.alert = Some(standing.raise(&mut self.ctx, alert, now, false));
            }
            (Some(open), Ok(_)) => watch.alert = Some(open),
            (Some(open), Err(reason)) => standing.resolve(&mut self.ctx, &open, now, reason),
            (None, Err(_)) => {}
        }
        if watch.alert.is_some() {
            // Patients go.
            look_at(now.saturating_add(DAY));
        }
        if limit.is_some() || next.is_some() {
            self.ctx.limits.reviews.put(patient, rule, watch, due);
        }
    }
}

impl Watch {
    /// Takes note of who looked last; says when that is too long ago.
    fn look(&mut self, limit: &LimitChange, asked: LimitReview, now: Micros) -> Micros {
        let since = limit.reviewed.unwrap_or(limit.at).max(limit.at);
        if since != self.since {
            *self = Self {
                since,
                alert: self.alert.take(),
                ..Self::default()
            };
        }
        self.raised.retain(|at| now - at < DAY);
        self.often |= self.raised.len() > asked.alerts as usize;
        since.saturating_add(asked.after)
    }
}

/// What is the matter with a limit, for people; none if nothing is.
fn matter(
    watch: &Watch,
    limit: &LimitChange,
    rule: &Rule,
    asked: LimitReview,
    old: bool,
) -> Option<String> {
    let fitted = limit.fitted(rule);
    let mut why = Vec::new();
    if let Err(error) = &fitted {
        why.push(format!(
            "it is not in use, it does not fit the rule any more: {error}"
        ));
    }
    if old {
        let after = message::duration(asked.after);
        why.push(format!("nobody has looked at it for {after}"));
    }
    if watch.often {
        why.push(format!("more than {} alerts within 24h", asked.alerts));
    }
    if why.is_empty() {
        return None;
    }
    let what = fitted.map_or_else(
        |_| String::new(),
        |judge| format!(" {}", message::limit(&judge)),
    );
    Some(format!(
        "Patient's own limit{what} of rule {}, in force since {}: {}",
        rule.id,
        format_rfc3339(limit.from),
        why.join("; ")
    ))
}
