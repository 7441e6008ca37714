//! From a reading to those who must know: raised once, delivered at least once, told apart, acknowledged.

mod choice;
mod clocks;
mod interrupted;
pub(crate) mod links;
mod mended;
mod outage;
mod routed;
mod routing;
mod silence;
mod topic;
mod urgent;
mod watchdog;
mod worker;

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::mpsc;

use crate::harness::mqtt::{Publisher, topic};
use crate::harness::webhook::{Post, Webhook};
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const SECRET: &str = "what the receiver and we know";

const RULES: &str = r#"
[[rule]]
id = "tachycardia"
title = "Heart rate above 120 /min for 2 seconds"
kind = "threshold"
metric = "8867-4"
above = 120
unit = "/min"
for = "2s"
clear = { below = 110, for = "2s" }
priority = "high"
"#;

/// The event form of the contract: every field is there, absent ones null.
const FIELDS: &[&str] = &[
    "alertId",
    "ruleId",
    "ruleVersion",
    "subject",
    "deviceId",
    "class",
    "priority",
    "event",
    "state",
    "acknowledgedBy",
    "acknowledgedAt",
    "silencedUntil",
    "escalationLevel",
    "onset",
    "ended",
    "eventTime",
    "processedTime",
    "value",
    "unit",
    "message",
    "evidence",
    "limitLow",
    "limitHigh",
    "limitSource",
    "latched",
    "silencedBy",
    "repeats",
    "page",
];

fn setup(webhook: &Webhook) -> Setup {
    let url = format!("http://{}/alerts", webhook.address);
    let config = format!("[[webhook]]\nname = \"pager\"\nurl = {url:?}\nsecret = {SECRET:?}\n");
    Setup {
        config,
        rules: Some(RULES.to_owned()),
        ..Setup::default()
    }
}

async fn token(server: &Server, name: &str, role: &str) -> String {
    let issued = server
        .post("/api/v1/tokens", &json!({"name": name, "role": role}))
        .await;
    issued["secret"].as_str().unwrap().to_owned()
}

/// Whether `Wardline-Signature` is the HMAC-SHA256 of time and body with the shared secret, and recent.
fn is_signed(post: &Post) -> bool {
    let (time, signature) = post.signature.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    assert!(
        (now() / 1_000_000 - time.parse::<i64>().unwrap()).abs() < 120,
        "signed now: {time}"
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(&post.body);
    let expected: String = mac
        .finalize()
        .into_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    expected == signature
}

fn posts(webhook: &Webhook) -> Vec<Post> {
    webhook.posts.lock().unwrap().clone()
}

/// Messages of a topic as they come, once the subscription stands.
async fn subscribe(
    server: &Server,
    name: &str,
    secret: &str,
    topic: &str,
) -> mpsc::Receiver<Vec<u8>> {
    let mut options = MqttOptions::new(name, server.mqtt.ip().to_string(), server.mqtt.port());
    options.set_credentials(name, secret);
    listen(options, topic).await
}

/// The same of any broker.
async fn listen(options: MqttOptions, topic: &str) -> mpsc::Receiver<Vec<u8>> {
    let (client, mut events) = AsyncClient::new(options, 10);
    client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
    loop {
        if let Event::Incoming(Packet::SubAck(ack)) = events.poll().await.unwrap() {
            assert!(
                matches!(
                    ack.return_codes[0],
                    rumqttc::SubscribeReasonCode::Success(_)
                ),
                "{ack:?}"
            );
            break;
        }
    }
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        let _client = client;
        while let Ok(event) = events.poll().await {
            if let Event::Incoming(Packet::Publish(publish)) = event
                && sender.send(publish.payload.to_vec()).await.is_err()
            {
                return;
            }
        }
    });
    receiver
}

/// A heart that races from `at` on for four seconds.
async fn race(gateway: &mut Publisher, device: &str, at: i64) {
    for second in 0..5 {
        let pack = heart_rate(
            device,
            &format!("{}", 130 + second),
            at + second * 1_000_000,
        );
        gateway
            .deliver(&topic("g1", device), pack.as_bytes())
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_reaches_every_receiver_and_is_acknowledged() {
    let webhook = Webhook::start(1).await;
    let server = Server::start(&setup(&webhook));
    server.admit("p1", "d1").await;
    server.admit("p2", "d2").await;
    let (read, operate) = (
        token(&server, "screen", "read").await,
        token(&server, "nurse", "operate").await,
    );
    let mut topic_alerts = subscribe(&server, "screen", &read, "wardline/v1/s1/alerts").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let onset = now() - 10_000_000;
    race(&mut gateway, "d1", onset).await;

    // Two attempts of one event: the first was answered with 503.
    eventually("the second attempt", async || {
        (posts(&webhook).len() >= 2).then_some(())
    })
    .await;
    let delivered = posts(&webhook);
    assert!(delivered.iter().all(is_signed), "{delivered:?}");
    assert_eq!(
        delivered[0].key, delivered[1].key,
        "a receiver can tell a repeat"
    );
    assert_eq!(delivered[0].body, delivered[1].body);
    let event: Value = serde_json::from_slice(&delivered[1].body).unwrap();
    let names: Vec<&str> = event
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert!(
        FIELDS.iter().all(|field| names.contains(field)) && names.len() == FIELDS.len(),
        "{names:?}"
    );
    for (field, expected) in [
        ("ruleId", json!("tachycardia")),
        ("subject", json!("Patient/p1")),
        ("deviceId", json!("d1")),
        ("class", json!("physiological")),
        ("priority", json!("high")),
        ("event", json!("raised")),
        ("state", json!("active")),
        ("acknowledgedBy", Value::Null),
        ("ended", Value::Null),
        ("unit", json!("/min")),
        ("escalationLevel", json!(0)),
        ("page", json!(true)),
    ] {
        assert_eq!(event[field], expected, "{field} of {event}");
    }
    assert!(event["value"].as_f64().unwrap() > 120.0);
    let rows = server
        .sql("SELECT id FROM observation WHERE patient_id = 'p1'")
        .await;
    let evidence = event["evidence"].as_array().unwrap();
    assert!((1..=10).contains(&evidence.len()));
    assert!(
        evidence
            .iter()
            .all(|id| rows.iter().any(|row| row[0] == *id)),
        "{evidence:?} of {rows:?}"
    );

    // The same event on the topic, and in the list.
    let heard = topic_alerts.recv().await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&heard).unwrap(), event);
    let id = event["alertId"].as_str().unwrap();
    let listed = server.get("/api/v1/alerts?state=active&patient=p1").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["alertId"], id);
    assert_eq!(listed["items"][0]["onset"], event["onset"]);
    assert_eq!(
        server.metric("wardline_deliveries_total").await,
        2.0,
        "webhook and topic"
    );
    assert_eq!(server.metric("wardline_delivery_failures_total").await, 1.0);

    // Acknowledged by someone who may.
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    let note = json!({"note": "at the bedside"});
    assert_eq!(server.send("POST", &path, &read, Some(&note)).await.0, 403);
    let (status, answer) = server.send("POST", &path, &operate, Some(&note)).await;
    assert_eq!(
        (status, &answer["acknowledgedBy"]),
        (200, &json!("nurse")),
        "{answer}"
    );
    assert!(answer["acknowledgedAt"].is_string() && answer["state"] == "active");
    assert_eq!(
        server.get(&format!("/api/v1/alerts/{id}")).await["acknowledgedBy"],
        "nurse"
    );
    let query = format!(
        "SELECT event, acknowledged_by, state FROM alert WHERE alert_id = '{id}' ORDER BY seq, ordinal"
    );
    let events = eventually("both events in SQL", async || {
        Some(server.sql(&query).await).filter(|events| events.len() == 2)
    })
    .await;
    assert_eq!(events[0], [json!("raised"), Value::Null, json!("active")]);
    assert_eq!(
        events[1],
        [json!("acknowledged"), json!("nurse"), json!("active")]
    );

    // Everybody hears of it, and that it calls nobody.
    eventually("the acknowledgement", async || {
        (posts(&webhook).len() >= 3).then_some(())
    })
    .await;
    let told = posts(&webhook)[2].clone();
    assert!(is_signed(&told) && told.key != delivered[0].key);
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(
        (&told["event"], &told["acknowledgedBy"], &told["page"]),
        (&json!("acknowledged"), &json!("nurse"), &json!(false)),
        "{told}"
    );
    let heard = topic_alerts.recv().await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&heard).unwrap(), told);

    // A restart delivers nothing again: what comes next is the next alert.
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let before = posts(&webhook).len();
    assert_eq!(before, 3);
    let server = Server::start_in(Arc::clone(&dir), admin, &setup(&webhook));
    assert_eq!(
        server.get(&format!("/api/v1/alerts/{id}")).await["acknowledgedBy"],
        "nurse"
    );
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d2", now() - 10_000_000).await;
    eventually("the next alert", async || {
        (posts(&webhook).len() > before).then_some(())
    })
    .await;
    let after = posts(&webhook);
    assert_eq!(after.len(), before + 1);
    let next: Value = serde_json::from_slice(&after[before].body).unwrap();
    assert_eq!(next["subject"], "Patient/p2");
    assert_ne!(after[before].key, after[0].key);
}
