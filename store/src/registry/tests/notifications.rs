//! Notifications: stored once with their outbox entries, and what became of them outlives those.

use super::{Fixture, event};
use crate::registry::{
    Consequences, Delivery, Destination, NotWatchedRecord, NotificationFilter, NotificationRecord,
    OutboxFilter, OutboxState, Page, Registry, StoredNotification,
};

fn note(
    id: &str,
    seq: u64,
    kind: &str,
    recipient: Option<&str>,
    alerts: &[&str],
) -> NotificationRecord {
    NotificationRecord {
        id: id.to_owned(),
        seq,
        at: i64::try_from(seq).unwrap() * 10,
        kind: kind.to_owned(),
        channel: "ward-teams".to_owned(),
        recipient: recipient.map(str::to_owned),
        address: recipient.map(|name| format!("{name}@example.org")),
        group: "g1".to_owned(),
        priority: "high".to_owned(),
        alerts: alerts.iter().map(|id| (*id).to_owned()).collect(),
        route: "night".to_owned(),
        payload: id.as_bytes().to_vec(),
    }
}

fn notify(registry: &Registry, position: u64, notifications: &[NotificationRecord]) {
    let consequences = Consequences {
        notifications,
        ..Consequences::default()
    };
    registry
        .record_alerts(position, &consequences, &[], 500)
        .unwrap();
}

fn delivery(registry: &Registry, alert: &str) -> Delivery {
    let mut found = registry.delivery(&[alert.to_owned()]).unwrap();
    found.remove(alert).unwrap()
}

fn counts(registry: &Registry, alert: &str) -> (u32, u32, u32) {
    let found = delivery(registry, alert);
    (found.pending, found.delivered, found.dead)
}

fn listed(registry: &Registry, filter: &NotificationFilter) -> Vec<StoredNotification> {
    let mut page = Page::first(1);
    let mut seen = Vec::new();
    loop {
        let listed = registry.notifications(filter, &page).unwrap();
        seen.extend(listed.items);
        if listed.next.is_none() {
            return seen;
        }
        page.after = listed.next;
    }
}

fn ids(list: &[StoredNotification]) -> Vec<&str> {
    list.iter().map(|one| one.id.as_str()).collect()
}

#[test]
fn a_replay_stores_and_sends_nothing_again() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let events = [event(3, 0, "a1", "raised", "active")];
    let notifications = [
        note("n1", 3, "page", Some("ann"), &["a1", "a2"]),
        note("n2", 3, "page", Some("bob"), &["a1", "a2"]),
    ];
    let not_watched = [NotWatchedRecord {
        alert_id: "a3".to_owned(),
        calendar: "clinic".to_owned(),
        until: Some(900),
        at: 30,
    }];
    let unrouted = ["a4".to_owned()];
    let consequences = Consequences {
        events: &events,
        notifications: &notifications,
        not_watched: &not_watched,
        unrouted: &unrouted,
    };
    let record = || registry.record_alerts(3, &consequences, &[], 500).unwrap();
    assert_eq!(record().len(), 1);
    let sent = registry.due(500, 10).unwrap();
    assert_eq!(sent.len(), 2);
    let first = &sent[0];
    assert_eq!(
        (
            first.notification.as_deref(),
            first.event_rowid,
            first.alert_id.as_deref()
        ),
        (Some("n1"), None, None)
    );
    assert_eq!(
        (
            first.destination.as_str(),
            first.idempotency_key.as_str(),
            first.stream.as_str()
        ),
        ("ward-teams", "n1", "g1/ann/ann@example.org")
    );
    assert_eq!(
        (
            first.recipient.as_deref(),
            first.address.as_deref(),
            first.payload.as_slice()
        ),
        (Some("ann"), Some("ann@example.org"), b"n1".as_slice())
    );
    assert_eq!(delivery(registry, "a1").told, 0);
    registry.mark_delivered(&[first.id], 600).unwrap();
    assert_eq!(delivery(registry, "a1").told, 1);
    let by_receiver = registry.outbox_counts_by_destination().unwrap();
    let (receiver, waits) = &by_receiver[0];
    assert_eq!(
        (
            receiver.as_str(),
            waits.pending,
            waits.oldest_pending,
            by_receiver.len()
        ),
        ("ward-teams", 1, Some(500), 1)
    );
    let before = (
        listed(registry, &NotificationFilter::default()),
        counts(registry, "a1"),
    );
    assert_eq!(before.1, (1, 1, 0));
    assert_eq!(record(), []);
    assert_eq!(registry.due(500, 10).unwrap().len(), 1);
    let after = (
        listed(registry, &NotificationFilter::default()),
        counts(registry, "a1"),
    );
    assert_eq!(after, before);
    assert_eq!(
        delivery(registry, "a3").not_watched_until,
        Some(("clinic".to_owned(), Some(900)))
    );
    assert!(delivery(registry, "a4").unrouted);
    assert_eq!(delivery(registry, "a9"), Delivery::default());
}

#[test]
fn raised_and_delivered_are_facts_of_their_own_and_outlive_the_outbox() {
    let fixture = Fixture::new();
    notify(
        &fixture.registry,
        1,
        &[note("n1", 1, "page", None, &["a2", "a1"])],
    );
    let registry = &fixture.registry;
    let entry = registry.due(500, 10).unwrap().remove(0);
    let one = |registry: &Registry| listed(registry, &NotificationFilter::default()).remove(0);
    assert_eq!(
        (one(registry).state, one(registry).delivered_at),
        (OutboxState::Pending, None)
    );
    registry
        .mark_failed(entry.id, "503", |_| Some(700))
        .unwrap();
    assert_eq!(
        (one(registry).attempts, one(registry).last_error.as_deref()),
        (1, Some("503"))
    );
    assert_eq!(delivery(registry, "a1").last_error.as_deref(), Some("503"));
    registry.mark_failed(entry.id, "gone", |_| None).unwrap();
    assert_eq!(
        (one(registry).state, counts(registry, "a2")),
        (OutboxState::Dead, (0, 0, 1))
    );
    registry.retry_dead(entry.id, 800).unwrap();
    assert_eq!(counts(registry, "a2"), (1, 0, 0));
    registry.mark_delivered(&[entry.id], 900).unwrap();
    assert_eq!(registry.prune_delivered(900).unwrap(), 0);
    assert_eq!(registry.prune_delivered(901).unwrap(), 1);
    let fixture = fixture.reopen();
    let registry = &fixture.registry;
    let kept = one(registry);
    assert_eq!(kept.alerts, ["a2", "a1"]);
    assert_eq!(
        (
            kept.state,
            kept.attempts,
            kept.delivered_at,
            kept.last_error
        ),
        (OutboxState::Delivered, 1, Some(900), None)
    );
    assert_eq!(counts(registry, "a1"), (0, 1, 0));
    assert_eq!(delivery(registry, "a1").last_error, None);
    // And nothing is sent again.
    notify(registry, 1, &[note("n1", 1, "page", None, &["a2", "a1"])]);
    assert_eq!(registry.due(i64::MAX, 10).unwrap(), []);
}

#[test]
fn delivered_events_are_counted_after_they_were_pruned() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let hook = Destination {
        name: "hook".to_owned(),
        pages: true,
        render: std::sync::Arc::new(|_, _| vec![1]),
    };
    let events = [
        event(1, 0, "a1", "raised", "active"),
        event(2, 0, "a1", "worsened", "active"),
    ];
    super::record(registry, 2, &events, &[hook], 100).unwrap();
    notify(registry, 3, &[note("n1", 3, "page", None, &["a1"])]);
    for expected in [(2, 1, 0), (1, 2, 0)] {
        let next = registry.due(500, 10).unwrap();
        let next = next
            .iter()
            .find(|entry| entry.event_rowid.is_some())
            .unwrap();
        registry.mark_delivered(&[next.id], 200).unwrap();
        assert_eq!(counts(registry, "a1"), expected);
        registry.prune_delivered(201).unwrap();
        assert_eq!(counts(registry, "a1"), expected);
    }
}

#[test]
fn order_is_kept_within_a_group_and_recipient_only() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    notify(
        registry,
        2,
        &[
            note("n1", 1, "page", Some("ann"), &["a1"]),
            note("n2", 1, "page", Some("bob"), &["a1"]),
            note("n3", 2, "worsened", Some("ann"), &["a1"]),
            note("n4", 2, "worsened", Some("bob"), &["a1"]),
        ],
    );
    let due = || -> Vec<String> {
        let entries = registry.due(i64::MAX, 10).unwrap();
        entries
            .into_iter()
            .filter_map(|entry| entry.notification)
            .collect()
    };
    assert_eq!(due(), ["n1", "n2"]);
    let ann = registry.due(500, 1).unwrap().remove(0).id;
    registry
        .mark_failed(ann, "no such mailbox", |_| Some(9_000))
        .unwrap();
    let bob = registry.due(500, 1).unwrap().remove(0).id;
    registry.mark_delivered(&[bob], 600).unwrap();
    assert_eq!(due(), ["n4", "n1"]);
}

#[test]
fn an_address_that_hangs_holds_up_no_other_of_the_same_person() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let phone = NotificationRecord {
        address: Some("ann@phone.example".to_owned()),
        ..note("n2", 1, "page", Some("ann"), &["a1"])
    };
    notify(
        registry,
        1,
        &[note("n1", 1, "page", Some("ann"), &["a1"]), phone],
    );
    let due = registry.due(500, 10).unwrap();
    assert_eq!(due.len(), 2, "{due:?}");
}

#[test]
fn lists_are_filtered_and_paged() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let other = NotificationRecord {
        channel: "mail".to_owned(),
        group: "g2".to_owned(),
        ..note("n3", 2, "page", None, &["a2"])
    };
    notify(
        registry,
        2,
        &[
            note("n2", 1, "page", Some("bob"), &["a1", "a2"]),
            note("n1", 1, "page", Some("ann"), &["a1"]),
            other,
        ],
    );
    let ann = registry.due(500, 10).unwrap();
    let ann = ann
        .iter()
        .find(|e| e.recipient.as_deref() == Some("ann"))
        .unwrap();
    registry.mark_failed(ann.id, "no", |_| None).unwrap();
    let any = NotificationFilter::default;
    let found = |filter: NotificationFilter| ids(&listed(registry, &filter)).join(" ");
    assert_eq!(found(any()), "n3 n1 n2");
    let of = |alert: &str| Some(alert.to_owned());
    assert_eq!(
        found(NotificationFilter {
            alert: of("a2"),
            ..any()
        }),
        "n3 n2"
    );
    assert_eq!(
        found(NotificationFilter {
            channel: of("mail"),
            ..any()
        }),
        "n3"
    );
    assert_eq!(
        found(NotificationFilter {
            recipient: of("bob"),
            ..any()
        }),
        "n2"
    );
    let dead = Some(OutboxState::Dead);
    assert_eq!(
        found(NotificationFilter {
            state: dead,
            ..any()
        }),
        "n1"
    );
    let entries = |filter: OutboxFilter| -> Vec<String> {
        let found = registry.outbox(&filter, &Page::first(10)).unwrap().items;
        found
            .into_iter()
            .filter_map(|entry| entry.notification)
            .collect()
    };
    let all = OutboxFilter::default;
    assert_eq!(entries(all()), ["n2", "n1", "n3"]);
    assert_eq!(
        entries(OutboxFilter {
            state: dead,
            ..all()
        }),
        ["n1"]
    );
    assert_eq!(
        entries(OutboxFilter {
            alert: of("a2"),
            ..all()
        }),
        ["n2", "n3"]
    );
    assert_eq!(
        entries(OutboxFilter {
            destination: of("mail"),
            ..all()
        }),
        ["n3"]
    );
}

#[test]
fn who_did_not_watch_is_told_and_who_was_not_told_is_seen() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let closed = [NotWatchedRecord {
        alert_id: "a1".to_owned(),
        calendar: "clinic".to_owned(),
        until: None,
        at: 10,
    }];
    let unrouted = ["a1".to_owned()];
    let consequences = Consequences {
        not_watched: &closed,
        unrouted: &unrouted,
        ..Consequences::default()
    };
    registry.record_alerts(5, &consequences, &[], 0).unwrap();
    assert_eq!(registry.alerts_position().unwrap(), 5);
    let seen = |registry: &Registry| {
        let found = delivery(registry, "a1");
        (found.not_watched_until.is_some(), found.unrouted)
    };
    assert_eq!(seen(registry), (true, true));
    // Somebody else is told at the same time: the calendar holds back all the same.
    notify(registry, 5, &[note("n0", 5, "page", None, &["a1"])]);
    assert_eq!(seen(registry), (true, false));
    notify(registry, 6, &[note("n1", 6, "escalation", None, &["a1"])]);
    assert_eq!(seen(registry), (false, false));
    // Closed and unrouted once more, until it opens.
    registry.record_alerts(8, &consequences, &[], 0).unwrap();
    assert_eq!(seen(registry), (true, true));
    notify(registry, 8, &[note("n2", 8, "opening", None, &["a1"])]);
    assert_eq!(seen(registry), (false, false));
}
