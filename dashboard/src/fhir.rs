//! FHIR R4 over HTTP: search and read of Observations and of what alerts are ([`alerts`]), the CapabilityStatement,
//! OperationOutcomes.
//!
//! The resources themselves are written by `wardline_normalize::fhir`; here are the REST rules around it:
//! parameters, Bundles, paging, version headers. <https://hl7.org/fhir/R4/http.html>

pub(crate) mod alerts;
mod bundle;
mod code;
mod cursor;
mod date;
mod metadata;
mod negotiate;
mod project;
mod query;
mod read;
mod search;

pub(crate) use metadata::metadata;
pub(crate) use read::read;
pub(crate) use search::search;

use serde_json::{Value, json};

pub(crate) const CONTENT_TYPE: &str = "application/fhir+json; fhirVersion=4.0";

const LOINC: &str = "http://loinc.org";
const MDC: &str = "urn:iso:std:iso:11073:10101";
const LOCAL: &str = "urn:wardline:local";
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

/// Search parameters served, as the CapabilityStatement and OpenAPI list them.
pub(crate) const SEARCH_PARAMETERS: &[(&str, &str)] = &[
    ("patient", "Patient id or reference"),
    ("subject", "Patient reference"),
    (
        "code",
        "Code of the Observation: code, system|code; LOINC, MDC or local",
    ),
    ("component-code", "Code of a component"),
    ("combo-code", "Code of the Observation or of a component"),
    ("category", "observation-category, as vital-signs"),
    (
        "date",
        "Effective time with prefix eq, ne, gt, lt, ge, le, sa, eb or ap; partial dates are intervals; repeat for a range",
    ),
    ("status", "FHIR status"),
    ("device", "Device id or reference"),
    (
        "_id",
        "Observation ids; the id of a panel's component finds the panel",
    ),
    (
        "_lastUpdated",
        "When the server took the version, with prefix",
    ),
    ("_count", "Observations on a page, 1 to 1000; default 100"),
    ("_sort", "-date (default) or date"),
    ("_format", "json or application/fhir+json"),
];

/// An OperationOutcome with one issue.
pub(crate) fn outcome(severity: &str, code: &str, diagnostics: &str) -> Value {
    // Codes of http://hl7.org/fhir/issue-type; ours beyond it go under the nearest.
    let code = match code {
        "internal" => "exception",
        other => other,
    };
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{ "severity": severity, "code": code, "diagnostics": diagnostics }],
    })
}
