//! `wardline alert`: what is open is listed, shown, silenced and acknowledged, at a server and without one.

use serde_json::{Value, json};

use super::{alarms, measured, setup, ward};
use crate::harness::Server;
use crate::harness::cli::{Cli, cli};

fn ids(listed: &Value) -> Vec<&str> {
    let alerts = listed.as_array().unwrap().iter();
    alerts
        .map(|alert| alert["alertId"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alerts_are_listed_shown_silenced_and_acknowledged() {
    let server = Server::start(&setup());
    let mut gateway = ward(&server).await;
    measured(&mut gateway, "d1", "131").await;
    measured(&mut gateway, "d2", "132").await;
    let (first, second) = (alarms(&server, "p1").await, alarms(&server, "p2").await);
    let id = |alert: &Value| alert["alertId"].as_str().unwrap().to_owned();
    let (first, second) = (id(&first), id(&second));

    let at_server = |cli: Cli| cli.at(&server);
    let list = |on: &dyn Fn(Cli) -> Cli, more: &[&str]| {
        on(cli(&[&["alert", "list"], more].concat())).json()
    };
    let all = list(&at_server, &[]);
    assert!(ids(&all).len() == 2 && ids(&all).contains(&first.as_str()));
    assert_eq!(ids(&list(&at_server, &["--patient", "p1"])), [&first]);
    let medium = ["--priority", "high", "--priority", "medium"];
    assert_eq!(ids(&list(&at_server, &medium)).len(), 2);
    assert!(ids(&list(&at_server, &["--priority", "high"])).is_empty());
    assert!(ids(&list(&at_server, &["--state", "resolved"])).is_empty());
    let table = cli(&["alert", "list"]).at(&server).ok();
    assert!(table.contains("Patient/p1") && table.contains("medium"));

    let until = cli(&["alert", "silence", &first, "--for", "30m", "--note", "bath"])
        .at(&server)
        .ok();
    let silenced = list(&at_server, &["--patient", "p1"]);
    assert_eq!(silenced[0]["silencedUntil"], until.trim_end());

    // One that is not there keeps nothing from the other.
    let words = ["alert", "acknowledge", "none", &first, "--note", "seen"];
    let talk = cli(&words).at(&server).fails(2);
    assert!(
        talk.contains("none: ") && talk.contains("1 acknowledged"),
        "{talk}"
    );
    let open = list(&at_server, &["--unacknowledged", "--state", "active"]);
    assert_eq!(ids(&open), [&second]);
    let shown = cli(&["alert", "show", &first]).at(&server).ok();
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["acknowledgedBy"], "test-admin");
    let events = shown["events"].as_array().unwrap().iter();
    let events: Vec<_> = events.map(|event| event["event"].clone()).collect();
    assert_eq!(events, ["raised", "silenced", "acknowledged"]);
    assert!(shown["notifications"].is_array());
    cli(&["alert", "show", "none"]).at(&server).fails(2);

    // Without a server: what is left is acknowledged, and the next one knows.
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let data = dir.path().join("data");
    let in_directory = |cli: Cli| cli.on(&data);
    assert_eq!(ids(&list(&in_directory, &["--unacknowledged"])), [&second]);
    cli(&["alert", "acknowledge", &second]).on(&data).ok();
    assert!(ids(&list(&in_directory, &["--unacknowledged"])).is_empty());
    let server = Server::start_in(dir, admin, &setup());
    let known = server.get(&format!("/api/v1/alerts/{second}")).await;
    let by = known["acknowledgedBy"].as_str().unwrap();
    assert!(by.starts_with("local:"), "{by}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_needs_no_body() {
    let server = Server::start(&setup());
    let mut gateway = ward(&server).await;
    measured(&mut gateway, "d1", "131").await;
    let alert = alarms(&server, "p1").await;
    let path = format!(
        "/api/v1/alerts/{}/acknowledge",
        alert["alertId"].as_str().unwrap()
    );
    let (status, answer) = server.send("POST", &path, &server.admin, None).await;
    assert_eq!(
        (status, &answer["acknowledgedBy"]),
        (200, &json!("test-admin")),
        "{answer}"
    );
    let form = reqwest::Client::new()
        .post(format!("http://{}{path}", server.http))
        .bearer_auth(&server.admin)
        .body("note=x")
        .send()
        .await
        .unwrap();
    assert_eq!(form.status(), 415, "a body is JSON and says so");
}
