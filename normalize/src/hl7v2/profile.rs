//! What must be known of a source beside its messages.

use crate::decimal::Decimal;
use chrono::{FixedOffset, LocalResult, NaiveDateTime, Offset, TimeZone};
use std::str::FromStr;

/// What times without an offset mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// Always the same distance from UTC.
    Fixed(FixedOffset),
    /// A zone of the IANA database with its summer time.
    Named(chrono_tz::Tz),
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self::Named(chrono_tz::Tz::UTC);

    /// What a local time is in this zone.
    pub(super) fn resolve(self, local: NaiveDateTime) -> LocalResult<FixedOffset> {
        match self {
            Self::Fixed(offset) => LocalResult::Single(offset),
            Self::Named(zone) => zone
                .offset_from_local_datetime(&local)
                .map(|found| found.fix()),
        }
    }
}

impl Default for Zone {
    fn default() -> Self {
        Self::UTC
    }
}

impl FromStr for Zone {
    type Err = String;

    /// `Europe/Berlin`, `UTC`, or an offset as `+02:00`.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(offset) = FixedOffset::from_str(text) {
            return Ok(Self::Fixed(offset));
        }
        chrono_tz::Tz::from_str(text).map(Self::Named).map_err(|_| {
            format!("{text:?} is neither a time zone as Europe/Berlin nor an offset as +02:00")
        })
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(offset) => offset.fmt(out),
            Self::Named(zone) => zone.fmt(out),
        }
    }
}

/// What a number or text in OBX-5 means that is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentinel {
    /// A number (compared by value: -999 is -999.0 too) or a text (compared without regard to case).
    pub text: String,
    /// FHIR data-absent-reason.
    pub reason: &'static str,
    /// Only where the metric cannot have the number, by its plausible range; of a metric without one, from 100 on.
    pub outside_range: bool,
}

impl Sentinel {
    fn new(text: &str, reason: &'static str) -> Self {
        Self {
            text: text.to_owned(),
            reason,
            outside_range: false,
        }
    }

    /// A sentinel of a configuration: the reason is `unknown`.
    #[must_use]
    pub fn configured(text: &str) -> Self {
        Self::new(text, "unknown")
    }

    pub(super) fn number(&self) -> Option<Decimal> {
        Decimal::parse(&self.text)
    }
}

/// What status R (raw, not validated: the normal one of monitors) and a missing one become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RawIs {
    /// As HL7's own map of status codes to FHIR has it.
    Preliminary,
    /// As the PHD guide has it: final unless the device says preliminary.
    #[default]
    Final,
}

impl RawIs {
    /// FHIR observation-status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preliminary => "preliminary",
            Self::Final => "final",
        }
    }
}

/// What is known of a source of messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Zone of times that state none.
    pub zone: Zone,
    pub sentinels: Vec<Sentinel>,
    /// What OBX-11 = R becomes.
    pub raw_is: RawIs,
    /// Device of every message, whatever it says.
    pub device: Option<String>,
    /// Events (MDC codes) that make an alarm message of priority PN a heartbeat, beside MDC_EVT_WATCHDOG by name.
    pub heartbeat_events: Vec<u32>,
}

/// MDC_EVT_ACTIVE in both of its codes.
const HEARTBEATS: [u32; 2] = [258_047, 196_614];

impl Default for Profile {
    fn default() -> Self {
        Self {
            zone: Zone::UTC,
            sentinels: Self::default_sentinels(),
            raw_is: RawIs::default(),
            device: None,
            heartbeat_events: HEARTBEATS.to_vec(),
        }
    }
}

impl Profile {
    /// What monitors are known to send for "no value" (clinical.md 1.3). -100 and -1 can be temperatures and base
    /// excesses: they count only where the metric cannot have them.
    #[must_use]
    pub fn default_sentinels() -> Vec<Sentinel> {
        let outside = |text: &str| Sentinel {
            outside_range: true,
            ..Sentinel::new(text, "unknown")
        };
        let mut all: Vec<Sentinel> = [
            "-999", "-99.9", "-9999", "-32768", "---", "--", "-", "-?-", "?", "???", "***", "n/a",
            "na", "null", "none",
        ]
        .into_iter()
        .map(|text| Sentinel::new(text, "unknown"))
        .collect();
        // The special values of the 32-bit and 16-bit floats of IEEE 11073-20601, sent as plain integers.
        for (text, reason) in [
            ("8388607", "not-a-number"),
            ("8388608", "error"),
            ("8388606", "positive-infinity"),
            ("8388610", "negative-infinity"),
            ("-8388608", "error"),
            ("-8388606", "negative-infinity"),
            ("nan", "not-a-number"),
            ("inf", "positive-infinity"),
            ("+inf", "positive-infinity"),
            ("-inf", "negative-infinity"),
            ("invalid", "error"),
            ("error", "error"),
            ("off", "not-performed"),
        ] {
            all.push(Sentinel::new(text, reason));
        }
        all.extend(["-1", "-10", "-100", "-1000", "-10000", "65535", "32767"].map(outside));
        all
    }
}
