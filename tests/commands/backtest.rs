//! `rules replay` and `rules diff` on what a server holds: the rows, and who had which limits and silences.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::cli::{Cli, cli, ndjson};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const RULES: &str = r#"
[[rule]]
id = "tachycardia"
title = "Heart rate above 120 /min for 3 seconds"
kind = "threshold"
metric = "8867-4"
above = 120
unit = "/min"
for = "3s"
clear = { below = 110, for = "2s" }
priority = "medium"
"#;

/// What tells one event from another, whatever the number of its log record.
fn told(events: &[Value]) -> BTreeSet<String> {
    const FIELDS: [&str; 14] = [
        "acknowledgedBy",
        "alertId",
        "ruleId",
        "ruleVersion",
        "subject",
        "event",
        "state",
        "priority",
        "onset",
        "ended",
        "eventTime",
        "value",
        "limitHigh",
        "limitSource",
    ];
    events
        .iter()
        .map(|event| json!(FIELDS.map(|field| &event[field])).to_string())
        .collect()
}

/// Every event of every alert, as the server recorded them.
async fn recorded(server: &Server) -> Vec<Value> {
    let alerts = server.get("/api/v1/alerts").await;
    let mut events = Vec::new();
    for alert in alerts["items"].as_array().unwrap() {
        let id = alert["alertId"].as_str().unwrap();
        let listed = server.get(&format!("/api/v1/alerts/{id}/events")).await;
        events.extend(listed["items"].as_array().unwrap().clone());
    }
    events
}

/// Seconds of four patients, all quick between the fourth and the tenth.
async fn readings(gateway: &mut Publisher, start: i64, seconds: std::ops::Range<i64>) {
    for second in seconds {
        let quick = (4..10).contains(&second);
        for (device, value) in [
            ("d1", if quick { "135" } else { "80" }),
            ("d2", if quick { "108" } else { "80" }),
            ("d3", if quick { "135" } else { "80" }),
            ("d4", if quick { "108" } else { "80" }),
        ] {
            let pack = heart_rate(device, value, start + second * 1_000_000);
            gateway
                .deliver(&topic("g1", device), pack.as_bytes())
                .await
                .unwrap();
        }
    }
}

fn backtests(on: &dyn Fn(Cli) -> Cli, rules: &str, calmer: &str, live: &BTreeSet<String>) {
    let replay = || on(cli(&["rules", "replay", "--rules", rules]));
    assert_eq!(&told(&ndjson(&replay().ok())), live);
    assert_eq!(
        &told(&ndjson(&replay().arg("--from").arg("1h-ago").ok())),
        live
    );
    let none = replay().arg("--until").arg("1h-ago").ok();
    assert_eq!(none, "");
    let diff = on(cli(&["rules", "diff", rules, calmer, "--from", "7d-ago"])).ok();
    let lines = ndjson(&diff);
    // Limits of the ward and of the patient go before the rule's: only p3 has those of the rule.
    assert!(lines.contains(&json!({"rule": "tachycardia", "before": 2, "after": 1})));
    let gone: Vec<&Value> = lines
        .iter()
        .filter(|line| line["only"] == "before")
        .collect();
    assert_eq!(gone.len(), 1);
    assert_eq!(gone[0]["subject"], "Patient/p3");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_change_of_rules_would_have_done_to_the_last_week() {
    let server = Server::start(&Setup {
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    });
    for (patient, device) in [("p1", "d1"), ("p3", "d3"), ("p4", "d4")] {
        server.admit(patient, device).await;
    }
    // Known before the readings of the ward begin, and in it from the first.
    let placed = json!({"id": "p2", "ward": "w1", "careTeam": "team.a"});
    server.post("/api/v1/patients", &placed).await;
    server.post("/api/v1/devices", &json!({"id": "d2"})).await;
    let since = rfc3339(now() - 48 * 3_600_000_000);
    server
        .post(
            "/api/v1/assignments",
            &json!({"device": "d2", "patient": "p2", "from": since}),
        )
        .await;
    // Comes to the ward only now: what was measured before is not judged by its limits.
    let body = json!({"ward": "w1"});
    let placed = server
        .send("PUT", "/api/v1/patients/p4", &server.admin, Some(&body))
        .await;
    assert_eq!(placed.0, 200, "{placed:?}");
    let start = now() - 40_000_000;
    let from = rfc3339(start - 1_000_000);
    for limit in [
        json!({"patient": "p1", "rule": "tachycardia", "above": 150, "from": from, "reason": "athlete"}),
        json!({"ward": "w1", "rule": "tachycardia", "above": 100, "clearBelow": 95, "from": from, "reason": "bed rest"}),
    ] {
        server.post("/api/v1/limits", &limit).await;
    }
    let silence = json!({"patient": "p3", "minutes": 30, "reason": "being moved"});
    server.post("/api/v1/silences", &silence).await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    readings(&mut gateway, start, 0..10).await;
    let open = eventually("an alert", async || {
        let listed = server.get("/api/v1/alerts?patient=p3").await;
        listed["items"].as_array().unwrap().first().cloned()
    })
    .await;
    let id = open["alertId"].as_str().unwrap();
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    server.post(&path, &json!({})).await;
    readings(&mut gateway, start, 10..16).await;
    let live = eventually("both episodes, to their end", async || {
        let events = recorded(&server).await;
        let over = events.iter().filter(|event| event["event"] == "resolved");
        (over.count() == 2).then_some(events)
    })
    .await;
    let sources: BTreeSet<(&str, &str)> = live
        .iter()
        .filter(|event| event["event"] == "raised")
        .map(|event| {
            (
                event["subject"].as_str().unwrap(),
                event["limitSource"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        sources,
        BTreeSet::from([("Patient/p2", "ward"), ("Patient/p3", "rule")])
    );
    assert!(live.iter().any(|event| event["event"] == "acknowledged"));
    let live = told(&live);
    let rules = server.dir.path().join("rules.toml");
    let calmer = server.dir.path().join("calmer.toml");
    std::fs::write(&calmer, RULES.replace("above = 120", "above = 140")).unwrap();
    let (rules, calmer) = (rules.to_str().unwrap(), calmer.to_str().unwrap());
    backtests(&|cli| cli.at(&server), rules, calmer, &live);
    let rows = cli(&["export"]).at(&server).ok();

    let talk = cli(&["rules", "replay", "--rules", rules, "--from", "7d-ago"]).fails(64);
    assert!(talk.contains("--from goes with --url"), "{talk}");
    let talk = cli(&["rules", "replay", "--rules", rules, "--from", "a week ago"])
        .at(&server)
        .fails(64);
    assert!(talk.contains("7d-ago"), "{talk}");

    let (status, dir, _) = server.stop();
    assert!(status.success());
    let data = dir.path().join("data");
    backtests(&|cli| cli.on(&data), rules, calmer, &live);
    let registry = data.join("registry.sqlite");
    let piped = cli(&["rules", "replay", "--rules", rules])
        .arg("--registry")
        .arg(registry.to_str().unwrap());
    assert_eq!(told(&ndjson(&piped.input(rows).ok())), live);
}
