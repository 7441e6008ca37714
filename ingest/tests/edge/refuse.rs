//! Every refusal of design 5.1, as bytes.

use std::time::Duration;

use super::support::{Edge, PATIENCE, PINGREQ, Raw, Setup, connect, packet, publish};

const TOPIC: &str = "wardline/v1/s/g/d1/readings";

/// DISCONNECT with this reason, then the end of the connection.
async fn disconnected(client: &mut Raw, reason: u8) {
    let (first, body) = client.next().await.expect("DISCONNECT");
    assert_eq!((first, body[0]), (0xe0, reason));
    assert!(client.next().await.is_none(), "closed");
}

#[tokio::test]
async fn qos_2_ends_the_connection() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    client.send(&publish(5, TOPIC, 2, 1, b"x")).await;
    disconnected(&mut client, 0x9b).await;
    let mut old = edge.raw().await;
    old.connect(4, "g").await;
    old.send(&publish(4, TOPIC, 2, 1, b"x")).await;
    assert!(old.next().await.is_none(), "3.1.1 closes");
    assert_eq!(edge.stats().refused_qos, 2);
    assert!(edge.sink.seen().is_empty());
}

#[tokio::test]
async fn a_packet_over_the_maximum_is_refused_by_its_header() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    // 5 MiB are announced; not one byte of them is sent.
    client.send(&[0x32, 0x80, 0x80, 0xc0, 0x02]).await;
    disconnected(&mut client, 0x95).await;
    let mut whole = edge.raw().await;
    whole.connect(5, "g").await;
    whole
        .send(&publish(5, TOPIC, 1, 1, &vec![b'x'; 5 << 20]))
        .await;
    disconnected(&mut whole, 0x95).await;
    let mut old = edge.raw().await;
    old.connect(4, "g").await;
    old.send(&[0x32, 0x80, 0x80, 0xc0, 0x02]).await;
    assert!(old.next().await.is_none());
    assert_eq!(edge.stats().refused_oversize, 3);
    assert!(edge.stats().bytes_buffered_max < 1 << 20, "never buffered");
}

#[tokio::test]
async fn the_largest_packet_is_taken() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    let head = publish(5, TOPIC, 1, 1, b"").len() + 2;
    let whole = publish(5, TOPIC, 1, 1, &vec![b'x'; (1 << 20) - head]);
    assert_eq!(whole.len(), 1 << 20);
    client.send(&whole).await;
    assert_eq!(client.next().await.unwrap().0, 0x40);
}

#[tokio::test]
async fn a_topic_of_somebody_else_is_refused_and_not_stored() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    client
        .send(&publish(5, "wardline/v1/s/h/d1/readings", 1, 1, b"x"))
        .await;
    assert_eq!(client.next().await.unwrap(), (0x40, vec![0, 1, 0x87]));
    client.send(&publish(5, "somewhere/else", 1, 2, b"x")).await;
    assert_eq!(client.next().await.unwrap(), (0x40, vec![0, 2, 0x90]));
    client.send(&publish(5, TOPIC, 1, 3, b"x")).await;
    assert_eq!(
        client.next().await.unwrap().1[..2],
        [0, 3],
        "the connection goes on"
    );
    let mut old = edge.raw().await;
    old.connect(4, "h").await;
    old.send(&publish(4, TOPIC, 1, 1, b"x")).await;
    assert!(old.next().await.is_none(), "3.1.1 closes");
    assert_eq!(
        (edge.stats().refused_rights, edge.stats().refused_route),
        (2, 1)
    );
    assert_eq!(edge.sink.seen().len(), 1);
}

#[tokio::test]
async fn quarantine_over_quota_disconnects() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.connect(5, "g").await;
    let both = [
        publish(5, TOPIC, 1, 1, b"good"),
        publish(5, TOPIC, 1, 2, b"quota"),
    ]
    .concat();
    client.send(&both).await;
    assert_eq!(client.next().await.unwrap().1[..2], [0, 1]);
    disconnected(&mut client, 0x97).await;
    assert_eq!((edge.stats().refused_quota, edge.stats().acked), (1, 1));
}

#[tokio::test]
async fn nobody_is_anonymous_and_nobody_is_somebody_else() {
    let edge = Edge::start().await;
    // (version, CONNECT, CONNACK code)
    let anonymous = packet(
        0x10,
        &[0, 4, b'M', b'Q', b'T', b'T', 5, 2, 0, 60, 0, 0, 1, b'g'],
    );
    let anonymous_old = packet(
        0x10,
        &[0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 60, 0, 1, b'g'],
    );
    let status = "wardline/v1/s/h/status";
    let mut no_clean = connect(4, "", "g", 60, &[]);
    no_clean[9] &= !0b10;
    for (bytes, code) in [
        (anonymous, 0x87),
        (anonymous_old, 5),
        (connect(5, "g", "unknown", 60, &[]), 0x86),
        (connect(4, "g", "unknown", 60, &[]), 4),
        (connect(5, "h", "g", 60, &[]), 0x85),
        (connect(4, "h", "g", 60, &[]), 2),
        (no_clean, 2),
        (connect(5, "g", "g", 60, &[(status, "off", 0, true)]), 0x87),
        (connect(4, "g", "g", 60, &[(status, "off", 0, true)]), 5),
        (
            connect(
                5,
                "g",
                "g",
                60,
                &[("wardline/v1/s/g/status", "off", 2, true)],
            ),
            0x9b,
        ),
    ] {
        let mut client = edge.raw().await;
        client.send(&bytes).await;
        let (first, body) = client.next().await.expect("CONNACK");
        assert_eq!((first, body[1]), (0x20, code), "{bytes:?}");
        assert!(client.next().await.is_none());
    }
    assert_eq!(
        (edge.stats().auth_failures, edge.stats().refused_qos),
        (9, 1)
    );
}

#[tokio::test]
async fn what_is_not_mqtt_is_closed() {
    let edge = Edge::start().await;
    let too_long = [packet(0x10, &vec![0; 20 << 10])].concat();
    let second_connect = [connect(5, "g", "g", 60, &[]), connect(5, "g", "g", 60, &[])].concat();
    let early = publish(5, TOPIC, 1, 1, b"x");
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &PINGREQ,
        &early,
        &too_long,
        &[0x10, 0xff, 0xff, 0xff, 0xff, 1],
    ] {
        let mut client = edge.raw().await;
        client.send(bytes).await;
        assert!(
            client.next().await.is_none(),
            "{:?}",
            &bytes[..bytes.len().min(20)]
        );
    }
    for (wrong, reason) in [
        (
            second_connect.split_at(second_connect.len() / 2).1.to_vec(),
            0x82,
        ),
        (publish(5, TOPIC, 1, 0, b"x"), 0x82),
        (packet(0x36, &[0, 1, b'a', 0, 1, 0]), 0x81),
        (packet(0x32, &[0, 200, b'a']), 0x81),
    ] {
        let mut client = edge.raw().await;
        client.connect(5, "g").await;
        client.send(&wrong).await;
        disconnected(&mut client, reason).await;
    }
    edge.until("every connection to end", |stats| stats.connections == 0)
        .await;
}

#[tokio::test]
async fn a_silent_client_is_not_waited_for() {
    let edge = Edge::with(Setup::default(), |config| {
        config.connect_timeout = Duration::from_millis(50)
    })
    .await;
    let mut silent = edge.raw().await;
    assert!(silent.next().await.is_none(), "no CONNECT in time");
    let mut slow = edge.raw().await;
    slow.send(&connect(5, "g", "g", 60, &[])[..10]).await;
    assert!(slow.next().await.is_none(), "half a CONNECT in time");
}

#[tokio::test]
async fn keep_alive_is_enforced() {
    let edge = Edge::start().await;
    let mut client = edge.raw().await;
    client.send(&connect(5, "g", "g", 1, &[])).await;
    client.next().await.unwrap();
    let before = std::time::Instant::now();
    disconnected(&mut client, 0x8d).await;
    let waited = before.elapsed();
    assert!(
        waited >= Duration::from_millis(1400) && waited < PATIENCE,
        "{waited:?}"
    );
    assert_eq!(edge.stats().keep_alive_timeouts, 1);
}

#[tokio::test]
async fn connections_are_counted_and_bounded() {
    let edge = Edge::with(Setup::default(), |config| config.max_connections = 2).await;
    let (mut a, mut b) = (edge.raw().await, edge.raw().await);
    a.connect(5, "g").await;
    b.connect(5, "h").await;
    let mut third = edge.raw().await;
    assert!(third.next().await.is_none());
    drop(a);
    edge.until("a place", |stats| stats.connections == 1).await;
    let mut fourth = edge.raw().await;
    assert_eq!(fourth.connect(5, "g").await[1], 0);
    assert_eq!(edge.stats().refused_connections, 1);
}

#[tokio::test]
async fn only_the_same_principal_takes_a_session_over() {
    let edge = Edge::start().await;
    let mut first = edge.raw().await;
    first.connect(5, "g").await;
    let mut second = edge.raw().await;
    assert_eq!(second.connect(5, "g").await[1], 0);
    disconnected(&mut first, 0x8e).await;
    let mut thief = edge.raw().await;
    thief.send(&connect(5, "g", "h", 60, &[])).await;
    assert_eq!(thief.next().await.unwrap().1[1], 0x85);
    second.send(&PINGREQ).await;
    assert_eq!(
        second.next().await.unwrap().0,
        0xd0,
        "the session is still there"
    );
    assert_eq!(edge.stats().takeovers, 1);
}
