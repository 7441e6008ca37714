//! Names of patients and secrets of tokens reach neither log nor metrics, whatever goes wrong on the way.

use serde_json::json;

use super::token;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, eventually, heart_rate, now, reading};

/// A name that nothing else contains.
const NAME: &str = "Zaphodine Canarybird";
const IDENTIFIER: &str = "MRN-canary-4711";

const RULES: &str = r#"
[[rule]]
id = "tachycardia"
title = "Heart rate above 120 /min"
kind = "threshold"
metric = "8867-4"
above = 120
unit = "/min"
priority = "high"
"#;

#[tokio::test]
async fn names_and_secrets_are_in_no_log_line_and_no_metric() {
    let config = "[log]\nlevel = \"debug\"\n".to_owned();
    let server = Server::start(&Setup {
        config,
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    });
    let identifiers = json!([{"system": "urn:hospital", "value": IDENTIFIER}]);
    let patient =
        json!({"id": "p1", "name": NAME, "birthDate": "1950-03-01", "identifiers": identifiers});
    server.post("/api/v1/patients", &patient).await;
    server.post("/api/v1/devices", &json!({"id": "d1"})).await;
    server
        .post(
            "/api/v1/assignments",
            &json!({"device": "d1", "patient": "p1", "from": "2026-01-01T00:00:00Z"}),
        )
        .await;
    let read = token(&server, "reader", "read").await;
    let gateway = server.gateway_token("g1").await;

    // What goes well.
    server
        .post("/api/v1/patients/search", &json!({"text": NAME}))
        .await;
    server
        .post(
            "/api/v1/sql",
            &json!({"query": format!("SELECT * FROM patient WHERE name = '{NAME}'")}),
        )
        .await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &gateway)
        .await
        .unwrap();
    for (value, at) in [("150", now() - 1_000_000), ("155", now())] {
        let pack = heart_rate("d1", value, at);
        publisher
            .deliver(&topic("g1", "d1"), pack.as_bytes())
            .await
            .unwrap();
    }
    eventually("an alert", async || {
        let alerts = server.get("/api/v1/alerts").await;
        (!alerts["items"].as_array().unwrap().is_empty()).then_some(())
    })
    .await;

    // What goes wrong.
    let unknown = format!("no such column {NAME}");
    let bad_sql = json!({"query": format!("SELECT \"{NAME}\" FROM patient")});
    assert_ne!(
        server
            .send("POST", "/api/v1/sql", &read, Some(&bad_sql))
            .await
            .0,
        200
    );
    assert_eq!(
        server
            .send("POST", "/api/v1/patients", &server.admin, Some(&patient))
            .await
            .0,
        409
    );
    let bad_patient = json!({"id": "p2", "name": NAME, "surprise": unknown});
    assert_eq!(
        server
            .send(
                "POST",
                "/api/v1/patients",
                &server.admin,
                Some(&bad_patient)
            )
            .await
            .0,
        400
    );
    assert_eq!(
        server
            .send("POST", "/api/v1/patients", &read, Some(&patient))
            .await
            .0,
        403
    );
    assert_eq!(
        server
            .send("GET", "/api/v1/me", &format!("{read}x"), None)
            .await
            .0,
        401
    );
    assert!(
        Publisher::connect(server.mqtt, "g1", &format!("{gateway}x"))
            .await
            .is_none()
    );
    let named = format!(
        r#"[{{"bn":"d1:","n":"MDC_ECG_HEART_RATE","v":70,"t":1767225600,"pt":"{IDENTIFIER}-x"}}]"#
    );
    let unknown_metric = reading("d1", "MDC_NO_SUCH_METRIC", "/min", "1", now());
    for pack in [format!("{{{NAME}"), named, unknown_metric] {
        publisher
            .deliver(&topic("g1", "d1"), pack.as_bytes())
            .await
            .unwrap();
    }
    assert_eq!(server.count("SELECT count(*) FROM quarantine").await, 3);

    let metrics = server.text("/metrics").await;
    let log = server.log();
    let admin = server.admin.clone();
    let (status, dir, _) = server.stop();
    assert!(status.success());
    let end = std::fs::read_to_string(dir.path().join("server.log")).unwrap();
    assert!(
        log.lines().count() > 10 && end.len() > log.len(),
        "the log is talkative at this level"
    );
    for secret in [NAME, IDENTIFIER, "1950-03-01", &admin, &read, &gateway] {
        let line = end.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "in the log");
        assert!(!metrics.contains(secret), "{secret} in the metrics");
    }
    assert!(
        metrics.contains("wardline_intake_rows_total 2"),
        "{metrics}"
    );
}
