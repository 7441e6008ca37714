//! The registry as the hot path sees it: immutable, shared, no lock and no database.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Micros, Registry};

/// Who is whose, at one generation. Held in an [`Arc`]: take it once per batch, ask it per row.
#[derive(Debug, Default)]
pub struct Assignments {
    generation: u64,
    patients: HashMap<String, ()>,
}

impl Assignments {
    /// Counts changes since the registry was opened; equal generations are equal contents.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The patient of a device (and user, or channel, of it) at the effective time of a reading.
    /// An assignment of the whole device covers every user.
    pub fn resolve(&self, device: &str, device_user: Option<&str>, at: Micros) -> Option<&str> {
        unimplemented!("{device} {device_user:?} {at}")
    }

    /// The patient with this identifier. Without a system, only if one patient alone has it.
    pub fn by_identifier(&self, system: Option<&str>, value: &str) -> Option<&str> {
        unimplemented!("{system:?} {value}")
    }

    /// The patient in a bed (by opaque id or label) at a time.
    pub fn by_bed(&self, bed: &str, at: Micros) -> Option<&str> {
        unimplemented!("{bed} {at}")
    }

    /// The device with this identifier. Without a system, only if one device alone has it.
    pub fn device_by_identifier(&self, system: Option<&str>, value: &str) -> Option<&str> {
        unimplemented!("{system:?} {value}")
    }

    /// Whether this is the opaque id of a patient.
    pub fn knows_patient(&self, id: &str) -> bool {
        self.patients.contains_key(id)
    }

    /// Whether this is the opaque id of a device.
    pub fn knows_device(&self, id: &str) -> bool {
        unimplemented!("{id}")
    }
}

impl Registry {
    /// The present snapshot; a change is in it before the method that made the change returns.
    pub fn assignments(&self) -> Arc<Assignments> {
        unimplemented!()
    }
}
