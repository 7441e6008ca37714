//! What is urgent does not wait for what is not.

use serde_json::json;

use super::{SECRET, links, posts};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::teams::{HANG, Teams};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const RULES: &str = r#"
[[rule]]
id = "fast"
title = "Heart rate above 100 /min"
kind = "threshold"
metric = "8867-4"
above = 100
unit = "/min"
priority = "low"

[[rule]]
id = "very-fast"
title = "Heart rate above 150 /min"
kind = "threshold"
metric = "8867-4"
above = 150
unit = "/min"
priority = "high"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_high_priority_does_not_wait_for_the_low_before_it() {
    let webhook = Webhook::answering(vec!["429 Slow down\r\nretry-after: 3600"]).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("routing.toml");
    let routing = "[[route]]\nid = \"all\"\nto = [\"channel:pager\"]\n";
    std::fs::write(&file, routing).unwrap();
    let server = Server::start(&Setup {
        config: format!(
            "[routing]\nfile = {file:?}\n[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = {SECRET:?}\n",
            webhook.address
        ),
        rules: Some(RULES.to_owned()),
        env: vec![("WARDLINE_ALERT_TOPIC".to_owned(), "false".to_owned())],
    });
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let mut beats = async |rate: &str| {
        let beat = heart_rate("d1", rate, now());
        let topic = topic("g1", "d1");
        gateway.deliver(&topic, beat.as_bytes()).await.unwrap();
    };
    beats("110").await;
    eventually("the low one to be put off for an hour", async || {
        let failures = server.metric("wardline_delivery_failures_total").await;
        (failures == 1.0).then_some(())
    })
    .await;
    beats("160").await;
    eventually("the high one", async || {
        (posts(&webhook).len() >= 3).then_some(())
    })
    .await;
    let told: Vec<_> = webhook
        .bodies()
        .iter()
        .map(|body| body["priority"].clone())
        .collect();
    assert_eq!(
        told,
        [json!("low"), json!("low"), json!("high")],
        "in order"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_high_priority_does_not_wait_for_low_ones_that_hang() {
    let workflow = Teams::answering(vec![HANG, HANG]);
    let server = Server::start(&Setup {
        config: links::teams(&workflow),
        rules: Some(RULES.to_owned()),
        env: vec![("WARDLINE_ALERT_TOPIC".to_owned(), "false".to_owned())],
    });
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    for (number, rate) in [(1, "110"), (2, "110"), (3, "160")] {
        let (patient, device) = (format!("p{number}"), format!("d{number}"));
        server.admit(&patient, &device).await;
        let beat = heart_rate(&device, rate, now());
        let topic = topic("g1", &device);
        gateway.deliver(&topic, beat.as_bytes()).await.unwrap();
        eventually("its card", async || {
            (workflow.cards().len() >= number).then_some(())
        })
        .await;
    }
    let last = workflow.cards()[2].to_string();
    assert!(last.contains("high alert"), "{last}");
    let failures = server.metric("wardline_delivery_failures_total").await;
    assert_eq!(failures, 0.0, "the two still hang");
}
