//! Many resources in one request: all of them or none.

use super::Resource;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    entry: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    full_url: String,
    resource: &'a RawValue,
    request: Request,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    url: String,
}

/// A Bundle that puts each resource under its own id at the server of this base (without a final slash), new or not: to
/// send it twice changes nothing. `fullUrl` is what relative references within the Bundle resolve to.
/// <https://hl7.org/fhir/R4/http.html#transaction>
#[must_use]
pub fn transaction(resources: &[Resource], base: &str) -> String {
    let entry = resources
        .iter()
        .map(|resource| Entry {
            full_url: format!("{base}/{}/{}", resource.kind, resource.id),
            resource: serde_json::from_str(&resource.json).expect("a written resource is JSON"),
            request: Request {
                method: "PUT",
                url: format!("{}/{}", resource.kind, resource.id),
            },
        })
        .collect();
    let bundle = Bundle {
        resource_type: "Bundle",
        kind: "transaction",
        entry,
    };
    serde_json::to_string(&bundle).expect("strings and lists are JSON")
}
