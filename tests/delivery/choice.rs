//! Which events a receiver hears.

use serde_json::{Value, json};

use super::{RULES, SECRET, posts, race, token};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

fn bodies(webhook: &Webhook) -> Vec<Value> {
    let posts = posts(webhook);
    posts
        .iter()
        .map(|post| serde_json::from_slice(&post.body).unwrap())
        .collect()
}

/// Event and page of each, in the order of receipt.
fn events(webhook: &Webhook, alert: &Value) -> Vec<(String, bool)> {
    let bodies = bodies(webhook);
    bodies
        .iter()
        .filter(|body| body["alertId"] == *alert)
        .map(|body| {
            let event = body["event"].as_str().unwrap().to_owned();
            (event, body["page"].as_bool().unwrap())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_hears_all_of_an_alert_and_a_pager_only_what_calls_people() {
    let (feed, pager) = (Webhook::start(0).await, Webhook::start(0).await);
    let mut config = String::new();
    for (name, webhook, events) in [("feed", &feed, "all"), ("pager", &pager, "pages")] {
        config.push_str(&format!(
            "[[webhook]]\nname = {name:?}\nurl = \"http://{}/\"\nsecret = {SECRET:?}\nevents = {events:?}\n",
            webhook.address
        ));
    }
    let server = Server::start(&Setup {
        config,
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    });
    server.admit("p1", "d1").await;
    server.admit("p2", "d2").await;
    let nurse = token(&server, "nurse", "operate").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();

    // Yesterday's race: it is told, and calls nobody.
    race(&mut gateway, "d2", now() - 24 * 3_600_000_000).await;
    let late = eventually("the late alert", async || bodies(&feed).first().cloned()).await;
    assert_eq!(late["subject"], "Patient/p2");
    assert_eq!(late["page"], false, "late data pages nobody");

    let onset = now() - 12_000_000;
    race(&mut gateway, "d1", onset).await;
    let raised = eventually("the page", async || bodies(&pager).first().cloned()).await;
    assert_eq!(
        (&raised["subject"], &raised["event"], &raised["page"]),
        (&json!("Patient/p1"), &json!("raised"), &json!(true)),
        "and the late one is not among them"
    );
    let id = &raised["alertId"];
    let path = format!("/api/v1/alerts/{}/acknowledge", id.as_str().unwrap());
    assert_eq!(
        server.send("POST", &path, &nurse, Some(&json!({}))).await.0,
        200
    );
    for second in 5..9 {
        let calm = heart_rate("d1", "80", onset + second * 1_000_000);
        gateway
            .deliver(&topic("g1", "d1"), calm.as_bytes())
            .await
            .unwrap();
    }
    eventually("its end", async || {
        let heard = events(&feed, id);
        heard
            .iter()
            .any(|(event, _)| event == "resolved")
            .then_some(())
    })
    .await;
    let heard = events(&feed, id);
    for event in ["raised", "acknowledged", "resolved"] {
        let found = heard.iter().filter(|(name, _)| name == event);
        assert_eq!(found.count(), 1, "{event} in {heard:?}");
    }
    assert!(
        heard
            .iter()
            .all(|(event, page)| *page == (event == "raised")),
        "{heard:?}"
    );
    // The outbox is empty, and the pager has heard no more.
    eventually("an empty outbox", async || {
        (server.metric("wardline_outbox_pending").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(events(&pager, id), [("raised".to_owned(), true)]);
    assert_eq!(bodies(&pager).len(), 1);
}
