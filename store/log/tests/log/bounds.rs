//! The bounds: queue, whole log, record, one user.

use crate::faulty_disk::FaultyDisk;
use crate::mem_disk::MemDisk;
use crate::support::{dir, open};
use bytes::Bytes;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use wardline_log::{Disk, Error, Log, MAX_RECORD_BYTES, Options, RealDisk};

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The disk stalls: the queue fills to its bound, in records or bytes, and then appends wait.
fn stalled(options: Options, fits: usize) {
    let (disk, faults) = FaultyDisk::new(MemDisk::default());
    let (log, _) = open(&disk, &dir(), options);
    faults.stall();
    let payload = Bytes::from(vec![7; 84]); // 100 bytes framed
    let in_flight = log.append(payload.clone()).unwrap();
    faults.until_stalled();
    let queued: Vec<_> = (0..fits)
        .map(|_| match poll(pin!(log.append_async(payload.clone()))) {
            Poll::Ready(pending) => pending.unwrap(),
            Poll::Pending => panic!("it should fit"),
        })
        .collect();
    let mut waiting = pin!(log.append_async(payload.clone()));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(log.stats().queued_records as usize, fits);
    assert_eq!(log.stats().queued_bytes as usize, fits * 100);
    std::thread::scope(|scope| {
        let blocked = scope.spawn(|| log.append(payload.clone()).unwrap().wait().unwrap());
        faults.resume();
        assert!(blocked.join().unwrap() > fits as u64 + 1);
    });
    in_flight.wait().unwrap();
    for pending in queued {
        pending.wait().unwrap();
    }
    match poll(waiting) {
        Poll::Ready(pending) => assert!(pending.unwrap().wait().unwrap() > fits as u64 + 1),
        Poll::Pending => panic!("there is room now"),
    }
}

#[test]
fn the_queue_is_bounded_in_records() {
    stalled(
        Options {
            queue: 5,
            ..Options::default()
        },
        5,
    );
}

#[test]
fn the_queue_is_bounded_in_bytes() {
    stalled(
        Options {
            queue_bytes: 799,
            ..Options::default()
        },
        7,
    );
}

#[test]
fn a_record_longer_than_the_queue_goes_alone() {
    let disk = Arc::new(MemDisk::default());
    let options = Options {
        queue_bytes: 10,
        ..Options::default()
    };
    let (log, _) = open(&disk, &dir(), options);
    for n in 1..4 {
        assert_eq!(
            log.append(Bytes::from(vec![0; 50]))
                .unwrap()
                .wait()
                .unwrap(),
            n
        );
    }
}

#[test]
fn a_full_log_refuses_until_a_release() {
    let disk = Arc::new(MemDisk::default());
    let options = Options {
        max_total_bytes: 4_000,
        ..Options::default()
    };
    let (log, _) = open(&disk, &dir(), options);
    let payload = Bytes::from(vec![7; 84]);
    let mut last = 0;
    let full = loop {
        match log.append(payload.clone()) {
            Ok(pending) => last = pending.wait().unwrap(),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(
            full,
            Error::Full {
                bytes: 3_901..=4_000,
                max: 4_000
            }
        ),
        "{full}"
    );
    assert!(!log.failed());
    assert_eq!(log.stats().refused_full, 1);
    let mut room = pin!(log.wait_for_room(84));
    assert!(poll(room.as_mut()).is_pending());
    log.release(last - 1).unwrap();
    assert!(matches!(poll(room), Poll::Ready(Ok(()))));
    assert_eq!(log.append(payload).unwrap().wait().unwrap(), last + 1);
    assert!(log.bytes() < 4_000);
}

/// Even if one segment holds everything.
#[test]
fn a_full_log_can_always_be_emptied() {
    let disk = Arc::new(MemDisk::default());
    let options = Options {
        max_total_bytes: 2_000,
        ..Options::default()
    };
    let (log, _) = open(&disk, &dir(), options);
    for round in 0..50 {
        let payload = Bytes::from(vec![round; 1_200]);
        let seq = log.append(payload).unwrap().wait().unwrap();
        assert!(matches!(
            log.append(Bytes::from(vec![0; 1_200])),
            Err(Error::Full { .. })
        ));
        log.release(seq).unwrap();
    }
    assert_eq!(log.last_durable(), 50);
}

#[test]
fn a_record_too_long_is_refused() {
    let disk = Arc::new(MemDisk::default());
    let (log, _) = open(&disk, &dir(), Options::default());
    let payload = Bytes::from(vec![0; MAX_RECORD_BYTES + 1]);
    assert!(matches!(
        log.append(payload),
        Err(Error::TooLarge {
            max: MAX_RECORD_BYTES,
            ..
        })
    ));
    assert_eq!(log.append(Bytes::new()).unwrap().wait().unwrap(), 1);
}

#[test]
fn a_second_user_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk);
    let (log, _) = open(&disk, place.path(), Options::default());
    let disk: Arc<dyn Disk> = disk;
    let second = Log::open(Arc::clone(&disk), place.path(), Options::default());
    let error = second.unwrap_err();
    assert!(matches!(error, Error::Locked { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "the log {} is in use by another process",
            place.path().display()
        )
    );
    log.close().unwrap();
    Log::open(disk, place.path(), Options::default()).unwrap();
}

#[test]
fn directories_are_made_and_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("data/log");
    let (log, recovered) = open(&Arc::new(RealDisk), &dir, Options::default());
    assert_eq!(
        (recovered.first, recovered.last, recovered.truncated),
        (1, 0, None)
    );
    log.append(Bytes::from_static(b"x"))
        .unwrap()
        .wait()
        .unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&place.path().join("data")), 0o700);
    assert_eq!(mode(&dir.join("00000000000000000001.log")), 0o600);
}

#[test]
fn a_closed_log_says_so() {
    let disk = Arc::new(MemDisk::default());
    let (log, _) = open(&disk, &dir(), Options::default());
    let pending = log.append(Bytes::from_static(b"1")).unwrap();
    log.close().unwrap();
    log.close().unwrap();
    assert_eq!(pending.wait().unwrap(), 1);
    assert!(matches!(log.append(Bytes::new()), Err(Error::Closed)));
    assert!(matches!(
        poll(pin!(log.append_async(Bytes::new()))),
        Poll::Ready(Err(Error::Closed))
    ));
    assert!(matches!(
        poll(pin!(log.wait_for_room(1))),
        Poll::Ready(Err(Error::Closed))
    ));
    assert!(matches!(log.release(1), Err(Error::Closed)));
    assert!(!log.failed());
    let (next, recovered) = open(&disk, &dir(), Options::default());
    assert_eq!(recovered.last, 1);
    assert_eq!(log.read_from(1).count(), 1, "what is there can be read");
    next.close().unwrap();
}
