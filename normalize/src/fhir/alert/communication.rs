//! One message to one receiver: Communication.

use super::types::{Communication, Payload};
use super::{Delivery, NotificationFacts, Resource, Style, codes, reference};
use crate::fhir::codes::{clean, coding, concept, words};
use crate::time::{Micros, format_rfc3339};

const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/communication-category";
const MEDIUM: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode";
const KIND: &str = "urn:wardline:notification-kind";

/// R4 event-status.
#[must_use]
pub fn communication_status(notification: &NotificationFacts) -> &'static str {
    match notification.state {
        Delivery::Pending => "preparation",
        Delivery::Delivered => "completed",
        Delivery::Dead => "not-done",
    }
}

/// When it last changed: it was decided, or it arrived.
#[must_use]
pub fn notification_updated(notification: &NotificationFacts) -> Micros {
    let made = notification.made;
    notification.delivered.map_or(made, |sent| sent.max(made))
}

/// The Communication of a notification; `conditions` are the types of the resources that tell its alerts, in the order
/// of [`NotificationFacts::alerts`], none for one that is told nowhere. <https://hl7.org/fhir/R4/communication.html>
#[must_use]
pub fn communication(
    notification: &NotificationFacts,
    conditions: &[Option<&'static str>],
    style: &Style,
) -> Resource {
    let about = notification.alerts.iter().zip(conditions);
    let reason = match notification.state {
        Delivery::Dead => Some(match &notification.error {
            Some(error) => format!("Given up: {error}"),
            None => "Given up".to_owned(),
        }),
        Delivery::Pending | Delivery::Delivered => None,
    };
    let resource = Communication {
        head: codes::head(
            ("Communication", codes::NOTIFICATION),
            &notification.id,
            (communication_status(notification), &notification.priority),
            notification_updated(notification),
            style,
        ),
        status_reason: reason.map(|text| words(clean(&text))),
        category: [concept(coding(CATEGORY, "alert"))],
        priority: codes::request_priority(&notification.priority),
        medium: [concept(coding(
            MEDIUM,
            if notification.mail {
                "EMAILWRIT"
            } else {
                "ELECTRONIC"
            },
        ))],
        subject: notification
            .patient
            .as_ref()
            .map(|patient| reference::patient(style, patient)),
        about: about
            .map(|(id, kind)| match kind {
                Some(kind) => reference::ours(style, kind, id),
                None => reference::alert(id),
            })
            .collect(),
        sent: notification.delivered.map(format_rfc3339),
        recipient: notification
            .recipient
            .iter()
            .map(|id| reference::user(id))
            .chain([reference::channel(&notification.channel)])
            .collect(),
        sender: reference::wardline(),
        reason_code: [codes::own(
            KIND,
            &notification.kind,
            kind_text(&notification.kind).to_owned(),
        )],
        payload: [Payload {
            content_string: clean(&notification.text),
        }],
    };
    Resource::new("Communication", &notification.id, &resource)
}

fn kind_text(kind: &str) -> &'static str {
    match kind {
        "page" => "A new alert",
        "worsened" => "An alert asks for attention again",
        "escalation" => "Nobody acknowledged an alert in time",
        "repeat" => "An alert is still open",
        "resolved" => "An alert is over",
        "opening" => "An alert is open as a watch begins",
        _ => "An alert",
    }
}
