//! The page behind the link of a message: who opens it sees which alert it is about, and acknowledges by a button.
//!
//! Nothing is changed but by POST: what looks at links unasked (previews, scanners) sends GET and HEAD. The link's token is
//! the only proof; it is good once and for an hour, and is in no log and no audit record.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use wardline_normalize::time::format_rfc3339;

use crate::app::Call;
use crate::backend::{AckLink, LinkedAlert};
use crate::reply::{Failure, Reply, Touched};

/// Longest token looked at; ours are shorter.
const MAX_TOKEN: usize = 128;

/// Says in a form's query that its page told of what has become worse.
const WORSE: (&str, &str) = ("worse", "seen");

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;background:Canvas;color:CanvasText;\
color-scheme:light dark}main{max-width:32rem;margin:0 auto;padding:1.5rem}h1{font-size:1.5rem}\
ul{list-style:none;padding:0}li{border:1px solid;border-radius:.5rem;padding:.75rem 1rem;margin:.75rem 0}\
button{font:inherit;font-weight:600;width:100%;min-height:3.5rem;border-radius:.5rem;border:2px solid}\
.id{font-family:ui-monospace,monospace;overflow-wrap:anywhere}small{display:block;margin-top:1rem}";

/// The page has one style of its own and one form.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
});

/// Shows; changes nothing.
pub(crate) async fn show(call: Call) -> Result<Reply, Failure> {
    let Some(token) = token(&call) else {
        return Ok(spent());
    };
    let link = call.app.backend.ack_link(token).await?;
    Ok(link.map_or_else(spent, |link| asking(&link)))
}

/// Acknowledges.
pub(crate) async fn acknowledge(call: Call) -> Result<Reply, Failure> {
    let Some(token) = token(&call) else {
        return Ok(spent());
    };
    let known = call.app.backend.ack_link(token).await?;
    if let Some(link) = known.filter(worse)
        && call.query()?.one(WORSE.0)? != Some(WORSE.1)
    {
        // The page was opened before, or not at all.
        let mut reply = asking(&link);
        reply.status = StatusCode::CONFLICT;
        return Ok(reply);
    }
    let link = call.app.backend.acknowledge_by(token).await?;
    Ok(match link {
        Some(link) if link.settled() => done(&link),
        Some(link) => unsettled(&link),
        None => spent(),
    })
}

/// Whether one of its alerts is worse than its message said.
fn worse(link: &AckLink) -> bool {
    link.alerts.iter().any(|linked| linked.worse)
}

fn token(call: &Call) -> Option<&str> {
    let token = call.uri.path().strip_prefix("/ack/")?;
    (1..=MAX_TOKEN).contains(&token.len()).then_some(token)
}

fn asking(link: &AckLink) -> Reply {
    let mut body = String::from("<h1>Acknowledge?</h1>\n");
    let action = if worse(link) {
        body.push_str("<p><strong>It has become worse since this message was sent.</strong></p>\n");
        format!(" action=\"?{}={}\"", WORSE.0, WORSE.1)
    } else {
        String::new()
    };
    list(&mut body, link);
    let (by, expires) = (escaped(&link.by), format_rfc3339(link.expires));
    body.push_str(&format!(
        "<form method=\"post\"{action}><button type=\"submit\">Acknowledge</button></form>\n"
    ));
    body.push_str(&format!(
        "<small>In the name of {by}. Nothing is changed until you press the button. This link is good once, until \
         {expires}.</small>\n"
    ));
    about(link, "Acknowledge an alert", &body)
}

fn done(link: &AckLink) -> Reply {
    let mut body = String::from("<h1>Acknowledged</h1>\n");
    list(&mut body, link);
    let by = escaped(&link.by);
    body.push_str(&format!(
        "<small>In the name of {by}. What was acknowledged before stays as it was. You can close this page.</small>\n"
    ));
    about(link, "Acknowledged", &body)
}

/// Some alert did not take it.
fn unsettled(link: &AckLink) -> Reply {
    let mut body = String::from("<h1>Not all acknowledged</h1>\n");
    list(&mut body, link);
    body.push_str(
        "<p>Wardline could not note it for the alerts that are not marked. See in Wardline how they stand, and look \
         after their patients.</p>\n",
    );
    let mut reply = about(link, "Not all acknowledged", &body);
    reply.status = StatusCode::CONFLICT;
    reply
}

/// A link's page touches the patients of its alerts, and is asked for by whom it was sent to.
fn about(link: &AckLink, title: &str, body: &str) -> Reply {
    let patients = link.alerts.iter().filter_map(|one| one.alert.patient());
    let touched: Touched = patients.collect();
    let mut reply = page(StatusCode::OK, title, body).touching(touched);
    // Whoever holds the link, which need not be the person it was sent to.
    reply.actor = Some(format!("link:{}", link.by));
    reply
}

/// The same for a token that is unknown, used or too old.
fn spent() -> Reply {
    page(
        StatusCode::GONE,
        "Link not good",
        "<h1>This link is not good, or not any more</h1>\n<p>Each is good once, within an hour of its sending. If you \
         pressed the button before, what you acknowledged then stays acknowledged; this time nothing was changed. \
         Wardline shows how the alert stands.</p>\n",
    )
}

/// Whatever else went wrong.
pub(crate) fn failed(failure: &Failure) -> Reply {
    let body = if failure.status == StatusCode::TOO_MANY_REQUESTS {
        "<h1>Too many links that are not good</h1>\n<p>Wait a minute, then try again.</p>\n"
    } else {
        "<h1>Not acknowledged</h1>\n<p>It could not be stored now. Try again; if it fails again, acknowledge in \
         Wardline.</p>\n"
    };
    let mut reply = page(failure.status, "Not acknowledged", body);
    let headers = failure.headers.iter().cloned();
    reply
        .headers
        .extend(headers.map(|(name, value)| (Some(name), value)));
    reply
}

fn list(body: &mut String, link: &AckLink) {
    body.push_str("<ul>\n");
    for LinkedAlert { alert, bed, worse } in &link.alerts {
        let bed = bed.as_ref();
        let bed = bed.map_or_else(String::new, |bed| format!(", bed {}", escaped(bed)));
        let state = match (alert.state.as_str(), &alert.acknowledged_by) {
            ("resolved", _) => " (over)".to_owned(),
            (_, Some(by)) => format!(
                " (acknowledged by {} at {})",
                escaped(by),
                alert
                    .acknowledged_at
                    .map(format_rfc3339)
                    .unwrap_or_default()
            ),
            _ if *worse => " (worse since)".to_owned(),
            _ => String::new(),
        };
        let (priority, id) = (escaped(&alert.priority), escaped(&alert.alert_id));
        body.push_str(&format!(
            "<li><strong>{priority} alert{bed}</strong>{state}<div class=\"id\">{id}</div></li>\n"
        ));
    }
    body.push_str("</ul>\n");
}

fn page(status: StatusCode, title: &str, body: &str) -> Reply {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>Wardline: {title}</title>\
         <style>{STYLE}</style></head>\n<body><main>\n{body}</main></body></html>\n"
    );
    Reply::new(status, "text/html; charset=utf-8", text)
        .header(header::CONTENT_SECURITY_POLICY, &POLICY)
        .header(header::CACHE_CONTROL, "no-store")
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
