//! Alerts against events that people have labelled: what was caught, how early, and how much was noise.

use crate::summary::Episode;
use std::collections::BTreeSet;
use wardline_normalize::time::Micros;

/// An event in a patient's record that somebody has labelled: a deterioration, a call of the emergency team.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    pub patient: String,
    /// When it happened.
    pub at: Micros,
    /// When it was over; an alert up to then still counts as caught, without lead.
    pub until: Option<Micros>,
}

/// How alerts meet labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Labelled {
    pub events: usize,
    /// Events with an alert on the patient within the horizon before them, or during them.
    pub caught: usize,
    /// Alerts on patients.
    pub alerts: usize,
    /// Alerts that belong to an event.
    pub hits: usize,
    /// From the first alert to its event, µs, of the events that were caught, in rising order; negative when the alert
    /// came after the event had begun.
    pub leads: Vec<Micros>,
}

impl Labelled {
    /// Judges episodes; an alert belongs to an event from `horizon` before it to its end.
    #[must_use]
    pub fn new(episodes: &[Episode], labels: &[Label], horizon: Micros) -> Self {
        let episodes: Vec<(&str, &Episode)> = episodes
            .iter()
            .filter_map(|episode| Some((episode.subject.patient()?, episode)))
            .collect();
        let mut hits: BTreeSet<&str> = BTreeSet::new();
        let mut leads = Vec::new();
        for label in labels {
            let from = label.at.saturating_sub(horizon);
            let to = label.until.unwrap_or(label.at);
            let own = episodes.iter().filter(|(patient, episode)| {
                *patient == label.patient && (from..=to).contains(&episode.onset)
            });
            let mut first: Option<Micros> = None;
            for (_, episode) in own {
                hits.insert(&episode.alert_id);
                first = Some(first.map_or(episode.onset, |first| first.min(episode.onset)));
            }
            leads.extend(first.map(|first| label.at - first));
        }
        leads.sort_unstable();
        Self {
            events: labels.len(),
            caught: leads.len(),
            alerts: episodes.len(),
            hits: hits.len(),
            leads,
        }
    }

    /// Share of the events that were caught; `None` without events.
    #[must_use]
    pub fn sensitivity(&self) -> Option<f64> {
        (self.events > 0).then(|| self.caught as f64 / self.events as f64)
    }

    /// Share of the alerts that belong to an event (positive predictive value); `None` without alerts.
    #[must_use]
    pub fn ppv(&self) -> Option<f64> {
        (self.alerts > 0).then(|| self.hits as f64 / self.alerts as f64)
    }

    /// The middle lead; `None` when nothing was caught.
    #[must_use]
    pub fn median_lead(&self) -> Option<Micros> {
        let middle = self.leads.len() / 2;
        match self.leads.len() % 2 {
            1 => self.leads.get(middle).copied(),
            _ => Some(i64::midpoint(
                *self.leads.get(middle.checked_sub(1)?)?,
                *self.leads.get(middle)?,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Priority, Subject};

    fn episode(patient: &str, onset: Micros) -> Episode {
        Episode {
            rule_id: "r".into(),
            subject: Subject::Patient(patient.into()),
            onset,
            ended: None,
            priority: Priority::Low,
            alert_id: format!("{patient}{onset}"),
        }
    }

    fn label(patient: &str, at: Micros, until: Option<Micros>) -> Label {
        Label {
            patient: patient.into(),
            at,
            until,
        }
    }

    #[test]
    fn caught_missed_early_late_and_noise() {
        let episodes = [
            episode("a", 50),
            episode("a", 90),
            episode("b", 205),
            episode("c", 10),
        ];
        let labels = [
            label("a", 100, None),
            label("b", 200, Some(210)),
            label("d", 5, None),
        ];
        let found = Labelled::new(&episodes, &labels, 60);
        assert_eq!((found.events, found.caught), (3, 2));
        assert_eq!((found.alerts, found.hits), (4, 3));
        assert_eq!(found.leads, [-5, 50]);
        assert_eq!(found.median_lead(), Some(22));
        assert_eq!(found.ppv(), Some(0.75));
        let none = Labelled::new(&[], &[], 60);
        assert_eq!(
            (none.sensitivity(), none.ppv(), none.median_lead()),
            (None, None, None)
        );
    }
}
