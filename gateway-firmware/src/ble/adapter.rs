//! One adapter: it scans in windows, and connects one device at a time.
//!
//! ```text
//! events of btleplug ─> sightings ─> candidates ─> decide (budget, priorities) ─> session
//!                                        ^── waits after failures                     │
//!                                        └──────────────── ended ─────────────────────┘
//! ```
//!
//! A device that is not in the configuration is counted and left alone. While one connects, nothing is scanned for:
//! controllers do one of both. `outcome`: what follows a connection.

mod outcome;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use btleplug::api::{Central as _, CentralEvent, ScanFilter};
use btleplug::platform::{Adapter, PeripheralId};
use futures::StreamExt as _;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::bluez::objects::{AdapterFacts, short_uuid};
use super::failure::{Failure, Kind};
use super::link::{Limits, Link};
use super::profile::{Priority, Profile};
use super::session::{self, Ended, SIGNALS, Session, Signal};
use super::shared::{Claim, Stack};
use super::slots::{self, Candidate, Decision, Held};
use super::unknown::{Sighting, Unknown};

/// A device that was seen is there for this long: bluetoothd forgets an unpaired one 30 s after its last advertisement.
const SIGHTING: Duration = Duration::from_secs(20);
/// Connections of a bonded device that break before it answered, in a row: then it has lost the bond (bluetoothd
/// before 5.82 does not say so).
const BROKEN: u32 = 3;
/// Between a connection that a device ended and the next one.
const AGAIN: Duration = Duration::from_millis(200);
/// Scans left out while every device is connected: listening takes the air from the connections.
const LOOK_AROUND: u32 = 12;
/// How often the loop goes round when nothing happens.
const ROUND: Duration = Duration::from_secs(1);

/// What others tell an adapter.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Look for devices now, whoever waits for what.
    pub(crate) rescan: AtomicBool,
    /// The list of devices is another one.
    pub(crate) relist: AtomicBool,
    /// Pairing of a device: it is to be connected to whatever failed before. By index.
    pub(crate) pair: std::sync::Mutex<Vec<usize>>,
    pub(crate) changed: Notify,
}

struct Running {
    stop: CancellationToken,
    signals: mpsc::Sender<Signal>,
    priority: Priority,
    since: Instant,
    leaving: bool,
    _claim: Claim,
}

/// What is remembered of a device between connections.
#[derive(Debug, Default, Clone)]
struct Past {
    failures: u32,
    broken: u32,
    not_before: Option<Instant>,
    /// A person must act: not tried but on command or after the longest wait.
    stuck: bool,
}

/// One adapter's work.
pub(crate) struct Work {
    stack: Stack,
    central: Adapter,
    facts: AdapterFacts,
    stop: CancellationToken,
    wishes: Arc<Wishes>,
    unknown: Unknown,
    by_address: HashMap<Address, usize>,
    /// Which device of the configuration an object is, as far as asked; anew at every scan, for a bond changes it.
    objects: HashMap<String, Option<usize>>,
    seen: BTreeMap<usize, (Instant, PeripheralId)>,
    past: HashMap<usize, Past>,
    running: HashMap<usize, Running>,
    sessions: JoinSet<Ended>,
    tasks: HashMap<tokio::task::Id, usize>,
    /// The device that is connecting, and what says that it is done.
    connecting: Option<(usize, oneshot::Receiver<()>)>,
    scan: Scan,
    scanned: Option<Instant>,
    /// bluetoothd or the bus has failed a session: everything is to be built anew.
    lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scan {
    Until(Instant),
    Pause(Instant),
}

/// Why an adapter's work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finished {
    Stopped,
    /// The adapter, or bluetoothd, does not do what it is told.
    Lost,
    /// The spool takes nothing more.
    Over,
}

impl Work {
    pub(crate) fn new(
        stack: Stack,
        central: Adapter,
        facts: AdapterFacts,
        wishes: Arc<Wishes>,
        unknown: Unknown,
        stop: CancellationToken,
    ) -> Self {
        let mut work = Self {
            stack,
            central,
            facts,
            stop,
            wishes,
            unknown,
            by_address: HashMap::new(),
            objects: HashMap::new(),
            seen: BTreeMap::new(),
            past: HashMap::new(),
            running: HashMap::new(),
            sessions: JoinSet::new(),
            tasks: HashMap::new(),
            connecting: None,
            scan: Scan::Pause(Instant::now()),
            scanned: None,
            lost: false,
        };
        work.list();
        work
    }

    /// Devices that this adapter may connect to; who is no longer among them is let go.
    fn list(&mut self) {
        let listed = self.stack.shared.listed();
        let mine = listed.iter().filter(|(_, device)| {
            device
                .adapter
                .as_ref()
                .is_none_or(|adapter| self.facts.is(adapter))
        });
        self.by_address = mine
            .map(|(index, device)| (device.address, *index))
            .collect();
        let is_mine = |device: &usize| self.by_address.values().any(|mine| mine == device);
        self.objects.clear();
        self.seen.retain(|device, _| is_mine(device));
        for (device, running) in &self.running {
            if !is_mine(device) {
                running.stop.cancel();
            }
        }
        for (_, device) in &listed {
            self.unknown.forget(device.address);
        }
        self.stack.shared.report.unknown(self.unknown.health());
    }

    /// Until stopped or lost; every session has ended when it returns.
    pub(crate) async fn run(mut self) -> Finished {
        let finished = self.work().await;
        for running in self.running.values() {
            running.stop.cancel();
        }
        while let Some(ended) = self.sessions.join_next_with_id().await {
            self.ended(ended);
        }
        self.stop_scan().await;
        finished
    }

    async fn work(&mut self) -> Finished {
        let limit = self.stack.shared.config.operation_timeout;
        let events = tokio::time::timeout(limit, self.central.events()).await;
        let mut events = match events {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => {
                tracing::warn!(adapter = self.facts.name(), %error, "no events of the adapter");
                return Finished::Lost;
            }
            Err(_) => return Finished::Lost,
        };
        let mut room = self.stack.shared.intake.room();
        let wishes = self.wishes.clone();
        loop {
            if let Err(finished) = self.advance().await {
                return finished;
            }
            let wake = self.wake();
            tokio::select! {
                () = self.stop.cancelled() => return Finished::Stopped,
                event = events.next() => match event {
                    Some(event) => self.event(event).await,
                    None => return Finished::Lost,
                },
                ended = self.sessions.join_next_with_id(), if !self.sessions.is_empty() => {
                    if let Some(ended) = ended
                        && self.ended(ended)
                    {
                        return Finished::Over;
                    }
                    if self.lost {
                        return Finished::Lost;
                    }
                }
                () = done(&mut self.connecting) => self.connecting = None,
                () = wishes.changed.notified() => self.wished(),
                changed = room.changed() => if changed.is_err() { return Finished::Over },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn wake(&self) -> Instant {
        let (Scan::Until(next) | Scan::Pause(next)) = self.scan;
        let now = Instant::now();
        let waits = self
            .past
            .values()
            .filter_map(|past| past.not_before)
            .filter(|at| *at > now);
        waits.fold(next.max(now).min(now + ROUND), Instant::min)
    }

    // -- what is seen

    async fn event(&mut self, event: CentralEvent) {
        match event {
            CentralEvent::DeviceDiscovered(id) => self.discovered(id).await,
            CentralEvent::RssiUpdate { id, .. }
            | CentralEvent::ManufacturerDataAdvertisement { id, .. }
            | CentralEvent::ServiceDataAdvertisement { id, .. } => self.advertised(id).await,
            CentralEvent::DeviceConnected(id) => {
                if let Some(device) = self.which(&id).await {
                    self.signal(device, Signal::Connected);
                    if !self.running.contains_key(&device) {
                        // By itself, or left from an earlier life of ours: it is there.
                        self.saw(device, id);
                    }
                }
            }
            CentralEvent::DeviceDisconnected(id) => {
                if let Some(device) = self.which(&id).await {
                    self.signal(device, Signal::Disconnected);
                }
            }
            CentralEvent::StateUpdate(_)
            | CentralEvent::DeviceUpdated(_)
            | CentralEvent::DeviceServicesModified(_)
            | CentralEvent::ServicesAdvertisement { .. } => {}
        }
    }

    fn signal(&self, device: usize, signal: Signal) {
        if let Some(running) = self.running.get(&device)
            && running.signals.try_send(signal).is_err()
        {
            tracing::debug!(device, ?signal, "the session has enough to look at");
        }
    }

    /// bluetoothd has a new object: it hears the device, or tells of one that it knows from before.
    async fn discovered(&mut self, id: PeripheralId) {
        let path = path(&id);
        self.objects.remove(&path);
        let Ok(facts) = self.stack.bus.device(&path).await else {
            return;
        };
        let Some(address) = facts.address else { return };
        let device = self.by_address.get(&address).copied();
        let there = facts.rssi.is_some() || facts.connected;
        // The same digits of the other type are another device's.
        let is_type = |device: &usize| {
            let wanted = self.stack.shared.device(*device).address_type.word();
            facts
                .address_type
                .as_deref()
                .is_none_or(|found| found == wanted)
        };
        let device = device.filter(is_type);
        self.remember(path, device);
        match device {
            Some(device) if self.running.contains_key(&device) => {
                self.signal(device, Signal::Discovered);
            }
            Some(device) if there => self.saw(device, id),
            Some(_) => {}
            None if there => {
                let services = facts.uuids.iter().filter_map(|uuid| short_uuid(uuid));
                let profiles: Vec<_> = services.filter_map(Profile::of_service).collect();
                self.unknown.saw(Sighting {
                    address,
                    address_type: facts.address_type.unwrap_or_default(),
                    name: facts.name,
                    rssi: facts.rssi,
                    profiles,
                    paired: facts.paired,
                });
                self.stack.shared.report.unknown(self.unknown.health());
            }
            None => {}
        }
    }

    async fn advertised(&mut self, id: PeripheralId) {
        if !self.objects.contains_key(&path(&id)) {
            self.discovered(id).await;
        } else if let Some(device) = self.which(&id).await
            && !self.running.contains_key(&device)
        {
            self.saw(device, id);
        }
    }

    /// The device of the configuration that an object is.
    async fn which(&mut self, id: &PeripheralId) -> Option<usize> {
        let path = path(id);
        if let Some(known) = self.objects.get(&path) {
            return *known;
        }
        let facts = self.stack.bus.device(&path).await.ok()?;
        let device = facts
            .address
            .and_then(|address| self.by_address.get(&address).copied());
        self.remember(path, device);
        device
    }

    fn remember(&mut self, path: String, device: Option<usize>) {
        // A crowd passing by: what was known of it is asked again.
        if self.objects.len() >= 4_096 {
            self.objects.clear();
        }
        self.objects.insert(path, device);
    }

    fn saw(&mut self, device: usize, id: PeripheralId) {
        let first = self
            .seen
            .get(&device)
            .map_or_else(Instant::now, |(first, _)| *first);
        // Who waits keeps its turn; who was seen long ago has a new one.
        let first = if first.elapsed() > SIGHTING {
            Instant::now()
        } else {
            first
        };
        self.seen.insert(device, (first, id));
    }

    // -- what is done

    fn wished(&mut self) {
        if self.wishes.relist.swap(false, Ordering::Relaxed) {
            self.list();
            self.scan = Scan::Pause(Instant::now());
        }
        if self.wishes.rescan.swap(false, Ordering::Relaxed) {
            self.past.clear();
            self.scan = Scan::Pause(Instant::now());
        }
        let wanted = std::mem::take(&mut *super::shared::lock(&self.wishes.pair));
        for device in wanted {
            self.past.remove(&device);
            if let Some(running) = self.running.get(&device) {
                running.stop.cancel();
            }
            self.scan = Scan::Pause(Instant::now());
        }
    }

    /// Connects, evicts, scans: whatever is due.
    async fn advance(&mut self) -> Result<(), Finished> {
        let now = Instant::now();
        self.seen
            .retain(|_, (seen, _)| now.duration_since(*seen) < SIGHTING);
        if self.connecting.is_none() {
            match slots::decide(
                self.stack.shared.config.connections,
                &self.held(),
                &self.candidates(now),
            ) {
                Decision::Connect(device) => {
                    self.stop_scan().await;
                    self.connect(device).await;
                }
                Decision::Evict(device) => {
                    if let Some(running) = self.running.get_mut(&device) {
                        running.leaving = true;
                        running.stop.cancel();
                    }
                }
                Decision::Nothing => {}
            }
        }
        self.scan(now).await
    }

    fn held(&self) -> Vec<Held> {
        let held = |(device, running): (&usize, &Running)| Held {
            device: *device,
            priority: running.priority,
            since: running.since,
            leaving: running.leaving,
        };
        self.running.iter().map(held).collect()
    }

    fn candidates(&self, now: Instant) -> Vec<Candidate> {
        let shared = &self.stack.shared;
        let room = *shared.intake.room().borrow();
        self.seen
            .iter()
            .filter(|(device, _)| {
                !self.running.contains_key(*device) && !shared.is_claimed(**device)
            })
            .filter(|(device, _)| {
                let wait = self.past.get(*device).and_then(|past| past.not_before);
                wait.is_none_or(|until| until <= now)
            })
            .map(|(device, (seen, _))| (*device, shared.device(*device), *seen))
            .filter(|(_, config, _)| room || !config.forgets())
            .map(|(device, config, seen)| Candidate {
                device,
                priority: config.priority(),
                seen,
            })
            .collect()
    }

    async fn connect(&mut self, device: usize) {
        let Some((_, id)) = self.seen.remove(&device) else {
            return;
        };
        let Some(claim) = self.stack.shared.claim(device) else {
            return;
        };
        let limit = self.stack.shared.config.operation_timeout;
        let peripheral = tokio::time::timeout(limit, self.central.peripheral(&id)).await;
        let peripheral = match peripheral {
            Ok(Ok(peripheral)) => peripheral,
            Ok(Err(error)) => return self.failed(device, &Failure::of("find", &error)),
            Err(_) => return self.failed(device, &Failure::timeout("find", limit)),
        };
        let config = &self.stack.shared.config;
        let limits = Limits {
            connect: config.connect_timeout,
            discover: config.discovery_timeout,
            operation: config.operation_timeout,
        };
        let (signals, heard) = mpsc::channel(SIGNALS);
        let (up, is_up) = oneshot::channel();
        let stop = CancellationToken::new();
        let session = Session {
            stack: self.stack.clone(),
            device,
            link: Link::new(peripheral, limits),
            signals: heard,
            stop: stop.clone(),
            up,
        };
        let task = self.sessions.spawn(session::run(session));
        self.tasks.insert(task.id(), device);
        self.connecting = Some((device, is_up));
        let running = Running {
            stop,
            signals,
            priority: self.stack.shared.device(device).priority(),
            since: Instant::now(),
            leaving: false,
            _claim: claim,
        };
        self.running.insert(device, running);
    }

    async fn scan(&mut self, now: Instant) -> Result<(), Finished> {
        match self.scan {
            Scan::Until(end) if now >= end => {
                self.stop_scan().await;
                Ok(())
            }
            Scan::Pause(next)
                if now >= next && self.connecting.is_none() && self.is_scan_due(now) =>
            {
                self.start_scan(now).await
            }
            _ => Ok(()),
        }
    }

    /// With everybody there, strangers are looked for now and then.
    fn is_scan_due(&self, now: Instant) -> bool {
        let rest = self.stack.shared.config.scan_interval * LOOK_AROUND;
        self.missing() || self.scanned.is_none_or(|scanned| now >= scanned + rest)
    }

    /// Whether anybody is to be looked for.
    fn missing(&self) -> bool {
        self.by_address.values().any(|device| {
            !self.running.contains_key(device) && !self.stack.shared.is_claimed(*device)
        })
    }

    async fn start_scan(&mut self, now: Instant) -> Result<(), Finished> {
        let config = &self.stack.shared.config;
        let start = self.central.start_scan(ScanFilter::default());
        let failure = match tokio::time::timeout(config.operation_timeout, start).await {
            Ok(Ok(())) => {
                self.objects.clear();
                self.scan = Scan::Until(now + config.scan_window);
                self.scanned = Some(now);
                return Ok(());
            }
            Ok(Err(error)) => Failure::of("scan", &error),
            Err(_) => Failure::timeout("scan", config.operation_timeout),
        };
        self.stack
            .shared
            .report
            .failed(self.facts.name(), failure.kind.word());
        tracing::warn!(adapter = self.facts.name(), %failure, "scanning does not start");
        self.scan = Scan::Pause(now + config.scan_interval);
        match failure.kind {
            Kind::Bus | Kind::NotFound | Kind::Timeout => Err(Finished::Lost),
            _ => Ok(()),
        }
    }

    async fn stop_scan(&mut self) {
        let Scan::Until(end) = self.scan else { return };
        let config = &self.stack.shared.config;
        let pause = config.scan_interval.saturating_sub(config.scan_window);
        // A scan that was cut short for a connection goes on soon after it.
        self.scan = Scan::Pause(end.min(Instant::now()) + pause);
        let stop = tokio::time::timeout(config.operation_timeout, self.central.stop_scan()).await;
        if let Ok(Err(error)) = stop {
            tracing::debug!(adapter = self.facts.name(), %error, "scanning does not stop");
        }
    }
}

/// The object of a device: `/org/bluez/hci0/dev_…`.
fn path(id: &PeripheralId) -> String {
    format!("/org/bluez/{id}")
}

async fn done(connecting: &mut Option<(usize, oneshot::Receiver<()>)>) {
    match connecting {
        // The sender's end, dropped or sent, says the same.
        Some((_, up)) => drop(up.await),
        None => std::future::pending().await,
    }
}
