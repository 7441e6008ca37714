//! `/api/v1`: one module per resource. JSON is camelCase; times are RFC 3339; absent values are null.

pub(crate) mod alerts;
pub(crate) mod assignments;
pub(crate) mod backup;
pub(crate) mod beds;
pub(crate) mod devices;
pub(crate) mod enroll;
pub(crate) mod export;
pub(crate) mod gateway_states;
pub(crate) mod gateways;
pub(crate) mod health;
pub(crate) mod limits;
pub(crate) mod me;
pub(crate) mod observations;
pub(crate) mod outbox;
pub(crate) mod patients;
pub(crate) mod quarantine;
pub(crate) mod silences;
pub(crate) mod sql;
pub(crate) mod stream;
pub(crate) mod tokens;
pub(crate) mod watch;

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::backend::{Identifier, ListPage, ListRequest, Micros};
use crate::params::{DEFAULT_LIMIT, MAX_LIMIT, Params, is_id};
use crate::reply::{Failure, Touched};

/// Longest free text taken from a person.
const MAX_TEXT: usize = 1_000;
/// Most tags or identifiers of one patient or device.
const MAX_ENTRIES: usize = 64;

fn page<T>(page: &ListPage<T>, one: impl FnMut(&T) -> Value) -> Value {
    json!({ "items": page.items.iter().map(one).collect::<Vec<_>>(), "next": page.next })
}

fn when(time: Option<Micros>) -> Option<String> {
    time.map(format_rfc3339)
}

fn list_request(query: &Params) -> Result<ListRequest, Failure> {
    Ok(ListRequest {
        text: None,
        after: query.owned("after")?,
        limit: query.limit()?,
    })
}

/// A search whose words may be personal.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TextSearch {
    text: String,
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

impl TextSearch {
    fn request(self) -> Result<ListRequest, Failure> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Failure::invalid(format!(
                "limit must be from 1 to {MAX_LIMIT}"
            )));
        }
        Ok(ListRequest {
            text: Some(short("text", self.text)?),
            after: self.after,
            limit,
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentifierIn {
    #[serde(default)]
    system: String,
    value: String,
}

fn identifiers(found: Vec<IdentifierIn>) -> Result<Vec<Identifier>, Failure> {
    if found.len() > MAX_ENTRIES {
        return Err(Failure::invalid(format!(
            "at most {MAX_ENTRIES} identifiers"
        )));
    }
    found
        .into_iter()
        .map(|one| match one.value.trim() {
            "" => Err(Failure::invalid("an identifier needs a value")),
            _ => Ok(Identifier {
                system: short("system", one.system)?,
                value: short("value", one.value)?,
            }),
        })
        .collect()
}

fn identifiers_json(identifiers: &[Identifier]) -> Vec<Value> {
    identifiers
        .iter()
        .map(|one| json!({ "system": one.system, "value": one.value }))
        .collect()
}

fn short(name: &str, text: String) -> Result<String, Failure> {
    if text.len() > MAX_TEXT {
        return Err(Failure::invalid(format!(
            "{name} may have at most {MAX_TEXT} bytes"
        )));
    }
    Ok(text)
}

/// A person's reason for a change: never empty.
fn reason(text: String) -> Result<String, Failure> {
    match text.trim() {
        "" => Err(Failure::invalid("a reason is needed")),
        _ => short("reason", text),
    }
}

fn short_option(name: &str, text: Option<String>) -> Result<Option<String>, Failure> {
    text.map(|text| short(name, text)).transpose()
}

/// The patients among subjects as `Patient/p1`.
fn patients<'a>(subjects: impl IntoIterator<Item = &'a String>) -> Touched {
    subjects
        .into_iter()
        .filter_map(|subject| subject.strip_prefix("Patient/"))
        .collect()
}

/// An opaque id from a body: FHIR's rule.
fn id(name: &str, text: String) -> Result<String, Failure> {
    if text.len() <= 64 && is_id(&text) {
        return Ok(text);
    }
    Err(Failure::invalid(format!(
        "{name} must be an id: 1 to 64 of A-Z a-z 0-9 - ."
    )))
}

fn id_option(name: &str, text: Option<String>) -> Result<Option<String>, Failure> {
    text.map(|text| id(name, text)).transpose()
}
