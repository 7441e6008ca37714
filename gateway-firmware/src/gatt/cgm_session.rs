//! Continuous Glucose Monitoring service: features (2AA8), status (2AA9), session start (2AAA) and run time (2AAB).

use super::current_time::{DST_UNKNOWN, ZONE_UNKNOWN, zone_minutes};
use super::number::Number;
use super::reader::{Fault, Put, Reader, Wrong};
use super::time::{DateTime, Stamp};
use super::value::{Content, Unit, Value, names};
use super::{Crc, Quirks, cgm, metric};
use alloc::string::ToString;
use alloc::vec::Vec;

/// CGM Feature (2AA8): read first, as it decides on the CRC of all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Features {
    /// 24 bits.
    pub supported: u32,
    /// Type nibble: what is measured.
    pub kind: u8,
    /// Sample location nibble.
    pub location: u8,
}

const FEATURES: &[(u8, &str)] = &[
    (0, "calibration"),
    (1, "patient-alerts"),
    (2, "hypo-alerts"),
    (3, "hyper-alerts"),
    (4, "rate-alerts"),
    (5, "device-specific-alert"),
    (6, "malfunction-detection"),
    (7, "temperature-detection"),
    (8, "result-detection"),
    (9, "low-battery-detection"),
    (10, "sensor-type-detection"),
    (11, "device-fault"),
    (12, "e2e-crc"),
    (13, "multiple-bonds"),
    (14, "multiple-sessions"),
    (15, "trend"),
    (16, "quality"),
];

impl Features {
    /// The CRC field is always there: 0xFFFF where E2E-CRC is not supported, else checked.
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let supported = reader.u24("features")?;
        let both = reader.u8("type and sample location")?;
        let at = reader.at();
        let found = reader.u16("E2E-CRC")?;
        reader.end(false)?;
        let features = Self {
            supported,
            kind: both & 15,
            location: both >> 4,
        };
        let computed = super::crc::ccitt_false(&bytes[..at]);
        if features.has_crc() && found != computed {
            return Err(Fault {
                at,
                field: "E2E-CRC",
                wrong: Wrong::Crc { found, computed },
            });
        }
        Ok(features)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u24(self.supported);
        out.push(self.kind & 15 | self.location << 4);
        if self.has_crc() {
            out.put_crc();
        } else {
            out.put_u16(0xFFFF);
        }
        out
    }

    /// Whether the characteristics of the service end in a CRC.
    #[must_use]
    pub const fn has_crc(&self) -> bool {
        self.supported >> 12 & 1 == 1
    }

    /// What decoding the other characteristics needs to know.
    #[must_use]
    pub const fn apply(&self, quirks: Quirks) -> Quirks {
        Quirks {
            crc: if self.has_crc() {
                Crc::Present
            } else {
                Crc::Absent
            },
            cgm_type: Some(self.kind & 15 | self.location << 4),
            ..quirks
        }
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let flags = names(self.supported, FEATURES);
        let mut value = Value::bits(metric::CGM_FEATURES, self.supported, flags);
        value.body_site = super::glucose::site_of(self.location);
        alloc::vec![value]
    }
}

/// CGM Status (2AA9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Minutes since the session started.
    pub offset: u16,
    /// 24 bits of sensor status annunciation.
    pub annunciation: u32,
}

impl Status {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let status = Self {
            offset: reader.u16("time offset")?,
            annunciation: reader.u24("sensor status")?,
        };
        reader.crc()?;
        reader.end(false)?;
        Ok(status)
    }

    #[must_use]
    pub fn encode(&self, crc: bool) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u16(self.offset);
        out.put_u24(self.annunciation);
        if crc {
            out.put_crc();
        }
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let flags = names(self.annunciation, cgm::ANNUNCIATION);
        let mut value = Value::bits(metric::CGM_STATUS, self.annunciation, flags);
        value.time = Some(Stamp::Session {
            minutes: self.offset,
        });
        alloc::vec![value]
    }
}

/// CGM Session Start Time (2AAA). Writing it is how a collector sets the device's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionStart {
    /// Year 0: not set.
    pub time: DateTime,
    /// Quarters of an hour east of UTC; -128: unknown.
    pub zone: i8,
    /// Daylight saving, 2A0D; 255: unknown.
    pub dst: u8,
}

impl SessionStart {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let start = Self {
            time: DateTime::read(&mut reader)?,
            zone: super::current_time::read_zone(&mut reader)?,
            dst: super::current_time::read_dst(&mut reader)?,
        };
        reader.crc()?;
        reader.end(false)?;
        Ok(start)
    }

    #[must_use]
    pub fn encode(&self, crc: bool) -> Vec<u8> {
        let mut out = Vec::new();
        self.time.put(&mut out);
        out.extend([self.zone as u8, self.dst]);
        if crc {
            out.put_crc();
        }
        out
    }

    /// The point in time, in microseconds since 1970; `None` when date or zone is not known.
    #[must_use]
    pub fn instant_us(&self) -> Option<i64> {
        let minutes = zone_minutes(self.zone, self.dst)?;
        Some(self.time.as_us()? - i64::from(minutes) * 60_000_000)
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let text = Content::Text(self.time.to_string());
        let mut value = Value::setting(metric::CGM_SESSION_START, text);
        value.time = Some(Stamp::Local(self.time));
        if self.zone == ZONE_UNKNOWN {
            value.flags.push("zone-unknown");
        }
        if self.dst == DST_UNKNOWN {
            value.flags.push("dst-unknown");
        }
        let mut values = alloc::vec![value];
        values.extend(super::current_time::zone_values(self.zone, self.dst));
        values
    }
}

/// CGM Session Run Time (2AAB): hours that the session is expected to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunTime(pub u16);

impl RunTime {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let hours = reader.u16("session run time")?;
        reader.crc()?;
        reader.end(false)?;
        Ok(Self(hours))
    }

    #[must_use]
    pub fn encode(self, crc: bool) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_u16(self.0);
        if crc {
            out.put_crc();
        }
        out
    }

    pub(super) fn values(self) -> Vec<Value> {
        let number = Number::integer(i64::from(self.0));
        let mut value = Value::setting(metric::CGM_RUN_TIME, Content::Number(number));
        value.unit = Unit::Ucum("h");
        alloc::vec![value]
    }
}
