//! The page behind the link of a message.

use reqwest::{Method, Response};
use wardline_dashboard::backend::{AuditKind, AuditOutcome};

use crate::harness::Server;

async fn ask(server: &Server, method: Method, path: &str) -> Response {
    server.request(method, path, "").send().await.unwrap()
}

#[tokio::test]
async fn only_a_post_acknowledges_and_only_once() {
    let server = Server::start().await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let answer = ask(&server, method.clone(), "/ack/good-link").await;
        assert_eq!(answer.status(), 200, "{method}");
        assert!(server.memory.actions.lock().unwrap().is_empty(), "{method}");
    }
    server.memory.take_audits();
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS] {
        assert_eq!(ask(&server, method, "/ack/good-link").await.status(), 401);
    }
    let refused = server.memory.take_audits();
    assert_eq!(refused.len(), 3);
    assert!(!format!("{refused:?}").contains("good-link"), "{refused:?}");
    let page = ask(&server, Method::GET, "/ack/good-link").await;
    let page = page.text().await.unwrap();
    assert!(
        page.contains("high alert, bed &lt;4&gt;") && page.contains("A1"),
        "{page}"
    );
    assert!(page.contains("method=\"post\""));
    assert!(!page.contains("p1"), "the patient is not named: {page}");

    let done = ask(&server, Method::POST, "/ack/good-link").await;
    assert_eq!(done.status(), 200);
    let done = done.text().await.unwrap();
    assert!(done.contains("<h1>Acknowledged</h1>"), "{done}");
    let actions = server.memory.actions.lock().unwrap().clone();
    assert_eq!((actions.len(), actions[0].by.as_str()), (1, "ann"));

    // Used, unknown or too long: one page.
    let mut pages = Vec::new();
    for (method, path) in [
        (Method::POST, "/ack/good-link"),
        (Method::GET, "/ack/good-link"),
        (Method::GET, "/ack/guess"),
        (Method::POST, &format!("/ack/{}", "x".repeat(300))),
    ] {
        let answer = ask(&server, method, path).await;
        assert_eq!(answer.status(), 410, "{path}");
        pages.push(answer.text().await.unwrap());
    }
    pages.dedup();
    assert_eq!(pages.len(), 1);
    assert_eq!(server.memory.actions.lock().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn the_record_names_whom_the_link_was_sent_to_and_not_the_link() {
    let server = Server::start().await;
    for (method, action, kind) in [
        (Method::GET, "alert.link", AuditKind::Read),
        (Method::POST, "alert.acknowledge-link", AuditKind::Command),
    ] {
        let path = "/ack/good-link?from=good-link";
        assert_eq!(ask(&server, method, path).await.status(), 200);
        let audits = server.memory.take_audits();
        assert_eq!(audits.len(), 1);
        let audit = &audits[0];
        assert_eq!((audit.action, audit.kind), (action, kind));
        assert_eq!(audit.principal.as_deref(), Some("link:ann"));
        assert_eq!(audit.patients, ["p1"]);
        assert_eq!(audit.outcome, AuditOutcome::Success);
        assert!(!format!("{audit:?}").contains("good-link"), "{audit:?}");
    }
    ask(&server, Method::POST, "/ack/guess").await;
    let audits = server.memory.take_audits();
    assert_eq!(audits[0].principal, None);
    assert_eq!(
        (audits[0].outcome, audits[0].status),
        (AuditOutcome::Refused, 410)
    );
    server.stop().await;
}

#[tokio::test]
async fn the_page_is_kept_by_nobody_and_runs_nothing() {
    let server = Server::start().await;
    let answer = ask(&server, Method::GET, "/ack/good-link").await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("x-robots-tag"), "noindex");
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    let policy = header("content-security-policy");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(policy.contains("form-action 'self'") && policy.contains("style-src 'sha256-"));
    assert!(!policy.contains("script-src") && !policy.contains("unsafe"));
    let text = answer.text().await.unwrap();
    assert!(!text.contains("<script"));
    server.stop().await;
}

#[tokio::test]
async fn guesses_are_slowed_down_and_a_good_link_is_heard() {
    let server = Server::with(|config| config.limits.failures = 3).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(
            ask(&server, Method::GET, "/ack/guess")
                .await
                .status()
                .as_u16(),
        );
    }
    assert_eq!(statuses, [410, 410, 410, 429, 429, 429]);
    assert_eq!(server.memory.take_audits().len(), 4, "the rest is counted");
    let limited = ask(&server, Method::GET, "/ack/guess").await;
    assert!(limited.headers().contains_key("retry-after"));
    assert_eq!(
        ask(&server, Method::POST, "/ack/good-link").await.status(),
        200
    );
    server.stop().await;
}

#[tokio::test]
async fn what_has_become_worse_is_said_before_it_is_acknowledged() {
    let server = Server::start().await;
    server
        .memory
        .alerts
        .lock()
        .unwrap()
        .get_mut("A1")
        .unwrap()
        .event = "worsened".into();
    for method in [Method::GET, Method::POST] {
        let page = ask(&server, method, "/ack/good-link").await.text().await;
        let page = page.unwrap();
        assert!(
            page.contains("become worse since") && page.contains("?worse=seen"),
            "{page}"
        );
        assert!(server.memory.actions.lock().unwrap().is_empty());
    }
    let done = ask(&server, Method::POST, "/ack/good-link?worse=seen").await;
    assert_eq!(done.status(), 200);
    assert_eq!(server.memory.actions.lock().unwrap().len(), 1);
    server.stop().await;
}
