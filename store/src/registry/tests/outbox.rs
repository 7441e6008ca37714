//! The outbox as a state machine: pending, delivered, dead and back.

use std::sync::Arc;

use super::{Fixture, event, record};
use crate::registry::{Destination, Error, OutboxEntry, OutboxState, Page, Registry};

/// Events `raised`, `worsened`, `resolved` of `a1` and `raised` of `a2`, for one destination.
fn filled() -> Fixture {
    let fixture = Fixture::new();
    let hook = Destination {
        name: "hook".to_owned(),
        pages: true,
        render: Arc::new(|rowid, event| format!("{rowid}:{}", event.event).into_bytes()),
    };
    let late = super::AlertEventRecord {
        page: false,
        ..event(4, 0, "a3", "raised", "active")
    };
    let events = [
        event(1, 0, "a1", "raised", "active"),
        event(2, 0, "a1", "worsened", "active"),
        event(2, 1, "a2", "raised", "active"),
        event(3, 0, "a1", "resolved", "resolved"),
        late,
    ];
    record(&fixture.registry, 4, &events, &[hook], 100).unwrap();
    fixture
}

fn due(registry: &Registry, now: i64) -> Vec<OutboxEntry> {
    registry.due(now, 100).unwrap()
}

fn keys(entries: &[OutboxEntry]) -> Vec<&str> {
    entries
        .iter()
        .map(|entry| entry.idempotency_key.as_str())
        .collect()
}

#[test]
fn entries_of_one_alert_go_out_in_order_and_late_ones_do_not_page() {
    let fixture = filled();
    let registry = &fixture.registry;
    assert_eq!(keys(&due(registry, 99)), Vec::<&str>::new());
    let first = due(registry, 100);
    assert_eq!(keys(&first), ["a1-1-0", "a2-2-1"]);
    assert_eq!(first[0].payload, b"1:raised");
    assert_eq!(
        (first[0].state, first[0].attempts),
        (OutboxState::Pending, 0)
    );
    assert_eq!(registry.due(100, 1).unwrap().len(), 1);
    registry
        .mark_delivered(&[first[0].id, first[1].id], 100)
        .unwrap();
    assert_eq!(keys(&due(registry, 100)), ["a1-2-0"]);
    registry
        .mark_delivered(&[due(registry, 100)[0].id], 100)
        .unwrap();
    assert_eq!(keys(&due(registry, 100)), ["a1-3-0"]);
    registry
        .mark_delivered(&[due(registry, 100)[0].id], 100)
        .unwrap();
    assert_eq!(due(registry, i64::MAX), []);
    assert_eq!(registry.next_due().unwrap(), None);
}

#[test]
fn a_failed_attempt_waits_holds_back_its_followers_and_keeps_key_and_bytes() {
    let fixture = filled();
    let registry = &fixture.registry;
    let before = due(registry, 100)[0].clone();
    registry
        .mark_failed(before.id, "503 service unavailable", Some(900))
        .unwrap();
    assert_eq!(keys(&due(registry, 899)), ["a2-2-1"]);
    let fixture = fixture.reopen();
    let registry = &fixture.registry;
    let again = due(registry, 900)
        .into_iter()
        .find(|e| e.alert_id.as_deref() == Some("a1"))
        .unwrap();
    assert_eq!((again.attempts, again.next_attempt), (1, 900));
    assert_eq!(again.last_error.as_deref(), Some("503 service unavailable"));
    assert_eq!(
        (&again.idempotency_key, &again.payload),
        (&before.idempotency_key, &before.payload)
    );
    registry.mark_delivered(&[again.id], 100).unwrap();
    assert_eq!(keys(&due(registry, 900)), ["a1-2-0", "a2-2-1"]);
}

#[test]
fn a_dead_entry_lets_the_next_pass_and_can_be_made_to_live() {
    let fixture = filled();
    let registry = &fixture.registry;
    let first = due(registry, 100)[0].id;
    registry.mark_failed(first, &"ü".repeat(400), None).unwrap();
    assert_eq!(keys(&due(registry, 100)), ["a1-2-0", "a2-2-1"]);
    let dead = registry.dead_letters(&Page::first(10)).unwrap().items;
    assert_eq!((dead.len(), dead[0].id, dead[0].attempts), (1, first, 1));
    assert_eq!(dead[0].last_error.as_ref().map(String::len), Some(500));
    let counts = registry.outbox_counts().unwrap();
    assert_eq!(
        (counts.pending, counts.dead, counts.oldest_pending),
        (3, 1, Some(100))
    );
    registry.retry_dead(first, 700).unwrap();
    assert_eq!(registry.outbox_counts().unwrap().dead, 0);
    assert_eq!(registry.next_due().unwrap(), Some(100));
    assert_eq!(keys(&due(registry, 700)), ["a2-2-1", "a1-1-0"]);
}

#[test]
fn steps_that_are_none_are_refused() {
    let fixture = filled();
    let registry = &fixture.registry;
    let id = due(registry, 100)[0].id;
    let say = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert_eq!(
        say(registry.retry_dead(id, 0)),
        format!("outbox entry {id} is pending, not dead")
    );
    registry.mark_delivered(&[id], 100).unwrap();
    registry.mark_delivered(&[id], 100).unwrap();
    assert_eq!(
        say(registry.mark_failed(id, "x", None)),
        format!("outbox entry {id} is delivered, not pending")
    );
    assert_eq!(
        say(registry.mark_failed(99, "x", None)),
        "outbox entry 99 does not exist"
    );
    // One that cannot be marked leaves all of them unmarked.
    let next = due(registry, 100)[0].id;
    assert_eq!(
        say(registry.mark_delivered(&[next, 99], 100)),
        "outbox entry 99 does not exist"
    );
    assert_eq!(due(registry, 100)[0].id, next);
}

#[test]
fn pruning_forgets_old_delivered_entries_only_and_a_replay_sends_nothing() {
    let fixture = filled();
    let registry = &fixture.registry;
    let first = due(registry, 100)[0].id;
    registry.mark_delivered(&[first], 100).unwrap();
    assert_eq!(registry.prune_delivered(100).unwrap(), 0);
    assert_eq!(registry.prune_delivered(101).unwrap(), 1);
    let pending = registry.outbox_counts().unwrap().pending;
    let hook = Destination {
        name: "hook".to_owned(),
        pages: true,
        render: Arc::new(|_, _| vec![]),
    };
    record(
        registry,
        1,
        &[event(1, 0, "a1", "raised", "active")],
        &[hook],
        0,
    )
    .unwrap();
    assert_eq!(registry.outbox_counts().unwrap().pending, pending);
}

#[test]
fn a_destination_that_hangs_hides_no_other() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let destination = |name: &str| Destination {
        name: name.to_owned(),
        pages: true,
        render: Arc::new(|_, _| Vec::new()),
    };
    let events: Vec<_> = (0..20)
        .map(|number| event(1, number, &format!("a{number}"), "raised", "active"))
        .collect();
    record(registry, 1, &events, &[destination("slow")], 100).unwrap();
    let last = [event(2, 0, "z", "raised", "active")];
    let both = [destination("slow"), destination("quick")];
    record(registry, 2, &last, &both, 200).unwrap();
    let found = registry.due(300, 4).unwrap();
    let of = |name: &str| found.iter().filter(|e| e.destination == name).count();
    assert_eq!((of("slow"), of("quick")), (4, 1));
}
