//! `wardline device`, `patient`, `assign` and `token`.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::{identifiers, time, time_or_now};
use crate::cli::{
    AssignCommand, DeviceCommand, Output, PatientCommand, Role, Target, TokenCommand,
};
use crate::client::{Client, encode};
use crate::exit::{Exit, UsageError};
use crate::output::{self, Columns};

/// Members of a patient that a PUT takes.
const WRITTEN: [&str; 7] = [
    "name",
    "birthDate",
    "gender",
    "tags",
    "identifiers",
    "ward",
    "careTeam",
];

/// Entries of a list printed at most.
const MOST: usize = 100_000;

pub(super) async fn list(
    path: &str,
    columns: Columns,
    target: &Target,
    output: &Output,
) -> anyhow::Result<Exit> {
    let client = Client::connect(target).await?;
    let items = client.list(path, MOST).await;
    client.close().await?;
    output::list(&items?, columns, output.format)?;
    Ok(Exit::Done)
}

/// Posts, and gives the answer.
pub(super) async fn posted(path: &str, body: &Value, target: &Target) -> anyhow::Result<Value> {
    let client = Client::connect(&target.creating()).await?;
    let answer = client.post(path, body.to_string()).await;
    client.close().await?;
    answer
}

/// Posts and prints the member of the answer that the caller will want to use.
pub(super) async fn post(
    path: &str,
    body: &Value,
    print: Option<&str>,
    target: &Target,
) -> anyhow::Result<Exit> {
    let answer = posted(path, body, target).await?;
    if let Some(member) = print {
        let value = answer
            .get(member)
            .and_then(Value::as_str)
            .with_context(|| format!("the answer has no {member}"))?;
        output::line(value)?;
    }
    Ok(Exit::Done)
}

pub(super) async fn device(command: DeviceCommand) -> anyhow::Result<Exit> {
    match command {
        DeviceCommand::Add {
            id,
            kind,
            model,
            identifiers: typed,
            target,
        } => {
            let body = json!({"id": id, "kind": kind, "model": model, "identifiers": identifiers(&typed)?});
            post("/api/v1/devices", &body, Some("id"), &target).await
        }
        DeviceCommand::List { target, output } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("kind", "/kind"),
                ("model", "/model"),
                ("site", "/site"),
                ("gateway", "/gateway"),
            ];
            list("/api/v1/devices", columns, &target, &output).await
        }
    }
}

pub(super) async fn patient(command: PatientCommand) -> anyhow::Result<Exit> {
    match command {
        PatientCommand::Add {
            id,
            name,
            birth_date,
            tags,
            identifiers: typed,
            ward,
            care_team,
            target,
        } => {
            let identifiers = identifiers(&typed)?;
            let body = json!({
                "id": id, "name": name, "birthDate": birth_date, "tags": tags, "identifiers": identifiers,
                "ward": ward, "careTeam": care_team,
            });
            post("/api/v1/patients", &body, Some("id"), &target).await
        }
        PatientCommand::Update {
            id,
            name,
            birth_date,
            tags,
            ward,
            care_team,
            target,
        } => {
            let tags = (!tags.is_empty()).then(|| {
                // One empty tag clears them.
                tags.into_iter()
                    .filter(|tag| !tag.is_empty())
                    .map(Value::from)
                    .collect()
            });
            let text = |value: Option<String>| {
                value.map(|text| match text.is_empty() {
                    true => Value::Null,
                    false => text.into(),
                })
            };
            let changes = [
                ("name", text(name)),
                ("birthDate", text(birth_date)),
                ("tags", tags.map(Value::Array)),
                ("ward", text(ward)),
                ("careTeam", text(care_team)),
            ];
            update_patient(&id, changes, &target).await
        }
        PatientCommand::List { target, output } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("name", "/name"),
                ("birth date", "/birthDate"),
                ("bed", "/bed"),
                ("ward", "/ward"),
                ("care team", "/careTeam"),
                ("tags", "/tags"),
            ];
            list("/api/v1/patients", columns, &target, &output).await
        }
    }
}

/// Puts back what is known with these changes.
async fn update_patient(
    id: &str,
    changes: [(&str, Option<Value>); 5],
    target: &Target,
) -> anyhow::Result<Exit> {
    if changes.iter().all(|(_, change)| change.is_none()) {
        return Err(UsageError("nothing to change is named".to_owned()).into());
    }
    let path = format!("/api/v1/patients/{}", encode(id));
    let client = Client::connect(target).await?;
    let updated = async {
        let mut known = client.get(&path).await?;
        let members = known.as_object_mut().context("the answer is no object")?;
        // What is told of a patient and cannot be written.
        members.retain(|member, _| WRITTEN.contains(&member.as_str()));
        for (member, change) in changes {
            if let Some(change) = change {
                members.insert(member.to_owned(), change);
            }
        }
        let body = Some(known.to_string());
        client.send("PUT", &path, body, "application/json").await
    }
    .await;
    client.close().await?;
    updated.map(|_| Exit::Done)
}

pub(super) async fn assign(command: AssignCommand) -> anyhow::Result<Exit> {
    match command {
        AssignCommand::Add {
            device,
            patient,
            device_user,
            from,
            until,
            target,
        } => {
            let until = time(until.as_deref())?.map(wardline_normalize::time::format_rfc3339);
            let body = json!({
                "device": device, "deviceUser": device_user, "patient": patient,
                "from": time_or_now(from.as_deref())?, "until": until,
            });
            post("/api/v1/assignments", &body, Some("id"), &target).await
        }
        AssignCommand::End { id, at, target } => {
            let body = json!({"at": time_or_now(at.as_deref())?});
            post(
                &format!("/api/v1/assignments/{}/end", encode(&id)),
                &body,
                None,
                &target,
            )
            .await
        }
        AssignCommand::List { target, output } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("device", "/device"),
                ("user", "/deviceUser"),
                ("patient", "/patient"),
                ("from", "/from"),
                ("until", "/until"),
                ("by", "/by"),
            ];
            list("/api/v1/assignments", columns, &target, &output).await
        }
    }
}

pub(super) async fn token(command: TokenCommand) -> anyhow::Result<Exit> {
    match command {
        TokenCommand::Add {
            name,
            role,
            gateway,
            device,
            site,
            certificate,
            target,
        } => {
            let san_uris: Vec<String> = certificate.into_iter().collect();
            let mut body = json!({"name": name, "role": role.as_str(), "sanUris": san_uris});
            if role == Role::Publish {
                body["gateway"] = json!(gateway);
                body["device"] = json!(device);
                body["site"] = json!(site);
            }
            let exit = post("/api/v1/tokens", &body, Some("secret"), &target).await?;
            output::talk("the secret is printed once; it is not kept");
            Ok(exit)
        }
        TokenCommand::List { target, output } => {
            let columns: Columns = &[
                ("name", "/name"),
                ("role", "/role"),
                ("gateway", "/gateway"),
                ("device", "/device"),
                ("created", "/created"),
                ("last used", "/lastUsed"),
                ("revoked", "/revoked"),
            ];
            // Tokens are few: they come whole.
            let client = Client::connect(&target).await?;
            let answer = client.get("/api/v1/tokens").await;
            client.close().await?;
            let items = answer?
                .get("items")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            output::list(&items, columns, output.format)?;
            Ok(Exit::Done)
        }
        TokenCommand::Revoke { name, target } => {
            let client = Client::connect(&target).await?;
            let answer = client
                .send(
                    "DELETE",
                    &format!("/api/v1/tokens/{}", encode(&name)),
                    None,
                    "*/*",
                )
                .await;
            client.close().await?;
            answer.map(|_| Exit::Done)
        }
    }
}
