//! A stop after any step of a flush changes nothing visible, and nothing is there twice.

use super::*;
use crate::flush::FlushStep;

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_after_any_step_of_a_flush_loses_and_repeats_nothing() {
    for step in [
        FlushStep::Files,
        FlushStep::Commit,
        FlushStep::Swap,
        FlushStep::Cursor,
        FlushStep::Release,
    ] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let mut all = rows(3, 10);
        append(&store, &all).await;
        store.flush().await.unwrap();
        // A second round with a correction of a committed row.
        let mut more: Vec<Row> = (0..5)
            .map(|i| Row::new("late", T0 + i * SECOND, i as f64))
            .collect();
        let mut corrected = all[4].clone();
        corrected.version = 2;
        corrected.value = 99.0;
        more.push(corrected);
        append(&store, &more).await;
        all.extend(more);
        *store.core().stop_after.lock().unwrap() = Some(step);
        store.flush().await.unwrap_err();
        assert_eq!(seen(&store).await, expected(&all), "before, {step:?}");
        store.crash().await;

        let store = open(dir.path()).await;
        assert_eq!(seen(&store).await, expected(&all), "after, {step:?}");
        store.flush().await.unwrap();
        assert_eq!(seen(&store).await, expected(&all), "flushed, {step:?}");
        store.close().await.unwrap();
        let report = crate::verify(dir.path()).await.unwrap();
        assert_eq!(report.findings, [], "{step:?}");
        assert_eq!(report.rows as usize, expected(&all).len(), "{step:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flush_that_stopped_goes_on_in_the_same_process() {
    for step in [FlushStep::Files, FlushStep::Commit, FlushStep::Swap] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path()).await;
        let mut all = rows(2, 6);
        append(&store, &all).await;
        *store.core().stop_after.lock().unwrap() = Some(step);
        store.flush().await.unwrap_err();
        *store.core().stop_after.lock().unwrap() = None;
        let more = [Row::new("z", T0, 1.0)];
        append(&store, &more).await;
        all.extend(more);
        assert_eq!(seen(&store).await, expected(&all), "{step:?}");
        store.flush().await.unwrap();
        assert_eq!(seen(&store).await, expected(&all), "{step:?}");
        assert_eq!(store.stats().hot_rows, 0);
        store.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_only_in_the_log_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let all = rows(2, 40);
    for some in all.chunks(7) {
        append(&store, some).await;
    }
    store.crash().await;
    let mut small = config(dir.path());
    // Replay commits on the way rather than hold everything.
    small.flush_rows = 20;
    let store = Store::open(small).await.unwrap();
    assert!(store.stats().hot_rows < 30);
    assert_eq!(seen(&store).await, expected(&all));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_or_log_from_an_older_copy_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    append(&store, &rows(1, 3)).await;
    store.flush().await.unwrap();
    store.close().await.unwrap();
    let aside = dir.path().join("aside");
    std::fs::rename(dir.path().join("log"), &aside).unwrap();
    let error = Store::open(config(dir.path())).await.unwrap_err();
    assert!(matches!(error, crate::Error::LogBehind { .. }), "{error}");
    std::fs::remove_dir_all(dir.path().join("log")).unwrap();
    std::fs::rename(&aside, dir.path().join("log")).unwrap();
    std::fs::remove_dir_all(dir.path().join("tables/observation")).unwrap();
    let error = Store::open(config(dir.path())).await.unwrap_err();
    assert!(matches!(error, crate::Error::Behind { .. }), "{error}");
}
