//! Loss of power at any disk operation, over a simulated disk, against an oracle that never forgets.
//!
//! One run is one seed: a machine with a log and a consumer (which moves records to a table of its own, then its
//! cursor, then releases), in several lives. Each life ends before a random disk operation, or at its end, by loss of
//! power (unsynced bytes and directory entries are gone or torn) or by death of the process (the page cache stays).

use crate::sim_disk::{SECTOR, SimDisk};
use crate::support::{Dice, dir};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use wardline_log::{Disk, DiskFile, Error, Options, Sabotage, Writer};

/// At least so many runs; each has several lives.
const SEEDS: u64 = 1_500;
const LIVES: u64 = 6;

/// What the outside world knows: it survives everything.
#[derive(Debug, Default)]
struct Oracle {
    /// Records that were acknowledged, or that a recovery found and promised to keep.
    firm: BTreeMap<u64, Vec<u8>>,
    /// Every payload that was ever pushed under a number.
    pushed: BTreeMap<u64, Vec<Vec<u8>>>,
    violation: Option<String>,
    /// Hash over everything observed, to compare runs.
    trace: u64,
    torn: u64,
    released: u64,
    rolls: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    Log(Sabotage),
    /// The consumer releases before its own commit is synced.
    Consumer,
}

/// Why a life ended early: the power, or something that must not be.
enum End {
    Power,
    Violation(String),
}

impl From<std::io::Error> for End {
    fn from(_: std::io::Error) -> Self {
        End::Power
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Io { .. } | Error::Failed(_) => End::Power,
            other => End::Violation(other.to_string()),
        }
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), End> {
    if holds {
        Ok(())
    } else {
        Err(End::Violation(what()))
    }
}

/// The consumer's table: frames of `[seq][len][checksum][payload]` in one file, and a cursor file.
struct Consumer {
    rows: Box<dyn DiskFile>,
    len: u64,
    cursor: u64,
}

fn table() -> PathBuf {
    PathBuf::from("/table")
}

impl Consumer {
    /// Opens the table; gives its rows too.
    fn open(disk: &SimDisk) -> Result<(Self, BTreeMap<u64, Vec<u8>>), End> {
        disk.create_dir(&table())?;
        let fresh = disk.list(&table())?.is_empty();
        let path = table().join("rows");
        let file = if fresh {
            disk.create(&path)?
        } else {
            disk.open(&path, true)?
        };
        disk.sync_dir(&table())?;
        let bytes = read_file(file.as_ref())?;
        let mut rows = BTreeMap::new();
        let mut at = 0;
        while let Some(row) = parse_row(&bytes[at..]) {
            at += 16 + row.1.len();
            rows.insert(row.0, row.1);
        }
        file.truncate(at as u64)?;
        file.sync_data()?;
        let cursor = rows.keys().next_back().copied().unwrap_or(0);
        let consumer = Self {
            rows: file,
            len: at as u64,
            cursor,
        };
        Ok((consumer, rows))
    }

    /// Table, then cursor, then release; or, broken, release first.
    fn consume(&mut self, writer: &mut Writer, limit: u64, broken: Broken) -> Result<(), End> {
        let mut commit = Vec::new();
        let mut last = self.cursor;
        for record in writer.read_from(self.cursor + 1).take(limit as usize) {
            let (seq, payload) = record?;
            ensure(seq == last + 1, || format!("read {seq} after {last}"))?;
            last = seq;
            commit.extend(seq.to_le_bytes());
            commit.extend((payload.len() as u32).to_le_bytes());
            commit.extend(checksum(seq, &payload).to_le_bytes());
            commit.extend(&payload);
        }
        self.rows.write_all_at(&commit, self.len)?;
        if broken == Broken::Consumer {
            writer.release(last)?;
        }
        self.rows.sync_data()?;
        self.len += commit.len() as u64;
        self.cursor = last;
        writer.release(last)?;
        Ok(())
    }
}

fn checksum(seq: u64, payload: &[u8]) -> u32 {
    payload.iter().fold(seq as u32 ^ 0x5bd1_e995, |sum, &byte| {
        (sum.rotate_left(5) ^ u32::from(byte)).wrapping_mul(0x9e37_79b1)
    })
}

fn parse_row(bytes: &[u8]) -> Option<(u64, Vec<u8>)> {
    let seq = u64::from_le_bytes(bytes.get(..8)?.try_into().unwrap());
    let len = u32::from_le_bytes(bytes.get(8..12)?.try_into().unwrap());
    let sum = u32::from_le_bytes(bytes.get(12..16)?.try_into().unwrap());
    let payload = bytes.get(16..16 + len as usize)?;
    (seq > 0 && sum == checksum(seq, payload)).then(|| (seq, payload.to_vec()))
}

fn read_file(file: &dyn DiskFile) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.size()? as usize];
    let mut at = 0;
    while at < bytes.len() {
        at += file.read_at(&mut bytes[at..], at as u64)?;
    }
    Ok(bytes)
}

/// One life of the machine's process.
fn life(oracle: &mut Oracle, dice: &mut Dice, disk: SimDisk, broken: Broken) -> Result<(), End> {
    let disk = Arc::new(disk);
    let (mut consumer, rows) = Consumer::open(&disk)?;
    let mut options = Options {
        segment_bytes: 700 + dice.below(6_000),
        ..Options::default()
    };
    if let Broken::Log(sabotage) = broken {
        options.sabotage = Some(sabotage);
    }
    let log: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
    let (mut writer, recovered) = Writer::open(log, Path::new(&dir()), options)?;
    oracle.torn += u64::from(recovered.truncated.is_some());
    check(oracle, &writer, &rows, recovered.first, recovered.last)?;

    for _ in 0..dice.below(40) {
        match dice.below(10) {
            0..=5 => append(oracle, dice, &mut writer)?,
            6 => writer.roll().map_err(Error::from)?,
            _ => {
                let limit = dice.below(40);
                consumer.consume(&mut writer, limit, broken)?;
                oracle.released += 1;
            }
        }
        oracle.rolls += 1;
    }
    Ok(())
}

fn append(oracle: &mut Oracle, dice: &mut Dice, writer: &mut Writer) -> Result<(), End> {
    let mut batch = Vec::new();
    for _ in 0..=dice.below(6) {
        let longest = if dice.one_in(4) { 2_500 } else { 120 };
        let len = dice.below(longest) as usize;
        let payload = dice.bytes(len);
        let seq = writer.push(&payload)?;
        ensure(!oracle.firm.contains_key(&seq), || {
            format!("number {seq} given twice")
        })?;
        oracle.pushed.entry(seq).or_default().push(payload.clone());
        batch.push((seq, payload));
    }
    writer.commit().map_err(Error::from)?;
    oracle.firm.extend(batch);
    Ok(())
}

/// What must hold after every start.
fn check(
    oracle: &mut Oracle,
    writer: &Writer,
    rows: &BTreeMap<u64, Vec<u8>>,
    first: u64,
    last: u64,
) -> Result<(), End> {
    for (index, (seq, payload)) in rows.iter().enumerate() {
        ensure(*seq == index as u64 + 1, || {
            format!("the table lacks a row before {seq}")
        })?;
        ensure(oracle.firm.get(seq) == Some(payload), || {
            format!("row {seq} of the table is not what was acknowledged")
        })?;
    }
    let mut expected = first;
    for record in writer.read_from(first) {
        let (seq, payload) = record?;
        ensure(seq == expected, || format!("{seq} read for {expected}"))?;
        let known = oracle.pushed.get(&seq);
        ensure(
            known.is_some_and(|all| all.iter().any(|one| *one == payload)),
            || format!("record {seq} is none that was ever pushed"),
        )?;
        ensure(
            oracle.firm.get(&seq).is_none_or(|firm| *firm == payload),
            || format!("record {seq} is not the acknowledged one"),
        )?;
        oracle.firm.insert(seq, payload.to_vec());
        expected += 1;
    }
    ensure(expected == last + 1, || {
        format!("{last} recovered, {} read", expected - 1)
    })?;
    for seq in oracle.firm.keys() {
        ensure(
            rows.contains_key(seq) || (first..=last).contains(seq),
            || {
                format!(
                    "acknowledged record {seq} is lost: table to {}, log {first}..={last}",
                    rows.len()
                )
            },
        )?;
    }
    oracle.trace = (oracle.trace ^ first).wrapping_mul(0x100_0000_01b3);
    oracle.trace = (oracle.trace ^ last).wrapping_mul(0x100_0000_01b3);
    Ok(())
}

/// All lives of one seed.
fn run(seed: u64, broken: Broken) -> Oracle {
    let mut dice = Dice(seed);
    let mut builder = turmoil::Builder::new();
    builder.rng_seed(seed).simulation_duration(Duration::MAX);
    builder.fs().block_size(SECTOR);
    if dice.one_in(3) {
        builder.fs().sync_probability(0.2); // some of it gets to the disk early
    }
    let mut sim = builder.build();
    let shared = Arc::new(Mutex::new((Oracle::default(), dice.clone())));
    let inside = Arc::clone(&shared);
    sim.host("ward", move || {
        let shared = Arc::clone(&inside);
        async move {
            let (oracle, dice) = &mut *shared.lock().unwrap();
            let power = if dice.one_in(6) {
                u64::MAX
            } else {
                dice.below(400)
            };
            let disk = SimDisk::with_power_for(power);
            if let Err(End::Violation(what)) = life(oracle, dice, disk, broken) {
                oracle.violation = Some(what);
            }
            Ok(())
        }
    });
    for _ in 0..LIVES {
        sim.step().unwrap();
        if shared.lock().unwrap().0.violation.is_some() {
            break;
        }
        if !dice.one_in(4) {
            sim.crash("ward");
        }
        sim.bounce("ward");
    }
    drop(sim);
    Arc::into_inner(shared).unwrap().into_inner().unwrap().0
}

#[test]
fn acknowledged_records_survive_loss_of_power() {
    let (mut firm, mut torn, mut released) = (0, 0, 0);
    for seed in 0..SEEDS {
        let oracle = run(seed, Broken::Nothing);
        assert_eq!(oracle.violation, None, "seed {seed}");
        firm += oracle.firm.len();
        torn += oracle.torn;
        released += oracle.released;
    }
    println!(
        "{SEEDS} seeds: {firm} records, {torn} torn tails, {released} commits of the consumer"
    );
    assert!(
        firm > 20_000 && torn > 300 && released > 2_000,
        "the runs do too little"
    );
}

#[test]
fn the_same_seed_runs_the_same() {
    for seed in 0..40 {
        let (one, two) = (run(seed, Broken::Nothing), run(seed, Broken::Nothing));
        assert_eq!(one.trace, two.trace, "seed {seed}");
        assert_eq!(one.firm, two.firm, "seed {seed}");
    }
}

/// The simulation would notice each of these.
#[test]
fn every_sabotage_is_caught() {
    for broken in [
        Broken::Log(Sabotage::SkipDataSync),
        Broken::Log(Sabotage::SkipDirSync),
        Broken::Log(Sabotage::ReleaseNewestFirst),
        Broken::Log(Sabotage::SkipCrcCheck),
        Broken::Consumer,
    ] {
        let caught = (0..SEEDS).find_map(|seed| Some((seed, run(seed, broken).violation?)));
        let (seed, what) = caught.unwrap_or_else(|| panic!("{broken:?} went unnoticed"));
        println!("{broken:?}: caught at seed {seed}: {what}");
    }
}
