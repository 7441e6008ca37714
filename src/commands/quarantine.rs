//! `wardline quarantine`.

use serde_json::json;

use crate::cli::QuarantineCommand;
use crate::client::{Client, encode};
use crate::exit::Exit;
use crate::output::{self, Columns};

const COLUMNS: Columns = &[
    ("id", "/id"),
    ("received", "/received"),
    ("device", "/deviceId"),
    ("reason", "/reason"),
    ("record", "/record"),
    ("detail", "/detail"),
    ("replayed", "/replayed"),
];

pub(super) async fn run(command: QuarantineCommand) -> anyhow::Result<Exit> {
    match command {
        QuarantineCommand::List {
            reason,
            device,
            limit,
            target,
            output,
        } => {
            let mut path = "/api/v1/quarantine?".to_owned();
            for (name, value) in [("reason", reason), ("device", device)] {
                if let Some(value) = value {
                    path.push_str(&format!("{name}={}&", encode(&value)));
                }
            }
            let client = Client::connect(&target).await?;
            let items = client
                .list(path.trim_end_matches(['?', '&']), limit as usize)
                .await;
            client.close().await?;
            output::list(&items?, COLUMNS, output.format)?;
            Ok(Exit::Done)
        }
        QuarantineCommand::Show { id, target } => {
            let client = Client::connect(&target).await?;
            let entry = client
                .get(&format!("/api/v1/quarantine/{}", encode(&id)))
                .await;
            client.close().await?;
            output::line(&serde_json::to_string_pretty(&entry?)?)?;
            Ok(Exit::Done)
        }
        QuarantineCommand::Replay { id, target } => {
            let client = Client::connect(&target).await?;
            let answer = client
                .post(
                    "/api/v1/quarantine/replay",
                    json!({"ids": [id]}).to_string(),
                )
                .await;
            client.close().await?;
            let answer = answer?;
            output::line(&serde_json::to_string(&answer)?)?;
            let count = |name| answer.get(name).and_then(serde_json::Value::as_u64);
            let left = ["rejected", "skipped"].map(|name| count(name).unwrap_or(0));
            Ok(if left == [0, 0] {
                Exit::Done
            } else {
                Exit::Problems
            })
        }
    }
}
