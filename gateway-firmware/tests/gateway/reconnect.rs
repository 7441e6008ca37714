//! A server that breaks connections and keeps no session: nothing may be lost.

use std::collections::BTreeSet;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::Error;
use rumqttc::v5::mqttbytes::v5::{ConnAck, ConnectReturnCode, Packet, PubAck};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::broker::{PATIENCE, text};
use crate::program::{end, said, send, simulate};

pub(crate) struct Peer {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Peer {
    /// Accepts a client as if it had never been here.
    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let accepted = timeout(PATIENCE, listener.accept())
            .await
            .expect("a client in time");
        let (stream, _) = accepted.expect("a client");
        let mut peer = Self {
            stream,
            buffer: BytesMut::new(),
        };
        assert!(matches!(peer.read().await, Some(Packet::Connect(..))));
        peer.write(&Packet::ConnAck(ConnAck {
            session_present: false,
            code: ConnectReturnCode::Success,
            properties: None,
        }))
        .await;
        peer
    }

    /// `None` when the client has gone.
    pub(crate) async fn read(&mut self) -> Option<Packet> {
        loop {
            match Packet::read(&mut self.buffer, None) {
                Ok(packet) => return Some(packet),
                Err(Error::InsufficientBytes(_)) => {}
                // A DISCONNECT without a reason.
                Err(Error::PayloadRequired) => return None,
                Err(error) => panic!("{error}"),
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
            if read.expect("a packet in time").expect("a connection") == 0 {
                return None;
            }
        }
    }

    pub(crate) async fn write(&mut self, packet: &Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, None).expect("a packet");
        self.write_bytes(&bytes).await;
    }

    pub(crate) async fn write_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("a connection");
    }
}

/// Stamps of packs as `device base-time`, in the order of arrival.
fn key(payload: &[u8]) -> String {
    let pack: serde_json::Value = serde_json::from_slice(payload).expect("JSON");
    format!("{} {}", pack[0]["bn"], pack[0]["bt"])
}

/// How often the server breaks the connection.
const BREAKS: u32 = 4;

fn stamp(key: &str) -> u64 {
    let seconds = key
        .split(' ')
        .nth(1)
        .and_then(|time| time.parse::<f64>().ok());
    (seconds.expect("a base time") * 1e6) as u64
}

#[tokio::test]
async fn what_a_broken_connection_left_open_is_sent_again_first_and_in_order() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let child = simulate(&format!(
        "--patients 2 --count 300 --as-fast-as-possible --start 2026-11-22T12:00:00Z --window 50 \
         --url mqtt://127.0.0.1:{port}"
    ))
    .spawn()
    .expect("it runs");

    let mut acknowledged = BTreeSet::new();
    let mut open: Vec<String> = Vec::new();
    let mut stopped = false;
    for round in 0.. {
        let mut peer = Peer::accept(&listener).await;
        let mut seen: Vec<String> = Vec::new();
        // Each round but the last breaks after 60 packets, a third of which was not answered; so at most
        // 160 of 300 are acknowledged when the last begins.
        while let Some(packet) = peer.read().await {
            let Packet::Publish(publish) = packet else {
                continue;
            };
            let answered = round == BREAKS || publish.pkid % 3 != 0;
            if text(&publish.topic).ends_with("/readings") {
                let key = key(&publish.payload);
                if answered {
                    acknowledged.insert(key.clone());
                }
                seen.push(key);
            } else {
                stopped = text(&publish.payload).contains("stopped");
            }
            if answered {
                peer.write(&Packet::PubAck(PubAck::new(publish.pkid, None)))
                    .await;
            }
            if round < BREAKS && seen.len() == 60 {
                break;
            }
        }
        // More may come again: an answer can be lost with the connection.
        assert!(
            seen.is_sorted_by_key(|key| stamp(key)),
            "round {round}: {seen:?}"
        );
        assert!(open.iter().all(|key| seen.contains(key)), "round {round}");
        open = seen
            .into_iter()
            .filter(|key| !acknowledged.contains(key))
            .collect();
        if stopped {
            break;
        }
    }
    let output = end(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(acknowledged.len(), 300);
    assert!(
        said(&output).contains("300 packs acknowledged"),
        "{}",
        said(&output)
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_told_in_the_exit_code_of_a_second_signal() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let mut child = simulate(&format!("--patients 2 --url mqtt://127.0.0.1:{port}"))
        .spawn()
        .expect("it runs");
    let mut peer = Peer::accept(&listener).await;
    loop {
        match peer.read().await.expect("a packet") {
            Packet::Publish(publish) if text(&publish.topic).ends_with("/readings") => break,
            _ => {}
        }
    }
    let mut talk = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    send(&child, "TERM");
    // Two signals of a kind can become one while the first waits to be seen.
    let seen = talk.next_line().await.expect("a pipe").expect("a line");
    assert!(seen.starts_with("stopping"), "{seen}");
    send(&child, "TERM");
    let mut said = String::new();
    while let Some(line) = talk.next_line().await.expect("a pipe") {
        said += &line;
    }
    let output = end(child).await;
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("1 waiting"), "{said}");
}
