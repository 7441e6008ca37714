//! Wardline: IoMT ingestion and continuous patient monitoring. See README.md for the map.

mod authority;
mod backend;
mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod copies;
mod core;
mod deliver;
mod demo;
mod exit;
mod files;
mod follow;
mod gateways;
mod live;
mod mappings;
mod metrics;
mod output;
mod pipeline;
mod reload;
mod sabotage;
mod serve;
mod telemetry;
mod tls;
mod told;

use std::process::ExitCode;

use clap::Parser as _;

use crate::exit::{Exit, UsageError};

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            if let Err(error) = error.print() {
                tracing::debug!(%error, "help could not be printed");
            }
            return if asked {
                Exit::Done.into()
            } else {
                Exit::Usage.into()
            };
        }
    };
    tls::install_provider();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            return report(&anyhow::Error::new(error).context("cannot start the runtime"));
        }
    };
    let outcome = runtime.block_on(commands::run(cli.command));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => report(&error),
    }
}

/// Says what went wrong; a reader that closed its end of the pipe is no fault.
fn report(error: &anyhow::Error) -> ExitCode {
    let broken_pipe = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe);
    if broken_pipe {
        return Exit::Done.into();
    }
    output::talk(&format!("error: {error:#}"));
    if error.is::<UsageError>() {
        Exit::Usage.into()
    } else {
        Exit::Failed.into()
    }
}
