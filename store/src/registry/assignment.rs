//! Assignments: device to patient over an interval.
//!
//! An assignment covers a whole device, or one user or channel of a shared one (the second user
//! of a scale, the second channel of a twin monitor). At any instant a device belongs to nobody,
//! to one patient as a whole, or to patients by user: what would make two of these true at once
//! is refused. The interval is `[from, until)`: a reading at `until` belongs to the next patient.

use super::{Listed, Micros, Page, Registry, Result};

/// An assignment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAssignment {
    /// Opaque id of a known device.
    pub device: String,
    /// User or channel of the device; `None` covers all of them.
    pub device_user: Option<String>,
    /// Opaque id of a known patient.
    pub patient: String,
    /// First instant that belongs to the patient.
    pub from: Micros,
    /// First instant that does not any more; `None` is open.
    pub until: Option<Micros>,
    /// Who says so (token or user name).
    pub author: String,
}

/// An assignment as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// Row number.
    pub id: i64,
    /// Opaque id of the device.
    pub device: String,
    /// User or channel of the device; `None` covers all of them.
    pub device_user: Option<String>,
    /// Opaque id of the patient.
    pub patient: String,
    /// First instant that belongs to the patient.
    pub from: Micros,
    /// First instant that does not any more; `None` is open.
    pub until: Option<Micros>,
    /// Who made it.
    pub author: String,
    /// When it was made.
    pub created_at: Micros,
    /// Who set its end or cancelled it, if anybody did later.
    pub changed_by: Option<String>,
    /// When that was.
    pub changed_at: Option<Micros>,
    /// True when it was made in error: it attributes nothing and is kept for the record.
    pub cancelled: bool,
}

/// Which assignments to list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AssignmentFilter {
    /// Of this device.
    pub device: Option<String>,
    /// Of this patient.
    pub patient: Option<String>,
    /// In force at this instant (and not cancelled).
    pub at: Option<Micros>,
}

impl Registry {
    /// Assigns a device; refused with [`super::Error::Overlap`] where another stands in the way.
    pub fn assign(&self, new: &NewAssignment, clock: Micros) -> Result<Assignment> {
        unimplemented!("{new:?} {clock}")
    }

    /// Ends at `at` the assignment of exactly this device and user that holds `at`.
    pub fn unassign(
        &self,
        device: &str,
        device_user: Option<&str>,
        at: Micros,
        author: &str,
        clock: Micros,
    ) -> Result<Assignment> {
        unimplemented!("{device} {device_user:?} {at} {author} {clock}")
    }

    /// Takes back an assignment made in error: it attributes nothing any more.
    pub fn cancel_assignment(&self, id: i64, author: &str, clock: Micros) -> Result<Assignment> {
        unimplemented!("{id} {author} {clock}")
    }

    /// One assignment.
    pub fn assignment(&self, id: i64) -> Result<Option<Assignment>> {
        unimplemented!("{id}")
    }

    /// Assignments in the order they were made, cancelled ones included unless `at` is set.
    pub fn list_assignments(&self, filter: &AssignmentFilter, page: &Page) -> Result<Listed<Assignment>> {
        unimplemented!("{filter:?} {page:?}")
    }
}
