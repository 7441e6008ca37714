//! Appends that wait for room, and what ends the wait.

use futures::FutureExt;

use super::*;
use crate::Error;
use crate::flush::FlushStep;

fn entry(second: i64) -> Entry {
    Entry::Batch {
        received: T0,
        rows: batch(&[Row::new("d1", T0 + second * SECOND, 1.0)]),
        rejects: vec![],
    }
}

/// A store whose tables take nothing, with as many rows in memory as it may have.
async fn stuck(dir: &Path) -> Store {
    let store = Store::open(Config {
        hot_rows_max: 1,
        ..config(dir)
    })
    .await
    .unwrap();
    *store.core().stop_after.lock().unwrap() = Some(FlushStep::Files);
    store.append(entry(0)).await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_room_learns_that_the_log_failed() {
    let dir = tempfile::tempdir().unwrap();
    let store = stuck(dir.path()).await;
    let mut waiting = Box::pin(store.append(entry(1)));
    assert!(
        waiting.as_mut().now_or_never().is_none(),
        "there is no room"
    );
    store.core().fail();
    assert!(matches!(waiting.await, Err(Error::Closed)));
    assert!(matches!(store.append(entry(2)).await, Err(Error::Closed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_room_closes_and_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = stuck(dir.path()).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.append(entry(1)).await }
    });
    store.close().await.unwrap_err();
    assert!(matches!(waiting.await.unwrap(), Err(Error::Closed)));
    let store = open(dir.path()).await;
    assert_eq!(seen(&store).await.len(), 1);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_with_a_full_log_closes_and_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    // The rules never say that they are done, so nothing of the log is released.
    let store = Store::open(config(dir.path())).await.unwrap();
    store.append(entry(0)).await.unwrap();
    let log_bytes_max = store.stats().log_bytes + 1;
    store.close().await.unwrap();
    let full = Config {
        log_bytes_max,
        ..config(dir.path())
    };
    let store = Store::open(full).await.unwrap();
    let waiting = store.enqueue(entry(1)).await.unwrap();
    store.close().await.unwrap();
    assert!(matches!(waiting.durable().await, Err(Error::Closed)));
    let store = open(dir.path()).await;
    assert_eq!(seen(&store).await.len(), 1);
    store.close().await.unwrap();
}
