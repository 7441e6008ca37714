//! A Mosquitto of our own and a subscriber that keeps what it gets.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};

/// Longer than anything here takes: a test that waits for this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Broker {
    child: Child,
    /// For any client.
    pub(crate) port: u16,
    /// For clients with TLS, when it was asked for.
    pub(crate) tls_port: u16,
    _directory: tempfile::TempDir,
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::with("allow_anonymous true", None)
    }

    /// `access` are lines on who may connect; `certificates` is a directory with ca, server and key.
    pub(crate) fn with(access: &str, certificates: Option<&Path>) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (port, tls_port) = (free_port(), free_port());
        let mut config =
            format!("per_listener_settings false\nlistener {port} 127.0.0.1\n{access}\n");
        if let Some(directory) = certificates {
            let directory = directory.display();
            write!(
                config,
                "listener {tls_port} 127.0.0.1\ncafile {directory}/ca.pem\ncertfile {directory}/server.pem\n\
                 keyfile {directory}/server.key\nrequire_certificate true\n"
            )
            .expect("a string");
        }
        let file = directory.path().join("mosquitto.conf");
        // Run by root, it would become another user, who may not read the directory.
        std::fs::write(&file, config + "user root\nlog_dest stderr\nlog_type all\n")
            .expect("its configuration");
        let mut child = Command::new(mosquitto())
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("mosquitto is installed");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let running = log
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("running"));
        assert!(running, "mosquitto did not start");
        // Read on, or it would stop when the pipe is full.
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        Self {
            child,
            port,
            tls_port,
            _directory: directory,
        }
    }

    /// Sends it a signal: STOP and CONT make it hang and go on.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.expect("kill").success());
    }

    pub(crate) fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.child.kill().expect("it ran until now");
        self.child.wait().expect("its end");
    }
}

fn mosquitto() -> &'static str {
    // Debian puts it where only root's PATH looks.
    if Path::new("/usr/sbin/mosquitto").is_file() {
        "/usr/sbin/mosquitto"
    } else {
        "mosquitto"
    }
}

/// Subscribed to everything under `wardline/`.
pub(crate) struct Subscriber {
    client: AsyncClient,
    events: EventLoop,
}

impl Subscriber {
    pub(crate) async fn new(broker: &Broker) -> Self {
        let mut options = MqttOptions::new("subscriber", "127.0.0.1", broker.port);
        options.set_max_packet_size(Some(1 << 20));
        let (client, events) = AsyncClient::new(options, 10);
        client
            .subscribe("wardline/#", QoS::AtLeastOnce)
            .await
            .expect("room for a request");
        let mut subscriber = Self { client, events };
        while !matches!(subscriber.event().await, Event::Incoming(Packet::SubAck(_))) {}
        subscriber
    }

    /// Publishes as whoever may.
    pub(crate) async fn publish(&self, topic: &str, payload: &str) {
        let sent = self
            .client
            .publish(topic, QoS::AtLeastOnce, false, payload.to_owned());
        sent.await.expect("room for a request");
    }

    /// The next message on a topic that ends so.
    pub(crate) async fn on(&mut self, end: &str) -> Publish {
        loop {
            let publish = self.next().await;
            if text(&publish.topic).ends_with(end) {
                return publish;
            }
        }
    }

    /// The next status for which `wanted` holds.
    pub(crate) async fn status(
        &mut self,
        wanted: impl Fn(&serde_json::Value) -> bool,
    ) -> serde_json::Value {
        loop {
            let publish = self.on("/status").await;
            let status = serde_json::from_slice(&publish.payload).expect("JSON");
            if wanted(&status) {
                return status;
            }
        }
    }

    async fn event(&mut self) -> Event {
        let event = tokio::time::timeout(PATIENCE, self.events.poll()).await;
        event.expect("something happens").expect("a connection")
    }

    pub(crate) async fn next(&mut self) -> Publish {
        loop {
            if let Event::Incoming(Packet::Publish(publish)) = self.event().await {
                return publish;
            }
        }
    }

    /// Everything up to a status of the gateway for which `last` holds, which is the last one here.
    pub(crate) async fn until_status(&mut self, last: &str) -> Vec<Publish> {
        let mut all = Vec::new();
        loop {
            let publish = self.next().await;
            if publish.retain {
                // Of an earlier gateway.
                continue;
            }
            let done =
                text(&publish.topic).ends_with("/status") && text(&publish.payload).contains(last);
            all.push(publish);
            if done {
                return all;
            }
        }
    }
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
