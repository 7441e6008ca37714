//! The audit chain: kept, listed, and an edit found.

use super::Fixture;
use crate::registry::{AuditEntry, AuditFilter, Error, Outcome, Page, Role};

fn entry(at: i64, actor: &str, patients: &[&str]) -> AuditEntry {
    AuditEntry {
        at,
        actor: Some(actor.to_owned()),
        role: Some(Role::Read),
        action: "observation.search".to_owned(),
        route: "GET /fhir/R4/Observation".to_owned(),
        patients: patients.iter().map(|&p| p.to_owned()).collect(),
        any_patient: false,
        outcome: Outcome::Success,
        status: Some(200),
        request_id: format!("r{at}"),
        client: Some("10.0.0.7".to_owned()),
        detail: Some("patient=p1".to_owned()),
        repeats: 0,
        continues: None,
    }
}

fn filled(rows: i64) -> Fixture {
    let fixture = Fixture::new();
    let entries: Vec<_> = (1..=rows).map(|at| entry(at, "screen", &["p1"])).collect();
    fixture.registry.audit(&entries).unwrap();
    fixture
}

#[test]
fn rows_are_numbered_listed_newest_first_and_filtered() {
    let fixture = Fixture::new();
    let denied = AuditEntry {
        actor: None,
        role: None,
        action: "login-failed".to_owned(),
        outcome: Outcome::Denied,
        status: Some(401),
        client: None,
        detail: None,
        repeats: 12,
        ..entry(3, "", &[])
    };
    let sql = AuditEntry {
        any_patient: true,
        ..entry(4, "analyst", &[])
    };
    let batch = [
        entry(1, "screen", &["p1", "p2"]),
        entry(2, "screen", &["p2"]),
        denied.clone(),
        sql,
    ];
    assert_eq!(fixture.registry.audit(&batch).unwrap(), [1, 2, 3, 4]);
    assert_eq!(fixture.registry.audit(&[]).unwrap(), Vec::<i64>::new());
    let ids = |filter: AuditFilter| {
        let listed = fixture
            .registry
            .audit_records(&filter, &Page::first(10))
            .unwrap();
        listed
            .items
            .into_iter()
            .map(|record| record.id)
            .collect::<Vec<_>>()
    };
    let any = AuditFilter::default;
    assert_eq!(ids(any()), [4, 3, 2, 1]);
    assert_eq!(
        ids(AuditFilter {
            actor: Some("screen".into()),
            ..any()
        }),
        [2, 1]
    );
    assert_eq!(
        ids(AuditFilter {
            patient: Some("p1".into()),
            ..any()
        }),
        [4, 1]
    );
    assert_eq!(
        ids(AuditFilter {
            action: Some("login-failed".into()),
            ..any()
        }),
        [3]
    );
    assert_eq!(
        ids(AuditFilter {
            from: Some(2),
            until: Some(4),
            ..any()
        }),
        [3, 2]
    );
    let page = Page {
        after: Some("4".into()),
        limit: 1,
    };
    let listed = fixture.registry.audit_records(&any(), &page).unwrap();
    assert_eq!(
        (&listed.items[0].entry, listed.next.as_deref()),
        (&denied, Some("3"))
    );
}

#[test]
fn a_stream_adds_patients_in_rows_that_continue_its_first() {
    let fixture = Fixture::new();
    let first = fixture.registry.audit(&[entry(1, "screen", &[])]).unwrap()[0];
    let more = AuditEntry {
        continues: Some(first),
        ..entry(2, "screen", &["p7"])
    };
    assert_eq!(
        fixture.registry.audit(std::slice::from_ref(&more)).unwrap(),
        [2]
    );
    let bad = AuditEntry {
        continues: Some(9),
        ..more
    };
    assert!(matches!(
        fixture.registry.audit(&[bad]),
        Err(Error::NotFound { .. })
    ));
    assert_eq!(fixture.registry.verify_audit().unwrap().rows, 2);
}

#[test]
fn a_sound_chain_is_sound_across_restarts_and_more_rows_than_a_chunk() {
    let fixture = filled(1_500).reopen();
    let before = fixture.registry.verify_audit().unwrap();
    assert_eq!((before.rows, before.fault), (1_500, None));
    fixture
        .registry
        .audit(&[entry(2_000, "screen", &[])])
        .unwrap();
    let after = fixture.registry.verify_audit().unwrap();
    assert_eq!((after.rows, after.fault), (1_501, None));
    let last = fixture
        .registry
        .audit_records(&Default::default(), &Page::first(1))
        .unwrap();
    assert_eq!(after.head, last.items[0].hash);
    assert_ne!(after.head, before.head);
}

#[test]
fn an_empty_chain_is_sound() {
    let report = Fixture::new().registry.verify_audit().unwrap();
    assert_eq!((report.rows, report.fault), (0, None));
}

#[test]
fn the_table_refuses_edits() {
    let fixture = filled(2);
    for sql in [
        "UPDATE audit SET actor = 'x' WHERE id = 1",
        "DELETE FROM audit WHERE id = 1",
    ] {
        let error = fixture.raw().execute(sql, []).unwrap_err();
        assert!(
            error.to_string().contains("audit is append-only"),
            "{error}"
        );
    }
}

/// What somebody with the file and without its triggers did, and the first row that shows it.
fn check_edit(sql: &str, row: i64) {
    let fixture = filled(5);
    let raw = fixture.raw();
    raw.execute_batch(
        "DROP TRIGGER audit_append_only_update; DROP TRIGGER audit_append_only_delete;
         DELETE FROM audit_patient;",
    )
    .unwrap();
    raw.execute_batch(sql).unwrap();
    let report = fixture.registry.verify_audit().unwrap();
    let fault = report.fault.unwrap_or_else(|| panic!("not found: {sql}"));
    assert_eq!(
        (fault.0, report.rows),
        (row, u64::try_from(row - 1).unwrap()),
        "{sql}: {}",
        fault.1
    );
}

#[test]
fn an_edit_of_any_column_is_found() {
    let edits = [
        "at = at + 1",
        "actor = 'somebody'",
        "actor = NULL",
        "role = 'admin'",
        "action = 'read'",
        "route = 'GET /'",
        "patients = '[]'",
        "any_patient = 1",
        "outcome = 'denied'",
        "status = 403",
        "request_id = 'r'",
        "client = NULL",
        "detail = ''",
        "repeats = 3",
        "continues = 1",
        "hash = zeroblob(32)",
    ];
    for edit in edits {
        check_edit(&format!("UPDATE audit SET {edit} WHERE id = 3"), 3);
    }
}

#[test]
fn removed_inserted_and_exchanged_rows_are_found() {
    check_edit("DELETE FROM audit WHERE id = 1", 1);
    check_edit("DELETE FROM audit WHERE id = 3", 3);
    check_edit("DELETE FROM audit WHERE id > 3", 4);
    check_edit("DELETE FROM audit", 1);
    check_edit(
        "INSERT INTO audit SELECT 6, at, actor, role, action, route, patients, any_patient, outcome, status,
           request_id, client, detail, repeats, continues, hash FROM audit WHERE id = 5",
        6,
    );
    check_edit(
        "UPDATE audit SET id = 30 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4;
         UPDATE audit SET id = 4 WHERE id = 30",
        3,
    );
    // Text moved from one column to the next is another row.
    check_edit(
        "UPDATE audit SET client = client || detail, detail = '' WHERE id = 2",
        2,
    );
}

#[test]
fn text_that_looks_like_a_column_border_is_none() {
    let fixture = Fixture::new();
    // 3 is the mark the hash puts before a text column.
    let tricky = AuditEntry {
        client: Some("a".to_owned()),
        detail: Some("b\u{3}c".to_owned()),
        ..entry(1, "screen", &[])
    };
    fixture.registry.audit(&[tricky]).unwrap();
    let raw = fixture.raw();
    raw.execute_batch(
        "DROP TRIGGER audit_append_only_update;
         UPDATE audit SET client = 'a' || char(3) || 'b', detail = 'c'",
    )
    .unwrap();
    assert_eq!(
        fixture
            .registry
            .verify_audit()
            .unwrap()
            .fault
            .map(|fault| fault.0),
        Some(1)
    );
}
