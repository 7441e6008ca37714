//! Letting go, and what a reader sees of it.

use crate::mem_disk::MemDisk;
use crate::support::{dir, open, read_all, small, write};
use bytes::Bytes;
use std::sync::Arc;
use wardline_log::{Disk, Error, Log, Options, Writer};

fn record(n: u64) -> Bytes {
    Bytes::from(format!("{n:0100}"))
}

/// Segments of five records of 116 bytes, each its own batch.
fn filled(disk: &Arc<MemDisk>, records: u64) -> Log {
    let (log, _) = open(disk, &dir(), small());
    for n in log.last_durable() + 1..=records {
        log.append(record(n)).unwrap().wait().unwrap();
    }
    log
}

#[test]
fn whole_segments_go_oldest_first_each_with_its_directory_sync() {
    let disk = Arc::new(MemDisk::default());
    let log = filled(&disk, 18); // segments 1, 5, 9, 13, 17
    disk.trace.lock().unwrap().clear();
    log.release(11).unwrap();
    let name = |first: u64| format!("{first:020}.log");
    let expected = [1, 5].map(|first| [format!("remove {}", name(first)), "sync dir".into()]);
    let starts: Vec<_> = disk
        .paths()
        .iter()
        .map(|path| path.file_stem().unwrap().to_owned())
        .collect();
    assert_eq!(
        *disk.trace.lock().unwrap(),
        expected.concat(),
        "left: {starts:?}"
    );
    assert_eq!(log.first(), 9);
    assert_eq!(read_all(log.read_from(9)).len(), 10);
    assert_eq!(log.stats().released_segments, 2);
}

#[test]
fn a_release_of_everything_keeps_the_numbering() {
    let disk = Arc::new(MemDisk::default());
    let log = filled(&disk, 18);
    log.release(u64::MAX).unwrap();
    assert_eq!((log.first(), log.last_durable()), (19, 18));
    assert_eq!(log.stats().segments, 1);
    log.close().unwrap();
    let (log, recovered) = open(&disk, &dir(), small());
    assert_eq!((recovered.first, recovered.last), (19, 18));
    assert_eq!(log.append(record(19)).unwrap().wait().unwrap(), 19);
    assert_eq!(read_all(log.read_from(19)), [(19, record(19))]);
}

#[test]
fn a_nearly_empty_segment_is_not_worth_a_new_one() {
    let disk = Arc::new(MemDisk::default());
    let (log, _) = open(&disk, &dir(), Options::default());
    log.append(record(1)).unwrap().wait().unwrap();
    log.release(1).unwrap();
    assert_eq!(log.stats().rolls, 0);
    assert_eq!(log.first(), 1);
}

#[test]
fn a_reader_of_what_was_released_is_told() {
    let disk = Arc::new(MemDisk::default());
    let log = filled(&disk, 18);
    let mut slow = log.read_from(1);
    assert_eq!(slow.next().unwrap().unwrap().0, 1);
    log.release(12).unwrap();
    let late = log.read_from(2).next().unwrap();
    assert!(
        matches!(
            late,
            Err(Error::Released {
                asked: 2,
                first: 13
            })
        ),
        "{late:?}"
    );
    // The slow one still has its open file, but nothing it gives may be wrong.
    for (n, item) in (2..).zip(slow) {
        match item {
            Ok((seq, payload)) => assert_eq!((seq, payload), (n, record(n))),
            Err(error) => assert!(matches!(error, Error::Released { first: 13, .. })),
        }
    }
}

#[test]
fn a_reader_goes_on_where_the_writer_went_on() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::default());
    let (mut writer, _) = Writer::open(disk, &dir(), small()).unwrap();
    let mut reader = writer.read_from(0);
    assert!(reader.next().is_none());
    let mut expected = 1;
    for round in 1..30_usize {
        for n in 0..round % 4 {
            writer.push(&vec![n as u8; round * 7]).unwrap();
        }
        assert!(reader.next().is_none(), "not durable yet");
        writer.commit().unwrap();
        for _ in 0..round % 4 {
            assert_eq!(reader.next().unwrap().unwrap().0, expected);
            expected += 1;
        }
        assert!(reader.next().is_none());
        if round % 5 == 0 {
            writer.roll().unwrap();
        }
        if round % 7 == 0 {
            writer.release(expected - 1).unwrap();
        }
    }
}

#[test]
fn reading_from_the_middle_and_from_ahead() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::default());
    let (mut writer, _) = Writer::open(disk, &dir(), small()).unwrap();
    write(&mut writer, &[&[b"a", b"b"], &[b"c"], &[b"d", b"e"]]);
    let from = |seq| {
        read_all(writer.read_from(seq))
            .into_iter()
            .map(|(seq, _)| seq)
            .collect::<Vec<_>>()
    };
    assert_eq!(from(1), [1, 2, 3, 4, 5]);
    assert_eq!(from(4), [4, 5]);
    assert!(from(6).is_empty());
    assert!(from(u64::MAX).is_empty());
}

#[test]
fn the_oldest_segment_is_told_until_it_is_the_one_in_use() {
    let disk = Arc::new(MemDisk::default());
    let log = filled(&disk, 18); // segments 1, 5, 9, 13, 17
    let mut told = Vec::new();
    while let Some((first, last)) = log.oldest_segment() {
        assert_eq!(first, log.first());
        log.release(last).unwrap();
        told.push((first, last));
    }
    assert_eq!(told, [(1, 4), (5, 8), (9, 12), (13, 16)]);
    assert_eq!(log.first(), 17);
}
