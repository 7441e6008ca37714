//! Requests that a link from a message proves.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::Response;

use super::{respond, run, write};
use crate::ack;
use crate::app::{App, Call};
use crate::audit::Asked;
use crate::reply::Failure;
use crate::throttle::Verdict;

/// Runs to its end even when the client hangs up, and is on record with `link:` and whom the link was sent to as the actor. Links that
/// are not good are bounded by address as refused logins are; a good one is always heard.
pub(super) async fn link(app: Arc<App>, call: Call, asked: Asked) -> Result<Response, Failure> {
    let work = async move {
        let mut reply = run(call)
            .await
            .unwrap_or_else(|failure| ack::failed(&failure));
        let mut repeats = 0;
        if reply.status == StatusCode::GONE {
            app.metrics.refused_tokens.inc();
            match app.links.failed(asked.peer, app.now()) {
                Verdict::Record { repeats: before } => repeats = before,
                Verdict::SlowDown => reply = ack::failed(&slow_down(&app)),
                Verdict::Count => return Ok(respond(ack::failed(&slow_down(&app)), None)),
            }
        }
        let status = reply.status.as_u16();
        let mut record = asked.record(app.now(), None, &reply.touched, status);
        record.principal = reply.actor.take();
        record.repeats = repeats;
        match write(&app, record).await {
            Ok(()) => Ok(respond(reply, None)),
            Err(failure) => Ok(respond(ack::failed(&failure), None)),
        }
    };
    tokio::spawn(work)
        .await
        .unwrap_or_else(|_| Err(Failure::internal("a request's task ended early")))
}

fn slow_down(app: &App) -> Failure {
    let seconds = app.config.limits.failure_window.as_secs().max(1);
    Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        "throttled",
        "too many links that are not good from this address",
    )
    .with(header::RETRY_AFTER, HeaderValue::from(seconds))
}
