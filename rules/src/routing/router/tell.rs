//! Groups that are due: pages, repeats, openings; escalations; and the end of an alert.

use super::Router;
use super::letters::Letters;
use super::state::{Call, Group};
use crate::engine::alert::hash_id;
use crate::routing::audience::{Audience, Receiver};
use crate::routing::file::{Route, Routing};
use crate::routing::{NotificationKind, Outcome};
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Whom to tell of one alert, and in whose name.
enum Found {
    Tell(Vec<Receiver>, Arc<str>, bool),
    Closed(usize, Option<Micros>),
}

impl Router {
    /// A group's time has come.
    pub(super) fn due(&mut self, id: &str, out: &mut Vec<Outcome>) {
        let Some(routing) = self.routing.clone() else {
            return;
        };
        let now = self.state.clock;
        let Some(group) = self.state.groups.get_mut(id) else {
            return;
        };
        let before = group.next();
        let come = |time: &mut Option<Micros>| time.take_if(|at| *at <= now).is_some();
        let opened = come(&mut group.opens);
        let called = come(&mut group.due);
        let again = come(&mut group.repeat);
        let route = routing.routes.iter().find(|route| route.id == group.route);
        let members: Vec<String> = group.members.keys().cloned().collect();
        self.state.reschedule(id, before);
        // A route that is gone: its alerts are routed anew before anything else happens.
        let Some(route) = route else {
            return;
        };
        let mut letters = Letters::default();
        for alert in &members {
            if opened {
                self.opening(&routing, route, id, alert, &mut letters, out);
            }
            if called {
                self.called(&routing, route, id, alert, &mut letters, out);
            }
            if again {
                self.again(&routing, route, id, alert, &mut letters, out);
            }
        }
        let told = !letters.is_empty();
        self.send(letters, out);
        let asks = members.iter().any(|alert| {
            let open = self.state.alerts.get(alert);
            // A silence may end without a word; then the next repeat tells.
            open.is_some_and(|open| open.asks(now) || open.is_silenced(now) && !open.is_over())
        });
        let Some(group) = self.state.groups.get_mut(id) else {
            return;
        };
        let before = group.next();
        if told {
            group.last = Some(now);
        }
        if !asks {
            group.repeat = None;
        } else if told || group.repeat.is_none() {
            group.repeat = Some(now.saturating_add(route.repeat));
        }
        self.state.reschedule(id, before);
    }

    /// Tells of a page.
    fn called(
        &mut self,
        routing: &Routing,
        route: &Route,
        group: &str,
        alert: &str,
        letters: &mut Letters,
        out: &mut Vec<Outcome>,
    ) {
        let Some(call) = self.member(group, alert, |member| member.waits().then_some(member.call))
        else {
            return;
        };
        let open = self.state.alerts.get(alert);
        let settled =
            open.is_some_and(|open| open.latest.acknowledged_by.is_some() && !open.told.is_empty());
        if call == Some(Call::Again) && settled {
            self.told(group, alert);
            return;
        }
        match self.find(routing, route, group, alert, out) {
            Found::Closed(calendar, until) => self.hold(group, alert, (calendar, until), out),
            Found::Tell(receivers, name, send_resolved) => {
                for receiver in receivers {
                    let Some(open) = self.state.alerts.get(alert) else {
                        return;
                    };
                    if open.heard.contains(&receiver) {
                        continue;
                    }
                    let kind = match call {
                        Some(Call::Worsened) if open.knows(&receiver) => NotificationKind::Worsened,
                        Some(Call::Again) if open.knows(&receiver) => NotificationKind::Repeat,
                        _ => NotificationKind::Page,
                    };
                    self.tell(
                        letters,
                        kind,
                        receiver,
                        (group, &name, send_resolved),
                        alert,
                    );
                }
                self.told(group, alert);
                if self
                    .state
                    .alerts
                    .get(alert)
                    .is_some_and(|open| open.is_over())
                {
                    self.ending.insert(alert.to_owned());
                }
            }
        }
    }

    /// Tells again of what nobody has acknowledged.
    fn again(
        &mut self,
        routing: &Routing,
        route: &Route,
        group: &str,
        alert: &str,
        letters: &mut Letters,
        out: &mut Vec<Outcome>,
    ) {
        let now = self.state.clock;
        let quiet = self.member(group, alert, |member| {
            (member.call.is_none() && !member.held).then_some(())
        });
        let open = self.state.alerts.get(alert);
        let just_told = letters.has(alert);
        if quiet.is_none() || just_told || !open.is_some_and(|open| open.asks(now)) {
            return;
        }
        match self.find(routing, route, group, alert, out) {
            Found::Closed(calendar, until) => self.hold(group, alert, (calendar, until), out),
            Found::Tell(receivers, name, send_resolved) => {
                for receiver in self.own(routing, group, alert, receivers) {
                    let knows = self
                        .state
                        .alerts
                        .get(alert)
                        .is_some_and(|open| open.knows(&receiver));
                    let kind = if knows {
                        NotificationKind::Repeat
                    } else {
                        NotificationKind::Page
                    };
                    self.tell(
                        letters,
                        kind,
                        receiver,
                        (group, &name, send_resolved),
                        alert,
                    );
                }
            }
        }
    }

    /// Somebody watches again: tells of what waited and is still there.
    fn opening(
        &mut self,
        routing: &Routing,
        route: &Route,
        group: &str,
        alert: &str,
        letters: &mut Letters,
        out: &mut Vec<Outcome>,
    ) {
        let now = self.state.clock;
        if self
            .member(group, alert, |member| member.held.then_some(()))
            .is_none()
        {
            return;
        }
        if let Some(open) = self.state.alerts.get_mut(alert) {
            open.unwatched = false;
        }
        if !self
            .state
            .alerts
            .get(alert)
            .is_some_and(|open| open.asks(now))
        {
            self.told(group, alert);
            return;
        }
        match self.find(routing, route, group, alert, out) {
            Found::Closed(calendar, until) => self.hold(group, alert, (calendar, until), out),
            Found::Tell(receivers, name, send_resolved) => {
                for receiver in self.own(routing, group, alert, receivers) {
                    let kind = NotificationKind::Opening;
                    self.tell(
                        letters,
                        kind,
                        receiver,
                        (group, &name, send_resolved),
                        alert,
                    );
                }
                self.told(group, alert);
            }
        }
    }

    /// The next steps of ladders.
    pub(super) fn escalate(&mut self, out: &mut Vec<Outcome>) {
        let escalations = std::mem::take(&mut self.escalations);
        let Some(routing) = self.routing.clone() else {
            return;
        };
        let mut letters = Letters::default();
        for (alert, name) in escalations {
            let Some(open) = self.state.alerts.get(&alert) else {
                continue;
            };
            let facts = self.state.facts(&open.latest);
            let group = open.places.first().cloned();
            let group = group.unwrap_or_else(|| hash_id(&format!("alert\n{alert}")));
            let (team, now) = (facts.team.as_deref(), self.state.clock);
            let target = routing.targets.iter().find(|target| target.name == name);
            let to = target.map(|target| routing.receivers(&target.to, team, now));
            let mut to = to.unwrap_or_default();
            let mut route = format!("target:{name}");
            if to.is_empty() {
                out.push(Outcome::Unrouted {
                    alert_id: alert.clone(),
                });
                if let Some(fallback) = routing.fallback().map(|place| &routing.routes[place]) {
                    to = routing.receivers(&fallback.to, team, now);
                    route.clone_from(&fallback.id);
                }
            }
            for receiver in to {
                let kind = NotificationKind::Escalation;
                self.tell(&mut letters, kind, receiver, (&group, &route, true), &alert);
            }
        }
        self.send(letters, out);
    }

    /// Lets go of alerts that are over and of which nobody waits to be told; those who know are told so.
    pub(super) fn end(&mut self, out: &mut Vec<Outcome>) {
        let mut letters = Letters::default();
        let mut gone = Vec::new();
        for alert in std::mem::take(&mut self.ending) {
            let Some(open) = self.state.alerts.get(&alert) else {
                continue;
            };
            // Raised again under the same id; or to be told when its group is due.
            if !open.is_over() || self.routing.is_some() && self.state.waits(open, &alert) {
                continue;
            }
            for told in open
                .told
                .iter()
                .filter(|told| told.send_resolved && !told.over)
            {
                let (receiver, group) = (told.receiver.clone(), told.group.clone());
                letters.add(
                    NotificationKind::Resolved,
                    receiver,
                    group,
                    &told.route,
                    &alert,
                );
            }
            gone.push(alert);
        }
        self.send(letters, out);
        for alert in gone {
            if let Some(open) = self.state.alerts.remove(&alert) {
                for place in &open.places {
                    self.state.leave(place, &alert);
                }
            }
        }
    }

    /// Whom the route means now; the fallback, and a word about it, when that is nobody.
    fn find(
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

    /// Those of the receivers whom no earlier route of the alert means as well.
    fn own(
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
                receivers.retain(|receiver| !others.contains(receiver));
            }
        }
        receivers
    }

    fn member<T>(
        &self,
        group: &str,
        alert: &str,
        read: impl Fn(&super::state::Member) -> Option<T>,
    ) -> Option<T> {
        read(self.state.groups.get(group)?.members.get(alert)?)
    }

    /// The group has nothing more to say of it for now.
    fn told(&mut self, group: &str, alert: &str) {
        let group = self.state.groups.get_mut(group);
        if let Some(member) = group.and_then(|group| group.members.get_mut(alert)) {
            *member = super::state::Member::default();
        }
    }
}
