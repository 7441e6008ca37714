//! A route's mappings in force, and the envelope its messages are given.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use bumpalo::Bump;
use sha2::{Digest as _, Sha256};

use super::device::{DeviceMapping, EventReason};
use super::document::Fault;
use super::fhir::FhirMapping;
pub use super::fhir::Options;
use super::jmespath::Scope;
use super::measurement::Measurement;
use super::parse::{self, ParseOptions};
use super::value::Value;
use super::{Budget, Compat, rows};
use crate::batch::{Guard, Message};
use crate::measurement::{Reason, Sink};
use crate::time::format_rfc3339;

/// The two documents of a route, compiled together.
#[derive(Debug)]
pub struct RouteMapping {
    pub device: DeviceMapping,
    pub fhir: Option<Arc<FhirMapping>>,
    pub options: Options,
    /// First 12 hexadecimal digits of the SHA-256 of documents and options.
    pub version: String,
}

impl RouteMapping {
    /// Compiles both documents.
    ///
    /// # Errors
    /// Every fault of both.
    pub fn compile(device: &str, fhir: Option<&str>, options: Options) -> Result<Self, Vec<Fault>> {
        let version = version(device, fhir, options);
        let device = DeviceMapping::compile(device);
        let fhir = fhir.map(FhirMapping::compile).transpose();
        match (device, fhir) {
            (Ok(device), Ok(fhir)) => Ok(Self {
                device,
                fhir: fhir.map(|fhir| Arc::new(fhir.with_options(options))),
                options,
                version,
            }),
            (device, fhir) => {
                let mut faults = device.err().unwrap_or_default();
                faults.extend(fhir.err().unwrap_or_default());
                Err(faults)
            }
        }
    }

    /// What an event says, given as the root document: one or more measurements.
    ///
    /// # Errors
    /// Why the event is refused, as a whole.
    pub fn measurements<'a>(
        &'a self,
        text: &'a [u8],
        arena: &'a Bump,
    ) -> Result<Vec<Measurement<'a>>, (Reason, String)> {
        self.evaluate(self.parse(text, arena)?, arena)
    }

    fn parse<'a>(&self, text: &'a [u8], arena: &'a Bump) -> Result<Value<'a>, (Reason, String)> {
        let compat = self.options.compat;
        parse::parse(text, arena, ParseOptions { compat })
            .map_err(|error| (Reason::Undecodable, error.to_string()))
    }

    fn evaluate<'a>(
        &'a self,
        event: Value<'a>,
        arena: &'a Bump,
    ) -> Result<Vec<Measurement<'a>>, (Reason, String)> {
        let compat = self.options.compat;
        let mut measurements = Vec::new();
        self.device
            .evaluate(
                event,
                &Scope { arena, compat },
                &mut Budget::default(),
                &mut measurements,
            )
            .map_err(|error| {
                let detail = format!("mapping {}: {error}", self.version);
                (Reason::from(error.reason), detail)
            })?;
        if measurements.is_empty() {
            let detail = format!("no template of mapping {} matches", self.version);
            return Err((Reason::NoMatch, detail));
        }
        Ok(measurements)
    }

    /// Whether the FHIR mapping can make what it says of this measurement. A type without a template is no fault of
    /// the event: its rows are kept under a code of their own.
    ///
    /// # Errors
    /// Why the event that it is of is refused, as a whole.
    pub fn fits(&self, measurement: &Measurement<'_>) -> Result<(), (Reason, String)> {
        match &self.fhir {
            Some(fhir) if fhir.template(measurement.type_name).is_some() => fhir
                .check(measurement)
                .map_err(|unfit| (unfit.reason.reject(), unfit.detail)),
            _ => Ok(()),
        }
    }

    /// What column `source` says of rows made by this mapping on a route.
    #[must_use]
    pub fn source(&self, route: &str) -> String {
        format!("{route}@{}", self.version)
    }
}

/// The mapping's version in column `source`, if a mapping made the row.
#[must_use]
pub fn version_of(source: &str) -> Option<&str> {
    source.rsplit_once('@').map(|(_, version)| version)
}

fn version(device: &str, fhir: Option<&str>, options: Options) -> String {
    let mut hash = Sha256::new();
    for text in [device, fhir.unwrap_or_default()] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    let compat = u8::from(options.compat == Compat::Strict);
    hash.update([compat, u8::from(options.enrich), u8::from(fhir.is_some())]);
    hash.finalize()
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Ids under which devices are stored, by the names that events give them.
pub trait Devices: Debug + Sync {
    /// None: a name that is no id and that nobody registered.
    fn id<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>>;
}

/// Every name stands for itself: offline there is no registry.
#[derive(Debug, Clone, Copy)]
pub struct AsNamed;

impl Devices for AsNamed {
    fn id<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        Some(Cow::Borrowed(name))
    }
}

/// What a message of a mapped route carries beside its payload.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    pub mapping: &'a RouteMapping,
    pub devices: &'a dyn Devices,
    /// Every event must name its encounter (`identity = "lookup-with-encounter"`).
    pub encounter: bool,
    pub envelope: Envelope<'a>,
}

/// What the payload is to the expressions.
#[derive(Debug, Clone, Copy)]
pub enum Envelope<'a> {
    /// The root document itself.
    Given,
    /// `Body` of an envelope around it.
    Mqtt {
        topic: &'a str,
        /// MQTT 5 user properties in order.
        properties: &'a [(String, String)],
    },
}

impl<'a> Delivery<'a> {
    /// One message to rows: all of its measurements, or a reject.
    pub(crate) fn decode(
        &self,
        message: &Message<'_>,
        guard: &Guard,
        arena: &Bump,
        sink: &mut dyn Sink,
    ) {
        if let Err((reason, detail)) = self.rows(message, guard, arena, sink) {
            sink.refuse(None, reason, detail);
        }
    }

    fn rows(
        &self,
        message: &Message<'_>,
        guard: &Guard,
        arena: &Bump,
        sink: &mut dyn Sink,
    ) -> Result<(), (Reason, String)> {
        let body = match self.envelope {
            Envelope::Mqtt { .. } if message.payload.trim_ascii().is_empty() => Value::Null,
            _ => self.mapping.parse(message.payload, arena)?,
        };
        let event = match self.envelope {
            Envelope::Given => body,
            Envelope::Mqtt { topic, properties } => {
                wrapped(message, topic, properties, body, arena)
            }
        };
        let mut measurements = self.mapping.evaluate(event, arena)?;
        for measurement in &mut measurements {
            let Some(id) = self.devices.id(measurement.device_id) else {
                let detail = format!(
                    "device {:?} is not registered, and its name is no id",
                    measurement.device_id
                );
                return Err((Reason::UnknownDevice, detail));
            };
            measurement.device_id = arena.alloc_str(&id);
            if self.encounter && measurement.encounter_id.is_none() {
                let detail = "the event names no encounter, and the route requires one".to_owned();
                return Err((Reason::NoEncounter, detail));
            }
            self.mapping.fits(measurement)?;
            if let Some(fault) = guard.fault(measurement.occurrence.to_micros(), message.received) {
                return Err((Reason::TimeGuard, fault.to_owned()));
            }
        }
        let source = self.mapping.source(message.source);
        let context = rows::Context {
            received: message.received,
            source: &source,
            site: message.site,
            gateway: message.gateway,
            raw: message.keep_raw.then_some(message.payload),
        };
        let mut record = 0;
        for measurement in &measurements {
            let fhir = self.mapping.fhir.as_deref();
            rows::rows(measurement, fhir, &context, |reading, claims| {
                sink.take(record, reading, claims);
                record += 1;
            });
        }
        Ok(())
    }
}

/// `{Body, Properties, SystemProperties}` (specification 1.1). Properties are the MQTT 5 user properties; system
/// properties are what the endpoint knows: see the README's mapping page for their names.
fn wrapped<'e>(
    message: &Message<'_>,
    topic: &str,
    properties: &[(String, String)],
    body: Value<'e>,
    arena: &'e Bump,
) -> Value<'e> {
    let text = |text: &str| Value::String(arena.alloc_str(text));
    let properties = properties
        .iter()
        .map(|(name, value)| (&*arena.alloc_str(name), text(value)));
    let properties = arena.alloc_slice_fill_iter(properties.collect::<Vec<_>>());
    let mut system: Vec<(&'e str, Value<'e>)> = Vec::with_capacity(12);
    if let Some(device) = message.device {
        system.push(("iothub-connection-device-id", text(device)));
    }
    system.push((
        "iothub-enqueuedtime",
        text(&format_rfc3339(message.received)),
    ));
    if let Some(content_type) = message.content_type {
        system.push(("content-type", text(content_type)));
    }
    system.push(("mqtt-topic", text(topic)));
    for (level, part) in topic.split('/').enumerate() {
        system.push((arena.alloc_str(&format!("mqtt-topic-{level}")), text(part)));
    }
    let system = arena.alloc_slice_copy(&system);
    let members = [
        ("Body", body),
        ("Properties", Value::Object(properties)),
        ("SystemProperties", Value::Object(system)),
    ];
    Value::Object(arena.alloc_slice_copy(&members))
}

impl From<EventReason> for Reason {
    fn from(reason: EventReason) -> Self {
        match reason {
            EventReason::NotAnObject => Self::Undecodable,
            EventReason::MissingValue => Self::MissingValue,
            EventReason::MissingDevice => Self::MissingDevice,
            EventReason::BadTime => Self::BadTime,
            EventReason::MissingCorrelation => Self::MissingCorrelation,
            EventReason::Ambiguous => Self::Ambiguous,
            EventReason::NotAScalar => Self::NotAScalar,
            EventReason::ExpressionError => Self::ExpressionError,
            EventReason::TooManySteps => Self::TooManySteps,
        }
    }
}
