//! What is put: alerts as they stand now, and the messages about them.

use std::collections::{BTreeMap, BTreeSet};

use wardline_normalize::fhir::alert::{
    AlertFacts, Condition, Delivery, Party, Resource, communication, detected_issue, flag, task,
};
use wardline_store::registry::{Error, NotificationFilter, OutboxEntry, Page, StoredNotification};

use super::FhirPush;

/// Messages of one alert that go with it, the latest: older ones went with its earlier events.
const MESSAGES: u32 = 20;
/// Messages of one delivery, the latest.
const ALL_MESSAGES: usize = 100;
/// Alerts of one delivery: those told of, and those that the same messages tell of. A message names further ones by
/// identifier alone.
const ALERTS: usize = 100;

impl FhirPush {
    /// The resources of these alerts. A registry in use has them; one that was restored to an earlier time may not.
    pub(super) fn resources(
        &self,
        entry: &OutboxEntry,
        told: &BTreeSet<String>,
    ) -> Result<Vec<Resource>, Error> {
        let mut messages: BTreeMap<String, StoredNotification> = BTreeMap::new();
        for id in told {
            let filter = NotificationFilter {
                alert: Some(id.clone()),
                ..NotificationFilter::default()
            };
            let found = self
                .registry
                .notifications(&filter, &Page::first(MESSAGES))?;
            messages.extend(found.items.into_iter().map(|one| (one.id.clone(), one)));
        }
        while messages.len() > ALL_MESSAGES {
            let oldest = messages.values().min_by_key(|one| (one.at, one.seq));
            let oldest = oldest.map(|one| one.id.clone());
            oldest.and_then(|id| messages.remove(&id));
        }
        let others = messages.values().flat_map(|message| &message.alerts);
        let mut facts: BTreeMap<&str, AlertFacts> = BTreeMap::new();
        for id in told.iter().chain(others) {
            if facts.len() < ALERTS
                && !facts.contains_key(id.as_str())
                && let Some(found) = self.facts(id)?
            {
                facts.insert(id, found);
            }
        }
        let mut resources: Vec<Resource> = facts.values().map(|one| self.condition(one)).collect();
        let tasks = told.iter().filter_map(|id| facts.get(id.as_str()));
        resources.extend(tasks.map(|one| task(one, &self.style)));
        for stored in messages.values() {
            resources.push(self.message(entry, stored, &facts)?);
        }
        Ok(resources)
    }

    fn facts(&self, id: &str) -> Result<Option<AlertFacts>, Error> {
        let Some(alert) = self.registry.alert(id)? else {
            return Ok(None);
        };
        let mut facts = crate::backend::view(&alert.latest).facts();
        if let Some(patient) = &mut facts.patient {
            self.identify(patient)?;
        }
        let ids = [id.to_owned()];
        let delivery = self.registry.delivery(&ids)?.remove(id);
        facts.not_watched = delivery.and_then(|delivery| delivery.not_watched_until);
        Ok(Some(facts))
    }

    /// Adds the identifier that the server knows the patient by.
    fn identify(&self, patient: &mut Party) -> Result<(), Error> {
        let Some(system) = &self.patient_system else {
            return Ok(());
        };
        let known = self.registry.patient(&patient.id)?;
        let identifiers = known.into_iter().flat_map(|known| known.fields.identifiers);
        patient.identifier = identifiers
            .into_iter()
            .find(|identifier| identifier.system == *system)
            .map(|identifier| (identifier.system, identifier.value));
        Ok(())
    }

    fn condition(&self, facts: &AlertFacts) -> Resource {
        let flagged = match self.style.condition {
            Condition::Flag => flag(facts, &self.style),
            Condition::DetectedIssue => None,
        };
        flagged.unwrap_or_else(|| detected_issue(facts, &self.style))
    }

    fn message(
        &self,
        entry: &OutboxEntry,
        stored: &StoredNotification,
        facts: &BTreeMap<&str, AlertFacts>,
    ) -> Result<Resource, Error> {
        let message = crate::backend::message(&self.registry, stored)?;
        let mut told = message.facts();
        if let Some(patient) = &mut told.patient {
            self.identify(patient)?;
        }
        // The message that this very delivery is: it has arrived where this is read.
        if entry.notification.as_deref() == Some(&stored.id) {
            told.state = Delivery::Delivered;
            told.delivered = Some(crate::clock::now());
        }
        let conditions: Vec<Option<&'static str>> = told
            .alerts
            .iter()
            .map(|id| Some(facts.get(id.as_str())?.condition(&self.style)))
            .collect();
        Ok(communication(&told, &conditions, &self.style))
    }
}
