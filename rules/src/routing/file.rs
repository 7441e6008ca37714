//! A checked routing file, and what can be asked of it.

use super::hours::{Calendar, Schedule};
use super::matching::Match;
use super::{Facts, OnCall, Told, Watch, audience};
use crate::{Fault, Priority};
use chrono_tz::Tz;
use std::collections::{BTreeMap, BTreeSet};
use wardline_normalize::time::Micros;

/// A checked routing file. People, schedules and calendars are referred to by their place in it.
#[derive(Debug, Clone)]
pub struct Routing {
    pub(super) text: String,
    pub(super) version: String,
    pub(super) zone: Tz,
    pub(super) people: Vec<Person>,
    pub(super) teams: Vec<Team>,
    pub(super) schedules: Vec<Schedule>,
    pub(super) calendars: Vec<Calendar>,
    /// In the order of the file; `fallback`, if the file has one, stands last and matches nothing by itself.
    pub(super) routes: Vec<Route>,
    pub(super) has_fallback: bool,
    pub(super) targets: Vec<Target>,
    pub(super) mentions: Vec<Mention>,
    pub(super) warnings: Vec<Fault>,
}

/// Somebody who can be told.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) contacts: Vec<Contact>,
}

#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) channel: String,
    pub(super) address: Option<String>,
}

/// A care team: who has which role.
#[derive(Debug, Clone)]
pub(super) struct Team {
    pub(super) id: String,
    pub(super) roles: BTreeMap<String, Vec<usize>>,
}

/// Whom a list `to` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    Schedule(usize),
    /// In the care team of the patient.
    Role(String),
    Person(usize),
    Channel(String),
}

/// What alerts of one group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The subject, whatever it is.
    Patient,
    Rule,
    Device,
    Ward,
    Team,
    Class,
    Priority,
}

#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) id: String,
    pub(super) when: Match,
    pub(super) to: Vec<To>,
    /// Outside these hours a page waits, unless its priority is in `always` or `outside` names somebody.
    pub(super) hours: Option<usize>,
    pub(super) outside: Vec<To>,
    pub(super) always: Vec<Priority>,
    pub(super) goes_on: bool,
    pub(super) group_by: Vec<By>,
    pub(super) wait: Micros,
    pub(super) interval: Micros,
    pub(super) repeat: Micros,
    pub(super) send_resolved: bool,
}

/// A name that rules `escalate` to.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) to: Vec<To>,
}

/// A receiver by name, and where the file names it.
#[derive(Debug, Clone)]
pub struct Mention {
    /// Its name.
    pub channel: String,
    /// Where a person is reached by it; none where the receiver itself is meant.
    pub address: Option<String>,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl PartialEq for Routing {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Routing {
    /// Reads and checks a routing file.
    ///
    /// # Errors
    /// Every fault of the file, in order of appearance.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        super::parse::routing(text)
    }

    /// The file as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Short hash of the text: 12 hexadecimal digits.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Names that rules may `escalate` to.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.targets.iter().map(|target| target.name.as_str())
    }

    /// Names of the receivers that the file mentions, each once, in order.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        let channels = self.mentions.iter().map(|known| known.channel.as_str());
        channels.collect::<BTreeSet<_>>().into_iter()
    }

    /// Every place that names a receiver, in order.
    #[must_use]
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }

    /// What the file leaves open: hours in which nobody is on call, routes that no alert reaches.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Faults against the names of configured receivers, and against the words that rules `escalate` to.
    #[must_use]
    pub fn check(&self, channels: &[&str], rule_targets: &[&str]) -> Vec<Fault> {
        let unknown = self
            .mentions
            .iter()
            .filter(|known| !channels.contains(&known.channel.as_str()));
        let mut faults: Vec<Fault> = unknown
            .map(|known| Fault {
                line: known.line,
                column: known.column,
                message: format!("no receiver `{}` is configured", known.channel),
            })
            .collect();
        let names: BTreeSet<&str> = self.targets().collect();
        let wanted: BTreeSet<&str> = rule_targets.iter().copied().collect();
        faults.extend(wanted.difference(&names).map(|name| Fault {
            line: 1,
            column: 1,
            message: format!("rules escalate to `{name}`, and there is no [[target]] of that name"),
        }));
        faults.sort();
        faults
    }

    /// Every calendar at a time, in the order of the file.
    #[must_use]
    pub fn watch(&self, at: Micros) -> Vec<Watch> {
        let calendars = self.calendars.iter();
        calendars
            .map(|calendar| calendar.watch(self.zone, at))
            .collect()
    }

    /// Every schedule at a time, in the order of the file.
    #[must_use]
    pub fn on_call(&self, at: Micros) -> Vec<OnCall> {
        let schedules = self.schedules.iter();
        schedules
            .map(|schedule| OnCall {
                schedule: schedule.id.clone(),
                people: schedule
                    .on_call(self.zone, at)
                    .iter()
                    .map(|person| self.people[*person].id.clone())
                    .collect(),
            })
            .collect()
    }

    /// Who would be told of a page at a time, in the order of the routes.
    #[must_use]
    pub fn who(&self, facts: &Facts, at: Micros) -> Vec<Told> {
        audience::who(self, facts, at)
    }

    /// The routes that take an alert; without any, `fallback`, and true.
    pub(super) fn routes_for(&self, facts: &Facts) -> (Vec<usize>, bool) {
        let mut taken = Vec::new();
        let own = self.routes.len() - usize::from(self.has_fallback);
        for (index, route) in self.routes[..own].iter().enumerate() {
            if route.when.fits(facts) {
                taken.push(index);
                if !route.goes_on {
                    break;
                }
            }
        }
        let unrouted = taken.is_empty();
        if unrouted {
            taken.extend(self.fallback());
        }
        (taken, unrouted)
    }

    /// Where the fallback stands.
    pub(super) fn fallback(&self) -> Option<usize> {
        self.has_fallback.then(|| self.routes.len() - 1)
    }
}
