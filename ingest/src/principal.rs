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
    /// One SAN URI of a client certificate that the configured CA signed.
    fn certificate(&self, san_uri: &str) -> Option<Principal>;
    /// Hears of a login that was refused; true when this address is to be told to slow down.
    fn refused(&self, peer: Option<IpAddr>) -> bool {
        let _ = peer;
        false
    }
}
