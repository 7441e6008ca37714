//! Messages to a broker, with word when it has them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Backoff, BrokerConfig};
use crate::stats::Stats;
use crate::topics::is_topic;

/// Messages that may wait for the broker: alerts of an outage of minutes. The caller keeps its
/// own durable list and offers the rest again.
const MAX_QUEUED: usize = 1_024;
/// Messages unacknowledged at a time; alerts are few and one round trip carries this many.
const WINDOW: usize = 64;

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishRefused {
    /// Too many wait for the broker already.
    #[error("the queue to the broker is full")]
    Full,
    /// The publisher has stopped.
    #[error("the publisher has stopped")]
    Stopped,
    /// Empty, too long or with wildcards.
    #[error("not a topic to publish on")]
    Topic,
}

/// Why a message that was taken did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The broker refused it.
    #[error("the broker refused it: {0}")]
    Refused(String),
    /// It expired before the broker had it.
    #[error("it expired")]
    Expired,
    /// The publisher stopped before.
    #[error("the publisher stopped")]
    Stopped,
}

/// The broker has the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived {
    /// False when the broker says that nobody subscribes to the topic (reason 0x10 of PUBACK, MQTT 5, 3.4.2.1); one that
    /// does not know, or does not say so, answers true.
    pub heard: bool,
}

/// Resolves when the broker has acknowledged the message.
#[derive(Debug)]
pub struct Delivery(oneshot::Receiver<Result<Arrived, Undelivered>>);

impl Delivery {
    /// Waits for the broker's word.
    pub async fn confirmed(self) -> Result<Arrived, Undelivered> {
        self.0.await.unwrap_or(Err(Undelivered::Stopped))
    }
}

/// Publishes at QoS 1. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BrokerPublisher {
    client: AsyncClient,
    state: Arc<Mutex<State>>,
    stats: Arc<Stats>,
}

/// The connection behind a [`BrokerPublisher`].
pub struct PublisherTask {
    publisher: BrokerPublisher,
    eventloop: EventLoop,
    config: BrokerConfig,
}

impl std::fmt::Debug for PublisherTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublisherTask")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Job {
    topic: String,
    payload: Bytes,
    retain: bool,
    expires: Option<Instant>,
    done: oneshot::Sender<Result<Arrived, Undelivered>>,
}

#[derive(Debug, Default)]
struct State {
    connected: bool,
    stopped: bool,
    queue: VecDeque<Job>,
    /// Given to rumqttc, packet id not known yet; in order.
    submitted: VecDeque<Job>,
    /// Written with a packet id; the number orders them.
    written: HashMap<u16, (u64, Job)>,
    count: u64,
}

/// A publisher and the task that serves it.
#[must_use]
pub fn broker_publisher(
    config: BrokerConfig,
    stats: Arc<Stats>,
) -> (BrokerPublisher, PublisherTask) {
    let mut options = config.options(format!("{}-out", config.client_id));
    // No session: what is unacknowledged when a connection ends is published again from here,
    // whether the broker has kept anything or not.
    options.set_clean_start(true);
    let (client, eventloop) = AsyncClient::new(options, WINDOW + 1);
    let publisher = BrokerPublisher {
        client,
        state: Arc::default(),
        stats,
    };
    (
        publisher.clone(),
        PublisherTask {
            publisher,
            eventloop,
            config,
        },
    )
}

impl BrokerPublisher {
    /// Queues a message at QoS 1; it is sent again over new connections until the broker has
    /// acknowledged it, `expiry` has passed, or the task stops.
    pub fn publish(
        &self,
        topic: &str,
        payload: Bytes,
        retain: bool,
        expiry: Option<Duration>,
    ) -> Result<Delivery, PublishRefused> {
        if !is_topic(topic) {
            return Err(PublishRefused::Topic);
        }
        let (done, delivery) = oneshot::channel();
        let expires = expiry.map(|expiry| Instant::now() + expiry);
        let job = Job {
            topic: topic.to_owned(),
            payload,
            retain,
            expires,
            done,
        };
        let mut state = self.lock();
        if state.stopped {
            return Err(PublishRefused::Stopped);
        }
        if state.queue.len() >= MAX_QUEUED {
            Stats::add(&self.stats.broker_publish_refused, 1);
            return Err(PublishRefused::Full);
        }
        state.queue.push_back(job);
        self.pump(&mut state);
        Ok(Delivery(delivery))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives rumqttc as much as the window allows.
    fn pump(&self, state: &mut State) {
        while state.connected && state.submitted.len() + state.written.len() < WINDOW {
            let Some(job) = state.queue.pop_front() else {
                return;
            };
            let left = job
                .expires
                .map(|at| at.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                Stats::add(&self.stats.expired, 1);
                tell(job, Err(Undelivered::Expired));
                continue;
            }
            let properties = PublishProperties {
                message_expiry_interval: left
                    .map(|left| u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1)),
                ..PublishProperties::default()
            };
            let (topic, payload) = (job.topic.clone(), job.payload.clone());
            let sent = self.client.try_publish_with_properties(
                topic,
                QoS::AtLeastOnce,
                job.retain,
                payload,
                properties,
            );
            match sent {
                Ok(()) => state.submitted.push_back(job),
                Err(_) => return state.queue.push_front(job),
            }
        }
    }

    fn connected(&self) {
        let mut state = self.lock();
        state.connected = true;
        self.pump(&mut state);
    }

    /// What was under way goes back to the front, in its order.
    fn disconnected(&self, eventloop: &mut EventLoop) {
        let mut state = self.lock();
        state.connected = false;
        eventloop.clean();
        eventloop.pending.clear();
        let mut written: Vec<_> = state.written.drain().map(|(_, job)| job).collect();
        written.sort_by_key(|(number, _)| *number);
        let again: Vec<Job> = written
            .into_iter()
            .map(|(_, job)| job)
            .chain(state.submitted.drain(..))
            .collect();
        for job in again.into_iter().rev() {
            state.queue.push_front(job);
        }
    }

    fn wrote(&self, id: u16) {
        let mut state = self.lock();
        if let Some(job) = state.submitted.pop_front() {
            state.count += 1;
            let number = state.count;
            state.written.insert(id, (number, job));
        }
    }

    fn acknowledged(&self, id: u16, reason: PubAckReason) {
        let mut state = self.lock();
        if let Some((_, job)) = state.written.remove(&id) {
            let result = match reason {
                PubAckReason::Success => Ok(Arrived { heard: true }),
                PubAckReason::NoMatchingSubscribers => Ok(Arrived { heard: false }),
                reason => Err(Undelivered::Refused(format!("{reason:?}"))),
            };
            tell(job, result);
        }
        self.pump(&mut state);
    }

    fn idle(&self) -> bool {
        let state = self.lock();
        state.queue.is_empty() && state.submitted.is_empty() && state.written.is_empty()
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopped = true;
        state.connected = false;
        // Dropping the senders tells whoever waits.
        state.queue.clear();
        state.submitted.clear();
        state.written.clear();
    }
}

fn tell(job: Job, result: Result<Arrived, Undelivered>) {
    if job.done.send(result).is_err() {
        tracing::trace!("nobody waits for this delivery");
    }
}

impl PublisherTask {
    /// Serves until `shutdown`, connecting again as often as needed; then gives what is queued
    /// the drain timeout to arrive.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut backoff = Backoff::new(&self.config);
        let mut deadline = None;
        // Events that rumqttc still held of an earlier connection come before CONNACK.
        let mut live = false;
        let mut leaving = false;
        loop {
            if deadline.is_some() && !leaving && self.publisher.idle() {
                leaving = true;
                // The broker closes when it has read everything; until then polling goes on.
                if !live || self.publisher.client.try_disconnect().is_err() {
                    break;
                }
            }
            let event = tokio::select! {
                event = self.eventloop.poll() => event,
                () = shutdown.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + self.config.drain_timeout);
                    continue;
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    live = true;
                    backoff.reset();
                    self.publisher.connected();
                }
                Ok(Event::Outgoing(Outgoing::Publish(id))) if live => self.publisher.wrote(id),
                Ok(Event::Incoming(Packet::PubAck(ack))) if live => {
                    self.publisher.acknowledged(ack.pkid, ack.reason)
                }
                Ok(_) => {}
                Err(error) => {
                    live = false;
                    self.publisher.disconnected(&mut self.eventloop);
                    if leaving {
                        break;
                    }
                    let pause = backoff.pause();
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "no connection to the broker for publishing");
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = shutdown.cancelled(), if deadline.is_none() => {}
                    }
                }
            }
        }
        self.publisher.stop();
    }
}
