use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, Float64Array, StringArray, new_null_array};
use proptest::prelude::*;
use wardline_normalize::columns;

use super::*;

fn rows(values: &[Option<f64>], device: &[&str]) -> RecordBatch {
    let n = values.len();
    let arrays = columns::schema()
        .fields()
        .iter()
        .map(|f| -> ArrayRef {
            match f.name().as_str() {
                "value" => Arc::new(Float64Array::from(values.to_vec())),
                "device_id" => Arc::new(StringArray::from(device.to_vec())),
                "raw" => Arc::new(BinaryArray::from_iter(
                    (0..n).map(|i| (i % 2 == 0).then_some([i as u8, 0xff])),
                )),
                _ if f.is_nullable() => new_null_array(f.data_type(), n),
                _ => crate::testing::filler(f.data_type(), n),
            }
        })
        .collect();
    RecordBatch::try_new(columns::schema(), arrays).unwrap()
}

fn entries() -> Vec<Entry> {
    let reject = Rejected {
        id: "q1".into(),
        received: -5,
        source: "native".into(),
        topic: "wardline/v1/a/b/c/readings".into(),
        device_id: None,
        reason: "undecodable".into(),
        detail: "expected ]".into(),
        record: Some(0),
        content_type: Some(String::new()),
        properties: Some(r#"[["a","b"]]"#.into()),
        payload: vec![0, 1, 255],
    };
    vec![
        Entry::Batch {
            received: 7,
            rows: rows(&[Some(1.5), None, Some(f64::MIN)], &["a", "b", "a"]),
            rejects: vec![
                reject.clone(),
                Rejected {
                    record: None,
                    ..reject
                },
            ],
        },
        Entry::Batch {
            received: 7,
            rows: rows(&[], &[]),
            rejects: vec![],
        },
        Entry::Tick { at: 9 },
        Entry::RuleSet {
            at: 1,
            text: "[[rule]]\n".into(),
        },
        Entry::Action(ActionEntry {
            alert_id: "x".into(),
            kind: ActionKind::Silence { until: 4 },
            by: "nurse".into(),
            at: 3,
            note: None,
        }),
        Entry::Patient(PatientEntry {
            id: "p".into(),
            birth_date: Some("1950-01-02".into()),
            tags: vec!["copd".into()],
            ward: Some("w1".into()),
            care_team: None,
            at: 2,
        }),
        Entry::Waveforms {
            received: 8,
            rows: vec![
                Waveform::default(),
                Waveform {
                    id: "w".into(),
                    version: 2,
                    patient: Some("p".into()),
                    device: "m1".into(),
                    mdc: Some("MDC_ECG_ELEC_POTL_II".into()),
                    code: "local:mdc/131330".into(),
                    channel: Some("1".into()),
                    device_user: None,
                    start: -7,
                    period_us: 4_000,
                    origin: f64::MIN,
                    factor: 0.005,
                    unit: Some("mV".into()),
                    samples: vec![0, -1, SAMPLE_ERROR, SAMPLE_ABOVE, SAMPLE_BELOW, 5],
                    quality: Some("demo".into()),
                    time_source: "device".into(),
                    received: 8,
                },
            ],
        },
        Entry::Alarms(AlarmsEntry {
            at: 8,
            alarms: vec![
                AlarmEntry::default(),
                AlarmEntry {
                    device: "m1".into(),
                    event: "MDC_EVT_LO".into(),
                    value: Some("84.0".into()),
                    ..AlarmEntry::default()
                },
            ],
        }),
        Entry::Gateway(GatewayEntry {
            gateway: "g1".into(),
            at: 5,
            status: Some(r#"{"state":"online"}"#.into()),
        }),
        Entry::GatewayLimits(GatewayLimitsEntry {
            at: 5,
            watch: true,
            silent_after: 1,
            offline_after: 2,
            clock_offset: 3,
            spool_percent: 80,
            spool_age: 4,
            device_states: vec!["bond-lost".into()],
        }),
        Entry::Limit(LimitEntry {
            id: "l1".into(),
            scope: ScopeEntry::Patient("p1".into()),
            rule: "spo2-low".into(),
            off: false,
            above: None,
            below: Some(84.3),
            clear_above: None,
            clear_below: Some(0.1 + 0.2),
            unit: Some("%".into()),
            from: 1,
            until: None,
            author: "dr".into(),
            reviewed: Some(2),
            ended: false,
            at: 3,
        }),
        Entry::Silence(SilenceEntry {
            id: "s1".into(),
            patient: None,
            rule: None,
            device: Some("d1".into()),
            ward: None,
            class: Some("technical".into()),
            from: 1,
            until: 2,
            author: "nurse".into(),
            ended: true,
            at: 3,
        }),
        Entry::Routing {
            at: 4,
            text: "[[route]]\n".into(),
        },
    ]
}

#[test]
fn every_kind_comes_back() {
    for entry in entries() {
        assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
    }
}

#[test]
fn a_patient_of_before_wards_is_read() {
    let body = br#"{"id":"p","birth_date":null,"tags":[],"at":2}"#;
    let Entry::Patient(patient) = Entry::decode(&[&[4, 1], &body[..]].concat()).unwrap() else {
        panic!("no patient");
    };
    assert_eq!((patient.ward, patient.care_team), (None, None));
}

#[test]
fn a_pack_of_one_device_is_small() {
    let values: Vec<_> = (0..5).map(|i| Some(f64::from(i))).collect();
    let entry = Entry::Batch {
        received: 1,
        rows: rows(&values, &["device-0001"; 5]),
        rejects: vec![],
    };
    assert!(entry.encode().unwrap().len() < 200);
}

#[test]
fn a_newer_version_is_an_error() {
    let mut bytes = Entry::Tick { at: 1 }.encode().unwrap();
    bytes[1] = 2;
    assert!(Entry::decode(&bytes).is_err());
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(
        which in 0_usize..entries().len(),
        at in 0_usize..400,
        byte in any::<u8>(),
        cut in 0_usize..400,
    ) {
        let mut bytes = entries()[which].encode().unwrap();
        let len = bytes.len();
        bytes[at % len] = byte;
        bytes.truncate(len - cut % len);
        drop(Entry::decode(&bytes));
    }

    #[test]
    fn any_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(Entry::decode(&bytes));
    }

    #[test]
    fn any_rows_come_back(values in proptest::collection::vec(proptest::option::of(any::<i32>()), 0..50)) {
        let values: Vec<_> = values.into_iter().map(|v| v.map(f64::from)).collect();
        let devices: Vec<String> = values.iter().map(|v| format!("{v:?}")).collect();
        let devices: Vec<&str> = devices.iter().map(String::as_str).collect();
        let entry = Entry::Batch { received: 0, rows: rows(&values, &devices), rejects: vec![] };
        prop_assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
    }
}
