//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

const EXAMPLES: &str = "\
Examples:
  Everything, as `make bench` does:
    cargo run --release -p wardline-benches -- all
  A thousand devices with 2,000 messages a second for a minute:
    WARDLINE_MQTT_PASSWORD=… wardline-bench load --url mqtt://ward.example --username load-1 \\
        --devices 1000 --rate 2000 --duration 1m
";

/// Load generator and benchmarks, each a ratio to a limit or a peer measured in the same run.
#[derive(Debug, Parser)]
#[command(name = "wardline-bench", version, before_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// All benchmarks, one after the other.
    All(Peer),
    /// Payloads to columns, against parsing alone.
    Normalize(Common),
    /// Vendors' events through mappings, against parsing alone.
    Mapping(Common),
    /// The log's group commit, against write and fdatasync.
    Log(Common),
    /// MQTT to durable and acknowledged, against Mosquitto with a subscriber that discards.
    Serve(Serve),
    /// A vendor's events over MQTT, beside Node-RED doing the same.
    Peer(Peer),
    /// Bedside monitors through a gateway that is killed midway: acknowledged after sync, nothing lost.
    Mllp(Mllp),
    /// Readings through one and 30 rules on many patients, and one beside Bytewax doing the same.
    Rules(Common),
    /// What rules would have told people of recordings and of a simulated ward, with and without patience.
    Alerts(Alerts),
    /// An open loop of publishing devices; prints what came back as JSON.
    Load(Load),
    /// Counts and discards; part of `serve`.
    #[command(hide = true)]
    Subscriber(Subscriber),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Alerts {
    /// Rules file. [default: the adult ward pack]
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Patients of the simulated ward, each for --days.
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) patients: usize,
    /// Days of the simulated ward.
    #[arg(long, default_value_t = 1.0, value_name = "DAYS")]
    pub(crate) days: f64,
    /// Same seed, same ward.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Rounds that count. [default: 5; 3 with servers]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100), value_name = "N")]
    pub(crate) runs: Option<u32>,
    /// How much longer or shorter than usual a round is.
    #[arg(long, default_value_t = 1.0, value_name = "X")]
    pub(crate) scale: f64,
    /// Directory for results; a directory of the day is made in it.
    #[arg(long, default_value = "benches/results", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Directory on the disk to measure; what is written there is removed. [default: beside this program]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
}

impl Common {
    pub(crate) fn runs(&self) -> u32 {
        self.runs.unwrap_or(5)
    }

    /// Rounds that start servers.
    pub(crate) fn few_runs(&self) -> u32 {
        self.runs.unwrap_or(3)
    }

    pub(crate) fn scratch(&self) -> anyhow::Result<PathBuf> {
        match &self.scratch {
            Some(scratch) => Ok(scratch.clone()),
            None => beside("."),
        }
    }
}

/// A file or directory of this name in the directory of this program.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The `wardline` program, built for release. [default: beside this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) server: Option<PathBuf>,
    /// The Mosquitto program.
    #[arg(long, default_value = "/usr/sbin/mosquitto", value_name = "FILE")]
    pub(crate) broker: PathBuf,
    /// Publishing connections.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub(crate) connections: u16,
    /// Devices over all connections.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "N")]
    pub(crate) devices: u32,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Peer {
    #[command(flatten)]
    pub(crate) serve: Serve,
    /// Directory that keeps Node-RED once npm has fetched it. [default: beside this program]
    #[arg(long, value_name = "DIR")]
    pub(crate) node_red: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Mllp {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The `wardline-gateway` program, built for release. [default: beside this program]
    #[arg(long, value_name = "FILE")]
    pub(crate) gateway: Option<PathBuf>,
    /// The Mosquitto program.
    #[arg(long, default_value = "/usr/sbin/mosquitto", value_name = "FILE")]
    pub(crate) broker: PathBuf,
    /// Monitors, each with a connection of its own and a 3 KB message a second.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    pub(crate) monitors: u32,
    /// How long they send; the gateway is killed in the middle.
    #[arg(long, default_value = "60s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(crate) duration: Duration,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Load {
    /// The server's MQTT endpoint.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883", value_name = "URL")]
    pub(crate) url: String,
    /// Devices load-0001, load-0002, … over all connections.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000), value_name = "N")]
    pub(crate) devices: u32,
    /// Messages a second over all devices, sent when due whatever the answers; 0 is as fast as they come.
    #[arg(long, default_value_t = 100.0, value_name = "N")]
    pub(crate) rate: f64,
    /// How long.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    pub(crate) duration: Duration,
    /// Records in a message.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=20), value_name = "N")]
    pub(crate) records: u16,
    /// Connections of the gateway; with more than one, client ids are its name and a number.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256), value_name = "N")]
    pub(crate) connections: u16,
    /// Most messages of one connection without an answer.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u16).range(1..=65_000), value_name = "N")]
    pub(crate) window: u16,
    /// Site in the topics.
    #[arg(long, default_value = "load", value_name = "ID")]
    pub(crate) site: String,
    /// Gateway in the topics and client ids.
    #[arg(long, default_value = "load", value_name = "ID")]
    pub(crate) gateway: String,
    /// User name.
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
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Subscriber {
    #[arg(long)]
    pub(crate) port: u16,
    #[arg(long)]
    pub(crate) filter: String,
    /// Ends after this many messages.
    #[arg(long)]
    pub(crate) expect: u64,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
    }
}
