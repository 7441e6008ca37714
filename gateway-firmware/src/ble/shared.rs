//! What every adapter and session works with.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
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

/// Everything that outlives a connection, of all devices.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) intake: Intake,
    pub(crate) devices: Devices,
    pub(crate) clock: Clock,
    pub(crate) report: Report,
    pub(crate) memories: Memories,
    pub(crate) captures: Captures,
    pub(crate) pairings: Pairings,
    /// By index of the device.
    pub(crate) pair_requests: Mutex<HashMap<usize, PairRequest>>,
    pub(crate) repeats: Vec<Mutex<Repeats>>,
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

/// The lock, also after somebody panicked with it: what it guards is sound between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let repeats = config.device.iter().map(|_| Mutex::default()).collect();
        Arc::new(Self {
            config,
            intake,
            devices,
            clock,
            report,
            memories,
            captures,
            pairings: Pairings::default(),
            pair_requests: Mutex::default(),
            repeats,
            claims: Mutex::default(),
        })
    }

    pub(crate) fn device(&self, index: usize) -> &Device {
        &self.config.device[index]
    }

    /// Index by id.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.config.device.iter().position(|device| device.id == id)
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
