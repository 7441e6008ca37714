//! What every adapter and session works with.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::oneshot;

use super::bluez::Bus;
use super::bluez::agent::Pairings;
use super::capture::Captures;
use super::config::{Config, Device};
use super::memory::Memories;
use super::repeats::Repeats;
use super::report::Report;
use crate::clock::Clock;
use crate::devices::Devices;
use crate::run::context::Outcome;
use crate::source::Intake;

/// A pairing that somebody asked for.
#[derive(Debug)]
pub(crate) struct PairRequest {
    pub(crate) passkey: Option<u32>,
    /// Given up then.
    pub(crate) until: Instant,
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// A device of the configuration, or one that was.
#[derive(Debug, Clone)]
struct Listed {
    device: Arc<Device>,
    repeats: Arc<Mutex<Repeats>>,
    gone: bool,
}

/// Everything that outlives a connection, of all devices.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Everything but its devices, which may change.
    pub(crate) config: Config,
    /// Devices that are or were configured: an index stays the same device's.
    listed: RwLock<Vec<Listed>>,
    pub(crate) intake: Intake,
    pub(crate) devices: Devices,
    pub(crate) clock: Clock,
    pub(crate) report: Report,
    pub(crate) memories: Memories,
    pub(crate) captures: Captures,
    pub(crate) pairings: Pairings,
    /// By index of the device.
    pub(crate) pair_requests: Mutex<HashMap<usize, PairRequest>>,
    /// Devices that an adapter has or tries, so that no other does.
    claims: Mutex<HashSet<usize>>,
}

/// A device that is an adapter's alone until this is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    shared: Arc<Shared>,
    device: usize,
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.shared.claims).remove(&self.device);
    }
}

/// A device that was never met is told of too: it may be the one that is missed.
fn await_device(devices: &Devices, device: &Device) {
    devices.update(&device.id, |known| {
        known.source = "ble";
        known.state = "waiting";
    });
}

/// The lock, also after somebody panicked with it: what it guards is sound between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listed {
    fn new(device: Device) -> Self {
        Self {
            device: Arc::new(device),
            repeats: Arc::default(),
            gone: false,
        }
    }
}

/// The gateway's parts that a source is given.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) intake: Intake,
    pub(crate) devices: Devices,
    pub(crate) clock: Clock,
    pub(crate) report: Report,
    pub(crate) memories: Memories,
    pub(crate) captures: Captures,
}

impl Shared {
    pub(crate) fn new(config: Config, parts: Parts) -> Arc<Self> {
        let Parts {
            intake,
            devices,
            clock,
            report,
            memories,
            captures,
        } = parts;
        for device in &config.device {
            await_device(&devices, device);
        }
        let listed = config.device.iter().cloned().map(Listed::new).collect();
        Arc::new(Self {
            config,
            listed: RwLock::new(listed),
            intake,
            devices,
            clock,
            report,
            memories,
            captures,
            pairings: Pairings::default(),
            pair_requests: Mutex::default(),
            claims: Mutex::default(),
        })
    }

    pub(crate) fn device(&self, index: usize) -> Arc<Device> {
        self.read()[index].device.clone()
    }

    /// Values of a device that were taken already.
    pub(crate) fn repeats(&self, index: usize) -> Arc<Mutex<Repeats>> {
        self.read()[index].repeats.clone()
    }

    /// Devices that are configured now, with their indices.
    pub(crate) fn listed(&self) -> Vec<(usize, Arc<Device>)> {
        let listed = self.read();
        let all = listed.iter().enumerate().filter(|(_, listed)| !listed.gone);
        all.map(|(index, listed)| (index, listed.device.clone()))
            .collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Listed>> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another list of devices into effect: what did not change keeps its index, and its connection.
    pub(crate) fn relist(&self, devices: &[Device]) {
        let mut listed = self.listed.write().unwrap_or_else(PoisonError::into_inner);
        for known in listed.iter_mut().filter(|known| !known.gone) {
            if !devices.contains(&known.device) {
                known.gone = true;
                if devices.iter().all(|device| device.id != known.device.id) {
                    self.devices.forget(&known.device.id);
                }
            }
        }
        for device in devices {
            if !listed
                .iter()
                .any(|known| !known.gone && *known.device == *device)
            {
                await_device(&self.devices, device);
                listed.push(Listed::new(device.clone()));
            }
        }
    }

    /// Index by id.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.listed()
            .into_iter()
            .find(|(_, device)| device.id == id)
            .map(|(index, _)| index)
    }

    /// Takes a device for one adapter.
    pub(crate) fn claim(self: &Arc<Self>, device: usize) -> Option<Claim> {
        lock(&self.claims).insert(device).then(|| Claim {
            shared: self.clone(),
            device,
        })
    }

    pub(crate) fn is_claimed(&self, device: usize) -> bool {
        lock(&self.claims).contains(&device)
    }

    /// Says in health messages how a device is.
    pub(crate) fn state(&self, device: usize, state: &'static str) {
        self.devices.update(&self.device(device).id, |known| {
            known.source = "ble";
            known.state = state;
        });
    }

    /// Counts a failure and keeps its words, which name no person.
    pub(crate) fn failed(&self, device: usize, kind: &'static str, words: &str) {
        let id = &self.device(device).id;
        self.report.failed(id, kind);
        self.devices.update(id, |known| {
            known.source = "ble";
            known.errors += 1;
            known.last_error = Some(words.to_owned());
        });
    }

    /// Whether somebody wants this device paired now.
    pub(crate) fn wants_pairing(&self, device: usize) -> bool {
        let requests = lock(&self.pair_requests);
        requests
            .get(&device)
            .is_some_and(|request| request.until > Instant::now())
    }

    /// Tells whoever asked for a pairing what became of it.
    pub(crate) fn paired(&self, device: usize, outcome: Outcome) {
        if let Some(request) = lock(&self.pair_requests).remove(&device) {
            // Nobody may be waiting any more.
            drop(request.reply.send(outcome));
        }
    }
}

/// One stack of connections to bluetoothd: built anew after every loss.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) shared: Arc<Shared>,
    pub(crate) bus: Bus,
}
