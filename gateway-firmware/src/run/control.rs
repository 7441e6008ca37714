//! What people and the system tell a running gateway: signals, a changed file, commands.
//!
//! A new configuration is read and checked whole; with a fault nothing of it takes effect and the fault is in the log
//! (and in the command's answer). What cannot change while running (site, gateway, data directory, time, log, metrics)
//! is such a fault. Parts hear of a new one through their watch.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use sd_notify::NotifyState;
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::context::Command;
use super::sources::SOURCES;
use super::supervise::Queues;
use crate::config::Config;
use crate::publish::UNKNOWN;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);

pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// From here on these signals are ours.
pub(super) fn signals() -> std::io::Result<Signals> {
    Ok(Signals {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        hangup: signal(SignalKind::hangup())?,
    })
}

pub(super) struct Control {
    file: Option<PathBuf>,
    seen: Option<(SystemTime, u64)>,
    configs: watch::Sender<Arc<Config>>,
    queues: Queues,
    commands: mpsc::Receiver<Command>,
    signals: Signals,
}

impl Control {
    pub(super) fn new(
        file: Option<PathBuf>,
        configs: watch::Sender<Arc<Config>>,
        queues: Queues,
        commands: mpsc::Receiver<Command>,
        signals: Signals,
    ) -> Self {
        let mut control = Self {
            file,
            seen: None,
            configs,
            queues,
            commands,
            signals,
        };
        control.seen = control.look();
        control
    }

    /// Until a signal to stop.
    pub(super) async fn run(&mut self) {
        loop {
            tokio::select! {
                _ = self.signals.terminate.recv() => return,
                _ = self.signals.interrupt.recv() => return,
                _ = self.signals.hangup.recv() => drop(self.reload()),
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command),
                    // The publisher has ended, and whoever waits for it knows.
                    None => std::future::pending().await,
                },
                () = tokio::time::sleep(LOOK) => {
                    let now = self.look();
                    if now.is_some() && now != self.seen {
                        drop(self.reload());
                    }
                }
            }
        }
    }

    /// A further signal to stop.
    pub(super) async fn second(&mut self) {
        // A terminal tells every program of a group, and a supervisor among them then tells its children: a SIGINT and a
        // SIGTERM are one wish.
        tokio::select! {
            _ = self.signals.terminate.recv() => {}
            _ = self.signals.interrupt.recv() => {}
        }
        tokio::select! {
            _ = self.signals.terminate.recv() => {}
            _ = self.signals.interrupt.recv() => {}
        }
    }

    fn look(&self) -> Option<(SystemTime, u64)> {
        let found = std::fs::metadata(self.file.as_ref()?).ok()?;
        Some((found.modified().ok()?, found.len()))
    }

    fn reload(&mut self) -> Result<(), Vec<String>> {
        let Some(file) = self.file.clone() else {
            return Err(vec!["there is no configuration file".to_owned()]);
        };
        self.seen = self.look();
        let mut begin = vec![NotifyState::Reloading];
        begin.extend(NotifyState::monotonic_usec_now());
        super::notify(&begin);
        let outcome = Config::load(&file).and_then(|new| {
            let faults = fixed(&self.configs.borrow(), &new);
            if faults.is_empty() {
                Ok(new)
            } else {
                Err(faults)
            }
        });
        super::notify(&[NotifyState::Ready]);
        match outcome {
            Ok(new) => {
                let hash = new.hash.clone();
                let changed = self.configs.send_if_modified(|config| {
                    let changed = **config != new;
                    *config = Arc::new(new);
                    changed
                });
                if changed {
                    tracing::info!(config = hash, "a new configuration is in effect");
                }
                Ok(())
            }
            Err(faults) => {
                for fault in &faults {
                    tracing::error!(fault, "the new configuration is not taken");
                }
                Err(faults)
            }
        }
    }

    fn command(&mut self, command: Command) {
        if command.name == "reload" {
            let outcome = match self.reload() {
                Ok(()) => Ok(json!({"config": self.configs.borrow().hash})),
                Err(faults) => Err(faults.join("; ")),
            };
            answer(command, outcome);
            return;
        }
        let source = SOURCES
            .iter()
            .find(|source| source.commands.contains(&command.name.as_str()));
        let Some(source) = source else {
            answer(command, Err(UNKNOWN.to_owned()));
            return;
        };
        let queue = self
            .queues
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(source.name)
            .cloned();
        let Some(queue) = queue else {
            answer(command, Err(format!("{} does not run", source.name)));
            return;
        };
        if let Err(
            mpsc::error::TrySendError::Full(command) | mpsc::error::TrySendError::Closed(command),
        ) = queue.try_send(command)
        {
            answer(command, Err(format!("{} is busy", source.name)));
        }
    }
}

fn answer(command: Command, outcome: super::context::Outcome) {
    if command.reply.send(outcome).is_err() {
        tracing::debug!("nobody waits for a command's answer any longer");
    }
}

/// What is different and cannot be changed while running.
fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let same = [
        ("site", old.site == new.site),
        ("gateway", old.gateway == new.gateway),
        ("data-dir", old.data_dir == new.data_dir),
        ("time", old.time == new.time),
        ("metrics", old.metrics == new.metrics),
        ("log", old.log == new.log),
    ];
    same.into_iter()
        .filter(|(_, same)| !same)
        .map(|(field, _)| format!("{field}: a change takes effect with a restart"))
        .collect()
}
