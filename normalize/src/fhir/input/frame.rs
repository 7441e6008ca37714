//! What the rows of one Observation share: device, patient, and words beside the values.

use super::super::codes;
use super::Context;
use super::concept::Concept;
use super::json::{At as _, Fault, Object};
use super::reference::{self, Scope, Target};
use crate::id::is_fhir_id;
use crate::measurement::{Claims, Reason};

/// What the rows of an Observation share.
pub(super) struct Frame {
    pub(super) device: String,
    /// Who used a device that the Observation does not name: two patients' readings never share an id.
    pub(super) user: Option<String>,
    pub(super) gateway: Option<String>,
    pub(super) status: &'static str,
    pub(super) body_site: Option<String>,
    pub(super) method: Option<String>,
    pub(super) quality: Option<&'static str>,
    pub(super) claims: Claims,
}

pub(super) fn frame(
    object: &Object<'_>,
    status: &'static str,
    scope: Scope<'_>,
    context: &Context<'_>,
) -> Result<Frame, Fault> {
    let target = |name: &str| match object.object(name)? {
        None => Ok(None),
        Some(reference) => reference::read(&reference, scope).at(name),
    };
    let subject = target("subject")?;
    let (patient, subject_device) = match subject {
        None => (None, None),
        Some(subject) => match subject.kind.as_deref() {
            None | Some("Patient") => (subject.claim(), None),
            Some("Device" | "DeviceMetric") => (None, Some(subject)),
            Some(_) => {
                let what = "is neither a Patient nor a Device";
                return Err(Fault::new(Reason::UnsupportedField, what).at("subject"));
            }
        },
    };
    let encounter = target("encounter")?.and_then(Target::claim);
    let named = match (target("device")?, subject_device) {
        (Some(device), _) => Some(device.devices().at("device")?),
        (None, Some(device)) => Some(device.devices().at("subject")?),
        (None, None) => None,
    };
    let (device, user) = device(named, patient.as_deref(), context)?;
    let label = |name: &str| match Concept::of(object, name)? {
        None => Ok(None),
        Some(concept) => concept.label().at(name),
    };
    Ok(Frame {
        device,
        user,
        gateway: gateway(object, scope)?,
        status,
        body_site: label("bodySite")?,
        method: label("method")?,
        quality: quality(object)?,
        claims: Claims {
            patient,
            bed: None,
            encounter,
        },
    })
}

/// The device and, where the Observation names none, the patient as its user.
fn device(
    named: Option<Vec<String>>,
    patient: Option<&str>,
    context: &Context<'_>,
) -> Result<(String, Option<String>), Fault> {
    let fault = |reason, what: &'static str| Err(Fault::new(reason, what).at("device"));
    match (named, context.device, context.fallback_device) {
        (Some(ids), Some(topic), _) if ids.iter().any(|id| id == topic) => {
            Ok((topic.to_owned(), None))
        }
        (Some(_), Some(_), _) => fault(
            Reason::DeviceMismatch,
            "names another device than the topic",
        ),
        (Some(ids), None, _) => match ids.into_iter().next() {
            Some(id) => Ok((id, None)),
            None => fault(Reason::NoDevice, "names no device by an id"),
        },
        (None, Some(topic), _) => Ok((topic.to_owned(), patient.map(str::to_owned))),
        (None, None, Some(fallback)) if is_fhir_id(fallback) && patient.is_some() => {
            Ok((fallback.to_owned(), patient.map(str::to_owned)))
        }
        (None, None, Some(_)) => fault(Reason::NoDevice, "and subject are both missing"),
        (None, None, None) => fault(Reason::NoDevice, "is missing, and the topic names none"),
    }
}

/// The gateway that passed the Observation on.
fn gateway(object: &Object<'_>, scope: Scope<'_>) -> Result<Option<String>, Fault> {
    for (index, extension) in object.objects("extension")?.iter().enumerate() {
        if extension.text("url")?.as_deref() != Some(codes::GATEWAY) {
            continue;
        }
        let within = |fault: Fault| fault.in_item(index).at("extension");
        let Some(reference) = extension.object("valueReference").map_err(within)? else {
            continue;
        };
        let target = reference::read(&reference, scope).map_err(within)?;
        // A gateway without an id here is no reason to refuse what it passed on.
        let ids = target.and_then(|target| target.devices().ok());
        return Ok(ids.and_then(|ids| ids.into_iter().next()));
    }
    Ok(None)
}

/// What the security labels say of the values, and our own notes more exactly.
fn quality(object: &Object<'_>) -> Result<Option<&'static str>, Fault> {
    let Some(meta) = object.object("meta")? else {
        return Ok(None);
    };
    let mut labels = Vec::new();
    for label in meta.objects("security").at("meta")? {
        labels.extend(label.text("code").at("meta.security")?);
    }
    if labels.is_empty() {
        return Ok(None);
    }
    let mut notes = Vec::new();
    for note in object.objects("note")? {
        notes.extend(note.text("text").at("note")?);
    }
    let has = |list: &[std::borrow::Cow<'_, str>], text: &str| list.iter().any(|t| t == text);
    Ok(codes::quality_of(
        |label| has(&labels, label),
        |words| has(&notes, words),
    ))
}
