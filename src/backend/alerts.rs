//! Alerts for HTTP, out of the registry; people's actions go through the log.

use wardline_dashboard::backend::{
    Alert, AlertSearch, BackendError, BackendResult, ListPage, ListRequest,
};
use wardline_store::registry::{AlertEventRecord, AlertFilter, Registry};

use super::registry::{listed, page};
use super::{delivery, fault};

/// An alert as HTTP and receivers see it, after its latest event.
pub(crate) fn view(event: &AlertEventRecord) -> Alert {
    Alert {
        alert_id: event.alert_id.clone(),
        rule_id: event.rule_id.clone(),
        rule_version: event.rule_version.clone(),
        subject: event.subject.clone(),
        device_id: event.device_id.clone(),
        class: event.class.clone(),
        priority: event.priority.clone(),
        event: event.event.clone(),
        state: event.state.clone(),
        acknowledged_by: event.acknowledged_by.clone(),
        acknowledged_at: event.acknowledged_at,
        silenced_until: event.silenced_until,
        escalation_level: event.escalation_level,
        onset: event.onset,
        ended: event.ended,
        event_time: event.event_time,
        processed_time: event.processed_time,
        value: event.value,
        unit: event.unit.clone(),
        message: event.message.clone(),
        evidence: event.evidence.clone(),
        reason: event.reason.clone(),
        limit_low: event.limit_low,
        limit_high: event.limit_high,
        limit_source: event.limit_source.clone(),
        latched: event.latched,
        silenced_by: event.silenced_by.clone(),
        repeats: event.repeats,
        delivery: None,
    }
}

pub(super) fn search(registry: &Registry, search: &AlertSearch) -> BackendResult<ListPage<Alert>> {
    let filter = AlertFilter {
        states: search.states.clone(),
        patients: search.patient.iter().cloned().collect(),
        device: None,
        rule: search.rule.clone(),
        priorities: search.priorities.clone(),
        classes: search.class.iter().cloned().collect(),
        acknowledged: search.acknowledged,
        from: search.since,
        until: search.until,
    };
    let found = registry
        .alerts(&filter, &page(search.after.as_ref(), search.limit))
        .map_err(fault)?;
    let ids: Vec<String> = found
        .items
        .iter()
        .map(|alert| alert.latest.alert_id.clone())
        .collect();
    let told = registry.delivery(&ids).map_err(fault)?;
    Ok(listed(found, |alert| Alert {
        delivery: told.get(&alert.latest.alert_id).map(delivery::delivery),
        ..view(&alert.latest)
    }))
}

pub(super) fn one(registry: &Registry, id: &str) -> BackendResult<Alert> {
    let Some(alert) = registry.alert(id).map_err(fault)? else {
        return Err(BackendError::NotFound("alert".to_owned()));
    };
    let told = registry.delivery(&[id.to_owned()]).map_err(fault)?;
    Ok(Alert {
        delivery: told.get(id).map(delivery::delivery),
        ..view(&alert.latest)
    })
}

/// Every event of an alert, the first first.
pub(super) fn events(
    registry: &Registry,
    id: &str,
    list: &ListRequest,
) -> BackendResult<ListPage<Alert>> {
    one(registry, id)?;
    let found = registry
        .alert_events(id, &page(list.after.as_ref(), list.limit))
        .map_err(fault)?;
    Ok(listed(found, |stored| view(&stored.event)))
}
