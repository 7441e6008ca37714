//! What a router knows: patients, open alerts, and the groups they are told in.

use super::super::audience::Receiver;
use super::super::file::{By, Routing};
use super::super::{Facts, SubjectKind};
use super::checkpoint::Mirror;
use crate::engine::alert::hash_id;
use crate::{AlertEvent, State as AlertState, Subject};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wardline_normalize::time::Micros;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Log clock.
    pub(super) clock: Micros,
    pub(super) seq: u64,
    pub(super) patients: BTreeMap<String, Known>,
    /// Alerts that asked for attention, by id: open, or over and not yet told.
    pub(super) alerts: BTreeMap<String, Open>,
    /// By id.
    pub(super) groups: BTreeMap<String, Group>,
    /// Alerts to route anew: the file or their patient changed.
    pub(super) moved: BTreeSet<String>,
    /// Groups by when they are due next and in the order of their routes; follows from `groups`.
    #[serde(skip)]
    pub(super) timers: BTreeSet<(Due, String)>,
}

/// How long after its time the end of a silence is waited for, µs: the log clock moves more often.
const WITHOUT_A_WORD: Micros = 120_000_000;

/// When, and which route's.
pub(super) type Due = (Micros, usize);

/// What routes may ask about a patient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) ward: Option<String>,
    pub(super) team: Option<String>,
    pub(super) tags: Vec<String>,
}

/// Why people are to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Call {
    Page,
    Worsened,
    /// A silence ended, and it is still there.
    Again,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Open {
    #[serde(with = "Mirror")]
    pub(super) latest: AlertEvent,
    /// Ids of its groups, in the order of routes.
    pub(super) places: Vec<String>,
    /// Everybody who was ever told of it.
    pub(super) told: Vec<Informed>,
    /// Who was told since it last asked for attention.
    pub(super) heard: BTreeSet<Receiver>,
    /// It was said that nobody watches, and nobody has begun to watch since.
    pub(super) unwatched: bool,
    /// It was said that no route took it, since it last asked for attention.
    pub(super) unrouted: bool,
}

/// Somebody who was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Informed {
    pub(super) receiver: Receiver,
    /// In this group first, so in this group ever after: order per alert.
    pub(super) group: String,
    pub(super) route: String,
    pub(super) send_resolved: bool,
    /// Knows that it is over.
    pub(super) over: bool,
    /// Log clock when they were told last.
    #[serde(default)]
    pub(super) at: Micros,
}

/// Alerts of one route that have in common what the route groups by.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Group {
    /// Id of the route.
    pub(super) route: String,
    /// Place of the route in the file: of groups that are due together, the first route tells first.
    pub(super) order: usize,
    /// When somebody was told last.
    pub(super) last: Option<Micros>,
    /// When those who ask are told.
    pub(super) due: Option<Micros>,
    /// When they are told again.
    pub(super) repeat: Option<Micros>,
    /// When somebody watches again.
    pub(super) opens: Option<Micros>,
    /// When somebody else may be on call.
    #[serde(default)]
    pub(super) handover: Option<Micros>,
    pub(super) members: BTreeMap<String, Member>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Member {
    /// Not yet told.
    pub(super) call: Option<Call>,
    /// Waits until somebody watches.
    pub(super) held: bool,
    /// Silenced when somebody was to be told: waits for the end of the silence.
    #[serde(default)]
    pub(super) hushed: bool,
}

impl Member {
    /// Will be told when the group is due.
    pub(super) fn waits(&self) -> bool {
        self.call.is_some() && !self.held
    }
}

impl Open {
    pub(super) fn new(latest: AlertEvent) -> Self {
        Self {
            latest,
            places: Vec::new(),
            told: Vec::new(),
            heard: BTreeSet::new(),
            unwatched: false,
            unrouted: false,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.latest.state == AlertState::Resolved
    }

    /// Open, and nobody has acknowledged or silenced it.
    pub(super) fn asks(&self, now: Micros) -> bool {
        self.stands() && !self.is_silenced(now)
    }

    /// Open, and nobody has acknowledged it; people are told again, or when a silence ends.
    pub(super) fn stands(&self) -> bool {
        !self.is_over() && self.latest.acknowledged_by.is_none()
    }

    /// Until the event that ends it; one that ends without a word ends a little later.
    pub(super) fn is_silenced(&self, now: Micros) -> bool {
        let until = self.latest.silenced_until;
        until.is_some_and(|until| until.saturating_add(WITHOUT_A_WORD) > now)
    }

    /// Whether the receiver was told after a time.
    pub(super) fn was_told(&self, receiver: &Receiver, after: Micros) -> bool {
        let mut told = self.told.iter();
        told.any(|told| told.receiver == *receiver && told.at > after)
    }

    pub(super) fn knows(&self, receiver: &Receiver) -> bool {
        self.told.iter().any(|told| told.receiver == *receiver)
    }
}

impl State {
    pub(super) fn facts(&self, event: &AlertEvent) -> Facts {
        let patient = event.subject.patient();
        let known = patient.and_then(|id| self.patients.get(id));
        Facts {
            class: event.class,
            priority: event.priority,
            team: known.and_then(|known| known.team.clone()),
            ward: known.and_then(|known| known.ward.clone()),
            tags: known.map_or_else(Vec::new, |known| known.tags.clone()),
            rule: event.rule_id.clone(),
            subject: match event.subject {
                Subject::Patient(_) => SubjectKind::Patient,
                Subject::Device(_) => SubjectKind::Device,
                Subject::Gateway(_) => SubjectKind::Gateway,
            },
        }
    }

    /// Puts the group where its next due time is in `timers`, or lets go of one without members.
    pub(super) fn reschedule(&mut self, id: &str, before: Option<Due>) {
        if let Some(before) = before {
            self.timers.remove(&(before, id.to_owned()));
        }
        let Some(group) = self.groups.get(id) else {
            return;
        };
        if group.members.is_empty() {
            self.groups.remove(id);
        } else if let Some(next) = group.next() {
            self.timers.insert((next, id.to_owned()));
        }
    }

    /// Whether every group of the alert waits for somebody to watch.
    pub(super) fn all_held(&self, open: &Open, alert: &str) -> bool {
        open.places.iter().all(|place| {
            let member = self
                .groups
                .get(place)
                .and_then(|group| group.members.get(alert));
            member.is_some_and(|member| member.held)
        })
    }

    /// Whether a group will tell of it when it is due.
    pub(super) fn waits(&self, open: &Open, alert: &str) -> bool {
        open.places.iter().any(|place| {
            let member = self
                .groups
                .get(place)
                .and_then(|group| group.members.get(alert));
            member.is_some_and(Member::waits)
        })
    }
}

impl Group {
    pub(super) fn next(&self) -> Option<Due> {
        [self.due, self.repeat, self.opens, self.handover]
            .into_iter()
            .flatten()
            .min()
            .map(|at| (at, self.order))
    }
}

/// Id of the group in which a route tells of an alert.
pub(super) fn group_id(
    routing: &Routing,
    route: usize,
    event: &AlertEvent,
    facts: &Facts,
) -> String {
    let route = &routing.routes[route];
    let mut parts = vec![format!("group\n{}", route.id)];
    for by in &route.group_by {
        let word = |word: Option<&String>| word.cloned().unwrap_or_default();
        parts.push(match by {
            By::Patient => format!("subject={}", event.subject),
            By::Rule => format!("rule={}", event.rule_id),
            By::Device => format!("device={}", word(event.device_id.as_ref())),
            By::Ward => format!("ward={}", word(facts.ward.as_ref())),
            By::Team => format!("team={}", word(facts.team.as_ref())),
            By::Class => format!("class={}", event.class),
            By::Priority => format!("priority={}", event.priority),
        });
    }
    hash_id(&parts.join("\n"))
}
