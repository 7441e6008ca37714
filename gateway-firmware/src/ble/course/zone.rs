//! The zone that the gateway stands in: devices that state no zone are taken to be in the same one (ble.md section 1.3).

use chrono::offset::LocalResult;
use chrono::{DateTime, FixedOffset, Local, NaiveDateTime, TimeZone};
use wardline_normalize::time::Micros;

/// A zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// That of the system.
    System,
    /// East of UTC, in seconds.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "tests and replays stand elsewhere")
    )]
    Fixed(i32),
}

impl Zone {
    /// The point in time at which clocks here show these digits (read as UTC). Of two, the earlier; in a gap, the
    /// digits are taken by the time before it.
    pub(crate) fn instant(self, digits: Micros) -> Option<Micros> {
        let local = DateTime::from_timestamp_micros(digits)?.naive_utc();
        match self {
            Self::System => instant(&Local, local),
            Self::Fixed(east) => instant(&FixedOffset::east_opt(east)?, local),
        }
    }

    /// What clocks here show then, read as UTC.
    pub(crate) fn digits(self, instant: Micros) -> Option<Micros> {
        let utc = DateTime::from_timestamp_micros(instant)?;
        let local = match self {
            Self::System => utc.with_timezone(&Local).naive_local(),
            Self::Fixed(east) => utc
                .with_timezone(&FixedOffset::east_opt(east)?)
                .naive_local(),
        };
        Some(local.and_utc().timestamp_micros())
    }
}

fn instant<Z: TimeZone>(zone: &Z, local: NaiveDateTime) -> Option<Micros> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => {
            Some(time.timestamp_micros())
        }
        LocalResult::None => {
            let before = zone
                .from_local_datetime(&(local - chrono::TimeDelta::hours(3)))
                .earliest()?;
            Some(before.timestamp_micros() + 3 * 3_600_000_000)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_instants_are_one_offset_apart() {
        let zone = Zone::Fixed(7_200);
        assert_eq!(zone.instant(7_200_000_000), Some(0));
        assert_eq!(zone.digits(0), Some(7_200_000_000));
        let now = 1_795_000_000_000_000;
        let system = Zone::System;
        assert_eq!(
            system.digits(now).and_then(|digits| system.instant(digits)),
            Some(now)
        );
    }
}
