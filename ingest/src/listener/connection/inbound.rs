//! What each packet of a client does.

use std::sync::Arc;

use bytes::Bytes;
use mqtt_protocol_core::mqtt::result_code::SubackReasonCode;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Connection, End, Flight, now};
use crate::batcher::{Item, MESSAGE_OVERHEAD};
use crate::listener::Shared;
use crate::listener::connect::Welcome;
use crate::listener::hub::Session;
use crate::listener::packets::{Inbound, Publish, Refused, Subscription, Will};
use crate::listener::protocol::{PubackReason, Reason};
use crate::rights::{self, Publication, Refusal};
use crate::routes::Matched;
use crate::stats::Stats;
use crate::topics::MAX_TOPIC;
use crate::{Closed, Incoming, Micros, Principal};

/// Kept messages a subscription may bring: every gateway's status once.
const MAX_BACKLOG: usize = 10_000;

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    pub(super) fn handle(&mut self, packet: Inbound, received: Micros, parcel: &mut Vec<Item>) {
        let (session, packet) = match packet {
            Inbound::Connect(connect) if self.session.is_none() => {
                match self.shared.welcome(
                    *connect,
                    &self.peer,
                    &mut self.protocol,
                    &self.wake,
                    &mut self.output,
                ) {
                    Some(Welcome {
                        session,
                        keep_alive,
                    }) => {
                        self.session = Some(session);
                        self.keep_alive = keep_alive;
                    }
                    None => self.end = Some(End::Abnormal),
                }
                return;
            }
            Inbound::Refused(refused) => {
                let stats = &self.shared.stats;
                let counter = match refused {
                    Refused::Oversize => &stats.refused_oversize,
                    Refused::Qos => &stats.refused_qos,
                    Refused::Protocol => &stats.refused_protocol,
                };
                Stats::add(counter, 1);
                self.end = Some(End::Abnormal);
                return;
            }
            packet => match self.session.clone() {
                Some(session) => (session, packet),
                None => {
                    self.end = Some(End::Abnormal);
                    return;
                }
            },
        };
        match packet {
            Inbound::Publish(publish) => self.published(&session, publish, received, parcel),
            Inbound::Subscribe { id, subscriptions } => {
                self.subscribed(&session, id, subscriptions)
            }
            Inbound::Unsubscribe { id, filters } => {
                let existed: Vec<bool> = filters
                    .iter()
                    .map(|f| self.shared.hub.unsubscribe(&session, f))
                    .collect();
                self.protocol.unsuback(id, &existed, &mut self.output);
            }
            Inbound::Ping => self.protocol.pong(&mut self.output),
            Inbound::Acknowledged => {}
            Inbound::Disconnect { with_will } => {
                self.end = Some(if with_will { End::Abnormal } else { End::Clean })
            }
            Inbound::Connect(_) => self.disconnect(Reason::ProtocolError),
            Inbound::Refused(_) => self.end = Some(End::Abnormal),
        }
    }

    fn published(
        &mut self,
        session: &Session,
        publish: Publish,
        received: Micros,
        parcel: &mut Vec<Item>,
    ) {
        let ticket = self.assembling.take();
        let principal = &session.principal;
        let (reason, counter) =
            match rights::publish(principal, &publish.topic, &self.shared.routes) {
                Ok(Publication::Message(_)) if ticket.is_none() => {
                    // Every PUBLISH of a session is admitted before it is fed.
                    return self.disconnect(Reason::ImplementationSpecificError);
                }
                Ok(Publication::Status(_)) if ticket.is_none() => {
                    return self.disconnect(Reason::ImplementationSpecificError);
                }
                Ok(Publication::Status(_)) if !self.keep_status(&publish, received) => (
                    PubackReason::QuotaExceeded,
                    &self.shared.stats.refused_status,
                ),
                Ok(Publication::Message(matched) | Publication::Status(matched)) => {
                    let Some(ticket) = ticket else { return };
                    self.held += ticket.bytes();
                    self.flights.push_back(Flight {
                        id: publish.id,
                        bytes: ticket.bytes(),
                        outcome: None,
                    });
                    let incoming = incoming(matched, publish, principal.clone(), received);
                    parcel.push(Item {
                        incoming,
                        acks: Some(self.acks.clone()),
                        ticket,
                    });
                    return;
                }
                Err(Refusal::NotAuthorized) => (
                    PubackReason::NotAuthorized,
                    &self.shared.stats.refused_rights,
                ),
                Err(Refusal::Unroutable) => (
                    PubackReason::TopicNameInvalid,
                    &self.shared.stats.refused_route,
                ),
            };
        Stats::add(counter, 1);
        if publish.topic.len() > MAX_TOPIC {
            self.disconnect(Reason::TopicNameInvalid);
        } else if self.protocol.is_v5() {
            self.answer_now(publish.id, reason);
        } else {
            self.end = Some(End::Abnormal);
        }
    }

    /// Keeps the state of a gateway and passes it on to who subscribed; false if there is no room for it.
    fn keep_status(&self, publish: &Publish, received: Micros) -> bool {
        // A copy, so that what is kept does not keep the packet.
        let payload = Bytes::copy_from_slice(&publish.payload);
        let hub = &self.shared.hub;
        hub.publish(&publish.topic, payload, publish.retain, None, received)
            .is_ok()
    }

    /// Answers without the sink, but not before what was received earlier.
    fn answer_now(&mut self, id: Option<u16>, outcome: PubackReason) {
        let Some(id) = id else { return };
        if self.flights.is_empty() {
            self.protocol.puback(id, outcome, &mut self.output);
        } else {
            self.flights.push_back(Flight {
                id: Some(id),
                bytes: 0,
                outcome: Some(outcome),
            });
        }
    }

    fn subscribed(&mut self, session: &Arc<Session>, id: u16, subscriptions: Vec<Subscription>) {
        let mut codes = Vec::with_capacity(subscriptions.len());
        for subscription in subscriptions {
            let granted = u8::from(subscription.at_least_once);
            let code = if subscription.filter.starts_with("$share/") {
                Err(SubackReasonCode::SharedSubscriptionsNotSupported)
            } else {
                match rights::subscribe(&session.principal, &subscription.filter) {
                    Ok(()) => match self.shared.hub.subscribe(session, subscription) {
                        Some(retained) => {
                            self.backlog.extend(retained);
                            Ok(granted)
                        }
                        None => Err(SubackReasonCode::QuotaExceeded),
                    },
                    Err(Refusal::NotAuthorized) => Err(SubackReasonCode::NotAuthorized),
                    Err(Refusal::Unroutable) => Err(SubackReasonCode::TopicFilterInvalid),
                }
            };
            Stats::add(
                &self.shared.stats.refused_subscription,
                u64::from(code.is_err()),
            );
            codes.push(code);
            if self.backlog.len() > MAX_BACKLOG {
                Stats::add(&self.shared.stats.slow_subscribers, 1);
                return self.disconnect(Reason::QuotaExceeded);
            }
        }
        self.protocol.suback(id, &codes, &mut self.output);
    }
}

fn incoming(
    matched: Matched,
    publish: Publish,
    principal: Arc<Principal>,
    received: Micros,
) -> Incoming {
    Incoming {
        route: matched.route,
        topic: publish.topic,
        site: matched.site,
        gateway: matched.gateway,
        device: matched.device,
        payload: publish.payload,
        content_type: publish.content_type,
        user_properties: publish.user_properties,
        principal: Some(principal),
        received,
    }
}

impl Shared {
    /// Publishes a will that was found permitted when the client connected.
    pub(in crate::listener) fn publish_will(
        self: &Arc<Self>,
        principal: &Arc<Principal>,
        will: Will,
    ) {
        Stats::add(&self.stats.wills, 1);
        let received = now();
        match rights::publish(principal, &will.topic, &self.routes) {
            Ok(publication) => {
                let matched = match publication {
                    Publication::Message(matched) => matched,
                    Publication::Status(matched) => {
                        let (topic, payload) = (&will.topic, will.payload.clone());
                        let kept = self
                            .hub
                            .publish(topic, payload, will.retain, None, received);
                        if kept.is_err() {
                            Stats::add(&self.stats.refused_status, 1);
                            return;
                        }
                        matched
                    }
                };
                let (shared, principal) = (self.clone(), principal.clone());
                self.tasks.spawn(async move {
                    let size = will.topic.len() + will.payload.len() + MESSAGE_OVERHEAD;
                    let publish = Publish {
                        id: None,
                        retain: will.retain,
                        topic: will.topic,
                        payload: will.payload,
                        content_type: will.content_type,
                        user_properties: will.user_properties,
                    };
                    let admitted = tokio::select! {
                        admitted = shared.intake.admit(size) => admitted,
                        () = shared.intake.closed().cancelled() => Err(Closed),
                    };
                    let incoming = incoming(matched, publish, principal, received);
                    let push = |ticket| {
                        shared.intake.push(vec![Item {
                            incoming,
                            acks: None,
                            ticket,
                        }])
                    };
                    if admitted.and_then(push).is_err() {
                        tracing::debug!("a will came after the sink had closed");
                    }
                });
            }
            Err(_) => Stats::add(&self.stats.refused_rights, 1),
        }
    }
}
