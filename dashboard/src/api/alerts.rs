//! Alerts: list, read, acknowledge, silence; their events, their messages, and what is building up.

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::outbox::notification_json;
use crate::api::{list_request, page, patients, short_option};
use crate::app::Call;
use crate::backend::{Alert, AlertAction, AlertActionKind, AlertSearch, Micros, Pending};
use crate::json;
use crate::reply::{Failure, Reply, Touched};

/// Longest silence one request may ask for, in minutes: longer needs a decision anew.
pub(super) const MAX_SILENCE: u32 = 24 * 60;
pub(super) const MINUTE: Micros = 60 * 1_000_000;

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let query = call.query()?;
    let class = query.words("class", &["physiological", "technical"])?;
    if class.len() > 1 {
        return Err(Failure::invalid("class is one of physiological, technical"));
    }
    let search = AlertSearch {
        states: query.words("state", &["active", "recovering", "resolved"])?,
        priorities: query.words("priority", &["high", "medium", "low", "info"])?,
        class: class.into_iter().next(),
        patient: query.owned("patient")?,
        rule: query.owned("rule")?,
        acknowledged: query.flag("acknowledged")?,
        since: query.time("since")?,
        until: query.time("until")?,
        after: query.owned("after")?,
        limit: query.limit()?,
    };
    let found = call.app.backend.alerts(&search).await?;
    let touched = found.items.iter().filter_map(Alert::patient).collect();
    Ok(Reply::json(&page(&found, json::alert)).touching(touched))
}

pub(crate) async fn get(call: Call) -> Result<Reply, Failure> {
    let alert = call.app.backend.alert(&call.id()?).await?;
    Ok(reply(&alert))
}

fn reply(alert: &Alert) -> Reply {
    let touched: Touched = alert.patient().into_iter().collect();
    Reply::json(&json::alert(alert)).touching(touched)
}

pub(crate) async fn events(call: Call) -> Result<Reply, Failure> {
    let list = list_request(&call.query()?)?;
    let found = call.app.backend.alert_events(&call.id()?, &list).await?;
    let touched = found.items.iter().filter_map(Alert::patient).collect();
    Ok(Reply::json(&page(&found, json::alert)).touching(touched))
}

pub(crate) async fn notifications(call: Call) -> Result<Reply, Failure> {
    let (id, list) = (call.id()?, list_request(&call.query()?)?);
    let alert = call.app.backend.alert(&id).await?;
    let found = call.app.backend.notifications(&id, &list).await?;
    let subjects = found.items.iter().flat_map(|one| &one.subjects);
    let touched = patients(subjects.chain([&alert.subject]));
    Ok(Reply::json(&page(&found, notification_json)).touching(touched))
}

pub(crate) async fn pending(call: Call) -> Result<Reply, Failure> {
    let found = call.app.backend.pending().await?;
    let touched = patients(found.iter().map(|one| &one.subject));
    let items: Vec<Value> = found.iter().map(pending_json).collect();
    Ok(Reply::json(&json!({ "items": items, "next": null })).touching(touched))
}

fn pending_json(pending: &Pending) -> Value {
    json!({
        "ruleId": pending.rule_id,
        "title": pending.title,
        "subject": pending.subject,
        "priority": pending.priority,
        "since": format_rfc3339(pending.since),
        "value": pending.value,
        "unit": pending.unit,
        "due": format_rfc3339(pending.due),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Acknowledge {
    #[serde(default)]
    note: Option<String>,
}

pub(crate) async fn acknowledge(mut call: Call) -> Result<Reply, Failure> {
    let body: Acknowledge = call.json_or_nothing().await?;
    act(&call, AlertActionKind::Acknowledge, body.note).await
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Silence {
    minutes: u32,
    #[serde(default)]
    note: Option<String>,
}

pub(crate) async fn silence(mut call: Call) -> Result<Reply, Failure> {
    let body: Silence = call.json().await?;
    if body.minutes > MAX_SILENCE {
        return Err(Failure::invalid(format!(
            "minutes may be at most {MAX_SILENCE}"
        )));
    }
    let until = call.app.now() + Micros::from(body.minutes) * MINUTE;
    act(&call, AlertActionKind::Silence { until }, body.note).await
}

async fn act(call: &Call, kind: AlertActionKind, note: Option<String>) -> Result<Reply, Failure> {
    let action = AlertAction {
        alert_id: call.id()?,
        kind,
        by: call.principal()?.name.clone(),
        at: call.app.now(),
        note: short_option("note", note)?,
    };
    Ok(reply(&call.app.backend.act(action).await?))
}
