//! The MQTT state machine of one connection, without I/O: bytes in, [`Inbound`] out, replies
//! appended to a buffer. Parsing, packet ids, topic aliases and receive maximum are
//! `mqtt-protocol-core`'s, with its automatic responses off.

mod send;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mqtt_protocol_core::mqtt::common::Cursor;
use mqtt_protocol_core::mqtt::connection::{ConnectionOptions, GenericEvent};
use mqtt_protocol_core::mqtt::packet::{
    AssignedClientIdentifier, GenericPacket, MaximumQos, MessageExpiryInterval, Property, Qos,
    RetainAvailable, ServerKeepAlive, SessionExpiryInterval, SharedSubscriptionAvailable, SubEntry,
    SubscriptionIdentifierAvailable, TopicAliasMaximum, WildcardSubscriptionAvailable, v3_1_1,
    v5_0,
};
use mqtt_protocol_core::mqtt::prelude::*;
use mqtt_protocol_core::mqtt::result_code::{
    ConnectReasonCode, ConnectReturnCode, MqttError, SubackReasonCode, SubackReturnCode,
    UnsubackReasonCode,
};
pub(crate) use mqtt_protocol_core::mqtt::result_code::{
    DisconnectReasonCode as Reason, PubackReasonCode as PubackReason,
};
use mqtt_protocol_core::mqtt::{ArcPayload, Connection, Version, role};

use super::packets::{Connect, Inbound, Publish, Refused, Subscription, Will};

/// Largest CONNECT taken, in bytes: it arrives before anybody is known. Client id, name and
/// password are short; a will is a small status message.
const MAX_CONNECT: usize = 16 << 10;

/// First byte of a CONNECT packet.
const CONNECT: u8 = 0x10;

/// Longest fixed header: type and flags, and at most four bytes of length.
const MAX_HEADER: usize = 5;

/// What stands at the front of the received bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Front {
    /// Too little to tell the packet's length.
    Incomplete,
    /// Bytes of a packet whose header was fed already.
    Body,
    /// The header of a PUBLISH; `size` counts the whole packet.
    Publish { size: usize, qos: u8 },
    /// The header of any other packet, or one the state machine will refuse.
    Other,
}

/// What CONNACK announces.
#[derive(Debug, Clone)]
pub(crate) struct Accept {
    pub(crate) assigned_client_id: Option<String>,
    pub(crate) server_keep_alive: Option<u16>,
    pub(crate) topic_alias_maximum: u16,
}

/// A message to a subscriber.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    pub(crate) at_least_once: bool,
    pub(crate) retain: bool,
    pub(crate) expiry: Option<Duration>,
}

/// How sending a message to a subscriber ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Written,
    /// The client's window is full; later.
    NoWindow,
    /// Larger than the client takes.
    TooLarge,
}

pub(crate) struct Protocol {
    core: Connection<role::Server>,
    version: Version,
    connected: bool,
    /// Bytes of the current packet still to be fed.
    body: usize,
    max_packet: usize,
    outgoing_in_flight: usize,
}

impl std::fmt::Debug for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Protocol")
            .field("connected", &self.connected)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

/// QoS 1 messages a subscriber may leave unacknowledged.
const OUTGOING_WINDOW: usize = 32;

impl Protocol {
    pub(crate) fn new(max_packet: u32, receive_maximum: u16) -> Self {
        // The receive maximum is announced to MQTT 5 alone; a 3.1.1 client cannot know it, so
        // it is slowed by not reading, never refused.
        let options = ConnectionOptions::new()
            .maximum_packet_size_recv(max_packet)
            .receive_maximum(receive_maximum);
        Self {
            core: Connection::with_options(Version::Undetermined, options),
            version: Version::Undetermined,
            connected: false,
            body: 0,
            max_packet: usize::try_from(max_packet).unwrap_or(usize::MAX),
            outgoing_in_flight: 0,
        }
    }

    pub(crate) fn is_v5(&self) -> bool {
        self.version == Version::V5_0
    }

    /// Looks at the next bytes without taking them.
    pub(crate) fn front(&self, bytes: &[u8]) -> Front {
        if self.body > 0 {
            return if bytes.is_empty() {
                Front::Incomplete
            } else {
                Front::Body
            };
        }
        let Some(first) = bytes.first() else {
            return Front::Incomplete;
        };
        match packet_size(bytes) {
            Size::Unknown => Front::Incomplete,
            Size::Known { header, body } if first >> 4 == 3 && header + body <= self.max_packet => {
                Front::Publish {
                    size: header + body,
                    qos: (first >> 1) & 3,
                }
            }
            Size::Known { .. } | Size::Malformed => Front::Other,
        }
    }

    /// Feeds bytes of at most one packet; returns how many were taken. The caller has seen
    /// [`Front`] other than `Incomplete`.
    pub(crate) fn feed(
        &mut self,
        bytes: &[u8],
        out: &mut BytesMut,
        inbound: &mut Vec<Inbound>,
    ) -> usize {
        let take = if self.body > 0 {
            self.body.min(bytes.len())
        } else {
            let (header, body) = match packet_size(bytes) {
                Size::Known { header, body } => (header, body),
                Size::Unknown | Size::Malformed => {
                    inbound.push(self.refuse(Refused::Protocol, Reason::MalformedPacket, out));
                    return bytes.len();
                }
            };
            if !self.connected && (bytes.first() != Some(&CONNECT) || header + body > MAX_CONNECT) {
                inbound.push(Inbound::Refused(Refused::Protocol));
                return bytes.len();
            }
            self.body = header + body;
            self.body.min(bytes.len())
        };
        self.body -= take;
        let packet = bytes.get(..take).unwrap_or(bytes);
        let mut cursor = Cursor::new(packet);
        let mut error = None;
        // The length is known, so one call takes the bytes of one packet or a part of it.
        for event in self.core.recv(&mut cursor) {
            match event {
                GenericEvent::NotifyPacketReceived(packet) => {
                    inbound.push(self.received(packet, out))
                }
                GenericEvent::RequestSendPacket { packet, .. } => {
                    out.extend_from_slice(&packet.to_continuous_buffer())
                }
                GenericEvent::NotifyError(e) => error = Some(e),
                GenericEvent::RequestClose => error = error.or(Some(MqttError::ProtocolError)),
                GenericEvent::NotifyPacketIdReleased(_)
                | GenericEvent::RequestTimerReset { .. }
                | GenericEvent::RequestTimerCancel(_) => {}
            }
        }
        if let Some(error) = error {
            let refused = if error == MqttError::PacketTooLarge {
                Refused::Oversize
            } else {
                Refused::Protocol
            };
            // A no-op if the state machine has sent its own.
            inbound.push(self.refuse(refused, error.into(), out));
        }
        take
    }

    /// Says goodbye where the version can, and reports why.
    fn refuse(&mut self, refused: Refused, reason: Reason, out: &mut BytesMut) -> Inbound {
        self.disconnect(reason, out);
        Inbound::Refused(refused)
    }

    fn received(&mut self, packet: GenericPacket<u16>, out: &mut BytesMut) -> Inbound {
        match packet {
            GenericPacket::V3_1_1Connect(p) => self.connect_v3(&p),
            GenericPacket::V5_0Connect(p) => self.connect_v5(&p),
            GenericPacket::V3_1_1Publish(p) => self.publish(
                p.qos(),
                p.packet_id(),
                p.retain(),
                p.topic_name(),
                p.payload(),
                &[],
                out,
            ),
            GenericPacket::V5_0Publish(p) => self.publish(
                p.qos(),
                p.packet_id(),
                p.retain(),
                p.topic_name(),
                p.payload(),
                p.props(),
                out,
            ),
            GenericPacket::V3_1_1Puback(_) | GenericPacket::V5_0Puback(_) => {
                self.outgoing_in_flight = self.outgoing_in_flight.saturating_sub(1);
                Inbound::Acknowledged
            }
            GenericPacket::V3_1_1Subscribe(p) if p.packet_id() != 0 => Inbound::Subscribe {
                id: p.packet_id(),
                subscriptions: p.entries().iter().map(subscription).collect(),
            },
            GenericPacket::V5_0Subscribe(p) if p.packet_id() != 0 => {
                if p.props()
                    .iter()
                    .any(|prop| matches!(prop, Property::SubscriptionIdentifier(_)))
                {
                    return self.refuse(
                        Refused::Protocol,
                        Reason::SubscriptionIdentifiersNotSupported,
                        out,
                    );
                }
                Inbound::Subscribe {
                    id: p.packet_id(),
                    subscriptions: p.entries().iter().map(subscription).collect(),
                }
            }
            GenericPacket::V3_1_1Unsubscribe(p) if p.packet_id() != 0 => Inbound::Unsubscribe {
                id: p.packet_id(),
                filters: p.entries().iter().map(|f| f.as_str().to_owned()).collect(),
            },
            GenericPacket::V5_0Unsubscribe(p) if p.packet_id() != 0 => Inbound::Unsubscribe {
                id: p.packet_id(),
                filters: p.entries().iter().map(|f| f.as_str().to_owned()).collect(),
            },
            GenericPacket::V3_1_1Pingreq(_) | GenericPacket::V5_0Pingreq(_) => Inbound::Ping,
            GenericPacket::V3_1_1Disconnect(_) => Inbound::Disconnect { with_will: false },
            GenericPacket::V5_0Disconnect(p) => Inbound::Disconnect {
                with_will: p
                    .reason_code()
                    .is_some_and(|reason| reason != Reason::NormalDisconnection),
            },
            GenericPacket::V5_0Auth(_) => {
                self.refuse(Refused::Protocol, Reason::ProtocolError, out)
            }
            _ => self.refuse(Refused::Protocol, Reason::MalformedPacket, out),
        }
    }

    fn connect_v3(&mut self, p: &v3_1_1::Connect) -> Inbound {
        self.version = Version::V3_1_1;
        let will = p
            .will_topic()
            .zip(p.will_payload())
            .map(|(topic, payload)| Will {
                topic: topic.to_owned(),
                payload: Bytes::copy_from_slice(payload),
                qos: p.will_qos() as u8,
                retain: p.will_retain(),
                content_type: None,
                user_properties: Vec::new(),
            });
        Inbound::Connect(Box::new(Connect {
            client_id: p.client_id().to_owned(),
            clean: p.clean_session(),
            keep_alive: p.keep_alive(),
            user: p.user_name().map(str::to_owned),
            password: p.password().map(Bytes::copy_from_slice),
            will,
            extended_authentication: false,
        }))
    }

    fn connect_v5(&mut self, p: &v5_0::Connect) -> Inbound {
        self.version = Version::V5_0;
        let will = p
            .will_topic()
            .zip(p.will_payload())
            .map(|(topic, payload)| Will {
                topic: topic.to_owned(),
                payload: Bytes::copy_from_slice(payload),
                qos: p.will_qos() as u8,
                retain: p.will_retain(),
                content_type: content_type(p.will_props()),
                user_properties: user_properties(p.will_props()),
            });
        Inbound::Connect(Box::new(Connect {
            client_id: p.client_id().to_owned(),
            clean: p.clean_start(),
            keep_alive: p.keep_alive(),
            user: p.user_name().map(str::to_owned),
            password: p.password().map(Bytes::copy_from_slice),
            will,
            extended_authentication: p
                .props()
                .iter()
                .any(|prop| matches!(prop, Property::AuthenticationMethod(_))),
        }))
    }

    #[allow(clippy::too_many_arguments)]
    fn publish(
        &mut self,
        qos: Qos,
        id: Option<u16>,
        retain: bool,
        topic: &str,
        payload: &ArcPayload,
        props: &[Property],
        out: &mut BytesMut,
    ) -> Inbound {
        if qos == Qos::ExactlyOnce {
            return self.refuse(Refused::Qos, Reason::QosNotSupported, out);
        }
        if id == Some(0) {
            return self.refuse(Refused::Protocol, Reason::ProtocolError, out);
        }
        Inbound::Publish(Publish {
            id,
            retain,
            topic: topic.to_owned(),
            payload: Bytes::from_owner(Shared(payload.clone())),
            content_type: content_type(props),
            user_properties: user_properties(props),
        })
    }
}

/// A packet's payload without a copy: it keeps the packet's one allocation alive.
struct Shared(ArcPayload);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

enum Size {
    Unknown,
    Malformed,
    Known { header: usize, body: usize },
}

/// Reads the fixed header (MQTT 5, 2.1): one byte, then up to four of seven bits each.
fn packet_size(bytes: &[u8]) -> Size {
    let mut body = 0usize;
    for (i, byte) in bytes.iter().take(MAX_HEADER).skip(1).enumerate() {
        body |= usize::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return Size::Known {
                header: i + 2,
                body,
            };
        }
    }
    if bytes.len() >= MAX_HEADER {
        Size::Malformed
    } else {
        Size::Unknown
    }
}

fn subscription(entry: &SubEntry) -> Subscription {
    let options = entry.sub_opts();
    Subscription {
        filter: entry.topic_filter().to_owned(),
        at_least_once: options.qos() != Qos::AtMostOnce,
        retain_as_published: options.rap(),
        retained: options.rh().into(),
    }
}

fn content_type(props: &[Property]) -> Option<String> {
    props.iter().find_map(|prop| match prop {
        Property::ContentType(value) => Some(value.val().to_owned()),
        _ => None,
    })
}

fn user_properties(props: &[Property]) -> Vec<(String, String)> {
    let pair = |prop: &Property| match prop {
        Property::UserProperty(pair) => Some((pair.key().to_owned(), pair.val().to_owned())),
        _ => None,
    };
    props.iter().filter_map(pair).collect()
}

#[cfg(test)]
mod tests;
