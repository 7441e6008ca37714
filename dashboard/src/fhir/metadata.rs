//! The CapabilityStatement: what is served, and nothing else.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::alerts::{self, Kind};
use super::{CONTENT_TYPE, SEARCH_PARAMETERS, negotiate};
use crate::app::Call;
use crate::reply::{Failure, Reply};

/// When this statement last changed.
const DATE: &str = "2026-11-22";

pub(crate) async fn metadata(call: Call) -> Result<Reply, Failure> {
    negotiate::json_only(&call, &call.query()?)?;
    let body = statement(&negotiate::base(&call));
    Ok(Reply::new(StatusCode::OK, CONTENT_TYPE, body.to_string()))
}

fn statement(base: &str) -> Value {
    let mut resources = vec![observation()];
    resources.extend(Kind::ALL.map(alert));
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": { "name": "Wardline", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Wardline: device observations and alerts", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "description": "Bearer tokens issued by this server; every request is audited.",
            },
            "resource": resources,
        }],
    })
}

fn observation() -> Value {
    json!({
        "type": "Observation",
        "supportedProfile": [
            "http://hl7.org/fhir/StructureDefinition/heartrate",
            "http://hl7.org/fhir/StructureDefinition/resprate",
            "http://hl7.org/fhir/StructureDefinition/oxygensat",
            "http://hl7.org/fhir/StructureDefinition/bodytemp",
            "http://hl7.org/fhir/StructureDefinition/bodyweight",
            "http://hl7.org/fhir/StructureDefinition/bodyheight",
            "http://hl7.org/fhir/StructureDefinition/bmi",
            "http://hl7.org/fhir/StructureDefinition/bp",
        ],
        "interaction": [{ "code": "read" }, { "code": "search-type" }],
        "versioning": "versioned",
        "readHistory": false,
        "conditionalRead": "not-match",
        "searchParam": parameters(SEARCH_PARAMETERS),
    })
}

fn alert(kind: Kind) -> Value {
    let documentation = match kind {
        Kind::DetectedIssue => "The condition of an alert about a patient.",
        Kind::Flag => "The condition of an alert about a patient, for who reads flags.",
        Kind::Communication => "A message about alerts of patients, and whether it arrived.",
        Kind::Task => "The work of an alert about a patient: to review it.",
    };
    json!({
        "type": kind.as_str(),
        "documentation": documentation,
        "interaction": [{ "code": "read" }, { "code": "search-type" }],
        "versioning": "no-version",
        "readHistory": false,
        "conditionalRead": "not-match",
        "searchParam": parameters(alerts::parameters(kind)),
    })
}

fn parameters(known: &[(&str, &str)]) -> Vec<Value> {
    let parameters = known.iter().filter_map(|(name, documentation)| {
        Some(json!({ "name": name, "type": kind(name)?, "documentation": documentation }))
    });
    parameters.collect()
}

/// Type of a search parameter; `None` for parameters that shape the answer.
fn kind(name: &str) -> Option<&'static str> {
    match name {
        "patient" | "subject" | "device" => Some("reference"),
        "date" | "identified" | "sent" | "authored-on" | "modified" | "_lastUpdated" => {
            Some("date")
        }
        "_count" | "_sort" | "_format" => None,
        _ => Some("token"),
    }
}
