//! Read: `GET …/Observation/{id}`.

use axum::http::{StatusCode, header};
use bytes::Bytes;
use serde_json::Value;
use wardline_normalize::columns::Columns;

use super::project::project;
use super::{CONTENT_TYPE, negotiate};
use crate::app::Call;
use crate::backend::{Found, Micros};
use crate::reply::{Failure, Reply, ReplyBody, Touched};

pub(crate) async fn read(call: Call) -> Result<Reply, Failure> {
    negotiate::json_only(&call, &call.query()?)?;
    let id = call.id()?;
    let rows = match call.app.backend.observation(&id).await? {
        Found::Rows(rows) => rows,
        Found::Gone => {
            return Err(Failure::new(
                StatusCode::GONE,
                "deleted",
                "this Observation has been removed",
            ));
        }
        Found::Missing => return Err(Failure::not_found("Observation")),
    };
    // A panel torn between patients by a correction is two Observations of one id; the newest row decides.
    let Some(observation) = project(&rows, &*call.app.backend)?.pop() else {
        return Err(Failure::not_found("Observation"));
    };
    let updated = Columns::new(&rows)
        .map(|columns| {
            columns
                .received
                .values()
                .iter()
                .copied()
                .max()
                .unwrap_or_default()
        })
        .map_err(|error| Failure::internal(&error.to_string()))?;
    let touched = Touched::one(&observation.patient);
    let place = ("Observation", observation.id.as_str());
    answer(&call, place, observation.json, updated, touched)
}

/// A resource with the headers of a read.
pub(super) fn answer(
    call: &Call,
    (kind, id): (&str, &str),
    json: String,
    updated: Micros,
    touched: Touched,
) -> Result<Reply, Failure> {
    let version = version(&json)?;
    let tag = format!("W/\"{version}\"");
    let base = negotiate::base(call);
    let mut reply = Reply::new(StatusCode::OK, CONTENT_TYPE, json)
        .header(header::ETAG, &tag)
        .header(header::LAST_MODIFIED, &http_date(updated))
        .header(header::CONTENT_LOCATION, &format!("{base}/{kind}/{id}"))
        .touching(touched);
    let known = call.header("if-none-match");
    if known.is_some_and(|known| {
        known
            .split(',')
            .any(|one| matches!(one.trim(), one if one == tag || one == "*"))
    }) {
        reply.status = StatusCode::NOT_MODIFIED;
        reply.body = ReplyBody::Full(Bytes::new());
    }
    Ok(reply)
}

/// `meta.versionId` of the resource as written, so that header and body cannot disagree. A mapping's Observation and
/// the resources of alerts have none: their version is a digest of what is written.
fn version(json: &str) -> Result<String, Failure> {
    let resource: Value =
        serde_json::from_str(json).map_err(|error| Failure::internal(&error.to_string()))?;
    match resource.pointer("/meta/versionId").and_then(Value::as_str) {
        Some(version) => Ok(version.to_owned()),
        None => Ok(format!(
            "{:016x}",
            xxhash_rust::xxh3::xxh3_64(json.as_bytes())
        )),
    }
}

/// An IMF-fixdate (RFC 9110, 5.6.7).
fn http_date(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map(|time| time.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
