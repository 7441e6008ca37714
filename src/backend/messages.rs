//! Messages about alerts for FHIR, out of the registry.

use wardline_dashboard::backend::{BackendResult, ListPage, Message, MessageSearch};
use wardline_store::registry::{
    self, NotificationFilter, OutboxState, Page, Registry, StoredNotification,
};

use super::fault;
use super::registry::{listed, page};

/// Events of an alert that are looked through for what it said when a message was made.
const EVENTS: u32 = registry::MAX_PAGE;

pub(super) fn search(
    registry: &Registry,
    search: &MessageSearch,
) -> BackendResult<ListPage<Message>> {
    let filter = NotificationFilter {
        ids: search.ids.clone(),
        patients: search.patients.clone(),
        // The caller looks at the states of what it gets; one alone is looked up.
        state: match search.states.as_slice() {
            [one] => OutboxState::parse(one),
            _ => None,
        },
        ..NotificationFilter::default()
    };
    let found = registry
        .notifications(&filter, &page(search.after.as_ref(), search.limit))
        .map_err(fault)?;
    let mut told = Vec::with_capacity(found.items.len());
    for stored in &found.items {
        told.push(message(registry, stored).map_err(fault)?);
    }
    let found = registry::Listed {
        items: told,
        next: found.next,
    };
    Ok(listed(found, |message| message))
}

/// A stored notification with what its alerts said when it was made, each on a line of its own.
pub(crate) fn message(
    registry: &Registry,
    stored: &StoredNotification,
) -> Result<Message, registry::Error> {
    let mut alerts = Vec::with_capacity(stored.alerts.len());
    let mut lines = Vec::with_capacity(stored.alerts.len());
    for id in &stored.alerts {
        let events = registry.alert_events(id, &Page::first(EVENTS))?.items;
        let then = events
            .iter()
            .take_while(|event| event.event.seq <= stored.seq)
            .last()
            .or(events.first());
        if let Some(then) = then {
            alerts.push((id.clone(), then.event.subject.clone()));
            lines.push(then.event.message.clone());
        }
    }
    Ok(Message {
        id: stored.id.clone(),
        at: stored.at,
        kind: stored.kind.clone(),
        channel: stored.channel.clone(),
        mail: stored.address.is_some(),
        recipient: stored.recipient.clone(),
        priority: stored.priority.clone(),
        alerts,
        state: stored.state.as_str().to_owned(),
        last_error: stored.last_error.clone(),
        delivered_at: stored.delivered_at,
        text: lines.join("\n"),
    })
}

#[cfg(test)]
mod tests {
    use wardline_store::registry::{AlertEventRecord, Consequences, NotificationRecord};

    use super::*;

    const T: i64 = 1_795_352_400_000_000;

    fn raised(seq: u64, alert: &str, subject: &str, message: &str) -> AlertEventRecord {
        AlertEventRecord {
            seq,
            ordinal: 0,
            alert_id: alert.to_owned(),
            rule_id: "r".to_owned(),
            rule_version: "v".to_owned(),
            subject: subject.to_owned(),
            device_id: None,
            class: "physiological".to_owned(),
            priority: "high".to_owned(),
            event: "raised".to_owned(),
            state: "active".to_owned(),
            acknowledged_by: None,
            acknowledged_at: None,
            silenced_until: None,
            escalation_level: 0,
            onset: T,
            ended: None,
            event_time: T,
            processed_time: T,
            value: None,
            unit: None,
            message: message.to_owned(),
            evidence: Vec::new(),
            page: true,
            reason: None,
            limit_low: None,
            limit_high: None,
            limit_source: None,
            latched: false,
            silenced_by: None,
            repeats: 0,
        }
    }

    fn told(seq: u64, id: &str, address: Option<&str>, alerts: &[&str]) -> NotificationRecord {
        NotificationRecord {
            id: id.to_owned(),
            seq,
            at: T + i64::try_from(seq).unwrap(),
            kind: "page".to_owned(),
            channel: "pager".to_owned(),
            recipient: None,
            address: address.map(str::to_owned),
            group: id.to_owned(),
            priority: "high".to_owned(),
            alerts: alerts.iter().map(|id| (*id).to_owned()).collect(),
            route: "all".to_owned(),
            payload: Vec::new(),
        }
    }

    #[test]
    fn messages_are_found_by_patient_state_and_id_in_the_words_they_had() {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
        let record = |seq, event: AlertEventRecord, told: &[NotificationRecord]| {
            let consequences = Consequences {
                events: &[event],
                notifications: told,
                ..Consequences::default()
            };
            registry.record_alerts(seq, &consequences, &[], T).unwrap();
        };
        record(
            1,
            raised(1, "a1", "Patient/p1", "first"),
            &[told(1, "n1", None, &["a1"])],
        );
        let mail = told(2, "n2", Some("ward@example"), &["a2"]);
        record(2, raised(2, "a2", "Patient/p2", "second"), &[mail]);
        record(
            3,
            raised(3, "a1", "Patient/p1", "third"),
            &[told(3, "n3", None, &["a1", "a2"])],
        );
        let entry = registry.due(T, 10).unwrap();
        let n2 = entry
            .iter()
            .find(|one| one.notification.as_deref() == Some("n2"));
        registry.mark_delivered(&[n2.unwrap().id], T + 9).unwrap();

        let ids = |search: MessageSearch| {
            let search = MessageSearch {
                limit: 10,
                ..search
            };
            let found = super::search(&registry, &search).unwrap();
            let ids = found.items.iter().map(|one| one.id.clone());
            ids.collect::<Vec<_>>().join(" ")
        };
        let of = |patients: &[&str]| MessageSearch {
            patients: patients.iter().map(|id| (*id).to_owned()).collect(),
            ..MessageSearch::default()
        };
        assert_eq!(ids(MessageSearch::default()), "n3 n2 n1");
        assert_eq!(ids(of(&["p1"])), "n3 n1");
        assert_eq!(ids(of(&["p2"])), "n3 n2");
        assert_eq!(ids(of(&["p1", "p2"])), "n3 n2 n1");
        assert_eq!(ids(of(&["nobody"])), "");
        let delivered = MessageSearch {
            states: vec!["delivered".to_owned()],
            ..of(&["p2"])
        };
        assert_eq!(ids(delivered), "n2");
        let one = |id: &str| {
            let search = MessageSearch {
                ids: vec![id.to_owned()],
                limit: 1,
                ..MessageSearch::default()
            };
            super::search(&registry, &search).unwrap().items.remove(0)
        };
        assert_eq!(one("n1").text, "first");
        assert_eq!(one("n3").text, "third\nsecond");
        assert_eq!(one("n3").patients(), ["p1", "p2"]);
        assert!(one("n2").mail && !one("n1").mail);
        assert_eq!(one("n2").delivered_at, Some(T + 9));
        // A page goes on where the one before ended.
        let first = MessageSearch {
            limit: 2,
            ..MessageSearch::default()
        };
        let page = super::search(&registry, &first).unwrap();
        let rest = MessageSearch {
            after: page.next,
            ..first
        };
        assert_eq!(super::search(&registry, &rest).unwrap().items[0].id, "n1");
    }
}
