//! Routes: topic filter, payload format, who may use it, and where the device is named.

use std::sync::Arc;

use crate::topics::{NATIVE_PREFIX, NativeTopic, is_filter, is_id, matches};

/// Where a route learns the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceFrom {
    /// The payload says it.
    Payload,
    /// This level of the topic, counted from 0.
    TopicLevel(usize),
    /// The built-in template `wardline/v1/{site}/{gateway}/{device}/…`; built-in routes only.
    Template,
}

/// Who may publish on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principals {
    /// The owner by the built-in template: site, gateway and device must agree; built-in only.
    ByTopic,
    /// These names; without any, every principal that may publish.
    Named(Vec<String>),
}

/// Topic filter plus format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Name, as configured; the `source` of quarantined messages.
    pub name: String,
    /// MQTT topic filter, `+` and `#` allowed.
    pub filter: String,
    /// Payload format: `senml`, `medtech`, `fhir`, `hl7v2`, [`COMMAND_REPLY`] or [`GATEWAY_STATUS`].
    pub format: String,
    /// Who may publish.
    pub principals: Principals,
    /// Where the device is named.
    pub device: DeviceFrom,
}

/// Format of the built-in route that carries answers to commands; not a reading.
pub const COMMAND_REPLY: &str = "command-reply";

/// Format of the built-in route that carries the state of gateways; not a reading.
pub const GATEWAY_STATUS: &str = "gateway-status";

/// A configured route that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Not a valid MQTT topic filter.
    #[error("route {0}: not a valid topic filter")]
    Filter(String),
    /// Built-in topics cannot be given another meaning.
    #[error("route {0}: a filter below or above wardline/v1/ would take built-in topics")]
    Native(String),
    /// Two routes of one name.
    #[error("route {0}: the name is used twice")]
    Name(String),
    /// Only built-in routes use the template.
    #[error("route {0}: needs named principals, and a device from payload or topic level")]
    Template(String),
}

/// All routes in order of precedence, the built-in ones first.
#[derive(Debug, Clone)]
pub struct Routes {
    readings: Arc<Route>,
    alarms: Arc<Route>,
    reply: Arc<Route>,
    status: Arc<Route>,
    configured: Vec<Arc<Route>>,
}

/// A topic's route and what the topic itself says.
#[derive(Debug, Clone)]
pub(crate) struct Matched {
    pub(crate) route: Arc<Route>,
    pub(crate) site: Option<String>,
    pub(crate) gateway: Option<String>,
    pub(crate) device: Option<String>,
}

impl Routes {
    /// The built-in routes `readings`, `alarms` (both `senml`), `command-reply` and `gateway-status`, then the
    /// configured ones in order; the first whose filter matches takes a message.
    pub fn new(configured: Vec<Route>) -> Result<Self, RouteError> {
        let routes = Self {
            readings: built_in("readings", "wardline/v1/+/+/+/readings", "senml"),
            alarms: built_in("alarms", "wardline/v1/+/+/+/alarms", "senml"),
            reply: built_in(
                COMMAND_REPLY,
                "wardline/v1/+/+/command/reply",
                COMMAND_REPLY,
            ),
            status: built_in(GATEWAY_STATUS, "wardline/v1/+/+/status", GATEWAY_STATUS),
            configured: Vec::new(),
        };
        configured
            .into_iter()
            .try_fold(routes, |mut routes, route| {
                let name = route.name.clone();
                if !is_filter(&route.filter) || route.filter.starts_with('$') {
                    return Err(RouteError::Filter(name));
                }
                if takes_native(&route.filter) {
                    return Err(RouteError::Native(name));
                }
                if routes.iter().any(|other| other.name == name) {
                    return Err(RouteError::Name(name));
                }
                if route.device == DeviceFrom::Template || route.principals == Principals::ByTopic {
                    return Err(RouteError::Template(name));
                }
                routes.configured.push(Arc::new(route));
                Ok(routes)
            })
    }

    /// Every route in order of precedence.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        [&self.readings, &self.alarms, &self.reply, &self.status]
            .into_iter()
            .chain(&self.configured)
    }

    /// The route of a topic, with site, gateway and device where the topic names them.
    pub(crate) fn find(&self, topic: &str) -> Option<Matched> {
        if topic.starts_with(NATIVE_PREFIX) {
            let (route, site, gateway, device) = match NativeTopic::parse(topic)? {
                NativeTopic::Readings {
                    site,
                    gateway,
                    device,
                } => (&self.readings, site, gateway, Some(device)),
                NativeTopic::Alarms {
                    site,
                    gateway,
                    device,
                } => (&self.alarms, site, gateway, Some(device)),
                NativeTopic::CommandReply { site, gateway } => (&self.reply, site, gateway, None),
                NativeTopic::Status { site, gateway } => (&self.status, site, gateway, None),
                _ => return None,
            };
            return Some(Matched {
                route: route.clone(),
                site: Some(site.to_owned()),
                gateway: Some(gateway.to_owned()),
                device: device.map(str::to_owned),
            });
        }
        let route = self
            .configured
            .iter()
            .find(|route| matches(&route.filter, topic))?;
        let device = match route.device {
            DeviceFrom::TopicLevel(level) => Some(
                topic
                    .split('/')
                    .nth(level)
                    .filter(|id| is_id(id))?
                    .to_owned(),
            ),
            DeviceFrom::Payload | DeviceFrom::Template => None,
        };
        Some(Matched {
            route: route.clone(),
            site: None,
            gateway: None,
            device,
        })
    }
}

fn built_in(name: &str, filter: &str, format: &str) -> Arc<Route> {
    Arc::new(Route {
        name: name.to_owned(),
        filter: filter.to_owned(),
        format: format.to_owned(),
        principals: Principals::ByTopic,
        device: DeviceFrom::Template,
    })
}

/// Whether a filter could match a topic below `wardline/v1/`.
fn takes_native(filter: &str) -> bool {
    let mut levels = filter.split('/');
    for native in ["wardline", "v1"] {
        match levels.next() {
            Some("#") => return true,
            Some(level) if level == "+" || level == native => {}
            _ => return false,
        }
    }
    levels.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(name: &str, filter: &str, device: DeviceFrom) -> Route {
        Route {
            name: name.to_owned(),
            filter: filter.to_owned(),
            format: "medtech".to_owned(),
            principals: Principals::Named(vec!["vendor".to_owned()]),
            device,
        }
    }

    #[test]
    fn the_first_matching_route_takes_the_topic() {
        let routes = Routes::new(vec![
            route("a", "vendor/+/vitals", DeviceFrom::TopicLevel(1)),
            route("b", "vendor/#", DeviceFrom::Payload),
        ])
        .unwrap();
        let first = routes.find("vendor/d1/vitals").unwrap();
        assert_eq!(
            (first.route.name.as_str(), first.device.as_deref()),
            ("a", Some("d1"))
        );
        assert_eq!(routes.find("vendor/d1/other").unwrap().route.name, "b");
        assert!(
            routes.find("vendor/d_1/vitals").is_none(),
            "an invalid device id is no route"
        );
        assert!(routes.find("elsewhere").is_none());
        let native = routes.find("wardline/v1/s/g/d/alarms").unwrap();
        assert_eq!(native.route.name, "alarms");
        assert_eq!(native.gateway.as_deref(), Some("g"));
        assert!(routes.find("wardline/v1/s/g/command").is_none());
    }

    #[test]
    fn configured_routes_cannot_take_built_in_topics() {
        for filter in [
            "#",
            "+/#",
            "wardline/#",
            "wardline/v1/+/+/+/readings",
            "+/v1/x",
            "+/+/+",
        ] {
            let err = Routes::new(vec![route("x", filter, DeviceFrom::Payload)]).unwrap_err();
            assert_eq!(err, RouteError::Native("x".to_owned()), "{filter}");
        }
        for filter in ["wardline/v2/x", "+/+", "a/#"] {
            assert!(
                Routes::new(vec![route("x", filter, DeviceFrom::Payload)]).is_ok(),
                "{filter}"
            );
        }
        assert!(matches!(
            Routes::new(vec![route("readings", "a", DeviceFrom::Payload)]),
            Err(RouteError::Name(_))
        ));
        assert!(matches!(
            Routes::new(vec![route("x", "a", DeviceFrom::Template)]),
            Err(RouteError::Template(_))
        ));
        assert!(matches!(
            Routes::new(vec![route("x", "a/#/b", DeviceFrom::Payload)]),
            Err(RouteError::Filter(_))
        ));
    }
}
