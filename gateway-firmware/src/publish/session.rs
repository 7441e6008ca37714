//! The publisher: one rumqttc event loop, polled until everything is acknowledged.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, LastWill, LastWillProperties, Packet, PubAck, PubAckReason,
    PublishProperties,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::Message;
use super::counters::Counters;
use super::outbox::Outbox;
use super::target::{self, TlsFiles, Url};
use crate::talk::talk;

const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// First wait before a new connection; doubled each time.
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// A server that comes back is found again within this time.
const BACKOFF_MOST: Duration = Duration::from_secs(10);
/// At the end: how long to wait for the next acknowledgement.
const GRACE: Duration = Duration::from_secs(30);
/// How long the server may take to close the connection after our DISCONNECT.
const CLOSE: Duration = Duration::from_secs(1);
/// Birth and farewell beside the window of messages.
const BESIDE_WINDOW: usize = 4;

/// What the publisher needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) url: Url,
    pub(crate) tls: TlsFiles,
    /// Also the MQTT client id.
    pub(crate) gateway: String,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) status_topic: String,
    /// Most messages without an acknowledgement; also bounds memory.
    pub(crate) window: u16,
}

/// Why publishing ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Target(#[from] target::Error),
    #[error("{url} refuses this client ({code:?}): check user name, password, site and gateway")]
    Refused { url: Url, code: ConnectReturnCode },
    #[error("a message of {size} bytes is more than the server takes ({max})")]
    TooLarge { size: u32, max: u32 },
    #[error("{waiting} messages without acknowledgement after {GRACE:?}")]
    Unacknowledged { waiting: usize },
    #[error("the connection was closed on our side")]
    Closed,
}

/// Publishes what comes through `messages` until its senders are gone and all is acknowledged.
pub(crate) async fn publish(
    options: Options,
    messages: mpsc::Receiver<Message>,
    counters: Arc<Counters>,
) -> Result<(), Error> {
    let mqtt = mqtt_options(&options)?;
    let (client, mut event_loop) =
        AsyncClient::new(mqtt, usize::from(options.window) + BESIDE_WINDOW);
    let mut session = Session {
        client,
        messages,
        counters,
        outbox: Outbox::new(),
        stage: Stage::Open,
        connected: false,
        ever_connected: false,
        backoff: BACKOFF_FIRST,
        deadline: None,
        options,
    };
    session.run(&mut event_loop).await
}

fn mqtt_options(options: &Options) -> Result<MqttOptions, Error> {
    let mut mqtt = MqttOptions::new(&options.gateway, &options.url.host, options.url.port);
    mqtt.set_keep_alive(KEEP_ALIVE)
        // What is unacknowledged is kept here, not in the server's session.
        .set_clean_start(true)
        .set_transport(target::transport(&options.url, &options.tls)?)
        // Packet ids are used up to here; four windows apart, a late PUBACK blocks no new packet.
        .set_outgoing_inflight_upper_limit(options.window.saturating_mul(4).max(64))
        .set_last_will(LastWill::new(
            &options.status_topic,
            status("offline", Some("connection lost")),
            QoS::AtLeastOnce,
            true,
            Some(LastWillProperties {
                delay_interval: None,
                payload_format_indicator: None,
                message_expiry_interval: None,
                content_type: Some(JSON.to_owned()),
                response_topic: None,
                correlation_data: None,
                user_properties: Vec::new(),
            }),
        ));
    if let Some((user, password)) = &options.credentials {
        mqtt.set_credentials(user, password);
    }
    Ok(mqtt)
}

pub(super) const JSON: &str = "application/json";

/// The retained state of a gateway; none of the words needs escaping.
fn status(state: &str, reason: Option<&str>) -> Bytes {
    let version = env!("CARGO_PKG_VERSION");
    let reason = reason.map_or(String::new(), |reason| format!(r#","reason":"{reason}""#));
    format!(r#"{{"state":"{state}","version":"{version}"{reason}}}"#).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Messages may come.
    Open,
    /// No more will come; some are unacknowledged.
    Draining,
    /// Everything is acknowledged but the farewell.
    Farewell,
    /// DISCONNECT is on its way.
    Closing,
}

struct Session {
    options: Options,
    client: AsyncClient,
    messages: mpsc::Receiver<Message>,
    counters: Arc<Counters>,
    outbox: Outbox<Message>,
    stage: Stage,
    connected: bool,
    ever_connected: bool,
    backoff: Duration,
    /// When to give up waiting for acknowledgements; set once no more messages come.
    deadline: Option<Instant>,
}

impl Session {
    async fn run(&mut self, event_loop: &mut EventLoop) -> Result<(), Error> {
        loop {
            let event = {
                // Not cancel-safe: the same poll goes on while messages are taken in.
                let mut poll = std::pin::pin!(event_loop.poll());
                loop {
                    tokio::select! {
                        event = &mut poll => break event,
                        () = self.take_in(None) => {}
                    }
                    if let Some(end) = self.over() {
                        return end;
                    }
                }
            };
            match event {
                Ok(event) => self.on_event(&event),
                // The server closes after a DISCONNECT.
                Err(_) if self.stage == Stage::Closing => return Ok(()),
                Err(error) => {
                    self.on_lost(event_loop, error)?;
                    let until = Instant::now() + self.backoff;
                    self.backoff = (self.backoff * 2).min(BACKOFF_MOST);
                    while Instant::now() < until {
                        if let Some(end) = self.over() {
                            return end;
                        }
                        self.take_in(Some(until)).await;
                    }
                }
            }
        }
    }

    /// Waits for the next message if there is room, for the deadline and for `until`.
    async fn take_in(&mut self, until: Option<Instant>) {
        let room = self.outbox.len() < usize::from(self.options.window);
        let wake = [until, self.deadline].into_iter().flatten().min();
        let timer = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            message = self.messages.recv(), if room && self.stage == Stage::Open => match message {
                Some(message) => {
                    self.outbox.accept(message);
                    self.counters.accept();
                    self.submit();
                }
                None => {
                    self.stage = Stage::Draining;
                    self.deadline = Some(Instant::now() + GRACE);
                    self.end();
                }
            },
            () = timer => {}
        }
    }

    /// How it ended, if it has.
    fn over(&self) -> Option<Result<(), Error>> {
        let late = self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline);
        match self.stage {
            Stage::Closing if late || !self.connected => Some(Ok(())),
            _ if late => Some(Err(Error::Unacknowledged {
                waiting: self.outbox.len(),
            })),
            _ => None,
        }
    }

    fn on_event(&mut self, event: &Event) {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => {
                self.connected = true;
                self.ever_connected = true;
                self.backoff = BACKOFF_FIRST;
                self.counters.connect();
                self.give(&self.status_message("online", None));
                self.outbox.submitted_unkept();
                self.submit();
                self.end();
            }
            other => self.on_answer(other),
        }
    }

    /// What also counts when it is found after the connection broke.
    fn on_answer(&mut self, event: &Event) {
        match event {
            Event::Incoming(Packet::PubAck(ack)) => self.on_ack(ack),
            Event::Outgoing(Outgoing::Publish(packet_id)) => self.outbox.sent(*packet_id),
            _ => {}
        }
    }

    fn on_ack(&mut self, ack: &PubAck) {
        if let Some(message) = self.outbox.acknowledged(ack.pkid) {
            match ack.reason {
                // The farewell carries no reading and was not accepted from outside; nobody need hear it.
                PubAckReason::Success | PubAckReason::NoMatchingSubscribers
                    if self.stage == Stage::Farewell => {}
                PubAckReason::Success => self.counters.acknowledge(message.readings),
                // Also a message that the broker threw away because nobody listens.
                reason => {
                    // The first is told, the others are counted.
                    if self.counters.refuse() == 0 {
                        let topic = &message.topic;
                        talk(&format!(
                            "the server refuses a message to {topic}: {reason:?}"
                        ));
                    }
                }
            }
            if let Some(deadline) = &mut self.deadline {
                *deadline = Instant::now() + GRACE;
            }
        }
        self.end();
    }

    /// Takes the next step of an orderly end if it is time.
    fn end(&mut self) {
        if !self.outbox.is_empty() {
            return;
        }
        match self.stage {
            Stage::Draining if self.connected => {
                self.stage = Stage::Farewell;
                self.outbox
                    .accept(self.status_message("offline", Some("stopped")));
                self.submit();
            }
            Stage::Draining => self.stage = Stage::Closing,
            Stage::Farewell => {
                self.stage = Stage::Closing;
                self.deadline = Some(Instant::now() + CLOSE);
                // The channel is empty, as all it held is acknowledged, so this does not fail.
                self.connected = self.client.try_disconnect().is_ok();
            }
            Stage::Open | Stage::Closing => {}
        }
    }

    fn on_lost(&mut self, event_loop: &mut EventLoop, error: ConnectionError) -> Result<(), Error> {
        // Acknowledgements that were read before the connection broke still count.
        let late: Vec<Event> = event_loop.state.events.drain(..).collect();
        for event in &late {
            self.on_answer(event);
        }
        event_loop.clean();
        event_loop.pending.clear();
        event_loop.state.collision = None;
        self.outbox.disconnected();
        self.counters.disconnect();
        let was_connected = std::mem::take(&mut self.connected);
        let url = &self.options.url;
        match error {
            ConnectionError::ConnectionRefused(code) if !self.ever_connected && is_final(code) => {
                Err(Error::Refused {
                    url: url.clone(),
                    code,
                })
            }
            ConnectionError::MqttState(StateError::OutgoingPacketTooLarge { pkt_size, max }) => {
                Err(Error::TooLarge {
                    size: pkt_size,
                    max,
                })
            }
            ConnectionError::RequestsDone => Err(Error::Closed),
            error if was_connected => {
                talk(&format!("lost the connection to {url}: {error}"));
                Ok(())
            }
            error => {
                talk(&format!(
                    "cannot connect to {url}: {error}; next try in {:?}",
                    self.backoff
                ));
                Ok(())
            }
        }
    }

    /// Gives the client everything that it has not been given on this connection.
    fn submit(&mut self) {
        while self.connected {
            let Some(message) = self.outbox.submit().cloned() else {
                return;
            };
            self.give(&message);
        }
    }

    fn give(&self, message: &Message) {
        let properties = PublishProperties {
            content_type: Some(message.content_type.to_owned()),
            ..PublishProperties::default()
        };
        self.client
            .try_publish_with_properties(
                message.topic.clone(),
                QoS::AtLeastOnce,
                message.retain,
                message.payload.clone(),
                properties,
            )
            .expect("topics are checked and the channel holds a window and what is beside it");
    }

    fn status_message(&self, state: &str, reason: Option<&str>) -> Message {
        Message {
            topic: self.options.status_topic.clone(),
            payload: status(state, reason),
            content_type: JSON,
            retain: true,
            readings: 0,
        }
    }
}

/// Whether trying again is in vain.
fn is_final(code: ConnectReturnCode) -> bool {
    use ConnectReturnCode as Code;
    matches!(
        code,
        Code::BadUserNamePassword
            | Code::NotAuthorized
            | Code::BadClientId
            | Code::ClientIdentifierNotValid
            | Code::Banned
            | Code::BadAuthenticationMethod
            | Code::UnsupportedProtocolVersion
            | Code::RefusedProtocolVersion
    )
}
