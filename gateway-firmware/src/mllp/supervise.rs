//! Sources are started, stopped and changed as the configuration says; alarm channels are watched.

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Duration, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use wardline_normalize::hl7v2::Repeats;

use super::config::{Config, Connect, Listen};
use super::keep::Kept;
use super::metrics::Metrics;
use super::origin::{MEMORY_KIB, Origin, Shared};
use super::resend::Answered;
use super::{call, listen, message};
use crate::run::context::Context;

/// How often alarm channels are looked at, and the watchdog hears of us.
const TICK: Duration = Duration::from_millis(500);

/// A source as it is configured.
#[derive(Debug, Clone, PartialEq)]
enum Entry {
    Listen(Listen),
    Connect(Connect),
}

impl Entry {
    fn all(config: &Config) -> Vec<Self> {
        let listen = config.listen.iter().cloned().map(Self::Listen);
        let connect = config.connect.iter().cloned().map(Self::Connect);
        listen.chain(connect).collect()
    }

    fn origin(&self, shared: &Arc<Shared>) -> Arc<Origin> {
        let (name, source) = match self {
            Self::Listen(listen) => (listen.name(), &listen.source),
            Self::Connect(connect) => (connect.name(), &connect.source),
        };
        Arc::new(Origin::new(name, source.clone(), Arc::clone(shared)))
    }
}

/// A source that runs.
#[derive(Debug)]
struct Running {
    entry: Entry,
    origin: Arc<Origin>,
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Running {
    fn start(entry: Entry, shared: &Arc<Shared>, stop: &CancellationToken) -> Self {
        let (origin, stop) = (entry.origin(shared), stop.child_token());
        let mut task = JoinSet::new();
        match entry.clone() {
            Entry::Listen(listen) => {
                task.spawn(listen::run(listen, Arc::clone(&origin), stop.clone()))
            }
            Entry::Connect(connect) => {
                task.spawn(call::run(connect, Arc::clone(&origin), stop.clone()))
            }
        };
        Self {
            entry,
            origin,
            stop,
            task,
        }
    }

    /// Once what was taken is answered.
    async fn end(mut self) {
        self.stop.cancel();
        while self.task.join_next().await.is_some() {}
    }
}

/// Why the source ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("source {0} ended by a fault of its own")]
    Ended(String),
}

/// Serves every configured source until stopped.
pub(crate) async fn run(config: Config, mut context: Context) -> Result<(), Error> {
    let shared = Arc::new(Shared {
        intake: context.intake.clone(),
        devices: context.devices.clone(),
        clock: context.clock.clone(),
        metrics: context.metrics.group(Metrics::new),
        answered: Answered::default(),
        repeats: Mutex::new(Repeats::default()),
        kept: Kept::default(),
        memory: Arc::new(Semaphore::new(MEMORY_KIB)),
    });
    let mut running = Vec::new();
    apply(&config, &mut running, &shared, &context.stop).await;
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => break,
            _ = tick.tick() => {
                context.pulse.beat();
                for source in &mut running {
                    message::watch(&source.origin).await;
                    if source.task.try_join_next().is_some() {
                        return Err(Error::Ended(source.origin.name.clone()));
                    }
                }
            }
            Ok(()) = context.config.changed() => {
                let config = context.config.borrow_and_update().mllp.clone();
                apply(&config, &mut running, &shared, &context.stop).await;
            }
        }
    }
    futures::future::join_all(running.into_iter().map(Running::end)).await;
    Ok(())
}

/// Ends what is no longer configured and starts what is new; what is unchanged goes on.
async fn apply(
    config: &Config,
    running: &mut Vec<Running>,
    shared: &Arc<Shared>,
    stop: &CancellationToken,
) {
    let wanted = Entry::all(config);
    let (kept, gone): (Vec<Running>, Vec<Running>) = running
        .drain(..)
        .partition(|source| wanted.contains(&source.entry));
    *running = kept;
    futures::future::join_all(gone.into_iter().map(Running::end)).await;
    for entry in wanted {
        if !running.iter().any(|source| source.entry == entry) {
            running.push(Running::start(entry, shared, stop));
        }
    }
}
