//! Node-RED, fetched from npm into a cache and run without editor, telemetry or update checks.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tempfile::TempDir;
use tokio::time::{interval, timeout};

use super::Process;

/// The line that the benchmark is written for; npm takes its newest.
const PACKAGE: &str = "node-red@4.1";
const SETTINGS: &str = include_str!("../../node-red/settings.js");
const FLOWS: &str = include_str!("../../node-red/flows.json");

/// Where the flow publishes what it was sent on `vendor/…`.
pub(crate) const OUT: &str = "out/vendor";
/// Long enough for a start on a machine that does other things as well.
const START: Duration = Duration::from_secs(60);

/// An installed Node-RED.
#[derive(Debug)]
pub(crate) struct NodeRed {
    script: PathBuf,
    pub(crate) version: String,
}

/// Why there is none: npm or its registry is not there. Not a fault of the benchmark.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotInstalled(String);

impl NodeRed {
    /// The one in the cache, or else npm's.
    pub(crate) fn install(cache: &Path) -> anyhow::Result<Result<Self, NotInstalled>> {
        let package = cache.join("node_modules/node-red");
        // Written last: what npm was stopped in is fetched again.
        let whole = cache.join("installed");
        if !whole.is_file() {
            std::fs::create_dir_all(cache)?;
            // A package of its own, or npm would look for one further up.
            std::fs::write(cache.join("package.json"), "{\"private\":true}\n")?;
            let output = Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--ignore-scripts"])
                .args(["--omit=dev", "--no-update-notifier", "--loglevel=error"])
                .arg(PACKAGE)
                .current_dir(cache)
                .stdin(Stdio::null())
                .output();
            match output {
                Ok(output) if output.status.success() => {}
                Ok(output) => {
                    let said = String::from_utf8_lossy(&output.stderr);
                    // Its other lines hold paths.
                    let said = said.lines().find(|line| line.contains(" code "));
                    return Ok(Err(NotInstalled(format!(
                        "npm install {PACKAGE} ended with {}: {}",
                        output.status,
                        said.unwrap_or("no word of it")
                    ))));
                }
                Err(error) => return Ok(Err(NotInstalled(format!("npm: {error}")))),
            }
        }
        std::fs::write(whole, "")?;
        let about = std::fs::read(package.join("package.json"))?;
        let about: serde_json::Value = serde_json::from_slice(&about)?;
        let version = about["version"].as_str().context("no version")?;
        let node = Command::new("node").arg("--version").output();
        let Ok(node) = node else {
            return Ok(Err(NotInstalled("node is not installed".to_owned())));
        };
        Ok(Ok(Self {
            script: package.join("red.js"),
            version: format!(
                "Node-RED {version} on node {}",
                String::from_utf8_lossy(&node.stdout).trim()
            ),
        }))
    }

    /// A Node-RED whose flow answers at the broker.
    pub(crate) fn start(&self, scratch: &Path, broker: u16) -> anyhow::Result<Running> {
        let directory = tempfile::tempdir_in(scratch)?;
        let settings = directory.path().join("settings.js");
        std::fs::write(&settings, SETTINGS)?;
        let flows = FLOWS.replace("@PORT@", &broker.to_string());
        std::fs::write(directory.path().join("flows.json"), flows)?;
        let mut process = Process::start(
            Command::new("node")
                .arg(&self.script)
                .arg("--settings")
                .arg(&settings)
                .arg("--userDir")
                .arg(directory.path())
                .current_dir(directory.path())
                .env("NODE_RED_DISABLE_TELEMETRY", "true")
                .env("NODE_ENV", "production")
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        )?;
        let stdout = process.child.stdout.take().context("stdout is no pipe")?;
        let mut log = BufReader::new(stdout).lines();
        let mut said = Vec::new();
        let mut started = false;
        for line in log.by_ref().map_while(Result::ok) {
            started = line.contains("Started flows");
            said.push(line);
            if started {
                break;
            }
        }
        ensure!(started, "Node-RED did not start: {}", said.join("\n"));
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let answered = runtime.block_on(async { timeout(START, probe(broker)).await });
        answered.context("Node-RED's flow does not answer")??;
        Ok(Running {
            process,
            _directory: directory,
        })
    }
}

/// A running Node-RED.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) process: Process,
    _directory: TempDir,
}

/// Sends events until one comes back as a measurement.
async fn probe(port: u16) -> anyhow::Result<()> {
    let options = MqttOptions::new("probe", "127.0.0.1", port);
    let (client, mut events) = AsyncClient::new(options, 16);
    let answers = format!("{OUT}/probe");
    client.subscribe(&answers, QoS::AtLeastOnce).await?;
    let started = Instant::now();
    let mut again = interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            _ = again.tick() => {
                let event = crate::events::heart_rate("probe", 60);
                client.publish("vendor/probe", QoS::AtLeastOnce, false, event.bytes().to_vec()).await?;
            }
            event = events.poll() => {
                if let Event::Incoming(Packet::Publish(publish)) = event? {
                    let answer: serde_json::Value = serde_json::from_slice(&publish.payload)?;
                    if answer["properties"][0]["value"] != "60" {
                        bail!("Node-RED's flow gives {answer}");
                    }
                    client.disconnect().await?;
                    // Written by the event loop, and then it ends.
                    while events.poll().await.is_ok() && started.elapsed() < START {}
                    return Ok(());
                }
            }
        }
    }
}
