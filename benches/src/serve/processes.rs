//! The programs that are measured: started, asked for their CPU time, stopped.

use std::io::{BufRead, BufReader, Lines};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::subscriber::{DONE, READY};

pub(super) const SITE: &str = "bench";
/// Also the name of its token.
pub(super) const GATEWAY: &str = "bench-gateway";

/// Clock ticks a second in `/proc`: fixed at 100 for user space on every Linux.
const TICKS: f64 = 100.0;

/// A child that does not outlive us.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    name: String,
}

impl Process {
    fn start(command: &mut Command) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name })
    }

    /// Its standard output, once.
    fn lines(&mut self) -> anyhow::Result<Lines<BufReader<ChildStdout>>> {
        let stdout = self.child.stdout.take().context("stdout is not a pipe")?;
        Ok(BufReader::new(stdout).lines())
    }

    /// User and system time so far.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))
            .with_context(|| format!("{} has ended", self.name))?;
        cpu_ticks(&stat)
            .map(|ticks| ticks / TICKS)
            .context("an unknown form of /proc/…/stat")
    }

    /// SIGTERM, and the end it leads to.
    fn stop(mut self) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails when it has ended, which is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// utime and stime, counted from behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    Some(times.next()?.parse::<f64>().ok()? + times.next()?.parse::<f64>().ok()?)
}

/// A data directory with a publish token, to be copied for every round.
#[derive(Debug)]
pub(super) struct Installation {
    server: PathBuf,
    data: PathBuf,
    pub(super) credentials: (String, String),
}

/// A running `wardline serve`.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) process: Process,
    pub(super) port: u16,
    directory: TempDir,
}

impl Installation {
    pub(super) fn prepare(server: &Path, scratch: &Path) -> anyhow::Result<Self> {
        let data = scratch.join("prepared");
        let output = Command::new(server)
            .args([
                "token",
                "add",
                GATEWAY,
                "--role",
                "publish",
                "--gateway",
                GATEWAY,
                "--site",
                SITE,
            ])
            .arg("--data-dir")
            .arg(&data)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", server.display()))?;
        ensure!(
            output.status.success(),
            "wardline token add ended with {}",
            output.status
        );
        let secret = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok(Self {
            server: server.to_owned(),
            data,
            credentials: (GATEWAY.to_owned(), secret),
        })
    }

    /// A server on a copy of the prepared data.
    pub(super) fn start(&self, scratch: &Path) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir_in(scratch)?;
        copy(&self.data, &data_of(directory.path()))?;
        let config = directory.path().join("wardline.toml");
        std::fs::write(&config, configuration(&data_of(directory.path()))?)?;
        let mut process = Process::start(
            Command::new(&self.server)
                .arg("serve")
                .arg("--config")
                .arg(&config)
                .stdout(Stdio::piped()),
        )?;
        let line = process
            .lines()?
            .next()
            .context("the server ended before it was ready")??;
        let ready: serde_json::Value = serde_json::from_str(&line)?;
        let address: SocketAddr = ready["mqtt"].as_str().context("no MQTT address")?.parse()?;
        Ok(Server {
            process,
            port: address.port(),
            directory,
        })
    }

    /// Rows of the observation table of a data directory that nobody serves.
    pub(super) fn count_rows(&self, directory: &Path) -> anyhow::Result<u64> {
        let output = Command::new(&self.server)
            .args([
                "sql",
                "SELECT count(*) AS n FROM observation",
                "--format",
                "csv",
                "--data-dir",
            ])
            .arg(data_of(directory))
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(
            output.status.success(),
            "wardline sql ended with {}",
            output.status
        );
        let text = String::from_utf8(output.stdout)?;
        let count = text.lines().last().unwrap_or_default().trim();
        count
            .parse()
            .with_context(|| format!("'{count}' is not a number of rows"))
    }
}

impl Server {
    /// An orderly stop; gives the directory back, which is removed when it is dropped.
    pub(super) fn stop(self) -> anyhow::Result<TempDir> {
        self.process.stop()?;
        Ok(self.directory)
    }
}

fn data_of(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// The server as it is by default, on ports of its own.
fn configuration(data: &Path) -> anyhow::Result<String> {
    let data = serde_json::to_string(data)?;
    Ok(format!(
        "site = \"{SITE}\"\ndata-dir = {data}\n[http]\nbind = \"127.0.0.1:0\"\n[mqtt]\nbind = \"127.0.0.1:0\"\n\
         [log]\nlevel = \"warn\"\n"
    ))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// A running Mosquitto and its subscriber.
#[derive(Debug)]
pub(super) struct Broker {
    // The subscriber goes first, or it would complain.
    subscriber: Process,
    said: Lines<BufReader<ChildStdout>>,
    broker: Process,
    pub(super) port: u16,
    _directory: TempDir,
}

impl Broker {
    /// Nothing in the broker's settings holds it back.
    pub(super) fn start(program: &Path, scratch: &Path, expect: u64) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir_in(scratch)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let config = directory.path().join("mosquitto.conf");
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\n\
             max_queued_messages 0\nset_tcp_nodelay true\nlog_dest stderr\nlog_type error\nlog_type information\n"
        );
        std::fs::write(&config, text)?;
        let mut broker = Process::start(
            Command::new(program)
                .arg("-c")
                .arg(&config)
                .stderr(Stdio::piped()),
        )?;
        let stderr = broker.child.stderr.take().context("stderr is not a pipe")?;
        let mut log = BufReader::new(stderr).lines();
        let running = log
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("running"));
        ensure!(running, "mosquitto did not start");
        std::thread::spawn(move || log.map_while(Result::ok).for_each(drop));
        let mut subscriber = Process::start(
            Command::new(std::env::current_exe()?)
                .args([
                    "subscriber",
                    "--port",
                    &port.to_string(),
                    "--expect",
                    &expect.to_string(),
                ])
                .stdout(Stdio::piped()),
        )?;
        let mut said = subscriber.lines()?;
        said_line(&mut said, READY)?;
        Ok(Self {
            subscriber,
            said,
            broker,
            port,
            _directory: directory,
        })
    }

    pub(super) fn wait_for_subscriber(&mut self) -> anyhow::Result<()> {
        said_line(&mut self.said, DONE)
    }

    /// Of broker and subscriber.
    pub(super) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        Ok(self.broker.cpu_seconds()? + self.subscriber.cpu_seconds()?)
    }
}

fn said_line(lines: &mut Lines<BufReader<ChildStdout>>, expected: &str) -> anyhow::Result<()> {
    match lines.next() {
        Some(Ok(line)) if line == expected => Ok(()),
        other => bail!("{other:?} instead of {expected}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(300.0));
        assert_eq!(cpu_ticks("7 (x) S 1"), None);
    }
}
