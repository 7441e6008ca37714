//! A connection in memory, with a spool that does as it is told.

mod alarms;
mod answers;
mod framing;
mod keeping;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardline_normalize::hl7v2::Repeats;
use wardline_normalize::hl7v2::frame::{Splitter, wrap};

use super::config::Config;
use super::metrics::Metrics;
use super::origin::{Origin, Shared};
use super::{connection, resend};
use crate::clock::Clock;
use crate::devices::Devices;
use crate::source::{Intake, Readings, Refused};

/// What the spool does with the next puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Takes,
    /// Keeps the reply until it is told to go on.
    Holds,
    Full,
}

type Replies = VecDeque<oneshot::Sender<Result<(), Refused>>>;

/// A spool in memory.
#[derive(Debug, Clone)]
struct Spool {
    mood: watch::Sender<Mood>,
    taken: Arc<Mutex<Vec<Readings>>>,
    held: Arc<Mutex<Replies>>,
    arrived: watch::Sender<usize>,
}

impl Spool {
    fn start() -> (Self, Intake) {
        let (intake, mut queue) = Intake::new(watch::channel(true).1);
        let spool = Self {
            mood: watch::channel(Mood::Takes).0,
            taken: Arc::default(),
            held: Arc::default(),
            arrived: watch::channel(0).0,
        };
        let own = spool.clone();
        tokio::spawn(async move {
            while let Some(put) = queue.recv().await {
                let mood = *own.mood.borrow();
                if mood == Mood::Full {
                    put.reply.send(Err(Refused::Full)).ok();
                } else {
                    own.taken.lock().unwrap().extend(put.readings);
                    match mood {
                        Mood::Holds => own.held.lock().unwrap().push_back(put.reply),
                        _ => {
                            put.reply.send(Ok(())).ok();
                        }
                    }
                }
                own.arrived.send_modify(|count| *count += 1);
            }
        });
        (spool, intake)
    }

    fn is(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Until so many puts have come.
    async fn puts(&self, count: usize) {
        let mut arrived = self.arrived.subscribe();
        let come = arrived.wait_for(|arrived| *arrived >= count);
        tokio::time::timeout(PATIENCE, come)
            .await
            .expect("puts in time")
            .unwrap();
    }

    /// Syncs one held put: the newest if `last`.
    fn release(&self, last: bool) {
        let mut held = self.held.lock().unwrap();
        let reply = if last {
            held.pop_back()
        } else {
            held.pop_front()
        };
        reply.unwrap().send(Ok(())).unwrap();
    }

    fn taken(&self) -> Vec<Readings> {
        self.taken.lock().unwrap().clone()
    }
}

/// A configured source and its spool.
struct Ward {
    origin: Arc<Origin>,
    spool: Spool,
    registry: Registry,
}

impl Ward {
    /// `lines`: of the source, beside its address.
    fn new(lines: &str) -> Self {
        let text = format!("[[listen]]\nbind = \"127.0.0.1:0\"\nname = \"ward\"\n{lines}");
        let config: Config = toml::from_str(&text).unwrap();
        let mut faults = Vec::new();
        config.check(&mut faults);
        assert_eq!(faults, Vec::<String>::new());
        let (spool, intake) = Spool::start();
        let mut registry = Registry::default();
        let shared = Shared {
            intake,
            devices: Devices::default(),
            clock: Clock::new().unwrap(),
            metrics: Metrics::new(&mut registry),
            answered: resend::Answered::default(),
            repeats: Mutex::new(Repeats::default()),
            kept: super::keep::Kept::default(),
            memory: Arc::new(Semaphore::new(64)),
        };
        let source = config.listen[0].source.clone();
        Self {
            origin: Arc::new(Origin::new("ward".to_owned(), source, Arc::new(shared))),
            spool,
            registry,
        }
    }

    fn connect(&self) -> Monitor {
        // Small, so that a peer that does not read is soon felt.
        let (ours, theirs) = tokio::io::duplex(1 << 10);
        let stop = CancellationToken::new();
        let (origin, token) = (Arc::clone(&self.origin), stop.clone());
        let task = tokio::spawn(async move { connection::run(theirs, &origin, &token).await });
        Monitor {
            stream: ours,
            splitter: Splitter::default(),
            stop,
            task,
        }
    }

    /// A metric's line without its prefix, e.g. `resends_total{source="ward"} 1`.
    fn counted(&self, line: &str) -> bool {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text.lines()
            .any(|found| found == format!("wardline_gateway_mllp_{line}"))
    }
}

/// A monitor at the other end.
struct Monitor {
    stream: DuplexStream,
    splitter: Splitter,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Longer than anything takes here.
const PATIENCE: Duration = Duration::from_secs(60);

impl Monitor {
    async fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// In frames.
    async fn say(&mut self, messages: &[String]) {
        let frames: Vec<u8> = messages
            .iter()
            .flat_map(|text| wrap(text.as_bytes()))
            .collect();
        self.send(&frames).await;
    }

    /// The next answer as text; `None` when the connection has ended.
    async fn answer(&mut self) -> Option<String> {
        loop {
            if let Some(frame) = self.splitter.take() {
                return Some(String::from_utf8(frame.unwrap().bytes).unwrap());
            }
            let mut chunk = [0; 512];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await;
            match read.expect("an answer in time") {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.splitter.push(&chunk[..length]),
            }
        }
    }

    /// The next answer as `code id`.
    async fn code(&mut self) -> String {
        let answer = self.answer().await.expect("an answer");
        let msa = answer
            .split('\r')
            .find(|line| line.starts_with("MSA|"))
            .expect("MSA");
        let fields: Vec<&str> = msa.split('|').collect();
        format!("{} {}", fields[1], fields.get(2).unwrap_or(&""))
    }

    /// Nothing more is said; everything that was is answered, and the connection ends.
    async fn hang_up(mut self) -> Vec<String> {
        self.stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        while let Some(answer) = self.answer().await {
            rest.push(answer);
        }
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("its end")
            .unwrap();
        rest
    }
}

/// Heart rate of a monitor; `asked` is MSH-15 and MSH-16 as `AL|NE`.
fn reading(id: &str, asked: &str, rate: u32) -> String {
    let (accept, application) = asked.split_once('|').unwrap_or_default();
    format!(
        "MSH|^~\\&|MON^00A0370000000001^EUI-64||||20261122120000+0000||ORU^R01^ORU_R01|{id}|P|2.6|||{accept}|{application}\r\
         PID|||P-1\rPV1||I|ICU^^7\rOBR|1|||182777000^monitoring of patient^SCT|||20261122120000+0000\r\
         OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|{rate}|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r"
    )
}
