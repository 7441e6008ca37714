//! One connection to one device, from the first attempt to the end.
//!
//! ```text
//! connect (a few attempts) ─> discover ─> is it the device? ─> bonded? ─> listen ─> course: subscribe, clock,
//! features, records, … ─> values until it goes, gives way, falls silent, or the gateway ends
//! ```
//!
//! Values are taken before anything else at every turn: decoded, put, and only when they are synced does the course
//! learn of them. What to do next is the course's business (`course`), when to end is decided here.

mod batteries;
mod bonding;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use rand::RngExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::capture::{Frame, How};
use super::config::Device;
use super::course::{Course, Item, Note, Sent, Verdict};
use super::failure::{Failure, Kind};
use super::link::{Action, Link, Values, source};
use super::profile::Profile;
use super::shared::{Shared, Stack, lock};
use crate::source::Refused;
use batteries::{Batteries, next_of};

/// Values put at one time: one sync serves them all.
const TOGETHER: usize = 64;
/// How often bluetoothd is asked whether a device is still connected: its own events have gaps (ble.md 3.13).
const LOOK: Duration = Duration::from_secs(30);
/// Signals waiting for a session; it looks at each at once.
pub(crate) const SIGNALS: usize = 16;

/// Something that is being done at the device, and how it went.
type Operation = BoxFuture<'static, (Action, Result<Vec<u8>, Failure>)>;

/// What the adapter heard of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Connected,
    Disconnected,
    /// bluetoothd knows the device anew, so the connection it had is none.
    Discovered,
}

/// How a session ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The device let go, after this long; whether it had answered anything.
    Gone {
        answered: bool,
    },
    /// It had nothing more to say.
    Idle,
    /// It gave its place to another, or the gateway ends.
    Stopped,
    /// It was found dead: how.
    Dead(&'static str),
    Failed(Failure),
    /// It is not the device it should be.
    Refused(&'static str, String),
    BondLost(String),
    /// It waits for a person to give its passkey.
    Unpaired,
    /// There is no room for what it would send.
    NoRoom,
    /// The spool takes nothing more: the gateway ends.
    Over,
}

/// A session to be.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) stack: Stack,
    pub(crate) device: usize,
    pub(crate) link: Link,
    pub(crate) signals: mpsc::Receiver<Signal>,
    pub(crate) stop: CancellationToken,
    /// Told when the adapter is free for the next one to connect.
    pub(crate) up: oneshot::Sender<()>,
}

/// Runs a session to its end; the connection is ended with it.
pub(crate) async fn run(session: Session) -> Ended {
    let Session {
        stack,
        device,
        link,
        signals,
        stop,
        up,
    } = session;
    let shared = stack.shared.clone();
    let config = shared.device(device);
    let id = config.id.clone();
    let mut running = Running {
        shared,
        config,
        stack,
        device,
        link,
        signals,
        stop,
    };
    running.shared.state(device, "connecting");
    // Before the connection: bluetoothd takes earlier subscriptions up again by itself, and values come at once.
    let values = match running.link.values().await {
        Ok(values) => values,
        Err(failure) => return Ended::Failed(failure),
    };
    let ended = match running.connect().await {
        Ok(()) => {
            if up.send(()).is_err() {
                tracing::debug!(device = id, "nobody waits for the adapter any more");
            }
            running.shared.report.connected(&id);
            running.shared.state(device, "connected");
            let ended = running.attend(values).await;
            ended.unwrap_or_else(|ended| ended)
        }
        Err(ended) => ended,
    };
    running.link.disconnect().await;
    running.shared.report.disconnected(&id);
    ended
}

struct Running {
    shared: Arc<Shared>,
    config: Arc<Device>,
    stack: Stack,
    device: usize,
    link: Link,
    signals: mpsc::Receiver<Signal>,
    stop: CancellationToken,
}

impl Running {
    fn config(&self) -> &Device {
        &self.config
    }

    /// A few attempts; what cannot pass ends them at once.
    async fn connect(&mut self) -> Result<(), Ended> {
        let attempts = self.shared.config.connect_attempts;
        let mut attempt = 1;
        loop {
            let failure = match self.attempt().await {
                Ok(()) => return Ok(()),
                Err(Ended::Failed(failure)) => failure,
                Err(ended) => return Err(ended),
            };
            tracing::debug!(device = self.config().id, attempt, %failure, "not connected");
            // The link may be up all the same, and a slot lost with it.
            self.link.disconnect().await;
            if failure.kind == Kind::BondLost {
                return Err(Ended::BondLost(failure.text));
            }
            // A bonded device that hangs up has most likely lost the bond; the next sighting tells more than haste.
            let hung_up = failure.kind == Kind::Broken && self.is_remembered();
            if attempt >= attempts || hung_up || !failure.kind.passes() {
                return Err(Ended::Failed(failure));
            }
            self.shared
                .failed(self.device, failure.kind.word(), &failure.to_string());
            attempt += 1;
            let jitter = rand::rng().random_range(100..400);
            let wait = Duration::from_millis(jitter) * attempt;
            tokio::select! {
                () = self.stop.cancelled() => return Err(Ended::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Whether it was bonded at an earlier connection.
    fn is_remembered(&self) -> bool {
        let device = self.config();
        self.shared.memories.load(&device.id, device.address).bonded
    }

    async fn attempt(&mut self) -> Result<(), Ended> {
        let link = self.link.clone();
        let connect = link.connect();
        tokio::pin!(connect);
        let mut up = false;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Err(Ended::Stopped),
                connected = &mut connect => return connected.map_err(Ended::Failed),
                signal = self.signals.recv() => match signal {
                    Some(Signal::Connected) => up = true,
                    // The link came up and broke before the services were there: BlueZ would have us wait on.
                    Some(Signal::Disconnected) if up => {
                        let failure = Failure::new(Kind::Broken, "connect", "the link broke at once");
                        return Err(Ended::Failed(failure));
                    }
                    Some(_) => {}
                    None => return Err(Ended::Stopped),
                },
            }
        }
    }

    /// Everything between connect and disconnect.
    async fn attend(&mut self, values: Values) -> Result<Ended, Ended> {
        let can = match self.unless_stopped(self.link.clone().discover()).await? {
            Ok(can) => can,
            Err(failure) => return Ok(self.judge(failure)),
        };
        self.identify()?;
        self.bond().await?;

        let memory = self
            .shared
            .memories
            .load(&self.config().id, self.config().address);
        let course = Course::new(
            self.config(),
            self.shared.config.procedure_timeout,
            memory,
            &can,
            Instant::now(),
        );
        self.exchange(course, values).await
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        tokio::select! {
            () = self.stop.cancelled() => Err(Ended::Stopped),
            done = work => Ok(done),
        }
    }

    /// Whether it has the services it should have.
    fn identify(&self) -> Result<(), Ended> {
        let services = self.link.services();
        let missing = |profile: &&Profile| !services.contains(&profile.service());
        match self.config().profiles.iter().find(missing) {
            None => Ok(()),
            Some(profile) => {
                let words = format!("it has no {} service", profile.word());
                Err(Ended::Refused("services", words))
            }
        }
    }

    /// A failed step: some failures say more than that.
    fn judge(&self, failure: Failure) -> Ended {
        match failure.kind {
            Kind::BondLost => Ended::BondLost(failure.text),
            Kind::Disconnected | Kind::NotFound => Ended::Gone { answered: false },
            _ => Ended::Failed(failure),
        }
    }

    /// Subscriptions, reads, writes and values until the end.
    async fn exchange(&mut self, mut course: Course, values: Values) -> Result<Ended, Ended> {
        let mut chunks = values.ready_chunks(TOGETHER);
        let mut batteries = None;
        let mut operation: Option<Operation> = None;
        let mut heard = Instant::now();
        let mut looked = Instant::now();
        let mut answered = false;
        loop {
            if operation.is_none()
                && let Some(action) = course.next(Instant::now(), self.shared.clock.now())
            {
                let link = self.link.clone();
                operation = Some(
                    async move {
                        let result = link.perform(&action).await;
                        (action, result)
                    }
                    .boxed(),
                );
            }
            if batteries.is_none() && operation.is_none() && course.settled() {
                // Last of all: it asks for every object there is.
                batteries = Some(Batteries::new(&self.stack, &self.link.path(), &mut course).await);
                self.settle(&mut course).await?;
            }
            let wake = self.wake(&course, operation.is_some(), heard, looked);
            tokio::select! {
                biased;
                some = chunks.next() => {
                    let Some(some) = some else { return Ok(Ended::Dead("stream-ended")) };
                    heard = Instant::now();
                    answered = true;
                    for value in some {
                        if let Some(id) = source(&value) {
                            course.take(self.sent(id, 0, value.value));
                        }
                    }
                    self.settle(&mut course).await?;
                }
                charge = next_of(&mut batteries) => {
                    if let Some((number, charge)) = charge {
                        course.battery(number, &charge, self.shared.clock.now());
                        self.settle(&mut course).await?;
                    }
                }
                () = self.stop.cancelled() => {
                    course.flush();
                    self.settle(&mut course).await?;
                    return Ok(Ended::Stopped);
                }
                signal = self.signals.recv() => {
                    let Some(signal) = signal else { return Ok(Ended::Stopped) };
                    if let Some(ended) = self.heard(signal, answered).await {
                        self.drain(&mut course, &mut chunks).await?;
                        return Ok(ended);
                    }
                }
                (action, result) = maybe(&mut operation) => {
                    operation = None;
                    if result.is_ok() {
                        answered = true;
                        heard = Instant::now();
                    }
                    if let Some(ended) = self.performed(&mut course, &action, result, answered).await? {
                        self.drain(&mut course, &mut chunks).await?;
                        return Ok(ended);
                    }
                }
                () = tokio::time::sleep_until(wake.into()) => {
                    let now = Instant::now();
                    if let Some(ended) = self.overdue(&course, operation.is_some(), heard, now) {
                        course.flush();
                        self.settle(&mut course).await?;
                        return Ok(ended);
                    }
                    if now >= looked + LOOK {
                        looked = now;
                        if matches!(self.link.is_connected().await, Ok(false)) {
                            self.drain(&mut course, &mut chunks).await?;
                            return Ok(Ended::Dead("event-gap"));
                        }
                    }
                    course.tick(now);
                    self.settle(&mut course).await?;
                }
            }
        }
    }

    fn sent(&self, id: super::link::Id, instance: usize, raw: Vec<u8>) -> Sent {
        Sent {
            id,
            instance,
            raw,
            taken: self.shared.clock.now(),
        }
    }

    /// When to look again though nothing came.
    fn wake(&self, course: &Course, busy: bool, heard: Instant, looked: Instant) -> Instant {
        let mut wake = looked + LOOK;
        if let Some(silence) = self.config().silence() {
            wake = wake.min(heard + silence);
        } else if !busy && course.settled() {
            wake = wake.min(heard + self.shared.config.spot_idle);
        }
        course
            .deadline()
            .map_or(wake, |deadline| wake.min(deadline))
    }

    fn overdue(&self, course: &Course, busy: bool, heard: Instant, now: Instant) -> Option<Ended> {
        match self.config().silence() {
            Some(silence) => (now >= heard + silence).then_some(Ended::Dead("silent")),
            None => {
                let over = !busy && course.settled() && now >= heard + self.shared.config.spot_idle;
                over.then_some(Ended::Idle)
            }
        }
    }

    /// A signal of the adapter's, held against what bluetoothd says now: it may be older than this connection.
    async fn heard(&self, signal: Signal, answered: bool) -> Option<Ended> {
        match signal {
            Signal::Connected => None,
            Signal::Discovered => Some(Ended::Dead("discovered-again")),
            Signal::Disconnected => match self.link.is_connected().await {
                Ok(true) => None,
                Ok(false) | Err(_) => Some(Ended::Gone { answered }),
            },
        }
    }

    /// The device is gone or will be: what it sent before is taken all the same.
    async fn drain(
        &self,
        course: &mut Course,
        chunks: &mut (impl futures::Stream<Item = Vec<btleplug::api::ValueNotification>> + Unpin),
    ) -> Result<(), Ended> {
        while let Some(Some(some)) = chunks.next().now_or_never() {
            for value in some {
                if let Some(id) = source(&value) {
                    course.take(self.sent(id, 0, value.value));
                }
            }
        }
        course.flush();
        self.settle(course).await
    }

    async fn performed(
        &self,
        course: &mut Course,
        action: &Action,
        result: Result<Vec<u8>, Failure>,
        answered: bool,
    ) -> Result<Option<Ended>, Ended> {
        let taken = self.shared.clock.now();
        let id = &self.config().id;
        if let (Action::Read(read), Ok(raw)) = (action, &result)
            && self.shared.captures.wants(id)
        {
            let frame = Frame::new(taken.wall, id, *read, 0, How::Read, raw);
            tokio::task::block_in_place(|| self.shared.captures.write(&[frame]));
        }
        if let Err(failure) = &result {
            tracing::debug!(device = id, %failure, "a step failed");
            self.shared
                .failed(self.device, failure.kind.word(), &failure.to_string());
            if failure.kind == Kind::BondLost {
                return Ok(Some(Ended::BondLost(failure.text.clone())));
            }
            if failure.kind == Kind::Authentication && self.is_bonded().await {
                return Ok(Some(Ended::BondLost(failure.text.clone())));
            }
            if matches!(
                failure.kind,
                Kind::Disconnected | Kind::NotFound | Kind::Bus
            ) {
                return Ok(Some(Ended::Gone { answered }));
            }
        }
        let verdict = course.done(action, result.as_deref(), taken, Instant::now());
        self.settle(course).await?;
        Ok(match verdict {
            Verdict::Go => None,
            Verdict::Refuse(why, words) => Some(Ended::Refused(why, words)),
            Verdict::Fail(failure) => Some(Ended::Failed(failure)),
        })
    }

    async fn is_bonded(&self) -> bool {
        let facts = self.stack.bus.device(&self.link.path()).await;
        facts.is_ok_and(|facts| facts.paired)
    }

    /// Puts what is ready, and tells the course of what is safe then.
    async fn settle(&self, course: &mut Course) -> Result<(), Ended> {
        let config = self.config();
        let items = {
            let repeats = self.shared.repeats(self.device);
            let mut repeats = lock(&repeats);
            course.ready(&mut repeats, Instant::now())
        };
        if !items.is_empty() {
            self.captured(&items);
            self.put(&items).await?;
            self.note(&items);
            let repeats = self.shared.repeats(self.device);
            let mut repeats = lock(&repeats);
            for item in items {
                if let Some(key) = item.key {
                    repeats.remember(key);
                }
                course.stored(item, Instant::now());
            }
        }
        if let Some(memory) = course.changed_memory() {
            self.save(&memory)?;
        }
        for (offset, battery) in course.facts() {
            if let Some(offset) = offset {
                self.shared.report.offset(&config.id, offset);
            }
            if let Some(percent) = battery {
                self.shared.report.battery(&config.id, percent);
            }
            self.shared.devices.update(&config.id, |known| {
                known.clock_offset = offset.or(known.clock_offset);
                known.battery = battery.or(known.battery);
            });
        }
        Ok(())
    }

    fn captured(&self, items: &[Item]) {
        let id = &self.config().id;
        if !self.shared.captures.wants(id) {
            return;
        }
        let frames: Vec<_> = items
            .iter()
            .filter_map(|item| item.sent.as_ref())
            .map(|sent| {
                Frame::new(
                    sent.taken.wall,
                    id,
                    sent.id,
                    sent.instance,
                    How::Sent,
                    &sent.raw,
                )
            })
            .collect();
        tokio::task::block_in_place(|| self.shared.captures.write(&frames));
    }

    fn note(&self, items: &[Item]) {
        let id = &self.config().id;
        let report = &self.shared.report;
        for item in items {
            if item.sent.is_some() {
                report.notified(id);
            }
            if let Some(readings) = &item.readings {
                report.read(id, readings.records.len());
                let wall = readings.taken.wall;
                self.shared
                    .devices
                    .update(id, |known| known.last_reading = Some(wall));
            }
            for note in &item.notes {
                match note {
                    Note::Duplicate => report.duplicate(id),
                    Note::Ignored => report.ignored(id),
                    Note::Unmatched => report.unmatched(id),
                    Note::Record => report.record(id),
                    Note::NotSet => report.failed(id, "unsynchronized"),
                    Note::Undecodable { checksum, words } => {
                        report.undecodable(id, *checksum);
                        let kind = if *checksum { "checksum" } else { "undecodable" };
                        self.shared.failed(self.device, kind, words);
                    }
                }
            }
        }
    }

    /// Resolves when they are synced. Without room the device is let go, so that no more come, and what it sent waits.
    async fn put(&self, items: &[Item]) -> Result<(), Ended> {
        let readings: Vec<_> = items
            .iter()
            .filter_map(|item| item.readings.clone())
            .collect();
        if readings.is_empty() {
            return Ok(());
        }
        let mut room = self.shared.intake.room();
        let mut waited = false;
        loop {
            match self.shared.intake.put(readings.clone()).await {
                Ok(()) if waited => return Err(Ended::NoRoom),
                Ok(()) => return Ok(()),
                Err(Refused::Ended) => return Err(Ended::Over),
                Err(Refused::Full) => {
                    if !waited {
                        self.link.disconnect().await;
                        self.shared.state(self.device, "no-room");
                        waited = true;
                    }
                    tokio::select! {
                        // What is not stored is lost with us; it was counted as taken, so this is said.
                        () = self.stop.cancelled() => {
                            let count = readings.len();
                            tracing::error!(device = self.config().id, count, "values that a device let go of are lost: the spool is full");
                            return Err(Ended::NoRoom);
                        }
                        changed = room.changed() => if changed.is_err() { return Err(Ended::Over) },
                    }
                }
            }
        }
    }
}

async fn maybe<T>(operation: &mut Option<BoxFuture<'static, T>>) -> T {
    match operation {
        Some(operation) => operation.await,
        None => std::future::pending().await,
    }
}
