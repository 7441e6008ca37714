use tokio::net::TcpListener;

use super::super::{Content, Load, Pace, drive};
use super::*;

/// A server on a thread of its own that answers `answer(packet number)` publishes of one client.
fn server(stall_after: usize, stall: Duration) -> (u16, std::thread::JoinHandle<Vec<String>>) {
    use rumqttc::v5::mqttbytes::v5::{ConnAck, PubAck};
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(TcpListener::bind(("127.0.0.1", 0)))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (mut incoming, mut topics) = (BytesMut::new(), Vec::new());
        loop {
            match Packet::read(&mut incoming, None) {
                Ok(packet) => {
                    let answer = match packet {
                        Packet::Connect(..) => Packet::ConnAck(ConnAck {
                            session_present: false,
                            code: ConnectReturnCode::Success,
                            properties: None,
                        }),
                        Packet::Publish(publish) => {
                            topics.push(String::from_utf8(publish.topic.to_vec()).unwrap());
                            if topics.len() == stall_after {
                                // The stall is what is measured, not a way to wait for something.
                                tokio::time::sleep(stall).await;
                            }
                            Packet::PubAck(PubAck::new(publish.pkid, None))
                        }
                        other => panic!("{other:?}"),
                    };
                    let mut out = BytesMut::new();
                    answer.write(&mut out, None).unwrap();
                    stream.write_all(&out).await.unwrap();
                }
                Err(Error::InsufficientBytes(_)) => {
                    if stream.read_buf(&mut incoming).await.unwrap_or(0) == 0 {
                        return topics;
                    }
                }
                Err(error) => panic!("{error}"),
            }
        }
    };
    (port, std::thread::spawn(move || runtime.block_on(serve)))
}

fn load(port: u16, pace: Pace, messages: u64, window: u16) -> Load {
    Load {
        host: "127.0.0.1".to_owned(),
        port,
        site: "s".to_owned(),
        gateway: "g".to_owned(),
        credentials: None,
        connections: 1,
        devices: 10,
        content: Content::Packs(1),
        pace,
        messages,
        at_most: None,
        window,
    }
}

#[test]
fn every_message_is_sent_once_and_answered() {
    let (port, server) = server(usize::MAX, Duration::ZERO);
    let outcome = drive(&load(port, Pace::Saturating, 5_000, 64)).unwrap();
    assert_eq!((outcome.acknowledged, outcome.refused), (5_000, 0));
    assert_eq!(outcome.latency.len(), 5_000);
    let topics = server.join().unwrap();
    assert_eq!(topics.len(), 5_000);
    assert_eq!(
        topics
            .iter()
            .filter(|topic| *topic == "wardline/v1/s/g/load-0007/readings")
            .count(),
        500
    );
}

/// 1,000 messages a second; the server stalls for 300 ms once. Every message due in that time has waited,
/// whether it could be sent or not: about 300 of 1,000 above 10 ms, not one.
#[test]
fn a_stall_shows_in_every_message_that_was_due_in_it() {
    let (port, server) = server(300, Duration::from_millis(300));
    let outcome = drive(&load(port, Pace::Rate(1000.0), 1000, 8)).unwrap();
    drop(server.join());
    let slow = outcome.latency.count_between(10_000, LONGEST_MICROS);
    assert!(slow >= 250, "{slow} messages were slow");
    assert!(outcome.latency.max() >= 290_000);
    assert!(outcome.seconds() >= 0.99, "{}", outcome.seconds());
}
