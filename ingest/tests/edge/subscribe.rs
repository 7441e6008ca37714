//! Commands, alerts, status and wills.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, SubscribeReasonCode};

use super::support::{Edge, PINGREQ, V5, connect, publish, subscribe};

const STATUS: &str = "wardline/v1/s/g/status";
const ALERTS: &str = "wardline/v1/s/alerts";

async fn subscribed(client: &mut V5, filter: &str) -> SubscribeReasonCode {
    client
        .client
        .subscribe(filter, QoS::AtLeastOnce)
        .await
        .unwrap();
    match client
        .packet("SUBACK", |p| matches!(p, Packet::SubAck(_)))
        .await
    {
        Packet::SubAck(ack) => ack.return_codes[0],
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn a_gateway_gets_its_commands_and_nobody_elses() {
    let edge = Edge::start().await;
    let (mut g, mut h) = (edge.v5("g").await, edge.v5("h").await);
    let (granted, refused) = (
        SubscribeReasonCode::Success(QoS::AtLeastOnce),
        SubscribeReasonCode::NotAuthorized,
    );
    assert_eq!(subscribed(&mut g, "wardline/v1/s/g/command").await, granted);
    assert_eq!(subscribed(&mut h, "wardline/v1/s/h/command").await, granted);
    assert_eq!(subscribed(&mut h, "wardline/v1/s/g/command").await, refused);
    assert_eq!(subscribed(&mut h, "#").await, refused);
    assert_eq!(
        subscribed(&mut h, "$share/x/wardline/v1/s/h/command").await,
        SubscribeReasonCode::SharedSubscriptionsNotSupported
    );
    let minute = Some(Duration::from_secs(60));
    let reached = edge.handle.publish(
        "wardline/v1/s/g/command",
        Bytes::from_static(b"{}"),
        false,
        minute,
    );
    assert_eq!(reached, Ok(1));
    let command = g.message().await;
    assert_eq!(
        (&command.payload[..], command.qos, command.retain),
        (&b"{}"[..], QoS::AtLeastOnce, false)
    );
    let expiry = command.properties.unwrap().message_expiry_interval.unwrap();
    assert!((1..=60).contains(&expiry));
    // The answer is for the sink.
    g.client
        .publish(
            "wardline/v1/s/g/command/reply",
            QoS::AtLeastOnce,
            false,
            "done",
        )
        .await
        .unwrap();
    assert_eq!(g.puback().await.1, "Success");
    assert_eq!(
        edge.sink.seen()[0].route.format,
        wardline_ingest::COMMAND_REPLY
    );
    g.client
        .unsubscribe("wardline/v1/s/g/command")
        .await
        .unwrap();
    g.packet("UNSUBACK", |p| matches!(p, Packet::UnsubAck(_)))
        .await;
    assert_eq!(
        edge.handle
            .publish("wardline/v1/s/g/command", Bytes::new(), false, None),
        Ok(0)
    );
    assert_eq!(edge.stats().refused_subscription, 3);
    let mut raw = edge.raw().await;
    raw.send(&connect(5, "h.2", "h", 60, &[])).await;
    raw.next().await.unwrap();
    raw.send(&subscribe(5, 8, "a/#/b", 1)).await;
    assert_eq!(
        raw.next().await.unwrap(),
        (0x90, vec![0, 8, 0, 0x8f]),
        "invalid filter"
    );
    let mut old = edge.raw().await;
    old.connect(4, "h").await;
    old.send(&subscribe(4, 9, "wardline/v1/s/g/command", 1))
        .await;
    assert_eq!(old.next().await.unwrap(), (0x90, vec![0, 9, 0x80]));
}

#[tokio::test]
async fn readings_go_to_nobody_but_the_sink() {
    let edge = Edge::start().await;
    let mut nurse = edge.v5("nurse").await;
    assert_eq!(
        subscribed(&mut nurse, "wardline/v1/s/g/d/readings").await,
        SubscribeReasonCode::NotAuthorized
    );
    assert_eq!(
        subscribed(&mut nurse, ALERTS).await,
        SubscribeReasonCode::Success(QoS::AtLeastOnce)
    );
    let mut g = edge.v5("g").await;
    g.client
        .publish(ALERTS, QoS::AtLeastOnce, false, "fake")
        .await
        .unwrap();
    assert_eq!(g.puback().await.1, "NotAuthorized");
    edge.handle
        .publish(ALERTS, Bytes::from_static(b"real"), false, None)
        .unwrap();
    assert_eq!(&nurse.message().await.payload[..], b"real");
}

#[tokio::test]
async fn a_late_subscriber_gets_the_status_kept() {
    let edge = Edge::start().await;
    let mut g = edge.v5("g").await;
    g.client
        .publish(STATUS, QoS::AtLeastOnce, true, "online")
        .await
        .unwrap();
    assert_eq!(g.puback().await.1, "Success");
    let mut nurse = edge.v5("nurse").await;
    subscribed(&mut nurse, "wardline/v1/s/+/status").await;
    let kept = nurse.message().await;
    assert_eq!(
        (&kept.payload[..], kept.retain, &kept.topic[..]),
        (&b"online"[..], true, STATUS.as_bytes())
    );
    g.client
        .publish(STATUS, QoS::AtLeastOnce, true, "busy")
        .await
        .unwrap();
    let live = nurse.message().await;
    assert_eq!((&live.payload[..], live.retain), (&b"busy"[..], false));
    let statuses = edge.handle.statuses();
    assert_eq!(statuses.len(), 1);
    assert_eq!(
        (statuses[0].site.as_str(), statuses[0].gateway.as_str()),
        ("s", "g")
    );
    assert_eq!(&statuses[0].payload[..], b"busy");
    // Too much to keep is refused, an empty payload clears.
    g.client
        .publish(STATUS, QoS::AtLeastOnce, true, vec![b'x'; 300_000])
        .await
        .unwrap();
    g.client
        .publish(STATUS, QoS::AtLeastOnce, true, "")
        .await
        .unwrap();
    assert_eq!(g.puback().await.1, "Success");
    assert_eq!(g.puback().await.1, "QuotaExceeded");
    assert_eq!(g.puback().await.1, "Success");
    assert!(edge.handle.statuses().is_empty());
    let seen = edge.sink.seen();
    let status = |message: &wardline_ingest::Incoming| {
        message.route.format == wardline_ingest::GATEWAY_STATUS
    };
    assert!(seen.iter().all(status));
    assert_eq!(
        edge.sink.payloads(),
        ["online", "busy", ""],
        "the sink has what was kept, and acknowledges it"
    );
}

#[tokio::test]
async fn the_will_speaks_for_a_lost_client_only() {
    let edge = Edge::start().await;
    let mut nurse = edge.v5("nurse").await;
    subscribed(&mut nurse, "wardline/v1/s/g/status").await;
    let will = [(STATUS, "lost", 1, true)];
    for version in [4, 5] {
        let mut lost = edge.raw().await;
        lost.send(&connect(version, "g", "g", 60, &will)).await;
        lost.next().await.unwrap();
        drop(lost);
        assert_eq!(&nurse.message().await.payload[..], b"lost");
        let mut polite = edge.raw().await;
        polite.send(&connect(version, "g", "g", 60, &will)).await;
        polite.next().await.unwrap();
        polite.send(&[0xe0, 0]).await;
        assert!(polite.next().await.is_none());
    }
    let mut with_will = edge.raw().await;
    with_will.send(&connect(5, "g", "g", 60, &will)).await;
    with_will.next().await.unwrap();
    with_will.send(&[0xe0, 1, 4]).await;
    assert_eq!(
        &nurse.message().await.payload[..],
        b"lost",
        "DISCONNECT 0x04 asks for it"
    );
    assert_eq!(edge.stats().wills, 3);
    assert_eq!(&edge.handle.statuses()[0].payload[..], b"lost");
}

#[tokio::test]
async fn a_takeover_publishes_the_old_will_before_the_new_birth() {
    let edge = Edge::start().await;
    let mut nurse = edge.v5("nurse").await;
    subscribed(&mut nurse, "wardline/v1/s/g/status").await;
    let hello = [
        connect(5, "g", "g", 60, &[(STATUS, "lost", 1, true)]),
        publish(5, STATUS, 0, 0, b"born"),
    ]
    .concat();
    let mut first = edge.raw().await;
    first.send(&hello).await;
    assert_eq!(&nurse.message().await.payload[..], b"born");
    let mut second = edge.raw().await;
    second.send(&hello).await;
    assert_eq!(&nurse.message().await.payload[..], b"lost");
    assert_eq!(&nurse.message().await.payload[..], b"born");
    assert_eq!(edge.stats().wills, 1);
}

#[tokio::test]
async fn a_will_on_a_reading_topic_reaches_the_sink() {
    let edge = Edge::start().await;
    let mut lost = edge.raw().await;
    lost.send(&connect(
        5,
        "g",
        "g",
        60,
        &[("wardline/v1/s/g/d1/alarms", "gone", 1, false)],
    ))
    .await;
    lost.next().await.unwrap();
    drop(lost);
    edge.sink.wait_for(1).await;
    assert_eq!(edge.sink.payloads(), ["gone"]);
}

#[tokio::test]
async fn a_subscriber_that_does_not_keep_up_is_disconnected() {
    let edge = Edge::start().await;
    let mut nurse = edge.raw().await;
    nurse.connect(5, "nurse").await;
    nurse.send(&subscribe(5, 1, ALERTS, 1)).await;
    assert_eq!(nurse.next().await.unwrap().0, 0x90);
    // It acknowledges nothing: 32 go out, 256 wait, one more is too many.
    for i in 0..289 {
        let heard = usize::from(i < 288);
        assert_eq!(
            edge.handle
                .publish(ALERTS, Bytes::from(format!("{i}")), false, None),
            Ok(heard)
        );
        if i == 31 {
            for _ in 0..32 {
                assert_eq!(nurse.next().await.unwrap().0, 0x32);
            }
        }
    }
    let (first, body) = nurse.next().await.unwrap();
    assert_eq!((first, body[0]), (0xe0, 0x97));
    assert_eq!(edge.stats().slow_subscribers, 1);
}

#[tokio::test]
async fn acknowledged_messages_make_room_for_the_next() {
    let edge = Edge::start().await;
    let mut nurse = edge.v5("nurse").await;
    subscribed(&mut nurse, ALERTS).await;
    for i in 0..200 {
        edge.handle
            .publish(ALERTS, Bytes::from(format!("{i}")), false, None)
            .unwrap();
    }
    for i in 0..200 {
        assert_eq!(
            &nurse.message().await.payload[..],
            format!("{i}").as_bytes()
        );
    }
    assert_eq!(edge.stats().slow_subscribers, 0);
}

#[tokio::test]
async fn what_the_subscriber_cannot_take_is_counted() {
    let edge = Edge::start().await;
    let mut options = edge.options("nurse");
    options.set_max_packet_size(Some(200));
    let mut nurse = V5::new(options);
    nurse
        .packet("CONNACK", |p| matches!(p, Packet::ConnAck(_)))
        .await;
    subscribed(&mut nurse, ALERTS).await;
    edge.handle
        .publish(ALERTS, Bytes::from(vec![b'x'; 400]), false, None)
        .unwrap();
    edge.handle
        .publish(ALERTS, Bytes::from_static(b"short"), false, None)
        .unwrap();
    assert_eq!(&nurse.message().await.payload[..], b"short");
    assert_eq!(edge.stats().undeliverable, 1);
}

#[tokio::test]
async fn subscriptions_of_one_connection_are_bounded() {
    let edge = Edge::start().await;
    let mut nurse = edge.raw().await;
    nurse.connect(5, "nurse").await;
    for i in 0..33u8 {
        nurse
            .send(&subscribe(
                5,
                u16::from(i) + 1,
                &format!("wardline/v1/s/g{i}/status"),
                0,
            ))
            .await;
        let (_, body) = nurse.next().await.unwrap();
        assert_eq!(*body.last().unwrap(), if i < 32 { 0 } else { 0x97 });
    }
    nurse.send(&PINGREQ).await;
    assert_eq!(nurse.next().await.unwrap().0, 0xd0);
}
