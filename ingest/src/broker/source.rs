//! The subscription: three tasks that never wait for one another in a circle. The poller reads
//! into a bounded queue, the feeder brings it into the intake, the acknowledger sends what the
//! sink has answered, if the connection it came by is still the same.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet, Publish, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, EventLoop};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Backoff, BrokerConfig, BrokerConfigError};
use crate::batcher::{Acks, Intake, Item, MESSAGE_OVERHEAD};
use crate::listener::now;
use crate::routes::{Matched, Routes};
use crate::stats::Stats;
use crate::topics::matches;
use crate::{Answer, Closed, Incoming};

/// Messages brought into the intake at a time.
const PARCEL: usize = 256;

/// A subscription at a broker; [`BrokerSource::run`] serves it.
#[derive(Debug)]
pub struct BrokerSource {
    config: BrokerConfig,
    routes: Arc<Routes>,
    intake: Intake,
}

/// A publication, and the connection it came by.
struct Taken {
    epoch: u64,
    publish: Publish,
    size: usize,
}

/// What the three tasks share.
struct Link {
    client: AsyncClient,
    /// Number of the connection; odd while there is none. An acknowledgement is sent under the
    /// lock, so that none can follow the change.
    epoch: tokio::sync::Mutex<u64>,
    /// What was handed to the intake, in order: connection and packet id (0 for QoS 0).
    pending: Mutex<VecDeque<(u64, u16)>>,
    /// Messages taken and not answered, and the bytes of those not admitted.
    in_flight: AtomicUsize,
    queued: AtomicUsize,
    changed: Notify,
    acks: Arc<Acks>,
    wake: Arc<Notify>,
}

impl BrokerSource {
    /// A source that subscribes to the filter of every route.
    pub fn new(
        config: BrokerConfig,
        routes: Arc<Routes>,
        intake: Intake,
    ) -> Result<Self, BrokerConfigError> {
        config.check()?;
        Ok(Self {
            config,
            routes,
            intake,
        })
    }

    /// Serves until `shutdown` or until the sink closes, connecting again as often as needed.
    /// On shutdown: takes no more, waits for the answers of what is in flight, acknowledges,
    /// and says goodbye; the broker keeps the rest in the session.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self {
            config,
            routes,
            intake,
        } = self;
        let mut options = config.options(config.client_id.clone());
        let expiry = u32::try_from(config.session_expiry.as_secs()).unwrap_or(u32::MAX);
        options.set_clean_start(false).set_manual_acks(true);
        options
            .set_receive_maximum(Some(config.receive_maximum.max(1)))
            .set_session_expiry_interval(Some(expiry));
        let filters: Vec<Filter> = routes
            .iter()
            .map(|route| filter(&config, &route.filter))
            .collect();
        // Every message the broker may have unacknowledged, a subscription and a goodbye: an
        // acknowledgement never waits for room.
        let (client, eventloop) =
            AsyncClient::new(options, usize::from(config.receive_maximum.max(1)) + 2);
        let wake = Arc::new(Notify::new());
        let link = Arc::new(Link {
            client,
            epoch: tokio::sync::Mutex::new(1),
            pending: Mutex::new(VecDeque::new()),
            in_flight: AtomicUsize::new(0),
            queued: AtomicUsize::new(0),
            changed: Notify::new(),
            acks: Acks::new(wake.clone()),
            wake,
        });
        let (tx, rx) = mpsc::channel(usize::from(config.receive_maximum.max(1)));
        // However this future ends, the tasks end with it.
        let ended = CancellationToken::new();
        let _guard = ended.clone().drop_guard();
        let feeder = tokio::spawn(ended.clone().run_until_cancelled_owned(feed(
            link.clone(),
            rx,
            routes,
            intake.clone(),
        )));
        let acknowledger = tokio::spawn(
            ended
                .clone()
                .run_until_cancelled_owned(acknowledge(link.clone(), intake.stats().clone())),
        );
        let closed = intake.closed().clone();
        let poller = Poller {
            config,
            link,
            intake,
            tx,
            filters,
            connections: 0,
        };
        tokio::select! {
            () = poller.run(eventloop, shutdown) => {}
            () = closed.cancelled() => {}
        }
        ended.cancel();
        for task in [feeder, acknowledger] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the broker source ended early");
            }
        }
    }
}

fn filter(config: &BrokerConfig, filter: &str) -> Filter {
    match &config.share {
        Some(group) => Filter::new(format!("$share/{group}/{filter}"), QoS::AtLeastOnce),
        None => Filter::new(filter, QoS::AtLeastOnce),
    }
}

struct Poller {
    config: BrokerConfig,
    link: Arc<Link>,
    intake: Intake,
    tx: mpsc::Sender<Taken>,
    filters: Vec<Filter>,
    connections: u64,
}

impl Poller {
    async fn run(mut self, mut eventloop: EventLoop, shutdown: CancellationToken) {
        let stats = self.intake.stats().clone();
        let mut backoff = Backoff::new(&self.config);
        let mut epoch = None;
        let mut leaving = false;
        let mut deadline = None;
        loop {
            let idle = deadline.is_some() && self.link.in_flight.load(SeqCst) == 0;
            if idle && !leaving {
                leaving = true;
                // The broker closes when it has read everything; until then polling goes on.
                if epoch.is_none() || self.link.client.try_disconnect().is_err() {
                    break;
                }
            }
            let event = tokio::select! {
                event = eventloop.poll() => event,
                () = shutdown.cancelled(), if deadline.is_none() => {
                    deadline = Some(Instant::now() + self.config.drain_timeout);
                    continue;
                }
                () = self.link.changed.notified(), if deadline.is_some() && !leaving => continue,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => break,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    epoch = Some(self.connected(&stats).await);
                    backoff.reset();
                }
                Ok(Event::Incoming(Packet::SubAck(suback))) => {
                    let granted = |code: &SubscribeReasonCode| {
                        matches!(code, SubscribeReasonCode::Success(_))
                    };
                    if suback.return_codes.iter().all(granted) {
                        stats.broker_connected.store(1, SeqCst);
                    } else {
                        tracing::error!(codes = ?suback.return_codes, "the broker refused a subscription");
                    }
                }
                // Events that rumqttc still held of an earlier connection come before CONNACK.
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if let (Some(epoch), None) = (epoch, deadline) {
                        self.take(
                            Taken {
                                epoch,
                                size: size(&publish),
                                publish,
                            },
                            &shutdown,
                        )
                        .await;
                    }
                }
                Ok(Event::Incoming(Packet::Disconnect(disconnect))) => {
                    tracing::warn!(reason = ?disconnect.reason_code, "the broker disconnects");
                }
                Ok(_) => {}
                Err(error) => {
                    epoch = None;
                    stats.broker_connected.store(0, SeqCst);
                    self.disconnected(&mut eventloop).await;
                    if leaving {
                        break;
                    }
                    let pause = backoff.pause();
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "no connection to the broker");
                    tokio::select! {
                        () = sleep(pause) => {}
                        () = shutdown.cancelled(), if deadline.is_none() => {}
                    }
                }
            }
        }
        stats.broker_connected.store(0, SeqCst);
    }

    async fn connected(&mut self, stats: &Stats) -> u64 {
        Stats::add(&stats.broker_reconnects, u64::from(self.connections > 0));
        self.connections += 1;
        let mut epoch = self.link.epoch.lock().await;
        *epoch += 1;
        if self
            .link
            .client
            .try_subscribe_many(self.filters.clone())
            .is_err()
        {
            tracing::error!("no room for the subscription");
        }
        *epoch
    }

    /// Acknowledgements of the lost connection must reach neither the next one nor its queue.
    async fn disconnected(&self, eventloop: &mut EventLoop) {
        let mut epoch = self.link.epoch.lock().await;
        if *epoch % 2 == 0 {
            *epoch += 1;
        }
        eventloop.clean();
        eventloop.pending.clear();
    }

    /// Queues a message. The queue has room for all the broker may have unacknowledged; it can
    /// be full of bytes, and then this waits and the broker with it.
    async fn take(&self, taken: Taken, shutdown: &CancellationToken) {
        while self.link.queued.load(SeqCst) > self.config.queued_bytes {
            tokio::select! {
                () = self.link.changed.notified() => {}
                () = shutdown.cancelled() => return,
            }
        }
        self.link.queued.fetch_add(taken.size, SeqCst);
        self.link.in_flight.fetch_add(1, SeqCst);
        let size = taken.size;
        let sent = tokio::select! {
            sent = self.tx.send(taken) => sent.is_ok(),
            () = shutdown.cancelled() => false,
        };
        if !sent {
            self.link.queued.fetch_sub(size, SeqCst);
            self.link.in_flight.fetch_sub(1, SeqCst);
        }
    }
}

fn size(publish: &Publish) -> usize {
    publish.topic.len() + publish.payload.len() + MESSAGE_OVERHEAD
}

async fn feed(link: Arc<Link>, mut rx: mpsc::Receiver<Taken>, routes: Arc<Routes>, intake: Intake) {
    let mut taken = Vec::with_capacity(PARCEL);
    while rx.recv_many(&mut taken, PARCEL).await > 0 {
        let mut parcel = Vec::with_capacity(taken.len());
        for Taken {
            epoch,
            publish,
            size,
        } in taken.drain(..)
        {
            let ticket = match intake.try_admit(size) {
                Some(ticket) => ticket,
                None => {
                    // What is admitted goes on, or it would hold the budget this waits for.
                    let Ok(()) = hand_over(&link, &intake, &mut parcel) else {
                        return;
                    };
                    let Ok(ticket) = intake.admit(size).await else {
                        return;
                    };
                    ticket
                }
            };
            link.queued.fetch_sub(size, SeqCst);
            let id = publish.pkid;
            match incoming(publish, &routes) {
                Some(incoming) => parcel.push((
                    (epoch, id),
                    Item {
                        incoming,
                        acks: Some(link.acks.clone()),
                        ticket,
                    },
                )),
                None => {
                    // Not of our subscriptions. Left unacknowledged it would take the window.
                    Stats::add(&intake.stats().refused_route, 1);
                    send_ack(&link, intake.stats(), epoch, id).await;
                }
            }
        }
        let Ok(()) = hand_over(&link, &intake, &mut parcel) else {
            return;
        };
        link.changed.notify_one();
    }
}

fn hand_over(
    link: &Link,
    intake: &Intake,
    parcel: &mut Vec<((u64, u16), Item)>,
) -> Result<(), Closed> {
    let (ids, items): (Vec<_>, Vec<_>) = parcel.drain(..).unzip();
    link.pending
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .extend(ids);
    intake.push(items)
}

/// The broker has its own rights, so a message is taken whatever its topic names; ids that are
/// not valid ones are left out, and the payload must say the device.
fn incoming(publish: Publish, routes: &Routes) -> Option<Incoming> {
    let topic = std::str::from_utf8(&publish.topic).ok()?.to_owned();
    let matched = routes.find(&topic).or_else(|| {
        let route = routes.iter().find(|route| matches(&route.filter, &topic))?;
        Some(Matched {
            route: route.clone(),
            site: None,
            gateway: None,
            device: None,
        })
    })?;
    let properties = publish.properties.unwrap_or_default();
    Some(Incoming {
        route: matched.route,
        topic,
        site: matched.site,
        gateway: matched.gateway,
        device: matched.device,
        payload: publish.payload,
        content_type: properties.content_type,
        user_properties: properties.user_properties,
        principal: None,
        received: now(),
    })
}

async fn acknowledge(link: Arc<Link>, stats: Arc<Stats>) {
    loop {
        link.wake.notified().await;
        for answer in link.acks.take() {
            let next = link
                .pending
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            let Some((epoch, id)) = next else { continue };
            if answer == Answer::QuotaExceeded {
                // The broker cannot be told which device it is; the sink has said so elsewhere.
                Stats::add(&stats.refused_quota, 1);
            }
            send_ack(&link, &stats, epoch, id).await;
        }
    }
}

/// Sends one acknowledgement, unless its connection is gone: then the broker delivers again.
async fn send_ack(link: &Link, stats: &Stats, epoch: u64, id: u16) {
    if id != 0 {
        let current = link.epoch.lock().await;
        if *current == epoch {
            let publish = Publish {
                pkid: id,
                qos: QoS::AtLeastOnce,
                ..Publish::default()
            };
            if link.client.ack(&publish).await.is_ok() {
                Stats::add(&stats.acked, 1);
            }
        } else {
            Stats::add(&stats.broker_stale_acks, 1);
        }
    }
    link.in_flight.fetch_sub(1, SeqCst);
    link.changed.notify_one();
}
