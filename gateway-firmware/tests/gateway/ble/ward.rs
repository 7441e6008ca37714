//! A ward for a scenario: fake devices, the real gateway as a child, a real broker, and what a subscriber of it gets.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use wardline_fake_bluez::Bluez;

use crate::broker::{Broker, Subscriber, free_port, text};
use crate::program::send;

/// Longer than anything here takes: a scenario that waits for this long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at metrics: nothing tells of their change.
const LOOK: Duration = Duration::from_millis(20);

/// Times short enough for a test and long enough for a busy machine; a scenario overrides what it is about.
const QUICK: &[(&str, &str)] = &[
    ("scan-window", "400ms"),
    ("scan-interval", "500ms"),
    ("connect-timeout", "5s"),
    ("operation-timeout", "5s"),
    ("discovery-timeout", "5s"),
    ("procedure-timeout", "5s"),
    ("backoff-min", "50ms"),
    ("backoff-max", "300ms"),
    ("spot-idle", "1s"),
    ("spot-revisit", "100ms"),
    ("ping-interval", "200ms"),
    ("ping-timeout", "2s"),
];

/// Configuration of one device.
#[derive(Debug, Clone)]
pub(crate) struct Listed(String);

/// A device of the allow-list with its profiles.
pub(crate) fn listed(id: &str, address: &str, profiles: &[&str]) -> Listed {
    Listed(format!(
        "[[ble.device]]\nid = \"{id}\"\naddress = \"{address}\"\nprofiles = {profiles:?}\n"
    ))
}

impl Listed {
    /// One more line of its section.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.0.push_str(line);
        self.0.push('\n');
        self
    }

    pub(crate) fn random(self) -> Self {
        self.with("address-type = \"random\"")
    }
}

/// Everything around one gateway.
pub(crate) struct Ward {
    pub(crate) bluez: Bluez,
    pub(crate) broker: Broker,
    subscriber: Subscriber,
    directory: tempfile::TempDir,
    metrics: u16,
    child: Option<Child>,
    log: Arc<Mutex<String>>,
    /// Everything that came, in its order.
    pub(crate) readings: Vec<Reading>,
    /// The last status of the gateway.
    pub(crate) status: serde_json::Value,
    pub(crate) began: i64,
}

/// One resolved record of a pack.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    pub(crate) device: String,
    pub(crate) name: String,
    /// Number as it was written, with its decimals.
    pub(crate) value: Option<String>,
    /// Text, code or absence.
    pub(crate) text: Option<String>,
    pub(crate) unit: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) time: Option<i64>,
    /// Every other label, as JSON.
    pub(crate) labels: BTreeMap<String, String>,
}

impl Reading {
    pub(crate) fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(|text| text.trim_matches('"'))
    }

    pub(crate) fn absent(&self) -> bool {
        self.labels.get("absent_").is_some_and(|v| v == "true")
    }

    fn line(&self) -> String {
        let (time, labels) = (self.time, &self.labels);
        format!(
            "{} {} {} {time:?} {labels:?}",
            self.device,
            self.name,
            self.quantity()
        )
    }

    /// Number and unit, for comparisons in tests.
    pub(crate) fn quantity(&self) -> String {
        let value = self.value.as_deref().or(self.text.as_deref());
        let unit = self.unit.as_deref().unwrap_or_default();
        format!("{} {unit}", value.unwrap_or("-"))
    }
}

pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.expect("after 1970").as_millis()).expect("before the year 292 million")
}

impl Ward {
    /// A ward with these devices on the gateway's list; the gateway runs.
    pub(crate) async fn of(devices: &[Listed]) -> Self {
        Self::with(&[], devices).await
    }

    /// With other times or bounds in `[ble]`.
    pub(crate) async fn with(changes: &[(&str, &str)], devices: &[Listed]) -> Self {
        let bluez = Bluez::start().await;
        let mut ward = Self::prepare(bluez, changes, devices).await;
        ward.start();
        ward
    }

    /// As [`Ward::with`], but the gateway does not run yet.
    pub(crate) async fn prepare(
        bluez: Bluez,
        changes: &[(&str, &str)],
        devices: &[Listed],
    ) -> Self {
        let broker = Broker::start();
        let subscriber = Subscriber::new(&broker).await;
        let directory = tempfile::tempdir().expect("a directory");
        let ward = Self {
            bluez,
            metrics: free_port(),
            broker,
            subscriber,
            directory,
            child: None,
            log: Arc::default(),
            readings: Vec::new(),
            status: serde_json::Value::Null,
            began: now(),
        };
        ward.configure(changes, devices);
        ward
    }

    /// Writes the configuration.
    pub(crate) fn configure(&self, changes: &[(&str, &str)], devices: &[Listed]) {
        let directory = self.directory.path().display();
        let mut config = format!(
            "site = \"s\"\ngateway = \"g\"\ndata-dir = \"{directory}/data\"\n\
             [server]\nurl = \"{}\"\nformat = \"json\"\n\
             [time]\nsynchronized = \"assume\"\n\
             [publish]\nlinger = \"20ms\"\n\
             [metrics]\nbind = \"127.0.0.1:{}\"\n\
             [log]\nlevel = \"wardline_gateway=debug,warn\"\n\
             [ble]\n",
            self.broker.url(),
            self.metrics
        );
        let mut values: BTreeMap<&str, &str> = QUICK.iter().copied().collect();
        values.extend(changes.iter().copied());
        for (key, value) in values {
            if value.parse::<u32>().is_ok() || value.starts_with('[') {
                writeln!(config, "{key} = {value}").expect("a string");
            } else {
                writeln!(config, "{key} = \"{value}\"").expect("a string");
            }
        }
        for Listed(text) in devices {
            config.push_str(text);
        }
        std::fs::write(self.config(), config).expect("a configuration");
    }

    pub(crate) fn config(&self) -> std::path::PathBuf {
        self.directory.path().join("gateway.toml")
    }

    /// A file beside the configuration; its path.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path.display().to_string()
    }

    /// Starts the gateway.
    pub(crate) fn start(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wardline-gateway"))
            .args(["run", "--config"])
            .arg(self.config())
            .env("DBUS_SYSTEM_BUS_ADDRESS", self.bluez.address())
            .env("RUST_BACKTRACE", "0")
            .env("TZ", "UTC")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the gateway runs");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let log = Arc::clone(&self.log);
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        self.child = Some(child);
    }

    /// Kills the gateway.
    pub(crate) async fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().await.expect("it ran until now");
    }

    /// Asks it to end and waits until it has; its exit code.
    pub(crate) async fn stop(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        send(&child, "TERM");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await;
        status.expect("it ends").expect("its end").code()
    }

    /// Waits until it ends of its own accord; its exit code.
    pub(crate) async fn ends(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("it runs");
        let status = tokio::time::timeout(PATIENCE, child.wait()).await;
        status.expect("it ends").expect("its end").code()
    }

    /// Has it read its configuration again.
    pub(crate) fn reload(&self) {
        send(self.child.as_ref().expect("it runs"), "HUP");
    }

    /// Everything it said so far.
    pub(crate) fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.clone()
    }

    /// Takes messages until `done` holds for everything that came.
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !done(self) {
            let next = tokio::time::timeout_at(deadline, self.subscriber.next()).await;
            let Ok(publish) = next else {
                let all: Vec<String> = self.readings.iter().map(Reading::line).collect();
                panic!("{what}: not in time; got\n{}", all.join("\n"));
            };
            let topic = text(&publish.topic).to_owned();
            if topic.ends_with("/readings") {
                self.take(&topic, &publish.payload);
            } else if topic.ends_with("/status") {
                let status = serde_json::from_slice(&publish.payload);
                self.status = status.expect("a status is JSON");
            }
        }
    }

    /// Takes messages until so many readings of a metric of a device came; these.
    pub(crate) async fn values(&mut self, device: &str, name: &str, count: usize) -> Vec<Reading> {
        let what = format!("{count} of {name} from {device}");
        self.until(&what, |ward| ward.of_metric(device, name).len() >= count)
            .await;
        self.of_metric(device, name)
    }

    /// What came of a metric of a device.
    pub(crate) fn of_metric(&self, device: &str, name: &str) -> Vec<Reading> {
        let wanted = |reading: &&Reading| reading.device == device && reading.name == name;
        self.readings.iter().filter(wanted).cloned().collect()
    }

    /// What came of a device.
    pub(crate) fn of_device(&self, device: &str) -> Vec<Reading> {
        let wanted = |reading: &&Reading| reading.device == device;
        self.readings.iter().filter(wanted).cloned().collect()
    }

    fn take(&mut self, topic: &str, payload: &[u8]) {
        let device = topic.split('/').nth(4).expect("a device in the topic");
        assert_eq!(topic, format!("wardline/v1/s/g/{device}/readings"));
        let pack: Vec<BTreeMap<String, Box<RawValue>>> =
            serde_json::from_slice(payload).expect("a pack");
        let mut base: BTreeMap<String, String> = BTreeMap::new();
        for record in pack {
            let mut labels: BTreeMap<String, String> = record
                .into_iter()
                .map(|(label, value)| (label, value.get().to_owned()))
                .collect();
            for label in ["bn", "bt", "bu"] {
                if let Some(value) = labels.remove(label) {
                    base.insert(label.to_owned(), value);
                }
            }
            let unquoted =
                |text: Option<String>| text.map(|text| text.trim_matches('"').to_owned());
            let of_base = |label: &str| unquoted(base.get(label).cloned());
            let bn = of_base("bn").unwrap_or_default();
            let name = bn.clone() + &unquoted(labels.remove("n")).unwrap_or_default();
            let (prefix, name) = name.split_once(':').expect("a name with its device");
            assert_eq!(prefix, device, "the topic's device");
            let seconds =
                |text: Option<String>| text.map(|text| text.parse::<f64>().expect("a time"));
            let base_time = seconds(base.get("bt").cloned());
            let own_time = seconds(labels.remove("t"));
            let time = match (base_time, own_time) {
                (None, None) => None,
                (base, own) => Some(base.unwrap_or(0.0) + own.unwrap_or(0.0)),
            };
            self.readings.push(Reading {
                device: device.to_owned(),
                name: name.to_owned(),
                value: labels.remove("v"),
                text: unquoted(labels.remove("vs")),
                unit: unquoted(labels.remove("u")).or_else(|| of_base("bu")),
                time: time.map(|seconds| (seconds * 1e3).round() as i64),
                labels,
            });
        }
    }

    /// The text of `/metrics`.
    pub(crate) async fn metrics(&self) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).await.ok()?;
        let request = "GET /metrics HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    /// Sum of a metric over the series that have all of these labels.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let metrics = self.metrics().await.unwrap_or_default();
        metrics
            .lines()
            .filter_map(|line| line.split_once(['{', ' ']).map(|(head, _)| (head, line)))
            .filter(|(head, line)| *head == name && labels.iter().all(|label| line.contains(label)))
            .filter_map(|(_, line)| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Waits until a metric is as `holds` wants it: asked for again and again, for nothing tells of its change.
    pub(crate) async fn until_metric(
        &self,
        name: &str,
        labels: &[&str],
        holds: impl Fn(f64) -> bool,
    ) -> f64 {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let value = self.metric(name, labels).await;
            if holds(value) {
                return value;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{name}{labels:?} is {value} still"
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let said = format!("--- what the gateway said ---\n{}\n", self.log());
            // Nobody is left to be told of a failure.
            drop(std::io::stderr().write_all(said.as_bytes()));
        }
    }
}
