//! The wall clock, read here and nowhere else.

use std::time::SystemTime;

use wardline_normalize::time::Micros;

pub(crate) fn now() -> Micros {
    // A clock before 1970 or after 292,000 is none; its readings are quarantined by the server.
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| Micros::try_from(since.as_micros()).ok())
        .unwrap_or(0)
}
