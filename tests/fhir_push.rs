//! Alerts at a FHIR server: what stands there is what the alert is, whatever came between.

use serde_json::{Value, json};

use crate::harness::fhir_server::{FhirServer, Scripted, TOKEN};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const RULES: &str = r#"
[[rule]]
id = "tachycardia"
title = "Heart rate above 120 /min for 2 seconds"
kind = "threshold"
metric = "8867-4"
above = 120
unit = "/min"
for = "2s"
clear = { below = 110, for = "2s" }
priority = "high"
"#;

fn setup(record: &FhirServer, more: &str) -> Setup {
    let url = record.url();
    Setup {
        config: format!(
            "[[fhir-push]]\nname = \"ehr\"\nurl = {url:?}\ntoken = {TOKEN:?}\n{more}\n"
        ),
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    }
}

/// Five heart rates a second apart.
async fn beat(gateway: &mut Publisher, rate: u32, at: i64) {
    for second in 0..5 {
        let pack = heart_rate("d1", &rate.to_string(), at + second * 1_000_000);
        gateway
            .deliver(&topic("g1", "d1"), pack.as_bytes())
            .await
            .unwrap();
    }
}

/// A server with p1 wearing d1, and its gateway.
async fn ward(record: &FhirServer, more: &str) -> (Server, Publisher) {
    let server = Server::start(&setup(record, more));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let gateway = Publisher::connect(server.mqtt, "g1", &secret).await;
    (server, gateway.unwrap())
}

/// The only one of its type, once it has this status.
async fn standing(record: &FhirServer, kind: &str, status: &str) -> Value {
    let what = format!("{kind} {status}, refused so far: {:?}", record.refused());
    eventually(&what, async || {
        let found = record.all(kind);
        assert!(found.len() <= 1, "{found:?}");
        found.into_iter().find(|one| one["status"] == status)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_stands_at_a_fhir_server_as_it_is() {
    let record = FhirServer::start().await;
    let (server, mut gateway) = ward(&record, "").await;
    let onset = now() - 60_000_000;
    beat(&mut gateway, 131, onset).await;

    let issue = standing(&record, "DetectedIssue", "registered").await;
    let task = standing(&record, "Task", "requested").await;
    let id = issue["id"].as_str().unwrap().to_owned();
    assert_eq!(task["id"], *id, "ids are ours");
    assert_eq!(issue["severity"], "high");
    assert_eq!(task["priority"], "stat");
    let patient =
        json!({"type": "Patient", "identifier": {"system": "urn:wardline:patient", "value": "p1"}});
    assert_eq!((&issue["patient"], &task["for"]), (&patient, &patient));
    assert_eq!(task["focus"]["reference"], format!("DetectedIssue/{id}"));
    assert!(issue.get("meta").is_none(), "the receiver states its own");

    // Served by ourselves, it is the same but for how it points to others.
    let own = server.get(&format!("/fhir/R4/DetectedIssue/{id}")).await;
    assert_eq!(own["patient"]["reference"], "Patient/p1");
    for part in [
        "status",
        "code",
        "severity",
        "detail",
        "identifiedDateTime",
        "identifier",
    ] {
        assert_eq!(own[part], issue[part], "{part}");
    }
    let seen = server
        .get("/fhir/R4/Task?patient=p1&status=requested")
        .await;
    assert_eq!(seen["entry"][0]["resource"]["id"], *id);
    let reading = own["implicated"][0]["reference"].as_str().unwrap();
    assert_eq!(
        server.get(&format!("/fhir/R4/{reading}")).await["resourceType"],
        "Observation"
    );

    // Acknowledged, then over.
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    server.post(&path, &json!({})).await;
    let task = standing(&record, "Task", "accepted").await;
    assert_eq!(task["owner"]["display"], "test-admin");
    let issue = record.get(&format!("DetectedIssue/{id}")).unwrap();
    assert_eq!(issue["mitigation"][0]["author"]["display"], "test-admin");
    beat(&mut gateway, 80, onset + 10_000_000).await;
    let issue = standing(&record, "DetectedIssue", "final").await;
    assert!(issue["identifiedPeriod"]["end"].is_string());
    standing(&record, "Task", "completed").await;
    assert_eq!(record.refused(), [""; 0]);
    let metric = "wardline_deliveries_total";
    eventually("all deliveries", async || {
        let delivered = server.metric(metric).await;
        (delivered >= record.requests() as f64).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_of_the_moment_is_put_again_and_a_refusal_is_not() {
    let record = FhirServer::start().await;
    let refused = |status, retry_after| Scripted {
        status,
        retry_after,
        body: json!({
            "resourceType": "OperationOutcome",
            "issue": [{
                "severity": "error", "code": "conflict",
                "diagnostics": "HAPI-0550: Jane Roe is being written by somebody else",
            }],
        }),
    };
    record.script([
        refused(412, None),
        refused(409, None),
        refused(429, Some("0")),
        refused(503, None),
    ]);
    let (server, mut gateway) = ward(&record, "").await;
    let onset = now() - 60_000_000;
    beat(&mut gateway, 131, onset).await;
    standing(&record, "DetectedIssue", "registered").await;
    assert_eq!(record.requests(), 5);
    assert_eq!(server.metric("wardline_delivery_failures_total").await, 4.0);

    // Refused for good: a dead letter at once. What follows brings the whole state again.
    record.script([refused(422, None)]);
    let id = record.all("DetectedIssue")[0]["id"].clone();
    let path = format!("/api/v1/alerts/{}/acknowledge", id.as_str().unwrap());
    server.post(&path, &json!({})).await;
    eventually("the dead letter", async || {
        (server.metric("wardline_delivery_failures_total").await == 5.0).then_some(())
    })
    .await;
    beat(&mut gateway, 80, onset + 10_000_000).await;
    let issue = standing(&record, "DetectedIssue", "final").await;
    assert_eq!(issue["mitigation"][0]["author"]["display"], "test-admin");
    let log = std::fs::read_to_string(server.dir.path().join("server.log")).unwrap();
    assert!(log.contains("conflict HAPI-0550"), "{log}");
    assert!(
        !log.contains("Jane"),
        "an outcome's free text may name people"
    );
    assert!(!log.contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flags_of_patients_that_the_record_has_under_our_ids() {
    let record = FhirServer::start().await;
    for place in ["Patient/p1", "Device/d1"] {
        record.admit(place);
    }
    let more = "condition = \"Flag\"\nreferences = \"literal\"";
    let (_server, mut gateway) = ward(&record, more).await;
    beat(&mut gateway, 131, now() - 60_000_000).await;
    let flag = standing(&record, "Flag", "active").await;
    assert_eq!(flag["subject"]["reference"], "Patient/p1");
    let task = standing(&record, "Task", "requested").await;
    let focus = format!("Flag/{}", flag["id"].as_str().unwrap());
    assert_eq!(task["focus"]["reference"], focus);
    assert!(record.all("DetectedIssue").is_empty());
    assert_eq!(record.refused(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patients_go_by_the_number_that_the_record_knows() {
    let record = FhirServer::start().await;
    let (server, mut gateway) = ward(&record, "patient-system = \"urn:oid:1.2.3\"").await;
    let known = json!({"identifiers": [{"system": "urn:oid:1.2.3", "value": "4711"}]});
    let (status, answer) = server
        .send("PUT", "/api/v1/patients/p1", &server.admin, Some(&known))
        .await;
    assert_eq!(status, 200, "{answer}");
    beat(&mut gateway, 131, now() - 60_000_000).await;
    let issue = standing(&record, "DetectedIssue", "registered").await;
    assert_eq!(
        issue["patient"]["identifier"],
        json!({"system": "urn:oid:1.2.3", "value": "4711"})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_the_routing_tells_is_on_record_with_what_became_of_it() {
    let (record, pager) = (FhirServer::start().await, Webhook::start(0).await);
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("routing.toml");
    let routing = "time-zone = \"UTC\"\nfallback = [\"channel:pager\", \"channel:ehr\"]\n";
    std::fs::write(&file, routing).unwrap();
    let more = format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = \"s\"\n[routing]\nfile = {file:?}",
        pager.address
    );
    let (server, mut gateway) = ward(&record, &more).await;
    beat(&mut gateway, 131, now() - 60_000_000).await;
    let search = "/fhir/R4/Communication?patient=p1&status=completed";
    let own = eventually("both messages delivered", async || {
        let bundle = server.get(search).await;
        let entries = bundle["entry"].as_array()?.clone();
        (entries.len() == 2).then_some(entries)
    })
    .await;
    assert_eq!(pager.posts.lock().unwrap().len(), 1);
    for entry in &own {
        let message = &entry["resource"];
        assert_eq!(message["reasonCode"][0]["coding"][0]["code"], "page");
        assert_eq!(message["subject"]["reference"], "Patient/p1");
        assert!(message["sent"].is_string(), "{message}");
        let condition = message["about"][0]["reference"].as_str().unwrap();
        let condition = server.get(&format!("/fhir/R4/{condition}")).await;
        assert_eq!(message["payload"][0]["contentString"], condition["detail"]);
    }

    // What is delivered by now is so at the record too, with the alert's next event at the latest.
    let id = record.all("DetectedIssue")[0]["id"].clone();
    let path = format!("/api/v1/alerts/{}/acknowledge", id.as_str().unwrap());
    server.post(&path, &json!({})).await;
    standing(&record, "Task", "accepted").await;
    let mut channels: Vec<Value> = Vec::new();
    for message in record.all("Communication") {
        assert_eq!(message["status"], "completed", "{message}");
        channels.push(message["recipient"][0]["identifier"]["value"].clone());
    }
    channels.sort_by_key(Value::to_string);
    assert_eq!(channels, ["ehr", "pager"]);
    assert_eq!(record.refused(), [""; 0]);
}
