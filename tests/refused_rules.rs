//! Rules that were put in force by one version and are refused by another.

use std::sync::Arc;

use serde_json::Value;

use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, eventually, heart_rate, now};

/// A rule that raises an alert as soon as a heart beats faster than this.
fn rules(id: &str, above: u32) -> String {
    format!(
        "[[rule]]\nid = {id:?}\ntitle = \"Heart rate\"\nkind = \"threshold\"\nmetric = \"8867-4\"\n\
         above = {above}\nunit = \"/min\"\npriority = \"high\"\n"
    )
}

fn setup(rules: String, sabotage: &str) -> Setup {
    Setup {
        rules: Some(rules),
        env: vec![("WARDLINE_SABOTAGE".to_owned(), sabotage.to_owned())],
        ..Setup::default()
    }
}

const REFUSING: &str = "refuse-rules:of-another-version";

async fn readiness(server: &Server) -> Value {
    let answer = server.get("/readyz").await;
    let checks = answer["checks"].as_array().unwrap().clone();
    assert_eq!(answer["ready"], true, "{answer}");
    checks
        .into_iter()
        .find(|check| check["name"] == "rules")
        .unwrap()
}

/// Sends a reading and gives the rule of the alert that it raises.
async fn rule_of_alert(server: &Server, secret: &str, value: &str) -> Value {
    let mut gateway = Publisher::connect(server.mqtt, "g1", secret).await.unwrap();
    let payload = heart_rate("d1", value, now());
    gateway
        .deliver(&topic("g1", "d1"), payload.as_bytes())
        .await
        .unwrap();
    let alert = eventually("an alert", async || {
        let listed = server.get("/api/v1/alerts?state=active").await;
        listed["items"].as_array().unwrap().first().cloned()
    })
    .await;
    alert["ruleId"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_good_rules_stay_in_force_and_the_alarm_is_raised() {
    let (good, odd) = (rules("good", 120), rules("of-another-version", 100));
    let server = Server::start(&setup(good, ""));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    // Logged, and not yet in a checkpoint.
    let server = Server::start_in(dir, admin, &setup(odd.clone(), ""));
    assert_eq!(server.metric("wardline_rules_refused").await, 0.0);
    let (dir, admin) = server.kill();

    let server = Server::start_in(Arc::clone(&dir), admin, &setup(odd.clone(), REFUSING));
    let rules = readiness(&server).await;
    let detail = rules["detail"].as_str().unwrap();
    assert!(
        rules["ok"] == true && detail.contains("those before stay in force"),
        "{rules}"
    );
    assert_eq!(server.metric("wardline_rules_refused").await, 1.0);
    assert!(server.log().contains("what this version refuses"));
    assert_eq!(rule_of_alert(&server, &secret, "130").await, "good");

    // A version that takes them puts them in force, and the alarm is over.
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let server = Server::start_in(dir, admin, &setup(odd, ""));
    assert_eq!(readiness(&server).await["detail"], "");
    assert_eq!(server.metric("wardline_rules_refused").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_refused_rules_does_not_block_the_start() {
    let server = Server::start(&setup(rules("of-another-version", 100), ""));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let server = Server::start_in(dir, admin, &setup(rules("good", 120), REFUSING));
    assert!(server.log().contains("the rules begin anew"));
    assert_eq!(rule_of_alert(&server, &secret, "130").await, "good");
}
