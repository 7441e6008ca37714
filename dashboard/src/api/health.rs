//! Liveness, readiness, metrics.

use axum::http::StatusCode;
use serde_json::json;

use crate::app::Call;
use crate::reply::{Failure, Reply};

pub(crate) async fn live(_: Call) -> Result<Reply, Failure> {
    Ok(Reply::new(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        "ok\n",
    ))
}

pub(crate) async fn ready(call: Call) -> Result<Reply, Failure> {
    let checks = call.app.backend.ready().await;
    let stopping = call.app.shutdown.is_cancelled();
    let ready = !stopping && checks.iter().all(|check| check.ok);
    let body = json!({
        "ready": ready,
        "stopping": stopping,
        "checks": checks
            .iter()
            .map(|check| json!({ "name": check.name, "ok": check.ok, "detail": check.detail }))
            .collect::<Vec<_>>(),
    });
    let mut reply = Reply::json(&body);
    if !ready {
        reply.status = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(reply)
}

pub(crate) async fn metrics(call: Call) -> Result<Reply, Failure> {
    let theirs = call.app.backend.metrics().await?;
    let text = call
        .app
        .metrics
        .text(&theirs, &call.app.live)
        .map_err(|_| Failure::internal("metrics could not be written"))?;
    Ok(Reply::new(
        StatusCode::OK,
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        text,
    ))
}
