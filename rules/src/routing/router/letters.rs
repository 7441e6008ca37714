//! Who is told what, collected and then written: one notification for each receiver, group and kind.

use super::Router;
use super::state::Informed;
use crate::engine::alert::hash_id;
use crate::routing::audience::Receiver;
use crate::routing::{Notification, NotificationKind, Outcome};
use crate::{AlertEvent, Priority};
use std::collections::{BTreeMap, BTreeSet};

/// What one message is about: kind, receiver, group, route.
type Address = (NotificationKind, Receiver, String, String);

#[derive(Debug, Default)]
pub(super) struct Letters {
    alerts: BTreeMap<Address, BTreeSet<String>>,
}

impl Letters {
    pub(super) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// Whether the receiver is told of the alert already.
    pub(super) fn reach(&self, receiver: &Receiver, alert: &str) -> bool {
        self.alerts
            .iter()
            .any(|(to, alerts)| to.1 == *receiver && alerts.contains(alert))
    }

    pub(super) fn add(
        &mut self,
        kind: NotificationKind,
        receiver: Receiver,
        group: String,
        route: &str,
        alert: &str,
    ) {
        let address = (kind, receiver, group, route.to_owned());
        let alerts = self.alerts.entry(address).or_default();
        alerts.insert(alert.to_owned());
    }
}

impl Router {
    /// Tells a receiver of an alert, in the group in which they heard of it first.
    pub(super) fn tell(
        &mut self,
        letters: &mut Letters,
        kind: NotificationKind,
        receiver: Receiver,
        (group, route, send_resolved): (&str, &str, bool),
        alert: &str,
    ) {
        let Some(open) = self.state.alerts.get_mut(alert) else {
            return;
        };
        let (over, at) = (open.is_over(), self.state.clock);
        let place = open.told.iter().position(|told| told.receiver == receiver);
        let group = match place.and_then(|place| open.told.get_mut(place)) {
            Some(told) => {
                (told.over, told.at) = (over, at);
                told.send_resolved |= send_resolved;
                told.group.clone()
            }
            None => {
                open.told.push(Informed {
                    receiver: receiver.clone(),
                    group: group.to_owned(),
                    route: route.to_owned(),
                    send_resolved,
                    over,
                    at,
                });
                group.to_owned()
            }
        };
        open.heard.insert(receiver.clone());
        letters.add(kind, receiver, group, route, alert);
    }

    pub(super) fn send(&self, letters: Letters, out: &mut Vec<Outcome>) {
        for ((kind, receiver, group, route), alerts) in letters.alerts {
            let alerts: Vec<AlertEvent> = alerts
                .iter()
                .filter_map(|alert| self.state.alerts.get(alert))
                .map(|open| open.latest.clone())
                .collect();
            let priority = alerts.iter().map(|event| event.priority).min();
            let at = self.state.clock;
            let mut parts = vec![
                receiver.channel.clone(),
                receiver.person.clone().unwrap_or_default(),
                receiver.address.clone().unwrap_or_default(),
                group.clone(),
                kind.to_string(),
                at.to_string(),
            ];
            parts.extend(
                alerts
                    .iter()
                    .map(|event| format!("{} {} {}", event.alert_id, event.seq, event.ordinal)),
            );
            out.push(Outcome::Notify(Notification {
                id: hash_id(&parts.join("\n")),
                seq: self.state.seq,
                at,
                kind,
                channel: receiver.channel,
                recipient: receiver.person,
                address: receiver.address,
                group,
                priority: priority.unwrap_or(Priority::Info),
                alerts,
                route,
            }));
        }
    }
}
