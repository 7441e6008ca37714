//! The sink stalls while many clients push: memory stays under its bound, everybody stays
//! connected, and afterwards everything is acknowledged exactly once.

use std::collections::HashSet;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use wardline_ingest::BatchConfig;

use super::support::{Edge, PINGREQ, Setup, V5, patiently, publish};

const CLIENTS: usize = 50;
/// What a message of 1 KiB is charged: packet and bookkeeping, a little under this.
const CHARGED: usize = 1_700;

/// Both versions: MQTT 5 is told the window, 3.1.1 has one of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_sink_holds_acknowledgements_not_memory_and_not_pings() {
    const EACH: usize = 200;
    const WINDOW: u16 = 16;
    let payload = |i: usize, n: usize| {
        let mut payload = format!("{i}:{n};").into_bytes();
        payload.resize(1 << 10, b'x');
        payload
    };
    let topic = |i: usize| format!("wardline/v1/s/g{i}/d/readings");
    let edge = Edge::with(Setup::default(), |config| config.receive_maximum = WINDOW).await;
    edge.sink.hold(true);
    let mut told = Vec::new();
    for i in 0..CLIENTS / 2 {
        let client = V5::new(edge.options(&format!("g{i}")));
        for n in 0..EACH {
            client
                .client
                .publish(topic(i), QoS::AtLeastOnce, false, payload(i, n))
                .await
                .unwrap();
        }
        told.push(client);
    }
    let mut untold = Vec::new();
    for i in CLIENTS / 2..CLIENTS {
        let id = format!("g{i}");
        let mut options = rumqttc::MqttOptions::new(&id, "127.0.0.1", edge.address.port());
        options
            .set_credentials(&id, "secret")
            .set_inflight(WINDOW)
            .set_keep_alive(Duration::from_secs(1));
        let (client, eventloop) = rumqttc::AsyncClient::new(options, EACH);
        for n in 0..EACH {
            client
                .publish(topic(i), rumqttc::QoS::AtLeastOnce, false, payload(i, n))
                .await
                .unwrap();
        }
        untold.push((client, eventloop));
    }
    // Three PINGRESP at a keep-alive of one second: well over one and a half, all in the stall.
    let ponging = untold.iter_mut().map(async |(_, eventloop)| {
        let mut pongs = 0;
        while pongs < 3 {
            match patiently("an event", eventloop.poll())
                .await
                .expect("still connected")
            {
                rumqttc::Event::Incoming(rumqttc::Packet::PingResp) => pongs += 1,
                rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_)) => {
                    panic!("acknowledged before it was stored")
                }
                _ => {}
            }
        }
    });
    futures::future::join_all(ponging).await;
    edge.until("every window to fill", |stats| {
        stats.in_flight == (CLIENTS * usize::from(WINDOW)) as u64
    })
    .await;
    let stats = edge.stats();
    assert_eq!(
        (stats.connections, stats.acked, stats.keep_alive_timeouts),
        (CLIENTS as u64, 0, 0)
    );
    let bound = (CLIENTS * usize::from(WINDOW) * CHARGED) as u64;
    assert!(
        stats.bytes_buffered_max <= bound,
        "{} of {bound}",
        stats.bytes_buffered_max
    );
    edge.sink.hold(false);
    let acking = untold.iter_mut().map(async |(_, eventloop)| {
        let mut acked = 0;
        while acked < EACH {
            let event = patiently("an event", eventloop.poll()).await;
            // rumqttc fails on an acknowledgement of something that is not in flight.
            acked += usize::from(matches!(
                event.unwrap(),
                rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))
            ));
        }
    });
    futures::future::join_all(acking).await;
    for client in &mut told {
        // Packet ids are used again within the window; the client fails on one it does not wait for.
        for _ in 0..EACH {
            assert_eq!(client.puback().await.1, "Success");
        }
    }
    let stats = edge.stats();
    assert_eq!(
        (stats.received, stats.acked),
        ((CLIENTS * EACH) as u64, (CLIENTS * EACH) as u64)
    );
    assert_eq!(
        (stats.bytes_buffered, stats.in_flight, stats.connections),
        (0, 0, CLIENTS as u64)
    );
    assert!(
        stats.bytes_buffered_max <= bound,
        "{} of {bound}",
        stats.bytes_buffered_max
    );
    let seen: HashSet<_> = edge.sink.payloads().into_iter().collect();
    assert_eq!(seen.len(), CLIENTS * EACH);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_know_no_window_are_not_read_beyond_the_budget() {
    const EACH: u16 = 300;
    const BUDGET: usize = 256 << 10;
    let batch = BatchConfig {
        buffered_bytes: BUDGET,
        ..BatchConfig::default()
    };
    let edge = Edge::with(
        Setup {
            batch,
            ..Setup::default()
        },
        |_| {},
    )
    .await;
    edge.sink.hold(true);
    let mut clients = Vec::new();
    for i in 0..CLIENTS {
        let mut client = edge.raw().await;
        client.connect(4, &format!("g{i}")).await;
        let (mut reader, mut writer) = client.stream.into_split();
        let writing = tokio::spawn(async move {
            use tokio::io::AsyncWriteExt;
            let topic = format!("wardline/v1/s/g{i}/d/readings");
            for n in 1..=EACH {
                writer
                    .write_all(&publish(4, &topic, 1, n, &[b'x'; 1 << 10]))
                    .await
                    .unwrap();
            }
            writer.write_all(&PINGREQ).await.unwrap();
            writer
        });
        clients.push(tokio::spawn(async move {
            use tokio::io::AsyncReadExt;
            // Every PUBACK in order, once; PINGRESP does not wait for them.
            let (mut acked, mut ponged) = (0, false);
            while acked < EACH || !ponged {
                let mut head = [0; 2];
                reader.read_exact(&mut head).await.unwrap();
                if head == [0xd0, 0] {
                    ponged = true;
                } else {
                    assert_eq!(head, [0x40, 2]);
                    acked += 1;
                    assert_eq!(reader.read_u16().await.unwrap(), acked);
                }
            }
            writing.await.unwrap();
        }));
    }
    edge.until("the budget to be used", |stats| {
        stats.bytes_buffered > (BUDGET - 2 * CHARGED) as u64
    })
    .await;
    let stats = edge.stats();
    assert!(stats.bytes_buffered_max <= BUDGET as u64);
    assert_eq!((stats.connections, stats.acked), (CLIENTS as u64, 0));
    edge.sink.hold(false);
    for client in clients {
        patiently("a client", client).await.unwrap();
    }
    let stats = edge.stats();
    assert!(
        stats.bytes_buffered_max <= BUDGET as u64,
        "{}",
        stats.bytes_buffered_max
    );
    assert_eq!(
        (stats.received, stats.acked),
        (
            (CLIENTS * usize::from(EACH)) as u64,
            (CLIENTS * usize::from(EACH)) as u64
        )
    );
}
