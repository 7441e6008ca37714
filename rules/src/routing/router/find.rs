//! Whom a route means for an alert now.

use super::Router;
use super::state::{Group, Member};
use crate::routing::Outcome;
use crate::routing::audience::{Audience, Receiver};
use crate::routing::file::{Route, Routing};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Whom to tell of one alert, and in whose name.
pub(super) enum Found {
    Tell(Vec<Receiver>, Arc<str>, bool),
    Closed(usize, Option<Micros>),
}

impl Router {
    /// Whom the route means now; the fallback, and a word about it, when that is nobody.
    pub(super) fn find(
        &mut self,
        routing: &Routing,
        route: &Route,
        group: &str,
        alert: &str,
        out: &mut Vec<Outcome>,
    ) -> Found {
        let nobody = Found::Tell(Vec::new(), Arc::from(""), true);
        let now = self.state.clock;
        let Some(open) = self.state.alerts.get(alert) else {
            return nobody;
        };
        let facts = self.state.facts(&open.latest);
        let receivers = match routing.audience(route, &facts, now) {
            Audience::Closed { calendar, until } => return Found::Closed(calendar, until),
            Audience::Now(receivers) => receivers,
        };
        if !receivers.is_empty() {
            return Found::Tell(receivers, Arc::from(route.id.as_str()), route.send_resolved);
        }
        let elsewhere = open.places.iter().any(|place| {
            let other = self.state.groups.get(place).filter(|_| place != group);
            let member = other.and_then(|other| other.members.get(alert));
            member.is_some_and(|member| member.waits())
        });
        if !elsewhere && open.heard.is_empty() && !open.unrouted {
            out.push(Outcome::Unrouted {
                alert_id: alert.to_owned(),
            });
            if let Some(open) = self.state.alerts.get_mut(alert) {
                open.unrouted = true;
            }
        }
        match routing.fallback().map(|place| &routing.routes[place]) {
            Some(fallback) => {
                let to = routing.receivers(&fallback.to, facts.team.as_deref(), now);
                Found::Tell(to, Arc::from(fallback.id.as_str()), fallback.send_resolved)
            }
            None => nobody,
        }
    }

    /// Those of the receivers who do not know of it, or whom no earlier route of the alert means as well.
    pub(super) fn own(
        &self,
        routing: &Routing,
        group: &str,
        alert: &str,
        mut receivers: Vec<Receiver>,
    ) -> Vec<Receiver> {
        let Some(open) = self.state.alerts.get(alert) else {
            return Vec::new();
        };
        let facts = self.state.facts(&open.latest);
        for place in open.places.iter().take_while(|place| *place != group) {
            let earlier = self.state.groups.get(place).and_then(|earlier: &Group| {
                routing
                    .routes
                    .iter()
                    .find(|route| route.id == earlier.route)
            });
            let Some(earlier) = earlier else { continue };
            if let Audience::Now(others) = routing.audience(earlier, &facts, self.state.clock) {
                receivers.retain(|receiver| !open.knows(receiver) || !others.contains(receiver));
            }
        }
        receivers
    }

    pub(super) fn member<T>(
        &self,
        group: &str,
        alert: &str,
        read: impl Fn(&Member) -> Option<T>,
    ) -> Option<T> {
        read(self.state.groups.get(group)?.members.get(alert)?)
    }

    /// The group tells of it when the silence is over.
    pub(super) fn hush(&mut self, group: &str, alert: &str) {
        let group = self.state.groups.get_mut(group);
        if let Some(member) = group.and_then(|group| group.members.get_mut(alert)) {
            *member = Member {
                hushed: true,
                ..Member::default()
            };
        }
    }

    /// The group has nothing more to say of it for now.
    pub(super) fn told(&mut self, group: &str, alert: &str) {
        let group = self.state.groups.get_mut(group);
        if let Some(member) = group.and_then(|group| group.members.get_mut(alert)) {
            *member = Member::default();
        }
    }
}
