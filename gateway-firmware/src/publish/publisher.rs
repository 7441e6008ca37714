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
//!   0x87 not authorised, 0x90 topic name invalid, 0x97 quota exceeded, 0x99 payload format invalid: the device is held
//!   back (`held`), then tried again; others go on. 0x80, 0x83, 0x91: everything pauses, 1 s at first and twice as long
//!   each time up to a minute. So it does after 0x10, no matching subscribers: a broker without Wardline behind it throws
//!   the message away. A DISCONNECT 0x97 holds back the device whose pack was on the wire.
//!   A record too large for the server's packets is put aside on disk and counted (`aside`).
//!
//! `flow`: lanes to wire. `aside`: what is too large. `answers`: PUBACKs. `held`: devices held back. `talk`: status, answers to commands, mirror.

mod answers;
mod aside;
mod flow;
mod held;
mod talk;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, DisconnectReasonCode, Packet};
use rumqttc::v5::{AsyncClient, Event};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wardline_log::Error;

use super::commands::Commands;
use super::figures::Figures;
use super::outbox::Outbox;
use super::pack::Limits;
use super::wire::{self, News, Settings};
use crate::clock::{Clock, Stamper};
use crate::config::Config;
use crate::devices::Devices;
use crate::enrol::Renewals;
use crate::run::context::{Command, PULSE, Pulse};
use crate::spool::{Lane, Lanes, Position, Spool};
use flow::{Pace, Way};
use held::Held;
use talk::settings;

/// Read from the spool at once: of the backlog so much that a pack holds many entries of its device, whoever's stand
/// between them.
const READ_BYTES: usize = 256 << 10;
const READ_BACKLOG_BYTES: usize = 1 << 20;
/// Live packs that are open or ready: beyond it, what comes waits on disk.
const OPEN_BYTES: usize = 4 << 20;
/// The backlog slows down when an acknowledgement takes longer.
const SLOW: Duration = Duration::from_millis(250);
/// What was taken so short a time before the connection is live too.
const FRESH: i64 = 2_000_000;
/// Health goes out this often.
const HEALTH: Duration = Duration::from_secs(60);
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

pub(crate) struct Publisher {
    parts: Parts,
    lanes: Option<Lanes>,
    stamper: Stamper,
    link: Option<Link>,
    live: Way,
    backlog: Way,
    pace: Pace,
    /// Of what was sent last.
    last: Lane,
    held: Held,
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
        last: Lane::Backlog,
        held: Held::default(),
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
    publisher.answers = publisher.commands.restarted();
    publisher.answers.truncate(REPLIES);
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
            // What may not leave closes no pack.
            self.link
                .as_ref()
                .filter(|_| self.paused.is_none() && !self.rewind)
                .and(self.live.packer.next_expiry()),
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
        self.rewind |= self.held.expire(now);
        self.parts.spool.set_held(self.held.devices());
        if self.link.is_some() {
            for answer in std::mem::take(&mut self.answers) {
                self.answer(Some(answer));
            }
        }
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
                Event::Incoming(Packet::Disconnect(end))
                    if end.reason_code == DisconnectReasonCode::QuotaExceeded =>
                {
                    self.sent_away(Instant::now());
                }
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
}
