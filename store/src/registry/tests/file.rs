//! The file: its mode, its schema number, its durability settings, its copies.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::{Fixture, While};
use crate::registry::{Error, ListFilter, Page, PatientFields, Registry};

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn pragma(conn: &Connection, name: &str) -> i64 {
    conn.pragma_query_value(None, name, |row| row.get(0))
        .unwrap()
}

#[test]
fn the_file_and_its_companions_are_the_owners_alone() {
    let ward = Fixture::ward();
    for name in [
        "registry.sqlite",
        "registry.sqlite-wal",
        "registry.sqlite-shm",
    ] {
        assert_eq!(mode(&ward.dir.path().join(name)), 0o600, "{name}");
    }
    let path = ward.path();
    ward.registry.close().unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    Registry::open(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn commits_are_synced_and_references_enforced() {
    let ward = Fixture::ward();
    let writer = ward.registry.writer.lock().unwrap();
    // 2 is FULL: in WAL mode the log is synced on every commit.
    assert_eq!(
        (
            pragma(&writer, "synchronous"),
            pragma(&writer, "foreign_keys")
        ),
        (2, 1)
    );
    let journal: String = writer
        .pragma_query_value(None, "journal_mode", |row| row.get(0))
        .unwrap();
    assert_eq!(journal, "wal");
    let orphan = "INSERT INTO patient_identifier (system, value, owner) VALUES ('', '1', 'nobody')";
    assert!(writer.execute(orphan, []).is_err());
}

#[test]
fn what_was_acknowledged_is_there_though_nobody_closed_the_file() {
    let ward = Fixture::ward();
    std::mem::forget(ward.registry);
    let registry = Registry::open(&ward.dir.path().join("registry.sqlite")).unwrap();
    assert!(registry.patient("p3").unwrap().is_some());
    assert!(registry.assignments().knows_patient("p3"));
}

#[test]
fn a_registry_opens_again_with_its_schema_number() {
    let ward = Fixture::ward().reopen();
    assert_eq!(pragma(&ward.raw(), "user_version"), 4);
    assert!(ward.registry.patient("p1").unwrap().is_some());
    assert_eq!(
        ward.registry.integrity_check().unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let ward = Fixture::ward();
    let path = ward.path();
    ward.registry.close().unwrap();
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Registry::open(&path).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Newer {
                found: 99,
                supported: 4,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn files_of_others_are_refused_and_left_alone() {
    let dir = tempfile::TempDir::new().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(
        &text,
        "not a database, but quite long enough to be looked at".repeat(20),
    )
    .unwrap();
    let other = dir.path().join("other.sqlite");
    Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    for path in [text, other] {
        let before = std::fs::read(&path).unwrap();
        let error = Registry::open(&path).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
    let nowhere = dir.path().join("none/registry.sqlite");
    assert!(matches!(Registry::open(&nowhere), Err(Error::File { .. })));
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let dir = tempfile::TempDir::new().unwrap();
    let path = dir.path().join("registry.sqlite");
    {
        // Ours, without a schema yet, and with a table in the way of the first migration's last.
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("PRAGMA application_id = 1467114572; CREATE TABLE position (x)")
            .unwrap();
    }
    assert!(matches!(Registry::open(&path), Err(Error::Database(_))));
    let conn = Connection::open(&path).unwrap();
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!((tables, pragma(&conn, "user_version")), (1, 0));
}

#[test]
fn a_backup_is_whole_of_one_instant_and_the_owners_alone_while_writers_go_on() {
    let ward = Fixture::ward();
    let (registry, copying) = (&ward.registry, AtomicBool::new(true));
    let copy = ward.dir.path().join("copy.sqlite");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0.. {
                if !copying.load(Ordering::Acquire) {
                    break;
                }
                registry
                    .create_patient(Some(&format!("w{i:05}")), &PatientFields::default(), 0)
                    .unwrap();
            }
        });
        let _done = While(&copying);
        for round in 0..5 {
            let copy = ward.dir.path().join(format!("copy-{round}.sqlite"));
            registry.backup(&copy).unwrap();
            let restored = Registry::open(&copy).unwrap();
            let all = restored
                .patients(&ListFilter::default(), &Page::first(1_000))
                .unwrap();
            let written: Vec<_> = all.items.iter().filter(|p| p.id.starts_with('w')).collect();
            // Every patient up to some instant, and none after it.
            assert!(
                written
                    .iter()
                    .enumerate()
                    .all(|(i, p)| p.id == format!("w{i:05}"))
            );
        }
    });
    registry.backup(&copy).unwrap();
    assert_eq!(mode(&copy), 0o600);
    assert!(
        !ward
            .dir
            .path()
            .join("copy.sqlite-wal")
            .try_exists()
            .unwrap()
    );
    assert!(
        matches!(registry.backup(&copy), Err(Error::File { .. })),
        "an existing file is kept"
    );
    let restored = Registry::open(&copy).unwrap();
    assert_eq!(
        restored.installation_id().unwrap(),
        registry.installation_id().unwrap()
    );
    assert!(restored.verify_audit().unwrap().fault.is_none());
}

#[test]
fn a_broken_reference_is_found_by_the_integrity_check() {
    let ward = Fixture::ward();
    ward.raw()
        .execute_batch(
            "PRAGMA foreign_keys = OFF; INSERT INTO token_san VALUES ('urn:x', 'nobody')",
        )
        .unwrap();
    assert_eq!(
        ward.registry.integrity_check().unwrap(),
        ["a row of token_san refers to a row of token that does not exist"]
    );
}

#[test]
fn times_of_a_prefix_are_forgotten_once_they_are_old() {
    let fixture = Fixture::new();
    let registry = &fixture.registry;
    for (key, value) in [
        ("seen/a", "10"),
        ("seen/b", "20"),
        ("seenx", "1"),
        ("site", "s1"),
    ] {
        registry.set_setting(key, value).unwrap();
    }
    assert_eq!(registry.prune_times("seen/", 20).unwrap(), 1);
    let left: Vec<String> = registry
        .settings()
        .unwrap()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        left.iter().filter(|key| key.starts_with("se")).count(),
        2,
        "{left:?}"
    );
    assert!(left.contains(&"site".to_owned()));
}
