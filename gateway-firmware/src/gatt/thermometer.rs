//! Health Thermometer service: measurement (2A1C), intermediate temperature (2A1E), type (2A1D), interval (2A21).

use super::Quirks;
use super::metric::{self, Metric};
use super::number::{Number, Reading};
use super::reader::{Fault, Put, Reader};
use super::time::{DateTime, Stamp};
use super::value::{Content, Purpose, Unit, Value, general};
use alloc::vec::Vec;

/// Temperature Measurement (2A1C) and Intermediate Temperature (2A1E), which have one layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measurement {
    pub temperature: Reading,
    pub fahrenheit: bool,
    pub time: Option<DateTime>,
    /// Temperature type, 1 to 9.
    pub kind: Option<u8>,
    /// Flag bits reserved for future use, as they came.
    pub reserved: u8,
}

const RESERVED: u8 = 0xF8;

/// By temperature type: metric and name.
const KINDS: [(Metric, &str); 10] = [
    (metric::TEMP_BODY, "reserved"),
    (metric::TEMP_AXILLA, "armpit"),
    (metric::TEMP_BODY, "body"),
    (metric::TEMP_EAR, "ear"),
    (metric::TEMP_FINGER, "finger"),
    (metric::TEMP_GIT, "gastrointestinal tract"),
    (metric::TEMP_ORAL, "mouth"),
    (metric::TEMP_RECT, "rectum"),
    (metric::TEMP_TOE, "toe"),
    (metric::TEMP_TYMP, "tympanum"),
];

impl Measurement {
    pub fn decode(bytes: &[u8], quirks: &Quirks) -> Result<Self, Fault> {
        let mut reader = Reader::new(bytes, quirks);
        let flags = reader.u8("flags")?;
        let temperature = reader.float("temperature")?;
        let time = reader.when(flags & 2 != 0, DateTime::read)?;
        let kind = reader.when(flags & 4 != 0, |r| r.u8("temperature type"))?;
        reader.end(flags & RESERVED != 0)?;
        Ok(Self {
            temperature,
            fahrenheit: flags & 1 != 0,
            time,
            kind,
            reserved: flags & RESERVED,
        })
    }

    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let flags = u8::from(self.fahrenheit)
            | u8::from(self.time.is_some()) << 1
            | u8::from(self.kind.is_some()) << 2
            | self.reserved & RESERVED;
        let mut out = alloc::vec![flags];
        out.put_float(self.temperature);
        if let Some(time) = self.time {
            time.put(&mut out);
        }
        out.extend(self.kind);
        out
    }

    pub(super) fn values(&self, intermediate: bool, quirks: &Quirks) -> Vec<Value> {
        let unit = if self.fahrenheit { "[degF]" } else { "Cel" };
        let kind = self.kind.or(quirks.temperature_type);
        let known = kind.and_then(|kind| KINDS.get(usize::from(kind)));
        let metric = known.map_or(metric::TEMP_BODY, |(metric, _)| *metric);
        let mut value = Value::reading(metric, self.temperature, unit);
        if kind.is_some_and(|kind| kind == 0 || known.is_none()) {
            value.flags.push("type-reserved");
        }
        general(&mut value.flags, self.reserved != 0, false);
        value.time = self.time.map(Stamp::Local);
        if intermediate {
            value.purpose = Purpose::Telemetry;
        }
        alloc::vec![value]
    }
}

/// Temperature Type (2A1D), where it does not change.
pub fn kind(bytes: &[u8], quirks: &Quirks) -> Result<u8, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let kind = reader.u8("temperature type")?;
    reader.end(false)?;
    Ok(kind)
}

pub(super) fn kind_value(kind: u8) -> Vec<Value> {
    let name = KINDS
        .get(usize::from(kind))
        .map_or("reserved", |kind| kind.1);
    alloc::vec![Value::setting(
        metric::TEMPERATURE_TYPE,
        Content::Code(name)
    )]
}

/// Measurement Interval (2A21) in seconds; 0 means no periodic measurement.
pub fn interval(bytes: &[u8], quirks: &Quirks) -> Result<u16, Fault> {
    let mut reader = Reader::new(bytes, quirks);
    let seconds = reader.u16("measurement interval")?;
    reader.end(false)?;
    Ok(seconds)
}

pub(super) fn interval_value(seconds: u16) -> Vec<Value> {
    let number = Number::integer(i64::from(seconds));
    let mut value = Value::setting(metric::MEASUREMENT_INTERVAL, Content::Number(number));
    value.unit = Unit::Ucum("s");
    alloc::vec![value]
}
