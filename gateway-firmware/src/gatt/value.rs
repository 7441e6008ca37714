//! What a device said: one value of one metric.

use super::metric::Metric;
use super::number::{Absence, Number, Reading};
use super::time::Stamp;
use alloc::string::String;
use alloc::vec::Vec;

/// One value, as on the wire.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    pub metric: Metric,
    pub content: Content,
    pub unit: Unit,
    /// When measured, as the device stated it; `None` when it stated nothing (stamp on reception).
    pub time: Option<Stamp>,
    /// How much before `time`, or before reception, in microseconds: earlier R-R intervals of one notification.
    pub earlier_us: u32,
    /// The device's record number.
    pub sequence: Option<u32>,
    /// The user of a shared device; `None` when unknown (0xFF) or not stated.
    pub user: Option<u8>,
    /// Names of the bits that are set, in the order of the bits.
    pub flags: Vec<&'static str>,
    pub quality: Option<Quality>,
    pub purpose: Purpose,
    /// Where on the body, if stated and not part of the metric.
    pub body_site: Option<&'static str>,
    /// How it was measured, or which kind of it, if stated and not part of the metric.
    pub method: Option<&'static str>,
    /// Tells values of one metric and one time apart: `fast`, `slow`.
    pub channel: Option<&'static str>,
}

/// The value itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Number(Number),
    Absent(Absence),
    /// A code of the metric's own.
    Code(&'static str),
    Text(String),
    /// Numbers in equal steps of time: `period_us` microseconds each.
    Samples {
        period_us: u64,
        samples: Vec<i32>,
        factor: Number,
        origin: Number,
    },
}

/// A unit of measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Not of a number.
    None,
    /// UCUM.
    Ucum(&'static str),
    /// A 32-bit code of partition 4 of IEEE 11073-10101, as it came over the wire.
    Mdc(u32),
}

/// What a value is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A result of a patient.
    Result,
    /// A control solution: a test of the meter.
    Control,
    /// A test of the device.
    Test,
    /// A demonstration: nobody measured it.
    Demo,
    /// Shown while a measurement runs; for displays, never for the record.
    Telemetry,
    /// About the device: features, identity, clock, answers to commands.
    Setting,
}

/// How good a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quality {
    /// The device says that the number is wrong: published as an absence.
    Invalid,
    /// The device says that there is no number now: published as an absence.
    Unavailable,
    Questionable,
    Calibrating,
    EarlyEstimate,
}

impl Quality {
    /// The text in label `q`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unavailable => "unavailable",
            Self::Questionable => "questionable",
            Self::Calibrating => "calibrating",
            Self::EarlyEstimate => "early-estimate",
        }
    }
}

impl Value {
    /// A result with nothing but metric, content and unit.
    #[must_use]
    pub fn new(metric: Metric, content: Content, unit: Unit) -> Self {
        Self {
            metric,
            content,
            unit,
            time: None,
            earlier_us: 0,
            sequence: None,
            user: None,
            flags: Vec::new(),
            quality: None,
            purpose: Purpose::Result,
            body_site: None,
            method: None,
            channel: None,
        }
    }

    pub(super) fn reading(metric: Metric, reading: Reading, unit: &'static str) -> Self {
        Self::new(metric, Content::from(reading), Unit::Ucum(unit))
    }

    pub(super) fn setting(metric: Metric, content: Content) -> Self {
        let mut value = Self::new(metric, content, Unit::None);
        value.purpose = Purpose::Setting;
        value
    }

    /// A word of bits about the device, with the names of those that are set.
    pub(super) fn bits(metric: Metric, word: u32, flags: Vec<&'static str>) -> Self {
        let number = Number::integer(i64::from(word));
        let mut value = Self::setting(metric, Content::Number(number));
        value.flags = flags;
        value
    }

    pub(super) fn worse(&mut self, quality: Quality) {
        self.quality = Some(self.quality.map_or(quality, |own| own.min(quality)));
    }
}

impl From<Reading> for Content {
    fn from(reading: Reading) -> Self {
        match reading {
            Ok(number) => Self::Number(number),
            Err(absence) => Self::Absent(absence),
        }
    }
}

/// Names of the bits that are set.
pub(super) fn names(word: u32, table: &[(u8, &'static str)]) -> Vec<&'static str> {
    table
        .iter()
        .filter(|(bit, _)| word >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .collect()
}

/// Flags that every value of a packet may have.
pub(super) fn general(flags: &mut Vec<&'static str>, reserved: bool, doubtful: bool) {
    if reserved {
        flags.push("reserved-flags");
    }
    if doubtful {
        flags.push("special-mantissa");
    }
}
