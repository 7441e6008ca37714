//! A patient's limits decide who alarms, and stay over a restart.

use serde_json::{Value, json};

use super::{alarms, alerts, calm, measured, setup, ward};
use crate::harness::cli::cli;
use crate::harness::mqtt::Publisher;
use crate::harness::{Server, eventually};

/// The limits that a list of the command line shows first.
fn first(listed: &Value) -> &Value {
    &listed.as_array().unwrap()[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patients_limits_decide_who_alarms() {
    let server = Server::start(&setup());
    let mut gateway = ward(&server).await;
    let set = [
        "limit",
        "set",
        "--patient",
        "p1",
        "--rule",
        "tachycardia",
        "--above",
        "140",
        "--clear-below",
        "130",
        "--reason",
        "known flutter",
    ];
    let id = cli(&set).at(&server).ok();
    let id = id.trim_end();

    // The log keeps the order: when the second patient alarms, the first was judged.
    measured(&mut gateway, "d1", "131").await;
    measured(&mut gateway, "d2", "131").await;
    let other = alarms(&server, "p2").await;
    assert_eq!(
        (&other["limitHigh"], &other["limitSource"]),
        (&json!(120.0), &json!("rule"))
    );
    assert!(alerts(&server, "p1").await.is_empty(), "131 is within 140");
    measured(&mut gateway, "d1", "151").await;
    let own = alarms(&server, "p1").await;
    assert_eq!(
        (&own["limitHigh"], &own["limitSource"]),
        (&json!(140.0), &json!("patient"))
    );
    measured(&mut gateway, "d1", "129").await;
    calm(&server, "p1").await;

    // A crash forgets nothing of it.
    let (dir, admin) = server.kill();
    let server = Server::start_in(dir, admin, &setup());
    let secret = server.gateway_token("g2").await;
    let mut gateway = Publisher::connect(server.mqtt, "g2", &secret)
        .await
        .unwrap();
    let listed = cli(&["limit", "list", "--patient", "p1"])
        .at(&server)
        .json();
    assert_eq!(
        (&first(&listed)["id"], &first(&listed)["inForce"]),
        (&json!(id), &json!(true))
    );
    assert_eq!(
        (&first(&listed)["by"], &first(&listed)["reason"]),
        (&json!("test-admin"), &json!("known flutter"))
    );
    assert_eq!(first(&listed)["alertsLastDay"], 1);
    measured_by(&mut gateway, "d1", "139").await;
    measured_by(&mut gateway, "d2", "100").await;
    calm(&server, "p2").await;
    assert_eq!(alerts(&server, "p1").await.len(), 1, "139 is within 140");

    // Taken back, the rule's own limit judges the next reading.
    cli(&["limit", "end", id]).at(&server).ok();
    measured_by(&mut gateway, "d1", "139").await;
    let own = alarms(&server, "p1").await;
    assert_eq!(
        (&own["limitHigh"], &own["limitSource"]),
        (&json!(120.0), &json!("rule"))
    );
    let listed = cli(&["limit", "list"]).at(&server).json();
    assert_eq!(
        (&first(&listed)["inForce"], &first(&listed)["endedBy"]),
        (&json!(false), &json!("test-admin"))
    );
}

/// Behind the gateway of the second run.
async fn measured_by(gateway: &mut Publisher, device: &str, rate: &str) {
    let topic = crate::harness::mqtt::topic("g2", device);
    let pack = crate::harness::heart_rate(device, rate, crate::harness::now());
    gateway.deliver(&topic, pack.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_alarm_often_ask_to_be_looked_at() {
    let server = Server::start(&setup());
    let mut gateway = ward(&server).await;
    let limit = server
        .post(
            "/api/v1/limits",
            &json!({"patient": "p1", "rule": "tachycardia", "above": 130, "clearBelow": 125, "reason": "trial"}),
        )
        .await;
    let due = async || {
        let listed = server.get("/api/v1/limits?reviewDue=true").await;
        listed["items"].as_array().unwrap().len()
    };
    assert_eq!(due().await, 0);
    for _ in 0..2 {
        measured(&mut gateway, "d1", "141").await;
        alarms(&server, "p1").await;
        measured(&mut gateway, "d1", "101").await;
        calm(&server, "p1").await;
    }
    let reminder = async |state: &str| {
        let path = format!("/api/v1/alerts?rule=limit:review&patient=p1&state={state}");
        let listed = server.get(&path).await;
        listed["items"].as_array().unwrap().first().cloned()
    };
    let reminded = eventually("the reminder", || reminder("active")).await;
    assert_eq!(
        (&reminded["class"], &reminded["priority"]),
        (&json!("technical"), &json!("info"))
    );
    let listed = cli(&["limit", "list", "--review-due"]).at(&server).json();
    assert_eq!(
        (&first(&listed)["id"], &first(&listed)["reviewDue"]),
        (&limit["id"], &json!(true))
    );
    cli(&["limit", "review", limit["id"].as_str().unwrap()])
        .at(&server)
        .ok();
    eventually("its end", || reminder("resolved")).await;
    let listed = server.get("/api/v1/limits").await;
    assert_eq!(listed["items"][0]["reviewedBy"], "test-admin");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_set_while_nobody_serves_hold_from_the_start() {
    let server = Server::start(&setup());
    drop(ward(&server).await);
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let data = dir.path().join("data");
    let set = |words: &[&str]| {
        let set = ["limit", "set", "--rule", "tachycardia", "--reason", "r"];
        cli(&[&set, words].concat()).on(&data)
    };
    let talk = set(&["--patient", "p1", "--below", "50"]).fails(2);
    assert!(talk.contains("422"), "the rule has no limit below: {talk}");
    let talk = set(&["--patient", "nobody", "--above", "150"]).fails(2);
    assert!(talk.contains("nobody"), "{talk}");
    set(&["--patient", "p1", "--above", "150"]).ok();
    let talk = set(&["--patient", "p1", "--above", "160"]).fails(2);
    assert!(talk.contains("409"), "one at a time: {talk}");
    set(&["--ward", "w4", "--off"]).ok();

    let server = Server::start_in(dir, admin, &setup());
    let secret = server.gateway_token("g2").await;
    let mut gateway = Publisher::connect(server.mqtt, "g2", &secret)
        .await
        .unwrap();
    let patient = json!({"ward": "w4"});
    let path = "/api/v1/patients/p2";
    let (status, _) = server
        .send("PUT", path, &server.admin, Some(&patient))
        .await;
    assert_eq!(status, 200);
    measured_by(&mut gateway, "d2", "180").await;
    measured_by(&mut gateway, "d1", "180").await;
    let own = alarms(&server, "p1").await;
    assert_eq!(
        (&own["limitHigh"], &own["limitSource"]),
        (&json!(150.0), &json!("patient"))
    );
    assert!(
        alerts(&server, "p2").await.is_empty(),
        "the ward has the rule off"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_of_a_ward_without_patients_say_so() {
    let server = Server::start(&setup());
    let set = [
        "limit",
        "set",
        "--ward",
        "w4",
        "--rule",
        "tachycardia",
        "--above",
        "140",
        "--reason",
        "r",
    ];
    let ran = cli(&set).at(&server).run();
    assert_eq!(ran.code, 0, "it may be set in advance: {}", ran.talk);
    assert!(ran.talk.contains("no patient is on ward"), "{}", ran.talk);
    cli(&["limit", "end", ran.out.trim_end()]).at(&server).ok();
    server
        .post("/api/v1/patients", &json!({"id": "p1", "ward": "w4"}))
        .await;
    let ran = cli(&set).at(&server).run();
    assert!(ran.code == 0 && ran.talk.is_empty(), "{}", ran.talk);
    let listed = server.get("/api/v1/limits?ward=w4").await;
    assert_eq!(listed["items"][0]["wardEmpty"], json!(false));
}
