//! A newer version takes the place of a row, wherever that row is.

use super::*;

fn version(row: &Row, version: i64, value: f64) -> Row {
    Row {
        version,
        value,
        ..row.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hot_and_committed_rows_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut all = rows(2, 10);
    append(&store, &all).await;
    // Hot on hot.
    let first = version(&all[0], 2, 100.0);
    append(&store, std::slice::from_ref(&first)).await;
    all.push(first);
    assert_eq!(seen(&store).await, expected(&all));
    store.flush().await.unwrap();
    assert_eq!(seen(&store).await, expected(&all));
    // Hot on committed, of two days, and a third version of the first.
    let more = [
        version(&all[0], 3, 101.0),
        version(&all[5], 2, 102.0),
        version(&all[2], 2, 103.0),
    ];
    append(&store, &more).await;
    all.extend(more);
    assert_eq!(seen(&store).await, expected(&all));
    let filtered = "SELECT count(*) FROM observation WHERE value >= 100";
    assert_eq!(number(&store, filtered).await, 3);
    // Without the id among the columns.
    assert_eq!(
        number(&store, "SELECT count(value) FROM observation").await,
        20
    );
    let before = store.stats().files;
    store.flush().await.unwrap();
    assert_eq!(seen(&store).await, expected(&all));
    // Two days, each with the file without the old rows and one with the new ones.
    assert!(store.stats().files <= before + 2);
    let found = store
        .find(&[all[0].id(), "nothing".to_owned()])
        .await
        .unwrap();
    assert_eq!(found.num_rows(), 1);
    store.close().await.unwrap();
    let store = open(dir.path()).await;
    assert_eq!(seen(&store).await, expected(&all));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_while_its_row_is_being_committed_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut all = rows(1, 20);
    append(&store, &all).await;
    for round in 0..6_i64 {
        let correction = version(&all[3], 2 + round, 500.0 + round as f64);
        let (flushed, _) = tokio::join!(
            store.flush(),
            append(&store, std::slice::from_ref(&correction))
        );
        flushed.unwrap();
        all.push(correction);
        assert_eq!(seen(&store).await, expected(&all), "{round}");
    }
    store.flush().await.unwrap();
    assert_eq!(seen(&store).await, expected(&all));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn late_attribution_moves_rows_to_their_patient() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut all = rows(2, 10);
    for row in &mut all {
        row.patient = None;
    }
    append(&store, &all).await;
    store.flush().await.unwrap();
    let found = store
        .rows_of_device("d1", T0, Some(T0 + 5 * SECOND))
        .await
        .unwrap();
    assert_eq!(found.num_rows(), 3);
    let attributed: Vec<Row> = all
        .iter()
        .filter(|r| r.device == "d1")
        .map(|r| Row {
            patient: Some("p".to_owned()),
            version: 2,
            ..r.clone()
        })
        .collect();
    append(&store, &attributed).await;
    let count = "SELECT count(*) FROM observation WHERE patient_id = 'p'";
    assert_eq!(number(&store, count).await, 10);
    store.flush().await.unwrap();
    assert_eq!(number(&store, count).await, 10);
    assert_eq!(number(&store, "SELECT count(*) FROM observation").await, 20);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stretches_of_a_device_hold_every_row_once_and_none_holds_many() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let minutes = |device: &str, from: i64, count: i64| -> Vec<Row> {
        (0..count)
            .map(|n| Row::new(device, from + n * 60 * SECOND, 1.0))
            .collect()
    };
    // Six hours over midnight, an hour of the next week, and a neighbour.
    let evening = T0 + 11 * 3_600 * SECOND;
    append(&store, &minutes("d1", evening, 360)).await;
    store.flush().await.unwrap();
    append(&store, &minutes("d1", evening + 7 * DAY, 60)).await;
    append(&store, &minutes("d2", evening, 360)).await;
    let (from, until) = (evening + 5 * 60 * SECOND, evening + 8 * DAY);
    let stretches = store
        .stretches_of_device("d1", from, Some(until), 100)
        .await
        .unwrap();
    let mut total = 0;
    let mut end = from;
    for (first, last) in stretches {
        assert!(
            end <= first && first < last && last <= until,
            "{first} {last}"
        );
        assert_eq!(first.div_euclid(DAY), (last - 1).div_euclid(DAY), "one day");
        end = last;
        let rows = store.rows_of_device("d1", first, Some(last)).await.unwrap();
        assert!((1..=100).contains(&rows.num_rows()), "{}", rows.num_rows());
        total += rows.num_rows();
    }
    assert_eq!(total, 355 + 60);
    let none = store.stretches_of_device("d3", from, None, 100).await;
    assert!(none.unwrap().is_empty());
    store.close().await.unwrap();
}
