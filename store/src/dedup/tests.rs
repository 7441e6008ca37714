use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::testing::{Row, batch};
use crate::{Config, Entry};

const T0: i64 = 1_795_341_600_000_000;

fn config(dir: &Path) -> Config {
    Config {
        flush_every: Duration::from_secs(3_600),
        compact_every: None,
        query_threads: 1,
        ..Config::new(dir)
    }
}

/// Sends rows as the server does; what the verdicts were.
async fn send(store: &Store, dedup: &Dedup, rows: &[Row]) -> Vec<Verdict> {
    let rows = batch(rows);
    let classified = dedup.classify(&rows).await.unwrap();
    let verdicts = classified.verdicts().to_vec();
    let kept = classified.kept(&rows).unwrap();
    let entry = Entry::Batch {
        received: T0,
        rows: kept,
        rejects: vec![],
    };
    store.append(entry).await.unwrap();
    verdicts
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_and_changes_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path())).await.unwrap();
    let dedup = Dedup::new(&store);
    let row = Row::new("d", T0, 80.0);
    let changed = Row::new("d", T0, 82.0);
    assert_eq!(
        send(&store, &dedup, &[row.clone(), row.clone()]).await,
        [Verdict::New, Verdict::Duplicate]
    );
    let correction = Verdict::Correction { version: 2 };
    assert_eq!(
        send(&store, &dedup, std::slice::from_ref(&changed)).await,
        [correction]
    );
    // The stored row says `corrected`; the same statement again is no news.
    assert_eq!(
        send(&store, &dedup, std::slice::from_ref(&changed)).await,
        [Verdict::Duplicate]
    );
    store.flush().await.unwrap();
    assert_eq!(send(&store, &dedup, &[changed]).await, [Verdict::Duplicate]);
    // A late repeat of the first statement does not undo the correction.
    assert_eq!(
        send(&store, &dedup, std::slice::from_ref(&row)).await,
        [Verdict::Duplicate]
    );
    let found = store.find(&[row.id()]).await.unwrap();
    let found = Columns::new(&found).unwrap();
    assert_eq!((found.id.len(), found.version.value(0)), (1, 2));
    assert_eq!(found.status.value(0), "corrected");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_on_its_way_counts_for_the_next_batch() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path())).await.unwrap();
    let dedup = Dedup::new(&store);
    let rows = batch(&[Row::new("d", T0, 80.0)]);
    let first = dedup.classify(&rows).await.unwrap();
    let second = dedup.classify(&rows).await.unwrap();
    assert_eq!(first.verdicts(), [Verdict::New]);
    assert_eq!(second.verdicts(), [Verdict::Duplicate]);
    drop(second);
    assert_eq!(
        dedup.classify(&rows).await.unwrap().verdicts(),
        [Verdict::Duplicate]
    );
    // Given up before it was appended: it is new again.
    drop(first);
    assert_eq!(
        dedup.classify(&rows).await.unwrap().verdicts(),
        [Verdict::New]
    );
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_far_ahead_of_time_does_not_blind_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path())).await.unwrap();
    let now = chrono::Utc::now().timestamp_micros();
    let far = Row::new("far", 4_000_000_000_000_000, 1.0);
    send(
        &store,
        &Dedup::new(&store),
        &[far.clone(), Row::new("d", now, 1.0)],
    )
    .await;
    store.flush().await.unwrap();
    let dedup = Dedup::new(&store);
    assert_eq!(send(&store, &dedup, &[far]).await, [Verdict::Duplicate]);
    let mut guard = dedup.streams.lock().await;
    let streams = guard.as_mut().unwrap();
    let later = batch(&[Row::new("d", now + 1_200_000_000, 2.0)]);
    assert_eq!(streams.see(&Columns::new(&later).unwrap(), 0), Known::New);
}

/// One step of the model: rows to send (stream, time, value), or a flush, or a restart.
#[derive(Clone, Debug)]
enum Step {
    Send(Vec<(u8, u8, bool)>),
    Flush,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let row = (0..3_u8, 0..12_u8, proptest::bool::weighted(0.1));
    let step = prop_oneof![
        8 => proptest::collection::vec(row, 1..6).prop_map(Step::Send),
        1 => Just(Step::Flush),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..25)
}

/// What a perfect memory has of an id; `past` is what corrections replaced since the last start.
#[derive(Debug)]
struct Memory {
    version: i64,
    value: f64,
    past: Vec<f64>,
}

fn model(known: &mut HashMap<String, Memory>, row: &Row) -> Verdict {
    match known.get_mut(&row.id()) {
        None => {
            let memory = Memory {
                version: 1,
                value: row.value,
                past: vec![],
            };
            known.insert(row.id(), memory);
            Verdict::New
        }
        Some(m) if m.value == row.value || m.past.contains(&row.value) => Verdict::Duplicate,
        Some(m) => {
            m.version += 1;
            m.past.push(m.value);
            m.value = row.value;
            Verdict::Correction { version: m.version }
        }
    }
}

async fn run(steps: Vec<Step>, capacity: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(config(dir.path())).await.unwrap();
    let mut dedup = Dedup::with_capacity(&store, capacity);
    let mut known = HashMap::new();
    for step in steps {
        match step {
            Step::Send(rows) => {
                let rows: Vec<Row> = rows
                    .into_iter()
                    .map(|(stream, at, changed)| {
                        let value = f64::from(at) + if changed { 0.5 } else { 0.0 };
                        Row::new(&format!("d{stream}"), T0 + i64::from(at) * 1_000, value)
                    })
                    .collect();
                let expected: Vec<_> = rows.iter().map(|r| model(&mut known, r)).collect();
                assert_eq!(send(&store, &dedup, &rows).await, expected);
            }
            Step::Flush => store.flush().await.unwrap(),
            Step::Restart => {
                drop(dedup);
                store.crash().await;
                store = Store::open(config(dir.path())).await.unwrap();
                dedup = Dedup::with_capacity(&store, capacity);
                known.values_mut().for_each(|m: &mut Memory| m.past.clear());
            }
        }
    }
    let found = store
        .sql("SELECT id, version, value FROM observation")
        .await
        .unwrap();
    let stored: HashMap<String, (i64, f64)> = found
        .iter()
        .flat_map(|b| {
            let id = b.column(0).as_string::<i32>();
            let version = b.column(1).as_primitive::<arrow_array::types::Int64Type>();
            let value = b
                .column(2)
                .as_primitive::<arrow_array::types::Float64Type>();
            (0..b.num_rows())
                .map(move |i| (id.value(i).to_owned(), (version.value(i), value.value(i))))
        })
        .collect();
    assert_eq!(
        found.iter().map(RecordBatch::num_rows).sum::<usize>(),
        known.len()
    );
    let known: HashMap<String, (i64, f64)> = known
        .into_iter()
        .map(|(id, m)| (id, (m.version, m.value)))
        .collect();
    assert_eq!(stored, known);
    drop(dedup);
    store.close().await.unwrap();
}

#[test]
fn verdicts_are_those_of_a_perfect_memory() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    runner
        .run(&(steps(), 1..4_usize), |(steps, capacity)| {
            runtime.block_on(run(steps, capacity));
            Ok(())
        })
        .unwrap();
}
