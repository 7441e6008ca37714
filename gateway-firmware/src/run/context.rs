//! What a source is given: where readings go, what time it is, when to end, what to do on command.
//!
//! A source is `pub(crate) async fn run(config, context: Context) -> Result<(), E>`, listed in `sources`. It returns
//! `Ok` once `stop` is cancelled and whatever it took is put; an error or a panic is logged and counted, and the
//! source is started again after a wait that grows to a minute.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use wardline_normalize::time::Micros;

use crate::clock::Clock;
use crate::config::Config;
use crate::devices::Devices;
use crate::source::Intake;

/// A source beats at least this often, also when nothing happens.
pub(crate) const PULSE: Duration = Duration::from_secs(5);
/// Commands waiting for a source: people give them, one at a time.
pub(crate) const COMMANDS: usize = 8;

/// Everything a source works with.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) intake: Intake,
    pub(crate) devices: Devices,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    /// To be beaten at least every [`PULSE`]: the system's watchdog hears of progress, not of time.
    pub(crate) pulse: Pulse,
    /// The source ends when this is cancelled.
    pub(crate) stop: CancellationToken,
    /// Cancelled by a source that only a new process can help: the gateway then ends in good order and says so.
    pub(crate) give_up: CancellationToken,
    /// Those that the source's entry in `sources` names.
    pub(crate) commands: mpsc::Receiver<Command>,
    /// The checked configuration; the source puts changes of its section into effect.
    pub(crate) config: watch::Receiver<Arc<Config>>,
    /// A directory that is the source's alone; it exists.
    pub(crate) state: PathBuf,
}

/// What somebody wants done, once.
#[derive(Debug)]
pub(crate) struct Command {
    /// `rescan`, `pair`, `capture`, …
    pub(crate) name: String,
    pub(crate) args: serde_json::Map<String, serde_json::Value>,
    /// Whether the command came over TLS: without, it holds no secret worth using.
    pub(crate) confidential: bool,
    /// What became of it; goes out on `…/command/reply`. Nothing in it names a person or is a secret.
    pub(crate) reply: oneshot::Sender<Outcome>,
}

/// What a command gave, or why it was not done.
pub(crate) type Outcome = Result<serde_json::Value, String>;

/// The registry of metrics, which outlives a source that is started again.
#[derive(Clone, Default)]
pub(crate) struct Metrics(Arc<Mutex<Registered>>);

#[derive(Default)]
struct Registered {
    registry: Registry,
    groups: HashMap<TypeId, Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// The group of metrics of type `M`: made and registered by the first call, the same one ever after.
    pub(crate) fn group<M: Clone + Send + 'static>(
        &self,
        make: impl FnOnce(&mut Registry) -> M,
    ) -> M {
        let mut registered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Registered { registry, groups } = &mut *registered;
        let group = groups
            .entry(TypeId::of::<M>())
            .or_insert_with(|| Box::new(make(registry)));
        group
            .downcast_ref::<M>()
            .expect("groups are kept by their type")
            .clone()
    }

    /// In Prometheus' text format.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let registered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registered.registry)?;
        Ok(text)
    }
}

/// When something last got on.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    clock: Clock,
    /// Since boot; `i64::MAX` once it has ended in good order.
    last: Arc<AtomicI64>,
}

impl Pulse {
    pub(crate) fn new(clock: Clock) -> Self {
        let last = Arc::new(AtomicI64::new(clock.now().since_boot));
        Self { clock, last }
    }

    /// The loop got round.
    pub(crate) fn beat(&self) {
        self.last
            .store(self.clock.now().since_boot, Ordering::Relaxed);
    }

    /// There will be no more.
    pub(crate) fn end(&self) {
        self.last.store(Micros::MAX, Ordering::Relaxed);
    }

    /// Time since the last beat.
    pub(crate) fn age(&self) -> Duration {
        let age = self
            .clock
            .now()
            .since_boot
            .saturating_sub(self.last.load(Ordering::Relaxed));
        Duration::from_micros(u64::try_from(age).unwrap_or(0))
    }
}
