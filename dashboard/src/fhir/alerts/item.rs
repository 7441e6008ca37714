//! One resource with what searches ask of it.

use wardline_normalize::fhir::alert::{
    self, AlertFacts, Resource, Style, communication, communication_status, detected_issue,
    detected_issue_status, flag, flag_status, task, task_status,
};

use super::Kind;
use crate::backend::{Alert, Message, Micros};

pub(super) struct Item {
    pub(super) resource: Resource,
    pub(super) patients: Vec<String>,
    pub(super) status: &'static str,
    /// The type's own time, first and last microsecond; none where the resource has none yet.
    pub(super) time: Option<(Micros, Micros)>,
    pub(super) updated: Micros,
}

fn style() -> Style {
    Style {
        meta: true,
        ..Style::default()
    }
}

/// An alert as one of its types; none of what is about no patient.
pub(super) fn of_alert(kind: Kind, found: &Alert) -> Option<Item> {
    let patient = found.patient()?.to_owned();
    let facts = found.facts();
    let (resource, status, time) = match kind {
        Kind::Flag => (
            flag(&facts, &style())?,
            flag_status(&facts),
            lasting(&facts),
        ),
        Kind::Task => {
            let authored = facts.onset.min(facts.updated);
            let status = task_status(&facts);
            (task(&facts, &style()), status, (authored, authored))
        }
        Kind::DetectedIssue | Kind::Communication => {
            let end = facts.ended.unwrap_or(facts.onset).max(facts.onset);
            let status = detected_issue_status(&facts);
            (detected_issue(&facts, &style()), status, (facts.onset, end))
        }
    };
    Some(Item {
        resource,
        patients: vec![patient],
        status,
        time: Some(time),
        updated: facts.updated,
    })
}

/// A period without an end goes on.
fn lasting(facts: &AlertFacts) -> (Micros, Micros) {
    let end = facts.ended.map_or(Micros::MAX, |end| end.max(facts.onset));
    (facts.onset, end)
}

/// A message; none of one that is about no patient.
pub(super) fn of_message(found: &Message) -> Option<Item> {
    let patients: Vec<String> = found.patients().into_iter().map(str::to_owned).collect();
    if patients.is_empty() {
        return None;
    }
    let facts = found.facts();
    // An alert about equipment has no address here.
    let conditions: Vec<Option<&'static str>> = found
        .alerts
        .iter()
        .map(|(_, subject)| subject.starts_with("Patient/").then_some("DetectedIssue"))
        .collect();
    Some(Item {
        resource: communication(&facts, &conditions, &style()),
        patients,
        status: communication_status(&facts),
        time: facts.delivered.map(|sent| (sent, sent)),
        updated: alert::notification_updated(&facts),
    })
}
