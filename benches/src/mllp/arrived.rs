//! What comes out at the broker: which monitors' readings of which times, and how often.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use wardline_normalize::measurement::{Claims, Measurement, Reason, Sink};
use wardline_normalize::senml;
use wardline_normalize::time::Micros;

use super::message::{COUNTED, TICK, monitor};

/// Messages the broker may have in flight to us.
const RECEIVE_MAXIMUM: u16 = 10_000;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A message: its monitor, and its time in milliseconds.
pub(super) type Key = (u32, Micros);

/// Everything that has arrived so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrived(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    times: HashMap<Key, u32>,
    refused: u64,
    failed: Option<String>,
}

/// How what arrived compares with what was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comparison {
    pub(super) missing: usize,
    pub(super) twice: usize,
}

impl Arrived {
    /// Counts on a thread of its own from now on; returns when the subscription stands.
    pub(super) fn subscribe(port: u16) -> anyhow::Result<Self> {
        let arrived = Self::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (ready, stands) = std::sync::mpsc::sync_channel(1);
        let shared = arrived.clone();
        std::thread::Builder::new()
            .name("subscriber".to_owned())
            .spawn(move || {
                let ended = runtime.block_on(shared.count(port, || {
                    ready.try_send(()).ok();
                }));
                if let Err(error) = ended {
                    shared.lock().failed = Some(format!("{error:#}"));
                }
            })?;
        stands.recv().context("the subscriber could not connect")?;
        Ok(arrived)
    }

    async fn count(&self, port: u16, ready: impl Fn()) -> anyhow::Result<()> {
        let mut options = MqttOptions::new("arrived", "127.0.0.1", port);
        options
            .set_receive_maximum(Some(RECEIVE_MAXIMUM))
            .set_max_packet_size(Some(1 << 20));
        let (client, mut events) = AsyncClient::new(options, 2 * usize::from(RECEIVE_MAXIMUM));
        client
            .subscribe("wardline/v1/bench/#", QoS::AtLeastOnce)
            .await?;
        loop {
            match events.poll().await? {
                Event::Incoming(Packet::SubAck(_)) => ready(),
                Event::Incoming(Packet::Publish(publish)) => self.take(&publish),
                _ => {}
            }
        }
    }

    fn take(&self, publish: &Publish) {
        let topic = String::from_utf8_lossy(&publish.topic);
        if !topic.ends_with("/readings") {
            return;
        }
        let content_type = publish
            .properties
            .as_ref()
            .and_then(|p| p.content_type.as_deref());
        let device = topic.split('/').nth(4);
        let context = senml::Context {
            device,
            received: 1,
            ..senml::Context::default()
        };
        let mut counted = self.lock();
        senml::decode(&publish.payload, content_type, &context, &mut *counted);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until all of these have arrived, or this time has passed.
    pub(super) fn wait(
        &self,
        expected: &HashSet<Key>,
        most: Duration,
    ) -> anyhow::Result<Comparison> {
        let until = Instant::now() + most;
        loop {
            {
                let counted = self.lock();
                anyhow::ensure!(
                    counted.failed.is_none(),
                    "the subscriber: {:?}",
                    counted.failed
                );
                anyhow::ensure!(
                    counted.refused == 0,
                    "{} records were refused",
                    counted.refused
                );
                let missing = expected
                    .iter()
                    .filter(|key| !counted.times.contains_key(*key));
                let missing = missing.count();
                if missing == 0 || Instant::now() >= until {
                    let twice = counted.times.values().filter(|times| **times > 1).count();
                    return Ok(Comparison { missing, twice });
                }
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Sink for Counted {
    fn take(&mut self, _: u32, measurement: &Measurement<'_>, _: Option<Claims>) {
        if measurement.mdc == Some(COUNTED)
            && let Some(monitor) = monitor(measurement.device)
        {
            *self
                .times
                .entry((monitor, measurement.effective / TICK))
                .or_default() += 1;
        }
    }

    fn refuse(&mut self, _: Option<u32>, _: Reason, _: String) {
        self.refused += 1;
    }
}
