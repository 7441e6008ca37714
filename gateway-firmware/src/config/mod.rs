//! The configuration of `run`: a TOML file, a section a part, each section checked by its own part.
//!
//! `default.toml` names every key with its default and what it is for; a test holds it against these types. All faults
//! are found at once, each with the path of its field. Secrets stand in files of their own, never here.

mod sections;
mod size;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub(crate) use sections::{Log, LogFormat, Metrics, Mirror, Publish, Server, Spool, Sync, Time};
pub(crate) use size::Size;

use crate::publish::id;

/// What `config print --default` writes.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// Everything that `run` is told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Config {
    /// Site in the topics.
    pub(crate) site: String,
    /// Gateway in the topics; also the MQTT client id.
    pub(crate) gateway: String,
    /// Spool and state.
    pub(crate) data_dir: PathBuf,
    pub(crate) server: Server,
    pub(crate) spool: Spool,
    pub(crate) time: Time,
    pub(crate) publish: Publish,
    pub(crate) metrics: Metrics,
    pub(crate) mirror: Mirror,
    pub(crate) log: Log,
    /// Bedside monitors.
    pub(crate) mllp: crate::mllp::Config,
    /// Bluetooth devices.
    pub(crate) ble: crate::ble::Config,
    /// First twelve digits of the file's SHA-256: what the gateway says it runs.
    #[serde(skip)]
    pub(crate) hash: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            site: String::new(),
            gateway: String::new(),
            data_dir: PathBuf::from("/var/lib/wardline-gateway"),
            server: Server::default(),
            spool: Spool::default(),
            time: Time::default(),
            publish: Publish::default(),
            metrics: Metrics::default(),
            mirror: Mirror::default(),
            log: Log::default(),
            mllp: crate::mllp::Config::default(),
            ble: crate::ble::Config::default(),
            hash: String::new(),
        }
    }
}

impl Config {
    /// Reads and checks a file; every fault of it at once.
    pub(crate) fn load(file: &Path) -> Result<Self, Vec<String>> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| vec![format!("{}: {error}", file.display())])?;
        Self::parse(&text)
    }

    /// Reads and checks the text of a file.
    pub(crate) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut config: Self = toml::from_str(text).map_err(|error| vec![error.to_string()])?;
        let digest = Sha256::digest(text.as_bytes());
        config.hash = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        let mut faults = Vec::new();
        config.check(&mut faults);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(faults)
        }
    }

    fn check(&self, faults: &mut Vec<String>) {
        for (field, value) in [("site", &self.site), ("gateway", &self.gateway)] {
            if let Err(fault) = id(value) {
                faults.push(format!("{field}: {fault}"));
            }
        }
        if self.data_dir.as_os_str().is_empty() {
            faults.push("data-dir: names no directory".to_owned());
        }
        self.server.check(faults);
        self.spool.check(faults);
        self.publish.check(faults);
        self.mirror.check(faults);
        self.mllp.check(faults);
        // Each source's own section is checked by it.
        self.ble.check(faults);
    }

    /// `wardline/v1/{site}/{gateway}`.
    pub(crate) fn prefix(&self) -> String {
        format!("wardline/v1/{}/{}", self.site, self.gateway)
    }
}

#[cfg(test)]
mod tests;
