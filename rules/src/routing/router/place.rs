//! Into which groups an alert goes, and when these are told.

use super::super::audience::Audience;
use super::Router;
use super::state::{Call, Member, group_id};
use crate::Priority;
use crate::routing::Outcome;
use std::sync::Arc;
use wardline_normalize::time::Micros;

impl Router {
    /// The alert asks for attention.
    pub(super) fn call(&mut self, alert: &str, call: Call, out: &mut Vec<Outcome>) {
        if let Some(open) = self.state.alerts.get_mut(alert) {
            open.heard.clear();
            open.unrouted = false;
        }
        self.place(alert, Some(call), out);
    }

    /// Routes anew what a change of the file or of a patient has touched. Who does not know yet is told.
    pub(super) fn move_alerts(&mut self, out: &mut Vec<Outcome>) {
        if self.routing.is_none() {
            return;
        }
        for alert in std::mem::take(&mut self.state.moved) {
            let Some(open) = self.state.alerts.get(&alert) else {
                continue;
            };
            let waiting = open.places.iter().find_map(|place| {
                let member = self.state.groups.get(place)?.members.get(&alert)?;
                member.call.filter(|_| member.waits())
            });
            let asks = open.asks(self.state.clock);
            self.place(&alert, waiting.or(asks.then_some(Call::Page)), out);
            self.leave(&alert);
        }
        self.end(out);
    }

    /// It is silenced: what its groups were to tell waits for the end of that.
    pub(super) fn hush_waiting(&mut self, alert: &str) {
        let open = self.state.alerts.get(alert);
        for place in open.map_or_else(Vec::new, |open| open.places.clone()) {
            let waits = self.member(&place, alert, |member| member.waits().then_some(()));
            if waits.is_some() {
                self.hush(&place, alert);
            }
        }
    }

    /// It is silenced no longer: who was not told because of that is told.
    pub(super) fn unhush(&mut self, alert: &str) {
        let state = &mut self.state;
        let Some(open) = state.alerts.get(alert) else {
            return;
        };
        if !open.stands() || open.latest.silenced_until.is_some() {
            return;
        }
        for place in open.places.clone() {
            let Some(group) = state.groups.get_mut(&place) else {
                continue;
            };
            let before = group.next();
            let Some(member) = group.members.get_mut(alert).filter(|member| member.hushed) else {
                continue;
            };
            *member = Member {
                call: Some(Call::Again),
                ..Member::default()
            };
            group.due = Some(state.clock);
            state.reschedule(&place, before);
        }
    }

    /// Finds the groups of an alert, and when they tell of it.
    fn place(&mut self, alert: &str, call: Option<Call>, out: &mut Vec<Outcome>) {
        let Some(routing) = self.routing.clone() else {
            return;
        };
        let state = &mut self.state;
        let Some(open) = state.alerts.get(alert) else {
            return;
        };
        let now = state.clock;
        let hushed = call.is_none() && open.stands() && open.is_silenced(now);
        let facts = state.facts(&open.latest);
        let (routes, unrouted) = routing.routes_for(&facts);
        let places: Vec<(usize, String)> = routes
            .iter()
            .map(|route| (*route, group_id(&routing, *route, &open.latest, &facts)))
            .collect();
        let former = open.places.clone();
        for place in former
            .iter()
            .filter(|id| !places.iter().any(|new| new.1 == **id))
        {
            state.leave(place, alert);
        }
        let urgent = facts.priority == Priority::High || call == Some(Call::Worsened);
        let mut held = Vec::new();
        for (order, id) in &places {
            let route = &routing.routes[*order];
            let group = state.groups.entry(id.clone()).or_default();
            let before = group.next();
            group.route.clone_from(&route.id);
            group.order = *order;
            let member = Member {
                call,
                held: false,
                hushed,
            };
            group.members.insert(alert.to_owned(), member);
            let repeat = now.saturating_add(route.repeat);
            if group.repeat.map_or(hushed, |known| known > repeat) {
                group.repeat = Some(repeat);
            }
            if (call.is_some() || hushed) && group.handover.is_none_or(|at| at > now) {
                group.handover = routing.next_change(route, now);
            }
            if call.is_some() {
                match routing.audience(route, &facts, now) {
                    Audience::Closed { calendar, until } => {
                        held.push((id.clone(), calendar, until))
                    }
                    Audience::Now(_) => {
                        let at = match group.last {
                            _ if urgent => now,
                            None => now.saturating_add(route.wait),
                            Some(last) => now.max(last.saturating_add(route.interval)),
                        };
                        group.due = Some(group.due.map_or(at, |due| due.min(at)));
                    }
                }
            }
            state.reschedule(id, before);
        }
        if let Some(open) = state.alerts.get_mut(alert) {
            open.places = places.into_iter().map(|(_, id)| id).collect();
            open.unwatched &= !held.is_empty();
            if unrouted && call.is_some() && !open.unrouted && open.heard.is_empty() {
                open.unrouted = true;
                let alert_id = alert.to_owned();
                out.push(Outcome::Unrouted { alert_id });
            }
        }
        for (id, calendar, until) in held {
            self.hold(&id, alert, (calendar, until), out);
        }
    }

    /// Waits until somebody watches; says so once.
    pub(super) fn hold(
        &mut self,
        group: &str,
        alert: &str,
        (calendar, until): (usize, Option<Micros>),
        out: &mut Vec<Outcome>,
    ) {
        let state = &mut self.state;
        if let Some(found) = state.groups.get_mut(group) {
            let before = found.next();
            found.opens = until;
            if let Some(member) = found.members.get_mut(alert) {
                member.held = true;
            }
            state.reschedule(group, before);
        }
        let Some(open) = state.alerts.get(alert) else {
            return;
        };
        if open.unwatched || !state.all_held(open, alert) {
            return;
        }
        if let Some(open) = state.alerts.get_mut(alert) {
            open.unwatched = true;
        }
        let calendar = self
            .routing
            .as_ref()
            .map(Arc::clone)
            .map_or_else(String::new, |routing| {
                routing.calendars[calendar].id.clone()
            });
        out.push(Outcome::NotWatched {
            alert_id: alert.to_owned(),
            calendar,
            until,
        });
    }
}

impl super::state::State {
    /// Takes an alert out of a group.
    pub(super) fn leave(&mut self, group: &str, alert: &str) {
        if let Some(found) = self.groups.get_mut(group) {
            let before = found.next();
            found.members.remove(alert);
            self.reschedule(group, before);
        }
    }
}
