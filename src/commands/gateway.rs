//! `wardline gateway …`.

use serde_json::{Map, Value, json};

use crate::cli::{GatewayCommand, Output, Target};
use crate::client::{Client, encode};
use crate::exit::{Exit, UsageError};
use crate::output::{self, Columns};

pub(super) async fn run(command: GatewayCommand) -> anyhow::Result<Exit> {
    match command {
        GatewayCommand::EnrollCode { id, target } => code(&id, &target).await,
        GatewayCommand::List { target, output } => {
            let columns: Columns = &[
                ("id", "/id"),
                ("state", "/state"),
                ("since", "/since"),
                ("reason", "/reason"),
                ("heard", "/heard"),
                ("version", "/version"),
            ];
            list("/api/v1/gateways", columns, &target, &output).await
        }
        GatewayCommand::Certificates { id, target, output } => {
            let columns: Columns = &[
                ("serial", "/serial"),
                ("issued", "/issued"),
                ("expires", "/expires"),
                ("renewed from", "/renewedFrom"),
                ("revoked", "/revoked"),
                ("reason", "/reason"),
            ];
            let path = format!("/api/v1/gateways/{}/certificates", encode(&id));
            list(&path, columns, &target, &output).await
        }
        GatewayCommand::Revoke { id, target } => {
            let path = format!("/api/v1/gateways/{}/revoke", encode(&id));
            let answer = post(&path, String::new(), &target).await?;
            let revoked = answer.get("revoked").and_then(Value::as_u64).unwrap_or(0);
            output::talk(&format!("{revoked} certificates were good until now"));
            Ok(Exit::Done)
        }
        GatewayCommand::Command {
            id,
            command,
            args,
            wait,
            life,
            target,
        } => {
            let body = json!({
                "command": command.as_str(), "args": arguments(&args)?, "wait": wait, "life": life,
            });
            let path = format!("/api/v1/gateways/{}/commands", encode(&id));
            show(&post(&path, body.to_string(), &target).await?)
        }
        GatewayCommand::Answer {
            id,
            command,
            target,
        } => {
            let path = format!(
                "/api/v1/gateways/{}/commands/{}",
                encode(&id),
                encode(&command)
            );
            let client = Client::connect(&target).await?;
            let answer = client.get(&path).await;
            client.close().await?;
            show(&answer?)
        }
    }
}

/// They are few and come whole.
async fn list(
    path: &str,
    columns: Columns,
    target: &Target,
    output: &Output,
) -> anyhow::Result<Exit> {
    let client = Client::connect(target).await?;
    let answer = client.get(path).await;
    client.close().await?;
    let answer = answer?;
    let items = answer.get("items").and_then(Value::as_array);
    output::list(items.map_or(&[], Vec::as_slice), columns, output.format)?;
    Ok(Exit::Done)
}

async fn post(path: &str, body: String, target: &Target) -> anyhow::Result<Value> {
    let client = Client::connect(target).await?;
    let answer = client.post(path, body).await;
    client.close().await?;
    answer
}

async fn code(id: &str, target: &Target) -> anyhow::Result<Exit> {
    let path = format!("/api/v1/gateways/{}/enrollment-code", encode(id));
    let answer = post(&path, String::new(), &target.creating()).await?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let code = text("code").unwrap_or_default();
    output::line(code)?;
    let until = text("expires").unwrap_or_default();
    output::talk(&format!("good once, until {until}; on the gateway:"));
    let resolved = target.resolved();
    let server = resolved.url.as_deref().unwrap_or("https://SERVER:PORT");
    let pin = text("fingerprint").map(|fingerprint| format!(" --fingerprint {fingerprint}"));
    output::talk(&format!(
        "  wardline-gateway enroll --server {server} --code {code}{}",
        pin.unwrap_or_default()
    ));
    Ok(Exit::Done)
}

/// `NAME=VALUE` as typed.
fn arguments(typed: &[String]) -> anyhow::Result<Map<String, Value>> {
    let one = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => {
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            Ok((name.to_owned(), value))
        }
        _ => Err(UsageError(format!("argument {text:?} is not NAME=VALUE")).into()),
    };
    typed.iter().map(one).collect()
}

/// The answer, or the command's id where there is none yet.
fn show(command: &Value) -> anyhow::Result<Exit> {
    let reply = command.get("reply").filter(|reply| !reply.is_null());
    let Some(reply) = reply else {
        let id = command.get("id").and_then(Value::as_str);
        output::talk(&format!(
            "no answer yet; ask with: wardline gateway answer {} {}",
            command
                .get("gateway")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            id.unwrap_or_default()
        ));
        return Ok(Exit::Problems);
    };
    output::line(&serde_json::to_string_pretty(reply)?)?;
    let done = reply.get("state").and_then(Value::as_str) == Some("done");
    Ok(if done { Exit::Done } else { Exit::Problems })
}
