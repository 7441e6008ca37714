//! The neutral body of a notification: what the outbox keeps, webhooks get signed, and the others render.

use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;
use wardline_rules::routing::Notification;
use wardline_rules::{AlertEvent, Subject};

/// The body, once made the same for every attempt. `bed` names the bed in which a patient lies.
pub(crate) fn body(notification: &Notification, bed: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
    let alerts: Vec<Value> = notification
        .alerts
        .iter()
        .map(|event| alert(event, bed))
        .collect();
    let body = json!({
        "type": "notification",
        "notificationId": notification.id,
        "kind": notification.kind.as_str(),
        "at": format_rfc3339(notification.at),
        "channel": notification.channel,
        "recipient": notification.recipient,
        "priority": notification.priority.as_str(),
        "route": notification.route,
        "alerts": alerts,
    });
    body.to_string().into_bytes()
}

/// As in lists, with whether it calls people and where the patient lies.
fn alert(event: &AlertEvent, bed: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut value = wardline_dashboard::json::alert_event(event);
    if let Some(fields) = value.as_object_mut() {
        let lies = match &event.subject {
            Subject::Patient(patient) => bed(patient),
            Subject::Device(_) | Subject::Gateway(_) => None,
        };
        fields.insert("page".to_owned(), event.page.into());
        fields.insert("bed".to_owned(), lies.into());
    }
    value
}
