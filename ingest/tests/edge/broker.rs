//! A real Mosquitto between the devices and us.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardline_ingest::{
    Arrived, BrokerConfig, BrokerSource, Intake, Routes, Snapshot, Stats, Undelivered, batcher,
    broker_publisher,
};

use super::support::{Recorder, V5, patiently};

const TOPIC: &str = "wardline/v1/s/g/d1/readings";

struct Mosquitto {
    port: u16,
    dir: TempDir,
    process: Option<Child>,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Mosquitto {
    async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mut broker = Self {
            port,
            dir: TempDir::new().unwrap(),
            process: None,
        };
        broker.restart().await;
        broker
    }

    async fn restart(&mut self) {
        let path = self.dir.path().join("mosquitto.conf");
        let store = self.dir.path().display();
        // Every change is saved, so that a killed broker still has its sessions.
        let config = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {store}/\n\
             autosave_interval 1\nautosave_on_changes true\n{}",
            self.port,
            // Debian's package starts as root and drops to its own user, who could not save.
            "user root\n",
        );
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new("/usr/sbin/mosquitto");
        command
            .arg("-c")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.process = Some(command.spawn().expect("mosquitto is installed"));
        let address = ("127.0.0.1", self.port);
        patiently("mosquitto", async {
            while tokio::net::TcpStream::connect(address).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    async fn client(&self, id: &str) -> V5 {
        let mut options = MqttOptions::new(id, "127.0.0.1", self.port);
        options.set_max_packet_size(Some(1 << 20));
        let mut client = V5::new(options);
        client
            .packet("CONNACK", |p| matches!(p, Packet::ConnAck(_)))
            .await;
        client
    }

    fn config(&self) -> BrokerConfig {
        let mut config = BrokerConfig::new("127.0.0.1", self.port, "wardline");
        config.min_backoff = Duration::from_millis(10);
        config.max_backoff = Duration::from_millis(50);
        config
    }
}

struct Source {
    sink: Arc<Recorder>,
    intake: Intake,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Source {
    fn start(config: BrokerConfig) -> Self {
        let sink = Recorder::new();
        let (intake, batcher) = batcher(Default::default(), Arc::new(Stats::default()));
        tokio::spawn(batcher.run(sink.clone()));
        let routes = Arc::new(Routes::new(Vec::new()).unwrap());
        let shutdown = CancellationToken::new();
        let source = BrokerSource::new(config, routes, intake.clone()).unwrap();
        let running = tokio::spawn(source.run(shutdown.clone()));
        Self {
            sink,
            intake,
            shutdown,
            running,
        }
    }

    async fn until(&self, what: &str, true_of: impl Fn(&Snapshot) -> bool) {
        patiently(what, async {
            while !true_of(&self.intake.stats().snapshot()) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    async fn stop(self) {
        self.shutdown.cancel();
        patiently("the source to stop", self.running).await.unwrap();
    }
}

async fn send(device: &mut V5, payloads: impl IntoIterator<Item = String>) {
    for payload in payloads {
        device
            .client
            .publish(TOPIC, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
        device.puback().await;
    }
}

#[tokio::test]
async fn a_message_is_acknowledged_after_the_sink_only() {
    let broker = Mosquitto::start().await;
    let source = Source::start(broker.config());
    source
        .until("the subscription", |stats| stats.broker_connected == 1)
        .await;
    source.sink.hold(true);
    let mut device = broker.client("device").await;
    send(&mut device, (0..20).map(|i| i.to_string())).await;
    source
        .until("all in flight", |stats| stats.in_flight == 20)
        .await;
    let m = &source.sink.seen()[0];
    assert_eq!(
        (m.route.name.as_str(), m.device.as_deref(), &m.payload[..]),
        ("readings", Some("d1"), &b"0"[..])
    );
    assert!(m.principal.is_none());
    assert_eq!(source.intake.stats().snapshot().acked, 0);
    // Stopped before the sink has answered: the broker keeps all of it and delivers it again.
    source.running.abort();
    let again = Source::start(broker.config());
    again.sink.wait_for(20).await;
    again
        .until("acknowledgements", |stats| stats.acked == 20)
        .await;
    assert_eq!(
        again.sink.payloads(),
        (0..20).map(|i| i.to_string()).collect::<Vec<_>>()
    );
    again.stop().await;
    // Nothing is left: the next one gets only what is new.
    let last = Source::start(broker.config());
    last.until("the subscription", |stats| stats.broker_connected == 1)
        .await;
    send(&mut device, ["new".to_owned()]).await;
    last.sink.wait_for(1).await;
    assert_eq!(last.sink.payloads(), ["new"]);
    last.stop().await;
}

#[tokio::test]
async fn large_packets_and_invalid_ids_go_through() {
    let broker = Mosquitto::start().await;
    let source = Source::start(broker.config());
    source
        .until("the subscription", |stats| stats.broker_connected == 1)
        .await;
    let mut device = broker.client("device").await;
    send(&mut device, ["x".repeat(25_000), "y".repeat(500_000)]).await;
    device
        .client
        .publish("wardline/v1/s/g/d_1/readings", QoS::AtMostOnce, false, "z")
        .await
        .unwrap();
    source.sink.wait_for(3).await;
    let seen = source.sink.seen();
    assert_eq!(
        (seen[0].payload.len(), seen[1].payload.len()),
        (25_000, 500_000)
    );
    assert_eq!(
        (seen[2].route.name.as_str(), &seen[2].device),
        ("readings", &None),
        "the payload must say it"
    );
    source
        .until("acknowledgements", |stats| stats.acked == 2)
        .await;
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_broker_is_found_again_and_old_acknowledgements_are_dropped() {
    let mut broker = Mosquitto::start().await;
    let source = Source::start(broker.config());
    source
        .until("the subscription", |stats| stats.broker_connected == 1)
        .await;
    source.sink.hold(true);
    let mut device = broker.client("device").await;
    send(&mut device, (0..10).map(|i| i.to_string())).await;
    source
        .until("all in flight", |stats| stats.in_flight == 10)
        .await;
    drop(device);
    broker.kill();
    source
        .until("the loss", |stats| stats.broker_connected == 0)
        .await;
    // These answers belong to a connection that is gone.
    source.sink.hold(false);
    source
        .until("stale acknowledgements", |stats| {
            stats.broker_stale_acks == 10
        })
        .await;
    assert_eq!(source.intake.stats().snapshot().acked, 0);
    broker.restart().await;
    source
        .until("the subscription", |stats| stats.broker_connected == 1)
        .await;
    let mut device = broker.client("device").await;
    send(&mut device, (10..20).map(|i| i.to_string())).await;
    let all: Vec<String> = (0..20).map(|i| i.to_string()).collect();
    patiently("every message", async {
        while !all
            .iter()
            .all(|payload| source.sink.payloads().contains(payload))
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let stats = source.intake.stats().snapshot();
    assert!(stats.broker_reconnects >= 1);
    source
        .until("acknowledgements", |stats| {
            stats.in_flight == 0 && stats.acked >= 10
        })
        .await;
    source.stop().await;
}

#[tokio::test]
async fn alerts_arrive_over_lost_connections_and_say_so() {
    let mut broker = Mosquitto::start().await;
    let stats = Arc::new(Stats::default());
    let (publisher, task) = broker_publisher(broker.config(), stats.clone());
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(task.run(shutdown.clone()));
    let unheard = publisher
        .publish("wardline/v1/s/alerts", Bytes::new(), false, None)
        .unwrap();
    let unheard = patiently("delivery", unheard.confirmed()).await;
    assert_eq!(unheard, Ok(Arrived { heard: false }), "nobody subscribes");
    let first = publisher
        .publish("wardline/v1/s/alerts", Bytes::from_static(b"1"), true, None)
        .unwrap();
    let first = patiently("delivery", first.confirmed()).await;
    assert!(first.is_ok(), "{first:?}");
    broker.kill();
    let second = publisher
        .publish("wardline/v1/s/alerts", Bytes::from_static(b"2"), true, None)
        .unwrap();
    let expired = publisher
        .publish(
            "wardline/v1/s/alerts",
            Bytes::new(),
            false,
            Some(Duration::ZERO),
        )
        .unwrap();
    let mut confirmed = Box::pin(second.confirmed());
    assert!(futures::poll!(&mut confirmed).is_pending());
    broker.restart().await;
    let second = patiently("delivery", confirmed).await;
    assert!(second.is_ok(), "{second:?}");
    assert_eq!(
        patiently("expiry", expired.confirmed()).await,
        Err(Undelivered::Expired)
    );
    let mut nurse = broker.client("nurse").await;
    nurse
        .client
        .subscribe("wardline/v1/s/alerts", QoS::AtLeastOnce)
        .await
        .unwrap();
    assert_eq!(&nurse.message().await.payload[..], b"2");
    let third = publisher
        .publish(
            "wardline/v1/s/alerts",
            Bytes::from_static(b"3"),
            false,
            None,
        )
        .unwrap();
    let third = patiently("delivery", third.confirmed()).await;
    assert_eq!(third, Ok(Arrived { heard: true }));
    shutdown.cancel();
    patiently("the publisher to stop", running).await.unwrap();
    assert!(
        publisher
            .publish("wardline/v1/s/alerts", Bytes::new(), false, None)
            .is_err()
    );
}

#[test]
fn a_share_group_is_one_level() {
    use wardline_ingest::BrokerConfigError;
    let (intake, _batcher) = batcher(Default::default(), Arc::new(Stats::default()));
    for wrong in ["", "a/b", "+"] {
        let mut config = BrokerConfig::new("localhost", 1883, "wardline");
        config.share = Some(wrong.to_owned());
        let routes = Arc::new(Routes::new(Vec::new()).unwrap());
        let refused = BrokerSource::new(config, routes, intake.clone()).unwrap_err();
        assert_eq!(refused, BrokerConfigError::Share(wrong.to_owned()));
    }
}
