//! What is known of each device, for health messages and metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use wardline_normalize::time::Micros;

/// State of one device as its source sees it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Device {
    /// `connected`, `waiting`, `absent`, `refused`, `bond-lost`, …: a word of the source's.
    pub(crate) state: &'static str,
    /// Which source: `ble` or `mllp`.
    pub(crate) source: &'static str,
    /// Wall clock of the last reading.
    pub(crate) last_reading: Option<Micros>,
    /// Gateway clock minus device clock when last measured.
    pub(crate) clock_offset: Option<Micros>,
    /// Percent.
    pub(crate) battery: Option<u8>,
    /// Failures since the start.
    pub(crate) errors: u64,
    /// The last failure, in words that name no person.
    pub(crate) last_error: Option<String>,
}

/// Every device, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Devices(Arc<Mutex<BTreeMap<String, Device>>>);

impl Devices {
    /// Changes what is known of a device, which may be new.
    pub(crate) fn update(&self, id: &str, change: impl FnOnce(&mut Device)) {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(devices.entry(id.to_owned()).or_default());
    }

    /// A device that is no longer configured.
    pub(crate) fn forget(&self, id: &str) {
        let mut devices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        devices.remove(id);
    }

    /// All of them, by id.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Device> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
