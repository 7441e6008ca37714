//! Gateways: codes to enrol them, their certificates, commands to them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::when;
use crate::app::Call;
use crate::backend::{CommandNew, GatewayCertificate, GatewayCommand};
use crate::reply::{Failure, Reply};

/// Commands a gateway knows (design 5.1).
const COMMANDS: [&str; 4] = ["rescan", "reload", "pair", "capture"];
/// A command is good for at most an hour: nobody knows later why it was sent.
const MAX_LIFE: u64 = 3_600;
/// And for a minute unless said otherwise.
const LIFE: u64 = 60;
/// Longest wait for an answer, within the time of a request.
const MAX_WAIT: u64 = 20;

pub(crate) async fn code(call: Call) -> Result<Reply, Failure> {
    let gateway = call.id()?;
    let made = call
        .app
        .backend
        .enrolment_code(&gateway, call.principal()?)
        .await?;
    Ok(Reply::created(&json!({
        "gateway": made.gateway,
        "code": made.code,
        "expires": format_rfc3339(made.expires),
        "fingerprint": made.fingerprint,
    })))
}

pub(crate) async fn certificates(call: Call) -> Result<Reply, Failure> {
    let gateway = call.id()?;
    let found = call.app.backend.gateway_certificates(&gateway).await?;
    let items: Vec<Value> = found.iter().map(certificate_json).collect();
    Ok(Reply::json(&json!({ "items": items, "next": null })))
}

fn certificate_json(certificate: &GatewayCertificate) -> Value {
    json!({
        "serial": certificate.serial,
        "issued": format_rfc3339(certificate.issued),
        "expires": format_rfc3339(certificate.expires),
        "renewedFrom": certificate.renewed_from,
        "revoked": when(certificate.revoked),
        "reason": certificate.reason,
    })
}

pub(crate) async fn revoke(call: Call) -> Result<Reply, Failure> {
    let gateway = call.id()?;
    let revoked = call
        .app
        .backend
        .revoke_gateway(&gateway, call.principal()?)
        .await?;
    Ok(Reply::json(
        &json!({ "gateway": gateway, "revoked": revoked }),
    ))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CommandIn {
    command: String,
    #[serde(default)]
    args: serde_json::Map<String, Value>,
    /// Seconds.
    #[serde(default)]
    life: Option<u64>,
    /// Seconds.
    #[serde(default)]
    wait: Option<u64>,
}

pub(crate) async fn command(mut call: Call) -> Result<Reply, Failure> {
    let gateway = call.id()?;
    let body: CommandIn = call.json().await?;
    if !COMMANDS.contains(&body.command.as_str()) {
        return Err(Failure::invalid(format!(
            "command is one of {}",
            COMMANDS.join(", ")
        )));
    }
    let life = body.life.unwrap_or(LIFE);
    if !(1..=MAX_LIFE).contains(&life) {
        return Err(Failure::invalid(format!(
            "life is from 1 to {MAX_LIFE} seconds"
        )));
    }
    let wait = body.wait.unwrap_or(0);
    if wait > MAX_WAIT {
        return Err(Failure::invalid(format!(
            "wait is at most {MAX_WAIT} seconds"
        )));
    }
    let new = CommandNew {
        gateway,
        command: body.command.clone(),
        args: Value::Object(body.args),
        life: Duration::from_secs(life),
        wait: Duration::from_secs(wait),
        private: call.tls || call.peer.is_none_or(|peer| peer.is_loopback()),
    };
    let sent = call.app.backend.command(new, call.principal()?).await?;
    let mut reply = Reply::json(&command_json(&sent));
    reply.asked = Some(format!("{} {}", sent.command, sent.id));
    Ok(reply)
}

pub(crate) async fn commanded(call: Call) -> Result<Reply, Failure> {
    let (gateway, id) = (call.id()?, call.part("{command}")?);
    let found = call.app.backend.commanded(&gateway, &id).await?;
    Ok(Reply::json(&command_json(&found)))
}

fn command_json(command: &GatewayCommand) -> Value {
    let reply = command.reply.as_ref();
    json!({
        "id": command.id,
        "gateway": command.gateway,
        "command": command.command,
        "args": command.args,
        "by": command.by,
        "sent": format_rfc3339(command.sent),
        "expires": format_rfc3339(command.expires),
        "replied": when(reply.map(|(at, _)| *at)),
        "reply": reply.map(|(_, reply)| reply),
    })
}
