//! Who is behind one connection: the devices that it has named.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use wardline_normalize::time::Micros;

use super::origin::Origin;

/// Devices of one connection: a central station has a ward of them.
const MOST_DEVICES: usize = 1_000;

/// One connection.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) origin: Arc<Origin>,
    devices: Mutex<BTreeSet<String>>,
}

impl Peer {
    pub(crate) fn new(origin: Arc<Origin>) -> Self {
        Self {
            origin,
            devices: Mutex::default(),
        }
    }

    /// A device spoke: `sent` by its clock, `taken` by ours.
    pub(crate) fn spoke(&self, device: &str, sent: Option<Micros>, taken: Micros) {
        {
            let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            if !devices.contains(device) {
                if devices.len() >= MOST_DEVICES {
                    return;
                }
                devices.insert(device.to_owned());
            }
        }
        self.origin.shared.devices.update(device, |known| {
            known.state = "connected";
            known.source = "mllp";
            known.last_reading = Some(taken);
            known.clock_offset = sent.map(|sent| taken - sent).or(known.clock_offset);
        });
    }

    /// Something of a device's could not be taken.
    pub(crate) fn erred(&self, device: &str, error: &'static str) {
        self.origin.shared.devices.update(device, |known| {
            known.source = "mllp";
            known.errors += 1;
            known.last_error = Some(error.to_owned());
        });
    }

    /// The connection has ended.
    pub(crate) fn gone(&self, reason: &'static str) {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        for device in devices.iter() {
            self.origin.shared.devices.update(device, |known| {
                known.state = "disconnected";
                known.last_error = Some(format!("connection ended: {reason}"));
            });
        }
    }
}
