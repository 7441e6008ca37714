//! The stack of connections to bluetoothd, and what brings it down: every loss builds everything anew.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use btleplug::api::{Central as _, Manager as _};
use btleplug::platform::{Adapter, Manager};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Config;
use super::adapter::{Finished, Wishes, Work};
use super::bluez::objects::AdapterFacts;
use super::bluez::watch::{Change, Watch};
use super::bluez::{Bus, agent};
use super::shared::{Shared, Stack};
use super::unknown::Unknown;
use super::{Error, command};
use crate::run::context::{Command, PULSE, Pulse};

/// After a loss, and between looks for a bluetoothd or an adapter that is not there.
const PAUSE: Duration = Duration::from_secs(1);

/// Why a stack came down.
#[derive(Debug)]
enum Down {
    Stopped,
    /// The spool takes nothing more.
    Over,
    /// bluetoothd went or was replaced, or has no answer for us.
    Service(&'static str),
    /// The bus itself.
    Bus(String),
    /// Adapters came or went.
    Adapters(&'static str),
    /// Something else than the list of devices is configured otherwise now.
    Config(Box<Config>),
}

/// Adapters at work, and those that could not be switched on.
#[derive(Debug, Default)]
struct Served {
    on: Vec<String>,
    off: Vec<String>,
}

/// A runtime for one life of the stack: bluez-async spawns tasks that keep their connection to the bus for ever, and
/// only the end of their runtime ends them.
struct Own(Option<tokio::runtime::Runtime>);

impl Own {
    fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(4)
            .thread_name("bluetooth")
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    fn handle(&self) -> &tokio::runtime::Handle {
        self.0
            .as_ref()
            .map(tokio::runtime::Runtime::handle)
            .expect("there until dropped")
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

pub(crate) struct Supervisor<'a> {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: &'a mut mpsc::Receiver<Command>,
    pub(crate) changes: &'a mut watch::Receiver<Arc<crate::config::Config>>,
    pub(crate) pulse: Pulse,
    pub(crate) stop: CancellationToken,
    pub(crate) unknown: Unknown,
    /// Where captures on command go.
    pub(crate) state: std::path::PathBuf,
}

impl Supervisor<'_> {
    /// Until stopped, or until another configuration; an error when the bus has failed too often in a row.
    pub(crate) async fn run(&mut self) -> Result<Option<Config>, Error> {
        let mut failures = 0;
        loop {
            let began = Instant::now();
            let down = self.stack().await;
            let report = &self.shared.report;
            for (index, device) in self.shared.listed() {
                self.shared.state(index, "waiting");
                self.shared.report.disconnected(&device.id);
            }
            match down {
                Down::Stopped => return Ok(None),
                Down::Config(config) => return Ok(Some(*config)),
                Down::Over => return Err(Error::Spool),
                Down::Service(cause) => {
                    tracing::warn!(cause, "bluetoothd was lost; everything is built anew");
                    report.rebuilt(cause);
                    failures = 0;
                }
                Down::Adapters(cause) => {
                    tracing::info!(cause, "adapters changed; everything is built anew");
                    report.rebuilt(cause);
                    failures = 0;
                }
                Down::Bus(words) => {
                    report.rebuilt("bus-lost");
                    // A stack that worked for a while was no failure to build one.
                    failures = if began.elapsed() > self.shared.config.ping_interval * 2 {
                        1
                    } else {
                        failures + 1
                    };
                    tracing::warn!(words, failures, "the system bus was lost");
                    if failures >= self.shared.config.failures {
                        return Err(Error::Bus(words));
                    }
                }
            }
            if self.rest(PAUSE).await {
                return Ok(None);
            }
        }
    }

    /// Waits, answering commands; whether to stop.
    async fn rest(&mut self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        loop {
            self.pulse.beat();
            let next = until.min(Instant::now() + PULSE / 2);
            tokio::select! {
                () = self.stop.cancelled() => return true,
                command = self.commands.recv() => match command {
                    Some(command) => command::unavailable(command),
                    None => return true,
                },
                () = tokio::time::sleep_until(next.into()) => {
                    if Instant::now() >= until {
                        return false;
                    }
                }
            }
        }
    }

    /// Puts another configuration into effect, if only the devices changed; else gives it back.
    fn reconfigure(&self, wishes: &[Arc<Wishes>]) -> Option<Down> {
        let fresh = self.changes.borrow().ble.clone();
        let bare = |config: &Config| Config {
            device: Vec::new(),
            ..config.clone()
        };
        if bare(&fresh) != bare(&self.shared.config) {
            return Some(Down::Config(Box::new(fresh)));
        }
        self.shared.relist(&fresh.device);
        for wish in wishes {
            wish.relist.store(true, Ordering::Relaxed);
            wish.changed.notify_one();
        }
        None
    }

    /// One life of the stack, on a runtime of its own.
    async fn stack(&mut self) -> Down {
        self.changes.mark_unchanged();
        if let Some(down) = self.reconfigure(&[]) {
            return down;
        }
        let own = match Own::new() {
            Ok(own) => own,
            Err(error) => return Down::Bus(error.to_string()),
        };
        let down = self.live(&own).await;
        // Every task goes with it: those that btleplug leaves behind too, and their connection to the bus with them.
        drop(own);
        down
    }

    async fn live(&mut self, own: &Own) -> Down {
        let config = self.shared.config.clone();
        let opening = own
            .handle()
            .spawn(async move { Bus::open(config.ping_timeout).await });
        let bus = match opening.await {
            Ok(Ok(bus)) => bus,
            Ok(Err(error)) => return Down::Bus(error.to_string()),
            Err(error) => return Down::Bus(error.to_string()),
        };
        let config = self.shared.config.clone();
        // Before anything is asked, so that no change falls between.
        let mut watch = match Watch::stack(&bus).await {
            Ok(watch) => watch,
            Err(error) => return Down::Bus(error.to_string()),
        };
        if let Some(down) = self.until_running(&bus, &mut watch).await {
            return down;
        }
        let manager = match manager(own, config.ping_timeout).await {
            Ok(manager) => manager,
            Err(words) => return Down::Bus(words),
        };
        if let Err(error) = agent::register(&bus, config.agent, &self.shared.pairings).await {
            tracing::warn!(%error, "the pairing agent is not registered");
            return Down::Service("no-agent");
        }
        let wanted = match self.adapters(&bus).await {
            Ok(wanted) => wanted,
            Err(error) => {
                tracing::warn!(%error, "bluetoothd does not tell its adapters");
                return Down::Service("no-answer");
            }
        };
        let centrals = match centrals(&manager, config.ping_timeout).await {
            Ok(centrals) => centrals,
            Err(words) => return Down::Bus(words),
        };
        self.shared.report.adapters(wanted.len());
        let stop = CancellationToken::new();
        let wishes: Vec<_> = wanted.iter().map(|_| Arc::new(Wishes::default())).collect();
        let mut works = JoinSet::new();
        let mut served = Served::default();
        for (facts, wishes) in wanted.iter().zip(&wishes) {
            let Some((_, central)) = centrals.iter().find(|(name, _)| name == facts.name()) else {
                continue;
            };
            if !facts.powered
                && let Err(error) = bus.power(&facts.path).await
            {
                tracing::warn!(adapter = facts.name(), %error, "the adapter cannot be switched on");
                served.off.push(facts.path.clone());
                continue;
            }
            served.on.push(facts.path.clone());
            let stack = Stack {
                shared: self.shared.clone(),
                bus: bus.clone(),
            };
            let work = Work::new(
                stack,
                central.clone(),
                facts.clone(),
                wishes.clone(),
                self.unknown.clone(),
                stop.clone(),
            );
            works.spawn_on(work.run(), own.handle());
        }
        if works.is_empty() {
            tracing::warn!("there is no adapter to use");
        }
        let down = self
            .attend(&bus, &centrals, &served, &mut watch, &mut works, &wishes)
            .await;
        stop.cancel();
        self.finish(&mut works, &down).await;
        down
    }

    /// Sessions end in order while anybody answers them; a lost stack is not waited for.
    async fn finish(&self, works: &mut JoinSet<Finished>, down: &Down) {
        let limit = match down {
            Down::Stopped | Down::Adapters(_) | Down::Config(_) => Duration::from_secs(8),
            _ => Duration::from_secs(3),
        };
        let end = Instant::now() + limit;
        while let Ok(Some(_)) = tokio::time::timeout_at(end.into(), works.join_next()).await {
            self.pulse.beat();
        }
        works.abort_all();
        while works.join_next().await.is_some() {}
    }

    async fn until_running(&mut self, bus: &Bus, watch: &mut Watch) -> Option<Down> {
        let mut told = false;
        loop {
            match bus.running().await {
                Ok(true) => return None,
                Ok(false) if !told => {
                    told = true;
                    tracing::warn!("bluetoothd is not running");
                }
                Ok(false) => {}
                Err(error) => return Some(Down::Bus(error.to_string())),
            }
            self.pulse.beat();
            tokio::select! {
                () = self.stop.cancelled() => return Some(Down::Stopped),
                change = watch.next() => if change.is_none() { return Some(Down::Bus("the bus went".to_owned())) },
                command = self.commands.recv() => match command {
                    Some(command) => command::unavailable(command),
                    None => return Some(Down::Stopped),
                },
                () = tokio::time::sleep(PULSE / 2) => {}
            }
        }
    }

    async fn adapters(&self, bus: &Bus) -> Result<Vec<AdapterFacts>, super::bluez::Error> {
        let mut adapters = bus.objects().await?.adapters();
        let wanted = &self.shared.config.adapters;
        adapters.retain(|adapter| wanted.is_empty() || wanted.iter().any(|name| adapter.is(name)));
        Ok(adapters)
    }

    async fn attend(
        &mut self,
        bus: &Bus,
        centrals: &[(String, Adapter)],
        served: &Served,
        watch: &mut Watch,
        works: &mut JoinSet<Finished>,
        wishes: &[Arc<Wishes>],
    ) -> Down {
        let limit = self.shared.config.ping_timeout;
        let mut ping = tokio::time::interval(self.shared.config.ping_interval);
        ping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ping.tick().await;
        let mut beat = tokio::time::interval(PULSE / 2);
        let is_served = |path: &String| served.on.contains(path);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Down::Stopped,
                () = bus.closed() => return Down::Bus("the bus closed our connection".to_owned()),
                change = watch.next() => match change {
                    None => return Down::Bus("the bus went".to_owned()),
                    Some(Change::ServiceGone) => return Down::Service("bluetoothd-gone"),
                    Some(Change::ServiceCame) => return Down::Service("bluetoothd-restarted"),
                    Some(Change::AdapterAdded(_)) => return Down::Adapters("adapter-added"),
                    Some(Change::AdapterRemoved(path)) if is_served(&path) => return Down::Adapters("adapter-removed"),
                    Some(Change::AdapterPowered(path, false)) if is_served(&path) => {
                        return Down::Adapters("adapter-off");
                    }
                    Some(Change::AdapterPowered(path, true)) if served.off.contains(&path) => {
                        return Down::Adapters("adapter-on");
                    }
                    Some(_) => {}
                },
                finished = works.join_next(), if !works.is_empty() => match finished {
                    Some(Ok(Finished::Over)) => return Down::Over,
                    Some(Ok(Finished::Stopped)) => {}
                    Some(Ok(Finished::Lost)) => return Down::Service("adapter-lost"),
                    Some(Err(error)) => {
                        tracing::error!(%error, "an adapter's work broke off");
                        return Down::Service("broke-off");
                    }
                    None => {}
                },
                command = self.commands.recv() => match command {
                    Some(command) => command::run(&self.shared, &self.state, &self.unknown, wishes, command),
                    None => return Down::Stopped,
                },
                changed = self.changes.changed() => {
                    if changed.is_ok()
                        && let Some(down) = self.reconfigure(wishes)
                    {
                        return down;
                    }
                }
                _ = beat.tick() => self.pulse.beat(),
                _ = ping.tick() => {
                    if let Some(down) = self.ping(bus, centrals, limit).await {
                        return down;
                    }
                    for path in &served.off {
                        // A switch may have been moved; the answer comes as a change of power.
                        if bus.power(path).await.is_ok() {
                            return Down::Adapters("adapter-on");
                        }
                    }
                }
            }
        }
    }

    /// Both connections to the bus give a sign of life, or the stack is dead though nobody said so.
    async fn ping(
        &self,
        bus: &Bus,
        centrals: &[(String, Adapter)],
        limit: Duration,
    ) -> Option<Down> {
        for (name, central) in centrals {
            match tokio::time::timeout(limit, central.adapter_info()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(adapter = name, %error, "the adapter gives no sign of life");
                    return Some(Down::Service("no-answer"));
                }
                Err(_) => {
                    return Some(Down::Bus(format!(
                        "{name} gave no sign of life within {limit:?}"
                    )));
                }
            }
            let path = format!("/org/bluez/{name}");
            match bus.ping(&path).await {
                Ok(()) => {}
                Err(super::bluez::Error::Refused { .. }) => {
                    return Some(Down::Service("no-answer"));
                }
                Err(error) => return Some(Down::Bus(error.to_string())),
            }
        }
        None
    }
}

/// btleplug's own connection to the bus. Opening it blocks, so it has a thread, and a limit.
async fn manager(own: &Own, limit: Duration) -> Result<Manager, String> {
    let runtime = own.handle().clone();
    let opening = own
        .handle()
        .spawn_blocking(move || runtime.block_on(Manager::new()));
    match tokio::time::timeout(limit, opening).await {
        Ok(Ok(Ok(manager))) => Ok(manager),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("the bus did not answer within {limit:?}")),
    }
}

/// btleplug's adapters by name (`hci0`).
async fn centrals(manager: &Manager, limit: Duration) -> Result<Vec<(String, Adapter)>, String> {
    let adapters = tokio::time::timeout(limit, manager.adapters()).await;
    let adapters = adapters.map_err(|_| format!("no adapters within {limit:?}"))?;
    let mut named = Vec::new();
    for adapter in adapters.map_err(|e| e.to_string())? {
        let info = tokio::time::timeout(limit, adapter.adapter_info()).await;
        if let Ok(Ok(info)) = info {
            // `hci0 (usb:…)`.
            let name = info.split_whitespace().next().unwrap_or_default();
            named.push((name.to_owned(), adapter));
        }
    }
    Ok(named)
}
