//! The table `waveform`: before and after a flush, moved to another patient, after a crash.

use super::*;
use crate::Waveform;

fn piece(number: i64) -> Waveform {
    Waveform {
        id: format!("w{number:02}"),
        version: 1,
        patient: Some("p1".to_owned()),
        device: "m1".to_owned(),
        mdc: Some("MDC_ECG_ELEC_POTL_II".to_owned()),
        code: "local:mdc/131330".to_owned(),
        start: T0 + number * SECOND,
        period_us: 4_000,
        factor: 0.005,
        unit: Some("mV".to_owned()),
        samples: (0..250).map(|i| i - number as i32).collect(),
        time_source: "device".to_owned(),
        received: T0 + number * SECOND,
        ..Waveform::default()
    }
}

async fn append(store: &Store, rows: Vec<Waveform>) -> u64 {
    let entry = Entry::Waveforms { received: T0, rows };
    store.append(entry).await.unwrap()
}

async fn stored(store: &Store) -> Vec<Waveform> {
    let mut all = store
        .waveforms_of_device("m1", i64::MIN, None)
        .await
        .unwrap();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_are_the_same_before_and_after_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let all: Vec<Waveform> = (0..4).map(piece).collect();
    append(&store, all[..2].to_vec()).await;
    append(&store, all[1..].to_vec()).await;
    assert_eq!(stored(&store).await, all, "a repeat of an id is left out");
    store.flush().await.unwrap();
    assert_eq!(stored(&store).await, all);
    let ids = ["w00", "w03", "x"].map(str::to_owned).to_vec();
    let known = store.known_waveforms(ids).await.unwrap();
    assert_eq!(known.len(), 2);

    let moved: Vec<Waveform> = all[1..3]
        .iter()
        .map(|piece| Waveform {
            version: 2,
            patient: Some("p2".to_owned()),
            ..piece.clone()
        })
        .collect();
    append(&store, moved.clone()).await;
    let expected = [&all[..1], &moved, &all[3..]].concat();
    assert_eq!(stored(&store).await, expected);
    store.crash().await;

    let store = open(dir.path()).await;
    assert_eq!(stored(&store).await, expected);
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    assert_eq!(stored(&store).await, expected);
    let sql = "SELECT sum(array_length(samples)) AS n, min(samples[1]) AS low FROM waveform";
    let found = store.sql(sql).await.unwrap();
    assert_eq!(
        found[0]
            .column(0)
            .as_primitive::<arrow_array::types::UInt64Type>()
            .value(0),
        1_000
    );
    let stretches = store
        .waveform_stretches_of_device("m1", i64::MIN, None, 10)
        .await
        .unwrap();
    assert_eq!(stretches.len(), 1);
    store.close().await.unwrap();
    let report = crate::verify(dir.path()).await.unwrap();
    assert_eq!(report.findings, []);
    assert!(report.rows >= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_keeps_pieces_until_their_table_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let seq = append(&store, vec![piece(1)]).await;
    let later = super::append(&store, &[Row::new("d", T0, 1.0)]).await;
    store.flush().await.unwrap();
    assert_eq!(store.stats().released, later);
    assert!(later > seq);
    store.close().await.unwrap();
}
