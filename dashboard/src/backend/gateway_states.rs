//! Gateways and what they told last.

use serde_json::{Map, Value};

use super::Micros;

/// A gateway as it, or its last will, told.
#[derive(Debug, Clone, PartialEq)]
pub struct GatewayState {
    /// Its id within the site.
    pub id: String,
    /// `online` or `offline`.
    pub state: String,
    /// Since when.
    pub since: Micros,
    /// Why it is offline, in its own words.
    pub reason: Option<String>,
    /// When it spoke itself last.
    pub heard: Option<Micros>,
    /// All that it said then: version, boot id, clock, spool, devices, as far as its version tells them.
    pub health: Map<String, Value>,
}
