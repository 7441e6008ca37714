//! Code systems of alerts, and what our words are in R4's value sets.

use super::types::{Extension, Head, Meta};
use super::{AlertFacts, Style};
use crate::fhir::codes::{MDC, clean, coding};
use crate::fhir::types::{Coding, Concept, Identifier};
use crate::time::{Micros, format_rfc3339};

/// Identifier of what belongs to an alert; the value is its id.
pub(super) const ALERT: &str = "urn:wardline:alert";
/// Identifier of what belongs to a notification; the value is its id.
pub(super) const NOTIFICATION: &str = "urn:wardline:notification";
const RULE: &str = "urn:wardline:rule";
const PRIORITY: &str = "http://hl7.org/fhir/devicealert-priority";
const PRIORITY_EXTENSION: &str = "urn:wardline:extension:device-alert-priority";

pub(super) fn head(
    (kind, system): (&'static str, &'static str),
    id: &str,
    (status, priority): (&'static str, &str),
    updated: Micros,
    style: &Style,
) -> Head {
    Head {
        resource_type: kind,
        id: id.to_owned(),
        meta: style.meta.then(|| Meta {
            last_updated: format_rfc3339(updated),
        }),
        extension: [Extension {
            url: PRIORITY_EXTENSION,
            value_coding: device_alert(priority),
        }],
        identifier: [Identifier {
            system: Some(system.into()),
            value: id.to_owned(),
        }],
        status,
    }
}

/// The priority as R6's DeviceAlert has it: the same four words.
fn device_alert(priority: &str) -> Coding {
    let (code, display) = match priority {
        "high" => ("high", "High Priority"),
        "medium" => ("medium", "Medium Priority"),
        "low" => ("low", "Low Priority"),
        _ => ("info", "Information Only"),
    };
    Coding {
        display: Some(display.into()),
        ..coding(PRIORITY, code)
    }
}

/// R4 detectedissue-severity. `info` asks for nobody's attention and has none.
pub(super) fn severity(priority: &str) -> Option<&'static str> {
    match priority {
        "high" => Some("high"),
        "medium" => Some("moderate"),
        "low" => Some("low"),
        _ => None,
    }
}

/// R4 request-priority: at once, promptly, in the course of things.
pub(super) fn request_priority(priority: &str) -> &'static str {
    match priority {
        "high" => "stat",
        "medium" => "urgent",
        _ => "routine",
    }
}

/// What the alert is: our rule, and for a monitor's own alarm its MDC event where that is a number.
pub(super) fn rule(alert: &AlertFacts) -> Concept {
    let mut codings = Vec::new();
    if let Some(event) = alert.rule.strip_prefix("monitor:")
        && !event.is_empty()
        && event.bytes().all(|byte| byte.is_ascii_digit())
    {
        codings.push(coding(MDC, event.to_owned()));
    }
    codings.push(coding(RULE, code(&alert.rule)));
    Concept {
        coding: codings,
        text: Some(clean(alert.title.as_deref().unwrap_or(&alert.rule)).into()),
    }
}

/// A code of ours with words for people.
pub(super) fn own(system: &'static str, word: &str, text: String) -> Concept {
    Concept {
        coding: vec![coding(system, code(word))],
        text: Some(text.into()),
    }
}

/// FHIR's type `code` has no blanks but single ones within.
fn code(text: &str) -> String {
    clean(text).replace(char::is_whitespace, "_")
}
