//! Assignments: which patient wears which device, and when.

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::{id, page, short_option, when};
use crate::app::Call;
use crate::backend::{Assignment, AssignmentNew, AssignmentSearch};
use crate::params::time;
use crate::reply::{Failure, Reply, Touched};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let at = match query.one("at")? {
        Some("now") => Some(call.app.now()),
        _ => query.time("at")?,
    };
    let search = AssignmentSearch {
        device: query.owned("device")?,
        patient: query.owned("patient")?,
        at,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.assignments(&search).await?;
    let touched: Touched = found
        .items
        .iter()
        .map(|one| one.data.patient.as_str())
        .collect();
    Ok(Reply::json(&page(&found, assignment_json)).touching(touched))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AssignmentIn {
    device: String,
    #[serde(default)]
    device_user: Option<String>,
    patient: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    until: Option<String>,
}

pub(crate) async fn create(mut call: Call) -> Result<Reply, Failure> {
    let body: AssignmentIn = call.json().await?;
    let from = body
        .from
        .map_or_else(|| Ok(call.app.now()), |text| time("from", &text))?;
    let until = body.until.map(|text| time("until", &text)).transpose()?;
    if until.is_some_and(|until| until <= from) {
        return Err(Failure::invalid("until must come after from"));
    }
    let new = AssignmentNew {
        device: id("device", body.device)?,
        device_user: short_option("deviceUser", body.device_user)?,
        patient: id("patient", body.patient)?,
        from,
        until,
    };
    let made = call.app.backend.assign(new, call.principal()?).await?;
    Ok(Reply::created(&assignment_json(&made)).touching(Touched::one(made.data.patient)))
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AssignmentEnd {
    #[serde(default)]
    at: Option<String>,
}

pub(crate) async fn end(mut call: Call) -> Result<Reply, Failure> {
    let body: AssignmentEnd = call.json_or_nothing().await?;
    let at = body
        .at
        .map_or_else(|| Ok(call.app.now()), |text| time("at", &text))?;
    let ended = call
        .app
        .backend
        .end_assignment(&call.id()?, at, call.principal()?)
        .await?;
    Ok(Reply::json(&assignment_json(&ended)).touching(Touched::one(ended.data.patient)))
}

fn assignment_json(assignment: &Assignment) -> Value {
    json!({
        "id": assignment.id,
        "device": assignment.data.device,
        "deviceUser": assignment.data.device_user,
        "patient": assignment.data.patient,
        "from": format_rfc3339(assignment.data.from),
        "until": when(assignment.data.until),
        "by": assignment.by,
        "cancelled": assignment.cancelled,
    })
}
