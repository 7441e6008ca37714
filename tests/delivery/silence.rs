//! Absence, by the clock that the log carries.

use serde_json::json;

use super::setup;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const SILENCE: &str = r#"
[[rule]]
id = "device-silent"
title = "A monitor says nothing"
kind = "absence"
metric = "MDC_ECG_HEART_RATE"
expect-every = "1s"
grace = "1s"
class = "technical"
priority = "low"
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_device_is_noticed_and_its_return_too() {
    let webhook = Webhook::start(0).await;
    let mut setup = setup(&webhook);
    setup.config.push_str("[intake]\ntick = \"100ms\"\n");
    let server = Server::start(&Setup {
        rules: Some(SILENCE.to_owned()),
        ..setup
    });
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    gateway
        .deliver(&topic("g1", "d1"), heart_rate("d1", "72", now()).as_bytes())
        .await
        .unwrap();
    let alerts = async |state: &str| {
        let listed = server
            .get(&format!("/api/v1/alerts?rule=device-silent&state={state}"))
            .await;
        listed["items"].as_array().unwrap().first().cloned()
    };
    let alert = eventually("silence", || alerts("active")).await;
    assert_eq!(alert["subject"], "Device/d1");
    assert_eq!(
        (&alert["class"], &alert["priority"]),
        (&json!("technical"), &json!("low"))
    );
    gateway
        .deliver(&topic("g1", "d1"), heart_rate("d1", "73", now()).as_bytes())
        .await
        .unwrap();
    let resolved = eventually("its return", || alerts("resolved")).await;
    assert_eq!(resolved["alertId"], alert["alertId"]);
    assert!(resolved["ended"].is_string());
}
