//! What becomes of a device after a connection: when it is tried again.

use std::time::{Duration, Instant};

use rand::RngExt as _;

use super::super::failure::{Failure, Kind};
use super::super::session::Ended;
use super::super::shared::Stack;
use super::{AGAIN, BROKEN, Work};

impl Work {
    /// Whether the gateway ends.
    pub(super) fn ended(
        &mut self,
        joined: Result<(tokio::task::Id, Ended), tokio::task::JoinError>,
    ) -> bool {
        let task = match &joined {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(device) = self.tasks.remove(&task) else {
            return false;
        };
        if self
            .connecting
            .as_ref()
            .is_some_and(|(connecting, _)| *connecting == device)
        {
            self.connecting = None;
        }
        self.running.remove(&device);
        let ended = match joined {
            Ok((_, ended)) => ended,
            Err(error) => {
                tracing::error!(device = self.stack.shared.device(device).id, %error, "a session broke off");
                Ended::Failed(Failure::new(Kind::Other, "session", "it broke off"))
            }
        };
        self.after(device, ended)
    }

    fn after(&mut self, device: usize, ended: Ended) -> bool {
        let shared = self.stack.shared.clone();
        let id = &shared.device(device).id;
        let broke = match &ended {
            Ended::Gone { answered } => !answered,
            Ended::Failed(failure) => failure.kind == Kind::Broken,
            _ => false,
        };
        if !broke {
            self.past.entry(device).or_default().broken = 0;
        }
        match ended {
            Ended::Gone { answered: true } => self.well(device, AGAIN),
            Ended::Gone { answered: false } => self.broken(device),
            Ended::Idle => self.well(device, shared.config.spot_revisit),
            Ended::Stopped | Ended::NoRoom => self.well(device, AGAIN),
            Ended::Dead(how) => {
                tracing::warn!(device = id, how, "the connection was dead");
                shared.report.reset(id, how);
                self.well(device, AGAIN);
            }
            Ended::Failed(failure) if failure.kind == Kind::Broken => self.broken(device),
            Ended::Failed(failure) => self.failed(device, &failure),
            Ended::Refused(why, words) => self.refuse(device, why, &words),
            Ended::BondLost(words) => self.bond_lost(device, &words),
            Ended::Unpaired => {
                shared.state(device, "unpaired");
                self.wait(device, shared.config.backoff_max);
            }
            Ended::Over => return true,
        }
        false
    }

    fn well(&mut self, device: usize, wait: Duration) {
        let past = self.past.entry(device).or_default();
        past.failures = 0;
        past.stuck = false;
        self.stack.shared.state(device, "waiting");
        self.wait(device, wait);
    }

    fn broken(&mut self, device: usize) {
        let past = self.past.entry(device).or_default();
        past.broken += 1;
        if past.broken >= BROKEN && self.is_bonded(device) {
            let words = "its connections break as soon as they are up";
            return self.bond_lost(device, words);
        }
        let failure = Failure::new(
            Kind::Disconnected,
            "session",
            "the link broke before the device had answered",
        );
        self.failed(device, &failure);
    }

    fn is_bonded(&self, device: usize) -> bool {
        let config = self.stack.shared.device(device);
        self.stack
            .shared
            .memories
            .load(&config.id, config.address)
            .bonded
    }

    fn bond_lost(&mut self, device: usize, words: &str) {
        let shared = &self.stack.shared;
        let id = &shared.device(device).id;
        tracing::error!(
            device = id,
            words,
            "the bond is lost: pair the device again (wardline-gateway pair)"
        );
        shared.failed(device, Kind::BondLost.word(), words);
        shared.state(device, "bond-lost");
        self.past.entry(device).or_default().stuck = true;
        self.wait(device, shared_max(&self.stack));
    }

    pub(super) fn failed(&mut self, device: usize, failure: &Failure) {
        let shared = &self.stack.shared;
        self.lost |= failure.kind == Kind::Bus;
        let id = &shared.device(device).id;
        tracing::info!(device = id, %failure, "the device could not be served");
        shared.failed(device, failure.kind.word(), &failure.to_string());
        shared.state(device, "waiting");
        let past = self.past.entry(device).or_default();
        past.failures = past.failures.saturating_add(1);
        let config = &shared.config;
        let double = config
            .backoff_min
            .saturating_mul(1 << past.failures.min(20).saturating_sub(1));
        let wait = double.min(config.backoff_max);
        // Two gateways, or twenty devices, that failed at one time do not try again at one time.
        let wait = wait.mul_f64(rand::rng().random_range(0.75..1.25));
        self.wait(device, wait);
    }

    pub(super) fn wait(&mut self, device: usize, wait: Duration) {
        self.past.entry(device).or_default().not_before = Some(Instant::now() + wait);
    }

    fn refuse(&mut self, device: usize, why: &'static str, words: &str) {
        let shared = &self.stack.shared;
        let id = &shared.device(device).id;
        tracing::warn!(
            device = id,
            why,
            words,
            "not the device it should be: refused"
        );
        shared.report.refused(id, why);
        shared.failed(device, "refused", words);
        shared.state(device, "refused");
        shared.paired(device, Err(format!("refused: {words}")));
        self.past.entry(device).or_default().stuck = true;
        self.wait(device, shared_max(&self.stack));
    }
}

fn shared_max(stack: &Stack) -> Duration {
    stack.shared.config.backoff_max
}
