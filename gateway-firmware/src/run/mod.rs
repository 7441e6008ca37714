//! `wardline-gateway run`: sources, spool and publisher together, until a signal.
//!
//! ```text
//! sources (supervised) ─> Intake ─> spool writer ─> lanes ─> publisher ─> server
//!      ^── commands, configuration ── control (signals, file, commands) ──^      metrics and health: `http`
//! ```
//!
//! Start: configuration, clock, spool (checked whole), publisher, then sources; READY when all of them run. Stop, on
//! SIGTERM or SIGINT: sources end (10 s at most), what they put is synced, the publisher sends what there is for
//! `publish.drain`; exit code 0 if the server has everything, 75 if entries stay in the spool, 2 after a failure. A
//! second signal ends at once; the spool is safe then too. A failed write or sync of the spool ends the process with 2.
//!
//! The service manager's watchdog is fed while the spool's writer, the publisher and every running source get round
//! (`watchdog`), not by a timer of its own.

pub(crate) mod context;
mod control;
mod http;
pub(crate) mod logging;
mod metrics;
pub(crate) mod sources;
mod supervise;
mod watchdog;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::{self, Clock};
use crate::config::Config;
use crate::devices::Devices;
use crate::enrol::Renewals;
use crate::exit::Failure;
use crate::publish::{self, Figures};
use crate::source::Intake;
use crate::spool::{self, Spool};
use context::{Context, Metrics};
use control::Control;
use sources::{Running, SOURCES};
use supervise::Queues;
use watchdog::Pulses;

/// For sources to end in good order.
const SOURCES_END: Duration = Duration::from_secs(10);
/// How often what is acknowledged is written down and released.
const KEEP: Duration = Duration::from_secs(1);
/// Commands on their way to a source.
const COMMANDS: usize = 8;

/// Runs by the configuration in `file`.
pub(crate) fn run(file: PathBuf) -> Result<(), Failure> {
    let config = Config::load(&file).map_err(|faults| Failure::usage(faults.join("\n")))?;
    logging::start(&config.log)?;
    start(config, From::File(file))
}

/// Where readings come from.
pub(crate) enum From {
    /// The configured sources; the file is read again when it changes.
    File(PathBuf),
    /// This alone, until it ends.
    Once(Once),
}

/// A source that is not started again.
pub(crate) type Once = Box<dyn FnOnce(Context) -> Running + Send>;

/// Runs by a checked configuration.
pub(crate) fn start(config: Config, from: From) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let outcome = runtime.block_on(together(config, from));
    // What blocks still, after everything was closed, is nothing to wait for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn together(config: Config, from: From) -> Result<(), Failure> {
    let signals = control::signals().map_err(Failure::failed)?;
    let state = config.data_dir.join("state");
    private_dir(&config.data_dir)?;
    private_dir(&state)?;
    let clock = Clock::new().map_err(Failure::failed)?;
    let max_size = config.spool.max_size.0;
    let (spool, found) = Spool::open(&config.data_dir.join("spool"), max_size, clock.clone())
        .map_err(Failure::failed)?;
    for (found, (_, class)) in found.iter().zip(spool::CLASSES) {
        if let Some((aside, lost)) = &found.damaged {
            tracing::error!(class, aside = %aside.display(), lost, "the spool was damaged and is put aside");
        }
    }
    let damaged = found.iter().filter(|found| found.damaged.is_some()).count() as u64;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = config.hash,
        waiting = spool.waiting(),
        "starts"
    );

    let (drain_for, bind) = (config.publish.drain, config.metrics.bind);
    let time = config.time.clone();
    let (configs, watched) = watch::channel(Arc::new(config));
    let pulses = Pulses::new(clock.clone());
    let figures = Arc::new(Figures::default());
    let (devices, registry) = (Devices::default(), Metrics::default());
    let (intake, puts) = Intake::new(spool.room());
    let (dispatch, commands) = mpsc::channel(COMMANDS);
    let (stop, drain, end) = (
        CancellationToken::new(),
        CancellationToken::new(),
        CancellationToken::new(),
    );

    let watching = tokio::spawn(clock::watch(clock.clone(), time, end.clone()));
    let mut writer = tokio::spawn(spool::write(Arc::clone(&spool), puts, pulses.add("spool")));
    let keeper = tokio::spawn(keep(Arc::clone(&spool), end.clone()));
    let renewals = Renewals::default();
    let renewing = renewals
        .clone()
        .run(watched.clone(), registry.clone(), end.clone());
    let renewing = tokio::spawn(renewing);
    let mut publisher = tokio::spawn(publish::run(publish::Parts {
        spool: Arc::clone(&spool),
        clock: clock.clone(),
        devices: devices.clone(),
        config: watched.clone(),
        figures: Arc::clone(&figures),
        dispatch,
        pulse: pulses.add("publisher"),
        renewals,
        state: state.clone(),
        damaged,
        drain: drain.clone(),
        drain_for,
    }));
    if let Some(bind) = bind {
        let page = metrics::Page {
            spool: Arc::clone(&spool),
            figures: Arc::clone(&figures),
            clock: clock.clone(),
            devices: devices.clone(),
            registry: registry.clone(),
            pulses: pulses.clone(),
        };
        let served = http::serve(bind, page, end.clone()).await;
        served.map_err(|error| Failure::usage(format!("metrics.bind: {bind}: {error}")))?;
    }
    let give_up = CancellationToken::new();
    let supervisor = supervise::Supervisor {
        intake,
        devices,
        clock,
        metrics: registry,
        pulses: pulses.clone(),
        stop: stop.clone(),
        give_up: give_up.clone(),
        config: watched,
        state,
    };
    let kept = supervisor.intake.clone();
    let (mut running, queues, file) = match from {
        From::File(file) => {
            let (running, queues) = supervisor.start(SOURCES);
            (running, queues, Some(file))
        }
        From::Once(once) => (supervisor.start_once(once), Queues::default(), None),
    };
    let feeding = tokio::spawn(watchdog::feed(pulses, end.clone()));
    let mut control = Control::new(file, configs, queues, commands, signals);
    notify(&[NotifyState::Ready]);

    let finished = tokio::select! {
        () = control.run() => Finished::Stopped,
        () = all(&mut running) => Finished::SourcesDone,
        () = give_up.cancelled() => Finished::GivenUp,
        outcome = &mut writer => Finished::Spool(outcome.map(|o| o.map_err(Failure::failed))),
        outcome = &mut publisher => {
            Finished::Publisher(outcome.map(|o| o.map(drop).map_err(Failure::failed)))
        }
    };
    notify(&[NotifyState::Stopping]);
    match finished {
        Finished::Spool(outcome) | Finished::Publisher(outcome) => {
            // Nothing more can be confirmed or sent: the end, without ceremony. The spool is safe.
            return match outcome {
                Ok(Ok(())) => Err(Failure::failed(
                    "a part of the gateway ended before its time",
                )),
                Ok(Err(failure)) => Err(failure),
                Err(panic) => Err(Failure::failed(panic)),
            };
        }
        Finished::Stopped => tracing::info!("stopping"),
        Finished::SourcesDone => tracing::info!("all sources are done"),
        Finished::GivenUp => tracing::error!("a source gives up: the gateway must be started anew"),
    }
    let orderly = async {
        stop.cancel();
        drop(kept);
        if tokio::time::timeout(SOURCES_END, all(&mut running))
            .await
            .is_err()
        {
            tracing::warn!("a source does not end");
            running.abort_all();
        }
        // The sources' handles are gone, and so is the last of what they put.
        let written = writer.await.map_err(Failure::failed)?;
        written.map_err(Failure::failed)?;
        drain.cancel();
        let waiting = publisher.await.map_err(Failure::failed)?;
        let waiting = waiting.map_err(Failure::failed)?;
        end.cancel();
        for task in [watching, feeding, keeper, renewing] {
            task.await.map_err(Failure::failed)?;
        }
        let closing = Arc::clone(&spool);
        let closed = tokio::task::spawn_blocking(move || closing.close()).await;
        closed.map_err(Failure::failed)?.map_err(Failure::failed)?;
        Ok::<_, Failure>(waiting)
    };
    let waiting = tokio::select! {
        waiting = orderly => waiting?,
        () = control.second() => return Err(Failure::failed("stopped at once")),
    };
    if give_up.is_cancelled() {
        return Err(Failure::failed("a source gave up"));
    }
    if waiting > 0 {
        return Err(Failure::Later(format!(
            "{waiting} entries stay in the spool until the next start"
        )));
    }
    Ok(())
}

type Outcome = Result<Result<(), Failure>, tokio::task::JoinError>;

enum Finished {
    Stopped,
    SourcesDone,
    GivenUp,
    Spool(Outcome),
    Publisher(Outcome),
}

/// Resolves when every source has ended.
async fn all(running: &mut JoinSet<()>) {
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended
            && error.is_panic()
        {
            tracing::error!("the supervision of a source panicked");
        }
    }
}

/// Writes down and releases what is acknowledged.
async fn keep(spool: Arc<Spool>, end: CancellationToken) {
    loop {
        tokio::select! {
            () = end.cancelled() => return,
            () = tokio::time::sleep(KEEP) => {}
        }
        let spool = Arc::clone(&spool);
        match tokio::task::spawn_blocking(move || spool.keep()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "cannot release what the server has"),
            Err(_) => tracing::error!("releasing panicked"),
        }
    }
}

/// A directory for us alone.
fn private_dir(dir: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|error| Failure::failed(format!("{}: {error}", dir.display())))
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}
