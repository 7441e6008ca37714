//! Patients, devices and who wears what.

use super::{Micros, Position};

/// A foreign identifier of a patient or device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// URI of the numbering system.
    pub system: String,
    /// The number.
    pub value: String,
}

/// A page request over a list ordered by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only the holder of this identifier.
    pub identifier: Option<Identifier>,
    /// Only ids after this one.
    pub after: Option<String>,
    /// At most this many.
    pub limit: usize,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Whether there are more.
    pub more: bool,
}

/// What may be written of a patient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientWrite {
    /// For people; never in logs, URLs or topics.
    pub name: Option<String>,
    /// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`.
    pub birth_date: Option<String>,
    /// FHIR administrative gender.
    pub gender: Option<String>,
    /// Where the patient lies.
    pub bed: Option<String>,
    /// Attributes rules ask for, as `copd`.
    pub tags: Vec<String>,
    /// Foreign identifiers.
    pub identifiers: Vec<Identifier>,
    /// Whether the patient is being monitored; the ward screen shows active ones.
    pub active: bool,
}

/// A patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    /// Opaque id.
    pub id: String,
    /// What is known.
    pub data: PatientWrite,
}

/// What may be written of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceWrite {
    /// For people: model and place.
    pub name: Option<String>,
    /// Maker.
    pub manufacturer: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
    /// Foreign identifiers, as an EUI-64.
    pub identifiers: Vec<Identifier>,
    /// Whether it is in use.
    pub active: bool,
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
    /// Only what comes after this position; `time` is the start.
    pub after: Option<Position>,
    /// At most this many.
    pub limit: usize,
}
