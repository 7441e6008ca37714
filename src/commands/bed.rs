//! `wardline bed`.

use anyhow::Context as _;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use super::care::query;
use super::registry::{list, post};
use super::time;
use crate::cli::BedCommand;
use crate::client::{Client, encode};
use crate::exit::Exit;
use crate::output::Columns;

/// Beds looked through for one that is to be freed.
const MOST: usize = 100_000;

pub(super) async fn run(command: BedCommand) -> anyhow::Result<Exit> {
    match command {
        BedCommand::Add {
            label,
            id,
            site,
            target,
        } => {
            let body = json!({"id": id, "label": label, "site": site});
            post("/api/v1/beds", &body, Some("id"), &target).await
        }
        BedCommand::List { target, output } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("label", "/label"),
                ("site", "/site"),
                ("patient", "/stay/patient"),
                ("since", "/stay/from"),
                ("by", "/stay/by"),
            ];
            list("/api/v1/beds", columns, &target, &output).await
        }
        BedCommand::Place {
            bed,
            patient,
            from,
            target,
        } => {
            // Without a time it is the server's now.
            let from = time(from.as_deref())?.map(format_rfc3339);
            let body = json!({"bed": bed, "patient": patient, "from": from});
            post("/api/v1/stays", &body, Some("id"), &target).await
        }
        BedCommand::Free { bed, at, target } => {
            let at = time(at.as_deref())?.map(format_rfc3339);
            let client = Client::connect(&target).await?;
            let freed = free(&client, &bed, &json!({"at": at})).await;
            client.close().await?;
            freed.map(|()| Exit::Done)
        }
        BedCommand::Stays {
            bed,
            patient,
            target,
            output,
        } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("bed", "/bed"),
                ("patient", "/patient"),
                ("from", "/from"),
                ("until", "/until"),
                ("by", "/by"),
                ("ended by", "/endedBy"),
            ];
            let path = query("/api/v1/stays", &[("bed", bed), ("patient", patient)]);
            list(&path, columns, &target, &output).await
        }
    }
}

async fn free(client: &Client, name: &str, body: &Value) -> anyhow::Result<()> {
    let beds = client.list("/api/v1/beds", MOST).await?;
    let named = |bed: &&Value| ["id", "label"].iter().any(|key| bed[*key] == name);
    let bed = beds.iter().find(named);
    let bed = bed.with_context(|| format!("there is no bed {name:?}"))?;
    let stay = bed.pointer("/stay/id").and_then(Value::as_str);
    let stay = stay.with_context(|| format!("nobody lies in bed {name:?}"))?;
    let path = format!("/api/v1/stays/{}/end", encode(stay));
    client.post(&path, body.to_string()).await.map(|_| ())
}
