//! `wardline alert …`.

use clap::{Subcommand, ValueEnum};

use super::care::minutes;
use super::{Output, Priority, Target};

/// Where an alert is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AlertState {
    Active,
    Recovering,
    Resolved,
}

impl AlertState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            AlertState::Active => "active",
            AlertState::Recovering => "recovering",
            AlertState::Resolved => "resolved",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// List alerts, the latest raised first.
    List {
        /// Only of this patient.
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
        /// Only those that are so; may be repeated.
        #[arg(long = "state", value_enum)]
        states: Vec<AlertState>,
        /// Only of this priority; may be repeated.
        #[arg(long = "priority", value_enum)]
        priorities: Vec<Priority>,
        /// Only those that nobody has acknowledged.
        #[arg(long)]
        unacknowledged: bool,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        output: Output,
    },
    /// Show one alert with all that happened to it and what became of its messages.
    Show {
        /// Its id, as listed.
        id: String,
        #[command(flatten)]
        target: Target,
    },
    /// Acknowledge alerts: somebody has seen them. Twice is once.
    Acknowledge {
        /// Their ids, as listed.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// A word for the record.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Page nobody for one alert for a while; it stays visible. Prints until when.
    Silence {
        /// Its id, as listed.
        id: String,
        /// How long, as 30m or 2h; at most as long as its rule lets it be.
        #[arg(long = "for", value_name = "TIME", value_parser = minutes)]
        minutes: u32,
        /// A word for the record.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        target: Target,
    },
}
