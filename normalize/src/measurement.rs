//! One decoded reading, waveform or alarm, what it claims about the patient, and what could not be taken.

mod statement;

use crate::decimal::Decimal;
use crate::time::Micros;
use crate::vocabulary::{Metric, Panel};

pub use statement::{
    Alarm, AlarmPriority, AlarmState, AlertKind, Phase, Presence, Sample, SampledData, Statement,
    Waveform,
};

/// What a reading says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number with the decimals the device sent.
    Number(Decimal),
    /// A coded or text value.
    Text(&'a str),
    /// No value, and why: a code of FHIR's data-absent-reason.
    Absent(&'a str),
}

/// Whose clock `effective` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeSource {
    /// The device's own absolute time.
    Device,
    /// The device's time, corrected by the gateway for a known offset.
    Corrected,
    /// The gateway's stamp when it took the reading; the device stated none.
    Gateway,
    /// The device stated local time without a zone; the configured zone was assumed.
    AssumedZone,
    /// Resolved against the time of receipt: outside the redelivery promise.
    Server,
}

impl TimeSource {
    /// The text in column `time_source`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Corrected => "corrected",
            Self::Gateway => "gateway",
            Self::AssumedZone => "assumed-zone",
            Self::Server => "server",
        }
    }
}

/// One reading with metric, unit, time and device resolved. Its fields are the columns of the `observation` table
/// that a device can state; ids derive from them when the row is built.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement<'a> {
    /// The vocabulary's row, if the metric has one.
    pub definition: Option<&'static Metric>,
    pub device: &'a str,
    pub gateway: Option<&'a str>,
    pub site: Option<&'a str>,
    /// LOINC, or `local:{type}/{value}`.
    pub code: &'a str,
    /// IEEE 11073 reference id.
    pub mdc: Option<&'a str>,
    /// The panel this is a component of.
    pub panel: Option<&'static Panel>,
    pub channel: Option<&'a str>,
    pub device_user: Option<&'a str>,
    /// The device's own sequence number.
    pub sequence: Option<i64>,
    pub value: Value<'a>,
    /// The text of a number, where the number and its decimals would not print it again; goes to `value_text`.
    pub text: Option<&'a str>,
    /// UCUM; text that is no UCUM is kept as sent.
    pub unit: Option<&'a str>,
    /// When measured, corrected.
    pub effective: Micros,
    pub effective_end: Option<Micros>,
    /// As the device stated.
    pub device_time: Option<Micros>,
    pub time_source: TimeSource,
    /// What the ids derive from: the device's time before any correction, else the gateway's first stamp.
    pub source_time: Micros,
    pub received: Micros,
    /// FHIR observation-status.
    pub status: &'a str,
    /// FHIR v3 ObservationInterpretation code.
    pub interpretation: Option<&'a str>,
    pub body_site: Option<&'a str>,
    pub method: Option<&'a str>,
    /// `questionable`, `implausible`, `early-estimate`, `calibrating`, `demo`, `test`, …
    pub quality: Option<&'a str>,
    /// Route and mapping version.
    pub source: Option<&'a str>,
    pub type_name: Option<&'a str>,
    pub value_name: Option<&'a str>,
    pub correlation_id: Option<&'a str>,
    /// Bytes as the device sent them.
    pub raw: Option<&'a [u8]>,
}

impl<'a> Measurement<'a> {
    /// A final reading of a known metric, stamped by the device at `time`, with the metric's own unit.
    #[must_use]
    pub fn new(
        device: &'a str,
        metric: &'static Metric,
        value: Value<'a>,
        time: Micros,
        received: Micros,
    ) -> Self {
        Self {
            definition: Some(metric),
            device,
            gateway: None,
            site: None,
            code: metric.code_text(),
            mdc: metric.mdc_id(),
            panel: metric.panel,
            channel: None,
            device_user: None,
            sequence: None,
            value,
            text: None,
            unit: matches!(value, Value::Number(_)).then_some(metric.unit),
            effective: time,
            effective_end: None,
            device_time: None,
            time_source: TimeSource::Device,
            source_time: time,
            received,
            status: "final",
            interpretation: None,
            body_site: None,
            method: None,
            quality: None,
            source: None,
            type_name: None,
            value_name: None,
            correlation_id: None,
            raw: None,
        }
    }

    /// What identifies the metric: the MDC reference id, else the row's own code.
    #[must_use]
    pub fn metric(&self) -> &'a str {
        self.mdc.unwrap_or(self.code)
    }
}

/// Identifiers of patient, bed and encounter as read by the device; the registry resolves them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    pub patient: Option<String>,
    pub bed: Option<String>,
    pub encounter: Option<String>,
}

/// FHIR observation-status (R4, required binding): every code.
pub const STATUSES: [&str; 8] = [
    "final",
    "preliminary",
    "registered",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
];

/// Why a record, or a whole message, was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The payload is not what its format says.
    Undecodable,
    /// The route's format is not one this build knows.
    UnknownFormat,
    /// The metric's name is neither in the vocabulary nor a local name.
    UnknownMetric,
    /// No value, several values, or a value that the metric cannot have.
    BadValue,
    /// A local metric without a unit, or a unit that is no text.
    BadUnit,
    /// A time that cannot be read.
    BadTime,
    /// Ahead of the time of receipt, or before the floor.
    TimeGuard,
    /// More records than a pack may carry, or none.
    TooManyRecords,
    /// Neither topic nor payload names the device, or its name is no id.
    NoDevice,
    /// The payload names another device than the topic.
    DeviceMismatch,
    /// A field this reader must understand and does not, or one that is refused.
    UnsupportedField,
    /// The payload names a patient who contradicts the assignment.
    PatientConflict,
    /// No template of the mapping matches the event.
    NoMatch,
    /// A value that the mapping requires is not there.
    MissingValue,
    /// The mapping finds no device id in the event.
    MissingDevice,
    /// The mapping finds no correlation id in the event, and requires one.
    MissingCorrelation,
    /// An expression of the mapping gives several values where one is needed.
    Ambiguous,
    /// An expression of the mapping gives an object or array where a scalar is needed.
    NotAScalar,
    /// An expression of the mapping fails on the event.
    ExpressionError,
    /// The event costs more steps than one event may.
    TooManySteps,
    /// The FHIR mapping has no template for the measurement's type.
    NoTemplate,
    /// The event names a device that is not registered, by a name that is no id.
    UnknownDevice,
    /// The event names no encounter, and its route requires one.
    NoEncounter,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 23] = [
        Self::Undecodable,
        Self::UnknownFormat,
        Self::UnknownMetric,
        Self::BadValue,
        Self::BadUnit,
        Self::BadTime,
        Self::TimeGuard,
        Self::TooManyRecords,
        Self::NoDevice,
        Self::DeviceMismatch,
        Self::UnsupportedField,
        Self::PatientConflict,
        Self::NoMatch,
        Self::MissingValue,
        Self::MissingDevice,
        Self::MissingCorrelation,
        Self::Ambiguous,
        Self::NotAScalar,
        Self::ExpressionError,
        Self::TooManySteps,
        Self::NoTemplate,
        Self::UnknownDevice,
        Self::NoEncounter,
    ];

    /// The stable code kept in the quarantine table.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::UnknownFormat => "unknown-format",
            Self::UnknownMetric => "unknown-metric",
            Self::BadValue => "bad-value",
            Self::BadUnit => "bad-unit",
            Self::BadTime => "bad-time",
            Self::TimeGuard => "time-guard",
            Self::TooManyRecords => "too-many-records",
            Self::NoDevice => "no-device",
            Self::DeviceMismatch => "device-mismatch",
            Self::UnsupportedField => "unsupported-field",
            Self::PatientConflict => "patient-conflict",
            Self::NoMatch => "no-match",
            Self::MissingValue => "missing-value",
            Self::MissingDevice => "missing-device",
            Self::MissingCorrelation => "missing-correlation",
            Self::Ambiguous => "ambiguous",
            Self::NotAScalar => "not-a-scalar",
            Self::ExpressionError => "expression-error",
            Self::TooManySteps => "too-many-steps",
            Self::NoTemplate => "no-template",
            Self::UnknownDevice => "unknown-device",
            Self::NoEncounter => "no-encounter",
        }
    }
}

/// Something that was not taken, and why. The caller keeps the raw bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Index of the message in the call.
    pub message: u32,
    /// Index of the record in the message; `None` when the whole message is refused.
    pub record: Option<u32>,
    pub reason: Reason,
    /// For people; names fields and codes, never values of a person.
    pub detail: String,
}

/// Takes what a message holds.
pub trait Sink {
    /// One reading; `record` is its index in the message.
    fn take(&mut self, record: u32, measurement: &Measurement<'_>, claims: Option<Claims>);
    /// A record, or with `None` the whole message, that is not taken.
    fn refuse(&mut self, record: Option<u32>, reason: Reason, detail: String);

    /// A piece of waveform; where none are taken, a reject.
    fn waveform(&mut self, record: u32, waveform: Waveform, claims: Option<Claims>) {
        let _ = (waveform, claims);
        let detail = "waveforms are not taken here".to_owned();
        self.refuse(Some(record), Reason::UnsupportedField, detail);
    }

    /// An alarm of the device's own; where none are taken, a reject.
    fn alarm(&mut self, record: u32, alarm: Alarm, claims: Option<Claims>) {
        let _ = (alarm, claims);
        let detail = "alarms are not taken here".to_owned();
        self.refuse(Some(record), Reason::UnsupportedField, detail);
    }
}
