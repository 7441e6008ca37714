//! `rules replay`: what the live engine said, said again from exported rows.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::cli::{cli, ndjson};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, eventually, now, reading};

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

[[rule]]
id = "desaturation"
title = "SpO2 below 85 %"
kind = "threshold"
metric = "MDC_PULS_OXIM_SAT_O2"
below = 85
unit = "%"
priority = "high"
"#;

/// Alert, rule, subject and onset: what makes an episode.
fn episodes(events: &[Value]) -> BTreeSet<[String; 5]> {
    let raised = events.iter().filter(|event| event["event"] == "raised");
    raised
        .map(|event| {
            ["alertId", "ruleId", "ruleVersion", "subject", "onset"]
                .map(|field| event[field].as_str().unwrap().to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_raises_the_alerts_that_were_raised() {
    let server = Server::start(&Setup {
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    });
    server.admit("p1", "d1").await;
    server.admit("p2", "d2").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let start = now() - 30_000_000;
    // p1 races, calms down and races again; p2 races too briefly, and desaturates once.
    for second in 0..20 {
        let racing = [3..8, 14..19].iter().any(|span| span.contains(&second));
        let at = start + second * 1_000_000;
        for (device, metric, unit, value) in [
            (
                "d1",
                "MDC_ECG_HEART_RATE",
                "/min",
                if racing { 135 } else { 80 },
            ),
            (
                "d2",
                "MDC_ECG_HEART_RATE",
                "/min",
                if second == 5 { 150 } else { 75 },
            ),
            (
                "d2",
                "MDC_PULS_OXIM_SAT_O2",
                "%",
                if second == 12 { 80 } else { 96 },
            ),
        ] {
            let pack = reading(device, metric, unit, &value.to_string(), at);
            gateway
                .deliver(&topic("g1", device), pack.as_bytes())
                .await
                .unwrap();
        }
    }
    let live = eventually("three episodes", async || {
        let listed = server.get("/api/v1/alerts").await;
        let mut events = listed["items"].as_array().unwrap().clone();
        // The list shows each alert after its latest event; its onset is the episode's.
        for event in &mut events {
            event["event"] = "raised".into();
        }
        Some(episodes(&events)).filter(|episodes| episodes.len() == 3)
    })
    .await;
    let rows = cli(&["export"]).at(&server).ok();
    let (status, dir, _) = server.stop();
    assert!(status.success());
    let rules = dir.path().join("rules.toml");
    let registry = dir.path().join("data").join("registry.sqlite");
    let replay = || {
        let run =
            cli(&["rules", "replay", "--rules", rules.to_str().unwrap()]).input(rows.as_str());
        run.arg("--registry").arg(registry.to_str().unwrap())
    };
    let events = ndjson(&replay().ok());
    assert_eq!(episodes(&events), live);
    assert_eq!(ndjson(&replay().ok()), events, "the same every time");
    let label = |patient: &str, second: i64| {
        let at = crate::harness::server::rfc3339(start + second * 1_000_000);
        format!("{{\"patient\": \"{patient}\", \"at\": \"{at}\"}}\n")
    };
    // p1 is caught, ten seconds ahead; nothing was said of p3.
    let labels = dir.path().join("labels.ndjson");
    std::fs::write(&labels, label("p1", 13) + &label("p3", 5)).unwrap();
    let figures = replay().arg("--labels").arg(labels.to_str().unwrap()).ok();
    let figures = &ndjson(&figures)[0];
    let counts: BTreeSet<(&str, u64)> = figures["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| {
            (
                rule["rule"].as_str().unwrap(),
                rule["alerts"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        counts,
        BTreeSet::from([("desaturation", 1), ("tachycardia", 2)])
    );
    // Two patients seen in one hour each, or in two when the run crossed one.
    let days = figures["patientDays"].as_f64().unwrap();
    assert!((2.0 / 24.0..=4.0 / 24.0).contains(&days), "{days}");
    assert_eq!(
        figures["patients"][0],
        serde_json::json!({"patient": "p1", "alerts": 2})
    );
    let labelled = &figures["labelled"];
    assert_eq!(
        (labelled["events"].as_u64(), labelled["caught"].as_u64()),
        (Some(2), Some(1))
    );
    assert_eq!(labelled["medianLeadSeconds"], 10);
    assert_eq!(labelled["sensitivity"], 0.5);

    let calmer = dir.path().join("calmer.toml");
    std::fs::write(&calmer, RULES.replace("above = 120", "above = 140")).unwrap();
    let arguments = [
        "rules",
        "diff",
        rules.to_str().unwrap(),
        calmer.to_str().unwrap(),
    ];
    let diff = cli(&arguments)
        .arg("--registry")
        .arg(registry.to_str().unwrap());
    let lines = ndjson(&diff.input(rows.as_str()).ok());
    assert!(lines.contains(&serde_json::json!({"rule": "tachycardia", "before": 2, "after": 0})));
    let gone: Vec<&Value> = lines
        .iter()
        .filter(|line| line["only"] == "before")
        .collect();
    assert_eq!(gone.len(), 2);
    assert!(lines.iter().all(|line| line["only"] != "after"));

    // Absence is told by the log's clock, which may run on after the last row.
    let silence = dir.path().join("silence.toml");
    let text = "[[rule]]\nid = \"silent\"\ntitle = \"Silent\"\nkind = \"absence\"\nmetric = \"8867-4\"\n\
                expect-every = \"1s\"\ngrace = \"1m\"\nclass = \"technical\"\npriority = \"low\"\n";
    std::fs::write(&silence, text).unwrap();
    let until = crate::harness::server::rfc3339(now() + 600_000_000);
    let run = cli(&[
        "rules",
        "replay",
        "--rules",
        silence.to_str().unwrap(),
        "--until",
        &until,
    ]);
    let run = run
        .arg("--registry")
        .arg(registry.to_str().unwrap())
        .input(rows.as_str());
    let events = ndjson(&run.ok());
    let subjects: BTreeSet<&str> = events
        .iter()
        .map(|event| event["subject"].as_str().unwrap())
        .collect();
    assert_eq!(subjects, BTreeSet::from(["Device/d1", "Device/d2"]));

    let talk = cli(&["rules", "replay", "--rules", rules.to_str().unwrap()])
        .input("{\"no\": \"row\"}\n")
        .fails(2);
    assert!(talk.contains("rows on stdin"), "{talk}");
}
