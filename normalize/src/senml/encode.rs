//! Packs for the wire: what a gateway writes, and a decoder reads back without loss.

mod cbor;
mod json;

use crate::decimal::Decimal;
use crate::measurement::{AlarmState, SampledData};
use crate::time::Micros;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::borrow::Cow;

/// A pack of one device.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Id of the device, without the colon.
    pub device: String,
    /// State of the gateway that writes the pack; `None` when the device writes it itself.
    pub gateway: Option<Gateway>,
    /// 1 to [`super::MAX_RECORDS`].
    pub records: Vec<Record>,
}

/// Label `gw`: what a reader needs to judge the gateway's stamps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gateway {
    /// Id of this start of the gateway.
    pub boot: String,
    /// State of its clock, e.g. `synchronized`.
    pub clock: String,
    /// Its estimated error in microseconds.
    pub offset: Option<Micros>,
    /// Version of its configuration.
    pub config: Option<String>,
}

/// One reading.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// `n`: reference id, decimal code or `local.{name}`.
    pub name: String,
    /// `u`: UCUM.
    pub unit: Option<String>,
    pub value: RecordValue,
    /// `t`: when measured, corrected; absolute.
    pub time: Micros,
    /// `dt`.
    pub device_time: Option<DeviceTime>,
    /// `ts: "none"`: the device's time cannot be used (year 0, far ahead, off the calendar). The server keeps the
    /// record in quarantine; nobody moves it to "now".
    pub undated: bool,
    /// `sq`.
    pub sequence: Option<i64>,
    /// `ch`.
    pub channel: Option<String>,
    /// `us`.
    pub user: Option<String>,
    /// `bs`.
    pub body_site: Option<String>,
    /// `md`.
    pub method: Option<String>,
    /// `st`.
    pub status: Option<String>,
    /// `q`.
    pub quality: Option<String>,
    /// `in`: code of FHIR's v3 ObservationInterpretation.
    pub interpretation: Option<String>,
    /// `fl`.
    pub flags: Vec<String>,
    /// `rw`.
    pub raw: Option<Vec<u8>>,
    /// `pt`.
    pub patient: Option<String>,
    /// `bed`.
    pub bed: Option<String>,
    /// `enc`.
    pub encounter: Option<String>,
}

/// Value of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordValue {
    Number(Decimal),
    Text(String),
    Bool(bool),
    /// A FHIR data-absent-reason.
    Absent(String),
    /// `sd`: a piece of waveform that begins at the record's time.
    Waveform(SampledData),
    /// `al`, with the device's words as `vs`; the record's name is the event.
    Alarm {
        text: Option<String>,
        state: Box<AlarmState>,
    },
}

/// `dt`: the device's time as it stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceTime {
    /// A point in time.
    Instant(Micros),
    /// Local time without a zone: its digits read as UTC.
    Local(Micros),
    /// Of an undated record: as sent, whatever it is.
    Text(String),
}

impl Record {
    /// A reading with nothing but name, value and time.
    #[must_use]
    pub fn new(name: impl Into<String>, value: RecordValue, time: Micros) -> Self {
        Self {
            name: name.into(),
            unit: None,
            value,
            time,
            device_time: None,
            undated: false,
            sequence: None,
            channel: None,
            user: None,
            body_site: None,
            method: None,
            status: None,
            quality: None,
            interpretation: None,
            flags: Vec::new(),
            raw: None,
            patient: None,
            bed: None,
            encounter: None,
        }
    }
}

impl Pack {
    /// The pack as `application/senml+json`.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut form = json::Json::default();
        self.write(&mut form);
        form.finish()
    }

    /// The pack as `application/senml+cbor`.
    #[must_use]
    pub fn to_cbor(&self) -> Vec<u8> {
        let mut form = cbor::Cbor::new(self.records.len());
        self.write(&mut form);
        form.finish()
    }

    fn write(&self, form: &mut impl Form) {
        let base_time = self.records.first().map_or(0, |record| record.time);
        for (index, record) in self.records.iter().enumerate() {
            form.open();
            if index == 0 {
                form.text("bn", &format!("{}:", self.device));
                form.number("bt", seconds(base_time));
                if let Some(gateway) = &self.gateway {
                    form.map("gw");
                    form.text("boot", &gateway.boot);
                    form.text("clock", &gateway.clock);
                    if let Some(offset) = gateway.offset {
                        form.number("offset", seconds(offset));
                    }
                    if let Some(config) = &gateway.config {
                        form.text("config", config);
                    }
                    form.close();
                }
            }
            record.write(base_time, form);
            form.close();
        }
    }
}

impl Record {
    fn write(&self, base_time: Micros, form: &mut impl Form) {
        form.text("n", &self.name);
        if let Some(unit) = &self.unit {
            form.text("u", unit);
        }
        match &self.value {
            RecordValue::Number(number) => form.number("v", *number),
            RecordValue::Text(text) => form.text("vs", text),
            RecordValue::Bool(truth) => form.truth("vb", *truth),
            RecordValue::Absent(reason) => {
                form.truth("absent_", true);
                form.text("vs", reason);
            }
            RecordValue::Waveform(sampled) => {
                form.map("sd");
                form.number("origin", sampled.origin);
                form.number("period", sampled.period);
                form.number("factor", sampled.factor);
                form.text("data", &sampled.data);
                form.close();
            }
            RecordValue::Alarm { text, state } => {
                if let Some(text) = text {
                    form.text("vs", text);
                }
                form.map("al");
                alarm(state, form);
                form.close();
            }
        }
        if self.time != base_time {
            form.number("t", seconds(self.time.wrapping_sub(base_time)));
        }
        match &self.device_time {
            None => {}
            Some(DeviceTime::Instant(time)) => form.number("dt", seconds(*time)),
            Some(DeviceTime::Text(text)) => form.text("dt", text),
            Some(DeviceTime::Local(time)) => {
                form.text(
                    "dt",
                    crate::time::format_rfc3339(*time).trim_end_matches('Z'),
                );
            }
        }
        if self.undated {
            form.text("ts", "none");
        }
        if let Some(sequence) = self.sequence {
            form.number("sq", Decimal::integer(sequence));
        }
        let texts = [
            ("ch", &self.channel),
            ("us", &self.user),
            ("bs", &self.body_site),
            ("md", &self.method),
            ("st", &self.status),
            ("q", &self.quality),
            ("in", &self.interpretation),
            ("pt", &self.patient),
            ("bed", &self.bed),
            ("enc", &self.encounter),
        ];
        for (label, text) in texts {
            if let Some(text) = text {
                form.text(label, text);
            }
        }
        if !self.flags.is_empty() {
            form.list("fl", &self.flags);
        }
        if let Some(raw) = &self.raw {
            form.text("rw", &URL_SAFE_NO_PAD.encode(raw));
        }
    }
}

fn alarm(state: &AlarmState, form: &mut impl Form) {
    let texts = [
        ("id", state.id.as_deref()),
        ("phase", state.phase.map(|word| word.as_str())),
        ("state", state.state.map(|word| word.as_str())),
        ("audio", state.audio.as_deref()),
        ("priority", state.priority.map(|word| word.as_str())),
        ("type", state.kind.map(|word| word.as_str())),
        ("source", state.source.as_deref()),
        ("unit", state.unit.as_deref()),
        ("limits", state.limits.as_deref()),
    ];
    for (label, text) in texts {
        if let Some(text) = text {
            form.text(label, text);
        }
    }
    if let Some(value) = state.value {
        form.number("value", value);
    }
}

/// Seconds with the fewest decimals that are exact.
pub(super) fn seconds(micros: Micros) -> Decimal {
    let (mut mantissa, mut exponent) = (micros, -6);
    while exponent < 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        exponent += 1;
    }
    Decimal { mantissa, exponent }
}

/// A way to write labels and values.
trait Form {
    fn open(&mut self);
    fn close(&mut self);
    fn text(&mut self, label: &'static str, text: &str);
    fn number(&mut self, label: &'static str, number: Decimal);
    fn truth(&mut self, label: &'static str, truth: bool);
    fn list(&mut self, label: &'static str, texts: &[String]);
    fn map(&mut self, label: &'static str);
}

/// A JSON string literal.
fn quoted(text: &str) -> Cow<'_, str> {
    Cow::Owned(serde_json::Value::from(text).to_string())
}
