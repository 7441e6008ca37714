//! Who speaks, and how they are known.

use std::fmt;
use std::net::IpAddr;

/// What a principal may do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Devices and gateways: publish their own topics, read their own commands.
    Publish,
    /// People and programs that read.
    Read,
    /// Read, and acknowledge alerts over HTTP.
    Operate,
    /// Everything over HTTP; over MQTT the same as `Read`.
    Admin,
}

/// What is known of a client certificate that the TLS configuration's verifier has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// SHA-256 of the certificate in DER.
    pub fingerprint: [u8; 32],
    /// Its SAN URIs, in order.
    pub san_uris: Vec<String>,
}

/// A credential's or certificate's entry in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Unique name of the credential; sessions belong to it.
    pub name: String,
    /// The site it is limited to. A publisher without one may publish nothing native.
    pub site: Option<String>,
    /// The gateway it is limited to.
    pub gateway: Option<String>,
    /// The device it is limited to.
    pub device: Option<String>,
    /// What it may do.
    pub role: Role,
}

impl Principal {
    /// The id that its MQTT client ids must equal or start with: device, else gateway, else name.
    #[must_use]
    pub fn id(&self) -> &str {
        self.device
            .as_deref()
            .or(self.gateway.as_deref())
            .unwrap_or(&self.name)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// Turns what a client presents into a principal. Called on the connection's task: it must
/// answer from memory or a short look-up. Unknown means `None` and the connection is refused.
pub trait Authenticate: Send + Sync + 'static {
    /// User name and password of CONNECT.
    fn password(&self, user: &str, password: &[u8]) -> Option<Principal>;
    /// A client certificate that passed the handshake. Asked at CONNECT and once more when the session has been
    /// entered, so that one revoked in between is refused.
    fn certificate(&self, certificate: &ClientCertificate) -> Option<Principal>;
    /// Hears of a login that was refused; true when this address is to be told to slow down.
    fn refused(&self, peer: Option<IpAddr>) -> bool {
        let _ = peer;
        false
    }
}
