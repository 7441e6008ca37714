//! The outbox as a state machine: pending, delivered, dead and back.

use std::sync::Arc;

use super::{Fixture, event, record};
use crate::registry::{
    AlertEventRecord, Destination, Error, LONGEST_URGENT_WAIT, LONGEST_WAIT, OutboxEntry,
    OutboxState, Page, Registry,
};

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
        .mark_failed(before.id, "503 service unavailable", |_| Some(900))
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
    registry
        .mark_failed(first, &"ü".repeat(400), |_| None)
        .unwrap();
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
        say(registry.mark_failed(id, "x", |_| None).map(drop)),
        format!("outbox entry {id} is delivered, not pending")
    );
    assert_eq!(
        say(registry.mark_failed(99, "x", |_| None).map(drop)),
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

fn pager() -> Destination {
    Destination {
        name: "pager".to_owned(),
        pages: false,
        render: Arc::new(|_, _| Vec::new()),
    }
}

fn of(priority: &str, event: AlertEventRecord) -> AlertEventRecord {
    AlertEventRecord {
        priority: priority.to_owned(),
        ..event
    }
}

#[test]
fn what_a_clock_that_was_set_back_would_hold_up_is_due() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let events = [
        of("high", event(1, 0, "a1", "raised", "active")),
        of("low", event(1, 1, "a2", "raised", "active")),
    ];
    record(registry, 1, &events, &[pager()], 0).unwrap();
    for (entry, wait) in due(registry, 0).iter().zip([60_000_000, 3_600_000_000]) {
        registry
            .mark_failed(entry.id, "503", |_| Some(wait))
            .unwrap();
    }
    assert_eq!(keys(&due(registry, 0)), Vec::<&str>::new());
    let back = 60_000_000 - LONGEST_URGENT_WAIT;
    assert_eq!(keys(&due(registry, back)), Vec::<&str>::new());
    assert_eq!(keys(&due(registry, back - 1)), ["a1-1-0"]);
    let back = 3_600_000_000 - LONGEST_WAIT;
    assert_eq!(keys(&due(registry, back - 1)), ["a1-1-0", "a2-1-1"]);

    registry.hasten(-1).unwrap();
    assert_eq!(keys(&due(registry, -1)), ["a1-1-0", "a2-1-1"]);
    registry.hasten(5).unwrap();
    assert_eq!(due(registry, -1).len(), 2, "and none is put off");
}

#[test]
fn what_is_urgent_waits_for_nothing_less_urgent_before_it() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let first = [of("low", event(1, 0, "a1", "raised", "active"))];
    record(registry, 1, &first, &[pager()], 100).unwrap();
    let low = due(registry, 100)[0].id;
    let told = |urgent: bool| (!urgent).then_some(9_000);
    assert_eq!(
        registry.mark_failed(low, "503", told).unwrap(),
        Some(9_000),
        "nothing urgent waits"
    );
    let same = [of("low", event(2, 0, "a1", "worsened", "active"))];
    record(registry, 2, &same, &[pager()], 200).unwrap();
    let other = [of("high", event(2, 1, "a2", "raised", "active"))];
    record(registry, 2, &other, &[pager()], 200).unwrap();
    assert_eq!(
        keys(&due(registry, 200)),
        ["a2-2-1"],
        "others' haste is theirs"
    );

    let worse = [of("high", event(3, 0, "a1", "worsened", "active"))];
    record(registry, 3, &worse, &[pager()], 300).unwrap();
    assert_eq!(keys(&due(registry, 300)), ["a2-2-1", "a1-1-0"]);
    // And while it waits, what is before it is not put off for longer than it may be itself.
    let told = |urgent: bool| Some(if urgent { 400 } else { 9_000 });
    assert_eq!(registry.mark_failed(low, "503", told).unwrap(), Some(400));
}

#[test]
fn a_destination_gets_the_most_urgent_first() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let later = |priority: &str, number: u32| {
        let raised = event(1, number, &format!("a{number}"), "raised", "active");
        of(priority, raised)
    };
    let over = AlertEventRecord {
        page: false,
        ..later("high", 0)
    };
    let events = [
        over,
        later("info", 1),
        later("low", 2),
        later("medium", 3),
        later("high", 4),
    ];
    record(registry, 1, &events, &[pager()], 100).unwrap();
    assert_eq!(
        keys(&due(registry, 100)),
        ["a4-1-4", "a3-1-3", "a2-1-2", "a0-1-0", "a1-1-1"]
    );
    assert_eq!(keys(&registry.due(100, 1).unwrap()), ["a4-1-4"]);
}

#[test]
fn many_destinations_that_hang_hide_none() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let hang: Vec<Destination> = (0..40)
        .map(|number| Destination {
            name: format!("hang{number}"),
            ..pager()
        })
        .collect();
    let events: Vec<_> = (0..30)
        .map(|number| event(1, number, &format!("a{number}"), "raised", "active"))
        .collect();
    record(registry, 1, &events, &hang, 100).unwrap();
    let last = [event(2, 0, "z", "raised", "active")];
    record(registry, 2, &last, &[pager()], 200).unwrap();
    let found = registry.due(300, 30).unwrap();
    assert!(found.iter().any(|entry| entry.destination == "pager"));
}

#[test]
fn one_that_is_tried_again_by_hand_has_its_attempts_anew() {
    let fixture = filled();
    let registry = &fixture.registry;
    let first = due(registry, 100)[0].id;
    registry.mark_failed(first, "503", |_| Some(100)).unwrap();
    registry.mark_failed(first, "503", |_| None).unwrap();
    registry.retry_dead(first, 700).unwrap();
    let again = due(registry, 700).into_iter().find(|e| e.id == first);
    assert_eq!(again.map(|entry| entry.attempts), Some(0));
}
