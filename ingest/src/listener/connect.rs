//! CONNECT: who is it, is the session theirs, may they leave that will, and the CONNACK.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mqtt_protocol_core::mqtt::result_code::{ConnectReasonCode as V5, ConnectReturnCode as V3};
use tokio::sync::Notify;

use super::Shared;
use super::hub::{MAX_RETAINED_BYTES, Session};
use super::packets::{Connect, Will};
use super::protocol::{Accept, Protocol};
use crate::rights::{self, Publication};
use crate::stats::Stats;
use crate::{ClientCertificate, Principal};

/// Where a connection comes from.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) ip: Option<IpAddr>,
    /// A certificate that the handshake has verified.
    pub(super) certificate: Option<ClientCertificate>,
}

/// An accepted client.
pub(super) struct Welcome {
    pub(super) session: Arc<Session>,
    pub(super) keep_alive: Duration,
}

/// Who it is, under which client id, and the certificate if that is what says so.
type Judged<'a> = (Arc<Principal>, String, Option<&'a ClientCertificate>);

impl Shared {
    /// Decides on a CONNECT and writes the CONNACK; none means the connection ends.
    pub(super) fn welcome(
        self: &Arc<Self>,
        connect: Connect,
        peer: &Peer,
        protocol: &mut Protocol,
        wake: &Arc<Notify>,
        out: &mut BytesMut,
    ) -> Option<Welcome> {
        match self.judge(&connect, peer.certificate.as_ref(), protocol.is_v5()) {
            Ok((principal, client_id, certificate)) => {
                let most = self.config.max_keep_alive;
                let asked = connect.keep_alive;
                // 3.1.1 cannot be told another keep-alive: one that has none gets ours, unannounced.
                let seconds = match (asked, protocol.is_v5()) {
                    (0, _) => most,
                    (asked, true) => asked.min(most),
                    (asked, false) => asked,
                };
                let accept = Accept {
                    assigned_client_id: connect.client_id.is_empty().then(|| client_id.clone()),
                    server_keep_alive: (seconds != asked).then_some(seconds),
                    topic_alias_maximum: self.config.topic_alias_maximum,
                };
                let fingerprint = certificate.map(|certificate| certificate.fingerprint);
                let (session, earlier) = self.hub.enter(
                    principal,
                    fingerprint,
                    &client_id,
                    connect.will,
                    wake.clone(),
                );
                if let Some((principal, will)) = earlier {
                    self.publish_will(&principal, will);
                }
                // Revoked between look-up and entry, it was not among the sessions that were ended.
                if certificate.is_some_and(|one| self.authenticate.certificate(one).is_none()) {
                    self.hub.leave(&session);
                    Stats::add(&self.stats.auth_failures, 1);
                    protocol.reject(V5::NotAuthorized, V3::NotAuthorized, out);
                    return None;
                }
                if let Err(error) = protocol.accept(accept, out) {
                    tracing::debug!(?error, "no CONNACK that the client takes");
                    self.hub.leave(&session);
                    return None;
                }
                Some(Welcome {
                    session,
                    keep_alive: Duration::from_secs(u64::from(seconds)),
                })
            }
            Err((v5, v3)) => {
                let (counter, login) = match v5 {
                    V5::QosNotSupported => (&self.stats.refused_qos, false),
                    V5::QuotaExceeded => (&self.stats.refused_status, false),
                    _ => (&self.stats.auth_failures, true),
                };
                Stats::add(counter, 1);
                if login && self.authenticate.refused(peer.ip) {
                    protocol.reject(V5::ConnectionRateExceeded, V3::ServerUnavailable, out);
                } else {
                    protocol.reject(v5, v3, out);
                }
                None
            }
        }
    }

    fn judge<'a>(
        &self,
        connect: &Connect,
        certificate: Option<&'a ClientCertificate>,
        is_v5: bool,
    ) -> Result<Judged<'a>, (V5, V3)> {
        if connect.extended_authentication {
            return Err((V5::BadAuthenticationMethod, V3::NotAuthorized));
        }
        let by_certificate =
            certificate.and_then(|one| Some((self.authenticate.certificate(one)?, certificate)));
        let by_password = || {
            let user = connect
                .user
                .as_deref()
                .ok_or((V5::NotAuthorized, V3::NotAuthorized))?;
            let password = connect.password.as_deref().unwrap_or_default();
            let principal = self.authenticate.password(user, password);
            let principal = principal.ok_or((V5::BadUserNameOrPassword, V3::BadUserNameOrPassword));
            principal.map(|principal| (principal, None))
        };
        let (principal, certificate) = by_certificate.map_or_else(by_password, Ok)?;
        // MQTT 3.1.1, 3.1.3.1: a client without an id cannot ask for a kept session.
        if connect.client_id.is_empty() && !connect.clean && !is_v5 {
            return Err((V5::ClientIdentifierNotValid, V3::IdentifierRejected));
        }
        let client_id = rights::client_id(&principal, &connect.client_id);
        let client_id = client_id.ok_or((V5::ClientIdentifierNotValid, V3::IdentifierRejected))?;
        if let Some(will) = &connect.will {
            self.judge_will(&principal, will)?;
        }
        Ok((Arc::new(principal), client_id, certificate))
    }

    fn judge_will(&self, principal: &Principal, will: &Will) -> Result<(), (V5, V3)> {
        if will.qos > 1 {
            return Err((V5::QosNotSupported, V3::NotAuthorized));
        }
        match rights::publish(principal, &will.topic, &self.routes) {
            Ok(Publication::Status(_)) if will.payload.len() > MAX_RETAINED_BYTES => {
                Err((V5::QuotaExceeded, V3::NotAuthorized))
            }
            Ok(_) => Ok(()),
            Err(_) => Err((V5::NotAuthorized, V3::NotAuthorized)),
        }
    }
}
