//! Times as text, for messages and import files.

use chrono::{DateTime, SecondsFormat};

use super::{Error, Result};

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// RFC 3339 in UTC, for error messages.
pub(super) fn show(at: Micros) -> String {
    DateTime::from_timestamp_micros(at).map_or_else(
        || format!("{at} us"),
        |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    )
}

/// RFC 3339 with any offset.
pub(super) fn parse(text: &str) -> Option<Micros> {
    DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.timestamp_micros())
}

/// Refuses intervals that hold no instant.
pub(super) fn check_interval(
    entity: &'static str,
    from: Micros,
    until: Option<Micros>,
) -> Result<()> {
    match until {
        Some(until) if until <= from => Err(Error::invalid(entity, "until", "must be after from")),
        _ => Ok(()),
    }
}
