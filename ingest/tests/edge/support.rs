//! A listener on a free port, a sink that can be held, and clients.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardline_ingest::{
    Answer, Authenticate, BatchConfig, ClientCertificate, Closed, Handle, Incoming, Intake,
    Listener, ListenerConfig, Principal, Role, Route, Routes, Sink, Snapshot, Stats, batcher,
};

/// No step of a test takes this long unless something is wrong.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) async fn patiently<T>(what: &str, step: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, step)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Records what it is given; answers when it is not held.
#[derive(Debug)]
pub(crate) struct Recorder {
    seen: Mutex<Vec<Incoming>>,
    count: watch::Sender<usize>,
    held: watch::Sender<bool>,
    /// Batches that may resolve while held.
    closed: watch::Sender<bool>,
}

impl Recorder {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            count: watch::Sender::new(0),
            held: watch::Sender::new(false),
            closed: watch::Sender::new(false),
        })
    }

    pub(crate) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) fn seen(&self) -> Vec<Incoming> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn payloads(&self) -> Vec<String> {
        self.seen()
            .iter()
            .map(|m| String::from_utf8(m.payload.to_vec()).unwrap())
            .collect()
    }

    pub(crate) async fn wait_for(&self, n: usize) {
        patiently(
            "messages at the sink",
            self.count.subscribe().wait_for(|count| *count >= n),
        )
        .await
        .unwrap();
    }
}

impl Sink for Recorder {
    fn submit(&self, batch: Vec<Incoming>) -> BoxFuture<'static, Result<Vec<Answer>, Closed>> {
        let answer = |m: &Incoming| {
            if m.payload == "quota" {
                Answer::QuotaExceeded
            } else {
                Answer::Stored
            }
        };
        let answers: Vec<_> = batch.iter().map(answer).collect();
        let n = batch.len();
        self.seen.lock().unwrap().extend(batch);
        self.count.send_modify(|count| *count += n);
        let (mut held, closed) = (self.held.subscribe(), self.closed.subscribe());
        async move {
            if *closed.borrow() {
                return Err(Closed);
            }
            held.wait_for(|held| !held).await.map_err(|_| Closed)?;
            if *closed.borrow() {
                Err(Closed)
            } else {
                Ok(answers)
            }
        }
        .boxed()
    }
}

/// User names and SAN URIs it knows; every password is `secret`.
#[derive(Debug, Default)]
pub(crate) struct Known(pub(crate) HashMap<String, Principal>);

impl Authenticate for Known {
    fn password(&self, user: &str, password: &[u8]) -> Option<Principal> {
        self.0.get(user).filter(|_| password == b"secret").cloned()
    }

    fn certificate(&self, certificate: &ClientCertificate) -> Option<Principal> {
        let known = certificate.san_uris.iter();
        known.filter_map(|uri| self.0.get(uri)).next().cloned()
    }
}

pub(crate) fn principal(
    name: &str,
    gateway: Option<&str>,
    device: Option<&str>,
    role: Role,
) -> Principal {
    Principal {
        name: name.to_owned(),
        site: Some("s".to_owned()),
        gateway: gateway.map(str::to_owned),
        device: device.map(str::to_owned),
        role,
    }
}

/// Gateways `g` and `h` with users of the same name, a reader `nurse`, and a URI for `g`.
fn known() -> Known {
    let mut known = HashMap::new();
    for gateway in ["g", "h"] {
        known.insert(
            gateway.to_owned(),
            principal(gateway, Some(gateway), None, Role::Publish),
        );
    }
    for i in 0..64 {
        let gateway = format!("g{i}");
        known.insert(
            gateway.clone(),
            principal(&gateway, Some(&gateway), None, Role::Publish),
        );
    }
    known.insert(
        "nurse".to_owned(),
        principal("nurse", None, None, Role::Read),
    );
    known.insert(
        "urn:wardline:g".to_owned(),
        principal("cert-g", Some("g"), None, Role::Publish),
    );
    Known(known)
}

pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    pub(crate) handle: Handle,
    pub(crate) sink: Arc<Recorder>,
    pub(crate) intake: Intake,
    pub(crate) shutdown: CancellationToken,
    pub(crate) listener: JoinHandle<()>,
    pub(crate) batcher: JoinHandle<Result<(), Closed>>,
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) batch: BatchConfig,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) routes: Vec<Route>,
}

impl Edge {
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default(), |_| {}).await
    }

    pub(crate) async fn with(setup: Setup, change: impl FnOnce(&mut ListenerConfig)) -> Self {
        let sink = Recorder::new();
        let (intake, batcher) = batcher(setup.batch, Arc::new(Stats::default()));
        let batcher = tokio::spawn(batcher.run(sink.clone()));
        let mut config = ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        change(&mut config);
        let routes = Arc::new(Routes::new(setup.routes).unwrap());
        let listener = Listener::bind(config, setup.tls, routes, Arc::new(known()), intake.clone())
            .await
            .unwrap();
        let (address, handle, shutdown) = (
            listener.local_addr(),
            listener.handle(),
            CancellationToken::new(),
        );
        let listener = tokio::spawn(listener.run(shutdown.clone()));
        Self {
            address,
            handle,
            sink,
            intake,
            shutdown,
            listener,
            batcher,
        }
    }

    pub(crate) fn stats(&self) -> Snapshot {
        self.intake.stats().snapshot()
    }

    /// Waits until a counter says so; counters have no notification, so this looks again
    /// whenever other tasks have run.
    pub(crate) async fn until(&self, what: &str, mut true_of: impl FnMut(&Snapshot) -> bool) {
        patiently(what, async {
            while !true_of(&self.stats()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    pub(crate) async fn v5(&self, user: &str) -> V5 {
        let client = V5::new(self.options(user));
        client.connected().await
    }

    pub(crate) fn options(&self, user: &str) -> MqttOptions {
        let mut options = MqttOptions::new(user, "127.0.0.1", self.address.port());
        options
            .set_credentials(user, "secret")
            .set_keep_alive(Duration::from_secs(60));
        options.set_max_packet_size(Some(8 << 20));
        options
    }

    pub(crate) async fn raw(&self) -> Raw {
        Raw::new(TcpStream::connect(self.address).await.unwrap())
    }
}

/// More than any test publishes or looks at.
const EVENTS: usize = 10_000;

/// rumqttc's MQTT 5 client with its event loop on a task.
pub(crate) struct V5 {
    pub(crate) client: AsyncClient,
    events: mpsc::Receiver<Result<Event, ConnectionError>>,
    task: JoinHandle<()>,
}

impl Drop for V5 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl V5 {
    pub(crate) fn new(options: MqttOptions) -> Self {
        let (client, mut eventloop) = AsyncClient::new(options, EVENTS);
        let (tx, events) = mpsc::channel(EVENTS);
        let task = tokio::spawn(async move {
            loop {
                let event = eventloop.poll().await;
                let failed = event.is_err();
                if tx.send(event).await.is_err() || failed {
                    return;
                }
            }
        });
        Self {
            client,
            events,
            task,
        }
    }

    async fn connected(mut self) -> Self {
        self.packet("CONNACK", |p| matches!(p, Packet::ConnAck(_)))
            .await;
        self
    }

    pub(crate) async fn event(&mut self) -> Result<Event, ConnectionError> {
        patiently("an event", self.events.recv())
            .await
            .expect("the client goes on")
    }

    /// The next packet that is wanted; others are passed over.
    pub(crate) async fn packet(&mut self, what: &str, wanted: impl Fn(&Packet) -> bool) -> Packet {
        loop {
            match self.event().await {
                Ok(Event::Incoming(packet)) if wanted(&packet) => return packet,
                Ok(_) => {}
                Err(error) => panic!("{error} while waiting for {what}"),
            }
        }
    }

    /// The next acknowledgement: packet id and reason.
    pub(crate) async fn puback(&mut self) -> (u16, String) {
        match self
            .packet("PUBACK", |p| matches!(p, Packet::PubAck(_)))
            .await
        {
            Packet::PubAck(ack) => (ack.pkid, format!("{:?}", ack.reason)),
            _ => unreachable!(),
        }
    }

    pub(crate) async fn message(&mut self) -> rumqttc::v5::mqttbytes::v5::Publish {
        match self
            .packet("PUBLISH", |p| matches!(p, Packet::Publish(_)))
            .await
        {
            Packet::Publish(publish) => publish,
            _ => unreachable!(),
        }
    }
}

/// Bytes by hand.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
}

/// One packet as received: first byte and body.
pub(crate) type RawPacket = (u8, Vec<u8>);

impl Raw {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        patiently("the socket", self.stream.write_all(bytes))
            .await
            .unwrap();
    }

    /// The next packet; none when the server closes.
    pub(crate) async fn next(&mut self) -> Option<RawPacket> {
        patiently("a packet", async {
            let first = self.stream.read_u8().await.ok()?;
            let (mut length, mut shift) = (0usize, 0);
            loop {
                let byte = self.stream.read_u8().await.ok()?;
                length |= usize::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).await.ok()?;
            Some((first, body))
        })
        .await
    }

    /// Connects and returns CONNACK's body.
    pub(crate) async fn connect(&mut self, version: u8, user: &str) -> Vec<u8> {
        self.send(&connect(version, user, user, 60, &[])).await;
        let (first, body) = self.next().await.expect("CONNACK");
        assert_eq!(first, 0x20);
        body
    }
}

fn string(text: &str) -> Vec<u8> {
    binary(text.as_bytes())
}

fn binary(bytes: &[u8]) -> Vec<u8> {
    [
        &u16::try_from(bytes.len()).unwrap().to_be_bytes()[..],
        bytes,
    ]
    .concat()
}

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let mut rest = body.len();
    loop {
        let byte = u8::try_from(rest % 128).unwrap();
        rest /= 128;
        bytes.push(if rest > 0 { byte | 0x80 } else { byte });
        if rest == 0 {
            break;
        }
    }
    [&bytes, body].concat()
}

/// CONNECT with user and password `secret`, and a will (topic, payload, QoS, retain).
pub(crate) fn connect(
    version: u8,
    id: &str,
    user: &str,
    keep_alive: u16,
    will: &[(&str, &str, u8, bool)],
) -> Vec<u8> {
    let mut flags = 0b1100_0010;
    let properties: &[u8] = if version == 5 { &[0] } else { &[] };
    let mut body = [string("MQTT"), vec![version]].concat();
    let mut tail = string(id);
    for (topic, payload, qos, retain) in will {
        flags |= 0b100 | (qos << 3) | (u8::from(*retain) << 5);
        tail.extend([properties.to_vec(), string(topic), string(payload)].concat());
    }
    tail.extend([string(user), string("secret")].concat());
    body.push(flags);
    body.extend(keep_alive.to_be_bytes());
    body.extend(properties);
    body.extend(tail);
    packet(0x10, &body)
}

pub(crate) fn publish(version: u8, topic: &str, qos: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut body = string(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    if version == 5 {
        body.push(0);
    }
    body.extend(payload);
    packet(0x30 | (qos << 1), &body)
}

pub(crate) fn subscribe(version: u8, id: u16, filter: &str, options: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if version == 5 {
        body.push(0);
    }
    body.extend(string(filter));
    body.push(options);
    packet(0x82, &body)
}

pub(crate) const PINGREQ: [u8; 2] = [0xc0, 0];
