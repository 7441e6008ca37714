//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use wardline_normalize::time::Micros;

/// Now, in microseconds since 1970 UTC.
pub(crate) fn now() -> Micros {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Micros::try_from(since.as_micros()).unwrap_or(Micros::MAX)
}
