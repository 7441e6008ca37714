//! Steps of ladders, and the end of an alert.

use super::Router;
use super::letters::Letters;
use crate::engine::alert::hash_id;
use crate::routing::{NotificationKind, Outcome};

impl Router {
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
                // Two steps at once may lead to the same person.
                if letters.reach(&receiver, &alert) {
                    continue;
                }
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
        let routed = self.routing.is_some();
        for alert in std::mem::take(&mut self.ending) {
            // Raised again under the same id?
            let Some(open) = self.state.alerts.get(&alert).filter(|open| open.is_over()) else {
                continue;
            };
            let waits = routed && self.state.waits(open, &alert);
            if let Some(open) = self.state.alerts.get_mut(&alert) {
                let heard = &open.heard;
                let knows = open.told.iter_mut().filter(|told| !told.over);
                // Whoever has not heard that it asked again is told that with the group, as over.
                for told in knows.filter(|told| !waits || heard.contains(&told.receiver)) {
                    told.over = true;
                    if told.send_resolved {
                        let (receiver, group) = (told.receiver.clone(), told.group.clone());
                        let kind = NotificationKind::Resolved;
                        letters.add(kind, receiver, group, &told.route, &alert);
                    }
                }
            }
            if !waits {
                gone.push(alert);
            }
        }
        self.send(letters, out);
        for alert in gone {
            self.state.moved.remove(&alert);
            if let Some(open) = self.state.alerts.remove(&alert) {
                for place in &open.places {
                    self.state.leave(place, &alert);
                }
            }
        }
    }
}
