//! Commands for people: `scan`, `pair`, `capture`, `replay`.

pub(crate) mod capture;
pub(crate) mod pair;
pub(crate) mod replay;
pub(crate) mod scan;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::exit::Failure;

pub(crate) const SCAN_EXAMPLES: &str = "\
Examples:
  Health devices that advertise here, for ten seconds:
    wardline-gateway scan
  Everything that advertises, as JSON, with one adapter:
    wardline-gateway scan --all --for 30s --adapter hci0 --format json
";

pub(crate) const PAIR_EXAMPLES: &str = "\
Examples:
  A device without a display:
    wardline-gateway pair ear-2
  A meter that shows six digits, once it is in its pairing mode:
    WARDLINE_PASSKEY=004217 wardline-gateway pair meter-7
  One that has lost its bond:
    wardline-gateway pair meter-7 --again
";

pub(crate) const CAPTURE_EXAMPLES: &str = "\
Examples:
  Everything that a meter says within five minutes:
    wardline-gateway capture --device meter-7 --out meter-7.ndjson
  And what that means:
    wardline-gateway replay meter-7.ndjson
";

pub(crate) const REPLAY_EXAMPLES: &str = "\
Examples:
  The packs that would be published, one a line:
    wardline-gateway replay meter-7.ndjson
  Publish them, through the spool:
    wardline-gateway replay meter-7.ndjson --publish --config gateway.toml
";

/// Where the configuration stands.
const CONFIG: &str = "/etc/wardline-gateway/gateway.toml";

/// Look for Bluetooth health devices: address, signal, health services, name; and whether they are configured.
///
/// Nothing is connected to. Exit code 0, or 2 when there is no adapter or no bluetoothd.
#[derive(Debug, Clone, Args)]
pub(crate) struct Scan {
    /// How long to look.
    #[arg(long = "for", default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    duration: Duration,
    /// The only adapter to use: hci0, hci1, … or its address.
    #[arg(long, value_name = "ADAPTER")]
    adapter: Option<String>,
    /// Also devices that advertise no health service.
    #[arg(long)]
    all: bool,
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Tells which devices are configured; without one, none is.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// Pair a Bluetooth device of the configuration: bluetoothd keeps the bond over restarts.
///
/// Exit code 0 when it is bonded and trusted, 2 when it is not.
#[derive(Debug, Clone, Args)]
pub(crate) struct Pair {
    /// Id in the configuration.
    #[arg(value_name = "ID")]
    device: String,
    /// The six digits that the device shows; give them in the environment, as arguments show in process lists.
    #[arg(
        long,
        env = "WARDLINE_PASSKEY",
        hide_env_values = true,
        value_name = "DIGITS"
    )]
    passkey: Option<String>,
    /// Forget an earlier bond first.
    #[arg(long)]
    again: bool,
    /// How long to wait for the device.
    #[arg(long = "for", default_value = "2m", value_parser = humantime::parse_duration, value_name = "TIME")]
    duration: Duration,
    #[arg(long, default_value = CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// Write down what a Bluetooth device sends, one JSON object a line: time, service, characteristic, bytes.
///
/// The device is served as by `run`, but nothing is published, no clock is set and nothing is deleted; a running
/// gateway should not have the device meanwhile. What a device forgets once it was confirmed is in the file then, and
/// nowhere else: `replay --publish` brings it to the server.
#[derive(Debug, Clone, Args)]
pub(crate) struct Capture {
    /// Id in the configuration.
    #[arg(long, value_name = "ID")]
    device: String,
    /// A new file; only this user may read it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[arg(long = "for", default_value = "5m", value_parser = humantime::parse_duration, value_name = "TIME")]
    duration: Duration,
    #[arg(long, default_value = CONFIG, value_name = "FILE")]
    config: PathBuf,
}

/// What a capture says, decoded as by `run`: SenML packs on standard output, one a line.
///
/// Exit code 0, 1 when something could not be decoded (it is kept all the same), 64 for a file that is no capture.
#[derive(Debug, Clone, Args)]
pub(crate) struct Replay {
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put them into the spool and publish them, instead of printing.
    #[arg(long)]
    publish: bool,
    #[arg(long, default_value = CONFIG, value_name = "FILE")]
    config: PathBuf,
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failure::failed)
}

fn load(file: &std::path::Path) -> Result<crate::config::Config, Failure> {
    crate::config::Config::load(file).map_err(|faults| Failure::usage(faults.join("\n")))
}

/// Writes to standard output; whoever has seen enough is no failure.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Failure::failed),
    }
}
