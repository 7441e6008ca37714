//! The parts of the resources that are written.

use crate::fhir::types::{Coding, Concept, Identifier, Period, Reference};
use serde::Serialize;

/// What every one of them opens with.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head {
    pub(super) resource_type: &'static str,
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) meta: Option<Meta>,
    pub(super) extension: [Extension; 1],
    pub(super) identifier: [Identifier; 1],
    pub(super) status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    pub(super) last_updated: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extension {
    pub(super) url: &'static str,
    pub(super) value_coding: Coding,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DetectedIssue {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) code: Concept,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) patient: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identified_date_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identified_period: Option<Period>,
    pub(super) author: Reference,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) implicated: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) evidence: Vec<Evidence>,
    pub(super) detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mitigation: Vec<Mitigation>,
}

#[derive(Debug, Serialize)]
pub(super) struct Evidence {
    pub(super) detail: Vec<Reference>,
}

#[derive(Debug, Serialize)]
pub(super) struct Mitigation {
    pub(super) action: Concept,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) author: Option<Reference>,
}

#[derive(Debug, Serialize)]
pub(super) struct Flag {
    #[serde(flatten)]
    pub(super) head: Head,
    pub(super) category: [Concept; 1],
    pub(super) code: Concept,
    pub(super) subject: Reference,
    pub(super) period: Period,
    pub(super) author: Reference,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Communication {
    #[serde(flatten)]
    pub(super) head: Head,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_reason: Option<Concept>,
    pub(super) category: [Concept; 1],
    pub(super) priority: &'static str,
    pub(super) medium: [Concept; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) about: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sent: Option<String>,
    pub(super) recipient: Vec<Reference>,
    pub(super) sender: Reference,
    pub(super) reason_code: [Concept; 1],
    pub(super) payload: [Payload; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload {
    pub(super) content_string: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    #[serde(flatten)]
    pub(super) head: Head,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status_reason: Option<Concept>,
    pub(super) business_status: Concept,
    pub(super) intent: &'static str,
    pub(super) priority: &'static str,
    pub(super) code: Concept,
    pub(super) description: String,
    pub(super) focus: Reference,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub(super) patient: Option<Reference>,
    pub(super) authored_on: String,
    pub(super) last_modified: String,
    pub(super) requester: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner: Option<Reference>,
}
