//! Body Composition service: measurement (2A9C), which may come in two parts.

use super::number::Number;
use super::reader::{Fault, Put, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Value, general};
use super::weight::{failed, height, mass};
use super::{Metric, Quirks, metric};
use alloc::vec::Vec;

/// Body Composition Measurement (2A9C), in the units of the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measurement {
    pub imperial: bool,
    /// 0.1 %; 0xFFFF: the measurement failed.
    pub fat: u16,
    pub time: Option<DateTime>,
    /// 0xFF: unknown.
    pub user: Option<u8>,
    /// Kilojoules a day.
    pub basal: Option<u16>,
    /// 0.1 %.
    pub muscle_percentage: Option<u16>,
    /// Muscle, fat-free, soft lean and water mass in 0.005 kg or 0.01 lb.
    pub masses: [Option<u16>; 4],
    /// 0.1 Ohm.
    pub impedance: Option<u16>,
    /// 0.005 kg or 0.01 lb.
    pub weight: Option<u16>,
    /// 0.001 m or 0.1 in.
    pub height: Option<u16>,
    /// One of several parts of one measurement.
    pub part: bool,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u16,
}

const RESERVED: u16 = 0xE000;
const MASSES: [(Metric, &str); 4] = [
    (metric::MUSCLE_MASS, "muscle mass"),
    (metric::FAT_FREE_MASS, "fat-free mass"),
    (metric::SOFT_LEAN_MASS, "soft lean mass"),
    (metric::WATER_MASS, "body water mass"),
];

impl Measurement {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u16("flags")?;
        let has = |bit: u8| flags >> bit & 1 == 1;
        let mut measurement = Self {
            imperial: has(0),
            fat: reader.u16("body fat percentage")?,
            time: reader.when(has(1), DateTime::read)?,
            user: reader.when(has(2), |r| r.u8("user id"))?,
            basal: reader.when(has(3), |r| r.u16("basal metabolism"))?,
            muscle_percentage: reader.when(has(4), |r| r.u16("muscle percentage"))?,
            part: has(12),
            reserved: flags & RESERVED,
            ..Self::default()
        };
        for (bit, (mass, (_, name))) in (5..).zip(measurement.masses.iter_mut().zip(MASSES)) {
            *mass = reader.when(has(bit), |r| r.u16(name))?;
        }
        measurement.impedance = reader.when(has(9), |r| r.u16("impedance"))?;
        measurement.weight = reader.when(has(10), |r| r.u16("weight"))?;
        measurement.height = reader.when(has(11), |r| r.u16("height"))?;
        reader.end(measurement.reserved != 0)?;
        Ok(measurement)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let fields = [
            self.basal,
            self.muscle_percentage,
            self.masses[0],
            self.masses[1],
            self.masses[2],
            self.masses[3],
            self.impedance,
            self.weight,
            self.height,
        ];
        let mut flags = u16::from(self.imperial)
            | u16::from(self.time.is_some()) << 1
            | u16::from(self.user.is_some()) << 2
            | u16::from(self.part) << 12
            | self.reserved & RESERVED;
        for (bit, field) in (3..).zip(fields) {
            flags |= u16::from(field.is_some()) << bit;
        }
        let mut out = Vec::new();
        out.put_u16(flags);
        out.put_u16(self.fat);
        if let Some(time) = self.time {
            time.put(&mut out);
        }
        out.extend(self.user);
        fields
            .into_iter()
            .flatten()
            .for_each(|field| out.put_u16(field));
        out
    }

    /// This part and the other one of the same measurement: same time, user and units. Fields of `self` win.
    fn merged(self, other: Self) -> Self {
        let mut masses = self.masses;
        for (mass, others) in masses.iter_mut().zip(other.masses) {
            *mass = mass.or(others);
        }
        Self {
            basal: self.basal.or(other.basal),
            muscle_percentage: self.muscle_percentage.or(other.muscle_percentage),
            masses,
            impedance: self.impedance.or(other.impedance),
            weight: self.weight.or(other.weight),
            height: self.height.or(other.height),
            reserved: self.reserved | other.reserved,
            part: false,
            ..self
        }
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let tenths = |metric, number: u16, unit| {
            Value::reading(metric, Ok(Number::new(i64::from(number), -1)), unit)
        };
        let mut fat = tenths(metric::BODY_FAT, self.fat, "%");
        if self.fat == u16::MAX {
            failed(&mut fat);
        }
        let mut values = alloc::vec![fat];
        values.extend(self.basal.map(|basal| {
            let number = Number::integer(i64::from(basal));
            Value::reading(metric::BASAL_METABOLISM, Ok(number), "kJ")
        }));
        values.extend(
            self.muscle_percentage
                .map(|part| tenths(metric::MUSCLE_PERCENTAGE, part, "%")),
        );
        for (steps, (metric, _)) in self.masses.iter().zip(MASSES) {
            values.extend(steps.map(|steps| mass(metric, steps, self.imperial)));
        }
        values.extend(
            self.impedance
                .map(|ohms| tenths(metric::IMPEDANCE, ohms, "Ohm")),
        );
        values.extend(
            self.weight
                .map(|steps| mass(metric::WEIGHT, steps, self.imperial)),
        );
        values.extend(self.height.map(|steps| height(steps, self.imperial)));
        for value in &mut values {
            value.time = self.time.map(Stamp::Local);
            value.user = self.user.filter(|user| *user != 0xFF);
            general(&mut value.flags, self.reserved != 0, false);
        }
        values
    }
}

/// Puts the parts of measurements together: two that follow each other and have one time and one user.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    first: Option<Measurement>,
}

impl Parts {
    /// Takes a part; gives what is complete. A first part that its second one does not follow is given alone, before
    /// what came instead.
    pub fn push(&mut self, measurement: Measurement) -> Vec<Measurement> {
        let Some(first) = self.first.take() else {
            if measurement.part {
                self.first = Some(measurement);
                return Vec::new();
            }
            return alloc::vec![measurement];
        };
        let same = measurement.part
            && (first.time, first.user, first.imperial)
                == (measurement.time, measurement.user, measurement.imperial);
        if same {
            return alloc::vec![first.merged(measurement)];
        }
        let mut complete = alloc::vec![first];
        complete.extend(self.push(measurement));
        complete
    }

    /// A first part that is waiting: at a disconnection, or when the second does not come.
    pub fn flush(&mut self) -> Option<Measurement> {
        self.first.take()
    }

    /// Whether a first part is waiting.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.first.is_some()
    }
}
