//! Logging: text for people, JSON for machines, always on stderr.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::config::{Log, LogFormat};

/// Starts logging for the process; a second call is ignored.
pub(crate) fn start(log: &Log) {
    let filter = EnvFilter::try_from_env("WARDLINE_LOG")
        .unwrap_or_else(|_| EnvFilter::new(directives(&log.level)));
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours);
    let started = match log.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
    // By place and without its words: those of a text that was cut wrongly are the text.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked");
    }));
}

/// A level alone is for our own crates. Libraries warn and no more: at finer levels the SQL parser logs the
/// literals of a query, which may name a patient. Who lists targets gets what the list says.
fn directives(level: &str) -> String {
    match level.parse::<LevelFilter>() {
        Ok(ours) => format!("{},wardline={ours}", ours.min(LevelFilter::WARN)),
        Err(_) => level.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::directives;

    #[test]
    fn libraries_stay_quiet_unless_they_are_named() {
        assert_eq!(directives("debug"), "warn,wardline=debug");
        assert_eq!(directives("error"), "error,wardline=error");
        assert_eq!(directives("info,hyper=trace"), "info,hyper=trace");
    }
}
