//! The edge gateway: devices beside the patient to MQTT.
//!
//! ```text
//! ble  (devices over BlueZ)     ┐
//! mllp (bedside monitors)       ┴─> source::Intake ─> spool (synced) ─> publish ─> MQTT 5, QoS 1
//! simulate (fleet or recording) ──> publish, or with --spool the same way
//! ```
//!
//! * `cli`: what can be typed. * `config`: the file, every fault at once. * `run`: sources, spool and publisher together;
//!   reload, stop, health, watchdog. * `source`: what a source hands over, and when it may confirm it. * `devices`: what
//!   is known of each. * `clock`: both clocks, and dating anew. * `enrol`: the certificate. * `decode`: values of GATT
//!   characteristics as lines or records. * `simulate`. * `talk`: stderr. * `exit`: exit codes.
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
mod decode;
mod devices;
mod enrol;
mod exit;
mod mllp;
mod publish;
mod run;
mod simulate;
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
