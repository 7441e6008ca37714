//! The edge gateway: devices beside the patient to MQTT.
//!
//! ```text
//! simulate: fleet (physiology, scenario) ┐
//!           recording (CSV)              ┴─> packs in the order of time ─> SenML ─> publish (MQTT 5, QoS 1)
//! ```
//!
//! * `cli`: what can be typed. * `simulate`: where readings come from. * `publish`: how they get to the
//!   server. * `talk`: stderr. * `exit`: exit codes. * `clock`: the wall clock.
//!
//! Invariants:
//! 1. A message is forgotten only when the server has acknowledged it; on an orderly stop everything that
//!    was taken over is acknowledged first, or the exit code says that it was not.
//! 2. Messages of one device go out in the order of their stamps, on every connection.
//! 3. Stamps are absolute and are the time of the reading; nothing moves a reading to another time.
//! 4. A number that a device did not measure is published as an absence with its reason.

mod ble;
mod cli;
mod clock;
mod config;
#[allow(dead_code)]
mod decode;
#[allow(dead_code)]
mod devices;
mod enrol;
mod exit;
mod mllp;
mod publish;
mod run;
mod simulate;
#[allow(dead_code)]
mod source;
mod spool;
mod talk;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { exit::USAGE } else { 0 };
            // A closed pipe is no reason to fail on the way out.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let outcome = match cli.command {
        Command::Decode(arguments) => decode::run(arguments),
        Command::Simulate(arguments) => simulate::run(arguments),
        Command::Run(arguments) => run::run(arguments.config),
        Command::Scan(arguments) => ble::tools::scan::run(&arguments),
        Command::Pair(arguments) => ble::tools::pair::run(&arguments),
        Command::Capture(arguments) => ble::tools::capture::run(&arguments),
        Command::Replay(arguments) => ble::tools::replay::run(arguments),
        Command::Config(command) => config::command(&command),
        Command::Enroll(arguments) => enrol::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
