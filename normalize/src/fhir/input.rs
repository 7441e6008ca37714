//! FHIR R4 input: an Observation, or a Bundle of them, to readings.
//!
//! A Bundle of any type is a list of resources: its Observations become readings, its Patient, Device, DeviceMetric
//! and Encounter resources say whom `urn:uuid:` references mean, and other resources are passed over. An Observation
//! is taken whole or refused whole, with the index of its entry and the element at fault; its neighbours go on.
//!
//! | element | becomes |
//! |---|---|
//! | `code` | metric (see [`metric`]); a LOINC code that fits several leaves `mdc` empty, and blood pressure without a method is `MDC_PRESS_BLD_*`, "method not stated" |
//! | `value[x]` | number with its decimals, text, or one row a sample of SampledData (see [`value`], [`sampled`]) |
//! | `component` | rows of the same time; one panel where the vocabulary has it, one row each where not |
//! | `dataAbsentReason` | its code; without any value `registered`, `cancelled` and `entered-in-error` give `temp-unknown`, `not-performed` and `error` |
//! | `effectiveDateTime`, `-Instant`, `-Period` | time to the second with its zone; anything less is `bad-time` |
//! | `status`, `interpretation` (first known code), `bodySite`, `method` | the column of that name |
//! | `subject`, `encounter` | claims, `system\|value` or bare id (see [`reference`]) |
//! | `device` | device; must name the topic's when there is one |
//! | `meta.security` | `HTEST` test, `UNCERTREL` and `UNRELIABLE` questionable; our own notes say it more exactly |
//! | `extension` gatewayDevice | gateway, unless the topic names it |
//! | `modifierExtension`, `implicitRules`, `focus` | refused: they may change what the rest means |
//! | everything else | not read |
//!
//! An Observation that names no device is the topic's, else the caller's fallback device's; its patient is then the
//! device's user, so that readings of two patients never share an id.
//!
//! An Observation that this project printed reads back to the row it came from, id included, but for what FHIR does
//! not carry: channel, device user and sequence, the device's own time before a correction (ids derive from these
//! four), whose clock it was, raw bytes, site and source. A vital sign comes back in the unit of its profile, text
//! and unknown units without the LOINC code, `demo` as `test`; a required component that was missing comes back as
//! absent `unknown`, and a panel's status and quality as those of all its rows.

mod concept;
mod frame;
mod json;
mod metric;
mod observation;
mod quantity;
mod reference;
mod sampled;
mod stamp;
mod value;

use crate::id::is_fhir_id;
use crate::measurement::{Reason, Sink};
use crate::time::Micros;
use json::{At as _, Fault, Object};
use reference::Resources;

/// Most entries of a Bundle: as many as a pack of the native format may have records.
pub const MAX_ENTRIES: usize = 10_000;

/// Most readings of one message: samples cost two bytes each, and their rows a hundred times that.
pub const MAX_ROWS: usize = 50_000;

/// What the transport says about a document.
#[derive(Debug, Clone, Copy, Default)]
pub struct Context<'a> {
    pub site: Option<&'a str>,
    pub gateway: Option<&'a str>,
    /// From the topic.
    pub device: Option<&'a str>,
    /// Of Observations that name no device where the topic names none either.
    pub fallback_device: Option<&'a str>,
    pub received: Micros,
    /// Route, for column `source`.
    pub source: Option<&'a str>,
}

/// Decodes an Observation or a Bundle. Record indexes are those of the entries; a lone Observation is record 0.
pub fn decode(payload: &[u8], context: &Context<'_>, sink: &mut impl Sink) {
    if let Err(fault) = document(payload, context, sink) {
        sink.refuse(None, fault.reason, fault.detail());
    }
}

fn document(payload: &[u8], context: &Context<'_>, sink: &mut impl Sink) -> Result<(), Fault> {
    let undecodable = |what| Fault::new(Reason::Undecodable, what);
    let text =
        std::str::from_utf8(payload).map_err(|_| undecodable("is no UTF-8").at("the payload"))?;
    let root = Object::parse(text).at("the payload")?;
    if context.device.is_some_and(|device| !is_fhir_id(device)) {
        return Err(Fault::new(Reason::NoDevice, "is no id").at("the topic's device"));
    }
    let kind = root.text("resourceType")?;
    match kind.as_deref() {
        Some("Observation") => {
            let mut reader = Reader::new(context, sink);
            reader.read(0, "Observation", &root, &Resources::default());
            Ok(())
        }
        Some("Bundle") => bundle(&root, context, sink).at("Bundle"),
        _ => Err(undecodable("is neither Observation nor Bundle").at("resourceType")),
    }
}

fn bundle(root: &Object<'_>, context: &Context<'_>, sink: &mut impl Sink) -> Result<(), Fault> {
    root.refuse_modifiers()?;
    let raw = root.list("entry")?;
    if raw.len() > MAX_ENTRIES {
        let what = format!("has more than {MAX_ENTRIES} items");
        return Err(Fault::new(Reason::TooManyRecords, what).at("entry"));
    }
    let mut reader = Reader::new(context, sink);
    let mut resources = Resources::default();
    let mut observations = Vec::new();
    for (index, raw) in (0_u32..).zip(raw) {
        match entry(raw.get(), &mut resources) {
            Ok(Some(observation)) => observations.push((index, observation)),
            Ok(None) => {}
            Err(fault) => reader.refuse(index, &fault.at(&format!("Bundle.entry[{index}]"))),
        }
    }
    for (index, observation) in &observations {
        let path = format!("Bundle.entry[{index}].resource");
        reader.read(*index, &path, observation, &resources);
    }
    Ok(())
}

/// The Observation of an entry; keeps what references may mean.
fn entry<'a>(text: &'a str, resources: &mut Resources) -> Result<Option<Object<'a>>, Fault> {
    let entry = Object::parse(text)?;
    let unsupported = |what| Fault::new(Reason::UnsupportedField, what);
    let resource = entry.object("resource")?;
    let kind = match &resource {
        Some(resource) => resource.text("resourceType").at("resource")?,
        None => None,
    };
    if let Some(request) = entry.object("request")?
        && let Some(method) = request.text("method").at("request")?
        && matches!(method.as_ref(), "DELETE" | "PATCH")
        && let Some(url) = request.text("url").at("request")?
        && url.contains("Observation")
    {
        let fault = unsupported("takes an Observation back or changes it");
        return Err(fault.at("request.method"));
    }
    let Some(resource) = resource else {
        return Ok(None);
    };
    match kind.as_deref() {
        Some("Observation") => {
            entry.refuse_modifiers()?;
            Ok(Some(resource))
        }
        Some("Bundle") => Err(unsupported("is a Bundle in a Bundle").at("resource")),
        _ => {
            let url = entry.text("fullUrl")?;
            resources.add(url.as_deref(), &resource).at("resource")?;
            Ok(None)
        }
    }
}

struct Reader<'c, 's, S> {
    context: &'c Context<'c>,
    sink: &'s mut S,
    /// Rows that the message may still have.
    budget: usize,
}

impl<'c, 's, S: Sink> Reader<'c, 's, S> {
    fn new(context: &'c Context<'c>, sink: &'s mut S) -> Self {
        Self {
            context,
            sink,
            budget: MAX_ROWS,
        }
    }

    fn read(&mut self, record: u32, path: &str, object: &Object<'_>, bundle: &Resources) {
        let sink = &mut *self.sink;
        let read = observation::observation(
            object,
            bundle,
            self.context,
            &mut self.budget,
            |measurement, claims| sink.take(record, measurement, claims),
        );
        if let Err(fault) = read {
            self.refuse(record, &fault.at(path));
        }
    }

    fn refuse(&mut self, record: u32, fault: &Fault) {
        self.sink.refuse(Some(record), fault.reason, fault.detail());
    }
}

#[cfg(test)]
mod tests;
