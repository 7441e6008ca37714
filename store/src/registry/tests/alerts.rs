//! Alerts: recorded once however often the log is replayed, with their outbox or not at all.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Fixture, event, record};
use crate::registry::{AlertEventRecord, AlertFilter, Destination, Page};

fn destination(name: &str, pages: bool) -> Destination {
    let render = Arc::new(|rowid: i64, event: &AlertEventRecord| {
        format!("{rowid} {} {}", event.alert_id, event.event).into_bytes()
    });
    Destination {
        name: name.to_owned(),
        pages,
        render,
    }
}

fn episode() -> Vec<AlertEventRecord> {
    let acknowledged = AlertEventRecord {
        acknowledged_by: Some("nurse".to_owned()),
        acknowledged_at: Some(1_500),
        page: false,
        ..event(11, 0, "a1", "acknowledged", "active")
    };
    vec![
        event(10, 0, "a1", "raised", "active"),
        AlertEventRecord {
            onset: 700,
            ..event(10, 1, "a2", "raised", "active")
        },
        acknowledged.clone(),
        AlertEventRecord {
            seq: 12,
            event: "resolved".to_owned(),
            state: "resolved".to_owned(),
            ended: Some(1_700),
            value: None,
            unit: None,
            ..acknowledged
        },
    ]
}

/// Everything stored, as comparable text.
fn dump(fixture: &Fixture) -> String {
    let registry = &fixture.registry;
    format!(
        "{:?} {:?} {:?} {:?}",
        registry
            .alerts(&AlertFilter::default(), &Page::first(100))
            .unwrap(),
        registry.events_after(0, 100).unwrap(),
        registry.due(i64::MAX, 100).unwrap(),
        registry.outbox_counts().unwrap(),
    )
}

#[test]
fn events_alerts_and_outbox_are_stored_together() {
    let fixture = Fixture::new();
    let to = [destination("pager", true), destination("feed", false)];
    let new = record(&fixture.registry, 12, &episode(), &to, 2_000).unwrap();
    assert_eq!(
        new.iter().map(|e| e.rowid).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    let fixture = fixture.reopen();
    let registry = &fixture.registry;
    assert_eq!(registry.events_after(0, 100).unwrap(), new);
    assert_eq!(registry.events_after(2, 1).unwrap(), new[2..3]);
    assert_eq!(registry.alerts_position().unwrap(), 12);
    let alert = registry.alert("a1").unwrap().unwrap();
    assert_eq!(
        (alert.first_rowid, alert.last_rowid, alert.raised_at),
        (1, 4, 1_000)
    );
    assert_eq!(alert.latest, episode()[3]);
    assert_eq!(alert.patient_id.as_deref(), Some("p1"));
    let history = registry.alert_events("a1", &Page::first(10)).unwrap().items;
    assert_eq!(
        history
            .iter()
            .map(|e| e.event.event.as_str())
            .collect::<Vec<_>>(),
        ["raised", "acknowledged", "resolved"]
    );
    // Two raised events page; the feed gets all four.
    assert_eq!(registry.outbox_counts().unwrap().pending, 2 + 4);
    assert_eq!(registry.alert("a9").unwrap(), None);
}

#[test]
fn a_replay_however_batched_changes_nothing_and_sends_nothing_again() {
    let fixture = Fixture::new();
    let to = [destination("pager", true), destination("feed", false)];
    let events = episode();
    record(&fixture.registry, 12, &events, &to, 2_000).unwrap();
    let sent = fixture.registry.due(i64::MAX, 100).unwrap();
    fixture
        .registry
        .mark_delivered(&sent.iter().map(|e| e.id).collect::<Vec<_>>(), 2_500)
        .unwrap();
    let before = dump(&fixture);
    for batch in [&events[..], &events[..1], &events[1..3], &events[2..]] {
        let new = record(&fixture.registry, 11, batch, &to, 9_000).unwrap();
        assert_eq!(new, []);
        assert_eq!(dump(&fixture), before);
    }
    assert_eq!(fixture.registry.alerts_position().unwrap(), 12);
    // A batch that is half old stores its new half.
    let later = event(13, 0, "a2", "worsened", "active");
    let half = [events[3].clone(), later.clone()];
    let new = record(&fixture.registry, 13, &half, &to, 9_000).unwrap();
    assert_eq!(new.iter().map(|e| &e.event).collect::<Vec<_>>(), [&later]);
}

#[test]
fn a_batch_that_fails_leaves_nothing_and_the_registry_goes_on() {
    let fixture = Fixture::new();
    let broken = Destination {
        render: Arc::new(|_, event| {
            assert!(event.alert_id != "a2", "cannot render");
            vec![]
        }),
        ..destination("broken", false)
    };
    let before = dump(&fixture);
    let attempt = || {
        record(
            &fixture.registry,
            12,
            &episode(),
            std::slice::from_ref(&broken),
            0,
        )
    };
    assert!(catch_unwind(AssertUnwindSafe(attempt)).is_err());
    assert_eq!(dump(&fixture), before);
    assert_eq!(fixture.registry.alerts_position().unwrap(), 0);
    let new = record(&fixture.registry, 12, &episode(), &[], 0).unwrap();
    assert_eq!(new.len(), 4);
}

#[test]
fn an_earlier_event_that_comes_late_does_not_turn_the_alert_back() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    record(
        registry,
        9,
        &[event(9, 0, "a1", "resolved", "resolved")],
        &[],
        0,
    )
    .unwrap();
    record(
        registry,
        9,
        &[event(8, 0, "a1", "raised", "active")],
        &[],
        0,
    )
    .unwrap();
    assert_eq!(
        registry.alert("a1").unwrap().unwrap().latest.state,
        "resolved"
    );
}

#[test]
fn lists_are_filtered_and_paged_by_onset() {
    let fixture = Fixture::new();
    let mut events: Vec<_> = (0..6)
        .map(|i| AlertEventRecord {
            onset: i64::from(i / 2) * 100,
            subject: format!("Patient/p{}", i % 3),
            priority: if i == 5 { "high" } else { "low" }.to_owned(),
            ..event(1, i, &format!("a{i}"), "raised", "active")
        })
        .collect();
    events[0].subject = "Device/d1".to_owned();
    events[0].class = "technical".to_owned();
    events[1].state = "resolved".to_owned();
    events[2].acknowledged_at = Some(5);
    record(&fixture.registry, 1, &events, &[], 0).unwrap();
    let ids = |filter: AlertFilter| {
        let (mut seen, mut page) = (Vec::new(), Page::first(2));
        loop {
            let listed = fixture.registry.alerts(&filter, &page).unwrap();
            seen.extend(listed.items.into_iter().map(|a| a.latest.alert_id));
            if listed.next.is_none() {
                return seen.join(" ");
            }
            page.after = listed.next;
        }
    };
    let any = AlertFilter::default;
    let one = |word: &str| vec![word.to_owned()];
    assert_eq!(ids(any()), "a4 a5 a2 a3 a0 a1");
    assert_eq!(
        ids(AlertFilter {
            states: one("resolved"),
            ..any()
        }),
        "a1"
    );
    assert_eq!(
        ids(AlertFilter {
            priorities: one("high"),
            ..any()
        }),
        "a5"
    );
    assert_eq!(
        ids(AlertFilter {
            classes: one("technical"),
            ..any()
        }),
        "a0"
    );
    let patients = vec!["p0".to_owned(), "p1".to_owned()];
    assert_eq!(ids(AlertFilter { patients, ..any() }), "a4 a3 a1");
    assert_eq!(
        ids(AlertFilter {
            acknowledged: Some(true),
            ..any()
        }),
        "a2"
    );
    assert_eq!(
        ids(AlertFilter {
            from: Some(100),
            until: Some(200),
            ..any()
        }),
        "a2 a3"
    );
    assert_eq!(
        ids(AlertFilter {
            rule: Some("other".into()),
            ..any()
        }),
        ""
    );
    assert_eq!(
        ids(AlertFilter {
            device: Some("d1".into()),
            states: one("resolved"),
            ..any()
        }),
        "a1"
    );
}
