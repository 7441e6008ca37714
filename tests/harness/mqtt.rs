//! An MQTT 3.1.1 publisher that knows exactly what was acknowledged.

use std::collections::HashMap;
use std::net::SocketAddr;

use bytes::BytesMut;
use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{Connect, ConnectReturnCode, Packet, Publish};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Largest packet these tests read.
const MAX: usize = 1 << 20;

#[derive(Debug)]
pub(crate) struct Publisher {
    stream: TcpStream,
    input: BytesMut,
    next: u16,
    /// Packet id to the caller's number.
    pub(crate) in_flight: HashMap<u16, u64>,
}

impl Publisher {
    /// Connects as the gateway whose name and secret are given; `None` when the server is gone or refuses.
    pub(crate) async fn connect(server: SocketAddr, name: &str, secret: &str) -> Option<Self> {
        let stream = TcpStream::connect(server).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut connect = Connect::new(name);
        connect.set_login(name, secret);
        connect.keep_alive = 60;
        let mut publisher = Self {
            stream,
            input: BytesMut::new(),
            next: 0,
            in_flight: HashMap::new(),
        };
        let mut out = BytesMut::new();
        connect.write(&mut out).unwrap();
        publisher.stream.write_all(&out).await.ok()?;
        match publisher.receive().await? {
            Packet::ConnAck(ack) if ack.code == ConnectReturnCode::Success => Some(publisher),
            _ => None,
        }
    }

    /// Sends with QoS 1; the number comes back from [`Self::acknowledged`].
    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8], number: u64) -> Option<()> {
        self.next = self.next.checked_add(1).unwrap_or(1);
        let mut publish = Publish::new(topic, QoS::AtLeastOnce, payload);
        publish.pkid = self.next;
        self.in_flight.insert(self.next, number);
        let mut out = BytesMut::new();
        publish.write(&mut out).unwrap();
        self.stream.write_all(&out).await.ok()
    }

    /// The next acknowledged number; `None` when the connection is gone.
    pub(crate) async fn acknowledged(&mut self) -> Option<u64> {
        loop {
            if let Packet::PubAck(ack) = self.receive().await? {
                return Some(
                    self.in_flight
                        .remove(&ack.pkid)
                        .expect("an acknowledgement of what was sent"),
                );
            }
        }
    }

    /// Sends one and waits for its acknowledgement.
    pub(crate) async fn deliver(&mut self, topic: &str, payload: &[u8]) -> Option<()> {
        self.publish(topic, payload, 0).await?;
        self.acknowledged().await.map(|_| ())
    }

    async fn receive(&mut self) -> Option<Packet> {
        loop {
            if let Ok(packet) = Packet::read(&mut self.input, MAX) {
                return Some(packet);
            }
            if self.stream.read_buf(&mut self.input).await.ok()? == 0 {
                return None;
            }
        }
    }
}

/// The native topic of a device behind gateway `g1`.
pub(crate) fn topic(gateway: &str, device: &str) -> String {
    format!("wardline/v1/s1/{gateway}/{device}/readings")
}
