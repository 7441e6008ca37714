//! Publishing: what reaches the sink, and when it is acknowledged.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, PublishProperties};
use wardline_ingest::{DeviceFrom, Principals, Route};

use super::support::{Edge, PINGREQ, Setup, V5, connect, patiently, publish};

const TOPIC: &str = "wardline/v1/s/g/d1/readings";

#[tokio::test]
async fn a_reading_arrives_with_everything_the_packet_says() {
    let edge = Edge::start().await;
    let mut client = edge.v5("g").await;
    let properties = PublishProperties {
        content_type: Some("application/senml+json".to_owned()),
        user_properties: vec![
            ("a".to_owned(), "1".to_owned()),
            ("a".to_owned(), "2".to_owned()),
        ],
        ..PublishProperties::default()
    };
    client
        .client
        .publish_with_properties(TOPIC, QoS::AtLeastOnce, true, "[]", properties)
        .await
        .unwrap();
    assert_eq!(client.puback().await, (1, "Success".to_owned()));
    let seen = edge.sink.seen();
    let m = &seen[0];
    assert_eq!(
        (m.route.name.as_str(), m.route.format.as_str()),
        ("readings", "senml")
    );
    assert_eq!(
        (m.site.as_deref(), m.gateway.as_deref(), m.device.as_deref()),
        (Some("s"), Some("g"), Some("d1"))
    );
    assert_eq!((m.topic.as_str(), &m.payload[..]), (TOPIC, &b"[]"[..]));
    assert_eq!(m.content_type.as_deref(), Some("application/senml+json"));
    assert_eq!(m.user_properties.len(), 2);
    assert_eq!(m.principal.as_ref().unwrap().name, "g");
    assert!(m.received > 1_700_000_000_000_000, "µs since 1970");
    let stats = edge.stats();
    assert_eq!(
        (
            stats.received,
            stats.acked,
            stats.in_flight,
            stats.bytes_buffered
        ),
        (1, 1, 0, 0)
    );
}

#[tokio::test]
async fn mqtt_3_1_1_clients_publish_too() {
    let edge = Edge::start().await;
    let mut options = rumqttc::MqttOptions::new("g-old", "127.0.0.1", edge.address.port());
    options.set_credentials("g", "secret");
    let (client, mut eventloop) = rumqttc::AsyncClient::new(options, 10);
    client
        .publish(
            "wardline/v1/s/g/d1/alarms",
            rumqttc::QoS::AtLeastOnce,
            false,
            "[1]",
        )
        .await
        .unwrap();
    client
        .publish(TOPIC, rumqttc::QoS::AtMostOnce, false, "[2]")
        .await
        .unwrap();
    patiently("PUBACK", async {
        while !matches!(
            eventloop.poll().await.unwrap(),
            rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))
        ) {}
    })
    .await;
    let polling = tokio::spawn(async move { while eventloop.poll().await.is_ok() {} });
    edge.sink.wait_for(2).await;
    assert_eq!(edge.sink.payloads(), ["[1]", "[2]"]);
    polling.abort();
}

#[tokio::test]
async fn pipelined_acknowledgements_wait_for_the_sink_and_keep_their_order() {
    let edge = Edge::start().await;
    let mut client = edge.v5("g").await;
    edge.sink.hold(true);
    for i in 0..500 {
        client
            .client
            .publish(TOPIC, QoS::AtLeastOnce, false, format!("{i}"))
            .await
            .unwrap();
    }
    // A publication without the right to its topic is answered in its turn, too.
    client
        .client
        .publish("wardline/v1/s/h/d/readings", QoS::AtLeastOnce, false, "x")
        .await
        .unwrap();
    edge.until("all in flight", |stats| {
        stats.in_flight == 500 && stats.refused_rights == 1
    })
    .await;
    assert_eq!(
        edge.stats().acked,
        0,
        "nothing is acknowledged before the sink has it"
    );
    edge.sink.hold(false);
    for id in 1..=500 {
        assert_eq!(client.puback().await, (id, "Success".to_owned()));
    }
    assert_eq!(client.puback().await, (501, "NotAuthorized".to_owned()));
    let expected: Vec<String> = (0..500).map(|i| i.to_string()).collect();
    assert_eq!(edge.sink.payloads(), expected);
    assert!(edge.stats().batches < 500, "micro-batches, not messages");
}

#[tokio::test]
async fn a_lost_connection_loses_no_message_and_a_repeat_is_taken_again() {
    let edge = Edge::start().await;
    edge.sink.hold(true);
    let mut first = edge.raw().await;
    first.connect(5, "g").await;
    first.send(&publish(5, TOPIC, 1, 7, b"once")).await;
    edge.sink.wait_for(1).await;
    drop(first);
    edge.until("the connection to end", |stats| stats.connections == 0)
        .await;
    edge.sink.hold(false);
    let mut again = edge.raw().await;
    assert_eq!(
        again.connect(5, "g").await[..2],
        [0, 0],
        "session present is always 0"
    );
    let mut repeat = publish(5, TOPIC, 1, 7, b"once");
    repeat[0] |= 0b1000;
    again.send(&repeat).await;
    assert_eq!(again.next().await.unwrap().1[..2], [0, 7]);
    assert_eq!(
        edge.sink.payloads(),
        ["once", "once"],
        "telling repeats apart is the store's"
    );
}

#[tokio::test]
async fn connack_says_what_is_on_offer() {
    let edge = Edge::with(Setup::default(), |config| config.max_keep_alive = 30).await;
    let mut options = edge.options("g");
    options.set_client_id(String::new());
    let mut client = V5::new(options);
    let connack = client
        .packet("CONNACK", |p| matches!(p, Packet::ConnAck(_)))
        .await;
    let Packet::ConnAck(ConnAck {
        session_present,
        properties: Some(offer),
        ..
    }) = connack
    else {
        unreachable!()
    };
    assert!(!session_present);
    assert_eq!(offer.session_expiry_interval, Some(0));
    assert_eq!(
        (offer.receive_max, offer.max_qos, offer.retain_available),
        (Some(1_024), Some(1), Some(1))
    );
    assert_eq!(
        (offer.max_packet_size, offer.topic_alias_max),
        (Some(1 << 20), Some(8))
    );
    assert_eq!(
        (
            offer.wildcard_subscription_available,
            offer.shared_subscription_available
        ),
        (Some(1), Some(0))
    );
    assert_eq!(
        (
            offer.subscription_identifiers_available,
            offer.server_keep_alive
        ),
        (Some(0), Some(30))
    );
    assert!(offer.assigned_client_identifier.unwrap().starts_with("g."));
}

#[tokio::test]
async fn configured_routes_take_other_formats_from_whom_they_name() {
    let route = Route {
        name: "vendor".to_owned(),
        filter: "vendor/+/vitals".to_owned(),
        format: "medtech".to_owned(),
        principals: Principals::Named(vec!["g".to_owned()]),
        device: DeviceFrom::TopicLevel(1),
    };
    let edge = Edge::with(
        Setup {
            routes: vec![route],
            ..Setup::default()
        },
        |_| {},
    )
    .await;
    let (mut named, mut other) = (edge.v5("g").await, edge.v5("h").await);
    named
        .client
        .publish("vendor/d9/vitals", QoS::AtLeastOnce, false, "{}")
        .await
        .unwrap();
    assert_eq!(named.puback().await.1, "Success");
    other
        .client
        .publish("vendor/d9/vitals", QoS::AtLeastOnce, false, "{}")
        .await
        .unwrap();
    assert_eq!(other.puback().await.1, "NotAuthorized");
    other
        .client
        .publish("vendor/d9/other", QoS::AtLeastOnce, false, "{}")
        .await
        .unwrap();
    assert_eq!(other.puback().await.1, "TopicNameInvalid");
    let seen = edge.sink.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(
        (seen[0].route.format.as_str(), seen[0].device.as_deref()),
        ("medtech", Some("d9"))
    );
    assert_eq!(
        (edge.stats().refused_rights, edge.stats().refused_route),
        (1, 1)
    );
}

#[tokio::test]
async fn topic_aliases_stand_for_their_topic() {
    let edge = Edge::start().await;
    let mut client = edge.v5("g").await;
    let alias = || PublishProperties {
        topic_alias: Some(3),
        ..PublishProperties::default()
    };
    client
        .client
        .publish_with_properties(TOPIC, QoS::AtLeastOnce, false, "1", alias())
        .await
        .unwrap();
    assert_eq!(client.puback().await.1, "Success");
    let mut raw = edge.raw().await;
    raw.send(&connect(5, "g.2", "g", 60, &[])).await;
    raw.next().await.unwrap();
    // Topic alias property: 0x23 and two bytes.
    let with_alias = |topic: &str, id: u8| {
        let mut body = vec![0, u8::try_from(topic.len()).unwrap()];
        body.extend(topic.as_bytes());
        body.extend([0, id, 3, 0x23, 0, 3]);
        super::support::packet(0x32, &body)
    };
    raw.send(&with_alias(TOPIC, 1)).await;
    raw.send(&with_alias("", 2)).await;
    assert_eq!(raw.next().await.unwrap().1[..2], [0, 1]);
    assert_eq!(raw.next().await.unwrap().1[..2], [0, 2]);
    assert!(edge.sink.seen().iter().all(|m| m.topic == TOPIC));
}

#[tokio::test]
async fn an_orderly_stop_acknowledges_what_is_in_flight_first() {
    let edge = Edge::start().await;
    edge.sink.hold(true);
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    client.send(&publish(5, TOPIC, 1, 1, b"last")).await;
    edge.sink.wait_for(1).await;
    edge.shutdown.cancel();
    edge.sink.hold(false);
    assert_eq!(client.next().await.unwrap().1[..2], [0, 1]);
    let (first, body) = client.next().await.unwrap();
    assert_eq!((first, body[0]), (0xe0, 0x8b), "server shutting down");
    assert!(client.next().await.is_none());
    drop(client);
    patiently("the listener", edge.listener).await.unwrap();
    drop(edge.intake);
    assert_eq!(
        patiently("the batcher", edge.batcher).await.unwrap(),
        Ok(())
    );
}

#[tokio::test]
async fn an_orderly_stop_is_bounded_when_the_sink_stalls() {
    let change = |config: &mut wardline_ingest::ListenerConfig| {
        config.drain_timeout = Duration::from_millis(50)
    };
    let edge = Edge::with(Setup::default(), change).await;
    edge.sink.hold(true);
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    client.send(&publish(5, TOPIC, 1, 1, b"never")).await;
    edge.sink.wait_for(1).await;
    edge.shutdown.cancel();
    let (first, body) = client.next().await.unwrap();
    assert_eq!(
        (first, body[0]),
        (0xe0, 0x8b),
        "no acknowledgement, only goodbye"
    );
    drop(client);
    patiently("the listener", edge.listener).await.unwrap();
}

#[tokio::test]
async fn a_closed_sink_stops_acknowledgements_and_connections() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    client.send(&PINGREQ).await;
    assert_eq!(client.next().await.unwrap().0, 0xd0);
    edge.sink.close();
    client.send(&publish(5, TOPIC, 1, 1, b"x")).await;
    let (first, body) = client.next().await.unwrap();
    assert_eq!((first, body[0]), (0xe0, 0x8b));
    assert!(client.next().await.is_none());
    drop(client);
    patiently("the listener", edge.listener).await.unwrap();
    assert!(
        patiently("the batcher", edge.batcher)
            .await
            .unwrap()
            .is_err()
    );
    assert_eq!(edge.intake.stats().snapshot().acked, 0);
}
