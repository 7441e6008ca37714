//! Figures of alerts: how many, on whom, for how long, and against what people have labelled.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value, json};
use wardline_normalize::time::{Micros, format_rfc3339, parse_rfc3339};
use wardline_rules::{AlertEvent, Episode, Label, Labelled, Observed, Summary, episodes};

use crate::commands::read;

/// How long before an event an alert counts as its warning: half a day, as the studies of early warning do.
const HORIZON: Micros = 12 * 3_600_000_000;

/// Labelled events: NDJSON of `{patient, at, until}`, times in RFC 3339, `until` optional.
pub(super) fn labels(file: &Path) -> anyhow::Result<Vec<Label>> {
    let text = read(file)?;
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| label(line).with_context(|| format!("{}:{number}", file.display())))
        .collect()
}

fn label(line: &str) -> anyhow::Result<Label> {
    let value: Value = serde_json::from_str(line).context("not a JSON object")?;
    let time = |name: &str| value[name].as_str().and_then(parse_rfc3339);
    let until = match &value["until"] {
        Value::Null => None,
        _ => Some(time("until").context("`until` must be a time as 2026-01-31T08:00:00Z")?),
    };
    Ok(Label {
        patient: value["patient"]
            .as_str()
            .context("`patient` must be an id")?
            .to_owned(),
        at: time("at").context("`at` must be a time as 2026-01-31T08:00:00Z")?,
        until,
    })
}

/// All figures of one run.
pub(super) fn summary(
    events: &[AlertEvent],
    observed: &Observed,
    end: Micros,
    labels: Option<&[Label]>,
) -> Value {
    let days = observed.patient_days();
    let summary = Summary::new(events, days, end);
    let per_day = |count: usize| (days > 0.0).then(|| count as f64 / days);
    let mut priorities: BTreeMap<_, (usize, usize)> = BTreeMap::new();
    for rule in &summary.rules {
        let sums = priorities.entry(rule.priority).or_default();
        *sums = (sums.0 + rule.alerts, sums.1 + rule.pages);
    }
    let alerts: usize = summary.rules.iter().map(|rule| rule.alerts).sum();
    let mut figures = json!({
        "patientDays": days,
        "alerts": alerts,
        "alertsPerPatientDay": per_day(alerts),
        "priorities": priorities.iter().map(|(priority, (alerts, pages))| json!({
            "priority": priority.as_str(),
            "alerts": alerts,
            "pages": pages,
            "alertsPerPatientDay": per_day(*alerts),
        })).collect::<Vec<_>>(),
        "rules": summary.rules.iter().map(|rule| json!({
            "rule": rule.rule_id,
            "priority": rule.priority.as_str(),
            "alerts": rule.alerts,
            "pages": rule.pages,
            "alertsPerPatientDay": rule.alerts_per_patient_day,
            "inAlarmSeconds": rule.in_alarm / 1_000_000,
        })).collect::<Vec<_>>(),
        "patients": summary.most.iter().map(|(subject, alerts)| json!({
            "patient": subject.id(),
            "alerts": alerts,
        })).collect::<Vec<_>>(),
    });
    if let Some(labels) = labels {
        figures["labelled"] = labelled(&Labelled::new(&episodes(events), labels, HORIZON));
    }
    figures
}

fn labelled(found: &Labelled) -> Value {
    json!({
        "events": found.events,
        "caught": found.caught,
        "sensitivity": found.sensitivity(),
        "ppv": found.ppv(),
        "medianLeadSeconds": found.median_lead().map(|lead| lead / 1_000_000),
        "horizonSeconds": HORIZON / 1_000_000,
    })
}

/// Counts by rule, then each alert that only one of the two raised.
pub(super) fn difference(
    former: &[AlertEvent],
    latter: &[AlertEvent],
    observed: &Observed,
    end: Micros,
) -> Vec<Value> {
    let days = observed.patient_days();
    let sides = [former, latter].map(|events| Summary::new(events, days, end));
    let mut counts: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (side, summary) in sides.iter().enumerate() {
        for rule in &summary.rules {
            counts.entry(&rule.rule_id).or_default()[side] = rule.alerts;
        }
    }
    let mut lines: Vec<Value> = counts
        .iter()
        .map(|(rule, [before, after])| json!({"rule": rule, "before": before, "after": after}))
        .collect();
    let (former, latter) = (episodes(former), episodes(latter));
    lines.extend(only(&former, &latter).map(|episode| alone("before", episode)));
    lines.extend(only(&latter, &former).map(|episode| alone("after", episode)));
    lines
}

/// Episodes of the one that overlap none of the same rule and subject of the other.
fn only<'e>(one: &'e [Episode], other: &'e [Episode]) -> impl Iterator<Item = &'e Episode> {
    let meets = |a: &Episode, b: &Episode| {
        let end = |episode: &Episode| episode.ended.unwrap_or(Micros::MAX);
        a.rule_id == b.rule_id && a.subject == b.subject && a.onset <= end(b) && b.onset <= end(a)
    };
    one.iter()
        .filter(move |episode| !other.iter().any(|known| meets(episode, known)))
}

fn alone(side: &str, episode: &Episode) -> Value {
    json!({
        "only": side,
        "rule": episode.rule_id,
        "subject": episode.subject.to_string(),
        "priority": episode.priority.as_str(),
        "onset": format_rfc3339(episode.onset),
        "ended": episode.ended.map(format_rfc3339),
    })
}
