//! Readers beside a writer: they wait for nobody and see only whole states.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Fixture, While};
use crate::registry::{AssignmentFilter, AuditEntry, ListFilter, Outcome, Page, PatientFields};

#[test]
fn readers_see_whole_states_and_never_an_older_one() {
    let ward = Fixture::ward();
    let (registry, writing) = (&ward.registry, AtomicBool::new(true));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _done = While(&writing);
            for i in 0..60 {
                let id = format!("n{i:03}");
                registry
                    .create_patient(Some(&id), &PatientFields::default(), i)
                    .unwrap();
                ward.assign("d1", None, &id, i * 10, Some(i * 10 + 10))
                    .unwrap();
            }
        });
        for _ in 0..4 {
            scope.spawn(|| {
                let (mut generation, mut known) = (0, 0);
                loop {
                    let last = !writing.load(Ordering::Acquire);
                    let now = registry.assignments();
                    assert!(now.generation() >= generation);
                    generation = now.generation();
                    // An assignment is never seen without its patient.
                    for at in (0..600).step_by(10) {
                        if let Some(patient) = now.resolve("d1", None, at) {
                            assert!(now.knows_patient(patient));
                        }
                    }
                    let page = Page::first(1_000);
                    let assigned = registry
                        .list_assignments(&AssignmentFilter::default(), &page)
                        .unwrap()
                        .items;
                    let patients = registry
                        .patients(&ListFilter::default(), &page)
                        .unwrap()
                        .items;
                    assert!(assigned.len() + 3 <= patients.len() && known <= assigned.len());
                    known = assigned.len();
                    if last {
                        break;
                    }
                }
            });
        }
    });
    assert_eq!(
        registry.assignments().resolve("d1", None, 595),
        Some("n059")
    );
}

#[test]
fn a_reader_does_not_wait_for_a_writer_that_holds_its_transaction() {
    let ward = Fixture::ward();
    let held = ward.registry.writer.lock().unwrap();
    held.execute_batch("BEGIN IMMEDIATE; DELETE FROM patient WHERE id = 'p1'")
        .unwrap();
    // On this very thread: it would wait for ever if it needed the writer.
    assert!(ward.registry.patient("p1").unwrap().is_some());
    assert_eq!(ward.registry.assignments().resolve("d1", None, 0), None);
    held.execute_batch("ROLLBACK").unwrap();
}

#[test]
fn audit_rows_of_many_writers_form_one_chain() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    let entry = |actor: &str| AuditEntry {
        at: 1,
        actor: Some(actor.to_owned()),
        role: None,
        action: "read".to_owned(),
        route: "GET /api/v1/alerts".to_owned(),
        patients: vec![],
        any_patient: false,
        outcome: Outcome::Success,
        status: None,
        request_id: "r".to_owned(),
        client: None,
        detail: None,
        repeats: 0,
        continues: None,
    };
    std::thread::scope(|scope| {
        for writer in ["a", "b", "c", "d"] {
            scope.spawn(move || {
                for _ in 0..10 {
                    registry.audit(&[entry(writer), entry(writer)]).unwrap();
                }
            });
        }
    });
    let report = registry.verify_audit().unwrap();
    assert_eq!((report.rows, report.fault), (80, None));
}
