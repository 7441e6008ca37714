use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tokio::sync::mpsc;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::SampledData;
use wardline_normalize::senml::{Record, RecordValue};

use super::*;
use crate::run::context::Pulse;
use crate::source::{Class, Intake, Kind, Readings, Refused};

const BOUND: u64 = 1 << 20;

fn reading(class: Class, number: i64, bytes: usize) -> Readings {
    let clock = Clock::new().unwrap();
    let mut record = Record::new(
        "MDC_TEMP_BODY",
        RecordValue::Number(Decimal::integer(number)),
        number,
    );
    record.raw = Some(vec![7; bytes]);
    Readings {
        device: "d".to_owned(),
        kind: Kind::Readings,
        class,
        taken: clock.now(),
        records: vec![record],
        by_gateway_clock: false,
    }
}

/// A spool whose writer runs.
struct Running {
    spool: Arc<Spool>,
    intake: Intake,
    found: [Found; 3],
    writer: tokio::task::JoinHandle<Result<(), Error>>,
}

impl Running {
    fn open(dir: &Path) -> Self {
        let clock = Clock::new().unwrap();
        let (spool, found) = Spool::open(dir, BOUND, clock.clone()).unwrap();
        let (intake, puts): (_, mpsc::Receiver<_>) = Intake::new(spool.room());
        let writer = tokio::spawn(write(Arc::clone(&spool), puts, Pulse::new(clock)));
        Self {
            spool,
            intake,
            found,
            writer,
        }
    }

    async fn put(&self, class: Class, number: i64) -> Result<(), Refused> {
        self.intake.put(vec![reading(class, number, 0)]).await
    }

    async fn close(self) {
        drop(self.intake);
        self.writer.await.unwrap().unwrap();
        self.spool.close().unwrap();
    }
}

fn numbers(taken: &[Taken]) -> Vec<i64> {
    let number = |taken: &Taken| taken.entry.readings.records[0].time;
    taken.iter().map(number).collect()
}

fn all(lanes: &mut Lanes, lane: Lane) -> Vec<Taken> {
    lanes.take(lane, usize::MAX).unwrap()
}

#[tokio::test]
async fn what_is_not_acknowledged_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path());
    for number in 0..10 {
        let class = [Class::Confirmed, Class::Stream, Class::Waveform][number as usize % 3];
        running.put(class, number).await.unwrap();
    }
    let mut lanes = Lanes::new(Arc::clone(&running.spool));
    let taken = all(&mut lanes, Lane::Backlog);
    assert_eq!(
        numbers(&taken),
        (0..10).collect::<Vec<_>>(),
        "over all classes"
    );
    for taken in taken
        .iter()
        .filter(|t| ![2, 5, 9].contains(&numbers(std::slice::from_ref(t))[0]))
    {
        running.spool.acknowledge(taken.position);
    }
    assert_eq!(running.spool.waiting(), 3);
    drop(lanes);
    running.close().await;
    let running = Running::open(dir.path());
    assert_eq!(
        running.found,
        [const {
            Found {
                torn: 0,
                damaged: None,
            }
        }; 3]
    );
    assert_eq!(running.spool.waiting(), 3);
    running.put(Class::Stream, 10).await.unwrap();
    let mut lanes = Lanes::new(Arc::clone(&running.spool));
    assert_eq!(numbers(&all(&mut lanes, Lane::Backlog)), [2, 5, 9, 10]);
    running.close().await;
}

#[tokio::test]
async fn new_readings_are_live_and_what_waited_is_backlog() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path());
    running.put(Class::Stream, 0).await.unwrap();
    let mut lanes = Lanes::new(Arc::clone(&running.spool));
    for number in 1..4 {
        running.put(Class::Confirmed, number).await.unwrap();
    }
    assert!(lanes.backlog_left());
    assert_eq!(numbers(&lanes.take(Lane::Live, 1).unwrap()), [1]);
    assert!(lanes.live_since().unwrap().is_some());
    lanes.demote(i64::MAX);
    running.put(Class::Stream, 4).await.unwrap();
    assert_eq!(numbers(&all(&mut lanes, Lane::Live)), [4]);
    assert_eq!(numbers(&all(&mut lanes, Lane::Backlog)), [0, 2, 3]);
    assert!(!lanes.backlog_left());
    // A new connection, of which what was put a moment ago has not heard: nothing was acknowledged.
    lanes.rewind(i64::MIN);
    assert_eq!(numbers(&all(&mut lanes, Lane::Live)), [0, 1, 2, 3, 4]);
    assert!(!lanes.backlog_left());
    lanes.rewind(i64::MAX);
    assert!(all(&mut lanes, Lane::Live).is_empty());
    assert_eq!(numbers(&all(&mut lanes, Lane::Backlog)), [0, 1, 2, 3, 4]);
    running.close().await;
}

#[tokio::test]
async fn when_it_is_full_waveforms_go_first_then_streams_and_confirmed_ones_never() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path());
    let (spool, room) = (Arc::clone(&running.spool), running.spool.room());
    let fill = async |class, from: i64| {
        let mut number = from;
        loop {
            let before: u64 = spool
                .counts()
                .dropped
                .iter()
                .map(|n| n.load(Ordering::Relaxed))
                .sum();
            let put = running
                .intake
                .put(vec![reading(class, number, 4_000)])
                .await;
            let after: u64 = spool
                .counts()
                .dropped
                .iter()
                .map(|n| n.load(Ordering::Relaxed))
                .sum();
            if put.is_err() || after > before {
                return (put, number);
            }
            number += 1;
        }
    };
    let third = BOUND / 3 / 4_200;
    for number in 0..third {
        let number = i64::try_from(number).unwrap();
        for class in [Class::Stream, Class::Waveform] {
            let put = running
                .intake
                .put(vec![reading(class, number, 4_000)])
                .await;
            put.unwrap();
        }
    }
    // Streams push waveforms out, not the other way round.
    fill(Class::Stream, 1_000).await.0.unwrap();
    let dropped = |class: usize| spool.counts().dropped[class].load(Ordering::Relaxed);
    assert!(dropped(0) > 0 && dropped(1) == 0);
    let (last, confirmed) = loop {
        let (put, number) = fill(Class::Confirmed, 2_000).await;
        if put.is_err() {
            break (put, number);
        }
    };
    assert_eq!(last, Err(Refused::Full));
    assert!(dropped(1) > 0, "all streams but the newest segment");
    assert!(confirmed > 2_000);
    assert!(!*room.borrow());
    assert!(spool.bytes() <= BOUND);
    // Streams that come now are not kept, and nobody is stopped.
    let before = dropped(1);
    running
        .intake
        .put(vec![reading(Class::Stream, 9, 4_000)])
        .await
        .unwrap();
    assert!(dropped(1) > before);

    // Every confirmed one is there; once the server has them there is room again.
    let mut lanes = Lanes::new(Arc::clone(&spool));
    let mut kept = 0;
    for taken in all(&mut lanes, Lane::Backlog) {
        kept += u64::from(taken.position.class == index(Class::Confirmed));
        spool.acknowledge(taken.position);
    }
    let log = spool.stores[index(Class::Confirmed)].last();
    assert_eq!(kept, log);
    spool.keep().unwrap();
    assert!(*room.borrow());
    running.put(Class::Confirmed, 1).await.unwrap();
    running.close().await;
}

/// Segments of a class, oldest first.
fn segments(dir: &Path, class: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir.join(class))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "log"))
        .collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_torn_tail_is_cut_and_damage_is_put_aside_with_the_rest_going_on() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path());
    // Four of them fill a segment.
    for number in 0..12 {
        let put = running
            .intake
            .put(vec![reading(Class::Confirmed, number, 4_000)])
            .await;
        put.unwrap();
    }
    running.close().await;
    let files = segments(dir.path(), "confirmed");
    assert!(files.len() > 2, "{files:?}");
    let last = files.last().unwrap();
    let mut bytes = std::fs::read(last).unwrap();
    bytes.extend([1, 2, 3]);
    std::fs::write(last, bytes).unwrap();
    let running = Running::open(dir.path());
    assert_eq!(running.found[2].torn, 3);
    assert_eq!(running.spool.waiting(), 12);
    let mut lanes = Lanes::new(Arc::clone(&running.spool));
    let first = lanes.take(Lane::Backlog, 1).unwrap();
    running.spool.acknowledge(first[0].position);
    drop(lanes);
    running.close().await;

    // A flipped bit in the second record of the second segment.
    let file = &segments(dir.path(), "confirmed")[1];
    let mut bytes = std::fs::read(file).unwrap();
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(file, &bytes).unwrap();
    let running = Running::open(dir.path());
    let (aside, lost) = running.found[2].damaged.clone().unwrap();
    assert!(lost > 0 && aside.starts_with(dir.path().join("aside")));
    let name = file.file_name().unwrap();
    assert_eq!(std::fs::read(aside.join(name)).unwrap(), bytes, "untouched");
    let mut lanes = Lanes::new(Arc::clone(&running.spool));
    let rest = numbers(&all(&mut lanes, Lane::Backlog));
    assert_eq!(rest.len() as u64, 11 - lost, "{rest:?}");
    assert!(!rest.contains(&0) && rest.contains(&1) && rest.contains(&11));
    assert!(rest.is_sorted());
    running.put(Class::Confirmed, 12).await.unwrap();
    drop(lanes);
    running.close().await;
    let running = Running::open(dir.path());
    assert_eq!(running.found[2].damaged, None);
    assert_eq!(running.spool.waiting(), 12 - lost);
    running.close().await;
}

#[derive(Debug, Clone)]
enum Step {
    Put(Class),
    Take(Lane),
    Acknowledge(prop::sample::Index),
    Rewind,
    Demote,
    Keep,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let class = prop::sample::select(&[Class::Confirmed, Class::Stream, Class::Waveform][..]);
    let lane = prop::sample::select(&[Lane::Live, Lane::Backlog][..]);
    prop_oneof![
        6 => class.prop_map(Step::Put),
        4 => lane.prop_map(Step::Take),
        5 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        1 => Just(Step::Rewind),
        1 => Just(Step::Demote),
        1 => Just(Step::Keep),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens below the bound: what was put and not acknowledged is given out, once a connection, in order
    /// within each lane.
    #[test]
    fn nothing_is_lost_or_given_twice(steps in prop::collection::vec(step(), 0..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let mut running = Running::open(dir.path());
            let mut lanes = Lanes::new(Arc::clone(&running.spool));
            let mut put = 0_i64;
            let mut waiting = std::collections::BTreeSet::new();
            let mut given: Vec<Taken> = Vec::new();
            let mut last = [-1_i64; 2];
            for step in steps {
                match step {
                    Step::Put(class) => {
                        running.put(class, put).await.unwrap();
                        waiting.insert(put);
                        put += 1;
                    }
                    Step::Take(lane) => {
                        for taken in lanes.take(lane, 1).unwrap() {
                            let number = numbers(std::slice::from_ref(&taken))[0];
                            prop_assert!(waiting.contains(&number));
                            prop_assert!(!given.contains(&taken), "{number} twice");
                            let last = &mut last[usize::from(lane == Lane::Live)];
                            prop_assert!(*last < number, "{last} before {number}");
                            *last = number;
                            given.push(taken);
                        }
                    }
                    Step::Acknowledge(which) if !given.is_empty() => {
                        let taken = given.remove(which.index(given.len()));
                        running.spool.acknowledge(taken.position);
                        waiting.remove(&numbers(std::slice::from_ref(&taken))[0]);
                    }
                    Step::Acknowledge(_) => {}
                    Step::Demote => lanes.demote(i64::MAX),
                    Step::Keep => running.spool.keep().unwrap(),
                    Step::Rewind => {
                        lanes.rewind(i64::MAX);
                        given.clear();
                        last = [-1; 2];
                    }
                    Step::Reopen => {
                        drop(lanes);
                        running.close().await;
                        running = Running::open(dir.path());
                        lanes = Lanes::new(Arc::clone(&running.spool));
                        given.clear();
                        last = [-1; 2];
                    }
                }
                prop_assert_eq!(running.spool.waiting(), waiting.len() as u64);
            }
            lanes.rewind(i64::MAX);
            let rest = numbers(&all(&mut lanes, Lane::Backlog));
            prop_assert_eq!(rest, waiting.into_iter().collect::<Vec<_>>());
            Ok::<_, TestCaseError>(())
        })?;
    }
}

#[tokio::test]
async fn long_samples_texts_and_flags_count_for_the_bound() {
    let dir = tempfile::tempdir().unwrap();
    let running = Running::open(dir.path());
    let fat = |number: usize| {
        let mut readings = reading(Class::Confirmed, 1, 0);
        let record = &mut readings.records[0];
        match number % 3 {
            0 => record.value = RecordValue::Text("x".repeat(30_000)),
            1 => record.flags = vec!["y".repeat(100); 300],
            _ => {
                record.value = RecordValue::Waveform(SampledData {
                    origin: Decimal::integer(0),
                    period: Decimal::integer(4),
                    factor: Decimal::integer(1),
                    data: "12 ".repeat(10_000),
                });
            }
        }
        readings
    };
    let mut number = 0;
    // A batch at a time is judged: many that come together are as many as fit.
    let outcome = loop {
        let puts = (0..16).map(|more| running.intake.put(vec![fat(number + more)]));
        let outcomes = futures::future::join_all(puts).await;
        assert!(running.spool.bytes() <= BOUND, "{}", running.spool.bytes());
        number += 16;
        if let Some(refused) = outcomes.into_iter().find(Result::is_err) {
            break refused;
        }
    };
    assert_eq!(outcome, Err(Refused::Full));
    assert!(number < 64);
    running.close().await;
}

#[tokio::test]
async fn a_device_held_back_pins_no_segment_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = Running::open(dir.path());
    let mut lanes = Lanes::new(Arc::clone(&running.spool));
    let mut wanted = Vec::new();
    // Of three times the bound, every hundredth is of a device that the server does not want.
    for number in 0..900_i64 {
        let mut put = reading(Class::Confirmed, number, 4_000);
        if number % 100 == 0 {
            put.device = "held".to_owned();
            wanted.push(number);
        }
        running.intake.put(vec![put]).await.unwrap();
        for taken in all(&mut lanes, Lane::Live) {
            if taken.entry.readings.device != "held" {
                running.spool.acknowledge(taken.position);
            }
        }
        if number % 20 == 19 {
            running.spool.set_held(["held".to_owned()].into());
            running.spool.move_held().await.unwrap();
            running.spool.keep().unwrap();
            assert_eq!(running.spool.waiting(), wanted.len() as u64);
        }
    }
    assert!(
        running.spool.bytes() < BOUND / 4,
        "{}",
        running.spool.bytes()
    );
    for reopened in [false, true] {
        if reopened {
            drop(lanes);
            running.close().await;
            running = Running::open(dir.path());
            lanes = Lanes::new(Arc::clone(&running.spool));
        }
        lanes.rewind(i64::MAX);
        let mut rest = numbers(&all(&mut lanes, Lane::Backlog));
        rest.sort_unstable();
        assert_eq!(rest, wanted);
    }
    // Of a device that is wanted nothing is moved.
    running.spool.set_held(["other".to_owned()].into());
    let last = running.spool.stores[2].last();
    running.spool.move_held().await.unwrap();
    assert_eq!(running.spool.stores[2].last(), last);
    drop(lanes);
    running.close().await;
}
