//! The work that an alert makes: Task.

use super::types::Task;
use super::{AlertFacts, Resource, Style, codes, reference};
use crate::fhir::codes::{clean, words};
use crate::time::format_rfc3339;

const CODE: &str = "urn:wardline:task";
const ESCALATION: &str = "urn:wardline:escalation-level";

/// R4 task-status.
#[must_use]
pub fn task_status(alert: &AlertFacts) -> &'static str {
    if alert.is_void() {
        "cancelled"
    } else if alert.is_over() {
        "completed"
    } else if alert.is_acknowledged() {
        "accepted"
    } else {
        "requested"
    }
}

/// The Task of an alert. <https://hl7.org/fhir/R4/task.html>
#[must_use]
pub fn task(alert: &AlertFacts, style: &Style) -> Resource {
    // An onset may lie ahead of the log's clock by as much as the time guard lets through; inv-1 wants the order.
    let authored = alert.onset.min(alert.updated);
    let level = alert.escalation_level;
    let resource = Task {
        head: codes::head(
            ("Task", codes::ALERT),
            &alert.id,
            (task_status(alert), &alert.priority),
            alert.updated,
            style,
        ),
        status_reason: alert
            .is_over()
            .then_some(alert.reason.as_deref())
            .flatten()
            .map(|reason| words(clean(reason))),
        business_status: codes::own(ESCALATION, &level.to_string(), clean(&business(alert))),
        intent: "order",
        priority: codes::request_priority(&alert.priority),
        code: codes::own(CODE, "review-alert", "review alert".to_owned()),
        description: clean(&alert.message),
        focus: reference::ours(style, alert.condition(style), &alert.id),
        patient: alert
            .patient
            .as_ref()
            .map(|patient| reference::patient(style, patient)),
        authored_on: format_rfc3339(authored),
        last_modified: format_rfc3339(alert.updated),
        requester: reference::wardline(),
        owner: alert.acknowledged_by.as_deref().map(reference::user),
    };
    Resource::new("Task", &alert.id, &resource)
}

/// How far the work has got in words of the house.
fn business(alert: &AlertFacts) -> String {
    match (&alert.not_watched, alert.escalation_level) {
        (Some((calendar, Some(until))), _) => {
            let until = format_rfc3339(*until);
            format!("Not watched: waits for {calendar} at {until}")
        }
        (Some((calendar, None)), _) => format!("Not watched: waits for {calendar}"),
        (None, 0) => "Not escalated".to_owned(),
        (None, level) => format!("Escalated, step {level}"),
    }
}
