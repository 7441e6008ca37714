//! The alert topic as a channel: a notification is for somebody, and waits until somebody subscribes.

use rumqttc::MqttOptions;
use serde_json::Value;

use super::{RULES, listen, race, subscribe, token};
use crate::harness::broker::Broker;
use crate::harness::cli::cli;
use crate::harness::mqtt::Publisher;
use crate::harness::{Server, Setup, eventually, now};

const TOPIC: &str = "wardline/v1/s1/alerts";

/// A routing file that sends everything to one channel.
fn routing(dir: &tempfile::TempDir, channel: &str) -> String {
    let file = dir.path().join("routing.toml");
    let text = format!("[[route]]\nid = \"all\"\nto = [\"channel:{channel}\"]\n");
    std::fs::write(&file, text).unwrap();
    format!("[routing]\nfile = {file:?}\n")
}

async fn raised(config: String) -> (Server, Publisher) {
    let events = ("WARDLINE_ALERT_TOPIC_EVENTS".to_owned(), "none".to_owned());
    let server = Server::start(&Setup {
        config,
        rules: Some(RULES.to_owned()),
        env: vec![events],
    });
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    (server, gateway)
}

/// The alert's delivery, once an attempt found nobody.
async fn unheard(server: &Server) {
    let delivery = eventually("an attempt", async || {
        let listed = server.get("/api/v1/alerts?patient=p1").await;
        let delivery = listed["items"][0]["delivery"].clone();
        delivery["lastError"].is_string().then_some(delivery)
    })
    .await;
    assert_eq!(delivery["lastError"], "nobody subscribes to the topic");
    assert_eq!(
        (&delivery["pending"], &delivery["delivered"]),
        (&1.into(), &0.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_waits_for_a_subscriber_of_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let (server, _gateway) = raised(routing(&dir, "mqtt")).await;
    unheard(&server).await;
    let read = token(&server, "screen", "read").await;
    let mut heard = subscribe(&server, "screen", &read, TOPIC).await;
    let heard: Value = serde_json::from_slice(&heard.recv().await.unwrap()).unwrap();
    assert_eq!(
        (&heard["kind"], &heard["channel"]),
        (&"page".into(), &"mqtt".into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_waits_for_a_subscriber_of_a_broker() {
    let (dir, broker) = (tempfile::tempdir().unwrap(), Broker::start());
    let config = format!(
        "{}[[broker]]\nname = \"ward\"\nhost = \"127.0.0.1\"\nport = {}\n",
        routing(&dir, "mqtt/ward"),
        broker.port
    );
    let (server, _gateway) = raised(config).await;
    unheard(&server).await;
    let mut heard = listen(MqttOptions::new("nurse", "127.0.0.1", broker.port), TOPIC).await;
    let heard: Value = serde_json::from_slice(&heard.recv().await.unwrap()).unwrap();
    assert_eq!(heard["channel"], "mqtt/ward");
    eventually("its mark", async || {
        (server.metric("wardline_outbox_pending").await == 0.0).then_some(())
    })
    .await;
}

#[test]
fn a_channel_that_is_not_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("wardline.toml");
    let check = |mqtt: &str| {
        let routing = routing(&dir, "mqtt");
        let text = format!(
            "site = \"s1\"\n{routing}[mqtt]\nenabled = {mqtt}\n\
             [[broker]]\nname = \"ward\"\nhost = \"127.0.0.1\"\n"
        );
        std::fs::write(&config, text).unwrap();
        cli(&["config", "check", "--config", config.to_str().unwrap()]).run()
    };
    let sound = check("true");
    assert_eq!(sound.code, 0, "{}", sound.talk);
    let faulty = check("false");
    assert_eq!(faulty.code, 1, "{}", faulty.talk);
    assert!(
        faulty.talk.contains("no receiver `mqtt`"),
        "{}",
        faulty.talk
    );
}
