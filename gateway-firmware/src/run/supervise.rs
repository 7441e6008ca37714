//! Sources: started when they have something to do, started again when they fail.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Once;
use super::context::{COMMANDS, Command, Context, Metrics, Pulse};
use super::sources::Source;
use super::watchdog::Pulses;
use crate::clock::Clock;
use crate::config::Config;
use crate::devices::Devices;
use crate::source::Intake;

/// Wait before a source that failed is started again; twice as long each time, up to a minute.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MOST: Duration = Duration::from_secs(60);
/// After running for this long a source counts as well.
const WELL: Duration = Duration::from_secs(300);

/// Where each running source takes its commands from.
pub(super) type Queues = Arc<Mutex<HashMap<&'static str, mpsc::Sender<Command>>>>;

/// What every source is given.
#[derive(Debug, Clone)]
pub(super) struct Supervisor {
    pub(super) intake: Intake,
    pub(super) devices: Devices,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    pub(super) pulses: Pulses,
    pub(super) stop: CancellationToken,
    pub(super) give_up: CancellationToken,
    pub(super) config: watch::Receiver<Arc<Config>>,
    pub(super) state: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Name {
    source: &'static str,
}

#[derive(Debug, Clone, Default)]
struct Failures(Family<Name, Counter>);

impl Supervisor {
    /// Starts a task a source.
    pub(super) fn start(self, sources: &'static [Source]) -> (JoinSet<()>, Queues) {
        let queues = Queues::default();
        let mut running = JoinSet::new();
        for source in sources {
            let supervisor = self.clone();
            running.spawn(supervisor.supervise(source, Arc::clone(&queues)));
        }
        (running, queues)
    }

    /// Starts a source that is not started again.
    pub(super) fn start_once(self, once: Once) -> JoinSet<()> {
        let mut running = JoinSet::new();
        running.spawn(async move {
            let pulse = self.pulses.add("source");
            let (_, commands) = mpsc::channel(1);
            let context = self.context(pulse.clone(), commands, self.state.clone());
            if let Err(error) = once(context).await {
                tracing::error!(error, "the source failed");
            }
            pulse.end();
        });
        running
    }

    fn context(&self, pulse: Pulse, commands: mpsc::Receiver<Command>, state: PathBuf) -> Context {
        Context {
            intake: self.intake.clone(),
            devices: self.devices.clone(),
            clock: self.clock.clone(),
            metrics: self.metrics.clone(),
            pulse,
            stop: self.stop.clone(),
            give_up: self.give_up.clone(),
            commands,
            config: self.config.clone(),
            state,
        }
    }

    async fn supervise(mut self, source: &'static Source, queues: Queues) {
        let failures = self.metrics.group(|registry| {
            let failures = Failures::default();
            let help = "Sources that failed and were started again";
            registry.register("wardline_gateway_source_failures", help, failures.0.clone());
            failures
        });
        let mut wait = WAIT_FIRST;
        loop {
            if !self.configured(source).await {
                return;
            }
            let started = Instant::now();
            let outcome = self.once(source, &queues).await;
            queues
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(source.name);
            match outcome {
                Ok(()) => return,
                Err(error) => {
                    failures
                        .0
                        .get_or_create(&Name {
                            source: source.name,
                        })
                        .inc();
                    tracing::error!(source = source.name, error, "a source failed");
                }
            }
            if started.elapsed() >= WELL {
                wait = WAIT_FIRST;
            }
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(WAIT_MOST);
        }
    }

    /// Waits until the source has something to do; false if the gateway ends before.
    async fn configured(&mut self, source: &Source) -> bool {
        let stop = self.stop.clone();
        let wanted = self.config.wait_for(|config| (source.configured)(config));
        tokio::select! {
            () = stop.cancelled() => false,
            wanted = wanted => wanted.is_ok(),
        }
    }

    /// Runs the source until it ends; a panic is an error too.
    async fn once(&self, source: &Source, queues: &Queues) -> Result<(), String> {
        let state = self.state.join(source.name);
        std::fs::create_dir_all(&state).map_err(|e| format!("{}: {e}", state.display()))?;
        let (give, commands) = mpsc::channel(COMMANDS);
        queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(source.name, give);
        let pulse = self.pulses.add(source.name);
        let context = self.context(pulse.clone(), commands, state);
        let config = Arc::clone(&self.config.borrow());
        let running = AssertUnwindSafe((source.run)(config, context)).catch_unwind();
        let outcome = running.await;
        pulse.end();
        outcome.unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("it panicked: {}", said.unwrap_or("without a word")))
        })
    }
}
