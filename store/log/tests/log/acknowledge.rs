//! When an append resolves, and in which order.

use crate::faulty_disk::FaultyDisk;
use crate::mem_disk::MemDisk;
use crate::support::{dir, open, read_all};
use bytes::Bytes;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use wardline_log::{Error, Options, RealDisk, Sabotage, SyncSample};

/// Counts its wakes.
#[derive(Default)]
struct Bell(AtomicU64);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Whether a record is acknowledged while the sync of its batch has not returned.
fn acknowledged_early(options: Options) -> bool {
    let (disk, faults) = FaultyDisk::new(MemDisk::default());
    let (log, _) = open(&disk, &dir(), options);
    faults.stall();
    let mut pending = log.append(Bytes::from_static(b"reading")).unwrap();
    faults.until_stalled();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let first = pin!(&mut pending).poll(&mut Context::from_waker(&waker));
    faults.resume();
    if first.is_ready() {
        return true;
    }
    assert_eq!(pending.wait().unwrap(), 1);
    log.close().unwrap();
    assert_eq!(bell.0.load(Ordering::SeqCst), 1, "the waker is called once");
    false
}

#[test]
fn nothing_is_acknowledged_before_the_sync_returns() {
    assert!(!acknowledged_early(Options::default()));
}

#[test]
fn an_early_acknowledgement_is_caught() {
    assert!(acknowledged_early(Options {
        sabotage: Some(Sabotage::AckBeforeWrite),
        ..Options::default()
    }));
}

#[test]
fn what_waits_during_a_sync_shares_the_next() {
    let samples = Arc::new(Mutex::new(Vec::<SyncSample>::new()));
    let seen = Arc::clone(&samples);
    let (disk, faults) = FaultyDisk::new(MemDisk::default());
    let options = Options {
        observer: Some(Arc::new(move |sample| seen.lock().unwrap().push(*sample))),
        ..Options::default()
    };
    let (log, _) = open(&disk, &dir(), options);
    faults.stall();
    let first = log.append(Bytes::from_static(b"first")).unwrap();
    faults.until_stalled();
    let rest: Vec<_> = (0..500)
        .map(|n| log.append(Bytes::from(vec![n as u8; 10])).unwrap())
        .collect();
    assert_eq!(log.stats().queued_records, 500);
    faults.resume();
    assert_eq!(first.wait().unwrap(), 1);
    for (index, pending) in rest.into_iter().enumerate() {
        assert_eq!(pending.seq(), index as u64 + 2);
        assert_eq!(pending.wait().unwrap(), index as u64 + 2);
    }
    let stats = log.stats();
    assert_eq!(
        (stats.syncs, stats.records, stats.largest_batch),
        (2, 501, 500)
    );
    assert_eq!(stats.written_bytes, 16 * 501 + 5 + 500 * 10);
    log.close().unwrap();
    let samples = samples.lock().unwrap();
    assert_eq!(
        samples
            .iter()
            .map(|sample| sample.records)
            .collect::<Vec<_>>(),
        [1, 500]
    );
    assert_eq!(
        samples.iter().map(|sample| sample.bytes).sum::<u64>(),
        stats.written_bytes
    );
    assert_eq!(
        samples
            .iter()
            .map(|sample| sample.sync)
            .sum::<std::time::Duration>(),
        stats.sync_time
    );
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let (disk, faults) = FaultyDisk::new(MemDisk::default());
    let options = Options {
        max_batch_bytes: 1_000,
        ..Options::default()
    };
    let (log, _) = open(&disk, &dir(), options);
    faults.stall();
    let first = log.append(Bytes::from(vec![0; 5_000])).unwrap(); // longer than a batch: alone
    faults.until_stalled();
    let rest: Vec<_> = (0..20)
        .map(|_| log.append(Bytes::from(vec![1; 234])).unwrap())
        .collect();
    faults.resume();
    first.wait().unwrap();
    for pending in rest {
        pending.wait().unwrap();
    }
    assert_eq!(log.stats().syncs, 1 + 5); // 250 framed bytes each: four to a batch
    assert_eq!(log.stats().largest_batch, 4);
}

#[test]
fn many_threads_append_while_others_read() {
    const THREADS: u64 = 8;
    const EACH: u64 = 400;
    let place = tempfile::tempdir().unwrap();
    let disk = Arc::new(RealDisk);
    let options = Options {
        segment_bytes: 8_000,
        queue: 16,
        ..Options::default()
    };
    let (log, _) = open(&disk, place.path(), options.clone());
    let by_seq = Mutex::new(std::collections::BTreeMap::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (log, by_seq) = (&log, &by_seq);
            scope.spawn(move || {
                let mut waiting = Vec::new();
                for n in 0..EACH {
                    let payload = Bytes::from(format!("{thread}/{n}"));
                    waiting.push((log.append(payload.clone()).unwrap(), payload));
                }
                for (pending, payload) in waiting {
                    let seq = pending.wait().unwrap();
                    assert!(log.last_durable() >= seq);
                    by_seq.lock().unwrap().insert(seq, payload);
                }
            });
        }
        let log = &log;
        scope.spawn(move || {
            let mut reader = log.read_from(1);
            while reader.position() <= THREADS * EACH {
                match reader.next() {
                    Some(record) => assert!(record.unwrap().0 <= log.stats().records),
                    None => std::thread::yield_now(),
                }
            }
        });
    });
    let expected: Vec<_> = by_seq.into_inner().unwrap().into_iter().collect();
    assert_eq!(expected.len() as u64, THREADS * EACH);
    assert_eq!(read_all(log.read_from(1)), expected);
    log.close().unwrap();
    let (log, recovered) = open(&disk, place.path(), options);
    assert_eq!((recovered.first, recovered.last), (1, THREADS * EACH));
    assert_eq!(read_all(log.read_from(1)), expected);
    assert!(wardline_log::verify(place.path()).unwrap().is_sound());
}

#[test]
fn closing_writes_what_is_queued_and_refuses_more() {
    let (disk, faults) = FaultyDisk::new(MemDisk::default());
    let (log, _) = open(&disk, &dir(), Options::default());
    faults.stall();
    let pending: Vec<_> = (0..9)
        .map(|_| log.append(Bytes::from_static(b"late")).unwrap())
        .collect();
    faults.until_stalled();
    faults.resume();
    log.close().unwrap();
    for (index, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.wait().unwrap(), index as u64 + 1);
    }
    let (log, recovered) = open(&disk, &dir(), Options::default());
    assert_eq!(recovered.last, 9);
    drop(log);
}

#[test]
fn a_panicking_observer_stops_the_log_and_frees_its_waiters() {
    let disk = Arc::new(MemDisk::default());
    let options = Options {
        observer: Some(Arc::new(|_| panic!("an observer's mistake"))),
        ..Options::default()
    };
    let (log, _) = open(&disk, &dir(), options);
    log.append(Bytes::from_static(b"one"))
        .unwrap()
        .wait()
        .unwrap();
    // The first was durable before the observer heard of it; nobody hears of a second.
    let second = log
        .append(Bytes::from_static(b"two"))
        .and_then(|pending| pending.wait());
    assert!(matches!(second, Err(Error::Failed(_))));
    assert!(log.failed());
    let waiting = pin!(log.wait_for_room(1)).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(waiting, Poll::Ready(Err(Error::Failed(_)))));
}
