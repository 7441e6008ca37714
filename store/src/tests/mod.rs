//! The store as a whole, on a real directory.

mod alerts;
mod compact;
mod corrections;
mod crash;
mod flush;
mod query;
mod room;
mod stream;
mod waveform;

use std::path::Path;
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};

use crate::testing::{Row, batch};
use crate::{Config, Entry, Store};

/// 2026-11-22T10:00:00Z.
const T0: i64 = 1_795_341_600_000_000;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// Nothing happens but what the test asks for.
fn config(dir: &Path) -> Config {
    Config {
        flush_every: Duration::from_secs(3_600),
        compact_every: None,
        query_threads: 1,
        ..Config::new(dir)
    }
}

async fn open(dir: &Path) -> Store {
    let store = Store::open(config(dir)).await.unwrap();
    store.set_rules_position(u64::MAX);
    store
}

async fn append(store: &Store, rows: &[Row]) -> u64 {
    let entry = Entry::Batch {
        received: T0,
        rows: batch(rows),
        rejects: vec![],
    };
    store.append(entry).await.unwrap()
}

/// (id, version, value) of every row that a query sees, in order of id.
async fn seen(store: &Store) -> Vec<(String, i64, f64)> {
    let found = store
        .sql("SELECT id, version, value FROM observation ORDER BY id, version")
        .await
        .unwrap();
    found
        .iter()
        .flat_map(|b| {
            let id = b.column(0).as_string::<i32>();
            let version = b.column(1).as_primitive::<Int64Type>();
            let value = b.column(2).as_primitive::<Float64Type>();
            (0..b.num_rows())
                .map(|i| (id.value(i).to_owned(), version.value(i), value.value(i)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// The same from the rows that were appended: the highest version of each id.
fn expected(rows: &[Row]) -> Vec<(String, i64, f64)> {
    let mut by_id = std::collections::BTreeMap::new();
    for row in rows {
        let slot = by_id.entry(row.id()).or_insert((row.version, row.value));
        if slot.0 <= row.version {
            *slot = (row.version, row.value);
        }
    }
    by_id.into_iter().map(|(id, (v, x))| (id, v, x)).collect()
}

async fn number(store: &Store, query: &str) -> i64 {
    let found = store.sql(query).await.unwrap();
    found[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Rows of some devices, one a second, over two days.
fn rows(devices: usize, seconds: usize) -> Vec<Row> {
    (0..devices * seconds)
        .map(|i| {
            let (device, second) = (i % devices, (i / devices) as i64);
            let day = if second % 2 == 0 { 0 } else { DAY };
            Row::new(&format!("d{device}"), T0 + second * SECOND + day, i as f64)
        })
        .collect()
}
