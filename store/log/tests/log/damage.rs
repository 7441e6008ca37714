//! Torn tails, damage, and telling one from the other.

use crate::mem_disk::MemDisk;
use crate::support::{dir, read_all, small, write};
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wardline_log::{Disk, Error, Options, Recovered, Report, Writer, verify_on};

const HEADER: usize = 24;
const FRAME: usize = 16;

/// Two full segments, and a last one of two batches: records of 0 to 60 bytes, none of them with a zero byte.
fn sample() -> (Arc<MemDisk>, Vec<(u64, Bytes)>) {
    let disk = Arc::new(MemDisk::default());
    let (mut writer, _) = Writer::open(
        Arc::clone(&disk) as Arc<dyn Disk>,
        &dir(),
        Options::default(),
    )
    .unwrap();
    for segment in 0..3_u8 {
        for batch in 0..2_u8 {
            for record in 0..4_u8 {
                let len = usize::from(record) * 20;
                writer
                    .push(&vec![1 + segment * 16 + batch * 4 + record; len])
                    .unwrap();
            }
            writer.commit().unwrap();
        }
        if segment < 2 {
            writer.roll().unwrap();
        }
    }
    let records = read_all(writer.read_from(1));
    assert_eq!(records.len(), 24);
    (disk, records)
}

fn open(disk: &Arc<MemDisk>) -> Result<(Writer, Recovered), Error> {
    Writer::open(Arc::clone(disk) as Arc<dyn Disk>, &dir(), small())
}

fn last_path(disk: &MemDisk) -> PathBuf {
    disk.paths().pop().unwrap()
}

/// Offsets of the frames of a segment, and its length.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut starts = vec![HEADER];
    while *starts.last().unwrap() < bytes.len() {
        let at = *starts.last().unwrap();
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        starts.push(at + FRAME + len as usize);
    }
    starts
}

/// What opening makes of a changed log, after checking that `verify` agrees and nothing wrong is given out.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord)]
enum Verdict {
    Sound,
    /// Cut off and reported.
    Torn,
    /// Refused, naming file and offset.
    Damaged,
}

fn judge(changed: &MemDisk, records: &[(u64, Bytes)]) -> (Verdict, Report, Option<Error>) {
    let disk = changed.copy();
    let before: Vec<_> = disk.paths().iter().map(|path| disk.get(path)).collect();
    let report = verify_on(disk.as_ref(), &dir()).unwrap();
    let after = || {
        disk.paths()
            .iter()
            .map(|path| disk.get(path))
            .collect::<Vec<_>>()
    };
    assert_eq!(before, after(), "verify changes nothing");
    match open(&disk) {
        Ok((mut writer, recovered)) => {
            assert!(report.is_sound(), "{report:?}");
            assert_eq!(report.torn_tail, recovered.truncated);
            let left = read_all(writer.read_from(recovered.first));
            assert_eq!(
                left,
                records[..left.len()],
                "only what was written, in order"
            );
            assert_eq!(report.records, left.len() as u64);
            let next = recovered.last + 1;
            assert_eq!(writer.push(b"next").unwrap(), next);
            writer.commit().unwrap();
            drop(writer);
            let (writer, again) = open(&disk).unwrap();
            assert_eq!((again.last, again.truncated), (next, None));
            assert_eq!(
                writer.read_from(next).next().unwrap().unwrap(),
                (next, Bytes::from_static(b"next"))
            );
            let torn = recovered.truncated.is_some();
            (
                if torn { Verdict::Torn } else { Verdict::Sound },
                report,
                None,
            )
        }
        Err(error) => {
            assert!(!report.is_sound(), "{error}");
            assert_eq!(before, after(), "a refusal changes nothing");
            (Verdict::Damaged, report, Some(error))
        }
    }
}

fn place(error: &Error) -> (&Path, u64) {
    match error {
        Error::Damaged { file, offset, .. } | Error::Gap { file, offset, .. } => (file, *offset),
        Error::NewerFormat { file, .. } => (file, 8),
        other => panic!("{other}"),
    }
}

/// Every bit of every segment, flipped alone: found as damage, naming the file and the frame. One exception, the limit
/// stated in the format: the length of the log's very last record, where it is reported as a torn tail.
#[test]
fn every_flipped_bit_is_found() {
    let (disk, records) = sample();
    let last = last_path(&disk);
    let (mut damaged, mut torn) = (0, 0);
    for path in disk.paths() {
        let bytes = disk.get(&path);
        let starts = frames(&bytes);
        let last_frame = starts[starts.len() - 2];
        for at in 0..bytes.len() {
            let frame = starts
                .iter()
                .rev()
                .find(|&&start| start <= at)
                .copied()
                .unwrap_or(0);
            for bit in 0..8 {
                let changed = disk.copy();
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                changed.put(&path, flipped);
                let (verdict, report, error) = judge(&changed, &records);
                match verdict {
                    Verdict::Damaged => {
                        damaged += 1;
                        let (file, offset) = place(error.as_ref().unwrap());
                        assert_eq!(file, path);
                        assert!(
                            offset as usize == frame || offset <= 8,
                            "{at}.{bit}: {offset}"
                        );
                        assert_eq!(
                            (&*report.damage[0].file, report.damage[0].offset),
                            (file, offset)
                        );
                    }
                    Verdict::Torn => {
                        torn += 1;
                        let in_last_length =
                            path == last && (last_frame..last_frame + 4).contains(&at);
                        assert!(in_last_length, "{}: byte {at} bit {bit}", path.display());
                        assert_eq!(report.records, 23);
                    }
                    Verdict::Sound => {
                        panic!("{}: byte {at} bit {bit} went unnoticed", path.display())
                    }
                }
            }
        }
    }
    println!(
        "{damaged} flips found as damage, {torn} in the last record's length cut off and reported"
    );
    assert!(torn <= 32 && damaged > 8_000);
}

/// A fresh segment in use holds nothing: damage to its header is mended by making it again.
#[test]
fn flips_in_an_empty_last_segment_lose_nothing() {
    let (disk, records) = sample();
    let (mut writer, _) = open(&disk).unwrap();
    writer.roll().unwrap();
    drop(writer);
    let path = last_path(&disk);
    let bytes = disk.get(&path);
    assert_eq!(bytes.len(), HEADER);
    for at in 0..HEADER {
        for bit in 0..8 {
            let changed = disk.copy();
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            changed.put(&path, flipped);
            let (verdict, report, error) = judge(&changed, &records);
            assert_eq!(report.records, 24);
            match error {
                Some(error) => assert!(matches!(error, Error::NewerFormat { .. })),
                None => assert_eq!(verdict, Verdict::Torn),
            }
        }
    }
}

/// The last segment cut at every length: all records that are whole survive.
#[test]
fn a_tail_torn_anywhere_keeps_every_whole_record() {
    let (disk, records) = sample();
    let path = last_path(&disk);
    let bytes = disk.get(&path);
    let starts = frames(&bytes);
    for len in 0..bytes.len() {
        let changed = disk.copy();
        changed.put(&path, bytes[..len].to_vec());
        let (verdict, report, _) = judge(&changed, &records);
        let whole = starts
            .iter()
            .filter(|&&start| start <= len)
            .count()
            .saturating_sub(1);
        assert_eq!(report.records as usize, 16 + whole, "cut at {len}");
        let clean = starts.contains(&len);
        assert_eq!(
            verdict,
            if clean { Verdict::Sound } else { Verdict::Torn },
            "cut at {len}"
        );
    }
}

/// Any other segment cut or gone: refused.
#[test]
fn a_cut_before_the_last_segment_is_damage() {
    let (disk, records) = sample();
    let paths = disk.paths();
    let bytes = disk.get(&paths[1]);
    for len in 0..bytes.len() {
        let changed = disk.copy();
        changed.put(&paths[1], bytes[..len].to_vec());
        assert_eq!(
            judge(&changed, &records).0,
            Verdict::Damaged,
            "cut at {len}"
        );
    }
    let changed = disk.copy();
    changed.remove(&paths[1]).unwrap();
    let (_, _, error) = judge(&changed, &records);
    assert!(
        matches!(
            error,
            Some(Error::Gap {
                expected: 9,
                found: 17,
                offset: 0,
                ..
            })
        ),
        "{error:?}"
    );
}

/// Batches larger than sectors, for tears with holes.
fn wide(payload: u8) -> (Arc<MemDisk>, Vec<(u64, Bytes)>, Vec<u8>) {
    let disk = Arc::new(MemDisk::default());
    let (mut writer, _) = Writer::open(
        Arc::clone(&disk) as Arc<dyn Disk>,
        &dir(),
        Options::default(),
    )
    .unwrap();
    let record = vec![payload; 700];
    write(
        &mut writer,
        &[&[&record, &record], &[&record, &record, &record, &record]],
    );
    let records = read_all(writer.read_from(1));
    drop(writer);
    let bytes = disk.get(&last_path(&disk));
    (disk, records, bytes)
}

/// Any set of the last batch's sectors that did not reach the disk: its whole records before the first hole survive,
/// the rest is cut off, and a synced batch is never touched.
#[test]
fn sectors_missing_from_the_last_batch_are_a_torn_tail() {
    let (disk, records, bytes) = wide(0xa5);
    let path = last_path(&disk);
    let batch = frames(&bytes)[2];
    let first = batch / 512;
    let sectors = bytes.len().div_ceil(512) - first;
    for missing in 1..1_u32 << sectors {
        let mut torn = bytes.clone();
        for sector in (0..sectors).filter(|sector| missing & (1 << sector) != 0) {
            let start = ((first + sector) * 512).max(batch);
            let end = ((first + sector + 1) * 512).min(bytes.len());
            torn[start..end].fill(0);
        }
        let changed = disk.copy();
        changed.put(&path, torn);
        let (verdict, report, _) = judge(&changed, &records);
        assert_eq!(verdict, Verdict::Torn, "missing {missing:b}");
        let hole = ((first + missing.trailing_zeros() as usize) * 512).max(batch);
        let whole = frames(&bytes)
            .iter()
            .filter(|&&start| start <= hole)
            .count()
            - 1;
        assert_eq!(report.records as usize, whole, "missing {missing:b}");
    }
}

/// The same holes in a batch that was synced before the last one began: damage.
#[test]
fn sectors_missing_before_the_last_batch_are_damage() {
    let (disk, records, bytes) = wide(0xa5);
    let path = last_path(&disk);
    let changed = disk.copy();
    let mut holed = bytes.clone();
    holed[512..1024].fill(0);
    changed.put(&path, holed);
    let (_, _, error) = judge(&changed, &records);
    assert!(
        matches!(error, Some(Error::Damaged { offset: 24, .. })),
        "{error:?}"
    );
}

/// Zeros behind the end, as some file systems leave them when the length was written before the data.
#[test]
fn zeros_behind_the_end_are_cut_off() {
    let (disk, records) = sample();
    let path = last_path(&disk);
    for zeros in [1, 15, 16, 17, 511, 5_000] {
        let changed = disk.copy();
        let mut longer = disk.get(&path);
        longer.resize(longer.len() + zeros, 0);
        changed.put(&path, longer);
        let (verdict, report, _) = judge(&changed, &records);
        assert_eq!(
            (verdict, report.records),
            (Verdict::Torn, 24),
            "{zeros} zeros"
        );
    }
}

#[test]
fn a_newer_format_is_refused() {
    let (disk, records) = sample();
    let path = &disk.paths()[0];
    let mut bytes = disk.get(path);
    bytes[8] = 2;
    disk.put(path, bytes);
    let (_, _, error) = judge(&disk, &records);
    assert!(
        matches!(
            error,
            Some(Error::NewerFormat {
                found: 2,
                known: 1,
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn a_segment_from_elsewhere_is_refused() {
    let (disk, records) = sample();
    let paths = disk.paths();
    let changed = disk.copy();
    changed.put(&paths[1], disk.get(&paths[0]));
    assert_eq!(judge(&changed, &records).0, Verdict::Damaged);
    let changed = disk.copy();
    changed.put(&dir().join("7.log"), Vec::new());
    assert!(matches!(
        open(&changed),
        Err(Error::Damaged { offset: 0, .. })
    ));
}

/// Bits that change under a running log: the reader says so and gives nothing of it.
#[test]
fn a_reader_stops_at_damage() {
    let (disk, records) = sample();
    let (writer, _) = open(&disk).unwrap();
    let path = &disk.paths()[1];
    let mut bytes = disk.get(path);
    let third = frames(&bytes)[2];
    bytes[third + FRAME + 3] ^= 0x10;
    disk.put(path, bytes);
    let mut reader = writer.read_from(1);
    for expected in &records[..10] {
        assert_eq!(reader.next().unwrap().unwrap(), *expected);
    }
    let error = reader.next().unwrap().unwrap_err();
    assert_eq!(place(&error), (path.as_path(), third as u64));
    assert!(reader.next().is_none());
}
