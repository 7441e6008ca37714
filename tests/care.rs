//! Limits of a ward or a patient, silences, what is building up, and dead letters: through the API and the command
//! line, on a running server and between two runs of it.

mod alerts;
mod beds;
mod limits;
mod outbox;
mod pending;
mod silences;

use serde_json::Value;

use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, eventually, heart_rate, now};

/// Alarms with one reading and is over with one.
const RULES: &str = r#"
[limits]
review-alerts = 1
[[rule]]
id = "tachycardia"
title = "Heart rate above 120 /min"
kind = "threshold"
metric = "8867-4"
above = 120
unit = "/min"
clear = { below = 110 }
priority = "medium"

[[rule]]
id = "long-tachycardia"
title = "Heart rate above 125 /min for an hour"
kind = "threshold"
metric = "8867-4"
above = 125
unit = "/min"
for = "1h"
priority = "low"
"#;

fn setup() -> Setup {
    Setup {
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    }
}

/// Patients p1 and p2 with devices d1 and d2, and the gateway behind which they are.
async fn ward(server: &Server) -> Publisher {
    server.admit("p1", "d1").await;
    server.admit("p2", "d2").await;
    let secret = server.gateway_token("g1").await;
    Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap()
}

async fn measured(gateway: &mut Publisher, device: &str, rate: &str) {
    let pack = heart_rate(device, rate, now());
    gateway
        .deliver(&topic("g1", device), pack.as_bytes())
        .await
        .unwrap();
}

/// Alerts of a patient by the rule that alarms at once, the latest first.
async fn alerts(server: &Server, patient: &str) -> Vec<Value> {
    let path = format!("/api/v1/alerts?rule=tachycardia&patient={patient}");
    let listed = server.get(&path).await;
    listed["items"].as_array().unwrap().clone()
}

/// The only open alert of a patient by that rule, once it is there.
async fn alarms(server: &Server, patient: &str) -> Value {
    eventually("an alert", async || {
        let found = alerts(server, patient).await;
        found.into_iter().find(|alert| alert["state"] == "active")
    })
    .await
}

/// Waits until a patient has none open.
async fn calm(server: &Server, patient: &str) {
    eventually("its end", async || {
        let found = alerts(server, patient).await;
        found
            .iter()
            .all(|alert| alert["state"] == "resolved")
            .then_some(())
    })
    .await;
}
