//! A failing disk: nothing is acknowledged from the first failure on, whatever the disk says later.

use crate::faulty_disk::{EIO, ENOSPC, FaultyDisk, Op};
use crate::support::{open, read_all, small};
use bytes::Bytes;
use std::io::ErrorKind;
use std::sync::Arc;
use wardline_log::{Error, Log, Options, RealDisk};

fn record(n: u64) -> Bytes {
    Bytes::from(format!("record {n}: {}", "x".repeat(40)))
}

/// Appends until something fails; gives the records acknowledged.
fn fill(log: &Log) -> (u64, Error) {
    for n in 1..100 {
        match log.append(record(n)).and_then(|pending| pending.wait()) {
            Ok(seq) => assert_eq!(seq, n),
            Err(error) => return (n - 1, error),
        }
    }
    panic!("the fault was never met");
}

fn check(op: Op, after: u64, errno: i32, kind: ErrorKind, operation: &str) {
    let place = tempfile::tempdir().unwrap();
    let (disk, faults) = FaultyDisk::new(RealDisk);
    let (log, _) = open(&disk, place.path(), small());
    faults.fail(op, after, errno);
    let (acknowledged, error) = fill(&log);
    match &error {
        Error::Failed(failure) => {
            assert_eq!(failure.kind(), kind);
            assert_eq!(failure.operation, operation);
        }
        other => panic!("{other}"),
    }
    assert!(log.failed());
    assert_eq!(log.last_durable(), acknowledged);

    let (syncs, writes) = (faults.syncs(), faults.writes());
    for n in 0..5 {
        assert!(matches!(log.append(record(n)), Err(Error::Failed(_))));
    }
    assert!(matches!(log.release(1), Err(Error::Failed(_))));
    assert_eq!(read_all(log.read_from(1)).len() as u64, acknowledged);
    assert!(matches!(log.close(), Err(Error::Failed(_))));
    assert_eq!(
        (faults.syncs(), faults.writes()),
        (syncs, writes),
        "it tried again"
    );

    // The disk is mended and the program started again.
    let (log, recovered) = open(&disk, place.path(), small());
    assert!(recovered.last >= acknowledged && recovered.last <= acknowledged + 1);
    for (seq, payload) in read_all(log.read_from(1)) {
        assert_eq!(payload, record(seq));
    }
    assert_eq!(
        log.append(record(0)).unwrap().wait().unwrap(),
        recovered.last + 1
    );
    log.close().unwrap();
}

#[test]
fn a_full_disk_ends_it() {
    check(Op::Write, 0, ENOSPC, ErrorKind::StorageFull, "write");
    check(Op::Write, 3, ENOSPC, ErrorKind::StorageFull, "write");
    check(Op::Create, 0, ENOSPC, ErrorKind::StorageFull, "create");
}

#[test]
fn a_failed_sync_ends_it_and_is_not_tried_again() {
    let eio = std::io::Error::from_raw_os_error(EIO).kind();
    check(Op::Sync, 0, EIO, eio, "sync");
    check(Op::Sync, 7, EIO, eio, "sync");
    check(Op::SyncDir, 0, EIO, eio, "sync the directory");
}

/// Whatever write, sync or creation of a busy log fails first.
#[test]
fn every_operation_may_be_the_first_to_fail() {
    let eio = std::io::Error::from_raw_os_error(EIO).kind();
    for after in 0..12 {
        check(Op::Write, after, ENOSPC, ErrorKind::StorageFull, "write");
        check(Op::Sync, after, EIO, eio, "sync");
    }
}

#[test]
fn everyone_who_waits_is_told() {
    let place = tempfile::tempdir().unwrap();
    let (disk, faults) = FaultyDisk::new(RealDisk);
    let (log, _) = open(&disk, place.path(), Options::default());
    faults.stall();
    faults.fail(Op::Sync, 0, EIO);
    let in_flight = log.append(record(1)).unwrap();
    faults.until_stalled();
    let queued: Vec<_> = (2..50).map(|n| log.append(record(n)).unwrap()).collect();
    faults.resume();
    assert!(matches!(in_flight.wait(), Err(Error::Failed(_))));
    for pending in queued {
        assert!(matches!(pending.wait(), Err(Error::Failed(_))));
    }
    assert_eq!(log.last_durable(), 0);
}

#[test]
fn a_deletion_that_fails_can_be_repeated() {
    let place = tempfile::tempdir().unwrap();
    let (disk, faults) = FaultyDisk::new(RealDisk);
    let (log, _) = open(&disk, place.path(), small());
    for n in 1..=40 {
        log.append(record(n)).unwrap().wait().unwrap();
    }
    let bytes = log.bytes();
    faults.fail(Op::Remove, 0, EIO);
    assert!(matches!(
        log.release(40),
        Err(Error::Io {
            operation: "delete",
            ..
        })
    ));
    assert!(!log.failed());
    assert_eq!(log.first(), 1);
    assert!(log.bytes() >= bytes);
    assert_eq!(read_all(log.read_from(1)).len(), 40);
    log.release(40).unwrap();
    assert_eq!(log.first(), 41);
}

/// A program whose sync failed leaves bytes in the page cache that no disk has. The next one writes them again before
/// it syncs, or the sync would have nothing to do.
#[test]
fn opening_writes_the_last_batch_again_before_it_syncs() {
    let disk = Arc::new(crate::mem_disk::MemDisk::default());
    let dir = crate::support::dir();
    let (log, _) = open(&disk, &dir, Options::default());
    log.append(Bytes::from_static(b"first"))
        .unwrap()
        .wait()
        .unwrap();
    log.append(Bytes::from_static(b"second"))
        .unwrap()
        .wait()
        .unwrap();
    log.close().unwrap();
    disk.trace.lock().unwrap().clear();
    let (_log, _) = open(&disk, &dir, Options::default());
    let name = "00000000000000000001.log";
    assert_eq!(
        *disk.trace.lock().unwrap(),
        [
            format!("write {name} 45..67"),
            format!("sync {name}"),
            "sync dir".into()
        ]
    );
}
