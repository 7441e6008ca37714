//! The log: lines of text or JSON on stderr. Ids of devices are in it, names and identifiers of patients never.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};
use crate::exit::Failure;

pub(crate) fn start(settings: &Log) -> Result<(), Failure> {
    let level = &settings.level;
    // What the Bluetooth libraries say in passing names addresses and says nothing.
    let directives = match level.as_str() {
        "error" | "warn" | "info" => format!("{level},bluez_async=warn,btleplug=warn"),
        _ => level.clone(),
    };
    let filter = EnvFilter::try_new(directives)
        .map_err(|error| Failure::usage(format!("log.level: {error}")))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => lines.with_target(false).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(Failure::failed)
}
