use super::*;
use crate::columns::{Columns, schema, text};
use arrow_array::Array;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: Micros = 1_795_352_400_000_000;

fn message(payload: &[u8]) -> Message<'_> {
    Message {
        format: Format::Senml,
        site: Some("ward-3"),
        gateway: Some("gw-1"),
        device: Some("dev-1"),
        fallback_device: None,
        content_type: None,
        payload,
        received: NOW,
        source: "native",
        keep_raw: false,
    }
}

fn rejects(normalized: &Normalized) -> Vec<(u32, Option<u32>, &'static str)> {
    normalized
        .rejects
        .iter()
        .map(|r| (r.message, r.record, r.reason.as_str()))
        .collect()
}

#[test]
fn a_batch_cannot_fail() {
    let good = br#"[{"n":"MDC_TEMP","v":36.50,"t":1795352400,"pt":"MRN 1"},{"n":"MDC_NOPE","v":1},{"n":"MDC_ECG_HEART_RATE","v":61,"u":"bpm","t":1795352400}]"#;
    let normalized = normalize(
        &[message(b"{"), message(good), message(b""), message(good)],
        &Guard::default(),
    );
    assert_eq!(normalized.rows.schema(), schema());
    assert_eq!(normalized.origin, [1, 1, 3, 3]);
    assert_eq!(normalized.record, [0, 2, 0, 2]);
    assert_eq!(
        rejects(&normalized),
        [
            (0, None, "undecodable"),
            (1, Some(1), "unknown-metric"),
            (2, None, "undecodable"),
            (3, Some(1), "unknown-metric")
        ]
    );
    assert_eq!(
        normalized
            .claims
            .iter()
            .map(|(row, _)| *row)
            .collect::<Vec<_>>(),
        [0, 2]
    );
    let rows = Columns::new(&normalized.rows).unwrap();
    assert_eq!(rows.metric(0), "MDC_TEMP");
    assert_eq!((rows.value.value(0), rows.decimals.value(0)), (36.5, 2));
    assert_eq!(text(rows.unit, 1), Some("/min"));
    assert_eq!(text(rows.gateway_id, 1), Some("gw-1"));
    assert_eq!(text(rows.source, 1), Some("native"));
    assert!(rows.patient_id.is_null(0) && rows.raw.is_null(0) && rows.quality.is_null(0));
    assert_eq!(rows.id.value(0), rows.id.value(2));
}

#[test]
fn the_time_guard_has_both_ends() {
    let guard = Guard::default();
    for (time, taken) in [
        (NOW + 5 * 60 * time::SECOND, true),
        (NOW + 5 * 60 * time::SECOND + 1, false),
        (946_684_800_000_000, true),
        (946_684_799_999_999, false),
        (4_070_908_800_000_000, false),
    ] {
        let pack = format!(
            r#"[{{"n":"MDC_TEMP","v":37,"t":{}.{:06}}}]"#,
            time / 1_000_000,
            time % 1_000_000
        );
        let normalized = normalize(&[message(pack.as_bytes())], &guard);
        assert_eq!(normalized.rows.num_rows(), usize::from(taken), "{time}");
        assert!(
            normalized
                .rejects
                .iter()
                .all(|r| r.reason == Reason::TimeGuard)
        );
    }
    // The device's own clock may be wrong: what counts is the corrected time.
    let pack = br#"[{"n":"MDC_TEMP","v":37,"t":1795352400,"dt":12}]"#;
    assert_eq!(normalize(&[message(pack)], &guard).rows.num_rows(), 1);
}

#[test]
fn implausible_values_are_kept_and_marked() {
    let quality = |record: &str| {
        let pack = format!("[{{{record}}}]");
        let normalized = normalize(&[message(pack.as_bytes())], &Guard::default());
        let rows = Columns::new(&normalized.rows).unwrap();
        (
            rows.value.value(0),
            text(rows.quality, 0).map(str::to_owned),
        )
    };
    let mark = |text: &str| Some(text.to_owned());
    assert_eq!(
        quality(r#""n":"MDC_ECG_HEART_RATE","v":900"#),
        (900.0, mark("implausible"))
    );
    assert_eq!(
        quality(r#""n":"MDC_ECG_HEART_RATE","v":350"#),
        (350.0, None)
    );
    assert_eq!(
        quality(r#""n":"MDC_TEMP","v":98.6,"u":"degF""#),
        (98.6, None)
    );
    assert_eq!(
        quality(r#""n":"MDC_TEMP","v":98.6,"u":"Cel""#),
        (98.6, mark("implausible"))
    );
    assert_eq!(
        quality(r#""n":"MDC_TEMP","v":98.6,"u":"smoots""#),
        (98.6, None)
    );
    assert_eq!(
        quality(r#""n":"MDC_CONC_GLU_ISF","v":5.6,"u":"mmol/L""#),
        (5.6, None)
    );
    assert_eq!(
        quality(r#""n":"MDC_CONC_GLU_ISF","v":560,"u":"mmol/L""#),
        (560.0, mark("implausible"))
    );
    assert_eq!(
        quality(r#""n":"MDC_TEMP","v":98.6,"q":"questionable""#),
        (98.6, mark("implausible"))
    );
    assert_eq!(
        quality(r#""n":"MDC_TEMP","v":98.6,"q":"demo""#),
        (98.6, mark("demo"))
    );
    assert_eq!(
        quality(r#""n":"local.oxygen-flow","v":900"#),
        (900.0, mark("implausible"))
    );
}

#[test]
fn a_unit_of_another_dimension_contradicts_the_metric_and_an_unknown_one_is_kept() {
    let pack = |unit: &str| {
        format!(r#"[{{"n":"MDC_ECG_HEART_RATE","u":"{unit}","v":72,"t":1795352000}}]"#)
    };
    let reasons = |unit: &str| {
        let payload = pack(unit);
        let normalized = normalize(&[message(payload.as_bytes())], &Guard::default());
        normalized
            .rejects
            .iter()
            .map(|reject| reject.reason)
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons("mm[Hg]"), [Reason::BadUnit]);
    assert_eq!(reasons("bpm"), []);
    assert_eq!(reasons("blips"), []);
}

fn record(index: usize) -> String {
    let metrics = [
        "MDC_PRESS_CUFF_SYS",
        "MDC_PRESS_CUFF_DIA",
        "MDC_ECG_HEART_RATE",
        "local.mood",
    ];
    format!(
        r#"{{"n":"{}","u":"{}","v":{},"t":{}}}"#,
        metrics[index % 4],
        ["mmHg", "mmHg", "/min", "mmHg"][index % 4],
        60 + index,
        1_795_352_000 + (index / 4) as i64
    )
}

fn ids(packs: &[Vec<usize>]) -> BTreeSet<(String, Option<String>)> {
    let payloads: Vec<String> = packs
        .iter()
        .map(|pack| {
            format!(
                "[{}]",
                pack.iter()
                    .map(|&i| record(i))
                    .collect::<Vec<_>>()
                    .join(",")
            )
        })
        .collect();
    let messages: Vec<_> = payloads
        .iter()
        .map(|payload| message(payload.as_bytes()))
        .collect();
    let normalized = normalize(&messages, &Guard::default());
    assert_eq!(normalized.rejects, []);
    let rows = Columns::new(&normalized.rows).unwrap();
    (0..rows.len())
        .map(|row| {
            (
                rows.id.value(row).to_owned(),
                text(rows.panel_id, row).map(str::to_owned),
            )
        })
        .collect()
}

proptest! {
    #[test]
    fn ids_do_not_depend_on_order_or_batching(order in Just((0..24).collect::<Vec<usize>>()).prop_shuffle(), size in 1_usize..24) {
        let whole = ids(&[(0..24).collect()]);
        prop_assert_eq!(whole.len(), 24);
        // 6 times, each with one panel of two components.
        prop_assert_eq!(whole.iter().filter_map(|(_, panel)| panel.as_ref()).collect::<BTreeSet<_>>().len(), 6);
        let split: Vec<Vec<usize>> = order.chunks(size).map(<[usize]>::to_vec).collect();
        prop_assert_eq!(ids(&split), whole);
    }

    #[test]
    fn any_bytes_are_survived(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..5), received in any::<i64>()) {
        let messages: Vec<_> = payloads.iter().map(|payload| Message { received, ..message(payload) }).collect();
        let normalized = normalize(&messages, &Guard::default());
        prop_assert_eq!(normalized.rows.num_rows(), normalized.origin.len());
    }

    #[test]
    fn any_record_is_survived(v in any::<f64>(), t in any::<f64>(), bt in any::<i64>(), received in any::<i64>(), dt in any::<i64>()) {
        let pack = format!(r#"[{{"n":"MDC_TEMP","v":{v:?},"t":{t:?},"bt":{bt},"dt":{dt}}}]"#);
        let normalized = normalize(&[Message { received, ..message(pack.as_bytes()) }], &Guard::default());
        prop_assert_eq!(normalized.rows.num_rows() + normalized.rejects.len(), 1);
    }
}

#[cfg(feature = "fhir")]
#[test]
fn fhir_observations_are_judged_like_any_readings() {
    let observation = |time: &str, value: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Observation","status":"final","effectiveDateTime":"{time}",
            "code":{{"coding":[{{"system":"urn:iso:std:iso:11073:10101","code":"147842"}}]}},
            "subject":{{"identifier":{{"system":"urn:mrn","value":"8"}}}},
            "valueQuantity":{{"value":{value},"unit":"bpm"}}}}}}"#
        )
    };
    let bundle = format!(
        r#"{{"resourceType":"Bundle","type":"batch","entry":[{},{},{},{},{{"resource":{{"resourceType":"Observation"}}}}]}}"#,
        observation("2026-11-22T13:00:00Z", "72.0"),
        observation("2026-11-22T13:06:00Z", "72"),
        observation("1999-12-31T23:59:59Z", "72"),
        observation("2026-11-22T12:00:00Z", "900"),
    );
    let of_topic = Message {
        format: Format::Fhir,
        ..message(bundle.as_bytes())
    };
    let of_nobody = Message {
        device: None,
        fallback_device: Some("fhir"),
        ..of_topic
    };
    let normalized = normalize(&[of_topic, of_nobody], &Guard::default());
    assert_eq!(normalized.origin, [0, 0, 1, 1]);
    assert_eq!(normalized.record, [0, 3, 0, 3]);
    let expected = |message| {
        [
            (message, Some(1), "time-guard"),
            (message, Some(2), "time-guard"),
            (message, Some(4), "bad-value"),
        ]
    };
    assert_eq!(rejects(&normalized), [expected(0), expected(1)].concat());
    let rows = Columns::new(&normalized.rows).unwrap();
    let of = |row: usize| {
        (
            rows.device_id.value(row),
            rows.value.value(row),
            rows.decimals.value(row),
            text(rows.quality, row),
            text(rows.gateway_id, row),
            text(rows.site, row),
        )
    };
    let (gateway, site) = (Some("gw-1"), Some("ward-3"));
    assert_eq!(of(0), ("dev-1", 72.0, 1, None, gateway, site));
    assert_eq!(
        of(3),
        ("fhir", 900.0, 0, Some("implausible"), gateway, site)
    );
    assert!(
        normalized
            .claims
            .iter()
            .all(|(_, claims)| claims.patient.as_deref() == Some("urn:mrn|8"))
    );
    assert_eq!(normalized.claims.len(), 4);
}
