//! One sentence for people: what, value, unit, limit. Names no person but those who add words of their own.

use super::alert::Alert;
use super::context::What;
use crate::{
    Action, Condition, EventKind, Judge, Limit, LimitSource, Measure, Method, Reason, Rule, Signal,
    State, Words,
};
use std::time::Duration;
use wardline_normalize::time::{Micros, format_rfc3339};
use wardline_normalize::units;

/// Characters of a note that a message carries.
const MAX_NOTE: usize = 200;

/// UCUM unit of a rule's values.
pub(crate) fn unit_of(rule: &Rule) -> Option<&str> {
    match &rule.condition {
        Condition::Judged(judge) => Some(&judge.unit),
        Condition::Absence { .. } => None,
    }
}

/// `held` are the rules that it holds back while it is open.
pub(crate) fn sentence(rule: &Rule, alert: &Alert, what: &What, held: &[&str]) -> String {
    let mut text = match what.event {
        EventKind::Raised if held.is_empty() || alert.latched.is_some() => standing(rule, alert),
        EventKind::Raised => format!("{}; holds back: {}", standing(rule, alert), held.join(", ")),
        EventKind::Worsened => format!("{}; {}", condition(rule, alert), what.why),
        EventKind::Acknowledged => format!("{}: acknowledged{}", rule.title, what.words),
        EventKind::Silenced if alert.silenced_until.is_some() => {
            format!("{}: silenced{}", rule.title, what.words)
        }
        EventKind::Silenced if !what.why.is_empty() => format!("{}: {}", rule.title, what.why),
        EventKind::Silenced => format!("{}: no longer silenced{}", rule.title, what.words),
        EventKind::Escalated => format!("{}; not acknowledged", standing(rule, alert)),
        EventKind::Corrected => format!(
            "{}: late or corrected readings or another limit changed when it began or ended",
            rule.title
        ),
        EventKind::Recovering => standing(rule, alert),
        EventKind::Resolved => resolved(rule, alert, what.reason),
    };
    if alert.repeats > 0 && !matches!(what.event, EventKind::Acknowledged | EventKind::Silenced) {
        text.push_str(&format!(" (came back {})", times(alert.repeats)));
    }
    text
}

/// Who did it and what they said, if they said anything; on one line.
pub(crate) fn words(action: &Action) -> String {
    let note = action.note.as_deref().unwrap_or_default();
    let line = note.split_whitespace().collect::<Vec<_>>().join(" ");
    let line: String = line.chars().filter(|one| !one.is_control()).collect();
    if line.is_empty() {
        return String::new();
    }
    let shown: String = line.chars().take(MAX_NOTE).collect();
    let more = if shown.len() < line.len() { "…" } else { "" };
    format!(" by {}: \"{shown}{more}\"", action.by)
}

/// How it stands: what holds, or that it does no longer.
fn standing(rule: &Rule, alert: &Alert) -> String {
    match (alert.latched, alert.state) {
        (Some(over), _) => format!(
            "{}: over since {}, waits for acknowledgement",
            rule.title,
            format_rfc3339(over)
        ),
        (None, State::Recovering) => match &rule.condition {
            Condition::Judged(judge) if judge.by_words() => format!("{}: recovering", rule.title),
            _ => format!("{}: recovering, {}", rule.title, value(rule, alert)),
        },
        (None, State::Active | State::Resolved) => condition(rule, alert),
    }
}

fn condition(rule: &Rule, alert: &Alert) -> String {
    match &rule.condition {
        Condition::Judged(judge) => {
            if judge.by_words() {
                return format!("{}: {}", rule.title, judged(judge));
            }
            let note = alert.note.as_deref();
            let note = note.map_or(String::new(), |note| format!(" ({note})"));
            format!(
                "{}: {}, limit {}{note}",
                rule.title,
                value(rule, alert),
                held_against(judge, alert)
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

/// The limit that decided, how long it must be exceeded, and whose it is if not the rule's.
fn held_against(judge: &Judge, alert: &Alert) -> String {
    let Some(used) = alert.limits.as_deref() else {
        return limit(judge);
    };
    let limit = lasting(judge, used.limit(judge.limit));
    match used.source {
        LimitSource::Rule => limit,
        source => format!("{limit} ({source}'s)"),
    }
}

/// The limit and how long it must be exceeded.
pub(crate) fn limit(judge: &Judge) -> String {
    lasting(judge, judge.limit)
}

fn lasting(judge: &Judge, limit: Limit) -> String {
    let unit = shown_unit(&judge.unit);
    let limit = match limit {
        Limit::Above(limit) => format!("above {}{unit}", number(limit)),
        Limit::Below(limit) => format!("below {}{unit}", number(limit)),
        Limit::Outside(low, high) => format!("outside {} to {}{unit}", number(low), number(high)),
        Limit::AtLeast(limit) => format!("at least {}{unit}", number(limit)),
        Limit::Never => return "off".to_owned(),
    };
    if judge.hold > 0 {
        format!("{limit} for {}", duration(judge.hold))
    } else {
        limit
    }
}

/// What a judge judges.
fn signal(judge: &Judge) -> String {
    let name = judge.feeds.first().map_or("", |feed| feed.name.as_str());
    match &judge.signal {
        Signal::Value => name.to_owned(),
        Signal::Rate { per, .. } => format!("{name}, change in {}", duration(*per)),
        Signal::Score { table, measure, .. } => match measure {
            Measure::Total => table.title.clone(),
            Measure::Part => format!("{}, highest part", table.title),
        },
        Signal::Baseline(baseline) => match (baseline.method, baseline.standardized) {
            (Method::Cusum { .. }, _) => format!("{name}, cumulated from the usual"),
            (_, true) => format!("{name}, standard deviations from the usual"),
            (_, false) => format!("{name}, from the usual"),
        },
        Signal::Count { .. } => "Conditions that hold".to_owned(),
    }
}

/// A condition of several, in words.
pub(crate) fn judged(judge: &Judge) -> String {
    let words = judge.feeds.first().map(|feed| &feed.words);
    match (words, judge.limit) {
        (Some(Words::AnyOf(words)), _) => format!("{} {}", signal(judge), words.join(" or ")),
        (Some(Words::Marked(words)), _) => {
            format!("{} marked {}", signal(judge), words.join(" or "))
        }
        _ => format!("{} {}", signal(judge), limit(judge)),
    }
}

fn value(rule: &Rule, alert: &Alert) -> String {
    let (Some(value), Condition::Judged(judge)) = (alert.value, &rule.condition) else {
        return rule.metric_name.clone();
    };
    format!("{} {}", signal(judge), quantity(value, &judge.unit))
}

/// What stands in the place of a number that the device could not show.
pub(crate) fn off_scale(value: f64) -> Option<&'static str> {
    if value == f64::NEG_INFINITY {
        Some("below the range of the device")
    } else if value == f64::INFINITY {
        Some("above the range of the device")
    } else {
        None
    }
}

/// A number with its unit as people write it.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
    match off_scale(value) {
        Some(off) => off.to_owned(),
        None => format!("{}{}", number(value), shown_unit(unit)),
    }
}

fn resolved(rule: &Rule, alert: &Alert, reason: Option<Reason>) -> String {
    let why = match reason {
        Some(Reason::Withdrawn) => {
            "withdrawn, late or corrected readings or another limit show that it did not hold"
                .to_owned()
        }
        Some(Reason::Reattributed) => {
            "resolved (reattributed): the readings belong to another patient".to_owned()
        }
        Some(Reason::Unassigned) => {
            "resolved (unassigned): the device is no longer assigned".to_owned()
        }
        Some(Reason::RuleRemoved) => {
            "resolved (rule-removed): the rule is no longer in force, which says nothing of the patient"
                .to_owned()
        }
        Some(Reason::RuleChanged) => {
            "resolved (rule-changed): the rule was changed, which says nothing of the patient; \
             as it is now it judges the readings from here on"
                .to_owned()
        }
        Some(Reason::NotApplicable) => {
            "resolved (not-applicable): the rule no longer applies to the patient".to_owned()
        }
        Some(Reason::Stale) => "resolved (stale): no reading for too long".to_owned(),
        Some(Reason::Cleared) | None => match &rule.condition {
            Condition::Judged(judge) => match alert.limits.as_deref() {
                Some(used) if used.limit(judge.limit) == Limit::Never => {
                    format!("over, the rule is off ({}'s limit)", used.source)
                }
                _ => format!("over, {}", value(rule, alert)),
            },
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
        "" | "1" | "{score}" => String::new(),
        other => format!(" {}", units::display(other)),
    }
}

pub(crate) fn duration(micros: Micros) -> String {
    humantime::format_duration(Duration::from_micros(micros.unsigned_abs())).to_string()
}

fn times(count: u32) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}
