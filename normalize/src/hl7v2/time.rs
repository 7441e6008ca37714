//! Times: `YYYY[MM[DD[HH[MM[SS[.S…]]]]]][±ZZZZ]`, most often local time without an offset.
//!
//! Without an offset, the offset of MSH-7 holds for the whole message (HL7 v2.6, 2.15.9.7); without that, the source's
//! zone, and the record says that it was assumed. In the hour that the clock repeats in autumn, the later of the two
//! readings that is not ahead of the receipt is meant; the second pass gets sequence 1, so that two readings with the
//! same digits are two rows.

use super::message::Message;
use super::profile::{Profile, Zone};
use super::repair::{Repair, Repairs};
use crate::senml::DeviceTime;
use crate::time::{Micros, SECOND};
use chrono::{FixedOffset, LocalResult, NaiveDate, NaiveDateTime, TimeDelta};

/// How far a device's clock may be ahead of ours: the server's time guard.
const AHEAD: Micros = 5 * 60 * SECOND;

/// Longest text of a time that is kept.
const MAX_TEXT: usize = 64;

/// What a sender wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    Nothing,
    Time {
        local: NaiveDateTime,
        offset: Option<FixedOffset>,
        /// Digits down to the minute at least.
        fine: bool,
    },
    /// Something that is no time.
    Unusable(String),
}

/// When a reading was taken.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct When {
    pub(super) time: Micros,
    /// `None`: stamped when received.
    pub(super) device: Option<DeviceTime>,
    pub(super) undated: bool,
    /// 1 in the second pass of a repeated hour.
    pub(super) sequence: Option<i64>,
}

impl Written {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() || text == "\"\"" {
            return Self::Nothing;
        }
        parse(text).unwrap_or_else(|| Self::Unusable(text.chars().take(MAX_TEXT).collect()))
    }

    pub(super) fn is_something(&self) -> bool {
        *self != Self::Nothing
    }

    pub(super) fn offset(&self) -> Option<FixedOffset> {
        match self {
            Self::Time { offset, .. } => *offset,
            _ => None,
        }
    }

    /// The time in UTC; `message` is the offset that MSH-7 states.
    pub(super) fn when(
        &self,
        message: Option<FixedOffset>,
        zone: Zone,
        received: Micros,
        repairs: &mut Repairs,
    ) -> When {
        let (local, offset, fine) = match self {
            Self::Nothing => {
                return When {
                    time: received,
                    device: None,
                    undated: false,
                    sequence: None,
                };
            }
            Self::Unusable(text) => {
                return When {
                    time: received,
                    device: Some(DeviceTime::Text(text.clone())),
                    undated: true,
                    sequence: None,
                };
            }
            Self::Time {
                local,
                offset,
                fine,
            } => (*local, *offset, *fine),
        };
        if !fine {
            repairs.note(Repair::CoarseTime);
        }
        let digits = local.and_utc().timestamp_micros();
        let at = |offset: FixedOffset| digits - Micros::from(offset.local_minus_utc()) * SECOND;
        let dated = |time, device, sequence| When {
            time,
            device: Some(device),
            undated: false,
            sequence,
        };
        if let Some(offset) = offset.or(message) {
            let time = at(offset);
            return dated(time, DeviceTime::Instant(time), None);
        }
        let device = DeviceTime::Local(digits);
        match zone.resolve(local) {
            LocalResult::Single(offset) => dated(at(offset), device, None),
            LocalResult::Ambiguous(first, second) => {
                let (first, second) = (at(first), at(second));
                let (first, second) = (first.min(second), first.max(second));
                if second <= received.saturating_add(AHEAD) {
                    dated(second, device, Some(1))
                } else {
                    dated(first, device, None)
                }
            }
            LocalResult::None => {
                // The clock was not put forward: what held before still does.
                repairs.note(Repair::SkippedTime);
                let before = zone.resolve(local - TimeDelta::hours(2));
                let offset = before.earliest().unwrap_or_else(utc);
                dated(at(offset), device, None)
            }
        }
    }
}

impl Message {
    /// When the sender says it sent this (MSH-7), for the offset of its clock; `None` where it does not, or says
    /// something that is no time.
    #[must_use]
    pub fn sent(&self, profile: &Profile, received: Micros) -> Option<Micros> {
        let written = Written::parse(self.header().field(7).component(1));
        let when = written.when(None, profile.zone, received, &mut Repairs::default());
        (when.device.is_some() && !when.undated).then_some(when.time)
    }
}

fn utc() -> FixedOffset {
    chrono::Offset::fix(&chrono::Utc)
}

fn parse(text: &str) -> Option<Written> {
    let (digits, offset) = split_offset(text)?;
    // The extended form of ISO 8601, as some write.
    let compact: String = digits
        .chars()
        .filter(|c| !matches!(c, '-' | ':' | 'T' | ' '))
        .collect();
    let (whole, fraction) = match compact.split_once('.') {
        Some(parts) => parts,
        // Milliseconds without a point.
        None if compact.len() == 17 => compact.split_at_checked(14)?,
        None => (compact.as_str(), ""),
    };
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || fraction.len() > 9 {
        return None;
    }
    if !matches!(whole.len(), 4 | 6 | 8 | 10 | 12 | 14) {
        return None;
    }
    let part = |from: usize, to: usize, missing: u32| match whole.get(from..to) {
        Some(text) => text.parse().ok(),
        None => Some(missing),
    };
    let year = part(0, 4, 0)?;
    if year == 0 {
        return None;
    }
    let (month, day) = (part(4, 6, 1)?, part(6, 8, 1)?);
    let (hour, minute, second) = (part(8, 10, 0)?, part(10, 12, 0)?, part(12, 14, 0)?);
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    // A leap second is the second after.
    let leap = i64::from(second == 60);
    let time = date.and_hms_nano_opt(hour, minute, second - u32::from(second == 60), nanos)?;
    Some(Written::Time {
        local: time.checked_add_signed(TimeDelta::seconds(leap))?,
        offset,
        fine: whole.len() >= 12,
    })
}

fn split_offset(text: &str) -> Option<(&str, Option<FixedOffset>)> {
    if let Some(digits) = text.strip_suffix(['Z', 'z']) {
        return Some((digits, Some(utc())));
    }
    // A sign before the hour belongs to a date as 2026-11-22.
    let at = text.rfind(['+', '-']).filter(|at| {
        let before = text.get(..*at).unwrap_or_default();
        let compact = before.bytes().filter(u8::is_ascii_digit).count();
        text.get(*at..).is_some_and(|rest| rest.starts_with('+')) || compact >= 10
    });
    let Some(at) = at else {
        return Some((text, None));
    };
    let (digits, zone) = text.split_at(at);
    let zone: String = zone.chars().filter(|c| *c != ':').collect();
    let (sign, hours) = zone.split_at(1);
    if !matches!(hours.len(), 2 | 4) || !hours.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = hours.split_at(2);
    let seconds =
        hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().unwrap_or_default() * 60;
    let seconds = if sign == "-" { -seconds } else { seconds };
    Some((digits, Some(FixedOffset::east_opt(seconds)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_rfc3339;

    fn when(text: &str, zone: &str, received: &str) -> (When, Repairs) {
        let mut repairs = Repairs::default();
        let received = parse_rfc3339(received).unwrap();
        let when = Written::parse(text).when(None, zone.parse().unwrap(), received, &mut repairs);
        (when, repairs)
    }

    fn instant(text: &str) -> String {
        let (when, _) = when(text, "Europe/Berlin", "2026-11-22T12:00:00Z");
        crate::time::format_rfc3339(when.time)
    }

    #[test]
    fn forms_and_zones() {
        for (text, time) in [
            ("20261122130501", "2026-11-22T12:05:01Z"),
            ("20260722130501", "2026-07-22T11:05:01Z"),
            ("20261122130501.0000", "2026-11-22T12:05:01Z"),
            ("20261122130501250+0000", "2026-11-22T13:05:01.250Z"),
            ("20261122130501.25+0800", "2026-11-22T05:05:01.250Z"),
            ("202611221305-0600", "2026-11-22T19:05:00Z"),
            ("20261122130501Z", "2026-11-22T13:05:01Z"),
            ("2026-11-22T13:05:01+05:30", "2026-11-22T07:35:01Z"),
            ("2026-11-22 13:05:01", "2026-11-22T12:05:01Z"),
            ("20261231235960+0000", "2027-01-01T00:00:00Z"),
            ("20261122", "2026-11-21T23:00:00Z"),
        ] {
            assert_eq!(instant(text), time, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_kept_and_never_now() {
        for text in [
            "00000000000000",
            "20261332000000",
            "soon",
            "2026112",
            "20261122250000",
            "20261122130501+99",
            "+",
            "-",
            "20261122130501.1234567890",
        ] {
            let (when, _) = when(text, "UTC", "2026-11-22T12:00:00Z");
            assert!(when.undated, "{text}");
            assert_eq!(when.device, Some(DeviceTime::Text(text.to_owned())));
        }
        assert_eq!(Written::parse("  "), Written::Nothing);
    }

    #[test]
    fn the_repeated_hour_is_two_hours() {
        let zone = "Europe/Berlin";
        let (first, _) = when("20261025023000", zone, "2026-10-25T00:30:02Z");
        let (second, _) = when("20261025023000", zone, "2026-10-25T01:30:02Z");
        assert_eq!(second.time - first.time, 3_600 * SECOND);
        assert_eq!((first.sequence, second.sequence), (None, Some(1)));
        assert_eq!(first.device, second.device);
        let (skipped, repairs) = when("20260329023000", zone, "2026-03-29T02:00:00Z");
        assert_eq!(
            crate::time::format_rfc3339(skipped.time),
            "2026-03-29T01:30:00Z"
        );
        assert_eq!(repairs.count(Repair::SkippedTime), 1);
    }
}
