//! `wardline gateway …`.

use clap::{Subcommand, ValueEnum};

use super::{Output, Target};

#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// List gateways as they told their state last.
    List {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Make a code that enrols a gateway once, within 15 minutes; it is printed once, on stdout.
    EnrollCode {
        /// The gateway's id in topics (`[A-Za-z0-9.-]`, 64 at most).
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// List the certificates a gateway has had.
    Certificates {
        id: String,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Take a gateway's certificates away and end its sessions, at once.
    Revoke {
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Send a command to a gateway and print its answer.
    Command {
        id: String,
        #[arg(value_enum)]
        command: Order,
        /// Arguments as NAME=VALUE; a value that is JSON is taken as such. One of the name `passkey` travels by TLS alone.
        #[arg(value_name = "NAME=VALUE")]
        args: Vec<String>,
        /// Seconds to wait for the answer; after them the command goes on without it.
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(0..=20))]
        wait: u64,
        /// Seconds after which no gateway runs it any more.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
        life: u64,
        #[command(flatten)]
        target: Target,
    },
    /// Show a command that was sent, and its answer.
    Answer {
        id: String,
        /// The command's id, as printed when it was sent.
        command: String,
        #[command(flatten)]
        target: Target,
    },
}

/// What a gateway can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Order {
    /// Look for devices again.
    Rescan,
    /// Read its configuration again.
    Reload,
    /// Pair with a device.
    Pair,
    /// Keep raw frames for a while; they stay on the gateway.
    Capture,
}

impl Order {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Order::Rescan => "rescan",
            Order::Reload => "reload",
            Order::Pair => "pair",
            Order::Capture => "capture",
        }
    }
}
