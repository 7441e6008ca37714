//! What queries may do, what they skip, and what searches give.

use arrow_array::Array;

use super::*;
use crate::{Bound, Search, Sort};

#[tokio::test(flavor = "multi_thread")]
async fn only_queries_are_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for statement in [
        "CREATE TABLE x AS SELECT 1",
        "INSERT INTO observation SELECT * FROM observation",
        "COPY (SELECT 1) TO '/tmp/never.csv'",
        "DELETE FROM observation",
        "DROP TABLE observation",
        "SET datafusion.execution.batch_size = 1",
        "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'",
        "SELECT * FROM '/etc/passwd'",
    ] {
        assert!(store.sql(statement).await.is_err(), "{statement}");
    }
    assert_eq!(number(&store, "SELECT count(*) FROM observation").await, 0);
    assert_eq!(number(&store, "SELECT count(*) FROM latest").await, 0);
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_days_and_patients_are_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for day in 0..4 {
        for device in ["a", "b"] {
            append(&store, &[Row::new(device, T0 + day * DAY, 1.0)]).await;
            store.flush().await.unwrap();
        }
    }
    assert_eq!(store.stats().files, 8);
    for (filter, files) in [
        ("date = DATE '2026-11-23'", 2),
        ("effective >= TIMESTAMP '2026-11-24T00:00:00Z'", 4),
        ("patient_id = 'p-a'", 4),
        ("patient_id = 'p-a' AND date < DATE '2026-11-24'", 2),
    ] {
        let plan = store
            .sql(&format!(
                "EXPLAIN SELECT value FROM observation WHERE {filter}"
            ))
            .await
            .unwrap();
        let text = arrow::util::pretty::pretty_format_batches(&plan)
            .unwrap()
            .to_string();
        assert_eq!(text.matches(".parquet").count(), files, "{filter}\n{text}");
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn latest_is_one_row_per_patient_and_metric() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut all = rows(3, 20);
    let mut other = all[0].clone();
    other.mdc = "MDC_ECG_HEART_RATE".to_owned();
    all.push(other);
    append(&store, &all[..30]).await;
    store.flush().await.unwrap();
    append(&store, &all[30..]).await;
    let found = store
        .sql("SELECT patient_id, metric, value FROM latest ORDER BY patient_id, metric")
        .await
        .unwrap();
    let values: Vec<f64> = found
        .iter()
        .flat_map(|b| b.column(2).as_primitive::<Float64Type>().values().to_vec())
        .collect();
    // The other metric of d0, then the last second of each device.
    assert_eq!(values, [0.0, 57.0, 58.0, 59.0]);
    assert_eq!(
        number(&store, "SELECT sum(n) FROM observation_1h").await,
        all.len() as i64
    );
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_whole_and_follow_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut all = Vec::new();
    for i in 0..25 {
        let panel = format!("PANEL{i:02}");
        for mdc in ["MDC_PRESS_BLD_NONINV_SYS", "MDC_PRESS_BLD_NONINV_DIA"] {
            let mut row = Row::new("d", T0 + i / 2 * SECOND, i as f64);
            row.mdc = mdc.to_owned();
            row.panel = Some(panel.clone());
            // Two panels may share their time: ids must differ.
            row.device = format!("d{}", i % 2);
            row.patient = Some("p".to_owned());
            all.push(row);
        }
    }
    append(&store, &all[..20]).await;
    store.flush().await.unwrap();
    append(&store, &all[20..]).await;
    for sort in [Sort::Newest, Sort::Oldest] {
        let mut search = Search {
            patients: vec!["p".to_owned()],
            // Only one half of each panel is named; both must come.
            codes: vec!["MDC_PRESS_BLD_NONINV_SYS".to_owned()],
            effective: vec![Bound::From(T0), Bound::Before(T0 + DAY)],
            limit: 7,
            sort,
            ..Search::default()
        };
        let mut panels = Vec::new();
        let mut pages = 0;
        loop {
            let page = store.observations(&search).await.unwrap();
            pages += 1;
            let ids = page.rows.column_by_name("panel_id").unwrap();
            let ids = ids.as_string::<i32>();
            for i in (0..ids.len()).step_by(2) {
                assert_eq!(ids.value(i), ids.value(i + 1));
                panels.push(ids.value(i).to_owned());
            }
            match page.next {
                Some(next) => search.after = Some(next),
                None => break,
            }
        }
        assert_eq!((pages, panels.len()), (4, 25));
        let mut sorted = panels.clone();
        sorted.sort();
        if sort == Sort::Newest {
            sorted.reverse();
        }
        assert_eq!(panels, sorted);
    }
    let by_id = Search {
        ids: vec!["PANEL03".to_owned()],
        ..Search::default()
    };
    assert_eq!(store.observations(&by_id).await.unwrap().rows.num_rows(), 2);
    let nobody = Search {
        patients: vec!["x".to_owned()],
        ..Search::default()
    };
    let page = store.observations(&nobody).await.unwrap();
    assert_eq!((page.rows.num_rows(), page.next), (0, None));
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_query_is_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let mut quick = config(dir.path());
    quick.query_timeout = Duration::from_millis(50);
    let store = Store::open(quick).await.unwrap();
    let query = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b \
        WHERE a.value * b.value % 7 = 3";
    let error = store.sql(query).await.unwrap_err();
    assert!(matches!(error, crate::Error::Timeout(_)), "{error}");
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn registered_tables_are_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let calls = std::sync::atomic::AtomicI64::new(0);
    store.register("patient", move || {
        let n = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1;
        let column = arrow_array::Int64Array::from(vec![n]);
        Ok(arrow_array::RecordBatch::try_from_iter([(
            "n",
            std::sync::Arc::new(column) as arrow_array::ArrayRef,
        )])?)
    });
    assert_eq!(number(&store, "SELECT n FROM patient").await, 1);
    assert_eq!(number(&store, "SELECT n FROM patient").await, 2);
    store.close().await.unwrap();
}
