//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wardline_normalize::time::{Micros, parse_rfc3339};

use crate::config::Size;
use crate::publish::{Url, id};
use crate::simulate::Assignments;

const EXAMPLES: &str = "\
Examples:
  Read devices and publish what they say:
    wardline-gateway run --config /etc/wardline-gateway/gateway.toml
  A ward of 24 patients, with the last hour filled in first:
    wardline-gateway simulate --backfill 1h
  Play a recording into a server, its end being now:
    wardline-gateway simulate --recording icu.csv --as-fast-as-possible
  What a device said:
    wardline-gateway decode --characteristic 2A37 16484003
";

const RUN_EXAMPLES: &str = "\
Examples:
  wardline-gateway run
  wardline-gateway run --config gateway.toml
";

const CONFIG_EXAMPLES: &str = "\
Examples:
  Begin with a sample, then see whether it is without fault:
    wardline-gateway config print --default > gateway.toml
    wardline-gateway config check gateway.toml
";

const SIMULATE_EXAMPLES: &str = "\
Examples:
  A ward of 24 patients, four of whom get worse, with the last hour filled in first:
    WARDLINE_MQTT_PASSWORD=… wardline-gateway simulate --url mqtts://ward.example \\
        --ca ca.pem --username sim --site st-mary --gateway sim-1 --backfill 1h
  The same deteriorations ten times as fast:
    wardline-gateway simulate --speed 10
  Play a recording into a server as if it had started on New Year's Day:
    wardline-gateway simulate --recording icu.csv --start 2026-01-01T00:00:00Z --as-fast-as-possible
  A thousand beds for a minute, 2,000 packs a second:
    wardline-gateway simulate --patients 1000 --rate 2000 --duration 1m
  See what would be published, without a server:
    wardline-gateway simulate --patients 2 --duration 10s --as-fast-as-possible --stdout
";

const ENROLL_EXAMPLES: &str = "\
Examples:
  With what `wardline gateway enroll-code gw-3` printed:
    wardline-gateway enroll --server https://ward.example:8080 --code 7K2M-… --fingerprint 3f9a…
  A server whose certificate is signed by the hospital's own authority:
    WARDLINE_ENROLL_CODE=7K2M-… wardline-gateway enroll --server https://ward.example --ca hospital.pem
";

/// The edge gateway: devices beside the patient to MQTT.
#[derive(Debug, Parser)]
#[command(name = "wardline-gateway", version, before_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bytes of a GATT characteristic to values.
    #[command(before_help = crate::decode::EXAMPLES)]
    Decode(crate::decode::Decode),
    /// Simulated devices, or a recording, through the real publish path.
    #[command(before_help = SIMULATE_EXAMPLES)]
    Simulate(Box<Simulate>),
    /// Get this gateway's certificate with a code.
    #[command(before_help = ENROLL_EXAMPLES)]
    Enroll(Box<crate::enrol::Arguments>),
    /// Read devices and publish what they say, until a signal.
    #[command(before_help = RUN_EXAMPLES)]
    Run(Run),
    /// Look for Bluetooth health devices.
    #[command(before_help = crate::ble::tools::SCAN_EXAMPLES)]
    Scan(crate::ble::tools::Scan),
    /// Pair a Bluetooth device of the configuration.
    #[command(before_help = crate::ble::tools::PAIR_EXAMPLES)]
    Pair(crate::ble::tools::Pair),
    /// Write down what a Bluetooth device sends, byte by byte.
    #[command(before_help = crate::ble::tools::CAPTURE_EXAMPLES)]
    Capture(crate::ble::tools::Capture),
    /// What a capture says.
    #[command(before_help = crate::ble::tools::REPLAY_EXAMPLES)]
    Replay(crate::ble::tools::Replay),
    /// The configuration.
    #[command(subcommand, before_help = CONFIG_EXAMPLES)]
    Config(ConfigCommand),
}

/// Read devices and publish what they say, until a signal.
///
/// SIGHUP, a changed file and the command `reload` put a new configuration into effect, if it is without fault. The
/// program ends with exit code 0 when the server has everything, 75 when readings wait in the spool, 2 after a failure,
/// 64 for a faulty configuration.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    #[arg(
        long,
        default_value = "/etc/wardline-gateway/gateway.toml",
        value_name = "FILE"
    )]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Find every fault of a configuration: exit code 0 if there is none, 1 if there are some.
    Check {
        #[arg(
            default_value = "/etc/wardline-gateway/gateway.toml",
            value_name = "FILE"
        )]
        file: PathBuf,
    },
    /// Print a sample with every key, its default and what it is for.
    Print {
        /// The sample; there is nothing else to print.
        #[arg(long, required = true)]
        default: bool,
    },
}

/// Simulated devices, or a recording, through the real publish path: MQTT 5, QoS 1, SenML.
///
/// Stamps are the true times of publishing; history (--backfill) has the times it stands for. The program
/// ends with exit code 0 when everything was acknowledged, 2 when something was not, 64 on wrong usage.
#[derive(Debug, Clone, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) server: Server,
    #[command(flatten)]
    pub(crate) fleet: FleetArguments,
    #[command(flatten)]
    pub(crate) recording: RecordingArguments,
    #[command(flatten)]
    pub(crate) time: Time,
    /// Keep and publish as a gateway does: readings go to a spool in this directory and from there to the server. How
    /// many packs are safe is printed, a line each time.
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
    /// Most bytes of the spool.
    #[arg(long, default_value = "1GiB", requires = "spool", value_name = "SIZE")]
    pub(crate) spool_size: Size,
    /// Stop at once when standard input closes: with the program that started this one, however that ended.
    #[arg(long)]
    pub(crate) ends_with_stdin: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Server {
    /// The server's MQTT endpoint, mqtt:// or mqtts://.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883", value_name = "URL")]
    pub(crate) url: Url,
    /// Site in the topics.
    #[arg(long, default_value = "demo", value_parser = id, value_name = "ID")]
    pub(crate) site: String,
    /// Gateway in the topics; also the MQTT client id.
    #[arg(long, default_value = "simulator", value_parser = id, value_name = "ID")]
    pub(crate) gateway: String,
    /// User name, usually that of a publish token.
    #[arg(long, requires = "password", value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// Password; give it in the environment, as arguments show in process lists.
    #[arg(
        long,
        env = "WARDLINE_MQTT_PASSWORD",
        hide_env_values = true,
        value_name = "TEXT"
    )]
    pub(crate) password: Option<String>,
    /// Trusted authorities (PEM); those of the system when not given.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Client certificate chain (PEM).
    #[arg(long, requires = "key", value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
    /// Key of the client certificate (PEM).
    #[arg(long, requires = "cert", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// SenML as JSON or as CBOR.
    #[arg(long, value_enum, default_value = "json")]
    pub(crate) format: Format,
    /// Most packs without an acknowledgement at one time.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=16_000), value_name = "N")]
    pub(crate) window: u16,
    /// Write the packs to standard output, one a line, instead of publishing them.
    #[arg(long)]
    pub(crate) stdout: bool,
}

/// How packs are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Format {
    Json,
    Cbor,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Ward")]
pub(crate) struct FleetArguments {
    /// Patients, each with a monitor bed-01, bed-02, … [default: 24, or none with a recording]
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "N")]
    pub(crate) patients: Option<u32>,
    /// Same seed and same start: same readings.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// From one pack of a device to its next.
    #[arg(long, default_value = "5s", value_parser = interval, value_name = "TIME")]
    pub(crate) interval: Duration,
    /// Packs a second over all devices, instead of --interval.
    #[arg(long, conflicts_with = "interval", value_parser = positive, value_name = "N")]
    pub(crate) rate: Option<f64>,
    /// Who gets worse: desaturation, sepsis, atrial-fibrillation, bleed; as sepsis=bed-03,bleed=bed-07, or
    /// none. [default: all four, spread over the ward]
    #[arg(long, value_name = "LIST")]
    pub(crate) scenario: Option<Assignments>,
    /// How much faster than life the deteriorations go; nothing else changes.
    #[arg(long, default_value_t = 1.0, value_parser = positive, value_name = "X")]
    pub(crate) speed: f64,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Recording")]
pub(crate) struct RecordingArguments {
    /// Play a CSV file: seconds, then one column a metric (HR_bpm, SpO2_pct, … or MDC_… ids).
    /// 0 is published as "not measured", an empty cell not at all.
    #[arg(long, value_name = "FILE")]
    pub(crate) recording: Option<PathBuf>,
    /// Device that the recording is published as. [default: name of the file]
    #[arg(long, requires = "recording", value_parser = id, value_name = "ID")]
    pub(crate) device: Option<String>,
    /// Start over at its end.
    #[arg(long = "loop", requires = "recording")]
    pub(crate) again: bool,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Time")]
pub(crate) struct Time {
    /// First stamp: second 0 of the recording, start of a ward's live time. [default: now; for a recording
    /// played as fast as possible: such that its end is now]
    #[arg(long, value_parser = time, value_name = "RFC3339")]
    pub(crate) start: Option<Micros>,
    /// History to publish first, with its true stamps and as fast as possible.
    #[arg(long, default_value = "0s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(crate) backfill: Duration,
    /// Stop after this much live time.
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(crate) duration: Option<Duration>,
    /// Stop after this many packs.
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u64>,
    /// Leave out this many packs at the beginning.
    #[arg(long, default_value_t = 0, requires = "spool", value_name = "N")]
    pub(crate) skip: u64,
    /// Do not wait for the clock.
    #[arg(long)]
    pub(crate) as_fast_as_possible: bool,
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    if interval < Duration::from_millis(1) {
        return Err("at least 1ms".to_owned());
    }
    Ok(interval)
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("a number above 0".to_owned()),
    }
}

fn time(text: &str) -> Result<Micros, String> {
    parse_rfc3339(text).ok_or_else(|| "a time as 2026-01-31T08:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_starts_with_examples() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
        let mut simulate = Cli::command();
        let simulate = simulate.find_subcommand_mut("simulate").expect("simulate");
        assert!(
            simulate
                .render_long_help()
                .to_string()
                .starts_with("Examples:")
        );
    }
}
