//! A FHIR R4 server as far as transactions of PUTs go, strict as the strictest: it takes what R4 allows, whole or not at
//! all, and refuses references to what it has not. Written from <https://hl7.org/fhir/R4/http.html#transaction>, without
//! our own code.

#[path = "../../normalize/src/fhir/alert/conformance.rs"]
mod conformance;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};

/// The bearer token it wants.
pub(crate) const TOKEN: &str = "what-the-record-knows-us-by";
const BASE: &str = "/fhir/R4";

/// An answer in the place of its own.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<&'static str>,
    pub(crate) body: Value,
}

#[derive(Debug, Default)]
struct Kept {
    scripted: VecDeque<Scripted>,
    /// Requests, answered as they may have been.
    requests: usize,
    /// By `Type/id`: the versions, the latest last.
    resources: BTreeMap<String, Vec<Value>>,
    /// Why requests were refused.
    refused: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct FhirServer {
    pub(crate) address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
}

impl FhirServer {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            kept: Arc::default(),
        };
        let routes = axum::Router::new()
            .route(BASE, post(transaction))
            .with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        server
    }

    /// Its base.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{BASE}", self.address)
    }

    /// The next requests are answered with these.
    pub(crate) fn script(&self, answers: impl IntoIterator<Item = Scripted>) {
        self.kept.lock().unwrap().scripted.extend(answers);
    }

    /// Something that is there already.
    pub(crate) fn admit(&self, place: &str) {
        let mut kept = self.kept.lock().unwrap();
        kept.resources.insert(place.to_owned(), vec![json!({})]);
    }

    /// The latest version of a resource.
    pub(crate) fn get(&self, place: &str) -> Option<Value> {
        let kept = self.kept.lock().unwrap();
        kept.resources.get(place)?.last().cloned()
    }

    /// The latest versions of all resources of a type.
    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        let kept = self.kept.lock().unwrap();
        let of_kind = kept.resources.iter().filter(|(place, _)| {
            place
                .strip_prefix(kind)
                .is_some_and(|rest| rest.starts_with('/'))
        });
        of_kind
            .map(|(_, versions)| versions.last().unwrap().clone())
            .collect()
    }

    pub(crate) fn requests(&self) -> usize {
        self.kept.lock().unwrap().requests
    }

    pub(crate) fn refused(&self) -> Vec<String> {
        self.kept.lock().unwrap().refused.clone()
    }
}

async fn transaction(
    State(server): State<FhirServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut kept = server.kept.lock().unwrap();
    kept.requests += 1;
    if let Some(scripted) = kept.scripted.pop_front() {
        let status = StatusCode::from_u16(scripted.status).unwrap();
        let mut response = answer(status, &scripted.body);
        if let Some(seconds) = scripted.retry_after {
            let headers = response.headers_mut();
            headers.insert("retry-after", seconds.parse().unwrap());
        }
        return response;
    }
    match taken(&kept.resources, &server.url(), &headers, &body) {
        Ok(entries) => {
            let mut told = Vec::new();
            for (place, resource) in entries {
                let versions = kept.resources.entry(place.clone()).or_default();
                let status = if versions.is_empty() {
                    "201 Created"
                } else {
                    "200 OK"
                };
                versions.push(resource);
                let version = versions.len();
                told.push(json!({ "response": {
                    "status": status,
                    "location": format!("{place}/_history/{version}"),
                    "etag": format!("W/\"{version}\""),
                } }));
            }
            let bundle =
                json!({"resourceType": "Bundle", "type": "transaction-response", "entry": told});
            answer(StatusCode::OK, &bundle)
        }
        Err((status, why)) => {
            kept.refused.push(why.clone());
            let issue = json!([{"severity": "error", "code": "processing", "diagnostics": why}]);
            answer(
                StatusCode::from_u16(status).unwrap(),
                &json!({"resourceType": "OperationOutcome", "issue": issue}),
            )
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = [("content-type", "application/fhir+json")];
    (status, kind, body.to_string()).into_response()
}

/// Place and resource of every entry; or why nothing is taken.
fn taken(
    known: &BTreeMap<String, Vec<Value>>,
    base: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Vec<(String, Value)>, (u16, String)> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let refuse = |status: u16, why: String| Err((status, why));
    if header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return refuse(401, "who are you?".to_owned());
    }
    if header("content-type") != Some("application/fhir+json") {
        return refuse(415, "no FHIR".to_owned());
    }
    let bundle: Value = serde_json::from_slice(body).map_err(|error| (400, error.to_string()))?;
    if bundle["resourceType"] != "Bundle" || bundle["type"] != "transaction" {
        return refuse(400, "no transaction".to_owned());
    }
    let mut entries = Vec::new();
    for entry in bundle["entry"].as_array().map_or(&[][..], Vec::as_slice) {
        let resource = &entry["resource"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let place = format!(
            "{}/{}",
            text(&resource["resourceType"]),
            text(&resource["id"])
        );
        if entry["request"] != json!({"method": "PUT", "url": place}) {
            return refuse(400, format!("{place}: request {}", entry["request"]));
        }
        if entry["fullUrl"] != format!("{base}/{place}") {
            return refuse(400, format!("{place}: fullUrl {}", entry["fullUrl"]));
        }
        if entries.iter().any(|(other, _)| *other == place) {
            return refuse(400, format!("{place} stands twice in one transaction"));
        }
        let faults = conformance::faults(resource);
        if !faults.is_empty() {
            return refuse(422, faults.join("; "));
        }
        entries.push((place, resource.clone()));
    }
    if entries.len() > 50 {
        return refuse(400, "more updates than one transaction may have".to_owned());
    }
    if entries.is_empty() {
        return refuse(400, "an empty transaction".to_owned());
    }
    for (place, resource) in &entries {
        for target in literals(resource) {
            let within = entries.iter().any(|(place, _)| *place == target);
            if !within && !known.contains_key(&target) {
                return refuse(
                    422,
                    format!("{place} refers to {target}, which is not here"),
                );
            }
        }
    }
    Ok(entries)
}

/// Every literal reference in a resource.
fn literals(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(literals).collect(),
        Value::Object(fields) => {
            let own = fields.get("reference").and_then(Value::as_str);
            let deeper = fields.values().flat_map(literals);
            own.map(str::to_owned).into_iter().chain(deeper).collect()
        }
        _ => Vec::new(),
    }
}
