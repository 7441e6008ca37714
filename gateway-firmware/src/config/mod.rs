//! The configuration of `run`: a TOML file, a section a part, each section checked by its own part.
//!
//! `default.toml` names every key with its default and what it is for; a test holds it against these types. All faults
//! are found at once, each with the path of its field. Secrets stand in files of their own, never here.

mod sections;
mod size;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub(crate) use sections::{Log, LogFormat, Metrics, Mirror, Publish, Server, Spool, Sync, Time};
pub(crate) use size::Size;

use crate::cli::ConfigCommand;
use crate::exit::Failure;
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
    /// Renewal of the certificate.
    pub(crate) enrol: crate::enrol::Enrol,
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
            enrol: crate::enrol::Enrol::default(),
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
        crate::enrol::adopt(&mut config);
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
        self.enrol.check(faults);
        self.mllp.check(faults);
        // Each source's own section is checked by it.
        self.ble.check(faults);
    }

    /// `wardline/v1/{site}/{gateway}`.
    pub(crate) fn prefix(&self) -> String {
        format!("wardline/v1/{}/{}", self.site, self.gateway)
    }
}

/// `config check` and `config print`.
pub(crate) fn command(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Check { file } => match Config::load(file) {
            Ok(config) => {
                say(&format!("{}: no fault ({})\n", file.display(), config.hash));
                Ok(())
            }
            Err(faults) => Err(Failure::Problems(faults.join("\n"))),
        },
        ConfigCommand::Print { .. } => {
            say(DEFAULT);
            Ok(())
        }
    }
}

/// To standard output; a reader that has seen enough is no failure.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(text.as_bytes()).is_err() {
        tracing::debug!("standard output is closed");
    }
}

#[cfg(test)]
mod tests;
