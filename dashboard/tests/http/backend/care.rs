//! Limits, silences and delivery in memory.

use std::sync::Mutex;

use wardline_dashboard::backend::*;

use super::page;
use crate::harness::NOW;

/// What people have set, and what became of alerts.
#[derive(Default)]
pub(crate) struct Care {
    limits: Mutex<Vec<Limit>>,
    silences: Mutex<Vec<Silence>>,
    pub(crate) outbox: Mutex<Vec<OutboxItem>>,
    pub(crate) pending: Mutex<Vec<Pending>>,
    pub(crate) watch: Mutex<Watch>,
}

fn missing(what: &str) -> BackendError {
    BackendError::NotFound(what.into())
}

impl Care {
    pub(super) fn limits(&self, search: &LimitSearch) -> ListPage<Limit> {
        let fits = |one: &&Limit| {
            search
                .patient
                .as_ref()
                .is_none_or(|patient| one.data.patient.as_ref() == Some(patient))
                && search
                    .review_due
                    .is_none_or(|review_due| one.review_due == review_due)
                && search
                    .in_force
                    .is_none_or(|in_force| one.in_force == in_force)
        };
        let limits = self.limits.lock().unwrap();
        let found = limits.iter().rev().filter(fits).cloned().collect();
        page(found, search.after.as_ref(), search.limit)
    }

    /// Knows one rule, whose limits are numbers below 300.
    pub(super) fn set_limit(&self, data: LimitNew, by: &Principal) -> BackendResult<Limit> {
        if data.rule != "tachycardia" {
            return Err(BackendError::Invalid(format!("no rule {}", data.rule)));
        }
        if data.above.is_some_and(|above| above > 300.0) {
            return Err(BackendError::Invalid("above: 400 /min is no rate".into()));
        }
        let mut limits = self.limits.lock().unwrap();
        let id = format!("L{}", limits.len() + 1);
        limits.push(Limit {
            id,
            ward_empty: false,
            alerts_last_day: data.patient.as_ref().map(|_| 3),
            data,
            by: by.name.clone(),
            created: NOW,
            reviewed: None,
            reviewed_by: None,
            ended_by: None,
            in_force: true,
            review_due: true,
        });
        Ok(limits.last().unwrap().clone())
    }

    pub(super) fn change_limit(
        &self,
        id: &str,
        change: impl FnOnce(&mut Limit),
    ) -> BackendResult<Limit> {
        let mut limits = self.limits.lock().unwrap();
        let found = limits.iter_mut().find(|one| one.id == id);
        let limit = found.ok_or_else(|| missing("limit"))?;
        change(limit);
        Ok(limit.clone())
    }

    pub(super) fn silences(&self, search: &SilenceSearch) -> ListPage<Silence> {
        let silences = self.silences.lock().unwrap();
        let found = silences.iter().rev().cloned().collect();
        page(found, search.after.as_ref(), search.limit)
    }

    pub(super) fn silence(&self, data: SilenceNew, by: &Principal) -> Silence {
        let mut silences = self.silences.lock().unwrap();
        let id = format!("S{}", silences.len() + 1);
        silences.push(Silence {
            id,
            data,
            by: by.name.clone(),
            from: NOW,
            ended_by: None,
            in_force: true,
            shorter: Vec::new(),
        });
        silences.last().unwrap().clone()
    }

    pub(super) fn end_silence(&self, id: &str, by: &Principal) -> BackendResult<Silence> {
        let mut silences = self.silences.lock().unwrap();
        let found = silences.iter_mut().find(|one| one.id == id);
        let silence = found.ok_or_else(|| missing("silence"))?;
        if !silence.in_force {
            return Ok(silence.clone());
        }
        silence.in_force = false;
        silence.ended_by = Some(by.name.clone());
        silence.data.until = NOW;
        Ok(silence.clone())
    }

    pub(super) fn outbox(&self, search: &OutboxSearch) -> ListPage<OutboxItem> {
        let fits = |one: &&OutboxItem| {
            search
                .state
                .as_ref()
                .is_none_or(|state| one.state == *state)
        };
        let outbox = self.outbox.lock().unwrap();
        let found = outbox.iter().filter(fits).cloned().collect();
        page(found, search.after.as_ref(), search.limit)
    }

    pub(super) fn retry(&self, id: &str) -> BackendResult<OutboxItem> {
        let mut outbox = self.outbox.lock().unwrap();
        let found = outbox.iter_mut().find(|one| one.id == id);
        let item = found.ok_or_else(|| missing("outbox entry"))?;
        if item.state != "dead" {
            return Err(BackendError::Conflict("it was not given up".into()));
        }
        item.state = "pending".into();
        item.next_attempt = Some(NOW);
        Ok(item.clone())
    }

    pub(super) fn notifications(&self, alert: &str) -> Vec<Notification> {
        let outbox = self.outbox.lock().unwrap();
        let about = outbox
            .iter()
            .filter(|one| one.alerts.iter().any(|id| id == alert));
        about
            .map(|one| Notification {
                id: one.notification.clone().unwrap(),
                at: NOW,
                kind: "page".into(),
                channel: one.destination.clone(),
                recipient: one.recipient.clone(),
                priority: "high".into(),
                route: "ward-4".into(),
                alerts: one.alerts.clone(),
                state: one.state.clone(),
                attempts: one.attempts,
                last_error: one.last_error.clone(),
                delivered_at: None,
                subjects: one.subjects.clone(),
            })
            .collect()
    }
}

/// A message that a receiver has not taken.
pub(crate) fn dead(id: &str, alert: &str, patients: &[&str]) -> OutboxItem {
    OutboxItem {
        id: id.into(),
        destination: "pager".into(),
        notification: Some(format!("N{id}")),
        recipient: Some("nurse-a".into()),
        alerts: vec![alert.into()],
        subjects: patients.iter().map(|id| format!("Patient/{id}")).collect(),
        state: "dead".into(),
        attempts: 8,
        next_attempt: None,
        last_error: Some("410 Gone".into()),
        created: NOW - 60_000_000,
    }
}
