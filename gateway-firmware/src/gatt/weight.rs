//! Weight Scale service: measurement (2A9D).

use super::number::{Absence, Number};
use super::reader::{Fault, Put, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Value, general};
use super::{Quirks, metric};
use alloc::vec::Vec;

/// Weight Measurement (2A9D).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    pub imperial: bool,
    /// 0.005 kg or 0.01 lb; 0xFFFF: the measurement failed.
    pub weight: u16,
    pub time: Option<DateTime>,
    /// 0xFF: unknown.
    pub user: Option<u8>,
    /// BMI in 0.1 kg/m2, and height in 0.001 m or 0.1 in.
    pub bmi_height: Option<(u16, u16)>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
}

const RESERVED: u8 = 0xF0;

/// A mass of scales: steps of 0.005 kg (three decimals) or 0.01 lb (two).
pub(super) fn mass(metric: super::Metric, steps: u16, imperial: bool) -> Value {
    let (number, unit) = if imperial {
        (Number::new(i64::from(steps), -2), "[lb_av]")
    } else {
        (Number::new(i64::from(steps) * 5, -3), "kg")
    };
    Value::reading(metric, Ok(number), unit)
}

/// A height: steps of 0.001 m or 0.1 in.
pub(super) fn height(steps: u16, imperial: bool) -> Value {
    let (exponent, unit) = if imperial { (-1, "[in_i]") } else { (-3, "m") };
    let number = Number::new(i64::from(steps), exponent);
    Value::reading(metric::HEIGHT, Ok(number), unit)
}

/// What 0xFFFF in the first field says: the measurement failed.
pub(super) fn failed(value: &mut Value) {
    value.content = super::Content::Absent(Absence::Error);
    value.flags.push("measurement-unsuccessful");
}

impl Measurement {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let measurement = Self {
            imperial: flags & 1 != 0,
            weight: reader.u16("weight")?,
            time: reader.when(flags & 2 != 0, DateTime::read)?,
            user: reader.when(flags & 4 != 0, |r| r.u8("user id"))?,
            bmi_height: reader.when(flags & 8 != 0, |r| Ok((r.u16("BMI")?, r.u16("height")?)))?,
            reserved: flags & RESERVED,
        };
        reader.end(measurement.reserved != 0)?;
        Ok(measurement)
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.imperial)
            | u8::from(self.time.is_some()) << 1
            | u8::from(self.user.is_some()) << 2
            | u8::from(self.bmi_height.is_some()) << 3
            | self.reserved & RESERVED;
        let mut out = alloc::vec![flags];
        out.put_u16(self.weight);
        if let Some(time) = self.time {
            time.put(&mut out);
        }
        out.extend(self.user);
        if let Some((bmi, height)) = self.bmi_height {
            out.put_u16(bmi);
            out.put_u16(height);
        }
        out
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let mut weight = mass(metric::WEIGHT, self.weight, self.imperial);
        if self.weight == u16::MAX {
            failed(&mut weight);
        }
        let mut values = alloc::vec![weight];
        if let Some((bmi, steps)) = self.bmi_height {
            let bmi = Number::new(i64::from(bmi), -1);
            values.push(Value::reading(metric::BMI, Ok(bmi), "kg/m2"));
            values.push(height(steps, self.imperial));
        }
        for value in &mut values {
            value.time = self.time.map(Stamp::Local);
            value.user = self.user.filter(|user| *user != 0xFF);
            general(&mut value.flags, self.reserved != 0, false);
        }
        values
    }
}
