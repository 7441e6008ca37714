//! Continuous Glucose Monitoring service: specific operations control point (2AAC).

use super::Quirks;
use super::metric::{self, Metric};
use super::number::{Number, Reading};
use super::reader::{Fault, Put, Reader};
use super::value::{Content, Unit, Value, names};
use alloc::vec::Vec;

/// A level that a device alerts at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    PatientHigh,
    PatientLow,
    Hypo,
    Hyper,
    RateOfDecrease,
    RateOfIncrease,
}

/// In the order of their op codes, three each (set, get, response) from 7 on.
const LEVELS: [(Level, Metric, &str); 6] = [
    (Level::PatientHigh, metric::CGM_PATIENT_HIGH, "mg/dL"),
    (Level::PatientLow, metric::CGM_PATIENT_LOW, "mg/dL"),
    (Level::Hypo, metric::CGM_HYPO, "mg/dL"),
    (Level::Hyper, metric::CGM_HYPER, "mg/dL"),
    (Level::RateOfDecrease, metric::CGM_DECREASE, "mg/dL/min"),
    (Level::RateOfIncrease, metric::CGM_INCREASE, "mg/dL/min"),
];

/// A calibration of the sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// mg/dL.
    pub glucose: Reading,
    /// Minutes since the session started.
    pub time: u16,
    /// Type in the low nibble, sample location in the high one.
    pub sample: u8,
    /// Minutes since the session started.
    pub next: u16,
    pub record: u16,
    pub status: u8,
}

/// What is written to or indicated by the control point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// 1: minutes; 0 none, 255 as fast as the device can.
    SetInterval(u8),
    /// 2.
    GetInterval,
    /// 3. One byte by the service, two by the GATT supplement; read as either, written as one.
    Interval(u16),
    /// 4.
    SetCalibration(Calibration),
    /// 5: its record number.
    GetCalibration(u16),
    /// 6.
    Calibration(Calibration),
    SetLevel(Level, Reading),
    GetLevel(Level),
    Level(Level, Reading),
    /// 0x19.
    ResetAlert,
    /// 0x1A.
    StartSession,
    /// 0x1B.
    StopSession,
    /// 0x1C: how the request with op code `request` ended; 1 is success.
    Done {
        request: u8,
        outcome: u8,
    },
}

const OUTCOMES: [&str; 5] = [
    "success",
    "op-code-not-supported",
    "invalid-operand",
    "procedure-not-completed",
    "parameter-out-of-range",
];

/// Names of op codes from 0 on.
const NAMES: [&str; 29] = [
    "reserved",
    "set-interval",
    "get-interval",
    "interval",
    "set-calibration",
    "get-calibration",
    "calibration",
    "set-patient-high",
    "get-patient-high",
    "patient-high",
    "set-patient-low",
    "get-patient-low",
    "patient-low",
    "set-hypo",
    "get-hypo",
    "hypo",
    "set-hyper",
    "get-hyper",
    "hyper",
    "set-rate-of-decrease",
    "get-rate-of-decrease",
    "rate-of-decrease",
    "set-rate-of-increase",
    "get-rate-of-increase",
    "rate-of-increase",
    "reset-alert",
    "start-session",
    "stop-session",
    "response",
];

impl Calibration {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            glucose: reader.sfloat("glucose of the calibration")?,
            time: reader.u16("calibration time")?,
            sample: reader.u8("type and sample location")?,
            next: reader.u16("next calibration time")?,
            record: reader.u16("calibration record number")?,
            status: reader.u8("calibration status")?,
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_sfloat(self.glucose);
        out.put_u16(self.time);
        out.push(self.sample);
        out.put_u16(self.next);
        out.put_u16(self.record);
        out.push(self.status);
    }

    fn value(&self) -> Value {
        let content = Content::from(self.glucose);
        let mut value = Value::setting(metric::CGM_CALIBRATION, content);
        value.unit = Unit::Ucum("mg/dL");
        value.time = Some(super::Stamp::Session { minutes: self.time });
        value.sequence = Some(u32::from(self.record));
        value.body_site = super::glucose::site_of(self.sample >> 4);
        value.flags = names(
            u32::from(self.status),
            &[
                (0, "calibration-rejected"),
                (1, "calibration-out-of-range"),
                (2, "calibration-pending"),
            ],
        );
        value
    }
}

impl Operation {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let code = reader.u8("op code")?;
        let operation = match code {
            0x01 => Self::SetInterval(reader.u8("communication interval")?),
            0x02 => Self::GetInterval,
            0x03 => match reader.left() {
                // Two bytes may be a long interval, or a short one with half a CRC missing: the former.
                2 | 4 => Self::Interval(reader.u16("communication interval")?),
                _ => Self::Interval(u16::from(reader.u8("communication interval")?)),
            },
            0x04 => Self::SetCalibration(Calibration::read(&mut reader)?),
            0x05 => Self::GetCalibration(reader.u16("calibration record number")?),
            0x06 => Self::Calibration(Calibration::read(&mut reader)?),
            0x07..=0x18 => {
                let level = LEVELS[usize::from((code - 7) / 3)].0;
                match (code - 7) % 3 {
                    0 => Self::SetLevel(level, reader.sfloat("alert level")?),
                    1 => Self::GetLevel(level),
                    _ => Self::Level(level, reader.sfloat("alert level")?),
                }
            }
            0x19 => Self::ResetAlert,
            0x1A => Self::StartSession,
            0x1B => Self::StopSession,
            0x1C => Self::Done {
                request: reader.u8("op code of the request")?,
                outcome: reader.u8("response code")?,
            },
            found => {
                return Err(Fault::impossible(0, "op code", u32::from(found), "1 to 28"));
            }
        };
        reader.crc()?;
        reader.end(false)?;
        Ok(operation)
    }

    fn code(self) -> u8 {
        let of = |level: Level| {
            LEVELS
                .iter()
                .zip((7_u8..).step_by(3))
                .find(|((known, ..), _)| *known == level)
                .map_or(0, |(_, code)| code)
        };
        match self {
            Self::SetInterval(_) => 0x01,
            Self::GetInterval => 0x02,
            Self::Interval(_) => 0x03,
            Self::SetCalibration(_) => 0x04,
            Self::GetCalibration(_) => 0x05,
            Self::Calibration(_) => 0x06,
            Self::SetLevel(level, _) => of(level),
            Self::GetLevel(level) => of(level) + 1,
            Self::Level(level, _) => of(level) + 2,
            Self::ResetAlert => 0x19,
            Self::StartSession => 0x1A,
            Self::StopSession => 0x1B,
            Self::Done { .. } => 0x1C,
        }
    }

    #[must_use]
    pub fn encode(self, crc: bool) -> Vec<u8> {
        let mut out = alloc::vec![self.code()];
        match self {
            Self::SetInterval(minutes) => out.push(minutes),
            Self::Interval(minutes) => match u8::try_from(minutes) {
                Ok(minutes) => out.push(minutes),
                Err(_) => out.put_u16(minutes),
            },
            Self::SetCalibration(calibration) | Self::Calibration(calibration) => {
                calibration.put(&mut out);
            }
            Self::GetCalibration(record) => out.put_u16(record),
            Self::SetLevel(_, level) | Self::Level(_, level) => out.put_sfloat(level),
            Self::Done { request, outcome } => out.extend([request, outcome]),
            Self::GetInterval
            | Self::GetLevel(_)
            | Self::ResetAlert
            | Self::StartSession
            | Self::StopSession => {}
        }
        if crc {
            out.put_crc();
        }
        out
    }

    pub(super) fn values(self) -> Vec<Value> {
        let name = NAMES[usize::from(self.code())];
        let minutes = |minutes: u16| {
            let number = Number::integer(i64::from(minutes));
            let mut value = Value::setting(metric::CGM_INTERVAL, Content::Number(number));
            value.unit = Unit::Ucum("min");
            value
        };
        let mut value = match self {
            Self::SetInterval(interval) => minutes(u16::from(interval)),
            Self::Interval(interval) => minutes(interval),
            Self::SetCalibration(calibration) | Self::Calibration(calibration) => {
                calibration.value()
            }
            Self::SetLevel(level, reading) | Self::Level(level, reading) => {
                let known = LEVELS.iter().find(|(known, ..)| *known == level);
                let (metric, unit) = known
                    .map_or((metric::CGM_OPERATION, ""), |(_, metric, unit)| {
                        (*metric, *unit)
                    });
                let mut value = Value::setting(metric, Content::from(reading));
                value.unit = Unit::Ucum(unit);
                value
            }
            Self::Done { request, outcome } => {
                let outcome = usize::from(outcome)
                    .checked_sub(1)
                    .and_then(|index| OUTCOMES.get(index));
                let code = Content::Code(outcome.copied().unwrap_or("reserved"));
                let mut value = Value::setting(metric::CGM_OPERATION, code);
                value.method = NAMES.get(usize::from(request)).copied();
                return alloc::vec![value];
            }
            _ => return alloc::vec![Value::setting(metric::CGM_OPERATION, Content::Code(name))],
        };
        value.method = Some(name);
        alloc::vec![value]
    }
}
