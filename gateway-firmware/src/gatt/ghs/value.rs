//! Values of Generic Health Sensor observations, by class.

use super::observation::{Observation, put_tlvs, tlvs};
use crate::gatt::number::{Absence, Number, Reading};
use crate::gatt::reader::{Fault, Put, Reader, Wrong};
use crate::gatt::value::{Content, Unit, Value};
use crate::gatt::{Metric, metric};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The value of an observation.
#[derive(Debug, Clone, PartialEq)]
pub enum Reals {
    /// 1: 16-bit unit code of partition 4, and a FLOAT.
    Numeric(u16, Reading),
    /// 2: a 32-bit code.
    Discrete(u32),
    /// 3.
    Text(String),
    /// 4.
    Samples(Samples),
    /// 5: 32-bit codes.
    Events(Vec<u32>),
    /// 6: masks of supported and of set bits, of one length, and codes.
    States {
        supported: Vec<u8>,
        set: Vec<u8>,
        codes: Vec<u32>,
    },
    /// 7.
    Compound(Vec<Component>),
    /// 8: type, format and bytes.
    Tlvs(Vec<(u32, u8, Vec<u8>)>),
    /// 255.
    Bundle(Vec<Observation>),
}

/// One part of a compound observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// 32-bit code.
    pub metric: u32,
    pub item: Item,
}

/// The value of a component.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// 1.
    Numeric(u16, Reading),
    /// 2.
    Discrete(u32),
    /// 3.
    Text(String),
}

/// Samples in equal steps of time: `number * scale + offset` each.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    /// 16-bit unit code of partition 4.
    pub unit: u16,
    pub scale: Reading,
    pub offset: Reading,
    /// Seconds.
    pub period: Reading,
    pub per_period: u8,
    /// 1, 2 or 4.
    pub bytes_per_sample: u8,
    /// Unsigned.
    pub samples: Vec<u32>,
}

fn unit_of(term: u16) -> Unit {
    Unit::Mdc(4 << 16 | u32::from(term))
}

fn text(reader: &mut Reader<'_>) -> Result<String, Fault> {
    let length = reader.u16("length of the text")?;
    let at = reader.at();
    let bytes = reader.take(usize::from(length), "text")?;
    match core::str::from_utf8(bytes) {
        Ok(text) => Ok(text.into()),
        Err(error) => Err(Fault {
            at: at + error.valid_up_to(),
            field: "text",
            wrong: Wrong::NotText,
        }),
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    let mut length = text.len().min(usize::from(u16::MAX));
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.put_u16(length as u16);
    out.extend(&text.as_bytes()[..length]);
}

fn codes(reader: &mut Reader<'_>) -> Result<Vec<u32>, Fault> {
    let count = reader.u8("number of codes")?;
    (0..count).map(|_| reader.u32("code")).collect()
}

impl Samples {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let unit = reader.u16("unit")?;
        let scale = reader.float("scale factor")?;
        let offset = reader.float("offset")?;
        let period = reader.float("sample period")?;
        let per_period = reader.u8("samples per period")?;
        let at = reader.at();
        let bytes_per_sample = reader.u8("bytes per sample")?;
        if !matches!(bytes_per_sample, 1 | 2 | 4) {
            return Err(Fault::impossible(
                at,
                "bytes per sample",
                u32::from(bytes_per_sample),
                "1, 2 or 4",
            ));
        }
        let count = reader.u32("number of samples")?;
        let at = reader.at();
        let needs = u64::from(count) * u64::from(bytes_per_sample);
        let left = reader.left();
        let bytes = match usize::try_from(needs) {
            Ok(needs) if needs <= left => reader.take(needs, "samples")?,
            _ => {
                return Err(Fault {
                    at,
                    field: "samples",
                    wrong: Wrong::Truncated {
                        needs: usize::try_from(needs).unwrap_or(usize::MAX),
                        left,
                    },
                });
            }
        };
        let samples = bytes
            .chunks_exact(usize::from(bytes_per_sample))
            .map(|chunk| {
                chunk
                    .iter()
                    .rev()
                    .fold(0, |word, byte| word << 8 | u32::from(*byte))
            })
            .collect();
        Ok(Self {
            unit,
            scale,
            offset,
            period,
            per_period,
            bytes_per_sample,
            samples,
        })
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_u16(self.unit);
        out.put_float(self.scale);
        out.put_float(self.offset);
        out.put_float(self.period);
        out.extend([self.per_period, self.bytes_per_sample]);
        out.put_u32(self.samples.len() as u32);
        for sample in &self.samples {
            out.extend(&sample.to_le_bytes()[..usize::from(self.bytes_per_sample).min(4)]);
        }
    }

    /// As a waveform; an absence when scale, offset or period are no numbers, or a sample is beyond an `i32`.
    fn content(&self) -> Content {
        let period = self.period.ok().and_then(microseconds);
        let samples: Option<Vec<i32>> = self
            .samples
            .iter()
            .map(|sample| i32::try_from(*sample).ok())
            .collect();
        match (self.scale, self.offset, period, samples) {
            (Ok(factor), Ok(origin), Some(period_us), Some(samples)) => Content::Samples {
                period_us: period_us / u64::from(self.per_period.max(1)),
                samples,
                factor,
                origin,
            },
            _ => Content::Absent(Absence::Error),
        }
    }
}

/// Seconds as whole microseconds; `None` when negative, finer or too many.
fn microseconds(seconds: Number) -> Option<u64> {
    let power = i32::from(seconds.exponent) + 6;
    let mantissa = u64::try_from(seconds.mantissa).ok()?;
    let factor = 10_u64.checked_pow(power.unsigned_abs())?;
    if power >= 0 {
        mantissa.checked_mul(factor)
    } else {
        (mantissa % factor == 0).then_some(mantissa / factor)
    }
}

impl Reals {
    pub(super) const fn class(&self) -> u8 {
        match self {
            Self::Numeric(..) => 1,
            Self::Discrete(_) => 2,
            Self::Text(_) => 3,
            Self::Samples(_) => 4,
            Self::Events(_) => 5,
            Self::States { .. } => 6,
            Self::Compound(_) => 7,
            Self::Tlvs(_) => 8,
            Self::Bundle(_) => 255,
        }
    }

    pub(super) fn read(class: u8, reader: &mut Reader<'_>, depth: u8) -> Result<Self, Fault> {
        Ok(match class {
            1 => Self::Numeric(reader.u16("unit")?, reader.float("value")?),
            2 => Self::Discrete(reader.u32("code")?),
            3 => Self::Text(text(reader)?),
            4 => Self::Samples(Samples::read(reader)?),
            5 => Self::Events(codes(reader)?),
            6 => {
                let size = usize::from(reader.u8("size of the masks")?);
                let supported = reader.take(size, "supported bits")?.to_vec();
                let set = reader.take(size, "set bits")?.to_vec();
                let mut codes = Vec::new();
                while reader.left() >= 4 {
                    codes.push(reader.u32("code")?);
                }
                Self::States {
                    supported,
                    set,
                    codes,
                }
            }
            7 => {
                let count = reader.u8("number of components")?;
                let components = (0..count)
                    .map(|_| Component::read(reader))
                    .collect::<Result<_, _>>()?;
                Self::Compound(components)
            }
            8 => Self::Tlvs(tlvs(reader)?),
            255 => {
                let count = reader.u8("number of observations")?;
                let observations = (0..count)
                    .map(|_| Observation::read(reader, depth + 1))
                    .collect::<Result<_, _>>()?;
                Self::Bundle(observations)
            }
            found => {
                return Err(Fault::impossible(
                    0,
                    "observation class",
                    u32::from(found),
                    "1 to 8 or 255",
                ));
            }
        })
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Numeric(unit, reading) => {
                out.put_u16(*unit);
                out.put_float(*reading);
            }
            Self::Discrete(code) => out.put_u32(*code),
            Self::Text(text) => put_text(text, out),
            Self::Samples(samples) => samples.put(out),
            Self::Events(codes) => {
                let codes = &codes[..codes.len().min(255)];
                out.push(codes.len() as u8);
                codes.iter().for_each(|code| out.put_u32(*code));
            }
            Self::States {
                supported,
                set,
                codes,
            } => {
                let size = supported.len().min(set.len()).min(255);
                out.push(size as u8);
                out.extend(&supported[..size]);
                out.extend(&set[..size]);
                codes.iter().for_each(|code| out.put_u32(*code));
            }
            Self::Compound(components) => {
                let components = &components[..components.len().min(255)];
                out.push(components.len() as u8);
                components.iter().for_each(|component| component.put(out));
            }
            Self::Tlvs(list) => put_tlvs(list, out),
            Self::Bundle(observations) => {
                let observations = &observations[..observations.len().min(255)];
                out.push(observations.len() as u8);
                for observation in observations {
                    out.extend(observation.encode());
                }
            }
        }
    }

    pub(super) fn values(&self, metric: Option<Metric>) -> Vec<Value> {
        let metric = metric.unwrap_or(metric::OBSERVATION);
        let code = |code: u32| Content::Text(code.to_string());
        match self {
            Self::Numeric(unit, reading) => {
                alloc::vec![Value::new(metric, Content::from(*reading), unit_of(*unit))]
            }
            Self::Discrete(number) => alloc::vec![Value::new(metric, code(*number), Unit::None)],
            Self::Text(text) => {
                alloc::vec![Value::new(metric, Content::Text(text.clone()), Unit::None)]
            }
            Self::Samples(samples) => {
                alloc::vec![Value::new(metric, samples.content(), unit_of(samples.unit))]
            }
            Self::Events(codes) => {
                let texts: Vec<String> = codes.iter().map(ToString::to_string).collect();
                alloc::vec![Value::new(
                    metric,
                    Content::Text(texts.join(" ")),
                    Unit::None
                )]
            }
            Self::States { set, codes, .. } => {
                let mut text: String = set.iter().rev().map(|byte| format!("{byte:02X}")).collect();
                for code in codes {
                    text.push_str(&format!(" {code}"));
                }
                alloc::vec![Value::new(metric, Content::Text(text), Unit::None)]
            }
            Self::Compound(components) => components
                .iter()
                .map(|component| {
                    let metric = Metric::of_code(component.metric);
                    match &component.item {
                        Item::Numeric(unit, reading) => {
                            Value::new(metric, Content::from(*reading), unit_of(*unit))
                        }
                        Item::Discrete(number) => Value::new(metric, code(*number), Unit::None),
                        Item::Text(text) => {
                            Value::new(metric, Content::Text(text.clone()), Unit::None)
                        }
                    }
                })
                .collect(),
            Self::Tlvs(list) => list
                .iter()
                .map(|(kind, _, bytes)| {
                    let text = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
                    Value::new(Metric::of_code(*kind), Content::Text(text), Unit::None)
                })
                .collect(),
            Self::Bundle(observations) => observations
                .iter()
                .flat_map(|observation| observation.values(None))
                .collect(),
        }
    }
}

impl Component {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let metric = reader.u32("component type")?;
        let at = reader.at();
        let item = match reader.u8("component value type")? {
            1 => Item::Numeric(reader.u16("unit")?, reader.float("value")?),
            2 => Item::Discrete(reader.u32("code")?),
            3 => Item::Text(text(reader)?),
            found => {
                return Err(Fault::impossible(
                    at,
                    "component value type",
                    u32::from(found),
                    "1 to 3",
                ));
            }
        };
        Ok(Self { metric, item })
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_u32(self.metric);
        match &self.item {
            Item::Numeric(unit, reading) => {
                out.push(1);
                out.put_u16(*unit);
                out.put_float(*reading);
            }
            Item::Discrete(code) => {
                out.push(2);
                out.put_u32(*code);
            }
            Item::Text(text) => {
                out.push(3);
                put_text(text, out);
            }
        }
    }
}
