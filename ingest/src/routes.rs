//! Routes: topic filter, payload format, who may use it, and where the device is named.

use std::sync::Arc;

/// Where a route learns the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceFrom {
    /// The payload says it.
    Payload,
    /// This level of the topic, counted from 0.
    TopicLevel(usize),
    /// The built-in template `wardline/v1/{site}/{gateway}/{device}/…`.
    Template,
}

/// Who may publish on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    /// The owner by the built-in template: site, gateway and device must agree.
    ByTopic,
    /// These names.
    Named(Vec<String>),
}

/// Topic filter plus format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Name, as configured; the `source` of quarantined messages.
    pub name: String,
    /// MQTT topic filter, `+` and `#` allowed.
    pub filter: String,
    /// Payload format: `senml`, `medtech`, `fhir`, `hl7v2`, or [`COMMAND_REPLY`].
    pub format: String,
    /// Who may publish.
    pub principals: Principals,
    /// Where the device is named.
    pub device: DeviceFrom,
}

/// Format of the built-in route that carries answers to commands; not a reading.
pub const COMMAND_REPLY: &str = "command-reply";

/// All routes in order of precedence, the built-in ones first.
#[derive(Debug, Clone)]
pub struct Routes {
    routes: Vec<Arc<Route>>,
}
