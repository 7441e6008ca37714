//! `wardline alert`.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::care::query;
use crate::cli::{AlertCommand, Target};
use crate::client::{Client, encode};
use crate::exit::Exit;
use crate::output::{self, Columns};

const COLUMNS: Columns = &[
    ("id", "/alertId"),
    ("priority", "/priority"),
    ("subject", "/subject"),
    ("state", "/state"),
    ("onset", "/onset"),
    ("ended", "/ended"),
    ("message", "/message"),
    ("acknowledged by", "/acknowledgedBy"),
    ("silenced until", "/silencedUntil"),
    ("rule", "/ruleId"),
];

/// Events and messages of one alert printed at most.
const MOST: usize = 10_000;

pub(super) async fn run(command: AlertCommand) -> anyhow::Result<Exit> {
    match command {
        AlertCommand::List {
            patient,
            states,
            priorities,
            unacknowledged,
            limit,
            target,
            output,
        } => {
            let states = states.iter().map(|state| state.as_str());
            let priorities = priorities.iter().map(|priority| priority.as_str());
            let path = query(
                "/api/v1/alerts",
                &[
                    ("patient", patient),
                    ("state", joined(states)),
                    ("priority", joined(priorities)),
                    ("acknowledged", unacknowledged.then(|| "false".to_owned())),
                ],
            );
            let client = Client::connect(&target).await?;
            let items = client.list(&path, limit as usize).await;
            client.close().await?;
            output::list(&items?, COLUMNS, output.format)?;
            Ok(Exit::Done)
        }
        AlertCommand::Show { id, target } => {
            let client = Client::connect(&target).await?;
            let shown = show(&client, &id).await;
            client.close().await?;
            output::line(&serde_json::to_string_pretty(&shown?)?)?;
            Ok(Exit::Done)
        }
        AlertCommand::Acknowledge { ids, note, target } => acknowledge(&ids, note, &target).await,
        AlertCommand::Silence {
            id,
            minutes,
            note,
            target,
        } => {
            let body = json!({"minutes": minutes, "note": note}).to_string();
            let client = Client::connect(&target).await?;
            let answer = client.post(&path(&id, "/silence"), body).await;
            client.close().await?;
            let answer = answer?;
            let until = answer.get("silencedUntil").and_then(Value::as_str);
            let until =
                until.context("its rule does not let it be silenced; nothing is held back")?;
            output::line(until)?;
            Ok(Exit::Done)
        }
    }
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let words: Vec<&str> = words.collect();
    (!words.is_empty()).then(|| words.join(","))
}

fn path(id: &str, action: &str) -> String {
    format!("/api/v1/alerts/{}{action}", encode(id))
}

/// The alert with its events and messages.
async fn show(client: &Client, id: &str) -> anyhow::Result<Value> {
    let mut alert = client.get(&path(id, "")).await?;
    let members = alert.as_object_mut().context("the answer is no object")?;
    for part in ["events", "notifications"] {
        let found = client.list(&path(id, &format!("/{part}")), MOST).await?;
        members.insert(part.to_owned(), found.into());
    }
    Ok(alert)
}

/// One that is refused keeps nothing from the others.
async fn acknowledge(
    ids: &[String],
    note: Option<String>,
    target: &Target,
) -> anyhow::Result<Exit> {
    let body = json!({"note": note}).to_string();
    let client = Client::connect(target).await?;
    let mut refused = 0;
    for id in ids {
        if let Err(error) = client.post(&path(id, "/acknowledge"), body.clone()).await {
            output::talk(&format!("{id}: {error:#}"));
            refused += 1;
        }
    }
    client.close().await?;
    output::talk(&format!("{} acknowledged", ids.len() - refused));
    Ok(if refused == 0 {
        Exit::Done
    } else {
        Exit::Failed
    })
}
