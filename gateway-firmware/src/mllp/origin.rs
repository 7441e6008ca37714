//! One configured source of messages, and what all of them share.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use wardline_normalize::hl7v2::{Profile, Repeats, Sentinel};

use super::config::Source;
use super::heartbeat::{Change, Sign, Watch};
use super::keep::Kept;
use super::metrics::{Counts, Metrics};
use super::resend::Answered;
use crate::clock::Clock;
use crate::devices::Devices;
use crate::source::Intake;

/// Messages in memory, over all connections, beyond what each may always hold: see `budget`.
pub(crate) const MEMORY_KIB: usize = 32 << 10;
/// A fault that repeats is told once in this time, and counted always.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What all sources share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) intake: Intake,
    pub(crate) devices: Devices,
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) answered: Answered,
    pub(crate) repeats: Mutex<Repeats>,
    pub(crate) kept: Kept,
    /// KiB that are free.
    pub(crate) memory: Arc<Semaphore>,
}

/// One configured source.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) name: String,
    pub(crate) config: Source,
    pub(crate) profile: Profile,
    pub(crate) counts: Counts,
    pub(crate) shared: Arc<Shared>,
    watch: Option<Mutex<Watch>>,
    told: Mutex<Option<Instant>>,
}

impl Origin {
    /// `config` was checked.
    pub(crate) fn new(name: String, config: Source, shared: Arc<Shared>) -> Self {
        let mut profile = Profile {
            zone: config.zone.parse().unwrap_or_default(),
            raw_is: config.raw_is,
            device: config.device.clone(),
            ..Profile::default()
        };
        let more = config
            .sentinels
            .iter()
            .map(|text| Sentinel::configured(text));
        profile.sentinels.extend(more);
        let watch = config.heartbeat.map(|silence| {
            Mutex::new(Watch::new(
                silence,
                &config.heartbeat_devices,
                Instant::now(),
            ))
        });
        Self {
            counts: shared.metrics.of(&name),
            name,
            profile,
            config,
            shared,
            watch,
            told: Mutex::new(None),
        }
    }

    /// Device of what names none: the configured one, else the source's own name.
    pub(crate) fn device(&self) -> String {
        if let Some(device) = &self.config.device {
            return device.clone();
        }
        let fits = |c: char| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        };
        let name: String = self.name.chars().map(fits).take(59).collect();
        format!("mllp-{name}")
    }

    /// For faults that a peer can cause as often as it likes.
    pub(crate) fn warn_now_and_then(&self, tell: impl FnOnce()) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if told.is_none_or(|last| now - last >= TELL_EVERY) {
            *told = Some(now);
            drop(told);
            tell();
        }
    }

    /// A call that led to nothing.
    pub(crate) fn failed(&self, error: &str) {
        self.counts.turned_away("connect");
        self.warn_now_and_then(|| {
            tracing::warn!(source = %self.name, %error, "cannot call the monitors' server");
        });
    }

    /// A sign of life of a device's alarm channel; what it changes.
    pub(crate) fn hear(&self, device: &str, sign: Sign) -> Option<Change> {
        self.with_watch(|watch| watch.hear(device, sign, Instant::now()))?
    }

    /// Alarm channels that have fallen silent.
    pub(crate) fn missing(&self) -> Vec<Change> {
        let missing = self.with_watch(|watch| watch.missing(Instant::now()));
        missing.unwrap_or_default()
    }

    /// The spool did not take it.
    pub(crate) fn not_told(&self, change: &Change) {
        self.with_watch(|watch| watch.not_told(change, Instant::now()));
    }

    fn with_watch<T>(&self, act: impl FnOnce(&mut Watch) -> T) -> Option<T> {
        let mut watch = self
            .watch
            .as_ref()?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut watch);
        self.counts.channels(watch.watched(), watch.silent());
        Some(done)
    }
}
