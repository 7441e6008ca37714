//! `wardline limit`, `silence` and `outbox`.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use super::registry::{list, post, posted};
use super::time;
use crate::cli::{LimitCommand, LimitSet, OutboxCommand, SilenceCommand, Target};
use crate::client::{Client, encode};
use crate::exit::{Exit, UsageError};
use crate::output::{self, Columns};

/// Dead letters tried again in one go.
const MOST: usize = 100_000;

pub(super) async fn limit(command: LimitCommand) -> anyhow::Result<Exit> {
    match command {
        LimitCommand::Set(set) => set_limit(*set).await,
        LimitCommand::List {
            patient,
            rule,
            review_due,
            target,
            output,
        } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("patient", "/patient"),
                ("ward", "/ward"),
                ("rule", "/rule"),
                ("off", "/off"),
                ("below", "/below"),
                ("above", "/above"),
                ("unit", "/unit"),
                ("in force", "/inForce"),
                ("until", "/until"),
                ("by", "/by"),
                ("set", "/created"),
                ("reviewed", "/reviewed"),
                ("alerts 24 h", "/alertsLastDay"),
                ("review due", "/reviewDue"),
                ("reason", "/reason"),
            ];
            let due = review_due.then(|| "true".to_owned());
            let path = query(
                "/api/v1/limits",
                &[("patient", patient), ("rule", rule), ("reviewDue", due)],
            );
            list(&path, columns, &target, &output).await
        }
        LimitCommand::End { id, target } => act("limits", &id, "end", &target).await,
        LimitCommand::Review { id, target } => act("limits", &id, "review", &target).await,
    }
}

async fn set_limit(set: LimitSet) -> anyhow::Result<Exit> {
    let body = json!({
        "patient": set.whose.patient, "ward": set.whose.ward, "rule": set.rule, "off": set.off,
        "above": set.above, "below": set.below,
        "clearAbove": set.clear_above, "clearBelow": set.clear_below, "unit": set.unit,
        "from": time(set.from.as_deref())?.map(format_rfc3339),
        "until": time(set.until.as_deref())?.map(format_rfc3339),
        "reason": set.reason,
    });
    let made = posted("/api/v1/limits", &body, &set.target).await?;
    print_id(&made)?;
    if let (Some(ward), Some(true)) = (
        &set.whose.ward,
        made.get("wardEmpty").and_then(Value::as_bool),
    ) {
        output::talk(&format!("no patient is on ward {ward:?} yet"));
    }
    Ok(Exit::Done)
}

fn print_id(made: &Value) -> anyhow::Result<()> {
    let id = made.get("id").and_then(Value::as_str);
    Ok(output::line(id.context("the answer has no id")?)?)
}

/// Where a silence holds for less long than it lasts, in lines for people.
fn shorter(silence: &Value) -> Vec<String> {
    let mut by_end: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let found = silence.get("shorter").and_then(Value::as_array);
    for one in found.into_iter().flatten() {
        let text = |member| one.get(member).and_then(Value::as_str).unwrap_or("");
        by_end.entry(text("until")).or_default().push(text("rule"));
    }
    let lines = by_end.iter().map(|(until, rules)| match *until {
        "" => format!("cannot be silenced: {}", rules.join(", ")),
        until => format!("holds until {until}, no longer, for: {}", rules.join(", ")),
    });
    lines.collect()
}

pub(super) async fn silence(command: SilenceCommand) -> anyhow::Result<Exit> {
    match command {
        SilenceCommand::Add {
            matchers,
            minutes,
            reason,
            target,
        } => {
            let body = json!({
                "patient": matchers.patient, "rule": matchers.rule, "device": matchers.device,
                "ward": matchers.ward, "class": matchers.class.map(|class| class.as_str()),
                "minutes": minutes, "reason": reason,
            });
            let made = posted("/api/v1/silences", &body, &target).await?;
            print_id(&made)?;
            for line in shorter(&made) {
                output::talk(&line);
            }
            Ok(Exit::Done)
        }
        SilenceCommand::List { target, output } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("patient", "/patient"),
                ("rule", "/rule"),
                ("device", "/device"),
                ("ward", "/ward"),
                ("class", "/class"),
                ("from", "/from"),
                ("until", "/until"),
                ("in force", "/inForce"),
                ("by", "/by"),
                ("reason", "/reason"),
            ];
            list("/api/v1/silences", columns, &target, &output).await
        }
        SilenceCommand::End { id, target } => act("silences", &id, "end", &target).await,
    }
}

pub(super) async fn outbox(command: OutboxCommand) -> anyhow::Result<Exit> {
    match command {
        OutboxCommand::List {
            state,
            destination,
            target,
            output,
        } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("destination", "/destination"),
                ("recipient", "/recipient"),
                ("alerts", "/alerts"),
                ("state", "/state"),
                ("attempts", "/attempts"),
                ("next attempt", "/nextAttempt"),
                ("last error", "/lastError"),
                ("created", "/created"),
            ];
            let state = state.map(|state| state.as_str().to_owned());
            let path = query(
                "/api/v1/outbox",
                &[("state", state), ("destination", destination)],
            );
            list(&path, columns, &target, &output).await
        }
        OutboxCommand::Retry { ids, target } => {
            let client = Client::connect(&target).await?;
            let again = retry(&client, ids).await;
            client.close().await?;
            output::talk(&format!("{} to be tried again", again?));
            Ok(Exit::Done)
        }
    }
}

async fn retry(client: &Client, mut ids: Vec<String>) -> anyhow::Result<usize> {
    if ids.is_empty() {
        let dead = client.list("/api/v1/outbox?state=dead", MOST).await?;
        let id = |one: &Value| one.get("id").and_then(Value::as_str).map(str::to_owned);
        ids = dead.iter().filter_map(id).collect();
    }
    for id in &ids {
        if !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(UsageError(format!("{id:?} is no number of the outbox")).into());
        }
        client
            .post(&format!("/api/v1/outbox/{id}/retry"), String::new())
            .await?;
    }
    Ok(ids.len())
}

async fn act(what: &str, id: &str, action: &str, target: &Target) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/{what}/{}/{action}", encode(id));
    post(&path, &json!({}), None, target).await
}

pub(super) fn query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given: Vec<String> = parameters
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_deref()?))))
        .collect();
    if given.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", given.join("&"))
    }
}
