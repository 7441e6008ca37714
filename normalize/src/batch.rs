//! A micro-batch of messages to columns.
//!
//! Pure and single-threaded: a caller with many messages splits them and joins the results.

use crate::columns::Builder;
use crate::hl7v2;
use crate::mapping::route::Delivery;
use crate::measurement::{Alarm, Claims, Measurement, Reason, Reject, Sink, Value, Waveform};
use crate::senml::{self, Context};
use crate::time::{self, Micros};
use arrow_array::RecordBatch;
use bumpalo::Bump;

/// Payload format of a route.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Format<'a> {
    /// The native one: SenML, JSON or CBOR.
    Senml,
    /// A FHIR R4 Observation or Bundle.
    Fhir,
    /// Any JSON, through mappings.
    Medtech(Delivery<'a>),
    /// HL7 v2: one or more messages, in MLLP frames or plain.
    Hl7v2(&'a hl7v2::Profile),
}

/// One message as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub format: Format<'a>,
    pub site: Option<&'a str>,
    pub gateway: Option<&'a str>,
    /// From the topic.
    pub device: Option<&'a str>,
    /// Device of a FHIR Observation that names none and whose topic names none either.
    pub fallback_device: Option<&'a str>,
    /// MQTT 5 Content Type.
    pub content_type: Option<&'a str>,
    pub payload: &'a [u8],
    pub received: Micros,
    /// Route and mapping version.
    pub source: &'a str,
    /// Keep the device's bytes in column `raw`.
    pub keep_raw: bool,
}

/// Time guard: what is further off never reaches watermark, latest value or table (design section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How far a reading may be ahead of its receipt.
    pub ahead: Micros,
    /// Earliest time a reading may have.
    pub floor: Micros,
}

impl Guard {
    /// What is wrong with a time, if it must not be taken.
    #[must_use]
    pub fn fault(&self, effective: Micros, received: Micros) -> Option<&'static str> {
        if effective > received.saturating_add(self.ahead) {
            Some("ahead of the time of receipt")
        } else if effective < self.floor {
            Some("before the earliest time taken")
        } else {
            None
        }
    }
}

impl Default for Guard {
    /// 5 minutes ahead; the year 2000.
    fn default() -> Self {
        Self {
            ahead: 5 * 60 * time::SECOND,
            floor: 946_684_800 * time::SECOND,
        }
    }
}

/// What a batch of messages became.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// In the order of messages and records, without patients.
    pub rows: RecordBatch,
    /// Row to index of its message.
    pub origin: Vec<u32>,
    /// Row to index of its record in the message.
    pub record: Vec<u32>,
    /// Rows that name a patient, bed or encounter.
    pub claims: Vec<(u32, Claims)>,
    pub rejects: Vec<Reject>,
    /// Pieces of waveforms, in the order of messages and records.
    pub waveforms: Vec<Beside<Waveform>>,
    /// Devices' own alarms, in the order of messages and records.
    pub alarms: Vec<Beside<Alarm>>,
}

/// What a message holds beside rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside<T> {
    /// Index of the message in the call.
    pub message: u32,
    /// Index of the record in the message.
    pub record: u32,
    pub claims: Option<Claims>,
    pub what: T,
}

/// Decodes messages; applies the time guard and the plausible ranges.
#[must_use]
pub fn normalize(messages: &[Message<'_>], guard: &Guard) -> Normalized {
    let mut arena = Bump::new();
    let mut rows = Rows {
        builder: Builder::new(),
        origin: Vec::new(),
        record: Vec::new(),
        claims: Vec::new(),
        rejects: Vec::new(),
        waveforms: Vec::new(),
        alarms: Vec::new(),
        message: 0,
        guard: *guard,
    };
    for (index, message) in (0_u32..).zip(messages) {
        rows.message = index;
        match message.format {
            Format::Senml => {
                let context = Context {
                    site: message.site,
                    gateway: message.gateway,
                    device: message.device,
                    received: message.received,
                    source: Some(message.source),
                    keep_raw: message.keep_raw,
                };
                senml::decode(message.payload, message.content_type, &context, &mut rows);
            }
            Format::Fhir => {
                let context = crate::fhir::input::Context {
                    site: message.site,
                    gateway: message.gateway,
                    device: message.device,
                    fallback_device: message.fallback_device,
                    received: message.received,
                    source: Some(message.source),
                };
                crate::fhir::input::decode(message.payload, &context, &mut rows);
            }
            Format::Hl7v2(profile) => {
                let context = Context {
                    site: message.site,
                    gateway: message.gateway,
                    device: message.device,
                    received: message.received,
                    source: Some(message.source),
                    keep_raw: message.keep_raw,
                };
                hl7v2::decode(message.payload, profile, &context, &mut rows);
            }
            Format::Medtech(delivery) => {
                delivery.decode(message, guard, &arena, &mut rows);
                arena.reset();
            }
        }
    }
    Normalized {
        rows: rows.builder.finish(),
        origin: rows.origin,
        record: rows.record,
        claims: rows.claims,
        rejects: rows.rejects,
        waveforms: rows.waveforms,
        alarms: rows.alarms,
    }
}

struct Rows {
    builder: Builder,
    origin: Vec<u32>,
    record: Vec<u32>,
    claims: Vec<(u32, Claims)>,
    rejects: Vec<Reject>,
    waveforms: Vec<Beside<Waveform>>,
    alarms: Vec<Beside<Alarm>>,
    message: u32,
    guard: Guard,
}

impl Sink for Rows {
    fn take(&mut self, record: u32, measurement: &Measurement<'_>, claims: Option<Claims>) {
        if let Some(fault) = self
            .guard
            .fault(measurement.effective, measurement.received)
        {
            return self.refuse(Some(record), Reason::TimeGuard, fault.to_owned());
        }
        if let Some(claims) = claims {
            // Fewer rows than a u32: a batch is bounded by its bytes, and a row takes more than one.
            self.claims.push((self.builder.len() as u32, claims));
        }
        self.origin.push(self.message);
        self.record.push(record);
        if is_plausible(measurement) {
            self.builder.push(measurement, None, None);
        } else {
            let flagged = Measurement {
                quality: Some("implausible"),
                ..measurement.clone()
            };
            self.builder.push(&flagged, None, None);
        }
    }

    fn waveform(&mut self, record: u32, what: Waveform, claims: Option<Claims>) {
        let fault = self
            .guard
            .fault(what.stated.effective, what.stated.received);
        match fault {
            Some(fault) => self.refuse(Some(record), Reason::TimeGuard, fault.to_owned()),
            None => self.waveforms.push(Beside {
                message: self.message,
                record,
                claims,
                what,
            }),
        }
    }

    fn alarm(&mut self, record: u32, what: Alarm, claims: Option<Claims>) {
        let fault = self
            .guard
            .fault(what.stated.effective, what.stated.received);
        match fault {
            Some(fault) => self.refuse(Some(record), Reason::TimeGuard, fault.to_owned()),
            None => self.alarms.push(Beside {
                message: self.message,
                record,
                claims,
                what,
            }),
        }
    }

    fn refuse(&mut self, record: Option<u32>, reason: Reason, detail: String) {
        self.rejects.push(Reject {
            message: self.message,
            record,
            reason,
            detail,
        });
    }
}

/// Whether a value is in its metric's range, or cannot be judged: no range, an unknown unit, another dimension.
/// Demo and test data keep their own mark: they never alarm anyway, and FHIR must show what they are.
fn is_plausible(measurement: &Measurement<'_>) -> bool {
    let (Value::Number(number), Some(metric)) = (measurement.value, measurement.definition) else {
        return true;
    };
    let Some((low, high)) = metric.range else {
        return true;
    };
    if matches!(measurement.quality, Some("demo" | "test")) {
        return true;
    }
    let value = match measurement.unit {
        None => return true,
        Some(unit) if unit == metric.unit => Some(number.to_f64()),
        Some(unit) => metric.convert(number.to_f64(), unit, metric.unit),
    };
    value.is_none_or(|value| (low..=high).contains(&value))
}

#[cfg(test)]
mod tests;
