//! Gateways: state, health, devices and versions as they told them last.

use serde_json::{Value, json};
use wardline_normalize::time::format_rfc3339;

use crate::api::when;
use crate::app::Call;
use crate::backend::GatewayState;
use crate::reply::{Failure, Reply};

pub(crate) async fn list(call: Call) -> Result<Reply, Failure> {
    let gateways = call.app.backend.gateways().await?;
    let now = call.app.now();
    let items: Vec<Value> = gateways.iter().map(|one| gateway_json(one, now)).collect();
    Ok(Reply::json(&json!({ "items": items, "next": null })))
}

/// What a gateway says of itself stands under `health`; what people look for first stands beside it.
fn gateway_json(gateway: &GatewayState, now: i64) -> Value {
    let said = |name: &str| gateway.health.get(name).cloned().unwrap_or_default();
    let age = gateway.heard.map(|heard| (now - heard).max(0) / 1_000_000);
    json!({
        "id": gateway.id,
        "state": gateway.state,
        "since": format_rfc3339(gateway.since),
        "reason": gateway.reason,
        "heard": when(gateway.heard),
        "heardSecondsAgo": age,
        "version": said("version"),
        "boot": said("boot"),
        "clock": said("clock"),
        "spool": said("spool"),
        "devices": said("devices"),
        "health": gateway.health,
    })
}
