//! Queries while rows move from the log to the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::Rejected;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_query_sees_each_row_once_while_flushing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let done = Arc::new(AtomicBool::new(false));
    let flushing = tokio::spawn({
        let (store, done) = (store.clone(), Arc::clone(&done));
        async move {
            while !done.load(Ordering::SeqCst) {
                store.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    let all = rows(4, 60);
    for (i, some) in all.chunks(8).enumerate() {
        append(&store, some).await;
        let upto = (i + 1) * 8;
        let query = "SELECT count(*) AS n, count(DISTINCT id) AS d FROM observation";
        let found = store.sql(query).await.unwrap();
        let of = |c: usize| found[0].column(c).as_primitive::<Int64Type>().value(0) as usize;
        assert_eq!((of(0), of(1)), (upto, upto));
    }
    done.store(true, Ordering::SeqCst);
    flushing.await.unwrap();
    assert!(store.stats().flushes > 1);
    assert_eq!(seen(&store).await, expected(&all));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_released_only_below_rules_and_tables() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(config(dir.path())).await.unwrap();
    let seq = append(&store, &rows(1, 5)).await;
    store.flush().await.unwrap();
    assert_eq!(
        store.stats().released,
        0,
        "the rules have not said anything"
    );
    store.set_rules_position(seq);
    let later = append(&store, &[Row::new("x", T0, 0.0)]).await;
    store.flush().await.unwrap();
    assert_eq!(store.stats().released, seq);
    store.set_rules_position(later + 10);
    store.append(Entry::Tick { at: T0 }).await.unwrap();
    store.flush().await.unwrap();
    assert_eq!(store.stats().released, later + 1, "ticks need no commit");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_not_committed_hold_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let safe = || store.core().visible().safe_position();
    append(&store, &rows(1, 2)).await;
    assert_eq!(safe(), 0);
    store.flush().await.unwrap();
    let tick = store.append(Entry::Tick { at: T0 }).await.unwrap();
    assert_eq!(safe(), tick);
    append(&store, &[Row::new("x", T0, 0.0)]).await;
    assert_eq!(safe(), tick - 1, "what observation has committed");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_waits_when_too_many_rows_are_uncommitted() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.hot_rows_max = 10;
    small.flush_rows = 1_000;
    let store = Store::open(small).await.unwrap();
    for some in rows(1, 100).chunks(5) {
        append(&store, some).await;
        assert!(store.stats().hot_rows <= 15);
    }
    assert_eq!(seen(&store).await.len(), 100);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_whose_caller_went_away_counts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for (i, row) in rows(1, 50).iter().enumerate() {
        let entry = Entry::Batch {
            received: T0,
            rows: batch(std::slice::from_ref(row)),
            rejects: vec![],
        };
        let mut append = Box::pin(store.append(entry));
        // Polled once: it may or may not have been taken.
        drop(futures::poll!(append.as_mut()));
        drop(append);
        if i % 10 == 0 {
            store.append(Entry::Tick { at: T0 }).await.unwrap();
        }
    }
    let last = store.append(Entry::Tick { at: T0 }).await.unwrap();
    let before = seen(&store).await;
    assert_eq!(store.stats().appended, last);
    store.crash().await;
    let store = open(dir.path()).await;
    assert_eq!(seen(&store).await, before);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rejects_are_in_quarantine_before_and_after_the_commit() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let reject = |id: &str| Rejected {
        id: id.to_owned(),
        received: T0,
        source: "native".to_owned(),
        reason: "undecodable".to_owned(),
        payload: vec![1, 2, 3],
        ..Rejected::default()
    };
    let entry = |rejects| Entry::Batch {
        received: T0,
        rows: batch(&[]),
        rejects,
    };
    store
        .append(entry(vec![reject("a"), reject("b")]))
        .await
        .unwrap();
    let count = "SELECT count(*) FROM quarantine WHERE seq = 1 AND payload = X'010203'";
    assert_eq!(number(&store, count).await, 2);
    store.flush().await.unwrap();
    assert_eq!(number(&store, count).await, 2);
    store.crash().await;
    let store = open(dir.path()).await;
    assert_eq!(number(&store, count).await, 2);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_gives_entries_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for at in 0..20 {
        store.append(Entry::Tick { at }).await.unwrap();
    }
    let read: Vec<_> = store.replay_from(11).map(Result::unwrap).collect();
    let expected: Vec<_> = (11..=20)
        .map(|seq| (seq, Entry::Tick { at: seq as i64 - 1 }))
        .collect();
    assert_eq!(read, expected);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_complete_and_opens() {
    let dir = tempfile::tempdir().unwrap();
    let (data, copy, back) = (
        dir.path().join("data"),
        dir.path().join("copy"),
        dir.path().join("back"),
    );
    let store = open(&data).await;
    let all = rows(3, 20);
    append(&store, &all[..40]).await;
    store.flush().await.unwrap();
    append(&store, &all[40..]).await;
    store.backup(&copy).await.unwrap();
    append(&store, &[Row::new("after", T0, 1.0)]).await;
    assert!(store.backup(&copy).await.is_err(), "the copy is not empty");
    store.close().await.unwrap();
    crate::restore(&copy, &back).unwrap();
    assert_eq!(crate::verify(&back).await.unwrap().findings, []);
    let store = open(&back).await;
    assert_eq!(seen(&store).await, expected(&all));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_a_flipped_byte() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    append(&store, &rows(2, 50)).await;
    store.close().await.unwrap();
    let day = dir.path().join("tables/observation/date=2026-11-22");
    let file = std::fs::read_dir(day)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let report = crate::verify(dir.path()).await.unwrap();
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].what.contains("checksum"), "{report:?}");
}
