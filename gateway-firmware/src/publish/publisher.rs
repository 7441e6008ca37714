//! From the spool to the server: what `run` publishes.
//!
//! ```text
//! lanes (live, backlog) ─> stamp ─> packs ─> at most a window on the wire ─> PUBACK ─> spool.acknowledge
//!        ^──────────── a new connection: everything unacknowledged is read again, as backlog
//! ```
//!
//! * The backlog has its share of the window while there is any, the live lane the rest: neither waits for the other.
//!   How much of its share the backlog uses follows the time the server takes (halved above [`SLOW`], one more pack at
//!   a time below), so that a thin line is not filled with what is old.
//! * Nothing leaves for the first `time.wait` after the start unless the clock is synchronised: what the gateway
//!   stamped can then still be dated right.
//! * A PUBACK with a failure loses nothing, the entry stays in the spool:
//!   0x87 not authorised, 0x90 topic name invalid, 0x99 payload format invalid: the device is held back for
//!   [`HELD`], then tried again; others go on. 0x97 quota exceeded, 0x80, 0x83, 0x91: everything pauses, 1 s at first
//!   and twice as long each time up to a minute. 0x10 no subscribers is a success: the broker has it. A record too large
//!   for the server's packets is put aside on disk and counted.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, PubAck, PubAckReason, PublishProperties};
use rumqttc::v5::{AsyncClient, Event};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wardline_log::Error;

use super::commands::Commands;
use super::figures::Figures;
use super::outbox::Outbox;
use super::pack::{Limits, Pack, Packer, encode};
use super::session::JSON;
use super::wire::{self, BESIDE_WINDOW, News, Settings};
use super::{mirror, status};
use crate::clock::{Clock, Stamper};
use crate::config::Config;
use crate::devices::Devices;
use crate::enrol::Renewals;
use crate::run::context::{Command, PULSE, Pulse};
use crate::source::Kind;
use crate::spool::{Lane, Lanes, Position, Spool, Taken, replace};

/// Read from the spool at once.
const READ_BYTES: usize = 256 << 10;
/// Live packs that are open or ready: beyond it, what comes waits on disk.
const OPEN_BYTES: usize = 4 << 20;
/// The backlog slows down when an acknowledgement takes longer.
const SLOW: Duration = Duration::from_millis(250);
/// What was taken so short a time before the connection is live too.
const FRESH: i64 = 2_000_000;
/// Health goes out this often.
const HEALTH: Duration = Duration::from_secs(60);
/// How long a device that the server does not want is held back.
const HELD: Duration = Duration::from_secs(300);
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(60);
/// News of the connection waiting for us; beyond it rumqttc waits.
const NEWS: usize = 64;
/// Answers to commands that wait for a connection.
const REPLIES: usize = 64;
/// At the end, for the farewell's acknowledgement.
const FAREWELL: Duration = Duration::from_secs(2);
/// MQTT's largest packet, when a server states no bound of its own.
const PACKET_MOST: usize = 256 << 20;
/// Topic and header of a message beside its payload.
const HEADER: usize = 512;

/// What a publisher works with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) spool: Arc<Spool>,
    pub(crate) clock: Clock,
    pub(crate) devices: Devices,
    pub(crate) config: watch::Receiver<Arc<Config>>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) dispatch: mpsc::Sender<Command>,
    pub(crate) pulse: Pulse,
    /// The certificate's state, for the health message.
    pub(crate) renewals: Renewals,
    /// Directory of state.
    pub(crate) state: PathBuf,
    /// Bytes or logs found damaged at the start, for the status.
    pub(crate) damaged: u64,
    /// No more will be put: what is there goes out, as far as the deadline allows.
    pub(crate) drain: CancellationToken,
    pub(crate) drain_for: Duration,
}

/// One message on the wire.
#[derive(Debug)]
enum Sent {
    Pack(Part),
    /// Status or a command's answer.
    Other,
}

/// A message of a pack; the pack is acknowledged when all its messages are.
#[derive(Debug)]
struct Part {
    lane: Lane,
    device: String,
    whole: Arc<Whole>,
    bytes: usize,
    at: Instant,
}

#[derive(Debug)]
struct Whole {
    positions: Vec<Position>,
    records: usize,
    taken: i64,
    left: AtomicUsize,
}

struct Link {
    client: AsyncClient,
    outbox: Outbox<Sent>,
    /// Largest payload.
    most: usize,
    window: usize,
}

/// One lane's packs and messages.
struct Way {
    packer: Packer,
    in_flight: usize,
}

/// How much of its share the backlog uses.
struct Pace {
    packs: usize,
    slowed: Instant,
}

pub(crate) struct Publisher {
    parts: Parts,
    lanes: Option<Lanes>,
    stamper: Stamper,
    link: Option<Link>,
    live: Way,
    backlog: Way,
    pace: Pace,
    held: HashMap<String, Instant>,
    /// Entries were kept back: read again once nothing is on the wire.
    rewind: bool,
    paused: Option<Instant>,
    pause: Duration,
    commands: Commands,
    replies: mpsc::Receiver<Value>,
    answers: Vec<Value>,
    health: Instant,
    synchronized: bool,
    started: Instant,
    noted: Instant,
    settings: watch::Sender<Settings>,
    wire_stop: CancellationToken,
    news: mpsc::Receiver<News>,
}

/// Publishes until the drain is over; gives how many entries stay in the spool.
pub(crate) async fn run(parts: Parts) -> Result<u64, Error> {
    let config = Arc::clone(&parts.config.borrow());
    let (settings, watched) = watch::channel(settings(&config, &parts.clock));
    let (tell, news) = mpsc::channel(NEWS);
    let wire_stop = CancellationToken::new();
    let wire = tokio::spawn(wire::run(watched, tell, wire_stop.clone()));
    let (reply, replies) = mpsc::channel(REPLIES);
    let now = Instant::now();
    let mut publisher = Publisher {
        lanes: Some(Lanes::new(Arc::clone(&parts.spool))),
        stamper: Stamper::new(parts.clock.clone(), &parts.state),
        link: None,
        live: Way::new(limits(&config)),
        backlog: Way::new(limits(&config)),
        pace: Pace {
            packs: 1,
            slowed: now,
        },
        held: HashMap::new(),
        rewind: false,
        paused: None,
        pause: PAUSE_FIRST,
        commands: Commands::new(&parts.state, parts.dispatch.clone(), reply),
        replies,
        answers: Vec::new(),
        health: now,
        synchronized: false,
        started: now,
        noted: now,
        settings,
        wire_stop,
        news,
        parts,
    };
    let outcome = publisher.run().await;
    publisher.wire_stop.cancel();
    publisher.parts.pulse.end();
    let waiting = publisher.parts.spool.waiting();
    drop(publisher);
    if wire.await.is_err() {
        tracing::error!("the connection's task panicked");
    }
    outcome.map(|()| waiting)
}

fn limits(config: &Config) -> Limits {
    Limits {
        linger: config.publish.linger,
        bytes: usize::try_from(config.publish.max_bytes.0).unwrap_or(usize::MAX),
        records: config.publish.max_records,
    }
}

fn settings(config: &Config, clock: &Clock) -> Settings {
    let server = &config.server;
    let tls = server.tls();
    let password = server.password_file.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
            .unwrap_or_else(|error| {
                tracing::error!(%error, file = %file.display(), "cannot read the password");
                String::new()
            })
    });
    let files = [&server.ca, &server.cert, &server.key, &server.password_file];
    let files = files.into_iter().flatten().map(|file| {
        let found = std::fs::metadata(file).ok();
        let changed = found.as_ref().and_then(|found| found.modified().ok());
        (changed, found.map_or(0, |found| found.len()))
    });
    Settings {
        url: server.url.clone(),
        files: files.collect(),
        tls,
        client: config.gateway.clone(),
        credentials: server
            .username
            .clone()
            .zip(password.or_else(|| server.password.clone())),
        status_topic: format!("{}/status", config.prefix()),
        will: status::will(clock),
        window: server.window,
    }
}

impl Way {
    fn new(limits: Limits) -> Self {
        Self {
            packer: Packer::new(limits),
            in_flight: 0,
        }
    }
}

impl Publisher {
    async fn run(&mut self) -> Result<(), Error> {
        let mut visible = self.parts.spool.visible();
        let drain = self.parts.drain.clone();
        let mut deadline: Option<Instant> = None;
        loop {
            self.parts.pulse.beat();
            self.fill(deadline.is_some()).await?;
            let now = Instant::now();
            if let Some(deadline) = deadline {
                let done = self.parts.spool.waiting() == 0;
                if done || now >= deadline {
                    return self.farewell().await;
                }
            }
            let wake = self.wake(now, deadline);
            tokio::select! {
                news = self.news.recv() => match news {
                    Some(news) => {
                        self.on_news(news)?;
                        // What came together is handled together.
                        for _ in 0..NEWS {
                            let Ok(news) = self.news.try_recv() else { break };
                            self.on_news(news)?;
                        }
                    }
                    None => return Ok(()),
                },
                changed = visible.changed() => if changed.is_err() { return Ok(()) },
                Some(answer) = self.replies.recv() => {
                    let answer = self.commands.answered(answer);
                    self.answer(answer);
                }
                changed = self.parts.config.changed() => {
                    if changed.is_err() { return Ok(()) }
                    self.reload();
                }
                () = drain.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + self.parts.drain_for);
                }
                () = tokio::time::sleep_until(wake.into()) => self.tick(),
            }
        }
    }

    /// When there is something to do though nothing happens.
    fn wake(&self, now: Instant, deadline: Option<Instant>) -> Instant {
        let times = [
            deadline,
            self.link.as_ref().and(self.live.packer.next_expiry()),
            self.paused,
            Some(self.health),
            Some(now + PULSE.min(Duration::from_secs(1))),
        ];
        times.into_iter().flatten().min().unwrap_or(now)
    }

    /// Once a second or so.
    fn tick(&mut self) {
        let now = Instant::now();
        if let Err(error) = self.stamper.remember() {
            tracing::warn!(%error, "cannot write down when this boot was");
        }
        let synchronized = self.parts.clock.now().synchronized;
        if now >= self.health || synchronized != self.synchronized {
            self.synchronized = synchronized;
            self.health = now + HEALTH;
            self.status();
        }
        let config = Arc::clone(&self.parts.config.borrow());
        let settings = settings(&config, &self.parts.clock);
        self.settings.send_if_modified(|known| {
            let changed = *known != settings;
            *known = settings;
            changed
        });
        self.paused = self.paused.filter(|&until| until > now);
        let held = self.held.len();
        self.held.retain(|_, until| *until > now);
        self.rewind |= self.held.len() < held;
    }

    fn reload(&mut self) {
        let config = Arc::clone(&self.parts.config.borrow_and_update());
        self.live.packer.set_limits(limits(&config));
        self.backlog.packer.set_limits(limits(&config));
        self.parts.spool.set_max_size(config.spool.max_size.0);
        self.tick();
        self.status();
    }

    fn on_news(&mut self, news: News) -> Result<(), Error> {
        match news {
            News::Up(client, ack) => self.up(client, &ack),
            News::Down { was_up } => self.down(was_up),
            News::Event(event) => match *event {
                Event::Incoming(Packet::PubAck(ack)) => self.on_ack(&ack)?,
                Event::Incoming(Packet::Publish(publish)) => {
                    let tls = self.parts.config.borrow().server.url.tls;
                    let now = self.parts.clock.now().wall;
                    self.parts.figures.commands.fetch_add(1, Ordering::Relaxed);
                    let answer = self.commands.hear(&publish.payload, now, tls);
                    self.answer(answer);
                }
                Event::Outgoing(Outgoing::Publish(packet_id)) => {
                    if let Some(link) = &mut self.link {
                        link.outbox.sent(packet_id);
                    }
                }
                _ => {}
            },
        }
        Ok(())
    }

    fn up(&mut self, client: AsyncClient, ack: &ConnAck) {
        let config = Arc::clone(&self.parts.config.borrow());
        let properties = ack.properties.as_ref();
        let most = properties
            .and_then(|p| p.max_packet_size)
            .map_or(PACKET_MOST, |most| most as usize);
        let receive = properties
            .and_then(|p| p.receive_max)
            .map_or(usize::MAX, usize::from);
        // Two of the server's places are left for status and answers.
        let window = usize::from(config.server.window).min(receive.saturating_sub(2).max(2));
        let topic = format!("{}/command", config.prefix());
        if client.try_subscribe(topic, QoS::AtLeastOnce).is_err() {
            tracing::error!("cannot ask for commands");
        }
        self.link = Some(Link {
            client,
            outbox: Outbox::new(),
            most: most.saturating_sub(HEADER).max(HEADER),
            window,
        });
        self.parts.figures.connected.store(true, Ordering::Relaxed);
        self.parts
            .figures
            .connections
            .fetch_add(1, Ordering::Relaxed);
        tracing::info!(url = %config.server.url, window, waiting = self.parts.spool.waiting(), "connected");
        self.pace.packs = 1;
        self.start_over();
        self.health = Instant::now() + HEALTH;
        self.status();
        for answer in std::mem::take(&mut self.answers) {
            self.answer(Some(answer));
        }
    }

    fn down(&mut self, was_up: bool) {
        self.link = None;
        self.parts.figures.connected.store(false, Ordering::Relaxed);
        if was_up {
            self.start_over();
        }
    }

    /// Everything unacknowledged is read again, as backlog.
    fn start_over(&mut self) {
        self.rewind = false;
        for way in [&mut self.live, &mut self.backlog] {
            way.packer.clear();
            way.in_flight = 0;
        }
        let live = self.parts.clock.now().since_boot - FRESH;
        if let Some(lanes) = &mut self.lanes {
            lanes.rewind(live);
        }
    }

    fn on_ack(&mut self, ack: &PubAck) -> Result<(), Error> {
        let sent = self
            .link
            .as_mut()
            .and_then(|link| link.outbox.acknowledged(ack.pkid));
        let Some(Sent::Pack(part)) = sent else {
            return Ok(());
        };
        let took = part.at.elapsed();
        let way = match part.lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        };
        way.in_flight = way.in_flight.saturating_sub(1);
        if part.lane == Lane::Backlog {
            self.pace.adapt(took);
        }
        match ack.reason {
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                self.pause = PAUSE_FIRST;
                self.delivered(&part);
            }
            reason => self.failed(&part, reason),
        }
        Ok(())
    }

    fn delivered(&mut self, part: &Part) {
        let whole = &part.whole;
        let figures = &self.parts.figures;
        figures
            .bytes
            .fetch_add(part.bytes as u64, Ordering::Relaxed);
        if whole.left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return;
        }
        for position in &whole.positions {
            self.parts.spool.acknowledge(*position);
        }
        figures.acknowledged(part.lane, whole.records);
        if part.lane == Lane::Live {
            let now = self.parts.clock.now().since_boot;
            figures.took(now.saturating_sub(whole.taken));
        }
    }

    /// The entries stay in the spool.
    fn failed(&mut self, part: &Part, reason: PubAckReason) {
        use PubAckReason as Reason;
        self.parts.figures.failed.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        self.rewind = true;
        match reason {
            Reason::NotAuthorized | Reason::TopicNameInvalid | Reason::PayloadFormatInvalid => {
                let device = part.device.clone();
                if self.held.insert(device, now + HELD).is_none() {
                    let device = &part.device;
                    tracing::error!(
                        device,
                        ?reason,
                        "the server does not take this device's readings; they are kept"
                    );
                }
            }
            _ => {
                if self.paused.is_none() {
                    let pause = self.pause;
                    tracing::warn!(
                        ?reason,
                        ?pause,
                        "the server takes nothing now; everything is kept"
                    );
                    self.paused = Some(now + pause);
                    self.pause = (pause * 2).min(PAUSE_MOST);
                }
            }
        }
    }

    /// Sends what may be sent.
    async fn fill(&mut self, draining: bool) -> Result<(), Error> {
        if self.link.is_none() || self.paused.is_some() || self.waits_for_clock(draining) {
            return self.note_oldest().await;
        }
        if self.rewind {
            if self.live.in_flight + self.backlog.in_flight > 0 {
                return Ok(());
            }
            self.start_over();
        }
        for lane in [Lane::Live, Lane::Backlog] {
            self.fill_lane(lane, draining).await?;
        }
        self.note_oldest().await
    }

    fn waits_for_clock(&self, draining: bool) -> bool {
        let wait = self.parts.config.borrow().time.wait;
        !draining && self.parts.clock.anchor().is_none() && self.started.elapsed() < wait
    }

    async fn fill_lane(&mut self, lane: Lane, draining: bool) -> Result<(), Error> {
        loop {
            let places = self.places(lane);
            let way = match lane {
                Lane::Live => &mut self.live,
                Lane::Backlog => &mut self.backlog,
            };
            if lane == Lane::Live && !draining {
                way.packer.expire(Instant::now());
            } else {
                way.packer.close_all();
            }
            if way.in_flight < places
                && let Some(pack) = way.packer.pop()
            {
                self.send(lane, pack);
                continue;
            }
            // The live lane is read on, so that packs grow while they wait; the backlog only when it may send.
            let more = match lane {
                Lane::Live => way.packer.bytes() < OPEN_BYTES,
                Lane::Backlog => way.in_flight < places,
            };
            if !more || !self.read(lane).await? {
                return Ok(());
            }
        }
    }

    /// Messages that a lane may have on the wire.
    fn places(&self, lane: Lane) -> usize {
        let Some(link) = &self.link else { return 0 };
        let backlog_left =
            self.backlog.in_flight > 0 || self.lanes.as_ref().is_some_and(Lanes::backlog_left);
        let share = usize::from(self.parts.config.borrow().spool.backlog_share);
        let reserved = (link.window * share / 100).clamp(1, link.window - 1);
        match lane {
            Lane::Live if backlog_left => link.window - reserved,
            Lane::Live => link.window,
            Lane::Backlog => reserved.min(self.pace.packs),
        }
    }

    /// Reads on in a lane, off this task; whether there was anything.
    async fn read(&mut self, lane: Lane) -> Result<bool, Error> {
        let behind = self.parts.config.borrow().spool.live;
        let now = self.parts.clock.now().since_boot;
        let taken = self
            .with_lanes(move |lanes| {
                if lane == Lane::Live
                    && let Some(since) = lanes.live_since()?
                    && now.saturating_sub(since) > crate::clock::micros(behind)
                {
                    lanes.demote(now - FRESH);
                }
                lanes.take(lane, READ_BYTES)
            })
            .await?;
        if taken.is_empty() {
            return Ok(false);
        }
        let now = Instant::now();
        for taken in taken {
            self.add(lane, taken, now);
        }
        Ok(true)
    }

    fn add(&mut self, lane: Lane, mut taken: Taken, now: Instant) {
        if self.held.contains_key(&taken.entry.readings.device) {
            return;
        }
        let word = self.stamper.stamp(&mut taken.entry);
        let way = match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        };
        way.packer.add(taken, word, now);
    }

    /// Lanes read from disk: on a thread that may block.
    async fn with_lanes<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Lanes) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let mut lanes = match self.lanes.take() {
            Some(lanes) => lanes,
            None => Lanes::new(Arc::clone(&self.parts.spool)),
        };
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work(&mut lanes);
            (lanes, outcome)
        });
        match done.await {
            Ok((lanes, outcome)) => {
                self.lanes = Some(lanes);
                outcome
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// For the age of the spool: the oldest of what is read, or next.
    async fn note_oldest(&mut self) -> Result<(), Error> {
        if self.noted.elapsed() < PULSE.min(Duration::from_secs(1)) {
            return Ok(());
        }
        self.noted = Instant::now();
        let on_wire = self.link.as_ref().and_then(|link| {
            let packs = link.outbox.iter().filter_map(|sent| match sent {
                Sent::Pack(part) => Some(part.whole.taken),
                Sent::Other => None,
            });
            packs.min()
        });
        let next = match &mut self.lanes {
            Some(lanes) if lanes.backlog_left() => {
                self.with_lanes(|lanes| lanes.oldest_head(Lane::Backlog))
                    .await?
            }
            Some(_) => self.with_lanes(Lanes::live_since).await?,
            None => None,
        };
        let oldest = [on_wire, next].into_iter().flatten().min();
        self.parts.figures.set_oldest(oldest);
        Ok(())
    }

    fn send(&mut self, lane: Lane, pack: Pack) {
        let config = Arc::clone(&self.parts.config.borrow());
        let Some(most) = self.link.as_ref().map(|link| link.most) else {
            return;
        };
        let topic = match pack.kind {
            Kind::Readings => format!("{}/{}/readings", config.prefix(), pack.device),
            Kind::Alarms => format!("{}/{}/alarms", config.prefix(), pack.device),
        };
        if lane == Lane::Live && config.mirror.enabled {
            self.mirror(&config, &pack);
        }
        let device = pack.device.clone();
        let (positions, records, taken) = (pack.positions.clone(), pack.records.len(), pack.taken);
        let (payloads, too_large) = encode(pack, &config.hash, config.server.format, most);
        for record in too_large {
            self.put_aside(&device, &record);
        }
        let whole = Arc::new(Whole {
            positions,
            records,
            taken,
            left: AtomicUsize::new(payloads.len()),
        });
        if payloads.is_empty() {
            for position in &whole.positions {
                self.parts.spool.acknowledge(*position);
            }
            return;
        }
        let content_type = match config.server.format {
            crate::cli::Format::Json => wardline_normalize::senml::JSON,
            crate::cli::Format::Cbor => wardline_normalize::senml::CBOR,
        };
        for payload in payloads {
            let part = Part {
                lane,
                device: device.clone(),
                whole: Arc::clone(&whole),
                bytes: payload.len(),
                at: Instant::now(),
            };
            match lane {
                Lane::Live => self.live.in_flight += 1,
                Lane::Backlog => self.backlog.in_flight += 1,
            }
            self.publish(
                Sent::Pack(part),
                &topic,
                payload.into(),
                content_type,
                false,
            );
        }
    }

    /// A record that no message can hold is kept for a person; the rest goes on.
    fn put_aside(&self, device: &str, record: &wardline_normalize::senml::Record) {
        let number = self.parts.figures.too_large.fetch_add(1, Ordering::Relaxed);
        let since_boot = self.parts.clock.now().since_boot;
        let whole = wardline_normalize::senml::Pack {
            device: device.to_owned(),
            gateway: None,
            records: vec![record.clone()],
        };
        let name = format!("too-large-{since_boot}-{number}.cbor");
        tracing::error!(
            device,
            file = name,
            "a record is too large for the server; it is put aside"
        );
        if let Err(error) = replace(&self.parts.state, &name, &whole.to_cbor()) {
            tracing::error!(%error, "cannot put a record aside");
        }
    }

    fn publish(
        &mut self,
        sent: Sent,
        topic: &str,
        payload: Bytes,
        content_type: &str,
        retain: bool,
    ) {
        let Some(link) = &mut self.link else { return };
        link.outbox.accept(sent);
        link.outbox.submit();
        let properties = PublishProperties {
            content_type: Some(content_type.to_owned()),
            ..PublishProperties::default()
        };
        let given = link.client.try_publish_with_properties(
            topic.to_owned(),
            QoS::AtLeastOnce,
            retain,
            payload,
            properties,
        );
        if given.is_err() {
            // Only when the connection is ending: its end makes everything unacknowledged be read again.
            tracing::debug!("a message found the connection closed");
        }
    }

    fn mirror(&mut self, config: &Config, pack: &Pack) {
        let Some(link) = &mut self.link else { return };
        let Some(payload) = mirror::message(pack) else {
            return;
        };
        let topic = format!("{}/BTtoMQTT/{}", config.mirror.base, pack.device);
        if link
            .client
            .try_publish(topic, QoS::AtMostOnce, false, payload)
            .is_ok()
        {
            link.outbox.submitted_unkept();
        }
    }

    fn status(&mut self) {
        if self.link.is_none() {
            return;
        }
        let config = Arc::clone(&self.parts.config.borrow());
        let Parts {
            spool,
            figures,
            clock,
            devices,
            damaged,
            renewals,
            ..
        } = &self.parts;
        let mut payload = status::online(&config, spool, figures, clock, devices, *damaged);
        status::certificate(&mut payload, &renewals.health());
        let payload = payload.to_string().into();
        let topic = format!("{}/status", config.prefix());
        self.publish(Sent::Other, &topic, payload, JSON, true);
    }

    fn answer(&mut self, answer: Option<Value>) {
        let Some(answer) = answer else { return };
        if self.link.is_none() {
            if self.answers.len() < REPLIES {
                self.answers.push(answer);
            }
            return;
        }
        let topic = format!("{}/command/reply", self.parts.config.borrow().prefix());
        self.publish(Sent::Other, &topic, answer.to_string().into(), JSON, false);
    }

    /// Says that it ends, if there is anybody to hear it.
    async fn farewell(&mut self) -> Result<(), Error> {
        if self.link.is_none() {
            return Ok(());
        }
        let topic = format!("{}/status", self.parts.config.borrow().prefix());
        let payload = status::brief("offline", "stopped", &self.parts.clock);
        self.publish(Sent::Other, &topic, payload, JSON, true);
        let until = tokio::time::Instant::now() + FAREWELL;
        while self
            .link
            .as_ref()
            .is_some_and(|link| !link.outbox.is_empty())
        {
            match tokio::time::timeout_at(until, self.news.recv()).await {
                Ok(Some(news)) => self.on_news(news)?,
                Ok(None) | Err(_) => break,
            }
        }
        Ok(())
    }
}

impl Pace {
    fn adapt(&mut self, took: Duration) {
        if took < SLOW {
            self.packs = self.packs.saturating_add(1).min(BESIDE_WINDOW * 256);
        } else if self.slowed.elapsed() > took {
            // Once for all that was on the wire together.
            self.packs = (self.packs / 2).max(1);
            self.slowed = Instant::now();
        }
    }
}
