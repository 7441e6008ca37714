//! The condition: DetectedIssue or Flag.

use super::types::{DetectedIssue, Evidence, Flag, Mitigation};
use super::{AlertFacts, Resource, Style, codes, reference};
use crate::fhir::codes::{clean, coding, concept};
use crate::fhir::types::Period;
use crate::time::format_rfc3339;

const FLAG_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/flag-category";
const ACTION: &str = "urn:wardline:alert-action";

/// R4 observation-status, which DetectedIssue uses.
#[must_use]
pub fn detected_issue_status(alert: &AlertFacts) -> &'static str {
    if alert.is_void() {
        "entered-in-error"
    } else if alert.is_over() {
        "final"
    } else {
        "registered"
    }
}

/// R4 flag-status.
#[must_use]
pub fn flag_status(alert: &AlertFacts) -> &'static str {
    if alert.is_void() {
        "entered-in-error"
    } else if alert.is_over() {
        "inactive"
    } else {
        "active"
    }
}

/// The DetectedIssue of an alert. <https://hl7.org/fhir/R4/detectedissue.html>
#[must_use]
pub fn detected_issue(alert: &AlertFacts, style: &Style) -> Resource {
    let readings = || {
        let ids = alert.evidence.iter();
        ids.map(|id| reference::observation(style, id))
    };
    let device = alert.device.iter().map(|id| reference::device(style, id));
    let gateway = alert.gateway.iter().map(|id| reference::gateway(style, id));
    let evidence: Vec<_> = readings().collect();
    let resource = DetectedIssue {
        head: codes::head(
            ("DetectedIssue", codes::ALERT),
            &alert.id,
            (detected_issue_status(alert), &alert.priority),
            alert.updated,
            style,
        ),
        code: codes::rule(alert),
        severity: codes::severity(&alert.priority),
        patient: alert
            .patient
            .as_ref()
            .map(|patient| reference::patient(style, patient)),
        identified_date_time: alert.ended.is_none().then(|| format_rfc3339(alert.onset)),
        identified_period: alert.ended.is_some().then(|| period(alert)),
        author: reference::wardline(),
        implicated: readings().chain(device).chain(gateway).collect(),
        evidence: if evidence.is_empty() {
            Vec::new()
        } else {
            vec![Evidence { detail: evidence }]
        },
        detail: clean(&alert.message),
        mitigation: mitigation(alert),
    };
    Resource::new("DetectedIssue", &alert.id, &resource)
}

/// The Flag of an alert about a patient; R4 has none for devices. <https://hl7.org/fhir/R4/flag.html>
#[must_use]
pub fn flag(alert: &AlertFacts, style: &Style) -> Option<Resource> {
    let patient = alert.patient.as_ref()?;
    let category = match alert.class.as_str() {
        "technical" => "safety",
        _ => "clinical",
    };
    let resource = Flag {
        head: codes::head(
            ("Flag", codes::ALERT),
            &alert.id,
            (flag_status(alert), &alert.priority),
            alert.updated,
            style,
        ),
        category: [concept(coding(FLAG_CATEGORY, category))],
        // A Flag has no other place for the words that say what, how much and against which limit.
        code: crate::fhir::types::Concept {
            text: Some(clean(&alert.message).into()),
            ..codes::rule(alert)
        },
        subject: reference::patient(style, patient),
        period: period(alert),
        author: reference::wardline(),
    };
    Some(Resource::new("Flag", &alert.id, &resource))
}

/// From onset to end; a late correction may leave the end before the onset, which FHIR forbids (per-1).
fn period(alert: &AlertFacts) -> Period {
    Period {
        start: format_rfc3339(alert.onset),
        end: alert
            .ended
            .map(|ended| format_rfc3339(ended.max(alert.onset))),
    }
}

/// What people did about it.
fn mitigation(alert: &AlertFacts) -> Vec<Mitigation> {
    let acknowledged = alert.is_acknowledged().then(|| Mitigation {
        action: codes::own(ACTION, "acknowledged", "Acknowledged".to_owned()),
        date: alert.acknowledged_at.map(format_rfc3339),
        author: alert.acknowledged_by.as_deref().map(reference::user),
    });
    let silenced = alert.silenced_until.map(|until| Mitigation {
        action: codes::own(
            ACTION,
            "silenced",
            format!("Silenced until {}", format_rfc3339(until)),
        ),
        date: None,
        author: None,
    });
    acknowledged.into_iter().chain(silenced).collect()
}
