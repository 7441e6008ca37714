//! The sink stalls while many clients push: memory stays under its bound, everybody stays
//! connected, and afterwards everything is acknowledged exactly once.

use std::collections::HashSet;

use rumqttc::v5::Event;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use wardline_ingest::BatchConfig;

use super::support::{Edge, PINGREQ, Setup, V5, patiently, publish};

const CLIENTS: usize = 50;
/// What a message of 1 KiB is charged: packet and bookkeeping, a little under this.
const CHARGED: usize = 1_700;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_sink_holds_acknowledgements_not_memory_and_not_pings() {
    const EACH: usize = 200;
    const WINDOW: u16 = 16;
    let edge = Edge::with(Setup::default(), |config| config.receive_maximum = WINDOW).await;
    edge.sink.hold(true);
    let mut clients = Vec::new();
    for i in 0..CLIENTS {
        let mut options = edge.options(&format!("g{i}"));
        options.set_keep_alive(std::time::Duration::from_secs(1));
        let client = V5::new(options);
        for n in 0..EACH {
            let topic = format!("wardline/v1/s/g{i}/d/readings");
            let mut payload = format!("{i}:{n};").into_bytes();
            payload.resize(1 << 10, b'x');
            client
                .client
                .publish(topic, QoS::AtLeastOnce, false, payload)
                .await
                .unwrap();
        }
        clients.push(client);
    }
    // Three PINGRESP at a keep-alive of one second: well over one and a half, all within the stall.
    for client in &mut clients {
        let mut pongs = 0;
        while pongs < 3 {
            match client.event().await.expect("still connected") {
                Event::Incoming(Packet::PingResp(_)) => pongs += 1,
                Event::Incoming(Packet::PubAck(_)) => panic!("acknowledged before it was stored"),
                _ => {}
            }
        }
    }
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
    for client in &mut clients {
        let mut acked = HashSet::new();
        while acked.len() < EACH {
            let (id, reason) = client.puback().await;
            assert_eq!(reason, "Success");
            assert!(acked.insert(id), "acknowledged twice");
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
            // Every PUBACK in order, once, then the PINGRESP.
            for n in 1..=EACH {
                let mut ack = [0; 4];
                reader.read_exact(&mut ack).await.unwrap();
                assert_eq!(ack, [0x40, 2, n.to_be_bytes()[0], n.to_be_bytes()[1]]);
            }
            let mut pong = [0; 2];
            reader.read_exact(&mut pong).await.unwrap();
            assert_eq!(pong, [0xd0, 0]);
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
