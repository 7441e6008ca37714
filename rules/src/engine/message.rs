//! One sentence for people: what, value, unit, limit. Names no person.

use super::alert::Alert;
use super::context::What;
use crate::{Condition, EventKind, Limit, Reason, Rule};
use std::time::Duration;
use wardline_normalize::time::Micros;
use wardline_normalize::units;

/// UCUM unit of a rule's values.
pub(crate) fn unit_of(rule: &Rule) -> Option<&str> {
    match &rule.condition {
        Condition::Threshold { unit, .. } => Some(unit),
        Condition::Absence { .. } => None,
    }
}

pub(crate) fn sentence(rule: &Rule, alert: &Alert, what: &What) -> String {
    let mut text = match what.event {
        EventKind::Raised => condition(rule, alert),
        EventKind::Worsened if what.page => {
            format!("{}; first seen in late readings", condition(rule, alert))
        }
        EventKind::Worsened => format!("{}; no longer recovering", condition(rule, alert)),
        EventKind::Acknowledged => format!("{}: acknowledged", rule.title),
        EventKind::Silenced if alert.silenced_until.is_some() => {
            format!("{}: silenced", rule.title)
        }
        EventKind::Silenced => format!("{}: no longer silenced", rule.title),
        EventKind::Escalated => format!("{}; not acknowledged", condition(rule, alert)),
        EventKind::Corrected => format!(
            "{}: late or corrected readings changed when it began or ended",
            rule.title
        ),
        EventKind::Recovering => format!("{}: recovering, {}", rule.title, value(rule, alert)),
        EventKind::Resolved => resolved(rule, alert, what.reason),
    };
    if alert.repeats > 0 && !matches!(what.event, EventKind::Acknowledged | EventKind::Silenced) {
        text.push_str(&format!(" (came back {})", times(alert.repeats)));
    }
    text
}

fn condition(rule: &Rule, alert: &Alert) -> String {
    match &rule.condition {
        Condition::Threshold {
            limit, unit, hold, ..
        } => {
            let unit = shown_unit(unit);
            let limit = match limit {
                Limit::Above(limit) => format!("above {}{unit}", number(*limit)),
                Limit::Below(limit) => format!("below {}{unit}", number(*limit)),
                Limit::Outside(low, high) => {
                    format!("outside {} to {}{unit}", number(*low), number(*high))
                }
            };
            let held = if *hold > 0 {
                format!(" for {}", duration(*hold))
            } else {
                String::new()
            };
            format!(
                "{}: {}, limit {limit}{held}",
                rule.title,
                value(rule, alert)
            )
        }
        Condition::Absence {
            expect_every,
            grace,
        } => {
            format!(
                "{}: no {} for {}",
                rule.title,
                rule.metric_name,
                duration(expect_every + grace)
            )
        }
    }
}

fn value(rule: &Rule, alert: &Alert) -> String {
    let Some(value) = alert.value else {
        return rule.metric_name.clone();
    };
    format!(
        "{} {}{}",
        rule.metric_name,
        number(value),
        shown_unit(unit_of(rule).unwrap_or_default())
    )
}

fn resolved(rule: &Rule, alert: &Alert, reason: Option<Reason>) -> String {
    let why = match reason {
        Some(Reason::Withdrawn) => {
            "withdrawn, late or corrected readings show that it did not hold".to_owned()
        }
        Some(Reason::Reattributed) => {
            "resolved (reattributed): the readings belong to another patient".to_owned()
        }
        Some(Reason::Unassigned) => {
            "resolved (unassigned): the device is no longer assigned".to_owned()
        }
        Some(Reason::RuleRemoved) => {
            "resolved (rule-removed): the rule is no longer in force".to_owned()
        }
        Some(Reason::RuleChanged) => "resolved (rule-changed): the rule was changed".to_owned(),
        Some(Reason::NotApplicable) => {
            "resolved (not-applicable): the rule no longer applies to the patient".to_owned()
        }
        Some(Reason::Stale) => "resolved (stale): no reading for too long".to_owned(),
        Some(Reason::Cleared) | None => match rule.condition {
            Condition::Threshold { .. } => format!("over, {}", value(rule, alert)),
            Condition::Absence { .. } => "over, the device is heard again".to_owned(),
        },
    };
    format!("{}: {why}", rule.title)
}

/// At most two decimals: messages are for reading, the event's value is exact.
fn number(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}

/// A space and the unit as people write it.
fn shown_unit(ucum: &str) -> String {
    match ucum {
        "" | "1" => String::new(),
        other => format!(" {}", units::display(other)),
    }
}

fn duration(micros: Micros) -> String {
    humantime::format_duration(Duration::from_micros(micros.unsigned_abs())).to_string()
}

fn times(count: u32) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}
