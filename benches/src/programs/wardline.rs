//! `wardline serve` on data of its own.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use super::Process;

pub(crate) const SITE: &str = "bench";
/// Also the name of its token.
pub(crate) const GATEWAY: &str = "bench-gateway";

/// A data directory with a publish token, to be copied for every round.
#[derive(Debug)]
pub(crate) struct Installation {
    server: PathBuf,
    data: PathBuf,
    pub(crate) credentials: (String, String),
}

/// A running `wardline serve`.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) process: Process,
    /// Of its own MQTT endpoint.
    pub(crate) port: u16,
    http: SocketAddr,
    directory: TempDir,
}

impl Installation {
    pub(crate) fn prepare(server: &Path, scratch: &Path) -> anyhow::Result<Self> {
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

    /// A server on a copy of the prepared data; `more` goes to the end of its configuration.
    pub(crate) fn start(&self, scratch: &Path, more: &str) -> anyhow::Result<Server> {
        let directory = tempfile::tempdir_in(scratch)?;
        copy(&self.data, &data_of(directory.path()))?;
        let config = directory.path().join("wardline.toml");
        std::fs::write(&config, configuration(&data_of(directory.path()), more)?)?;
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
        let address = |name: &str| -> anyhow::Result<SocketAddr> {
            let text = ready[name].as_str();
            Ok(text
                .with_context(|| format!("no {name} address"))?
                .parse()?)
        };
        Ok(Server {
            process,
            port: address("mqtt")?.port(),
            http: address("http")?,
            directory,
        })
    }

    /// Rows of the observation table of a data directory that nobody serves.
    pub(crate) fn count_rows(&self, directory: &Path) -> anyhow::Result<u64> {
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
    /// A figure of `/metrics`.
    pub(crate) fn metric(&self, name: &str) -> anyhow::Result<u64> {
        let mut stream = TcpStream::connect(self.http)?;
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value = value.with_context(|| format!("no {name} in /metrics"))?;
        value
            .trim()
            .parse()
            .with_context(|| format!("{name} {value}"))
    }

    /// An orderly stop; gives the directory back, which is removed when it is dropped.
    pub(crate) fn stop(self) -> anyhow::Result<TempDir> {
        self.process.stop()?;
        Ok(self.directory)
    }
}

fn data_of(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// The server as it is by default, on ports of its own.
fn configuration(data: &Path, more: &str) -> anyhow::Result<String> {
    let data = serde_json::to_string(data)?;
    Ok(format!(
        "site = \"{SITE}\"\ndata-dir = {data}\n[http]\nbind = \"127.0.0.1:0\"\nmetrics-public = true\n\
         [mqtt]\nbind = \"127.0.0.1:0\"\n[log]\nlevel = \"warn\"\n{more}"
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
