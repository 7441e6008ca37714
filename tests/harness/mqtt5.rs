//! An MQTT 5 client that shows the server's reason codes as they stand on the wire.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Connect, Login, Packet, PingReq, Publish, PublishProperties};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Far beyond any answer of a healthy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// PUBACK with its reason code.
    Acknowledged { id: u16, reason: u8 },
    /// PINGRESP.
    Pong,
    /// DISCONNECT with its reason code.
    Disconnected(u8),
    /// The end of the connection, without a word.
    Closed,
}

impl Answer {
    /// A PUBACK of success.
    pub(crate) fn is_stored(self) -> bool {
        matches!(self, Self::Acknowledged { reason: 0, .. })
    }
}

#[derive(Debug)]
pub(crate) struct Client {
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
    input: BytesMut,
    next: u16,
}

impl Client {
    /// Connects as the gateway whose name and secret are given, with a keep-alive in seconds.
    pub(crate) async fn connect(
        server: SocketAddr,
        name: &str,
        secret: &str,
        keep_alive: u16,
    ) -> Self {
        let (client, reason) = Self::try_connect(server, name, secret, keep_alive).await;
        assert_eq!(reason, 0, "CONNACK of success");
        client
    }

    /// The same, whatever the reason code of CONNACK.
    pub(crate) async fn try_connect(
        server: SocketAddr,
        name: &str,
        secret: &str,
        keep_alive: u16,
    ) -> (Self, u8) {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (reader, writer) = stream.into_split();
        let mut client = Self {
            reader,
            writer,
            input: BytesMut::new(),
            next: 0,
        };
        let connect = Connect {
            keep_alive,
            client_id: name.to_owned(),
            clean_start: true,
            properties: None,
        };
        let login = Some(Login {
            username: name.to_owned(),
            password: secret.to_owned(),
        });
        client
            .writer
            .write_all(&bytes(&Packet::Connect(connect, None, login)))
            .await
            .unwrap();
        let (kind, body) = packet(&mut client.reader, &mut client.input)
            .await
            .expect("a CONNACK");
        assert_eq!(kind, 2, "CONNACK");
        (client, body[1])
    }

    /// Sends a message with QoS 1 and waits for nothing; gives its packet id.
    pub(crate) async fn send(&mut self, topic: &str, payload: &[u8]) -> u16 {
        let out = self.message(topic, payload, QoS::AtLeastOnce, None);
        self.writer.write_all(&out).await.unwrap();
        self.next
    }

    /// Sends a message with QoS 1 and gives what the server says next.
    pub(crate) async fn publish(&mut self, topic: &str, payload: &[u8]) -> Answer {
        let out = self.message(topic, payload, QoS::AtLeastOnce, None);
        self.exchange(&out).await
    }

    /// The same with any QoS and content type.
    pub(crate) async fn publish_as(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        content_type: Option<&str>,
    ) -> Answer {
        let out = self.message(topic, payload, qos, content_type);
        self.exchange(&out).await
    }

    /// The same with QoS 1 and user properties.
    pub(crate) async fn publish_with(
        &mut self,
        topic: &str,
        payload: &[u8],
        properties: &[(&str, &str)],
    ) -> Answer {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let properties = PublishProperties {
            user_properties: properties.iter().map(own).collect(),
            ..PublishProperties::default()
        };
        let out = self.packet(topic, payload, QoS::AtLeastOnce, Some(properties));
        self.exchange(&out).await
    }

    /// Sends PINGREQ and gives what the server says next.
    pub(crate) async fn ping(&mut self) -> Answer {
        self.exchange(&bytes(&Packet::PingReq(PingReq))).await
    }

    /// What the server says next.
    pub(crate) async fn answer(&mut self) -> Answer {
        answer(&mut self.reader, &mut self.input).await
    }

    fn message(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        content_type: Option<&str>,
    ) -> BytesMut {
        let properties = content_type.map(|content_type| PublishProperties {
            content_type: Some(content_type.to_owned()),
            ..PublishProperties::default()
        });
        self.packet(topic, payload, qos, properties)
    }

    fn packet(
        &mut self,
        topic: &str,
        payload: &[u8],
        qos: QoS,
        properties: Option<PublishProperties>,
    ) -> BytesMut {
        self.next = self.next.checked_add(1).unwrap_or(1);
        let mut publish = Publish::new(topic, qos, payload.to_vec(), properties);
        publish.pkid = self.next;
        bytes(&Packet::Publish(publish))
    }

    /// Writes while it reads: a refusal may come, and the connection end, before all is written.
    async fn exchange(&mut self, out: &[u8]) -> Answer {
        let (written, said) = tokio::join!(
            self.writer.write_all(out),
            answer(&mut self.reader, &mut self.input)
        );
        let ended = matches!(said, Answer::Disconnected(_) | Answer::Closed);
        assert!(
            written.is_ok() || ended,
            "{written:?} though the server said {said:?}"
        );
        said
    }
}

async fn answer(reader: &mut OwnedReadHalf, input: &mut BytesMut) -> Answer {
    match packet(reader, input).await {
        None => Answer::Closed,
        Some((4, body)) => Answer::Acknowledged {
            id: u16::from_be_bytes([body[0], body[1]]),
            reason: body.get(2).copied().unwrap_or(0),
        },
        Some((13, _)) => Answer::Pong,
        Some((14, body)) => Answer::Disconnected(body.first().copied().unwrap_or(0)),
        Some((kind, _)) => panic!("packet type {kind} was not asked for"),
    }
}

/// Type and body of the next packet; none at the end of the connection.
async fn packet(reader: &mut OwnedReadHalf, input: &mut BytesMut) -> Option<(u8, BytesMut)> {
    loop {
        if let Some((header, body)) = lengths(input)
            && input.len() >= header + body
        {
            let kind = input[0] >> 4;
            let packet = input.split_to(header + body).split_off(header);
            return Some((kind, packet));
        }
        let read = tokio::time::timeout(PATIENCE, reader.read_buf(input)).await;
        if read.expect("the server says nothing").unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// Bytes of the fixed header and of what follows it (MQTT 5, 2.1.4).
fn lengths(input: &[u8]) -> Option<(usize, usize)> {
    let mut body = 0;
    for (index, byte) in input.iter().skip(1).take(4).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((index + 2, body));
        }
    }
    None
}

fn bytes(packet: &Packet) -> BytesMut {
    let mut out = BytesMut::new();
    packet.write(&mut out, None).unwrap();
    out
}
