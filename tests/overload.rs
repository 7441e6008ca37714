//! Back-pressure: while the log takes nothing, acknowledgements wait, memory stays flat, nobody is thrown out.

use std::time::{Duration, Instant};

use crate::harness::mqtt::{Publisher, topic};
use crate::harness::mqtt5::{Answer, Client};
use crate::harness::{Server, Setup, eventually, now};

/// Clients that send without waiting, half of them small messages and half large ones.
const FLOODERS: usize = 20;
/// Small messages each: four times the window.
const SMALL: u64 = 4_000;
/// Large messages each, of [`LARGE_BYTES`]: 25 MB, of which the server holds 1 MiB.
const LARGE: u64 = 2_500;
const LARGE_BYTES: usize = 10_000;
/// Messages that a connection may have in flight, and bytes.
const WINDOW: f64 = 1_024.0;
const CONNECTION_BYTES: f64 = 1_048_576.0;

/// Clients that keep within their window.
const POLITE: usize = 5;
const POLITE_MESSAGES: usize = 100;

/// What the server may grow by: held are 1 MiB for each large flooder, 1,024 small messages for each small one,
/// and what batches under way hold beside; sent are 250 MB.
const GROWTH: u64 = 64 << 20;

/// Bytes of the server that are in memory.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        << 10
}

/// A reading, filled up with a field that readers ignore.
fn filled(device: &str, at: i64, bytes: usize) -> String {
    let seconds = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
    let fill = " ".repeat(bytes);
    format!(
        r#"[{{"bn":"{device}:","n":"MDC_ECG_HEART_RATE","u":"/min","v":70,"t":{seconds},"note":"{fill}"}}]"#
    )
}

/// Sends everything without waiting for an answer, then takes the answers; gives how many came.
async fn flood(
    mut publisher: Publisher,
    gateway: String,
    messages: u64,
    bytes: usize,
    at: i64,
) -> u64 {
    let topic = topic(&gateway, &gateway);
    for number in 0..messages {
        let payload = filled(&gateway, at + i64::try_from(number).unwrap() * 1_000, bytes);
        publisher
            .publish(&topic, payload.as_bytes(), number)
            .await
            .expect("the connection stays");
    }
    let mut acknowledged = 0;
    while !publisher.in_flight.is_empty() {
        publisher
            .acknowledged()
            .await
            .expect("the connection stays");
        acknowledged += 1;
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_log_holds_acknowledgements_back_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let stall = dir.path().join("stall");
    let fault = format!("stall-log:{}", stall.display());
    let env = vec![("WARDLINE_SABOTAGE".to_owned(), fault)];
    let server = &Server::start(&Setup {
        env,
        ..Setup::default()
    });

    let mut publishers = Vec::new();
    for number in 0..FLOODERS {
        let gateway = format!("flood-{number}");
        let secret = server.gateway_token(&gateway).await;
        let publisher = Publisher::connect(server.mqtt, &gateway, &secret)
            .await
            .unwrap();
        publishers.push((gateway, publisher));
    }
    let mut polite = Vec::new();
    for number in 0..POLITE {
        let gateway = format!("polite-{number}");
        let secret = server.gateway_token(&gateway).await;
        polite.push((
            topic(&gateway, &gateway),
            Client::connect(server.mqtt, &gateway, &secret, 60).await,
        ));
    }
    let secret = server.gateway_token("silent").await;

    std::fs::write(&stall, b"").unwrap();
    let before = resident(server);
    let start = now() - 600_000_000;
    let floods: Vec<_> = publishers
        .into_iter()
        .enumerate()
        .map(|(number, (gateway, publisher))| {
            let (messages, bytes) = if number % 2 == 0 {
                (SMALL, 0)
            } else {
                (LARGE, LARGE_BYTES)
            };
            tokio::spawn(flood(publisher, gateway, messages, bytes, start))
        })
        .collect();
    for (topic, client) in &mut polite {
        for number in 0..POLITE_MESSAGES {
            let payload = filled(
                topic.split('/').nth(4).unwrap(),
                start + number as i64 * 1_000,
                0,
            );
            client.send(topic, payload.as_bytes()).await;
        }
    }
    // A keep-alive of one second, and nothing to say while it waits for its answer.
    let mut silent = Client::connect(server.mqtt, "silent", &secret, 1).await;
    silent
        .send(
            &topic("silent", "silent"),
            filled("silent", start, 0).as_bytes(),
        )
        .await;

    // The server has taken what it may hold, and no more.
    let half = (FLOODERS / 2) as f64;
    eventually("full windows", async || {
        let bytes = server.metric("wardline_mqtt_bytes_buffered").await;
        let messages = server.metric("wardline_mqtt_in_flight").await;
        (bytes >= half * CONNECTION_BYTES && messages >= half * WINDOW).then_some(())
    })
    .await;
    // For three keep-alives of the silent one: pings are answered, nothing else is said, memory stays.
    let stalled = Instant::now();
    let mut most = 0;
    while stalled.elapsed() < Duration::from_secs(3) {
        for (_, client) in &mut polite {
            assert_eq!(
                client.ping().await,
                Answer::Pong,
                "no acknowledgement, and still there"
            );
        }
        most = most.max(resident(server));
    }
    let grown = most.saturating_sub(before);
    assert!(grown < GROWTH, "grew by {} MiB", grown >> 20);
    let connections = (FLOODERS + POLITE + 1) as f64;
    assert_eq!(
        server.metric("wardline_mqtt_connections").await,
        connections
    );
    assert_eq!(
        server.metric("wardline_mqtt_accepted").await,
        connections,
        "nobody came again"
    );
    assert_eq!(server.metric("wardline_mqtt_acked").await, 0.0);
    assert_eq!(
        server.count("SELECT count(*) AS n FROM observation").await,
        0
    );

    std::fs::remove_file(&stall).unwrap();
    let mut acknowledged = 0;
    for flood in floods {
        acknowledged += flood.await.unwrap();
    }
    let half = FLOODERS as u64 / 2;
    assert_eq!(acknowledged, half * (SMALL + LARGE));
    for (_, client) in &mut polite {
        for _ in 0..POLITE_MESSAGES {
            assert!(client.answer().await.is_stored());
        }
    }
    assert!(silent.answer().await.is_stored());
    let all = acknowledged + (POLITE * POLITE_MESSAGES) as u64 + 1;
    let rows = server
        .sql("SELECT count(*) AS n, count(DISTINCT id) AS ids FROM observation")
        .await;
    assert_eq!(rows, [[serde_json::json!(all), serde_json::json!(all)]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_no_longer_than_it_says_and_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let stall = dir.path().join("stall");
    let fault = format!("stall-log:{}", stall.display());
    let setup = Setup {
        config: "[intake]\ndrain = \"2s\"\n".to_owned(),
        env: vec![("WARDLINE_SABOTAGE".to_owned(), fault)],
        ..Setup::default()
    };
    let server = Server::start(&setup);
    let secret = server.gateway_token("g1").await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now() - 600_000_000;
    let own = topic("g1", "d1");
    let said = client.publish(&own, filled("d1", at, 0).as_bytes()).await;
    assert!(said.is_stored(), "{said:?}");

    std::fs::write(&stall, b"").unwrap();
    for number in 1..=3 {
        let payload = filled("d1", at + number * 1_000_000, 0);
        client.send(&own, payload.as_bytes()).await;
    }
    eventually("what waits", async || {
        (server.metric("wardline_mqtt_in_flight").await >= 3.0).then_some(())
    })
    .await;
    let asked = Instant::now();
    let log = server.dir.path().join("server.log");
    let (status, dir, admin) = server.stop();
    assert_eq!(status.code(), Some(2));
    assert!(
        asked.elapsed() < Duration::from_secs(15),
        "{:?}",
        asked.elapsed()
    );
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("3 messages could not be stored"), "{log}");
    assert!(
        !matches!(client.answer().await, Answer::Acknowledged { .. }),
        "what is not stored is not acknowledged"
    );

    std::fs::remove_file(&stall).unwrap();
    let server = Server::start_in(dir, admin, &Setup::default());
    assert_eq!(server.rows_of("d1").await, 1);
}
