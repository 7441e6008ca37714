//! Feature characteristics that are a word of bits: blood pressure (2A49), glucose (2A51), weight scale (2A9E),
//! body composition (2A9B). Those of oximeters, CGM and Generic Health Sensors are with their services.

use super::metric::{self, Metric};
use super::reader::{Fault, Put, Reader};
use super::value::{Value, names};
use super::{Crc, Quirks};
use alloc::vec::Vec;

/// Blood Pressure Feature bit: E2E-CRC in records.
pub const PRESSURE_CRC: u32 = 1 << 6;

const PRESSURE: &[(u8, &str)] = &[
    (0, "body-movement-detection"),
    (1, "cuff-fit-detection"),
    (2, "irregular-pulse-detection"),
    (3, "pulse-range-detection"),
    (4, "position-detection"),
    (5, "multiple-bonds"),
    (6, "e2e-crc"),
    (7, "user-data-service"),
    (8, "user-facing-time"),
];

const GLUCOSE: &[(u8, &str)] = &[
    (0, "low-battery-detection"),
    (1, "malfunction-detection"),
    (2, "sample-size-detection"),
    (3, "strip-insertion-detection"),
    (4, "strip-type-detection"),
    (5, "result-detection"),
    (6, "temperature-detection"),
    (7, "strip-pulled-detection"),
    (8, "device-fault"),
    (9, "time-fault"),
    (10, "multiple-bonds"),
];

const SCALE: &[(u8, &str)] = &[(0, "time-stamp"), (1, "multiple-users"), (2, "bmi")];

const COMPOSITION: &[(u8, &str)] = &[
    (0, "time-stamp"),
    (1, "multiple-users"),
    (2, "basal-metabolism"),
    (3, "muscle-percentage"),
    (4, "muscle-mass"),
    (5, "fat-free-mass"),
    (6, "soft-lean-mass"),
    (7, "body-water-mass"),
    (8, "impedance"),
    (9, "weight"),
    (10, "height"),
];

/// Resolution of weight, from 0 on: `None` is not stated, else by kilograms.
const WEIGHT_STEPS: [Option<&str>; 8] = [
    None,
    Some("weight-resolution-0.5-kg"),
    Some("weight-resolution-0.2-kg"),
    Some("weight-resolution-0.1-kg"),
    Some("weight-resolution-0.05-kg"),
    Some("weight-resolution-0.02-kg"),
    Some("weight-resolution-0.01-kg"),
    Some("weight-resolution-0.005-kg"),
];

const HEIGHT_STEPS: [Option<&str>; 4] = [
    None,
    Some("height-resolution-0.01-m"),
    Some("height-resolution-0.005-m"),
    Some("height-resolution-0.001-m"),
];

/// Which feature characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// 2A49.
    Pressure,
    /// 2A51.
    Glucose,
    /// 2A9E.
    Scale,
    /// 2A9B.
    Composition,
}

impl Of {
    const fn wide(self) -> bool {
        matches!(self, Self::Scale | Self::Composition)
    }

    const fn table(self) -> (Metric, &'static [(u8, &'static str)]) {
        match self {
            Self::Pressure => (metric::PRESSURE_FEATURES, PRESSURE),
            Self::Glucose => (metric::GLUCOSE_FEATURES, GLUCOSE),
            Self::Scale => (metric::SCALE_FEATURES, SCALE),
            Self::Composition => (metric::COMPOSITION_FEATURES, COMPOSITION),
        }
    }

    /// The word.
    pub fn decode(self, bytes: &[u8], quirks: &Quirks) -> Result<u32, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let word = if self.wide() {
            reader.u32("features")?
        } else {
            u32::from(reader.u16("features")?)
        };
        reader.end(false)?;
        Ok(word)
    }

    #[must_use]
    pub fn encode(self, word: u32) -> Vec<u8> {
        let mut out = Vec::new();
        if self.wide() {
            out.put_u32(word);
        } else {
            out.put_u16(word as u16);
        }
        out
    }

    pub(super) fn values(self, word: u32) -> Vec<Value> {
        let (metric, table) = self.table();
        let mut flags = names(word, table);
        let shift = match self {
            Self::Scale => Some(3),
            Self::Composition => Some(11),
            Self::Pressure | Self::Glucose => None,
        };
        if let Some(shift) = shift {
            let step = |shift: u32, bits: u32| (word >> shift & ((1 << bits) - 1)) as usize;
            flags.extend(WEIGHT_STEPS.get(step(shift, 4)).copied().flatten());
            flags.extend(HEIGHT_STEPS.get(step(shift + 4, 3)).copied().flatten());
        }
        alloc::vec![Value::bits(metric, word, flags)]
    }
}

/// What a Blood Pressure Feature says of the CRC of records.
#[must_use]
pub const fn pressure_crc(word: u32) -> Crc {
    if word & PRESSURE_CRC == 0 {
        Crc::Absent
    } else {
        Crc::Present
    }
}
