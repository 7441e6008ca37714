//! Glucose service: measurement (2A18). Its context is in [`super::glucose_context`].

use super::Quirks;
use super::metric::{self, Metric};
use super::number::Reading;
use super::reader::{Fault, Put, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Content, Purpose, Quality, Unit, Value, general, names};
use alloc::vec::Vec;

/// Concentration with what was sampled and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concentration {
    /// As on the wire: kg/L or mol/L.
    pub value: Reading,
    /// Type, 1 to 10.
    pub kind: u8,
    /// Sample location; 15: not available.
    pub location: u8,
}

/// Glucose Measurement (2A18).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    pub sequence: u16,
    /// The device's running clock.
    pub base: DateTime,
    /// Minutes that the user's time is ahead of it.
    pub offset: Option<i16>,
    pub molar: bool,
    pub concentration: Option<Concentration>,
    pub status: Option<u16>,
    /// A context (2A34) with the same sequence number follows.
    pub context_follows: bool,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
    /// The number had a special mantissa and a power of ten; not encoded.
    pub doubtful: bool,
}

const RESERVED: u8 = 0xE0;

const STATUS: &[(u8, &str)] = &[
    (0, "battery-low"),
    (1, "sensor-malfunction"),
    (2, "sample-too-small"),
    (3, "strip-insertion-error"),
    (4, "strip-type-incorrect"),
    (5, "result-too-high"),
    (6, "result-too-low"),
    (7, "temperature-too-high"),
    (8, "temperature-too-low"),
    (9, "strip-pulled-early"),
    (10, "device-fault"),
    (11, "time-fault"),
];

/// Status bits under which the number may be wrong: malfunction, sample, strip, temperature, fault.
const DOUBTED: u16 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10;

/// Type of sample that is no patient's.
const CONTROL_KIND: u8 = 10;
const CONTROL_LOCATION: u8 = 4;

/// The metric of a type nibble; reserved types are glucose of unknown kind.
pub(super) const fn metric_of(kind: u8) -> Metric {
    match kind {
        1 => metric::GLUCOSE_CAPILLARY_BLOOD,
        2 => metric::GLUCOSE_CAPILLARY_PLASMA,
        3 => metric::GLUCOSE_VENOUS_BLOOD,
        4 => metric::GLUCOSE_VENOUS_PLASMA,
        5 => metric::GLUCOSE_ARTERIAL_BLOOD,
        6 => metric::GLUCOSE_ARTERIAL_PLASMA,
        7 => metric::GLUCOSE_BLOOD,
        8 => metric::GLUCOSE_PLASMA,
        9 => metric::GLUCOSE_ISF,
        CONTROL_KIND => metric::GLUCOSE_CONTROL,
        _ => metric::GLUCOSE,
    }
}

/// Where on the body, of a sample location nibble.
pub(super) const fn site_of(location: u8) -> Option<&'static str> {
    match location {
        1 => Some("finger"),
        2 => Some("alternate site"),
        3 => Some("earlobe"),
        5 => Some("subcutaneous tissue"),
        _ => None,
    }
}

/// Whether type or location say that a control solution was measured.
pub(super) const fn is_control(kind: u8, location: u8) -> bool {
    kind == CONTROL_KIND || location == CONTROL_LOCATION
}

impl Measurement {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let sequence = reader.u16("sequence number")?;
        let base = DateTime::read(&mut reader)?;
        let offset = reader.when(flags & 1 != 0, |r| Ok(r.u16("time offset")? as i16))?;
        let concentration = reader.when(flags & 2 != 0, |r| {
            let value = r.sfloat("glucose concentration")?;
            let sample = r.u8("type and sample location")?;
            Ok(Concentration {
                value,
                kind: sample & 15,
                location: sample >> 4,
            })
        })?;
        let status = reader.when(flags & 8 != 0, |r| r.u16("sensor status"))?;
        reader.end(flags & RESERVED != 0)?;
        Ok(Self {
            sequence,
            base,
            offset,
            molar: flags & 4 != 0,
            concentration,
            status,
            context_follows: flags & 16 != 0,
            reserved: flags & RESERVED,
            doubtful: reader.doubtful,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.offset.is_some())
            | u8::from(self.concentration.is_some()) << 1
            | u8::from(self.molar) << 2
            | u8::from(self.status.is_some()) << 3
            | u8::from(self.context_follows) << 4
            | self.reserved & RESERVED;
        let mut out = alloc::vec![flags];
        out.put_u16(self.sequence);
        self.base.put(&mut out);
        if let Some(offset) = self.offset {
            out.put_u16(offset as u16);
        }
        if let Some(concentration) = self.concentration {
            out.put_sfloat(concentration.value);
            out.push(concentration.kind & 15 | concentration.location << 4);
        }
        if let Some(status) = self.status {
            out.put_u16(status);
        }
        out
    }

    /// When measured, as its user saw it: the base time and the offset.
    #[must_use]
    pub fn time(&self) -> DateTime {
        self.base.plus_minutes(self.offset.unwrap_or(0))
    }

    pub(super) fn values(&self) -> Vec<Value> {
        let status = self.status.unwrap_or(0);
        let mut flags = names(u32::from(status), STATUS);
        let mut value = match self.concentration {
            Some(sample) => {
                // kg/L * 10^5 = mg/dL, mol/L * 10^3 = mmol/L.
                let (unit, power) = if self.molar {
                    ("mmol/L", 3)
                } else {
                    ("mg/dL", 5)
                };
                let control = is_control(sample.kind, sample.location);
                let metric = if control {
                    metric::GLUCOSE_CONTROL
                } else {
                    metric_of(sample.kind)
                };
                let reading = sample.value.map(|number| number.shifted(power));
                let mut value = Value::reading(metric, reading, unit);
                value.body_site = site_of(sample.location);
                if control {
                    value.purpose = Purpose::Control;
                    flags.push("control-solution");
                }
                if matches!(sample.kind, 0 | 11..) {
                    flags.push("type-reserved");
                }
                value
            }
            // A record without a concentration says that something went wrong.
            None => {
                let names = if flags.is_empty() {
                    "none".into()
                } else {
                    flags.join(" ")
                };
                let content = Content::Text(names);
                let mut value = Value::new(metric::GLUCOSE_METER_STATUS, content, Unit::None);
                value.purpose = Purpose::Setting;
                value
            }
        };
        general(&mut flags, self.reserved != 0, self.doubtful);
        value.flags = flags;
        if status & DOUBTED != 0 {
            value.worse(Quality::Questionable);
        }
        value.time = Some(Stamp::Local(self.time()));
        value.sequence = Some(u32::from(self.sequence));
        alloc::vec![value]
    }
}
