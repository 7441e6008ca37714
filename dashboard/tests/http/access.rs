//! Who may do what, and what is written down about it.

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::{Value, json};
use wardline_dashboard::backend::{AuditKind, AuditOutcome, Role};

use crate::harness::Server;

/// Every route of the OpenAPI document as (method, path with an id filled in, role or none).
async fn routes(server: &Server) -> Vec<(Method, String, Option<Role>)> {
    let document = server.json("/api/v1/openapi.json").await;
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let role = operation["x-role"]
                .as_str()
                .map(|name| Role::parse(name).unwrap());
            assert_eq!(role.is_none(), operation["security"] == json!([]), "{path}");
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { "x1" } else { part });
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            routes.push((method, path.collect::<Vec<_>>().join("/"), role));
        }
    }
    assert!(routes.len() > 50);
    routes
}

#[tokio::test]
async fn every_route_for_every_role() {
    let server = Server::with(|config| {
        config.limits.failures = u32::MAX;
        config.limits.enrolments = u32::MAX;
    })
    .await;
    // The last three prove themselves: open to any token or none, and on record.
    let open = [
        "/",
        "/assets/x1",
        "/healthz",
        "/readyz",
        "/api/v1/ca.pem",
        "/api/v1/ca.crl",
        "/api/v1/enroll",
        "/api/v1/enroll/renew",
        "/ack/x1",
    ];
    let mut cells = 0;
    for (method, path, needed) in routes(&server).await {
        assert_eq!(needed.is_none(), open.contains(&path.as_str()), "{path}");
        for token in ["", "no-such-token", "read", "operate", "admin"] {
            server.memory.take_audits();
            let response = server
                .request(method.clone(), &path, token)
                .send()
                .await
                .unwrap();
            let status = response.status().as_u16();
            let challenge = response.headers().get("www-authenticate").cloned();
            let request_id = response.headers()["x-request-id"]
                .to_str()
                .unwrap()
                .to_owned();
            drop(response);
            let enrols = path.starts_with("/api/v1/enroll") || path == "/ack/x1";
            let role = Role::parse(token).filter(|_| !enrols);
            let expected = match (needed, role) {
                (None, _) => None,
                (Some(_), None) => Some(401),
                (Some(needed), Some(role)) => (role < needed).then_some(403),
            };
            let place = format!("{method} {path} with {token:?}");
            match expected {
                Some(expected) => {
                    assert_eq!(status, expected, "{place}");
                    assert!(challenge.is_some(), "{place} has no challenge");
                }
                None => assert!(
                    ![401, 403, 404, 405].contains(&status) || path.contains("x1"),
                    "{place}: {status}"
                ),
            }
            let audits = server.memory.take_audits();
            let recorded = needed.is_some() || enrols;
            assert_eq!(audits.len(), usize::from(recorded), "{place}");
            for audit in audits {
                assert_eq!(audit.status, status, "{place}");
                assert_eq!(audit.request_id, request_id, "{place}");
                assert_eq!(audit.role, role, "{place}");
                assert_eq!(
                    audit.outcome == AuditOutcome::Denied,
                    expected.is_some(),
                    "{place}"
                );
                assert!(expected.is_none() || audit.patients.is_empty());
            }
            cells += 1;
        }
    }
    assert!(cells >= 250, "{cells} cells");
    server.stop().await;
}

#[tokio::test]
async fn what_no_route_serves_is_denied_first() {
    let server = Server::start().await;
    for (method, path, token, expected) in [
        (Method::GET, "/nothing", "", 401),
        (Method::GET, "/nothing", "admin", 404),
        (Method::DELETE, "/api/v1/alerts", "", 401),
        (Method::DELETE, "/api/v1/alerts", "admin", 405),
        (Method::PUT, "/fhir/R4/Observation/x", "read", 405),
        (Method::GET, "/fhir/R4/Patient/p1", "read", 404),
    ] {
        server.memory.take_audits();
        let response = server.request(method, path, token).send().await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
        if expected == 405 {
            assert!(response.headers().contains_key("allow"));
        }
        let audits = server.memory.take_audits();
        assert_eq!(audits.len(), 1);
        assert_eq!(audits[0].action, "unknown");
    }
    server.stop().await;
}

#[tokio::test]
async fn one_record_per_request_with_the_patients_it_touched() {
    let server = Server::start().await;
    server.memory.put(
        r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":80,"effective":"2026-11-22T12:00:00Z"}
{"device_id":"d2","mdc":"MDC_ECG_HEART_RATE","patient_id":"p2","value":81,"effective":"2026-11-22T12:00:00Z"}"#,
    );
    server.json("/fhir/R4/Observation?code=8867-4").await;
    let audits = server.memory.take_audits();
    assert_eq!(audits.len(), 1);
    let audit = &audits[0];
    assert_eq!(audit.patients, ["p1", "p2"]);
    assert_eq!(
        (audit.action, audit.kind, audit.status),
        ("observation.search", AuditKind::Search, 200)
    );
    assert_eq!(audit.principal.as_deref(), Some("read-token"));
    assert_eq!(audit.route, "GET /fhir/R4/Observation");
    assert_eq!(audit.query.as_deref(), Some("code=8867-4"));
    assert!(audit.peer.unwrap().is_loopback());
    assert!(!audit.any_patient && !audit.continues);

    server
        .post("/api/v1/sql", "read", json!({ "query": "SELECT 1" }))
        .await;
    server
        .post("/api/v1/sql", "read", json!({ "query": "DROP TABLE x" }))
        .await;
    let audits = server.memory.take_audits();
    assert!(audits[0].any_patient);
    assert_eq!(audits[0].query.as_deref(), Some("SELECT 1"));
    assert_eq!(
        audits[1].query.as_deref(),
        Some("DROP TABLE x"),
        "a refused query is on record too"
    );
    assert_eq!(audits[1].outcome, AuditOutcome::Refused);

    server
        .post("/api/v1/alerts/A1/acknowledge", "operate", json!({}))
        .await;
    let audits = server.memory.take_audits();
    assert_eq!(
        (audits[0].patients.as_slice(), audits[0].kind),
        (["p1".to_owned()].as_slice(), AuditKind::Command)
    );

    let (_, token) = server
        .post(
            "/api/v1/tokens",
            "admin",
            json!({ "name": "n1", "role": "read" }),
        )
        .await;
    assert_eq!(token["secret"], "wl_secret");
    let audits = format!("{:?}", server.memory.take_audits());
    assert!(audits.contains("n1") && !audits.contains("wl_secret"));
    server.stop().await;
}

#[tokio::test]
async fn without_an_audit_record_nothing_goes_out() {
    let server = Server::start().await;
    server.memory.put(
        r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":80,"effective":"2026-11-22T12:00:00Z"}"#,
    );
    server.memory.audit_fails.store(true, Ordering::SeqCst);
    for path in [
        "/fhir/R4/Observation",
        "/api/v1/alerts",
        "/api/v1/export",
        "/api/v1/stream",
        "/api/v1/me",
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 500, "{path}");
        let text = response.text().await.unwrap();
        assert!(
            !text.contains("p1") && !text.contains("heart"),
            "{path}: {text}"
        );
    }
    assert_eq!(
        server
            .request(Method::GET, "/api/v1/me", "")
            .send()
            .await
            .unwrap()
            .status(),
        500
    );
    server.stop().await;
}

#[tokio::test]
async fn refused_tokens_are_bounded() {
    let server = Server::with(|config| config.limits.failures = 3).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        let response = server
            .request(Method::GET, "/api/v1/me", "guess")
            .send()
            .await
            .unwrap();
        if response.status() == 429 {
            assert!(response.headers().contains_key("retry-after"));
        }
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429, 429, 429]);
    assert_eq!(
        server.memory.take_audits().len(),
        4,
        "the rest is counted, not written"
    );
    assert_eq!(
        server.get("/api/v1/me").await.status(),
        200,
        "a good token is never locked out"
    );
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("wardline_http_refused_tokens_total 8"),
        "{metrics}"
    );
    server.stop().await;
}

#[tokio::test]
async fn challenges_tell_why() {
    let server = Server::start().await;
    let challenge = |token: &str, path: &str| {
        let request = server.request(Method::GET, path, token);
        async move {
            let response = request.send().await.unwrap();
            response.headers()["www-authenticate"]
                .to_str()
                .unwrap()
                .to_owned()
        }
    };
    assert_eq!(
        challenge("", "/api/v1/me").await,
        r#"Bearer realm="wardline""#
    );
    assert!(challenge("x", "/api/v1/me").await.contains("invalid_token"));
    assert!(
        challenge("read", "/api/v1/tokens")
            .await
            .contains("insufficient_scope")
    );
    let response = server
        .request(Method::GET, "/fhir/R4/metadata", "")
        .send()
        .await
        .unwrap();
    let outcome: Value = response.json().await.unwrap();
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    server.stop().await;
}
