//! Groups that are due: pages, repeats, openings.

use super::Router;
use super::find::Found;
use super::letters::Letters;
use super::state::{Call, Open};
use crate::routing::file::{Route, Routing};
use crate::routing::{NotificationKind, Outcome};
use wardline_normalize::time::Micros;

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
        let change = group.handover.take_if(|at| *at <= now);
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
            if let Some(change) = change {
                let place = (&*routing, route, id);
                self.hand_over(place, alert, change, &mut letters, out);
            }
            if again {
                self.again(&routing, route, id, alert, &mut letters, out);
            }
        }
        let told = !letters.is_empty();
        let all_told = self.all_told((&routing, route, id), &members, &letters);
        self.send(letters, out);
        let first_repeat = self.repeats_at(route, &members);
        let asks = members.iter().any(|alert| {
            let open = self.state.alerts.get(alert);
            // A silence may end without a word; then the next repeat tells.
            open.is_some_and(Open::stands)
        });
        let Some(group) = self.state.groups.get_mut(id) else {
            return;
        };
        let before = group.next();
        if told {
            group.last = Some(now);
        }
        if !asks {
            (group.repeat, group.handover) = (None, None);
        } else {
            // Those who were not told just now do not wait longer because others were.
            if all_told || again {
                group.repeat = Some(now.saturating_add(route.repeat));
            }
            group.repeat.get_or_insert(first_repeat);
            if group.handover.is_none() {
                group.handover = routing.next_change(route, now);
            }
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
            self.leave(alert);
            return;
        }
        match self.find(routing, route, group, alert, out) {
            Found::Closed(calendar, until) => {
                self.hold(group, alert, (calendar, until), out);
                self.leave(alert);
            }
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
                self.leave(alert);
            }
        }
    }

    /// An alert that is over was kept only to be told of.
    pub(super) fn leave(&mut self, alert: &str) {
        let open = self.state.alerts.get(alert);
        if open.is_some_and(|open| open.is_over()) {
            self.ending.insert(alert.to_owned());
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
        let lately = now.saturating_sub(route.repeat / 2);
        let quiet = self.member(group, alert, |member| {
            (member.call.is_none() && !member.held).then_some(())
        });
        let open = self.state.alerts.get(alert);
        if quiet.is_none() || !open.is_some_and(|open| open.asks(now)) {
            return;
        }
        match self.find(routing, route, group, alert, out) {
            Found::Closed(calendar, until) => self.hold(group, alert, (calendar, until), out),
            Found::Tell(receivers, name, send_resolved) => {
                for receiver in self.own(routing, group, alert, receivers) {
                    let open = self.state.alerts.get(alert);
                    // Just now, or so lately that the next time will do.
                    if open.is_none_or(|open| open.was_told(&receiver, lately)) {
                        continue;
                    }
                    let knows = open.is_some_and(|open| open.knows(&receiver));
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
        let open = self.state.alerts.get(alert);
        let (stands, silenced) = open.map_or((false, false), |open| {
            (open.stands(), open.is_silenced(now))
        });
        if stands && silenced {
            self.hush(group, alert);
            return;
        }
        if !stands {
            self.told(group, alert);
            self.leave(alert);
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
}
