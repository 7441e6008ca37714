//! A registry of an earlier schema is brought to the present one with all that is in it.

use rusqlite::Connection;

use crate::registry::{OutboxFilter, OutboxState, Page, PatientFields, Registry};

/// As schema 2 left it: an alert with two events, and outbox entries in every state.
const FILLED: &str = "
    PRAGMA application_id = 1467114572;
    PRAGMA user_version = 2;
    INSERT INTO patient (id, name, tags, active, created_at, updated_at) VALUES ('p1', 'Ann', '[]', 1, 5, 6);
    INSERT INTO alert_event (seq, ordinal, alert_id, rule_id, rule_version, subject, class, priority, event, state,
        escalation_level, onset, event_time, processed_time, message, evidence, page)
      VALUES (1, 0, 'a1', 'r', 'v', 'Patient/p1', 'physiological', 'high', 'raised', 'active', 0, 1, 1, 1, 'm', '[]', 1),
             (2, 0, 'a1', 'r', 'v', 'Patient/p1', 'physiological', 'high', 'worsened', 'active', 0, 1, 2, 2, 'm', '[]', 1);
    INSERT INTO alert (id, first_event, last_event, last_seq, last_ordinal, raised_at, patient, rule, class, priority,
        state, acknowledged, onset)
      VALUES ('a1', 1, 2, 2, 0, 1, 'p1', 'r', 'physiological', 'high', 'active', 0, 1);
    INSERT INTO outbox (id, event, alert_id, destination, idempotency_key, attempts, next_attempt, state, last_error,
        created_at, payload)
      VALUES (3, 1, 'a1', 'hook', 'a1-1-0', 1, 10, 'delivered', NULL, 10, x'01'),
             (4, 2, 'a1', 'hook', 'a1-2-0', 2, 30, 'pending', '503', 20, x'02'),
             (5, 1, 'a1', 'pager', 'a1-1-0', 16, 40, 'dead', 'gone', 10, x'03'),
             (6, 2, 'a1', 'pager', 'a1-2-0', 0, 20, 'pending', NULL, 20, x'04');
";

#[test]
fn a_registry_of_schema_2_keeps_its_outbox() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("registry.sqlite");
    let old = Connection::open(&path).unwrap();
    for sql in [
        include_str!("../schema/001.sql"),
        include_str!("../schema/002.sql"),
        FILLED,
    ] {
        old.execute_batch(sql).unwrap();
    }
    old.close().unwrap();
    let registry = Registry::open(&path).unwrap();
    let all = registry
        .outbox(&OutboxFilter::default(), &Page::first(10))
        .unwrap()
        .items;
    let facts: Vec<_> = all
        .iter()
        .map(|e| {
            (
                e.id,
                e.event_rowid,
                e.state.as_str(),
                e.attempts,
                e.payload[0],
            )
        })
        .collect();
    assert_eq!(
        facts,
        [
            (3, Some(1), "delivered", 1, 1),
            (4, Some(2), "pending", 2, 2),
            (5, Some(1), "dead", 16, 3),
            (6, Some(2), "pending", 0, 4),
        ]
    );
    assert!(
        all.iter()
            .all(|e| e.stream == "a1" && e.notification.is_none())
    );
    assert_eq!(all[1].last_error.as_deref(), Some("503"));
    let due: Vec<i64> = registry.due(30, 10).unwrap().iter().map(|e| e.id).collect();
    assert_eq!(due, [6, 4]);
    let back = 20 - crate::registry::LONGEST_URGENT_WAIT;
    let urgent = registry.due(back - 1, 10).unwrap();
    assert_eq!(urgent.len(), 2, "they page for a high priority");
    registry.mark_delivered(&[4], 50).unwrap();
    let found = registry.delivery(&["a1".to_owned()]).unwrap();
    let found = &found["a1"];
    assert_eq!((found.pending, found.delivered, found.dead), (1, 2, 1));
    // Pruned by when it was made, since when it was delivered was not kept.
    assert_eq!(registry.prune_delivered(11).unwrap(), 1);
    registry.retry_dead(5, 60).unwrap();
    let pending = OutboxFilter {
        state: Some(OutboxState::Pending),
        ..OutboxFilter::default()
    };
    let left = registry.outbox(&pending, &Page::first(10)).unwrap().items;
    assert_eq!(left.iter().map(|e| e.id).collect::<Vec<_>>(), [5, 6]);
    let alert = registry.alert("a1").unwrap().unwrap();
    assert_eq!((alert.latest.latched, alert.latest.repeats), (false, 0));
    let patient = registry.patient("p1").unwrap().unwrap();
    assert_eq!(
        (patient.fields.ward, patient.fields.care_team),
        (None, None)
    );
    let placed = PatientFields {
        ward: Some("w1".to_owned()),
        ..PatientFields::default()
    };
    let placed = registry.update_patient("p1", &placed, 70).unwrap();
    assert_eq!(placed.fields.ward.as_deref(), Some("w1"));
    assert_eq!(registry.integrity_check().unwrap(), Vec::<String>::new());
}
