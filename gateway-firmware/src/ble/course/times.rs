//! From a device's stamp to a point in time: a device's clock is as good as its distance from ours, which is measured
//! at each connection.
//!
//! | the device states | `t` | `dt` | time source |
//! |---|---|---|---|
//! | local time, and it told its clock | moved by the measured distance | digits, without zone | assumed zone |
//! | local time, and it has no clock to read | digits in the gateway's zone | digits, without zone | assumed zone |
//! | elapsed time with a zone | moved by the measured distance | the instant | corrected, or the device's |
//! | minutes of a CGM session | start of the session and minutes | the same, uncorrected | corrected, or the device's |
//! | the same, with a start in year 0 | reception minus the session's age | none | gateway |
//! | ticks, and it told its counter | moved by the distance | none | gateway |
//! | part of a date, a time to come, another timeline, ticks alone | none: undated | as text | none |
//! | nothing | reception | none | gateway |
//!
//! What is measured against our clock is kept with both clocks at that moment, and worth what our wall clock says of
//! that moment when a value is dated: a gateway that is synchronised in the middle of a connection was wrong before.

use wardline_gateway::gatt::{DateTime, Stamp};
use wardline_normalize::senml::DeviceTime;
use wardline_normalize::time::Micros;

use super::zone::Zone;
use crate::source::Taken;

/// A clock this far off is right: its own resolution is a second, and reading it takes a moment.
const RIGHT: Micros = 2_000_000;
/// Reading both of our clocks takes a moment, and a synchronised one is slewed; what they differ by more, it was set by.
const SET: Micros = 1_000_000;
/// A measurement is over when it is sent; what is later than this beyond our clock was stamped by a wrong one
/// (design, section 4: the server's own limit).
const AHEAD: Micros = 300_000_000;
const MINUTE: Micros = 60_000_000;

/// What a connection found out about the device's clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) zone: Zone,
    /// The device's local time, where it told its own, and when by ours.
    pub(crate) shown: Option<(Micros, Taken)>,
    /// Elapsed time of the device's counter, where it told it, and when by ours.
    pub(crate) ticks: Option<(Micros, Taken)>,
    /// When the CGM session started.
    pub(crate) session: Option<Session>,
}

/// Start of a CGM session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Session {
    /// As the device states it: its digits read as UTC.
    Local(Micros),
    /// With the zone it states.
    Instant(Micros),
    /// As its age said, by our clock when that was synchronised.
    Ours(Micros),
    /// So old when our clock was not synchronised: its start moves with what is known of that moment.
    Aged(Micros, Taken),
}

/// Where a record stands in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct When {
    pub(crate) time: Micros,
    pub(crate) device: Option<DeviceTime>,
    pub(crate) undated: bool,
    /// `time` came from the gateway's clock.
    pub(crate) by_gateway: bool,
    /// `time` is not what the device meant by its own clock.
    pub(crate) altered: bool,
}

impl Times {
    pub(crate) fn new(zone: Zone) -> Self {
        Self {
            zone,
            shown: None,
            ticks: None,
            session: None,
        }
    }

    /// Our local time minus the device's, as far as is known at `now`.
    pub(crate) fn offset(&self, now: Taken) -> Option<Micros> {
        let (shown, at) = self.shown?;
        Some(self.zone.digits(wall_of(at, now))? - shown)
    }

    /// How far a right device's stamps are moved: not at all.
    fn correction(&self, now: Taken) -> Option<Micros> {
        self.offset(now)
            .map(|offset| if offset.abs() < RIGHT { 0 } else { offset })
    }

    pub(crate) fn when(&self, stamp: Option<&Stamp>, earlier: Micros, taken: Taken) -> When {
        let Some(stamp) = stamp else {
            return When {
                time: taken.wall - earlier,
                device: None,
                undated: false,
                by_gateway: true,
                altered: false,
            };
        };
        let when = match stamp {
            Stamp::Session { minutes } => self.in_session(*minutes, taken),
            Stamp::Elapsed(elapsed) if elapsed.is_tick_counter() => {
                self.by_ticks(elapsed.elapsed_us(), taken)
            }
            Stamp::Elapsed(elapsed) if !elapsed.on_current_timeline() => None,
            stamp => match (stamp.instant_us(), stamp.local_us()) {
                (Some(instant), _) => Some(self.instant(instant, taken)),
                (None, Some(digits)) => self.local(digits, taken),
                (None, None) => None,
            },
        };
        let mut when = match when {
            Some(when) if when.time <= taken.wall + AHEAD => when,
            _ => When {
                time: taken.wall,
                device: Some(DeviceTime::Text(stamp.to_string())),
                undated: true,
                by_gateway: false,
                altered: false,
            },
        };
        when.time -= earlier;
        when
    }

    fn local(&self, digits: Micros, taken: Taken) -> Option<When> {
        let zoned = self.zone.instant(digits)?;
        Some(match self.correction(taken) {
            Some(correction) => When {
                time: self.zone.instant(digits + correction)?,
                device: Some(DeviceTime::Local(digits)),
                undated: false,
                by_gateway: correction != 0,
                altered: correction != 0,
            },
            None => When {
                time: zoned,
                device: Some(DeviceTime::Local(digits)),
                undated: false,
                by_gateway: false,
                altered: false,
            },
        })
    }

    fn instant(&self, instant: Micros, taken: Taken) -> When {
        let correction = self.correction(taken).unwrap_or(0);
        When {
            time: instant + correction,
            device: Some(DeviceTime::Instant(instant)),
            undated: false,
            by_gateway: correction != 0,
            altered: correction != 0,
        }
    }

    fn in_session(&self, minutes: u16, taken: Taken) -> Option<When> {
        let age = Micros::from(minutes) * MINUTE;
        match self.session? {
            Session::Local(start) => self.local(start + age, taken),
            Session::Instant(start) => Some(self.instant(start + age, taken)),
            // Of a synchronised clock: it is not dated anew with what is taken by one that is not.
            Session::Ours(start) => Some(When {
                time: start + age,
                device: None,
                undated: false,
                by_gateway: false,
                altered: false,
            }),
            Session::Aged(old, at) => Some(When {
                time: wall_of(at, taken) - old + age,
                device: None,
                undated: false,
                by_gateway: true,
                altered: false,
            }),
        }
    }

    fn by_ticks(&self, elapsed: u64, taken: Taken) -> Option<When> {
        let elapsed = Micros::try_from(elapsed).ok()?;
        let (ticks, at) = self.ticks?;
        Some(When {
            time: wall_of(at, taken).saturating_sub(ticks) + elapsed,
            device: None,
            undated: false,
            by_gateway: true,
            altered: true,
        })
    }
}

impl When {
    /// The same without a time: the device's cannot be used.
    pub(crate) fn undated(self, stamp: Option<&Stamp>, taken: Taken) -> Self {
        Self {
            time: taken.wall,
            device: stamp.map(|stamp| DeviceTime::Text(stamp.to_string())),
            undated: true,
            by_gateway: false,
            altered: false,
        }
    }
}

/// What our wall clock, as it is believed at `now`, says of the moment `at` of this boot.
pub(crate) fn wall_of(at: Taken, now: Taken) -> Micros {
    let set = (now.wall - now.since_boot) - (at.wall - at.since_boot);
    if set.abs() < SET {
        at.wall
    } else {
        at.wall + set
    }
}

/// Our local time as the device's clock is to show it.
pub(crate) fn now_at(zone: Zone, wall: Micros) -> Option<DateTime> {
    DateTime::from_us(zone.digits(wall)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_795_334_400_000_000;
    const HOUR: Micros = 3_600_000_000;
    const BOOT: Micros = NOW - 24 * HOUR;

    fn taken(wall: Micros) -> Taken {
        Taken {
            wall,
            since_boot: wall - BOOT,
            synchronized: true,
        }
    }

    /// By a clock that stands `behind` the right one, since nobody has set it.
    fn unset(wall: Micros, behind: Micros) -> Taken {
        Taken {
            wall: wall - behind,
            since_boot: wall - BOOT,
            synchronized: false,
        }
    }

    fn local(digits: Micros) -> Stamp {
        Stamp::Local(DateTime::from_us(digits).unwrap())
    }

    fn times() -> Times {
        Times::new(Zone::Fixed(3_600))
    }

    #[test]
    fn a_clock_six_minutes_slow_has_its_stamps_moved() {
        let mut times = times();
        times.shown = Some((NOW + HOUR - 6 * MINUTE, taken(NOW)));
        assert_eq!(times.offset(taken(NOW)), Some(6 * MINUTE));
        let stamp = local(NOW + HOUR - 60 * MINUTE);
        let when = times.when(Some(&stamp), 0, taken(NOW));
        assert_eq!(when.time, NOW - 54 * MINUTE);
        assert_eq!(
            when.device,
            Some(DeviceTime::Local(NOW + HOUR - 60 * MINUTE))
        );
        assert!(when.altered && when.by_gateway && !when.undated);
    }

    #[test]
    fn a_right_clocks_stamps_are_not_moved() {
        let mut times = times();
        times.shown = Some((NOW + HOUR - 1_000_000, taken(NOW)));
        let when = times.when(Some(&local(NOW + HOUR)), 0, taken(NOW));
        assert_eq!(when.time, NOW);
        assert!(!when.altered && !when.by_gateway);
    }

    #[test]
    fn without_a_clock_to_read_the_zone_is_assumed() {
        let when = times().when(Some(&local(NOW + HOUR)), 0, taken(NOW));
        assert_eq!(when.time, NOW);
        assert_eq!(when.device, Some(DeviceTime::Local(NOW + HOUR)));
        assert!(!when.by_gateway);
    }

    #[test]
    fn what_cannot_be_dated_is_never_now() {
        let nothing = DateTime {
            year: 0,
            month: 0,
            day: 0,
            hours: 1,
            minutes: 2,
            seconds: 3,
        };
        for stamp in [
            Stamp::Local(nothing),
            local(NOW + 2 * HOUR),
            Stamp::Session { minutes: 1 },
        ] {
            let when = times().when(Some(&stamp), 0, taken(NOW));
            assert!(when.undated, "{stamp:?}");
            assert_eq!(when.device, Some(DeviceTime::Text(stamp.to_string())));
        }
    }

    #[test]
    fn no_stamp_is_reception_and_earlier_intervals_are_earlier() {
        let when = times().when(None, 800_000, taken(NOW));
        assert_eq!(when.time, NOW - 800_000);
        assert!(when.by_gateway && !when.undated);
    }

    #[test]
    fn a_session_counts_from_its_start() {
        let mut times = times();
        times.session = Some(Session::Instant(NOW - 100 * MINUTE));
        let when = times.when(Some(&Stamp::Session { minutes: 40 }), 0, taken(NOW));
        assert_eq!(when.time, NOW - 60 * MINUTE);
        times.session = Some(Session::Ours(NOW - 100 * MINUTE));
        let when = times.when(Some(&Stamp::Session { minutes: 40 }), 0, taken(NOW));
        assert_eq!((when.time, when.device), (NOW - 60 * MINUTE, None));
        assert!(!when.by_gateway, "not to be moved with a wrong clock");
    }

    #[test]
    fn what_was_measured_by_a_wrong_clock_is_right_once_that_is_synchronised() {
        let behind = 400 * 24 * HOUR;
        let mut times = times();
        // A right clock and a counter, read while ours was wrong.
        times.shown = Some((NOW + HOUR, unset(NOW, behind)));
        times.ticks = Some((50 * MINUTE, unset(NOW, behind)));
        times.session = Some(Session::Aged(100 * MINUTE, unset(NOW, behind)));
        let stamp = local(NOW + HOUR - MINUTE);
        let session = Stamp::Session { minutes: 40 };

        let early = unset(NOW + 1_000, behind);
        let when = times.when(Some(&stamp), 0, early);
        assert_eq!(when.time, NOW - MINUTE - behind);
        assert!(when.by_gateway, "so that it is moved once ours is right");
        let when = times.when(Some(&session), 0, early);
        assert_eq!(when.time, NOW - 60 * MINUTE - behind);
        assert!(when.by_gateway);

        let late = taken(NOW + MINUTE);
        assert_eq!(times.offset(late), Some(0));
        let when = times.when(Some(&stamp), 0, late);
        assert_eq!((when.time, when.altered), (NOW - MINUTE, false));
        let when = times.when(Some(&session), 0, late);
        assert_eq!(when.time, NOW - 60 * MINUTE);
        let when = times.by_ticks(50 * 60_000_000 - 1, late);
        assert_eq!(when.map(|when| when.time), Some(NOW - 1));
    }
}
