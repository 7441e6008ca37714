//! Gateways over HTTP: who is heard without a token, and how often; commands and their bounds.

use reqwest::Method;
use serde_json::{Value, json};
use wardline_dashboard::backend::AuditOutcome;

use crate::harness::Server;

async fn enrol(server: &Server, code: &str) -> (u16, Value) {
    let body = json!({ "code": code, "csr": "CSR" });
    server.post("/api/v1/enroll", "", body).await
}

#[tokio::test]
async fn a_code_is_enough_to_enrol_and_both_ends_are_on_record() {
    let server = Server::start().await;
    let (status, code) = server
        .post("/api/v1/gateways/g1/enrollment-code", "admin", json!({}))
        .await;
    assert_eq!(status, 201, "{code}");
    assert_eq!(code["expires"], "2026-11-22T13:15:00Z");
    assert_eq!(code["fingerprint"].as_str().unwrap().len(), 64);
    let (status, enrolled) = enrol(&server, code["code"].as_str().unwrap()).await;
    assert_eq!(status, 201);
    assert_eq!(
        (&enrolled["gateway"], &enrolled["trust"]),
        (&json!("g1"), &Value::Null)
    );
    let audits = server.memory.take_audits();
    let actions: Vec<_> = audits.iter().map(|audit| audit.action).collect();
    assert_eq!(actions, ["gateway.enrollment-code", "gateway.enroll"]);
    assert_eq!(audits[0].principal.as_deref(), Some("admin-token"));
    assert_eq!(
        (&audits[1].principal, audits[1].outcome),
        (&None, AuditOutcome::Success)
    );
    assert_eq!(audits[1].query.as_deref(), Some("gateway g1 serial 4f"));
    assert!(
        !format!("{audits:?}").contains("GOOD-CODE"),
        "the code itself is nowhere"
    );
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_is_the_same_and_tells_nothing() {
    let server = Server::start().await;
    let refused = enrol(&server, "BAD").await;
    assert_eq!(refused.0, 403);
    assert_eq!(enrol(&server, "").await, refused);
    assert_eq!(enrol(&server, &"X".repeat(5_000)).await, refused);
    let renewal = json!({ "certificate": "C", "csr": "CSR", "proof": "YmFk" });
    assert_eq!(
        server.post("/api/v1/enroll/renew", "", renewal).await,
        refused
    );
    let renewal = json!({ "certificate": "C", "csr": "CSR", "proof": "cHJvb2Y=" });
    let (status, renewed) = server.post("/api/v1/enroll/renew", "", renewal).await;
    assert_eq!((status, &renewed["serial"]), (200, &json!("4f")));
    let audits = server.memory.take_audits();
    assert_eq!(audits.len(), 5);
    assert!(
        audits[..4]
            .iter()
            .all(|audit| audit.outcome == AuditOutcome::Denied)
    );
    // Whether a request for a certificate is one is judged before its code.
    for code in ["BAD", "GOOD-CODE"] {
        let body = json!({ "code": code, "csr": "none" });
        assert_eq!(server.post("/api/v1/enroll", "", body).await.0, 422);
    }
    let body = json!({ "code": "GOOD-CODE", "csr": "x".repeat(20_000) });
    assert_eq!(server.post("/api/v1/enroll", "", body).await.0, 400);
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_guesses_is_not_heard_until_its_time_has_passed() {
    let server = Server::with(|config| config.limits.enrolments = 3).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(enrol(&server, "GUESS").await.0);
    }
    for _ in 0..3 {
        statuses.push(enrol(&server, "GOOD-CODE").await.0);
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429, 429]);
    assert_eq!(
        server.memory.take_audits().len(),
        4,
        "the rest is counted, not written"
    );
    assert_eq!(
        server.get("/api/v1/me").await.status(),
        200,
        "tokens are another matter"
    );
    server.stop().await;
}

#[tokio::test]
async fn the_authoritys_papers_are_everybodys() {
    let server = Server::start().await;
    for (path, kind) in [
        ("/api/v1/ca.pem", "application/x-pem-file"),
        ("/api/v1/ca.crl", "application/pkix-crl"),
    ] {
        let answer = server.request(Method::GET, path, "").send().await.unwrap();
        assert_eq!(
            (
                answer.status().as_u16(),
                answer.headers()["content-type"].to_str().unwrap()
            ),
            (200, kind)
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn commands_are_of_those_a_gateway_knows_and_bounded_in_time() {
    let server = Server::start().await;
    let path = "/api/v1/gateways/g1/commands";
    let body =
        json!({ "command": "pair", "args": { "device": "d1", "passkey": "123456" }, "wait": 1 });
    let (status, sent) = server.post(path, "operate", body).await;
    assert_eq!(
        (status, &sent["id"], &sent["reply"]),
        (200, &json!("C1"), &Value::Null)
    );
    {
        let commands = server.memory.commands.lock().unwrap();
        assert_eq!(
            (commands[0].wait.as_secs(), commands[0].life.as_secs()),
            (1, 60)
        );
        assert!(commands[0].private, "from this machine");
        assert!(!format!("{commands:?}").contains("123456"));
    }
    let audits = server.memory.take_audits();
    assert_eq!(audits[0].query.as_deref(), Some("pair C1"));
    for wrong in [
        json!({ "command": "reboot" }),
        json!({ "command": "rescan", "life": 0 }),
        json!({ "command": "rescan", "life": 3_601 }),
        json!({ "command": "rescan", "wait": 21 }),
        json!({ "command": "rescan", "args": [] }),
        json!({ "command": "rescan", "to": "g2" }),
    ] {
        assert_eq!(
            server.post(path, "operate", wrong.clone()).await.0,
            400,
            "{wrong}"
        );
    }
    let get = |id: &str| {
        let path = format!("{path}/{id}");
        server.request(Method::GET, &path, "operate").send()
    };
    let answer: Value = get("C1").await.unwrap().json().await.unwrap();
    assert_eq!(answer["reply"]["state"], "done");
    assert_eq!(get("C2").await.unwrap().status(), 404);
    server.stop().await;
}
