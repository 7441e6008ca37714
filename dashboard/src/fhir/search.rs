//! Search: `GET …/Observation` and `POST …/Observation/_search`.

use std::collections::HashSet;

use arrow::compute::filter_record_batch;
use arrow_array::{BooleanArray, RecordBatch};
use axum::http::{Method, StatusCode};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use wardline_normalize::columns::{Columns, text};
use wardline_normalize::time::format_rfc3339;

use super::project::project;
use super::{CONTENT_TYPE, cursor, negotiate, outcome, query};
use crate::app::Call;
use crate::backend::{ObservationSearch, Position};
use crate::params::Params;
use crate::reply::{Failure, Reply, Touched};

/// Pages asked of the backend for one of ours, when conditions it cannot push down leave most of them empty.
/// After that the page goes out as it is, with a link to the next.
const MAX_PAGES: usize = 16;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    link: Vec<Link>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entry: Vec<Entry>,
}

#[derive(Serialize)]
struct Link {
    relation: &'static str,
    url: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    full_url: Option<String>,
    resource: Box<RawValue>,
    search: Mode,
}

#[derive(Serialize)]
struct Mode {
    mode: &'static str,
}

pub(crate) async fn search(mut call: Call) -> Result<Reply, Failure> {
    let mut params = call.query()?;
    let mut asked = call.uri.query().map(str::to_owned);
    if call.method == Method::POST {
        let form = form(&mut call).await?;
        params = params.and(Params::parse(&form)?);
        asked = Some(
            [asked.unwrap_or_default(), form]
                .join("&")
                .trim_matches('&')
                .to_owned(),
        );
    }
    let result = found(&call, &params).await;
    // What was asked is audited also when it is refused.
    let mut reply = result.unwrap_or_else(|failure| failure.into_reply(true));
    reply.asked = asked;
    Ok(reply)
}

async fn form(call: &mut Call) -> Result<String, Failure> {
    let bytes = call.bytes().await?;
    if !bytes.is_empty() && !call.has_content_type("application/x-www-form-urlencoded") {
        return Err(Failure::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-supported",
            "the body must be application/x-www-form-urlencoded",
        ));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Failure::invalid("the form is not UTF-8"))
}

async fn found(call: &Call, params: &Params) -> Result<Reply, Failure> {
    negotiate::json_only(call, params)?;
    let strict = call
        .header("prefer")
        .is_some_and(|prefer| prefer.contains("handling=strict"));
    let query = query::parse(params, strict, call.app.now())?;
    let base = negotiate::base(call);
    let mut touched = Touched::default();
    let mut entries = Vec::new();
    let mut next = None;
    if !query.nothing {
        let mut search = query.search.clone();
        for _ in 0..MAX_PAGES {
            let page = call.app.backend.observations(&search).await?;
            let rows = matching(&page.rows, &search)?;
            for observation in project(&rows, &*call.app.backend)? {
                entries.push(Entry {
                    full_url: Some(format!("{base}/Observation/{}", observation.id)),
                    resource: raw(observation.json)?,
                    search: Mode { mode: "match" },
                });
                touched.patients.insert(observation.patient);
            }
            next = page.next;
            search.after.clone_from(&next);
            if next.is_none() || !entries.is_empty() {
                break;
            }
        }
    }
    if !query.ignored.is_empty() {
        let detail = format!(
            "passed over unknown parameters: {}",
            query.ignored.join(", ")
        );
        let resource =
            to_raw_value(&outcome("warning", "not-supported", &detail)).map_err(fault)?;
        entries.push(Entry {
            full_url: None,
            resource,
            search: Mode { mode: "outcome" },
        });
    }
    let bundle = Bundle {
        resource_type: "Bundle",
        kind: "searchset",
        timestamp: format_rfc3339(call.app.now()),
        link: links(&base, params, &query.used, next.as_ref())?,
        entry: entries,
    };
    let body = serde_json::to_vec(&bundle).map_err(fault)?;
    Ok(Reply::new(StatusCode::OK, CONTENT_TYPE, body).touching(touched))
}

/// Links as the server understood the search, so a client sees what was passed over.
fn links(
    base: &str,
    params: &Params,
    used: &str,
    next: Option<&Position>,
) -> Result<Vec<Link>, Failure> {
    let url = |mark: Option<&str>| {
        let mark = mark.map(|mark| format!("{}={mark}", query::CURSOR));
        let parts: Vec<&str> = [Some(used), mark.as_deref()]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect();
        let question = if parts.is_empty() { "" } else { "?" };
        format!("{base}/Observation{question}{}", parts.join("&"))
    };
    let mut links = vec![Link {
        relation: "self",
        url: url(params.one(query::CURSOR)?),
    }];
    if let Some(position) = next {
        links.push(Link {
            relation: "next",
            url: url(Some(&cursor::encode(position, used))),
        });
    }
    Ok(links)
}

/// The rows of the Observations of which any row meets the search.
fn matching(rows: &RecordBatch, search: &ObservationSearch) -> Result<RecordBatch, Failure> {
    let columns = Columns::new(rows).map_err(fault)?;
    let observation =
        |row: usize| text(columns.panel_id, row).unwrap_or_else(|| columns.id.value(row));
    let found: HashSet<&str> = (0..columns.len())
        .filter(|row| search.matches(&columns, *row))
        .map(observation)
        .collect();
    let keep: BooleanArray = (0..columns.len())
        .map(|row| Some(found.contains(observation(row))))
        .collect();
    filter_record_batch(rows, &keep).map_err(fault)
}

fn raw(json: String) -> Result<Box<RawValue>, Failure> {
    RawValue::from_string(json).map_err(fault)
}

fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::internal(&error.to_string())
}
