//! Gateways: enrolment, their certificates, commands.

use std::time::Duration;

use serde_json::Value;

use super::Micros;

/// A code that enrols a gateway once. Has no `Debug` text for the code.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentCode {
    /// The gateway it enrols.
    pub gateway: String,
    /// The code, to be shown once.
    pub code: String,
    /// When it stops being good.
    pub expires: Micros,
    /// What the gateway is to find in the server's chain: SHA-256, in hex, of the last certificate that the
    /// HTTP server shows; of its own authority where no server runs. `None` when the server has no TLS.
    pub fingerprint: Option<String>,
}

impl std::fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrolmentCode")
            .field("gateway", &self.gateway)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// What a gateway gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    /// Who it is.
    pub gateway: String,
    /// Where it is.
    pub site: String,
    /// Its certificate and the authority's, PEM.
    pub certificate: String,
    /// PEM of the authorities to trust at the MQTT listener; `None`: those of the gateway's system.
    pub trust: Option<String>,
    /// Serial number of the certificate in hex.
    pub serial: String,
    /// When the certificate ends.
    pub expires: Micros,
    /// When to renew it: two thirds of its life.
    pub renew: Micros,
}

/// A certificate to renew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// The present certificate, PEM.
    pub certificate: String,
    /// The request with the new key, PEM.
    pub csr: String,
    /// ECDSA signature (SHA-256, ASN.1) by the present key over [`RENEWAL_CONTEXT`] and the request in DER.
    pub proof: Vec<u8>,
}

/// What a renewal's proof begins with, so that no signature made for anything else can be one.
pub const RENEWAL_CONTEXT: &[u8] = b"wardline-enroll-renew-v1\n";

/// A certificate of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayCertificate {
    /// Serial number in hex.
    pub serial: String,
    /// When it was issued.
    pub issued: Micros,
    /// When it ends.
    pub expires: Micros,
    /// Serial of the one it renewed; `None` when a code enrolled it.
    pub renewed_from: Option<String>,
    /// When it was taken away.
    pub revoked: Option<Micros>,
    /// `revoked` or `superseded`.
    pub reason: Option<&'static str>,
}

/// A command to a gateway.
#[derive(Clone, PartialEq)]
pub struct CommandNew {
    /// To whom.
    pub gateway: String,
    /// `rescan`, `reload`, `pair` or `capture`.
    pub command: String,
    /// Its arguments, an object. Has no `Debug` text: a passkey may be in it.
    pub args: Value,
    /// How long it is good.
    pub life: Duration,
    /// How long to wait for the answer.
    pub wait: Duration,
    /// It reached us over TLS or from this machine.
    pub private: bool,
}

impl std::fmt::Debug for CommandNew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandNew")
            .field("gateway", &self.gateway)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// A command that was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayCommand {
    /// Opaque id.
    pub id: String,
    /// To whom.
    pub gateway: String,
    /// Which.
    pub command: String,
    /// Its arguments without secrets.
    pub args: Value,
    /// Who sent it.
    pub by: String,
    /// When.
    pub sent: Micros,
    /// Until when it is good.
    pub expires: Micros,
    /// When the answer came, and what the gateway said.
    pub reply: Option<(Micros, Value)>,
}
