//! Rules that were put in force by one version and are refused by another.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::delivery::links;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::teams::Teams;
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

/// Sends a reading and waits for the alert that this rule raises by it.
async fn alerts_by(server: &Server, secret: &str, value: &str, rule: &str) {
    let mut gateway = Publisher::connect(server.mqtt, "g1", secret).await.unwrap();
    let payload = heart_rate("d1", value, now());
    gateway
        .deliver(&topic("g1", "d1"), payload.as_bytes())
        .await
        .unwrap();
    eventually("an alert of the rule", async || {
        let listed = server.get("/api/v1/alerts?state=active").await;
        let mut alerts = listed["items"].as_array().unwrap().iter();
        alerts.any(|alert| alert["ruleId"] == rule).then_some(())
    })
    .await;
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
    alerts_by(&server, &secret, "130", "good").await;

    // A version that takes them puts them in force, and the alarm is over.
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let server = Server::start_in(dir, admin, &setup(odd, ""));
    assert_eq!(readiness(&server).await["detail"], "");
    assert_eq!(server.metric("wardline_rules_refused").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_refused_rules_does_not_block_the_start() {
    let mut odd = setup(rules("of-another-version", 100), "");
    let workflow = Teams::answering(Vec::new());
    odd.config = links::teams(&workflow);
    odd.env
        .push(("WARDLINE_HTTP_URL".to_owned(), links::URL.to_owned()));
    let server = Server::start(&odd);
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    alerts_by(&server, &secret, "110", "of-another-version").await;
    let card = eventually("the card", async || workflow.cards().first().cloned()).await;
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let mut good = setup(rules("good", 120), REFUSING);
    good.env
        .push(("WARDLINE_HTTP_URL".to_owned(), links::URL.to_owned()));
    let server = Server::start_in(dir, admin, &good);
    assert!(server.log().contains("the rules begin anew"));

    // Nobody watches the old alert any more: who acknowledges it is told so, and the link stays good.
    let listed = server.get("/api/v1/alerts?state=active").await;
    let id = listed["items"][0]["alertId"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    let (status, answer) = server
        .send("POST", &path, &server.admin, Some(&json!({})))
        .await;
    assert_eq!(status, 409, "{answer}");
    let link = card["actions"][0]["url"].as_str().unwrap();
    for _ in 0..2 {
        let (status, page) = links::open(&server, "POST", link).await;
        assert!(
            status == 409 && page.contains("Not all acknowledged"),
            "{page}"
        );
    }
    assert!(server.get(&format!("/api/v1/alerts/{id}")).await["acknowledgedBy"].is_null());

    alerts_by(&server, &secret, "130", "good").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_rules_are_in_force_after_a_reload_and_faulty_ones_change_nothing() {
    let server = Server::start(&setup(rules("first", 200), ""));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let file = server.dir.path().join("rules.toml");

    std::fs::write(&file, "[[rule]]\nid = \"faulty\"\n").unwrap();
    server.reload();
    let refused = async || (server.metric("wardline_rules_refused").await == 1.0).then_some(());
    eventually("the refusal", refused).await;
    let detail = readiness(&server).await["detail"].to_string();
    assert!(
        detail.contains("rules.toml") && detail.contains("stay in force"),
        "{detail}"
    );

    std::fs::write(&file, rules("second", 120)).unwrap();
    server.reload();
    let taken = async || (server.metric("wardline_rules_refused").await == 0.0).then_some(());
    eventually("the new rules", taken).await;
    alerts_by(&server, &secret, "130", "second").await;

    // In force after a crash too.
    let (dir, admin) = server.kill();
    let server = Server::start_in(dir, admin, &setup(rules("second", 120), ""));
    let listed = server.get("/api/v1/alerts?state=active").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}
