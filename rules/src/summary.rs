//! From events to episodes, and to the figures by which a set of rules is judged.

use crate::{AlertEvent, EventKind, Priority, Reason, Subject};
use std::collections::{BTreeMap, HashMap};
use wardline_normalize::time::Micros;

/// An alert as its events leave it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Episode {
    pub rule_id: String,
    pub subject: Subject,
    pub onset: Micros,
    pub ended: Option<Micros>,
    pub priority: Priority,
    pub alert_id: String,
}

/// The final episodes, by rule, subject and onset. Alerts that were withdrawn are none.
#[must_use]
pub fn episodes(events: &[AlertEvent]) -> Vec<Episode> {
    let mut last: HashMap<&str, &AlertEvent> = HashMap::new();
    for event in events {
        last.insert(&event.alert_id, event);
    }
    let mut episodes: Vec<Episode> = last
        .into_values()
        .filter(|event| event.reason != Some(Reason::Withdrawn))
        .map(|event| Episode {
            rule_id: event.rule_id.clone(),
            subject: event.subject.clone(),
            onset: event.onset,
            ended: event.ended,
            priority: event.priority,
            alert_id: event.alert_id.clone(),
        })
        .collect();
    episodes.sort();
    episodes
}

/// What a rule did in a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSummary {
    pub rule_id: String,
    pub priority: Priority,
    pub alerts: usize,
    pub pages: usize,
    /// `None` without observed patients.
    pub alerts_per_patient_day: Option<f64>,
    /// Time in alarm, µs, over all subjects; open alerts count to the end of the recording, latched ones to the end of
    /// their condition: nobody acknowledges in a recording.
    pub in_alarm: Micros,
}

/// Figures of a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    pub patient_days: f64,
    /// By rule id.
    pub rules: Vec<RuleSummary>,
    /// The ten patients with most alerts, most first.
    pub most: Vec<(Subject, usize)>,
}

impl Summary {
    /// Of all events of a replay that ended at `end`, log clock.
    #[must_use]
    pub fn new(events: &[AlertEvent], patient_days: f64, end: Micros) -> Self {
        const MOST: usize = 10;
        let mut rules: BTreeMap<String, RuleSummary> = BTreeMap::new();
        let mut subjects: BTreeMap<Subject, usize> = BTreeMap::new();
        let mut latched: HashMap<&str, Option<Micros>> = HashMap::new();
        for event in events {
            let over = latched.entry(&event.alert_id).or_default();
            if !event.latched {
                *over = None;
            } else if event.event == EventKind::Recovering {
                *over = Some(event.event_time);
            }
        }
        for episode in episodes(events) {
            let over = latched.get(&*episode.alert_id).copied().flatten();
            let rule = rules
                .entry(episode.rule_id.clone())
                .or_insert_with(|| RuleSummary {
                    rule_id: episode.rule_id.clone(),
                    priority: episode.priority,
                    alerts: 0,
                    pages: 0,
                    alerts_per_patient_day: None,
                    in_alarm: 0,
                });
            rule.alerts += 1;
            rule.in_alarm += (episode.ended.or(over).unwrap_or(end) - episode.onset).max(0);
            if episode.subject.patient().is_some() {
                *subjects.entry(episode.subject).or_default() += 1;
            }
        }
        for event in events.iter().filter(|event| event.page) {
            if let Some(rule) = rules.get_mut(&event.rule_id) {
                rule.pages += 1;
            }
        }
        let mut rules: Vec<RuleSummary> = rules.into_values().collect();
        for rule in &mut rules {
            rule.alerts_per_patient_day =
                (patient_days > 0.0).then(|| rule.alerts as f64 / patient_days);
        }
        let mut most: Vec<(Subject, usize)> = subjects.into_iter().collect();
        most.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        most.truncate(MOST);
        Self {
            patient_days,
            rules,
            most,
        }
    }
}
