//! What a principal may publish, subscribe to and be called.

use crate::routes::{Matched, Principals, Routes};
use crate::topics::{NATIVE_PREFIX, NativeTopic, is_filter, is_id, is_topic};
use crate::{Principal, Role};

/// Why a topic is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The topic belongs to someone else.
    NotAuthorized,
    /// No route takes the topic, or it is not a valid one.
    Unroutable,
}

/// A permitted publication.
#[derive(Debug)]
pub(crate) enum Publication {
    /// Goes to the sink.
    Message(Matched),
    /// Gateway state: kept and passed to subscribers here, then goes to the sink.
    Status(Matched),
}

/// Whether and as what `principal` may publish on `topic`.
pub(crate) fn publish(
    principal: &Principal,
    topic: &str,
    routes: &Routes,
) -> Result<Publication, Refusal> {
    if !is_topic(topic) {
        return Err(Refusal::Unroutable);
    }
    if topic.starts_with(NATIVE_PREFIX) {
        let native = NativeTopic::parse(topic).ok_or(Refusal::Unroutable)?;
        let allowed = principal.role == Role::Publish
            && match native {
                NativeTopic::Readings {
                    site,
                    gateway,
                    device,
                }
                | NativeTopic::Alarms {
                    site,
                    gateway,
                    device,
                } => {
                    owns_site(principal, site)
                        && (principal.gateway.is_some() || principal.device.is_some())
                        && principal
                            .gateway
                            .as_deref()
                            .is_none_or(|own| own == gateway)
                        && principal.device.as_deref().is_none_or(|own| own == device)
                }
                NativeTopic::Status { site, gateway }
                | NativeTopic::CommandReply { site, gateway } => {
                    owns_gateway(principal, site, gateway)
                }
                NativeTopic::Command { .. } | NativeTopic::Alerts { .. } => false,
            };
        return match (allowed, native) {
            (false, _) => Err(Refusal::NotAuthorized),
            (true, native) => {
                let status = matches!(native, NativeTopic::Status { .. });
                let kind = if status {
                    Publication::Status
                } else {
                    Publication::Message
                };
                routes.find(topic).map(kind).ok_or(Refusal::Unroutable)
            }
        };
    }
    let matched = routes.find(topic).ok_or(Refusal::Unroutable)?;
    let named = match &matched.route.principals {
        Principals::Named(names) => names.is_empty() || names.contains(&principal.name),
        Principals::ByTopic => false,
    };
    let own_device = match (&principal.device, &matched.device) {
        (Some(own), Some(topic)) => own == topic,
        _ => true,
    };
    if principal.role == Role::Publish && named && own_device {
        Ok(Publication::Message(matched))
    } else {
        Err(Refusal::NotAuthorized)
    }
}

/// Whether `principal` may subscribe to `filter`.
pub(crate) fn subscribe(principal: &Principal, filter: &str) -> Result<(), Refusal> {
    if !is_filter(filter) {
        return Err(Refusal::Unroutable);
    }
    let allowed = match principal.role {
        Role::Publish => match NativeTopic::parse(filter) {
            Some(NativeTopic::Command { site, gateway }) => owns_gateway(principal, site, gateway),
            _ => false,
        },
        Role::Read | Role::Operate | Role::Admin => {
            let own_site = |site: &str| match &principal.site {
                Some(own) => own == site,
                None => site == "+" || is_id(site),
            };
            let levels: Vec<&str> = filter.split('/').collect();
            match levels.as_slice() {
                ["wardline", "v1", site, "alerts"] => own_site(site),
                ["wardline", "v1", site, gateway, "status"] => {
                    own_site(site) && (*gateway == "+" || is_id(gateway))
                }
                _ => false,
            }
        }
    };
    if allowed {
        Ok(())
    } else {
        Err(Refusal::NotAuthorized)
    }
}

/// The client id a session gets: the given one if it is the principal's, an assigned one if
/// none was given, nothing if it belongs to somebody else.
pub(crate) fn client_id(principal: &Principal, given: &str) -> Option<String> {
    let id = principal.id();
    if given.is_empty() {
        return Some(format!("{id}.{:016x}", rand::random::<u64>()));
    }
    let rest = given.strip_prefix(id)?;
    let own = rest.is_empty()
        || (rest.starts_with(['.', '-']) && rest.len() <= 64 && !rest.contains(char::is_control));
    own.then(|| given.to_owned())
}

fn owns_site(principal: &Principal, site: &str) -> bool {
    principal.site.as_deref() == Some(site)
}

/// Gateway-level topics belong to the gateway's own credential. A device that names no gateway
/// is its own gateway; one device behind a shared gateway does not speak for the gateway.
fn owns_gateway(principal: &Principal, site: &str, gateway: &str) -> bool {
    let own = match (&principal.gateway, &principal.device) {
        (Some(own), None) | (None, Some(own)) => own == gateway,
        (Some(own), Some(device)) => own == gateway && own == device,
        (None, None) => false,
    };
    own && owns_site(principal, site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(gateway: Option<&str>, device: Option<&str>, role: Role) -> Principal {
        Principal {
            name: "name".to_owned(),
            site: Some("s".to_owned()),
            gateway: gateway.map(str::to_owned),
            device: device.map(str::to_owned),
            role,
        }
    }

    fn may(principal: &Principal, topic: &str) -> Result<(), Refusal> {
        publish(principal, topic, &Routes::new(Vec::new()).unwrap()).map(|_| ())
    }

    #[test]
    fn publishers_keep_to_their_own_topics() {
        let no = Err(Refusal::NotAuthorized);
        let gateway = principal(Some("g"), None, Role::Publish);
        let device = principal(Some("g"), Some("d"), Role::Publish);
        let roaming = principal(None, Some("d"), Role::Publish);
        let nobody = principal(None, None, Role::Publish);
        let reader = principal(Some("g"), None, Role::Read);
        for (who, topic, expected) in [
            (&gateway, "wardline/v1/s/g/any/readings", Ok(())),
            (&gateway, "wardline/v1/s/g/any/alarms", Ok(())),
            (&gateway, "wardline/v1/s/g/status", Ok(())),
            (&gateway, "wardline/v1/s/g/command/reply", Ok(())),
            (&gateway, "wardline/v1/s/g/command", no),
            (&gateway, "wardline/v1/s/alerts", no),
            (&gateway, "wardline/v1/s/h/any/readings", no),
            (&gateway, "wardline/v1/t/g/any/readings", no),
            (
                &gateway,
                "wardline/v1/s/g/any/other",
                Err(Refusal::Unroutable),
            ),
            (
                &gateway,
                "wardline/v1/s/g/+/readings",
                Err(Refusal::Unroutable),
            ),
            (&gateway, "other", Err(Refusal::Unroutable)),
            (&device, "wardline/v1/s/g/d/readings", Ok(())),
            (&device, "wardline/v1/s/g/e/readings", no),
            (&device, "wardline/v1/s/h/d/readings", no),
            (&device, "wardline/v1/s/g/status", no),
            (&roaming, "wardline/v1/s/h/d/readings", Ok(())),
            (&roaming, "wardline/v1/s/d/status", Ok(())),
            (&roaming, "wardline/v1/s/h/status", no),
            (&nobody, "wardline/v1/s/g/d/readings", no),
            (&reader, "wardline/v1/s/g/d/readings", no),
        ] {
            assert_eq!(may(who, topic), expected, "{who:?} {topic}");
        }
    }

    #[test]
    fn configured_routes_name_who_may_use_them() {
        let routes = Routes::new(vec![crate::Route {
            name: "vendor".to_owned(),
            filter: "vendor/+".to_owned(),
            format: "medtech".to_owned(),
            principals: Principals::Named(vec!["name".to_owned()]),
            device: crate::DeviceFrom::TopicLevel(1),
        }])
        .unwrap();
        let mut who = principal(None, Some("d"), Role::Publish);
        assert!(publish(&who, "vendor/d", &routes).is_ok());
        assert_eq!(
            publish(&who, "vendor/e", &routes).err(),
            Some(Refusal::NotAuthorized)
        );
        who.name = "other".to_owned();
        assert_eq!(
            publish(&who, "vendor/d", &routes).err(),
            Some(Refusal::NotAuthorized)
        );
    }

    #[test]
    fn subscriptions_are_commands_for_gateways_and_alerts_for_readers() {
        let gateway = principal(Some("g"), None, Role::Publish);
        let reader = principal(None, None, Role::Read);
        let everywhere = Principal {
            site: None,
            ..reader.clone()
        };
        for (who, filter, expected) in [
            (&gateway, "wardline/v1/s/g/command", true),
            (&gateway, "wardline/v1/s/h/command", false),
            (&gateway, "wardline/v1/s/+/command", false),
            (&gateway, "wardline/v1/s/alerts", false),
            (&gateway, "#", false),
            (&reader, "wardline/v1/s/alerts", true),
            (&reader, "wardline/v1/s/+/status", true),
            (&reader, "wardline/v1/s/g/status", true),
            (&reader, "wardline/v1/t/alerts", false),
            (&reader, "wardline/v1/+/alerts", false),
            (&reader, "wardline/v1/s/g/d/readings", false),
            (&reader, "wardline/v1/s/#", false),
            (&everywhere, "wardline/v1/+/alerts", true),
            (&everywhere, "wardline/v1/+/+/status", true),
        ] {
            assert_eq!(subscribe(who, filter).is_ok(), expected, "{who:?} {filter}");
        }
        assert_eq!(subscribe(&reader, "a/#/b"), Err(Refusal::Unroutable));
    }

    #[test]
    fn a_client_id_is_the_principals_own() {
        let gateway = principal(Some("g"), None, Role::Publish);
        for (given, ok) in [
            ("g", true),
            ("g.1", true),
            ("g-1", true),
            ("g1", false),
            ("h", false),
            ("G", false),
        ] {
            assert_eq!(client_id(&gateway, given).is_some(), ok, "{given}");
        }
        let assigned = client_id(&gateway, "").unwrap();
        assert!(assigned.starts_with("g.") && client_id(&gateway, &assigned).is_some());
    }
}
