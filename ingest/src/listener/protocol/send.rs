//! What the server says: the sending half of the state machine.

use bytes::BytesMut;

use super::*;

impl Protocol {
    /// Sends CONNACK with success.
    pub(crate) fn accept(&mut self, accept: Accept, out: &mut BytesMut) -> Result<(), MqttError> {
        let packet = if self.is_v5() {
            let mut props = vec![
                Property::SessionExpiryInterval(SessionExpiryInterval::new(0)?),
                Property::MaximumQos(MaximumQos::new(1)?),
                Property::RetainAvailable(RetainAvailable::new(1)?),
                Property::WildcardSubscriptionAvailable(WildcardSubscriptionAvailable::new(1)?),
                Property::SubscriptionIdentifierAvailable(SubscriptionIdentifierAvailable::new(0)?),
                Property::SharedSubscriptionAvailable(SharedSubscriptionAvailable::new(0)?),
                Property::TopicAliasMaximum(TopicAliasMaximum::new(accept.topic_alias_maximum)?),
            ];
            if let Some(seconds) = accept.server_keep_alive {
                props.push(Property::ServerKeepAlive(ServerKeepAlive::new(seconds)?));
            }
            if let Some(id) = accept.assigned_client_id {
                props.push(Property::AssignedClientIdentifier(
                    AssignedClientIdentifier::new(id)?,
                ));
            }
            let connack = v5_0::Connack::builder()
                .session_present(false)
                .reason_code(ConnectReasonCode::Success);
            connack.props(props).build()?.into()
        } else {
            let connack = v3_1_1::Connack::builder().session_present(false);
            connack
                .return_code(ConnectReturnCode::Accepted)
                .build()?
                .into()
        };
        self.send(packet, out)?;
        self.connected = true;
        Ok(())
    }

    /// Sends CONNACK with a refusal; the connection is to be closed.
    pub(crate) fn reject(
        &mut self,
        v5: ConnectReasonCode,
        v3: ConnectReturnCode,
        out: &mut BytesMut,
    ) {
        let packet = if self.is_v5() {
            v5_0::Connack::builder()
                .session_present(false)
                .reason_code(v5)
                .build()
                .map(Into::into)
        } else {
            v3_1_1::Connack::builder()
                .session_present(false)
                .return_code(v3)
                .build()
                .map(Into::into)
        };
        self.best_effort(packet, out);
    }

    pub(crate) fn puback(&mut self, id: u16, reason: PubackReason, out: &mut BytesMut) {
        let packet = if self.is_v5() {
            let puback = v5_0::Puback::builder().packet_id(id);
            let puback = if reason == PubackReason::Success {
                puback
            } else {
                puback.reason_code(reason)
            };
            puback.build().map(Into::into)
        } else {
            v3_1_1::Puback::builder()
                .packet_id(id)
                .build()
                .map(Into::into)
        };
        self.best_effort(packet, out);
    }

    /// Grants (QoS 0 or 1) or refusals, in the order of the SUBSCRIBE.
    pub(crate) fn suback(
        &mut self,
        id: u16,
        codes: &[Result<u8, SubackReasonCode>],
        out: &mut BytesMut,
    ) {
        let packet = if self.is_v5() {
            let codes = codes.iter().map(|code| match code {
                Ok(0) => SubackReasonCode::GrantedQos0,
                Ok(_) => SubackReasonCode::GrantedQos1,
                Err(reason) => *reason,
            });
            v5_0::Suback::builder()
                .packet_id(id)
                .reason_codes(codes.collect())
                .build()
                .map(Into::into)
        } else {
            let codes = codes.iter().map(|code| match code {
                Ok(0) => SubackReturnCode::SuccessMaximumQos0,
                Ok(_) => SubackReturnCode::SuccessMaximumQos1,
                Err(_) => SubackReturnCode::Failure,
            });
            v3_1_1::Suback::builder()
                .packet_id(id)
                .return_codes(codes.collect())
                .build()
                .map(Into::into)
        };
        self.best_effort(packet, out);
    }

    /// Whether each filter was subscribed, in the order of the UNSUBSCRIBE.
    pub(crate) fn unsuback(&mut self, id: u16, existed: &[bool], out: &mut BytesMut) {
        let packet = if self.is_v5() {
            let codes = existed.iter().map(|e| {
                if *e {
                    UnsubackReasonCode::Success
                } else {
                    UnsubackReasonCode::NoSubscriptionExisted
                }
            });
            v5_0::Unsuback::builder()
                .packet_id(id)
                .reason_codes(codes.collect())
                .build()
                .map(Into::into)
        } else {
            v3_1_1::Unsuback::builder()
                .packet_id(id)
                .build()
                .map(Into::into)
        };
        self.best_effort(packet, out);
    }

    pub(crate) fn pong(&mut self, out: &mut BytesMut) {
        let packet: GenericPacket<u16> = if self.is_v5() {
            v5_0::Pingresp::new().into()
        } else {
            v3_1_1::Pingresp::new().into()
        };
        self.best_effort(Ok(packet), out);
    }

    /// Sends DISCONNECT; only MQTT 5 has one for servers, and only after CONNACK. The property length may be left out
    /// (MQTT 5, 3.14.2.2.1) and is not: some clients cannot read the reason without it.
    pub(crate) fn disconnect(&mut self, reason: Reason, out: &mut BytesMut) {
        if self.is_v5() && self.connected {
            let packet = v5_0::Disconnect::builder()
                .reason_code(reason)
                .props(Vec::new())
                .build()
                .map(Into::into);
            self.best_effort(packet, out);
        }
    }

    /// Sends one message to the subscriber behind this connection.
    pub(crate) fn publish_out(
        &mut self,
        message: &Outgoing<'_>,
        out: &mut BytesMut,
    ) -> Result<Sent, MqttError> {
        if message.at_least_once
            && (self.outgoing_in_flight >= OUTGOING_WINDOW
                || self.core.get_receive_maximum_vacancy_for_send() == Some(0))
        {
            return Ok(Sent::NoWindow);
        }
        let id = if message.at_least_once {
            Some(self.core.acquire_packet_id()?)
        } else {
            None
        };
        let qos = if message.at_least_once {
            Qos::AtLeastOnce
        } else {
            Qos::AtMostOnce
        };
        let packet = if self.is_v5() {
            let mut props = Vec::new();
            if let Some(expiry) = message.expiry {
                let seconds = u32::try_from(expiry.as_secs()).unwrap_or(u32::MAX).max(1);
                props.push(Property::MessageExpiryInterval(MessageExpiryInterval::new(
                    seconds,
                )?));
            }
            let publish = v5_0::Publish::builder()
                .topic_name(message.topic)?
                .qos(qos)
                .retain(message.retain);
            let publish = publish.props(props).payload(message.payload);
            match id {
                Some(id) => publish.packet_id(id).build()?.into(),
                None => publish.build()?.into(),
            }
        } else {
            let publish = v3_1_1::Publish::builder()
                .topic_name(message.topic)?
                .qos(qos)
                .retain(message.retain);
            let publish = publish.payload(message.payload);
            match id {
                Some(id) => publish.packet_id(id).build()?.into(),
                None => publish.build()?.into(),
            }
        };
        match self.send(packet, out) {
            Ok(()) => {
                self.outgoing_in_flight += usize::from(message.at_least_once);
                Ok(Sent::Written)
            }
            Err(MqttError::PacketTooLarge) => Ok(Sent::TooLarge),
            Err(e) => Err(e),
        }
    }

    fn best_effort(&mut self, packet: Result<GenericPacket<u16>, MqttError>, out: &mut BytesMut) {
        // What cannot be sent any more (after DISCONNECT) or fits no client maximum is not sent.
        if let Err(error) = packet.and_then(|packet| self.send(packet, out)) {
            tracing::trace!(?error, "reply not sent");
        }
    }

    fn send(&mut self, packet: GenericPacket<u16>, out: &mut BytesMut) -> Result<(), MqttError> {
        let mut result = Ok(());
        for event in self.core.send(packet) {
            match event {
                GenericEvent::RequestSendPacket { packet, .. } => {
                    out.extend_from_slice(&packet.to_continuous_buffer())
                }
                GenericEvent::NotifyError(error) => result = Err(error),
                _ => {}
            }
        }
        result
    }
}
