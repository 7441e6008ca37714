//! What became of alerts, for HTTP: deliveries, notifications, the outbox, and who watches.

use std::collections::HashMap;

use wardline_dashboard::backend as api;
use wardline_dashboard::backend::{
    BackendError, BackendResult, CalendarState, ListPage, ListRequest, NotWatched, OutboxItem,
    OutboxSearch,
};
use wardline_rules::Pending;
use wardline_store::registry::{
    Delivery, NotificationFilter, OutboxEntry, OutboxFilter, OutboxState, Page, Registry,
    StoredNotification,
};

use super::fault;
use super::registry::page;
use crate::follow::Watching;

pub(super) fn delivery(found: &Delivery) -> api::Delivery {
    api::Delivery {
        pending: found.pending,
        delivered: found.delivered,
        dead: found.dead,
        told: found.told,
        last_error: found.last_error.clone(),
        not_watched: found
            .not_watched_until
            .clone()
            .map(|(calendar, until)| NotWatched { calendar, until }),
        unrouted: found.unrouted,
    }
}

/// Subjects of alerts, each looked up once.
struct Subjects<'a> {
    registry: &'a Registry,
    known: HashMap<String, Option<String>>,
}

impl<'a> Subjects<'a> {
    fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            known: HashMap::new(),
        }
    }

    fn of(&mut self, alerts: &[String]) -> BackendResult<Vec<String>> {
        let mut subjects = Vec::with_capacity(alerts.len());
        for id in alerts {
            if !self.known.contains_key(id) {
                let alert = self.registry.alert(id).map_err(fault)?;
                let subject = alert.map(|alert| alert.latest.subject);
                self.known.insert(id.clone(), subject);
            }
            let subject = self.known.get(id).cloned().flatten();
            subjects.extend(subject.filter(|subject| !subjects.contains(subject)));
        }
        Ok(subjects)
    }
}

pub(super) fn notifications(
    registry: &Registry,
    alert: &str,
    list: &ListRequest,
) -> BackendResult<ListPage<api::Notification>> {
    let filter = NotificationFilter {
        alert: Some(alert.to_owned()),
        ..NotificationFilter::default()
    };
    let found = registry
        .notifications(&filter, &page(list.after.as_ref(), list.limit))
        .map_err(fault)?;
    let mut subjects = Subjects::new(registry);
    let items = found
        .items
        .into_iter()
        .map(|one| notification(one, &mut subjects));
    Ok(ListPage {
        items: items.collect::<BackendResult<_>>()?,
        next: found.next,
    })
}

fn notification(
    one: StoredNotification,
    subjects: &mut Subjects<'_>,
) -> BackendResult<api::Notification> {
    let subjects = subjects.of(&one.alerts)?;
    Ok(api::Notification {
        id: one.id,
        at: one.at,
        kind: one.kind,
        channel: one.channel,
        recipient: one.recipient,
        priority: one.priority,
        route: one.route,
        alerts: one.alerts,
        state: one.state.as_str().to_owned(),
        attempts: one.attempts,
        last_error: one.last_error,
        delivered_at: one.delivered_at,
        subjects,
    })
}

pub(super) fn outbox(
    registry: &Registry,
    search: &OutboxSearch,
) -> BackendResult<ListPage<OutboxItem>> {
    let filter = OutboxFilter {
        state: search.state.as_deref().and_then(state),
        destination: search.destination.clone(),
        alert: search.alert.clone(),
    };
    let found = registry
        .outbox(&filter, &page(search.after.as_ref(), search.limit))
        .map_err(fault)?;
    let mut subjects = Subjects::new(registry);
    let items = found
        .items
        .into_iter()
        .map(|entry| item(entry, &mut subjects));
    Ok(ListPage {
        items: items.collect::<BackendResult<_>>()?,
        next: found.next,
    })
}

fn state(word: &str) -> Option<OutboxState> {
    use OutboxState::{Dead, Delivered, Pending};
    [Pending, Delivered, Dead]
        .into_iter()
        .find(|state| state.as_str() == word)
}

fn item(entry: OutboxEntry, subjects: &mut Subjects<'_>) -> BackendResult<OutboxItem> {
    let mut alerts: Vec<String> = entry.alert_id.into_iter().collect();
    if let Some(id) = &entry.notification {
        let told = subjects.registry.notification(id).map_err(fault)?;
        alerts.extend(told.into_iter().flat_map(|told| told.alerts));
    }
    let waits = entry.state == OutboxState::Pending;
    Ok(OutboxItem {
        id: entry.id.to_string(),
        destination: entry.destination,
        notification: entry.notification,
        recipient: entry.recipient,
        subjects: subjects.of(&alerts)?,
        alerts,
        state: entry.state.as_str().to_owned(),
        attempts: entry.attempts,
        next_attempt: waits.then_some(entry.next_attempt),
        last_error: entry.last_error,
        created: entry.created_at,
    })
}

/// Makes a dead entry pending again and gives it as it stands.
pub(super) fn retry(registry: &Registry, id: &str) -> BackendResult<OutboxItem> {
    let missing = || BackendError::NotFound(format!("outbox entry {id}"));
    let number: i64 = id.parse().map_err(|_| missing())?;
    registry
        .retry_dead(number, crate::clock::now())
        .map_err(fault)?;
    let only = Page {
        after: Some((number - 1).to_string()),
        limit: 1,
    };
    let found = registry
        .outbox(&OutboxFilter::default(), &only)
        .map_err(fault)?;
    let entry = found.items.into_iter().find(|entry| entry.id == number);
    item(entry.ok_or_else(missing)?, &mut Subjects::new(registry))
}

pub(super) fn watch((calendars, on_call): Watching) -> api::Watch {
    let calendars = calendars.into_iter().map(|one| CalendarState {
        calendar: one.calendar,
        open: one.open,
        since: one.since,
        until: one.until,
    });
    let on_call = on_call.into_iter().map(|one| api::OnCall {
        schedule: one.schedule,
        people: one.people,
    });
    api::Watch {
        calendars: calendars.collect(),
        on_call: on_call.collect(),
    }
}

pub(super) fn pending(one: Pending) -> api::Pending {
    api::Pending {
        rule_id: one.rule_id,
        title: one.title,
        subject: one.subject.to_string(),
        priority: one.priority.as_str().to_owned(),
        since: one.since,
        value: one.value,
        unit: one.unit,
        due: one.due,
    }
}
