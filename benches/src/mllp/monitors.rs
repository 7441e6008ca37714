//! The monitors: an open loop of messages on as many connections, which outlive the gateway's death.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use wardline_normalize::time::Micros;

use super::arrived::Key;
use super::message::{TICK, control_id, write};
use crate::load::histogram;

/// Between two tries to connect: monitors are patient, and the gateway needs the core.
const AGAIN: Duration = Duration::from_millis(200);
/// For the answers at the end.
const GRACE: Duration = Duration::from_secs(60);
/// A monitor without an answer for this long sends again on a new connection.
const IMPATIENT: Duration = Duration::from_secs(20);
/// Due before this is behind us: for the first connections.
const LEAD: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub(super) struct Load {
    pub(super) port: u16,
    pub(super) monitors: u32,
    /// From one message of a monitor to its next.
    pub(super) every: Duration,
    pub(super) duration: Duration,
}

/// What all monitors saw.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) acknowledged: HashSet<Key>,
    /// Latency of what was answered before the first connection broke, and of everything.
    pub(super) before: Histogram<u64>,
    pub(super) all: Histogram<u64>,
    pub(super) sent: u64,
    pub(super) bytes: u64,
    pub(super) resent: u64,
    /// Answers that are not to the oldest message, or not positive.
    pub(super) strange: u64,
    /// The longest time in which nobody got an answer.
    pub(super) silence: Duration,
    last: Instant,
    broken: bool,
}

/// Running monitors.
#[derive(Debug)]
pub(super) struct Monitors {
    start: Instant,
    count: Arc<AtomicU64>,
    thread: JoinHandle<anyhow::Result<Outcome>>,
}

struct Shared {
    load: Load,
    start: Instant,
    /// Wall clock at `start`.
    wall: Micros,
    count: Arc<AtomicU64>,
    outcome: Mutex<Outcome>,
}

impl Monitors {
    /// On a thread of their own.
    pub(super) fn start(load: Load) -> anyhow::Result<Self> {
        let start = Instant::now() + LEAD;
        let wall = chrono::Utc::now().timestamp_micros() + LEAD.as_micros() as Micros;
        let count = Arc::new(AtomicU64::new(0));
        let shared = Arc::new(Shared {
            start,
            wall,
            load,
            count: Arc::clone(&count),
            outcome: Mutex::new(Outcome {
                acknowledged: HashSet::new(),
                before: histogram(),
                all: histogram(),
                sent: 0,
                bytes: 0,
                resent: 0,
                strange: 0,
                silence: Duration::ZERO,
                last: start,
                broken: false,
            }),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("monitors".to_owned())
            .spawn(move || runtime.block_on(all(shared)))?;
        Ok(Self {
            start,
            count,
            thread,
        })
    }

    /// Until this long after the first message was due.
    pub(super) fn wait_until(&self, after: Duration) -> anyhow::Result<()> {
        let until = self.start + after;
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        ensure!(self.acknowledged() > 0, "no acknowledgement so far");
        Ok(())
    }

    pub(super) fn acknowledged(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// When the last message is answered.
    pub(super) fn finish(self) -> anyhow::Result<Outcome> {
        self.thread
            .join()
            .ok()
            .context("the monitors' thread failed")?
    }
}

async fn all(shared: Arc<Shared>) -> anyhow::Result<Outcome> {
    let monitors =
        (0..shared.load.monitors).map(|number| tokio::spawn(one(number, Arc::clone(&shared))));
    let monitors: Vec<_> = monitors.collect();
    for monitor in monitors {
        monitor.await?;
    }
    let shared = Arc::into_inner(shared).context("a monitor is left")?;
    Ok(shared
        .outcome
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}

/// One that was sent or is due and not answered.
struct Open {
    due: Instant,
    time: Micros,
}

/// One monitor's life.
struct Monitor {
    number: u32,
    shared: Arc<Shared>,
    open: VecDeque<Open>,
    next: u32,
    messages: u32,
    out: Vec<u8>,
}

async fn one(number: u32, shared: Arc<Shared>) {
    let messages = (shared.load.duration.as_secs_f64() / shared.load.every.as_secs_f64()) as u32;
    let mut monitor = Monitor {
        number,
        open: VecDeque::new(),
        next: 0,
        messages,
        out: Vec::new(),
        shared,
    };
    let give_up = monitor.shared.start + monitor.shared.load.duration + GRACE;
    while !monitor.done() && Instant::now() < give_up {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", monitor.shared.load.port)).await {
            // Broken, or done.
            drop(monitor.session(stream, give_up).await);
            let mut outcome = monitor.outcome();
            outcome.broken |= !monitor.done();
        }
        if !monitor.done() {
            sleep(AGAIN).await;
        }
    }
}

impl Monitor {
    fn done(&self) -> bool {
        self.next == self.messages && self.open.is_empty()
    }

    fn outcome(&self) -> std::sync::MutexGuard<'_, Outcome> {
        self.shared
            .outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next message is due: monitors are spread over the interval.
    fn due(&self) -> Instant {
        let every = self.shared.load.every;
        self.shared.start + every * self.next + every * self.number / self.shared.load.monitors
    }

    /// Sends what is open and what comes to be due, until the connection breaks or all is answered.
    async fn session(&mut self, mut stream: TcpStream, give_up: Instant) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        self.out.clear();
        for open in &self.open {
            write(&mut self.out, self.number, open.time);
        }
        self.outcome().resent += self.open.len() as u64;
        stream.write_all(&self.out).await?;
        let mut received = Vec::new();
        while !self.done() {
            let due = if self.next < self.messages {
                self.due()
            } else {
                give_up
            };
            let impatient = self
                .open
                .front()
                .map_or(give_up, |open| open.due.max(Instant::now()) + IMPATIENT);
            tokio::select! {
                () = sleep_until(due) => {
                    if self.next == self.messages {
                        return Ok(());
                    }
                    self.send(&mut stream, due).await?;
                }
                read = stream.read_buf(&mut received) => {
                    ensure!(read? > 0, "closed");
                    self.answers(&mut received);
                }
                () = sleep_until(impatient) => anyhow::bail!("no answer"),
            }
        }
        timeout(AGAIN, stream.shutdown()).await??;
        Ok(())
    }

    async fn send(&mut self, stream: &mut TcpStream, due: Instant) -> anyhow::Result<()> {
        let after = due.duration_since(self.shared.start).as_micros() as Micros;
        let time = (self.shared.wall + after) / TICK * TICK;
        self.next += 1;
        self.open.push_back(Open { due, time });
        self.out.clear();
        write(&mut self.out, self.number, time);
        {
            let mut outcome = self.outcome();
            outcome.sent += 1;
            outcome.bytes += self.out.len() as u64;
        }
        stream.write_all(&self.out).await?;
        Ok(())
    }

    /// Takes the whole acknowledgements out of what was received; each must be the oldest open message's.
    fn answers(&mut self, received: &mut Vec<u8>) {
        while let Some(end) = received.iter().position(|byte| *byte == 0x1C) {
            let frame: Vec<u8> = received.drain(..=end).collect();
            let text = String::from_utf8_lossy(&frame);
            let Some(open) = self.open.front() else {
                self.outcome().strange += 1;
                continue;
            };
            let expected = format!("\rMSA|AA|{}", control_id(self.number, open.time));
            if !text.contains(&expected) {
                self.outcome().strange += 1;
                continue;
            }
            let (latency, key) = (
                open.due.elapsed().as_micros() as u64,
                (self.number, open.time / TICK),
            );
            self.open.pop_front();
            self.shared.count.fetch_add(1, Ordering::Relaxed);
            let mut outcome = self.outcome();
            outcome.acknowledged.insert(key);
            outcome.all.saturating_record(latency);
            if !outcome.broken {
                outcome.before.saturating_record(latency);
            }
            let now = Instant::now();
            let silence = now.saturating_duration_since(outcome.last);
            outcome.silence = outcome.silence.max(silence);
            outcome.last = now;
        }
    }
}
