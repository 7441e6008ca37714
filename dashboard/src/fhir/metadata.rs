//! The CapabilityStatement: what is served, and nothing else.

use axum::http::StatusCode;
use serde_json::{Value, json};

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
    let parameters: Vec<Value> = SEARCH_PARAMETERS
        .iter()
        .filter_map(|(name, documentation)| {
            Some(json!({ "name": name, "type": kind(name)?, "documentation": documentation }))
        })
        .collect();
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": DATE,
        "kind": "instance",
        "software": { "name": "Wardline", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "Wardline: device observations", "url": base },
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "description": "Bearer tokens issued by this server; every request is audited.",
            },
            "resource": [{
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
                "searchParam": parameters,
            }],
        }],
    })
}

/// Type of a search parameter; `None` for parameters that shape the answer.
fn kind(name: &str) -> Option<&'static str> {
    match name {
        "patient" | "subject" | "device" => Some("reference"),
        "date" | "_lastUpdated" => Some("date"),
        "_count" | "_sort" | "_format" => None,
        _ => Some("token"),
    }
}
