//! Devices: what readings come from.

use super::{Identifier, Listed, Micros, Page, Registry, Result};

/// What can be said about a device; all of it may be unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceFields {
    /// What it is, e.g. `pulse-oximeter`.
    pub kind: Option<String>,
    /// Manufacturer's model.
    pub model: Option<String>,
    /// Opaque id of the site it stands at.
    pub site: Option<String>,
    /// Opaque id of the gateway that reads it.
    pub gateway: Option<String>,
    /// Foreign identifiers (serial number, EUI-64); (system, value) names one device only.
    pub identifiers: Vec<Identifier>,
}

/// A device as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Opaque id, as in topics.
    pub id: String,
    /// The rest.
    pub fields: DeviceFields,
    /// When the row was made.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// A device that sent something, as its topic names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDevice {
    /// Opaque id.
    pub id: String,
    /// Site of the topic.
    pub site: Option<String>,
    /// Gateway of the topic.
    pub gateway: Option<String>,
}

impl Registry {
    /// Adds a device; without an id a random one is given.
    pub fn create_device(&self, id: Option<&str>, fields: &DeviceFields, clock: Micros) -> Result<Device> {
        unimplemented!("{id:?} {fields:?} {clock}")
    }

    /// Replaces everything said about a device.
    pub fn update_device(&self, id: &str, fields: &DeviceFields, clock: Micros) -> Result<Device> {
        unimplemented!("{id:?} {fields:?} {clock}")
    }

    /// Adds those devices that are not known yet, in one transaction, and returns how many
    /// were new. Known devices stay as they are. Ask [`super::Assignments::knows_device`]
    /// first: it costs no transaction.
    pub fn register_seen(&self, devices: &[SeenDevice], clock: Micros) -> Result<usize> {
        unimplemented!("{devices:?} {clock}")
    }

    /// One device.
    pub fn device(&self, id: &str) -> Result<Option<Device>> {
        unimplemented!("{id:?}")
    }

    /// Devices by id; `text` keeps those whose id, kind, model, site, gateway or identifier
    /// value contains it (ASCII case does not matter).
    pub fn devices(&self, text: Option<&str>, page: &Page) -> Result<Listed<Device>> {
        unimplemented!("{text:?} {page:?}")
    }
}
