//! Bedside monitors over MLLP: the real gateway between a monitor made of a socket and a real broker.

mod caller;
mod kill;
mod monitor;
mod secure;
mod spoken;

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::broker::{PATIENCE, Subscriber, text};

/// A directory with a configuration.
struct Site {
    directory: TempDir,
}

impl Site {
    /// `mllp`: the sections of monitors, and others.
    fn new(url: &str, mllp: &str) -> Self {
        let site = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        let data = site.directory.path().join("data");
        let config = format!(
            "site = \"s\"\ngateway = \"g\"\ndata-dir = {data:?}\n[time]\nsynchronized = \"assume\"\n\
             [server]\nurl = {url:?}\nformat = \"json\"\n[log]\nformat = \"json\"\n{mllp}"
        );
        std::fs::write(site.file(), config).expect("its configuration");
        site
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("gateway.toml")
    }

    fn start(&self) -> Gateway {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wardline-gateway"))
            .args(["run", "--config"])
            .arg(self.file())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it runs");
        let log = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        Gateway { child, log }
    }
}

/// A gateway that runs.
struct Gateway {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
}

impl Gateway {
    /// Reads its log until it says this; the fields of that line.
    async fn says(&mut self, message: &str) -> Value {
        loop {
            let line = tokio::time::timeout(PATIENCE, self.log.next_line()).await;
            let line = line
                .expect("it gets on")
                .expect("a pipe")
                .expect("it has ended");
            let Ok(line) = serde_json::from_str::<Value>(&line) else {
                continue;
            };
            if line["fields"]["message"] == message {
                return line["fields"].clone();
            }
        }
    }

    /// The port that it listens to monitors on; from then on its log is read and dropped.
    async fn port(mut self) -> (Running, u16) {
        let said = self.says("listening to monitors").await;
        let address = said["address"].as_str().expect("an address");
        let port = address
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok());
        (self.reading(), port.expect("a port"))
    }

    /// Its log is read on, or it would stop when the pipe is full.
    fn reading(mut self) -> Running {
        tokio::spawn(async move { while let Ok(Some(_)) = self.log.next_line().await {} });
        Running { child: self.child }
    }
}

/// A gateway that runs on.
struct Running {
    child: Child,
}

impl Running {
    async fn kill(mut self) {
        self.child.start_kill().expect("it runs");
        self.child.wait().await.expect("its end");
    }
}

const LISTEN: &str = "[[mllp.listen]]\nname = \"ward\"\nbind = \"127.0.0.1:0\"\n";

/// The next pack on a topic that ends like this: its device's id, and its records.
async fn pack(subscriber: &mut Subscriber, end: &str) -> (String, Vec<Value>) {
    loop {
        let publish = subscriber.next().await;
        let topic = text(&publish.topic);
        if topic.ends_with(end) {
            let device = topic.split('/').nth(4).expect("a device").to_owned();
            let records = serde_json::from_slice(&publish.payload).expect("a pack");
            return (device, records);
        }
    }
}
