//! Alerts and messages as FHIR: every answer is R4, finds what it says, and leaves a record of whom it touched.

#[path = "../../../normalize/src/fhir/alert/conformance.rs"]
mod conformance;

use reqwest::{Method, header};
use serde_json::Value;
use wardline_dashboard::backend::{Alert, Message};

use crate::backend::alert;
use crate::harness::{NOW, Server};

const MINUTE: i64 = 60_000_000;

fn message(id: &str, state: &str, alerts: &[(&str, &str)]) -> Message {
    Message {
        id: id.into(),
        at: NOW,
        kind: "page".into(),
        channel: "pager".into(),
        mail: false,
        recipient: Some("nurse-7".into()),
        priority: "high".into(),
        alerts: alerts
            .iter()
            .map(|(id, subject)| ((*id).into(), (*subject).into()))
            .collect(),
        state: state.into(),
        last_error: (state == "dead").then(|| "answered 410 Gone".into()),
        delivered_at: (state == "delivered").then_some(NOW + MINUTE),
        text: "heart rate 131 /min".into(),
    }
}

/// A1 of p1 is active since 13:00; A2 of p2 acknowledged since 13:10; A3 of p1 from 12:00 to 12:30; A4 of p1 withdrawn at
/// 11:00; A5 is of a device and A6 of a gateway.
async fn ward() -> Server {
    let server = Server::start().await;
    let mut alerts = server.memory.alerts.lock().unwrap();
    let mut add = |alert: Alert| alerts.insert(alert.alert_id.clone(), alert);
    add(Alert {
        onset: NOW + 10 * MINUTE,
        processed_time: NOW + 20 * MINUTE,
        priority: "medium".into(),
        acknowledged_by: Some("nurse-7".into()),
        acknowledged_at: Some(NOW + 20 * MINUTE),
        ..alert("A2", "p2")
    });
    add(Alert {
        onset: NOW - 60 * MINUTE,
        ended: Some(NOW - 30 * MINUTE),
        state: "resolved".into(),
        reason: Some("cleared".into()),
        ..alert("A3", "p1")
    });
    add(Alert {
        onset: NOW - 120 * MINUTE,
        ended: Some(NOW - 120 * MINUTE),
        state: "resolved".into(),
        reason: Some("withdrawn".into()),
        ..alert("A4", "p1")
    });
    add(Alert {
        subject: "Device/d1".into(),
        ..alert("A5", "")
    });
    add(Alert {
        subject: "Gateway/g1".into(),
        device_id: None,
        ..alert("A6", "")
    });
    drop(alerts);
    *server.memory.messages.lock().unwrap() = vec![
        message("M1", "delivered", &[("A1", "Patient/p1")]),
        message("M2", "pending", &[("A2", "Patient/p2")]),
        message("M3", "dead", &[("A1", "Patient/p1"), ("A3", "Patient/p1")]),
        message("M4", "pending", &[("A5", "Device/d1")]),
        message(
            "M5",
            "pending",
            &[("A1", "Patient/p1"), ("A5", "Device/d1")],
        ),
    ];
    server
}

/// The resources of a Bundle, each checked.
fn resources(bundle: &Value) -> Vec<&Value> {
    assert_eq!(bundle["type"], "searchset");
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries
        .filter(|entry| entry["search"]["mode"] == "match")
        .map(|entry| {
            let resource = &entry["resource"];
            assert_eq!(conformance::faults(resource), [""; 0], "{resource}");
            let place = format!(
                "/{}/{}",
                resource["resourceType"].as_str().unwrap(),
                resource["id"].as_str().unwrap()
            );
            assert!(entry["fullUrl"].as_str().unwrap().ends_with(&place));
            resource
        })
        .collect()
}

fn ids(bundle: &Value) -> Vec<String> {
    let ids = resources(bundle)
        .into_iter()
        .map(|one| one["id"].as_str().unwrap());
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn parameters_find_what_they_say() {
    let server = ward().await;
    for (query, expected) in [
        ("DetectedIssue", "A1 A2 A3 A4"),
        ("DetectedIssue?patient=p1", "A1 A3 A4"),
        ("DetectedIssue?patient=Patient/p2", "A2"),
        ("DetectedIssue?subject=Patient/p1", "A1 A3 A4"),
        ("DetectedIssue?patient=p1,p2", "A1 A2 A3 A4"),
        ("DetectedIssue?patient=p1&patient=p2", ""),
        ("DetectedIssue?patient=nobody", ""),
        ("DetectedIssue?subject=Device/d1", ""),
        ("DetectedIssue?status=registered", "A1 A2"),
        ("DetectedIssue?status=final", "A3"),
        ("DetectedIssue?status=entered-in-error", "A4"),
        ("DetectedIssue?status=final,entered-in-error", "A3 A4"),
        ("DetectedIssue?status=preliminary", ""),
        ("DetectedIssue?identified=ge2026-11-22T13:00", "A1 A2"),
        ("DetectedIssue?identified=lt2026-11-22T13:00", "A3 A4"),
        ("DetectedIssue?identified=gt2026-11-22T12:15", "A1 A2 A3"),
        ("DetectedIssue?identified=2026-11-22T13:10", "A2"),
        ("DetectedIssue?identified=sa2026-11-22T12:15", "A1 A2"),
        ("DetectedIssue?_lastUpdated=ge2026-11-22T13:20", "A2"),
        ("DetectedIssue?_id=A1,A5,A3,A9", "A1 A3"),
        ("DetectedIssue?_id=A1,A3&status=final", "A3"),
        ("Flag?patient=p1", "A1 A3 A4"),
        ("Flag?status=active", "A1 A2"),
        ("Flag?status=inactive", "A3"),
        ("Flag?status=entered-in-error", "A4"),
        ("Flag?date=gt2026-11-23", "A1 A2"),
        ("Flag?date=lt2026-11-22T12:00", "A4"),
        ("Task", "A1 A2 A3 A4"),
        ("Task?status=requested", "A1"),
        ("Task?status=accepted&patient=p2", "A2"),
        ("Task?status=completed", "A3"),
        ("Task?status=cancelled", "A4"),
        ("Task?status=requested,accepted", "A1 A2"),
        ("Task?authored-on=ge2026-11-22T13:10", "A2"),
        ("Task?modified=ge2026-11-22T13:20", "A2"),
        ("Communication", "M1 M2 M3 M5"),
        ("Communication?patient=p1", "M1 M3 M5"),
        ("Communication?subject=Patient/p2", "M2"),
        ("Communication?status=preparation", "M2 M5"),
        ("Communication?status=completed", "M1"),
        ("Communication?status=not-done", "M3"),
        ("Communication?status=stopped", ""),
        ("Communication?sent=2026-11-22", "M1"),
        ("Communication?sent=lt2026-11-22", ""),
        ("Communication?_lastUpdated=gt2026-11-22T13:00", "M1"),
        ("Communication?_id=M3,M4", "M3"),
    ] {
        let bundle = server.json(&format!("/fhir/R4/{query}")).await;
        assert_eq!(ids(&bundle).join(" "), expected, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn wrong_parameters_are_told() {
    let server = ward().await;
    for query in [
        "DetectedIssue?identified=yesterday",
        "DetectedIssue?status=open",
        "Flag?status=registered",
        "Task?status=done",
        "Task?_count=0",
        "Task?patient:identifier=x",
        "Flag?patient.name=x",
        "Communication?sent:missing=true",
        "Communication?_cursor=AAAA",
        "Communication?_id=a%2Fb",
    ] {
        let response = server.get(&format!("/fhir/R4/{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        let outcome: Value = response.json().await.unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{query}");
    }
    let lenient = server.json("/fhir/R4/Task?shoe-size=44&patient=p2").await;
    assert_eq!(ids(&lenient), ["A2"]);
    let entries = lenient["entry"].as_array().unwrap();
    assert_eq!(entries[1]["search"]["mode"], "outcome");
    server.stop().await;
}

#[tokio::test]
async fn pages_go_on_to_the_end_and_meet_nothing_twice() {
    let server = ward().await;
    for (query, expected) in [
        ("DetectedIssue?_count=1", "A1 A2 A3 A4"),
        ("Task?_count=2&patient=p1,p2", "A1 A2 A3 A4"),
        ("Communication?_count=1", "M1 M2 M3 M5"),
        ("Flag?_count=1&_id=A1,A5,A3", "A1 A3"),
    ] {
        let mut path = format!("/fhir/R4/{query}");
        let mut seen = Vec::new();
        for _ in 0..10 {
            let bundle = server.json(&path).await;
            seen.extend(ids(&bundle));
            let links = bundle["link"].as_array().unwrap();
            let Some(next) = links.iter().find(|link| link["relation"] == "next") else {
                break;
            };
            let next = next["url"].as_str().unwrap();
            path = format!("/fhir/{}", next.split_once("/fhir/").unwrap().1);
        }
        assert_eq!(seen.join(" "), expected, "{query}");
    }
    // A mark is of one search.
    let bundle = server.json("/fhir/R4/Task?_count=1").await;
    let next = bundle["link"][1]["url"].as_str().unwrap();
    let mark = next.split("_cursor=").nth(1).unwrap();
    let stolen = format!("/fhir/R4/Flag?_count=1&_cursor={mark}");
    assert_eq!(server.get(&stolen).await.status(), 400);
    server.stop().await;
}

#[tokio::test]
async fn one_by_its_id() {
    let server = ward().await;
    for place in [
        "DetectedIssue/A1",
        "Flag/A3",
        "Task/A2",
        "Communication/M1",
        "Communication/M5",
    ] {
        let response = server.get(&format!("/fhir/R4/{place}")).await;
        assert_eq!(response.status(), 200, "{place}");
        let headers = response.headers().clone();
        assert!(
            headers["content-location"]
                .to_str()
                .unwrap()
                .ends_with(place)
        );
        assert!(headers.contains_key("last-modified"));
        let found: Value = response.json().await.unwrap();
        assert_eq!(conformance::faults(&found), [""; 0], "{found}");
        assert!(found["meta"]["lastUpdated"].is_string());
        let again = server
            .request(Method::GET, &format!("/fhir/R4/{place}"), "read")
            .header(header::IF_NONE_MATCH, &headers["etag"])
            .send()
            .await
            .unwrap();
        assert_eq!(again.status(), 304, "{place}");
    }
    // Equipment is not served here, whatever the type; what is not there is told the same way.
    for place in [
        "DetectedIssue/A5",
        "Flag/A5",
        "Task/A6",
        "Communication/M4",
        "Task/A9",
        "Communication/A1",
    ] {
        let response = server.get(&format!("/fhir/R4/{place}")).await;
        assert_eq!(response.status(), 404, "{place}");
        let outcome: Value = response.json().await.unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
    }
    // Of several subjects a message has none, and points to no resource that is not served.
    let mixed = server.json("/fhir/R4/Communication/M5").await;
    assert!(mixed.get("subject").is_none());
    assert_eq!(mixed["about"][0]["reference"], "DetectedIssue/A1");
    assert_eq!(mixed["about"][1]["identifier"]["value"], "A5");
    server.stop().await;
}

#[tokio::test]
async fn every_look_is_on_record_with_whom_it_touched() {
    let server = ward().await;
    for (path, action, patients) in [
        ("DetectedIssue/A1", "detected-issue.read", vec!["p1"]),
        ("Communication/M2", "communication.read", vec!["p2"]),
        ("Task?patient=p2", "task.search", vec!["p2"]),
        ("Flag", "flag.search", vec!["p1", "p2"]),
        (
            "Communication?status=not-done",
            "communication.search",
            vec!["p1"],
        ),
        ("DetectedIssue/A5", "detected-issue.read", vec![]),
    ] {
        server.memory.take_audits();
        server.get(&format!("/fhir/R4/{path}")).await;
        let audits = server.memory.take_audits();
        assert_eq!(audits.len(), 1, "{path}");
        assert_eq!(
            (audits[0].action, &audits[0].patients),
            (action, &patients.iter().map(ToString::to_string).collect()),
            "{path}"
        );
    }
    // By form, so that nothing stands in the URL; and nothing without a token.
    let form = |token: &str| {
        server
            .request(Method::POST, "/fhir/R4/Task/_search", token)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("patient=p2")
            .send()
    };
    let bundle: Value = form("read").await.unwrap().json().await.unwrap();
    assert_eq!(ids(&bundle), ["A2"]);
    let audits = server.memory.take_audits();
    assert_eq!(audits[0].query.as_deref(), Some("patient=p2"));
    assert_eq!(form("").await.unwrap().status(), 401);
    server.stop().await;
}

#[tokio::test]
async fn the_capability_statement_lists_what_is_served() {
    let server = ward().await;
    let statement = server.json("/fhir/R4/metadata").await;
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let types: Vec<&str> = resources
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "Observation",
            "DetectedIssue",
            "Flag",
            "Communication",
            "Task"
        ]
    );
    for resource in &resources[1..] {
        let kind = resource["type"].as_str().unwrap();
        for parameter in resource["searchParam"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let value = match parameter["type"].as_str().unwrap() {
                "date" => "ge2026",
                _ if name == "status" => "entered-in-error",
                _ => "x",
            };
            let response = server
                .request(
                    Method::GET,
                    &format!("/fhir/R4/{kind}?{name}={value}"),
                    "read",
                )
                .header("prefer", "handling=strict")
                .send()
                .await
                .unwrap();
            assert_eq!(response.status(), 200, "{kind} {name}");
        }
    }
    server.stop().await;
}
