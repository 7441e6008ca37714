//! Patients, devices and who wears what.

use super::Micros;

/// A foreign identifier of a patient or device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// URI of the numbering system; empty when none is stated.
    pub system: String,
    /// The number.
    pub value: String,
}

/// A page request over a list ordered by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only entries that contain this in an id, name, tag or identifier; comes in a request's body, for
    /// it may be personal.
    pub text: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// What may be written of a patient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientWrite {
    /// For people; never in logs, URLs or topics.
    pub name: Option<String>,
    /// `YYYY-MM-DD`, checked.
    pub birth_date: Option<String>,
    /// FHIR administrative gender: `male`, `female`, `other` or `unknown`, checked.
    pub gender: Option<String>,
    /// Attributes rules ask for, as `copd`.
    pub tags: Vec<String>,
    /// Foreign identifiers.
    pub identifiers: Vec<Identifier>,
    /// Opaque id of the ward, whose limits and silences hold.
    pub ward: Option<String>,
    /// Opaque id of the care team that is told of alerts.
    pub care_team: Option<String>,
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Opaque id.
    pub id: String,
    /// What is known.
    pub data: PatientWrite,
    /// Label of the bed the patient lies in now.
    pub bed: Option<String>,
    /// When the ward was last changed; none when it never was.
    pub ward_since: Option<Micros>,
    /// The ward before that.
    pub ward_before: Option<String>,
}

/// What may be written of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceWrite {
    /// What it is, as `pulse-oximeter`.
    pub kind: Option<String>,
    /// Maker's model.
    pub model: Option<String>,
    /// Opaque id of its site.
    pub site: Option<String>,
    /// Opaque id of the gateway that reads it.
    pub gateway: Option<String>,
    /// Foreign identifiers: serial number, EUI-64.
    pub identifiers: Vec<Identifier>,
}

/// A device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Opaque id, the topic's device level.
    pub id: String,
    /// What is known.
    pub data: DeviceWrite,
}

/// A device to give to a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssignmentNew {
    /// Which device.
    pub device: String,
    /// Which of its users; `None` for the whole device.
    pub device_user: Option<String>,
    /// To whom.
    pub patient: String,
    /// First moment.
    pub from: Micros,
    /// First moment no longer; open when absent.
    pub until: Option<Micros>,
}

/// Who had a device and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Opaque id.
    pub id: String,
    /// The assignment.
    pub data: AssignmentNew,
    /// Who made it.
    pub by: String,
    /// Made in error: attributes nothing and is kept for the record.
    pub cancelled: bool,
}

/// Which assignments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignmentSearch {
    /// Of this device.
    pub device: Option<String>,
    /// Of this patient.
    pub patient: Option<String>,
    /// In force at this moment.
    pub at: Option<Micros>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}
