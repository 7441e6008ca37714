//! Another shift begins: who comes on call is told of what is open.

use super::Router;
use super::find::Found;
use super::letters::Letters;
use super::state::Open;
use crate::routing::audience::Audience;
use crate::routing::file::{Route, Routing};
use crate::routing::{NotificationKind, Outcome};
use wardline_normalize::time::Micros;

impl Router {
    /// Tells those whom the route has come to mean at `change` of what nobody has acknowledged. What is silenced is
    /// told at the end of the silence, what waits, when that is due.
    pub(super) fn hand_over(
        &mut self,
        (routing, route, group): (&Routing, &Route, &str),
        alert: &str,
        change: Micros,
        letters: &mut Letters,
        out: &mut Vec<Outcome>,
    ) {
        let now = self.state.clock;
        let free = self.member(group, alert, |member| {
            (member.call.is_none() && !member.held).then_some(())
        });
        let open = self.state.alerts.get(alert).filter(|open| open.stands());
        let (Some(()), Some(open)) = (free, open) else {
            return;
        };
        if open.is_silenced(now) {
            self.hush(group, alert);
            return;
        }
        let facts = self.state.facts(&open.latest);
        let before = routing.responsible(route, &facts, change - 1);
        // Nobody watches: whoever opens is told.
        let Found::Tell(receivers, name, send_resolved) =
            self.find(routing, route, group, alert, out)
        else {
            return;
        };
        for receiver in self.own(routing, group, alert, receivers) {
            let knows = self.state.alerts.get(alert);
            let knows = knows.is_some_and(|open| open.knows(&receiver));
            let stays = match &before {
                Audience::Now(before) => before.contains(&receiver),
                Audience::Closed { .. } => knows,
            };
            if !stays && !letters.reach(&receiver, alert) {
                let kind = NotificationKind::Opening;
                let place = (group, &*name, send_resolved);
                self.tell(letters, kind, receiver, place, alert);
            }
        }
    }

    /// When people are told again by a group that has taken over what they know.
    pub(super) fn repeats_at(&self, route: &Route, members: &[String]) -> Micros {
        let now = self.state.clock;
        let latest = now.saturating_add(route.repeat);
        members
            .iter()
            .filter_map(|alert| self.state.alerts.get(alert))
            .filter(|open| open.asks(now))
            .filter_map(|open| open.told.iter().map(|told| told.at).max())
            // A version that did not keep it wrote none.
            .filter(|told| *told > 0)
            .map(|told| told.saturating_add(route.repeat).clamp(now, latest))
            .min()
            .unwrap_or(latest)
    }

    /// Whether everybody whom a group would tell again is told of all it has: then the next time is an interval away.
    pub(super) fn all_told(
        &self,
        (routing, route, group): (&Routing, &Route, &str),
        members: &[String],
        letters: &Letters,
    ) -> bool {
        let now = self.state.clock;
        let told = |alert: &String, open: &Open| {
            let facts = self.state.facts(&open.latest);
            match routing.responsible(route, &facts, now) {
                Audience::Now(receivers) => self
                    .own(routing, group, alert, receivers)
                    .iter()
                    .all(|receiver| letters.reach(receiver, alert)),
                Audience::Closed { .. } => true,
            }
        };
        let mut open = members
            .iter()
            .filter_map(|alert| Some((alert, self.state.alerts.get(alert)?)))
            .filter(|(_, open)| open.asks(now));
        !letters.is_empty() && open.all(|(alert, open)| told(alert, open))
    }
}

#[cfg(test)]
impl Router {
    /// Who should know of an open alert by now and does not: alert, channel, person.
    pub(in crate::routing) fn unaware(&self) -> Vec<(String, String, Option<String>)> {
        let state = &self.state;
        let mut unaware = Vec::new();
        let open = state
            .alerts
            .iter()
            .filter(|(_, open)| open.asks(state.clock));
        for (alert, open) in open {
            let facts = state.facts(&open.latest);
            for place in &open.places {
                let (routing, group) = (self.routing.as_ref(), state.groups.get(place));
                let (Some(routing), Some(group)) = (routing, group) else {
                    continue;
                };
                let member = group.members.get(alert);
                let route = routing.routes.iter().find(|route| route.id == group.route);
                let (Some(member), Some(route)) = (member, route) else {
                    continue;
                };
                if member.call.is_some() || member.held || member.hushed {
                    continue;
                }
                if let Audience::Now(means) = routing.responsible(route, &facts, state.clock) {
                    let who = means.into_iter().filter(|who| !open.knows(who));
                    unaware.extend(who.map(|who| (alert.clone(), who.channel, who.person)));
                }
            }
        }
        unaware
    }
}
