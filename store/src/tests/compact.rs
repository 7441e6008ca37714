//! Merging keeps rows, order and protocol.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn many_small_files_become_few_sorted_ones() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.compact_files = 4;
    let store = Store::open(small).await.unwrap();
    let all = rows(5, 60);
    for some in all.chunks(30) {
        append(&store, some).await;
        store.flush().await.unwrap();
    }
    assert_eq!(store.stats().files, 20);
    let before = seen(&store).await;
    store.compact().await.unwrap();
    // Both days have more files than the bound.
    assert_eq!(store.stats().files, 2);
    assert_eq!(seen(&store).await, before);
    let tables = store.core().tables.lock().await;
    assert_eq!(tables.observation.protocol(), (1, 2));
    for file in tables.observation.state().files.iter() {
        assert_eq!(file.rows(), Some(150));
    }
    drop(tables);
    // The order within the file is the table's.
    let found = store
        .sql("SELECT patient_id, effective FROM observation WHERE date = DATE '2026-11-22'")
        .await
        .unwrap();
    let keys: Vec<(String, i64)> = found
        .iter()
        .flat_map(|b| {
            let patient = b.column(0).as_string::<i32>();
            let at = b
                .column(1)
                .as_primitive::<arrow_array::types::TimestampMicrosecondType>();
            (0..b.num_rows())
                .map(|i| (patient.value(i).to_owned(), at.value(i)))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(keys.is_sorted());
    store.close().await.unwrap();
    // The merged files are what an opener finds, and corrections still find their rows.
    let store = open(dir.path()).await;
    assert_eq!(seen(&store).await, before);
    let corrected = Row {
        version: 2,
        value: -1.0,
        ..all[7].clone()
    };
    append(&store, &[corrected]).await;
    store.flush().await.unwrap();
    assert_eq!(seen(&store).await.len(), before.len());
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_results_are_split() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = config(dir.path());
    small.compact_files = 2;
    small.target_file_bytes = 40_000;
    let store = Store::open(small).await.unwrap();
    let all: Vec<Row> = (0..20_000)
        .map(|i| Row::new("d", T0 + i * 1_000, (i * 7_919 % 10_007) as f64))
        .collect();
    for some in all.chunks(500) {
        append(&store, some).await;
    }
    for _ in 0..2 {
        store.flush().await.unwrap();
        append(
            &store,
            &[Row::new("e", T0 + store.stats().appended as i64, 0.0)],
        )
        .await;
    }
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    assert_eq!(seen(&store).await.len(), 20_002);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_and_a_long_log_open_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let all = rows(1, 25);
    for row in &all {
        append(&store, std::slice::from_ref(row)).await;
        store.flush().await.unwrap();
    }
    let committed = store.stats().committed;
    store.close().await.unwrap();
    let log = dir.path().join("tables/observation/_delta_log");
    assert!(log.join("_last_checkpoint").try_exists().unwrap());
    let store = open(dir.path()).await;
    assert_eq!(store.stats().committed, committed);
    assert_eq!(seen(&store).await, expected(&all));
    let tables = store.core().tables.lock().await;
    // Statistics survive the checkpoint, so files are still skipped.
    assert!(
        tables
            .observation
            .state()
            .files
            .iter()
            .all(|f| f.rows().is_some())
    );
    drop(tables);
    store.close().await.unwrap();
}
