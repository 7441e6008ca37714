//! Drives a plan: waits for the clock, encodes, hands to the publisher or to standard output, and ends in
//! good order.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::encode::encode;
use super::plan::Plan;
use super::reading::{Pack, Source};
use crate::cli::{Format, Server, Simulate};
use crate::clock::now;
use crate::exit::Failure;
use crate::publish::{self, Counters, Message, TlsFiles};
use crate::talk::{progress, progress_done, summary, talk};

/// Packs between the simulation and the publisher's window: enough that neither waits for the other.
const QUEUE: usize = 64;
/// Stamps further ahead are quarantined by a server with its usual settings.
const AHEAD_MICROS: i64 = 5 * 60 * 1_000_000;
const STOPPING: &str = "stopping; a second signal stops without waiting for acknowledgements";

pub(crate) fn run(arguments: Box<Simulate>) -> Result<(), Failure> {
    let plan = Plan::new(&arguments, now())?;
    if let Some(dir) = &arguments.spool {
        return super::spooled::run(&arguments, plan, dir);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    runtime.block_on(async {
        let stop = stop_signal(arguments.ends_with_stdin).map_err(Failure::failed)?;
        if arguments.server.stdout {
            print(plan, arguments.server.format, stop).await
        } else {
            publish(plan, &arguments.server, stop).await
        }
    })
}

/// Becomes 1 on the first SIGTERM or SIGINT and 2 when one of them comes again. A SIGINT and a SIGTERM are
/// one wish: a terminal tells every program of a group, and a supervisor among them then tells its children. The end of
/// standard input, where it counts, is both: whoever would hear of acknowledgements is gone.
fn stop_signal(ends_with_stdin: bool) -> std::io::Result<watch::Receiver<u8>> {
    let (tell, told) = watch::channel(0_u8);
    let tell = Arc::new(tell);
    if ends_with_stdin {
        let tell = Arc::clone(&tell);
        // A thread of its own, which nothing waits for: the read ends with the program.
        std::thread::Builder::new().spawn(move || {
            let ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            drop(ended);
            tell.send_replace(2);
        })?;
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        let (mut terminations, mut interrupts) = (0_u8, 0_u8);
        loop {
            tokio::select! {
                _ = terminate.recv() => terminations = terminations.saturating_add(1),
                _ = interrupt.recv() => interrupts = interrupts.saturating_add(1),
            }
            tell.send_replace(terminations.max(interrupts));
        }
    });
    Ok(told)
}

async fn stopped(stop: &mut watch::Receiver<u8>, signals: u8) {
    if stop.wait_for(|seen| *seen >= signals).await.is_err() {
        std::future::pending().await
    }
}

/// The packs of a plan, each at its time.
pub(super) struct Playback {
    plan: Plan,
    played: u64,
    warned: bool,
}

impl Playback {
    pub(super) fn new(plan: Plan) -> Self {
        Self {
            plan,
            played: 0,
            warned: false,
        }
    }

    /// Leaves packs out.
    pub(super) fn skip(&mut self, packs: u64) {
        for _ in 0..packs {
            drop(self.plan.source.take());
            self.played += 1;
        }
    }

    /// The next pack when it is due, and those that are due with it; empty at the end.
    pub(super) async fn due(&mut self, most: usize) -> Vec<Pack> {
        let mut packs: Vec<Pack> = self.next().await.into_iter().collect();
        while !packs.is_empty() && packs.len() < most && self.played < self.plan.count {
            let now_too = self.plan.as_fast_as_possible
                || self.plan.source.due().is_some_and(|due| due <= now());
            if !now_too {
                break;
            }
            let Some(pack) = self.plan.source.take() else {
                break;
            };
            self.played += 1;
            packs.push(pack);
        }
        packs
    }

    /// The next pack when it is due.
    async fn next(&mut self) -> Option<Pack> {
        if self.played >= self.plan.count {
            return None;
        }
        let due = self.plan.source.due()?;
        let early = due - now();
        if self.plan.as_fast_as_possible {
            if early > AHEAD_MICROS && !self.warned {
                self.warned = true;
                talk("stamps run ahead of the clock; a server sets such readings aside");
            }
        } else if let Ok(early @ 1..) = u64::try_from(early) {
            tokio::time::sleep(Duration::from_micros(early)).await;
        }
        self.played += 1;
        self.plan.source.take()
    }
}

async fn print(plan: Plan, format: Format, mut stop: watch::Receiver<u8>) -> Result<(), Failure> {
    if format == Format::Cbor {
        return Err(Failure::usage("--stdout writes lines; CBOR has none"));
    }
    let mut playback = Playback::new(plan);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    loop {
        let pack = tokio::select! {
            pack = playback.next() => pack,
            () = stopped(&mut stop, 1) => None,
        };
        let Some(pack) = pack else { break };
        let (payload, _) = encode(&pack, format);
        let paced = !playback.plan.as_fast_as_possible;
        let written = out
            .write_all(&payload)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| if paced { out.flush() } else { Ok(()) });
        if let Err(error) = written {
            return end_of_pipe(&error);
        }
    }
    out.flush().or_else(|error| end_of_pipe(&error))
}

/// A reader that has seen enough is no failure.
fn end_of_pipe(error: &std::io::Error) -> Result<(), Failure> {
    match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::failed(error)),
    }
}

async fn publish(
    plan: Plan,
    server: &Server,
    mut stop: watch::Receiver<u8>,
) -> Result<(), Failure> {
    let (site, gateway) = (&server.site, &server.gateway);
    let prefix = format!("wardline/v1/{site}/{gateway}");
    let options = publish::Options {
        url: server.url.clone(),
        tls: TlsFiles {
            ca: server.ca.clone(),
            identity: server.cert.clone().zip(server.key.clone()),
        },
        gateway: gateway.clone(),
        credentials: server.username.clone().zip(server.password.clone()),
        status_topic: format!("{prefix}/status"),
        window: server.window,
    };
    let counters = Arc::new(Counters::default());
    let (messages, queue) = mpsc::channel(QUEUE);
    let mut publisher = std::pin::pin!(publish::publish(options, queue, Arc::clone(&counters)));
    let shown = progress(Arc::clone(&counters));

    let mut second = stop.clone();
    let feed = feed(
        Playback::new(plan),
        server.format,
        &prefix,
        messages,
        &mut stop,
    );
    let all = async {
        tokio::select! {
            // Before the feed is done, this is a failure.
            outcome = &mut publisher => outcome,
            // The feed has dropped its end of the queue: what is left gets acknowledged.
            () = feed => publisher.await,
        }
    };
    let outcome = tokio::select! {
        outcome = all => outcome.map_err(Failure::from),
        () = stopped(&mut second, 2) => {
            Err(Failure::failed("stopped before everything was acknowledged"))
        }
    };
    progress_done(&shown);
    let counters = counters.snapshot();
    talk(&summary(&counters));
    outcome?;
    match counters.refused {
        0 => Ok(()),
        refused => Err(Failure::failed(format!(
            "the server refused {refused} packs"
        ))),
    }
}

/// Hands packs over until the plan ends, a signal comes or the publisher is gone.
async fn feed(
    mut playback: Playback,
    format: Format,
    prefix: &str,
    messages: mpsc::Sender<Message>,
    stop: &mut watch::Receiver<u8>,
) {
    let hand_over = async {
        while let Some(pack) = playback.next().await {
            let (payload, content_type) = encode(&pack, format);
            let message = Message {
                topic: format!("{prefix}/{}/readings", pack.device),
                payload: payload.into(),
                content_type,
                retain: false,
                readings: u32::try_from(pack.readings.len()).unwrap_or(u32::MAX),
            };
            if messages.send(message).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = hand_over => {}
        () = stopped(stop, 1) => talk(STOPPING),
    }
}

impl From<publish::Error> for Failure {
    fn from(error: publish::Error) -> Self {
        match error {
            publish::Error::Target(error) => Self::usage(error),
            error => Self::failed(error),
        }
    }
}
