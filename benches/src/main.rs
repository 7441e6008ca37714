//! Load generator and benchmarks, each a ratio to a limit or a peer measured in the same run.
//!
//! ```text
//! normalize: normalize::batch        against  sonic-rs parsing the same bytes
//! mapping:   vendors' events through MedTech mappings  against  sonic-rs parsing the same bytes
//! log:       group commit            against  write + fdatasync of the same bytes in the same batches
//! serve:     wardline serve          against  Mosquitto with a subscriber that counts and discards
//! peer:      a vendor's event over MQTT: wardline serve  beside  Node-RED doing the same
//! mllp:      1,000 bedside monitors through a gateway that is killed midway: latency, CPU, and what arrives
//! rules:     readings through one and 30 rules; one beside Bytewax doing the same
//! alerts:    what rules would have told people of recordings and of a simulated ward
//! load:      an open loop of devices, for any MQTT 5 server
//! ```
//!
//! How it measures:
//! * Both sides run in turn, the order changing each time, after one round that does not count; the figure
//!   is the median of the ratios of the rounds, with their spread.
//! * Latency counts from the moment a message was due, not from when it could be sent, so a server that
//!   stalls cannot hide it (coordinated omission).
//! * Results go to `benches/results/<date>/` as JSON and Markdown, with the machine but no host name, user
//!   or path.

mod alerts;
mod cli;
mod compare;
mod events;
mod interrupt;
mod load;
mod log;
mod machine;
mod mapping;
mod mllp;
mod normalize;
mod packs;
mod peer;
mod programs;
mod report;
mod rules;
mod serve;
mod template;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

/// `EX_USAGE` of sysexits.
const USAGE: u8 = 64;
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            // A closed pipe is no reason to fail on the way out.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let outcome = interrupt::watch().and_then(|()| match cli.command {
        Command::All(arguments) => all(&arguments),
        Command::Rules(arguments) => rules::run(&arguments).map(drop),
        Command::Alerts(arguments) => alerts::run(&arguments),
        Command::Normalize(arguments) => normalize::run(&arguments).map(drop),
        Command::Mapping(arguments) => mapping::run(&arguments).map(drop),
        Command::Log(arguments) => log::run(&arguments).map(drop),
        Command::Serve(arguments) => serve::run(&arguments).map(drop),
        Command::Peer(arguments) => peer::run(&arguments).map(drop),
        Command::Mllp(arguments) => mllp::run(&arguments).map(drop),
        Command::Load(arguments) => load::run(&arguments),
        Command::Subscriber(arguments) => programs::subscriber::run(&arguments),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::talk(&format!("wardline-bench: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Every benchmark; what is missing is said before anything takes its time.
fn all(arguments: &cli::Peer) -> anyhow::Result<()> {
    let common = &arguments.serve.common;
    serve::programs(&arguments.serve)?;
    let reports = [
        normalize::run(common)?,
        mapping::run(common)?,
        log::run(common)?,
        rules::run(common)?,
        serve::run(&arguments.serve)?,
        peer::run(arguments)?,
    ];
    report::summary(&reports, &common.out)
}
