//! Load generator and benchmarks, each a ratio to a limit or a peer measured in the same run.
//!
//! ```text
//! normalize: normalize::batch        against  sonic-rs parsing the same bytes
//! log:       group commit            against  write + fdatasync of the same bytes in the same batches
//! serve:     wardline serve          against  Mosquitto with a subscriber that counts and discards
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

mod cli;
mod compare;
mod load;
mod log;
mod machine;
mod normalize;
mod packs;
mod report;
mod serve;

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
    let outcome = match cli.command {
        Command::All(arguments) => serve::check(&arguments)
            .and_then(|()| normalize::run(&arguments.common))
            .and_then(|()| log::run(&arguments.common))
            .and_then(|()| serve::run(&arguments)),
        Command::Normalize(arguments) => normalize::run(&arguments),
        Command::Log(arguments) => log::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Load(arguments) => load::run(&arguments),
        Command::Subscriber(arguments) => serve::subscriber(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::talk(&format!("wardline-bench: {error:#}"));
            ExitCode::from(FAILED)
        }
    }
}
