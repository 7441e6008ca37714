//! Keeps a connection to the server: one rumqttc event loop a connection, made anew each time.
//!
//! What a broken connection had taken and not acknowledged is the spool's; nothing of it survives here. The files of TLS
//! are read for each connection; when they or the settings change, the connection is ended in good order and the next
//! one has the new ones.

use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, DisconnectReasonCode as Code, LastWill, LastWillProperties, Packet,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions, StateError};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::session::JSON;
use super::target::{self, TlsFiles, Url};

/// A link that died without a word is noticed within two of these.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// First wait before a new connection, and the longest: what was measured meanwhile is on its way within 2 s of the
/// moment when the link is back.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MOST: Duration = Duration::from_millis(500);
/// After the server said why it does not want us.
const REFUSED: Duration = Duration::from_secs(15);
/// After it ended a connection because a device is over its quota, which is held back meanwhile: at first, then twice as
/// long each time up to [`REFUSED`].
const QUOTA_FIRST: Duration = Duration::from_secs(1);
/// To connect, TLS and CONNACK included.
const CONNECT_SECONDS: u64 = 5;
/// How long the server may take to close after our DISCONNECT.
const CLOSE: Duration = Duration::from_secs(1);
/// Beside the window: status, replies, mirror.
pub(super) const BESIDE_WINDOW: usize = 64;
/// Most bytes of a message to us: commands are small.
const INCOMING: u32 = 64 << 10;

/// Where and as whom.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) url: Url,
    pub(super) tls: TlsFiles,
    /// Times and sizes of the TLS files: a change of them is a change of the settings.
    pub(super) files: Vec<(Option<std::time::SystemTime>, u64)>,
    pub(super) client: String,
    pub(super) credentials: Option<(String, String)>,
    pub(super) status_topic: String,
    pub(super) will: Bytes,
    pub(super) window: u16,
}

/// What the connection tells.
#[derive(Debug)]
pub(super) enum News {
    Up(AsyncClient, Box<ConnAck>),
    Event(Box<Event>),
    /// The connection is gone, or could not be made.
    Down {
        was_up: bool,
    },
}

/// Runs until stopped or until nobody listens.
pub(super) async fn run(
    mut settings: watch::Receiver<Settings>,
    news: mpsc::Sender<News>,
    stop: CancellationToken,
) {
    let mut backoff = BACKOFF_FIRST;
    let mut quota = QUOTA_FIRST;
    while !stop.is_cancelled() {
        let current = settings.borrow_and_update().clone();
        let end = connection(&current, &mut settings, &news, &stop).await;
        if news.send(News::Down { was_up: end.was_up }).await.is_err() {
            return;
        }
        let wait = if end.quota {
            let wait = quota;
            quota = (quota * 2).min(REFUSED);
            wait
        } else if end.refused {
            REFUSED
        } else if end.was_up {
            (backoff, quota) = (BACKOFF_FIRST, QUOTA_FIRST);
            backoff
        } else {
            backoff = (backoff * 2).min(BACKOFF_MOST);
            backoff
        };
        // So that gateways that lost the same server do not come back all at once.
        let wait = wait.mul_f64(rand::rng().random_range(0.5..1.0));
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.cancelled() => return,
            changed = settings.changed() => if changed.is_err() { return },
        }
    }
}

#[derive(Debug, Default)]
struct End {
    was_up: bool,
    refused: bool,
    quota: bool,
}

async fn connection(
    current: &Settings,
    changes: &mut watch::Receiver<Settings>,
    news: &mpsc::Sender<News>,
    stop: &CancellationToken,
) -> End {
    let mut end = End::default();
    let options = match options(current) {
        Ok(options) => options,
        Err(error) => {
            tracing::error!(%error, "cannot set up TLS");
            end.refused = true;
            return end;
        }
    };
    let capacity = usize::from(current.window) + BESIDE_WINDOW;
    let (client, mut events) = AsyncClient::new(options, capacity);
    let mut closing: Option<Instant> = None;
    loop {
        let event = {
            // Not cancel-safe: the same poll goes on whatever else happens.
            let mut poll = std::pin::pin!(events.poll());
            loop {
                let ended = async {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        // Also when nobody can change them any longer.
                        _ = changes.changed() => {}
                    }
                };
                match closing {
                    Some(at) => match timeout_at(at, &mut poll).await {
                        Ok(event) => break event,
                        Err(_) => return end,
                    },
                    None => tokio::select! {
                        event = &mut poll => break event,
                        () = ended => {
                            // A client that is not connected has nobody to take leave of.
                            if !end.was_up || client.try_disconnect().is_err() {
                                return end;
                            }
                            closing = Some(Instant::now() + CLOSE);
                        }
                    },
                }
            }
        };
        let news_now = match event {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                end.was_up = true;
                News::Up(client.clone(), Box::new(ack))
            }
            Ok(event) => News::Event(Box::new(event)),
            Err(error) => {
                // Acknowledgements that were read before it broke still count.
                for event in events.state.events.drain(..) {
                    if news.send(News::Event(Box::new(event))).await.is_err() {
                        return end;
                    }
                }
                if closing.is_none() {
                    let url = &current.url;
                    if end.was_up {
                        tracing::warn!(%url, %error, "lost the connection");
                    } else {
                        tracing::info!(%url, %error, "cannot connect");
                    }
                    end.refused = matches!(error, ConnectionError::ConnectionRefused(_))
                        || sends_away(&error, |code| {
                            matches!(code, Code::MessageRateTooHigh | Code::NotAuthorized)
                        });
                    end.quota = sends_away(&error, |code| code == Code::QuotaExceeded);
                }
                return end;
            }
        };
        if news.send(news_now).await.is_err() {
            return end;
        }
    }
}

/// Whether the server ended the connection for such a reason.
fn sends_away(error: &ConnectionError, reason: impl Fn(Code) -> bool) -> bool {
    matches!(
        error,
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. })
            if reason(*reason_code)
    )
}

fn options(settings: &Settings) -> Result<MqttOptions, target::Error> {
    let url = &settings.url;
    let mut mqtt = MqttOptions::new(&settings.client, &url.host, url.port);
    mqtt.set_keep_alive(KEEP_ALIVE)
        // What is unacknowledged is kept here, not in the server's session.
        .set_clean_start(true)
        .set_connection_timeout(CONNECT_SECONDS)
        .set_max_packet_size(Some(INCOMING))
        .set_transport(target::transport_13(url, &settings.tls)?)
        // Packet ids are used up to here; four windows apart, a late PUBACK blocks no new packet.
        .set_outgoing_inflight_upper_limit(settings.window.saturating_mul(4).max(256))
        .set_last_will(LastWill::new(
            &settings.status_topic,
            settings.will.clone(),
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
    if let Some((user, password)) = &settings.credentials {
        mqtt.set_credentials(user, password);
    }
    Ok(mqtt)
}
