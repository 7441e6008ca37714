//! The built-in topics, topic filters and ids.

/// Longest topic taken, in bytes: the longest built-in one has 3 ids of 64 and fits twice.
/// It bounds what a client can make the alias table and the session hold.
pub(crate) const MAX_TOPIC: usize = 512;

/// A topic of the built-in template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NativeTopic<'a> {
    Readings {
        site: &'a str,
        gateway: &'a str,
        device: &'a str,
    },
    Alarms {
        site: &'a str,
        gateway: &'a str,
        device: &'a str,
    },
    Status {
        site: &'a str,
        gateway: &'a str,
    },
    Command {
        site: &'a str,
        gateway: &'a str,
    },
    CommandReply {
        site: &'a str,
        gateway: &'a str,
    },
    Alerts {
        site: &'a str,
    },
}

/// Prefix of every built-in topic; configured routes stay outside it.
pub(crate) const NATIVE_PREFIX: &str = "wardline/v1/";

impl<'a> NativeTopic<'a> {
    /// None if the topic is not built-in or one of its ids is not a valid id.
    pub(crate) fn parse(topic: &'a str) -> Option<Self> {
        let mut levels = topic.strip_prefix(NATIVE_PREFIX)?.split('/');
        let site = levels.next().filter(|id| is_id(id))?;
        let second = levels.next()?;
        let Some(third) = levels.next() else {
            return (second == "alerts").then_some(Self::Alerts { site });
        };
        let gateway = Some(second).filter(|id| is_id(id))?;
        let Some(fourth) = levels.next() else {
            return match third {
                "status" => Some(Self::Status { site, gateway }),
                "command" => Some(Self::Command { site, gateway }),
                _ => None,
            };
        };
        if levels.next().is_some() {
            return None;
        }
        match fourth {
            "readings" if is_id(third) => Some(Self::Readings {
                site,
                gateway,
                device: third,
            }),
            "alarms" if is_id(third) => Some(Self::Alarms {
                site,
                gateway,
                device: third,
            }),
            "reply" if third == "command" => Some(Self::CommandReply { site, gateway }),
            _ => None,
        }
    }
}

/// FHIR's rule for ids, `[A-Za-z0-9.-]{1,64}` (FHIR R4, datatype `id`).
pub(crate) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-')
}

/// Whether a topic filter is well formed (MQTT 5, section 4.7.1).
pub(crate) fn is_filter(filter: &str) -> bool {
    if filter.is_empty() || filter.len() > MAX_TOPIC || filter.contains('\0') {
        return false;
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let wild = level.contains(['+', '#']);
        if wild && (level.len() > 1 || (level == "#" && levels.peek().is_some())) {
            return false;
        }
    }
    true
}

/// Whether a topic may be published to: no wildcards, no NUL, not empty, not too long.
pub(crate) fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && topic.len() <= MAX_TOPIC && !topic.contains(['+', '#', '\0'])
}

/// Topic filter matching (MQTT 5, section 4.7): `+` is one level, a last `#` the rest and the
/// parent; neither matches a first level that starts with `$`.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let (mut filter, mut topic) = (filter.split('/'), topic.split('/'));
    loop {
        match (filter.next(), topic.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(_)) => {}
            (Some(f), Some(t)) if f == t => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_topics_name_their_parts() {
        let readings = NativeTopic::Readings {
            site: "s1",
            gateway: "g.1",
            device: "d-1",
        };
        assert_eq!(
            NativeTopic::parse("wardline/v1/s1/g.1/d-1/readings"),
            Some(readings)
        );
        assert_eq!(
            NativeTopic::parse("wardline/v1/s1/g1/status"),
            Some(NativeTopic::Status {
                site: "s1",
                gateway: "g1"
            })
        );
        assert_eq!(
            NativeTopic::parse("wardline/v1/s1/g1/command/reply"),
            Some(NativeTopic::CommandReply {
                site: "s1",
                gateway: "g1"
            })
        );
        assert_eq!(
            NativeTopic::parse("wardline/v1/s1/alerts"),
            Some(NativeTopic::Alerts { site: "s1" })
        );
        let long = format!("wardline/v1/s1/g1/{}/readings", "d".repeat(65));
        for wrong in [
            "wardline/v2/s1/g1/d1/readings",
            "wardline/v1/s1/g1/d_1/readings",
            "wardline/v1/s1/g1//readings",
            "wardline/v1/s1/g1/d1/readings/more",
            "wardline/v1/s1/g1/d1",
            "wardline/v1/s1",
            "wardline/v1/",
            &long,
        ] {
            assert_eq!(NativeTopic::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        // Examples of MQTT 5, 4.7.1.2 and 4.7.1.3.
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            (
                "sport/tennis/player1/#",
                "sport/tennis/player1/score/wimbledon",
                true,
            ),
            ("sport/#", "sport", true),
            ("#", "a/b", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
        assert!(is_filter("a/+/b/#") && is_filter("+") && is_filter("/"));
        assert!(!is_filter("a/#/b") && !is_filter("a+/b") && !is_filter("") && !is_filter("a#"));
    }
}
