//! References to what is elsewhere.

use super::{Party, References, Style};
use crate::fhir::Projection;
use crate::fhir::codes::{self, clean};
use crate::fhir::types::{Identifier, Reference};

const PATIENT: &str = "urn:wardline:patient";
const DEVICE: &str = "urn:wardline:device";
const GATEWAY: &str = "urn:wardline:gateway";
/// People and screens, by the name of their token or their id in the routing file.
const USER: &str = "urn:wardline:user";
/// Receivers, by their name in the configuration.
const CHANNEL: &str = "urn:wardline:channel";

fn literal(style: &Style, kind: &'static str, id: &str) -> Reference {
    let projection = Projection {
        base: style.base.clone(),
    };
    codes::reference(&projection, kind, id)
}

fn logical(kind: Option<&'static str>, system: String, value: &str) -> Reference {
    Reference {
        kind,
        identifier: Some(Identifier {
            system: Some(system.into()),
            value: clean(value),
        }),
        ..Reference::default()
    }
}

fn party(style: &Style, kind: &'static str, system: &str, id: &str) -> Reference {
    match style.parties {
        References::Literal => literal(style, kind, id),
        References::Identifier => logical(Some(kind), system.to_owned(), id),
    }
}

pub(super) fn patient(style: &Style, patient: &Party) -> Reference {
    match (style.parties, &patient.identifier) {
        (References::Identifier, Some((system, value))) => {
            logical(Some("Patient"), system.clone(), value)
        }
        _ => party(style, "Patient", PATIENT, &patient.id),
    }
}

pub(super) fn device(style: &Style, id: &str) -> Reference {
    party(style, "Device", DEVICE, id)
}

/// FHIR has gateways as Devices.
pub(super) fn gateway(style: &Style, id: &str) -> Reference {
    party(style, "Device", GATEWAY, id)
}

pub(super) fn observation(style: &Style, id: &str) -> Reference {
    match style.observations {
        References::Literal => literal(style, "Observation", id),
        References::Identifier => logical(Some("Observation"), codes::IDENTIFIER.to_owned(), id),
    }
}

/// A resource of ours that is written with the one that refers to it.
pub(super) fn ours(style: &Style, kind: &'static str, id: &str) -> Reference {
    literal(style, kind, id)
}

/// An alert whose condition is not written anywhere the reader could look.
pub(super) fn alert(id: &str) -> Reference {
    logical(None, super::codes::ALERT.to_owned(), id)
}

/// Who acted or is told; what kind of somebody that is, is not known here.
pub(super) fn user(name: &str) -> Reference {
    Reference {
        display: Some(clean(name)),
        ..logical(None, USER.to_owned(), name)
    }
}

pub(super) fn channel(name: &str) -> Reference {
    Reference {
        display: Some(clean(name)),
        ..logical(Some("Device"), CHANNEL.to_owned(), name)
    }
}

/// Who says all this.
pub(super) fn wardline() -> Reference {
    Reference {
        kind: Some("Device"),
        display: Some("Wardline".to_owned()),
        ..Reference::default()
    }
}
