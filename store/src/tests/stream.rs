//! Queries handed out batch by batch.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow_array::{Int64Array, RecordBatch};
use futures::StreamExt;

use super::*;
use crate::Error;

/// A table `many` of a thousand numbers; says on which threads it was made.
fn many(store: &Store) -> Arc<Mutex<Vec<String>>> {
    let threads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&threads);
    store.register("many", move || {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        seen.lock().unwrap().push(thread);
        let numbers: arrow_array::ArrayRef = Arc::new(Int64Array::from_iter_values(0..1_000));
        Ok(RecordBatch::try_from_iter([("n", numbers)])?)
    });
    threads
}

/// More rows than anybody will see computed.
const ENDLESS: &str = "SELECT a.n FROM many a, many b, many c, many d, many e";

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_planned_and_computed_on_the_query_threads() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let threads = many(&store);
    let mut rows = store
        .sql_stream("SELECT n FROM many WHERE n < 3")
        .await
        .unwrap();
    assert_eq!(rows.schema().field(0).name(), "n");
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += batch.unwrap().num_rows();
    }
    assert_eq!(count, 3);
    let threads = std::mem::take(&mut *threads.lock().unwrap());
    assert!(
        !threads.is_empty() && threads.iter().all(|name| name == "wardline-query"),
        "{threads:?}"
    );
    let wrong = store.sql_stream("SELECT nothing FROM many").await;
    assert!(matches!(wrong, Err(Error::Query(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_limit_however_slow_its_reader() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    many(&store);
    let limit = Duration::from_millis(50);
    let mut rows = store.sql_stream_within(ENDLESS, limit).await.unwrap();
    let mut last = None;
    while let Some(batch) = rows.next().await {
        last = Some(batch);
    }
    assert!(matches!(last, Some(Err(Error::Timeout(after))) if after == limit));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_nobody_reads_any_more_stops() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    many(&store);
    let mut rows = store.sql_stream(ENDLESS).await.unwrap();
    assert_eq!(rows.next().await.unwrap().unwrap().num_columns(), 1);
    assert!(store.queries_under_way() > 0);
    drop(rows);
    while store.queries_under_way() > 0 {
        tokio::task::yield_now().await;
    }
}
