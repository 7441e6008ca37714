//! The one way through: access check, handler, audit, answer.
//!
//! Every request takes these steps in this order, whatever its route:
//! 1. a place among the requests under way, or 503 (health and the screen's files need none);
//! 2. the token, or 401 (429 for an address that keeps failing);
//! 3. the role, or 403; an unknown path or method is 404 or 405 only now, so that nobody without a token
//!    learns which paths exist;
//! 4. the handler, bounded in time, which returns the answer and the patients it touches;
//! 5. the audit record, durable; if that fails the answer is thrown away and a 500 goes out;
//! 6. the answer.
//!
//! A route of [`Access::Enrol`] has no token: its request proves itself, and an address whose requests keep being
//! refused is not heard (429) until the window has passed.
//!
//! A route of [`Access::Link`] is proved by the token in its path, which is in no record.
//!
//! Steps 4 to 6 of a route that changes something run to their end even when the client hangs up, so no
//! change goes unrecorded. A client that hangs up on a read has been told nothing, and leaves no record.

mod link;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use futures::FutureExt;

use crate::app::{App, Call, Peer, Secret};
use crate::audit::{Asked, Trail};
use crate::backend::{Principal, Role};
use crate::reply::{Failure, Reply, ReplyBody};
use crate::routes::{self, Access, Pace, Route};
use crate::throttle::Verdict;

/// Longest token taken; ours have 46 characters.
const MAX_TOKEN: usize = 512;
/// Time to wait for a place among the requests under way.
const MAX_WAIT: Duration = Duration::from_secs(2);
/// Time for an audit record to become durable.
const MAX_AUDIT: Duration = Duration::from_secs(10);

pub(crate) async fn dispatch(
    app: Arc<App>,
    route: &'static Route,
    request: Request<Body>,
) -> Response {
    let started = Instant::now();
    let fhir = request.uri().path().starts_with("/fhir/");
    let peer = request.extensions().get::<Peer>().copied();
    // Whatever the method: the rest of such a path is a secret.
    let secret = route.access == Access::Link || request.uri().path().starts_with("/ack/");
    let asked = Asked {
        request_id: request_id(),
        kind: route.kind,
        action: route.action,
        route: if route.is_unknown() {
            request.method().to_string()
        } else {
            format!("{} {}", request.method(), route.path)
        },
        path: if secret {
            "/ack/{token}".to_owned()
        } else {
            request.uri().path().chars().take(512).collect()
        },
        query: request.uri().query().filter(|_| !secret).map(str::to_owned),
        peer: peer.map(|peer| peer.ip),
    };
    let request_id = asked.request_id.clone();
    let tls = peer.is_some_and(|peer| peer.tls);
    let result = if route.access == Access::Open {
        answer(app.clone(), route, request, asked, tls).await
    } else if let Ok(Ok(_place)) = tokio::time::timeout(MAX_WAIT, app.requests.acquire()).await {
        answer(app.clone(), route, request, asked, tls).await
    } else {
        app.metrics.overload.inc();
        Err(Failure::busy("too many requests under way"))
    };
    let response = result.unwrap_or_else(|failure| respond(failure.into_reply(fhir), None));
    let status = response.status().as_u16();
    let took = started.elapsed();
    app.metrics.answered(route.action, status, took);
    tracing::debug!(
        request_id,
        action = route.action,
        status,
        ms = took.as_millis(),
        "answered"
    );
    dress(response, &request_id, tls)
}

/// Steps 2 to 6. An `Err` is an answer that leaves no record of its own.
async fn answer(
    app: Arc<App>,
    route: &'static Route,
    request: Request<Body>,
    asked: Asked,
    tls: bool,
) -> Result<Response, Failure> {
    let needed = match route.access {
        Access::Open | Access::Enrol | Access::Link => None,
        Access::Metrics if app.config.metrics_public => None,
        Access::Metrics => Some(Role::Read),
        Access::Role(role) => Some(role),
    };
    let peer = asked.peer;
    let (parts, body) = request.into_parts();
    let mut call = Call {
        app: app.clone(),
        route,
        principal: None,
        secret: None,
        method: parts.method,
        uri: parts.uri,
        headers: parts.headers,
        tls,
        peer,
        body: std::sync::Mutex::new(body),
    };
    if route.access == Access::Enrol {
        return enrolment(app, call, asked).await;
    }
    if route.access == Access::Link {
        return link::link(app, call, asked).await;
    }
    let Some(needed) = needed else {
        let fhir = call.uri.path().starts_with("/fhir/");
        let reply = run(call)
            .await
            .unwrap_or_else(|failure| failure.into_reply(fhir));
        return Ok(respond(reply, None));
    };
    let Some((secret, principal)) = authenticate(&app, &call).await? else {
        return denied(&app, &call, asked).await;
    };
    if principal.role < needed {
        let failure = Failure::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            format!("this needs a token with the role {}", needed.as_str()),
        )
        .with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Bearer realm="wardline", error="insufficient_scope""#),
        );
        return audited(
            &app,
            asked,
            Some(&principal),
            failure.into_reply(is_fhir(&call)),
        )
        .await;
    }
    call.principal = Some(principal.clone());
    call.secret = Some(secret);
    let work = async move {
        let fhir = is_fhir(&call);
        let reply = run(call)
            .await
            .unwrap_or_else(|failure| failure.into_reply(fhir));
        audited(&app, asked, Some(&principal), reply).await
    };
    if route.changes() {
        tokio::spawn(work)
            .await
            .unwrap_or_else(|_| Err(Failure::internal("a request's task ended early")))
    } else {
        work.await
    }
}

/// A request without a token that changes something: bounded by address before it is heard, and on record.
async fn enrolment(app: Arc<App>, call: Call, asked: Asked) -> Result<Response, Failure> {
    if app.enrolments.spent(asked.peer, app.now()) {
        app.metrics.refused_tokens.inc();
        let seconds = app.config.limits.failure_window.as_secs().max(1);
        let slow_down = Failure::new(
            StatusCode::TOO_MANY_REQUESTS,
            "throttled",
            "too many refused enrolments from this address",
        )
        .with(header::RETRY_AFTER, HeaderValue::from(seconds));
        return match app.enrolments.failed(asked.peer, app.now()) {
            Verdict::Count => Err(slow_down),
            Verdict::Record { .. } | Verdict::SlowDown => {
                audited(&app, asked, None, slow_down.into_reply(false)).await
            }
        };
    }
    let work = async move {
        let reply = run(call)
            .await
            .unwrap_or_else(|failure| failure.into_reply(false));
        if reply.status.is_client_error() {
            app.enrolments.failed(asked.peer, app.now());
            if let Verdict::Record { repeats } = app.told.failed(None, app.now()) {
                let peer = asked.peer.map(|peer| peer.to_string());
                tracing::warn!(peer, untold = repeats, "an enrolment was refused");
            }
        }
        audited(&app, asked, None, reply).await
    };
    tokio::spawn(work)
        .await
        .unwrap_or_else(|_| Err(Failure::internal("a request's task ended early")))
}

fn is_fhir(call: &Call) -> bool {
    call.uri.path().starts_with("/fhir/")
}

async fn authenticate(app: &App, call: &Call) -> Result<Option<(Secret, Principal)>, Failure> {
    let Some(token) = call.header("authorization").and_then(bearer) else {
        return Ok(None);
    };
    let principal = app.backend.authenticate(token).await?;
    Ok(principal.map(|principal| (Secret(token.to_owned()), principal)))
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && (1..=MAX_TOKEN).contains(&token.len()))
        .then_some(token)
}

async fn denied(app: &App, call: &Call, asked: Asked) -> Result<Response, Failure> {
    app.metrics.refused_tokens.inc();
    let challenge = if call.headers.contains_key(header::AUTHORIZATION) {
        r#"Bearer realm="wardline", error="invalid_token""#
    } else {
        r#"Bearer realm="wardline""#
    };
    let unauthorized = Failure::new(
        StatusCode::UNAUTHORIZED,
        "login",
        "a valid bearer token is needed",
    )
    .with(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    let seconds = app.config.limits.failure_window.as_secs().max(1);
    let slow_down = Failure::new(
        StatusCode::TOO_MANY_REQUESTS,
        "throttled",
        "too many refused tokens from this address",
    )
    .with(header::RETRY_AFTER, HeaderValue::from(seconds))
    .with(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static(challenge),
    );
    if let Verdict::Record { repeats } = app.told.failed(None, app.now()) {
        let peer = asked.peer.map(|peer| peer.to_string());
        tracing::warn!(peer, untold = repeats, "a login over HTTP was refused");
    }
    let (failure, repeats) = match app.throttle.failed(asked.peer, app.now()) {
        Verdict::Record { repeats } => (unauthorized, repeats),
        Verdict::SlowDown => (slow_down, 0),
        Verdict::Count => return Err(slow_down),
    };
    let reply = failure.into_reply(is_fhir(call));
    let mut record = asked.record(app.now(), None, &reply.touched, reply.status.as_u16());
    record.repeats = repeats;
    write(app, record).await?;
    Ok(respond(reply, None))
}

/// Runs the handler, bounded in time; a panic is a failure of this request alone.
async fn run(call: Call) -> Result<Reply, Failure> {
    let route = call.route;
    let limits = &call.app.config.limits;
    let limit = match route.pace {
        Pace::Usual | Pace::Stream => limits.request_timeout,
        Pace::Sql => limits.sql_timeout,
        Pace::Copy => limits.copy_timeout,
    };
    if route.strict_query {
        let query = call.query()?;
        let unknown = query
            .pairs()
            .iter()
            .find(|(name, _)| !route.query.iter().any(|(known, _)| known == name));
        if unknown.is_some() {
            let known: Vec<&str> = route.query.iter().map(|(name, _)| *name).collect();
            return Err(Failure::invalid(format!(
                "unknown parameter; this route knows: {}",
                known.join(", ")
            )));
        }
    }
    let work = AssertUnwindSafe((route.handler)(call)).catch_unwind();
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(Failure::internal("a handler panicked")),
        Err(_) => Err(Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "timeout",
            "the answer took too long",
        )),
    }
}

/// Writes the record of an answer, then lets it go.
async fn audited(
    app: &Arc<App>,
    mut asked: Asked,
    principal: Option<&Principal>,
    mut reply: Reply,
) -> Result<Response, Failure> {
    if let Some(text) = reply.asked.take() {
        asked.query = Some(text);
    }
    let record = asked.record(app.now(), principal, &reply.touched, reply.status.as_u16());
    write(app, record.clone()).await?;
    let trail = Trail::new(app.clone(), record, &reply.touched);
    Ok(respond(reply, Some(trail)))
}

async fn write(app: &App, record: crate::backend::AuditRecord) -> Result<(), Failure> {
    match tokio::time::timeout(MAX_AUDIT, app.backend.audit(record)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::internal(&format!("audit: {error}"))),
        Err(_) => Err(Failure::internal("audit: not written in time")),
    }
}

fn respond(reply: Reply, trail: Option<Trail>) -> Response {
    let body = match (reply.body, trail) {
        (ReplyBody::Full(bytes), _) => Body::from(bytes),
        (ReplyBody::Stream(start), Some(trail)) => start(trail),
        (ReplyBody::Stream(_), None) => {
            return respond(
                Failure::internal("a stream on an open route").into_reply(false),
                None,
            );
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// Headers every answer has.
fn dress(mut response: Response, request_id: &str, tls: bool) -> Response {
    const ALWAYS: [(&str, &str); 8] = [
        (
            "content-security-policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=()",
        ),
        ("x-robots-tag", "noindex"),
    ];
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        // A page with a form has a policy of its own.
        headers
            .entry(HeaderName::from_static(name))
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if tls {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

/// Unique within and, but for a chance of 2^-64, across runs.
fn request_id() -> String {
    use std::hash::{BuildHasher, Hasher};
    static RUN: std::sync::LazyLock<u64> = std::sync::LazyLock::new(|| {
        std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish()
    });
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{:016x}-{:x}", *RUN, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Whatever no route serves.
pub(crate) fn unknown(call: Call) -> futures::future::BoxFuture<'static, Result<Reply, Failure>> {
    Box::pin(async move {
        let allowed = routes::methods(call.uri.path());
        if allowed.is_empty() {
            return Err(Failure::not_found("path"));
        }
        let failure = Failure::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "not-supported",
            format!("{} is not served here", call.method),
        );
        Err(match HeaderValue::from_str(&allowed.join(", ")) {
            Ok(allow) => failure.with(header::ALLOW, allow),
            Err(_) => failure,
        })
    })
}
