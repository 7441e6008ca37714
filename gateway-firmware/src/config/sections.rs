//! The sections that are nobody else's.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use wardline_normalize::senml;

use super::Size;
use crate::cli::Format;
use crate::publish::{TlsFiles, Url};

/// Smallest spool: below it segments are too small to be dropped one by one.
const SPOOL_LEAST: u64 = 1 << 20;

/// `[server]`: where to publish.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Server {
    pub(crate) url: Url,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) username: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    /// Of a gateway that has no file.
    #[serde(skip)]
    pub(crate) password: Option<String>,
    pub(crate) format: Format,
    pub(crate) window: u16,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            url: Url {
                host: "127.0.0.1".to_owned(),
                port: 1883,
                tls: false,
            },
            ca: None,
            cert: None,
            key: None,
            username: None,
            password_file: None,
            password: None,
            format: Format::Cbor,
            window: 64,
        }
    }
}

impl Server {
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        if self.cert.is_some() != self.key.is_some() {
            faults.push("server: cert and key come together".to_owned());
        }
        if self.username.is_some() != self.password_file.is_some() {
            faults.push("server: username and password-file come together".to_owned());
        }
        if !(2..=16_000).contains(&self.window) {
            faults.push("server.window: 2 to 16000".to_owned());
        }
        let files = [&self.ca, &self.cert, &self.key, &self.password_file];
        for file in files.into_iter().flatten() {
            if let Err(error) = std::fs::File::open(file) {
                faults.push(format!("server: {}: {error}", file.display()));
            }
        }
        if self.url.tls
            && faults.is_empty()
            && let Err(error) = crate::publish::transport(&self.url, &self.tls())
        {
            faults.push(format!("server: {error}"));
        }
    }

    pub(crate) fn tls(&self) -> TlsFiles {
        TlsFiles {
            ca: self.ca.clone(),
            identity: self.cert.clone().zip(self.key.clone()),
        }
    }
}

/// `[spool]`: what is kept until the server has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Spool {
    pub(crate) max_size: Size,
    /// What waits for longer is backlog: it leaves the live lane.
    #[serde(with = "humantime_serde")]
    pub(crate) live: Duration,
    /// Percent of the window that the backlog has for itself while there is any.
    pub(crate) backlog_share: u8,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            max_size: Size(1 << 30),
            live: Duration::from_secs(10),
            backlog_share: 50,
        }
    }
}

impl Spool {
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        if self.max_size.0 < SPOOL_LEAST {
            faults.push("spool.max-size: at least 1MiB".to_owned());
        }
        if self.live < Duration::from_secs(1) {
            faults.push("spool.live: at least 1s".to_owned());
        }
        if !(1..=90).contains(&self.backlog_share) {
            faults.push("spool.backlog-share: 1 to 90".to_owned());
        }
    }
}

/// How it is known that the wall clock is synchronised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Sync {
    /// The marker file, else systemd-timedated, which asks the kernel.
    Auto,
    /// The marker file alone.
    File,
    /// It is: a machine whose clock somebody else answers for.
    Assume,
}

/// `[time]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Time {
    pub(crate) synchronized: Sync,
    /// There while the clock is synchronised: systemd-timesyncd makes this one.
    pub(crate) marker: PathBuf,
    /// How often to look.
    #[serde(with = "humantime_serde")]
    pub(crate) every: Duration,
    /// How long after the start nothing is published unless the clock is synchronised.
    #[serde(with = "humantime_serde")]
    pub(crate) wait: Duration,
}

impl Default for Time {
    fn default() -> Self {
        Self {
            synchronized: Sync::Auto,
            marker: PathBuf::from("/run/systemd/timesync/synchronized"),
            every: Duration::from_secs(10),
            wait: Duration::from_secs(30),
        }
    }
}

/// `[publish]`: size of packs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Publish {
    /// How long a live reading may wait for others of its device.
    #[serde(with = "humantime_serde")]
    pub(crate) linger: Duration,
    /// About the most of a pack; a server's own bound, if lower, counts.
    pub(crate) max_bytes: Size,
    pub(crate) max_records: usize,
    /// How long an orderly stop goes on publishing.
    #[serde(with = "humantime_serde")]
    pub(crate) drain: Duration,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            linger: Duration::from_millis(200),
            max_bytes: Size(64 << 10),
            max_records: 1_000,
            drain: Duration::from_secs(10),
        }
    }
}

impl Publish {
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        if self.linger > Duration::from_secs(60) {
            faults.push("publish.linger: at most 1m".to_owned());
        }
        if self.max_bytes.0 < 1 << 10 {
            faults.push("publish.max-bytes: at least 1KiB".to_owned());
        }
        if !(1..=senml::MAX_RECORDS).contains(&self.max_records) {
            faults.push(format!("publish.max-records: 1 to {}", senml::MAX_RECORDS));
        }
    }
}

/// `[metrics]`: Prometheus and health over HTTP; off without an address.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Metrics {
    pub(crate) bind: Option<SocketAddr>,
}

/// `[mirror]`: each device's last readings as flat JSON, for home automation; at most once, off by default.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Mirror {
    pub(crate) enabled: bool,
    /// First part of `{base}/BTtoMQTT/{device}`.
    pub(crate) base: String,
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            enabled: false,
            base: "home/wardline".to_owned(),
        }
    }
}

impl Mirror {
    pub(super) fn check(&self, faults: &mut Vec<String>) {
        if self.base.is_empty() || self.base.contains(['+', '#', '$']) || self.base.len() > 128 {
            faults.push("mirror.base: a topic without wildcards, up to 128 characters".to_owned());
        }
    }
}

/// How the log is written, to stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug`, `trace`, or directives of the `tracing` crate.
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}
