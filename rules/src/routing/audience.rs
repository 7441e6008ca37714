//! Whom a route means at a time: people on call, roles of a care team, contacts.

use super::file::{Route, Routing, To};
use super::{Facts, Told};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wardline_normalize::time::Micros;

/// Where a message goes. One person is several receivers when several contacts are given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Receiver {
    pub(super) channel: String,
    pub(super) person: Option<String>,
    pub(super) address: Option<String>,
}

/// Who is told now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Audience {
    /// Empty: nobody is on call.
    Now(Vec<Receiver>),
    /// Nobody watches; a calendar, and when it opens.
    Closed {
        calendar: usize,
        until: Option<Micros>,
    },
}

impl Routing {
    /// Whom the route means for an alert at a time.
    pub(super) fn audience(&self, route: &Route, facts: &Facts, at: Micros) -> Audience {
        let team = facts.team.as_deref();
        let closed = route.hours.filter(|calendar| {
            !route.always.contains(&facts.priority)
                && !self.calendars[*calendar].is_open(self.zone, at)
        });
        match closed {
            None => Audience::Now(self.receivers(&route.to, team, at)),
            Some(_) if !route.outside.is_empty() => {
                Audience::Now(self.receivers(&route.outside, team, at))
            }
            Some(calendar) => Audience::Closed {
                calendar,
                until: self.calendars[calendar].opens(self.zone, at),
            },
        }
    }

    /// The same, and the fallback where that is nobody.
    pub(super) fn responsible(&self, route: &Route, facts: &Facts, at: Micros) -> Audience {
        match (self.audience(route, facts, at), self.fallback()) {
            (Audience::Now(nobody), Some(fallback)) if nobody.is_empty() => {
                let to = &self.routes[fallback].to;
                Audience::Now(self.receivers(to, facts.team.as_deref(), at))
            }
            (found, _) => found,
        }
    }

    /// When the route may mean somebody else next, by the clock alone; none if never.
    pub(super) fn next_change(&self, route: &Route, at: Micros) -> Option<Micros> {
        let fallback = self.fallback().map(|place| &self.routes[place].to);
        let lists = [Some(&route.to), Some(&route.outside), fallback];
        let schedules: BTreeSet<usize> = lists
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|to| match to {
                To::Schedule(schedule) => Some(*schedule),
                _ => None,
            })
            .collect();
        let schedules = schedules
            .iter()
            .map(|schedule| self.schedules[*schedule].next_change(self.zone, at));
        let hours = route
            .hours
            .map(|calendar| self.calendars[calendar].next_change(self.zone, at));
        schedules.chain(hours).flatten().min()
    }

    /// The contacts of everybody in a list at a time, each once.
    pub(super) fn receivers(&self, to: &[To], team: Option<&str>, at: Micros) -> Vec<Receiver> {
        let mut found: Vec<Receiver> = Vec::new();
        let mut add = |receiver: Receiver| {
            if !found.contains(&receiver) {
                found.push(receiver);
            }
        };
        for to in to {
            let people = match to {
                To::Channel(channel) => {
                    add(Receiver {
                        channel: channel.clone(),
                        person: None,
                        address: None,
                    });
                    continue;
                }
                To::Person(person) => vec![*person],
                To::Schedule(schedule) => self.schedules[*schedule].on_call(self.zone, at),
                To::Role(role) => {
                    let team = self
                        .teams
                        .iter()
                        .find(|known| Some(known.id.as_str()) == team);
                    let people = team.and_then(|team| team.roles.get(role));
                    people.cloned().unwrap_or_default()
                }
            };
            for person in people {
                let person = &self.people[person];
                for contact in &person.contacts {
                    add(Receiver {
                        channel: contact.channel.clone(),
                        person: Some(person.id.clone()),
                        address: contact.address.clone(),
                    });
                }
            }
        }
        found
    }
}

pub(super) fn who(routing: &Routing, facts: &Facts, at: Micros) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    let team = facts.team.as_deref();
    let mut tell = |route: &Route, receivers: Vec<Receiver>, held, held_until| {
        for receiver in receivers {
            let known = told.iter().any(|told| {
                (told.held, &told.channel, &told.person, &told.address)
                    == (held, &receiver.channel, &receiver.person, &receiver.address)
            });
            if !known {
                told.push(Told {
                    route: route.id.clone(),
                    person: receiver.person,
                    channel: receiver.channel,
                    address: receiver.address,
                    held,
                    held_until,
                });
            }
        }
    };
    let (routes, _) = routing.routes_for(facts);
    for route in routes.into_iter().map(|index| &routing.routes[index]) {
        match routing.audience(route, facts, at) {
            Audience::Now(receivers) if receivers.is_empty() => {
                if let Some(fallback) = routing.fallback() {
                    let fallback = &routing.routes[fallback];
                    tell(
                        fallback,
                        routing.receivers(&fallback.to, team, at),
                        false,
                        None,
                    );
                }
            }
            Audience::Now(receivers) => tell(route, receivers, false, None),
            Audience::Closed { until, .. } => {
                let then = routing.receivers(&route.to, team, until.unwrap_or(at));
                tell(route, then, true, until);
            }
        }
    }
    told
}
