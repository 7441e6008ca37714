//! A Mosquitto that keeps nothing, and a subscriber that counts.

use std::io::{BufRead as _, BufReader, Lines};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::subscriber::{DONE, READY};
use super::{Process, said_line};

/// A running Mosquitto.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) process: Process,
    pub(crate) port: u16,
    said: Receiver<String>,
    _directory: TempDir,
}

/// Lines of its log that may wait to be read: it says little, and what is over is not waited for.
const LINES: usize = 1_000;
/// For a client to subscribe.
const SUBSCRIPTION: Duration = Duration::from_secs(30);

impl Broker {
    pub(crate) fn start(program: &Path, scratch: &Path) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(scratch)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = directory.path().join("mosquitto.conf");
        // `set_tcp_nodelay` stays off, its default: on, Mosquitto passes on about two thirds as many messages.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\n\
             max_queued_messages 0\nlog_dest stderr\nlog_type error\nlog_type information\n\
             log_type subscribe\n"
        );
        std::fs::write(&config, text)?;
        let mut process = Process::start(
            Command::new(program)
                .arg("-c")
                .arg(&config)
                .stderr(Stdio::piped()),
        )?;
        let stderr = process
            .child
            .stderr
            .take()
            .context("stderr is not a pipe")?;
        let mut log = BufReader::new(stderr).lines();
        let running = log
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("running"));
        ensure!(running, "mosquitto did not start");
        let (lines, said) = sync_channel(LINES);
        std::thread::spawn(move || {
            for line in log.map_while(Result::ok) {
                // Full or unread: the log goes on, or Mosquitto would stop at its pipe.
                drop(lines.try_send(line));
            }
        });
        Ok(Self {
            process,
            port,
            said,
            _directory: directory,
        })
    }

    /// Until somebody subscribes to a filter with this text in it.
    pub(crate) fn wait_for_subscription(&self, text: &str) -> anyhow::Result<()> {
        let until = Instant::now() + SUBSCRIPTION;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.said.recv_timeout(left);
            let line = line.with_context(|| format!("nobody subscribes to {text}"))?;
            if line.contains(text) {
                return Ok(());
            }
        }
    }
}

/// `mosquitto -h`'s first line: name and version.
pub(crate) fn version(program: &Path) -> anyhow::Result<String> {
    let output = Command::new(program).arg("-h").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.replace("mosquitto version", "Mosquitto"))
}

/// A subscriber that counts to a number and acknowledges.
#[derive(Debug)]
pub(crate) struct Counter {
    pub(crate) process: Process,
    said: Lines<BufReader<ChildStdout>>,
}

impl Counter {
    pub(crate) fn start(port: u16, filter: &str, expect: u64) -> anyhow::Result<Self> {
        let program: PathBuf = std::env::current_exe()?;
        let mut process = Process::start(
            Command::new(program)
                .args(["subscriber", "--port", &port.to_string()])
                .args(["--filter", filter, "--expect", &expect.to_string()])
                .stdout(Stdio::piped()),
        )?;
        let mut said = process.lines()?;
        said_line(&mut said, READY)?;
        Ok(Self { process, said })
    }

    /// Until everything has come.
    pub(crate) fn wait(&mut self) -> anyhow::Result<()> {
        said_line(&mut self.said, DONE).context("the subscriber did not get every message")
    }
}
