//! A receiver that is down for ten minutes by the server's clock, and one that refuses for ever.

use serde_json::Value;

use super::{RULES, SECRET};
use crate::harness::clock::Clock;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::webhook::{Down, Webhook};
use crate::harness::{Server, Setup, eventually, heart_rate, now};

fn setup(address: std::net::SocketAddr, clock: &Clock) -> Setup {
    let config = format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{address}/\"\nsecret = {SECRET:?}\n"
    );
    Setup {
        config,
        rules: Some(RULES.to_owned()),
        env: [clock.env(), without_topic()].concat(),
    }
}

/// The pager alone is told.
fn without_topic() -> Vec<(String, String)> {
    vec![("WARDLINE_ALERT_TOPIC".to_owned(), "false".to_owned())]
}

/// A race and its end: raised, recovering and resolved.
async fn episode(gateway: &mut Publisher, device: &str, onset: i64) {
    super::race(gateway, device, onset).await;
    for second in 5..9 {
        let calm = heart_rate(device, "80", onset + second * 1_000_000);
        gateway
            .deliver(&topic("g1", device), calm.as_bytes())
            .await
            .unwrap();
    }
}

async fn alerts(server: &Server) -> Vec<Value> {
    let listed = server.get("/api/v1/alerts?state=resolved").await;
    listed["items"].as_array().unwrap().clone()
}

/// Deliveries of all listed alerts in this state, by the inbox.
async fn delivery(server: &Server, state: &str) -> i64 {
    let alerts = alerts(server).await;
    let counts = alerts.iter().map(|alert| alert["delivery"][state].as_i64());
    counts.map(|count| count.unwrap_or_default()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_minutes_without_the_receiver_lose_nothing_and_keep_the_order() {
    let (clock, down) = (Clock::new(), Down::new());
    let server = Server::start(&setup(down.address, &clock));
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let onset = now() - 12_000_000;
    for number in 1..=3 {
        let (patient, device) = (format!("p{number}"), format!("d{number}"));
        server.admit(&patient, &device).await;
        episode(&mut gateway, &device, onset).await;
    }
    let resolved = eventually("three alerts that came and went", async || {
        Some(alerts(&server).await).filter(|alerts| alerts.len() == 3)
    })
    .await;
    let owed = server.metric("wardline_outbox_pending").await;
    assert!(owed >= 6.0, "{owed} entries");

    // Minute by minute, each with attempts that fail.
    for minute in 1..=10 {
        let before = server.metric("wardline_delivery_failures_total").await;
        clock.ahead(minute * 60);
        eventually("another attempt", async || {
            let after = server.metric("wardline_delivery_failures_total").await;
            (after >= before + 3.0).then_some(())
        })
        .await;
        assert_eq!(server.metric("wardline_outbox_pending").await, owed);
        assert_eq!(
            delivery(&server, "pending").await,
            owed as i64,
            "the inbox says so"
        );
    }
    assert_eq!(server.metric("wardline_outbox_dead").await, 0.0);
    let unheard = alerts(&server).await;
    assert!(
        unheard
            .iter()
            .all(|alert| alert["delivery"]["lastError"].is_string())
    );
    assert_eq!(delivery(&server, "delivered").await, 0);

    let webhook = down.up();
    clock.ahead(12 * 60);
    eventually("everything", async || {
        (server.metric("wardline_outbox_pending").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(delivery(&server, "pending").await, 0);
    assert_eq!(delivery(&server, "delivered").await, owed as i64);
    let bodies = webhook.bodies();
    assert_eq!(bodies.len(), owed as usize, "each once");
    for alert in &resolved {
        let told = bodies
            .iter()
            .filter(|body| body["alertId"] == alert["alertId"]);
        let told: Vec<&str> = told.map(|body| body["event"].as_str().unwrap()).collect();
        assert_eq!(
            (told.first(), told.last()),
            (Some(&"raised"), Some(&"resolved"))
        );
        let query = format!(
            "SELECT event FROM alert WHERE alert_id = '{}' ORDER BY seq, ordinal",
            alert["alertId"].as_str().unwrap()
        );
        let happened: Vec<String> = server
            .sql(&query)
            .await
            .iter()
            .map(|row| row[0].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told, happened, "in the order in which it happened");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_a_dead_letter_and_holds_up_nothing() {
    // Refused for good; later told to come again after a while.
    let webhook =
        Webhook::answering(vec!["400 Bad Request", "429 Slow down\r\nretry-after: 900"]).await;
    let clock = Clock::new();
    let server = Server::start(&setup(webhook.address, &clock));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    episode(&mut gateway, "d1", now() - 12_000_000).await;
    eventually("two answers", async || {
        (webhook.bodies().len() >= 2).then_some(())
    })
    .await;
    eventually("the second failure", async || {
        (server.metric("wardline_delivery_failures_total").await >= 2.0).then_some(())
    })
    .await;
    assert_eq!(server.metric("wardline_outbox_dead").await, 1.0);
    assert_eq!(server.metric("wardline_delivery_given_up_total").await, 1.0);
    assert!(server.log().contains("a delivery was given up"));
    // Nothing else of this alert goes before the one that waits, for a quarter of an hour.
    clock.ahead(20 * 60);
    eventually("the rest", async || {
        let pending = server.metric("wardline_outbox_pending").await;
        (pending == 0.0 && webhook.bodies().len() >= 3).then_some(())
    })
    .await;
    let bodies = webhook.bodies();
    assert_eq!(bodies[0]["event"], "raised");
    assert_ne!(
        bodies[1]["event"], "raised",
        "the dead one lets the next go"
    );
    assert_eq!(bodies[1], bodies[2], "again, when the receiver said");
    let listed = alerts(&server).await;
    assert_eq!(listed[0]["delivery"]["dead"], 1, "{listed:?}");
    assert_eq!(
        listed[0]["delivery"]["lastError"],
        "answered 400 Bad Request"
    );
}
