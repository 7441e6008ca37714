//! The registry as Arrow.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};

use super::Fixture;
use crate::registry::{
    Identifier, LimitScope, NewLimit, PatientFields, assignment_schema, device_schema,
    limit_schema, notification_schema, patient_schema,
};

fn text(batch: &RecordBatch, column: &str) -> Vec<Option<String>> {
    batch[column]
        .as_string::<i32>()
        .iter()
        .map(|text| text.map(str::to_owned))
        .collect()
}

#[test]
fn empty_tables_have_their_columns() {
    let registry = &Fixture::new().registry;
    for (batch, schema) in [
        (registry.patients_batch(), patient_schema()),
        (registry.devices_batch(), device_schema()),
        (registry.assignments_batch(), assignment_schema()),
        (registry.limits_batch(), limit_schema()),
        (registry.notifications_batch(), notification_schema()),
    ] {
        let batch = batch.unwrap();
        assert_eq!((batch.num_rows(), batch.schema()), (0, schema));
    }
}

#[test]
fn rows_are_all_there_over_several_pages_with_lists_and_times() {
    let ward = Fixture::ward();
    let rows: String = (0..1_100)
        .map(|i| format!("{{\"id\":\"x{i:04}\"}}\n"))
        .collect();
    let kind = crate::registry::ImportKind::Patients;
    let format = crate::registry::ImportFormat::Ndjson;
    ward.registry
        .import(kind, format, rows.as_bytes(), "admin", 77)
        .unwrap();
    let fields = PatientFields {
        tags: vec!["copd".to_owned()],
        ward: Some("w1".to_owned()),
        identifiers: vec![Identifier {
            system: "urn:mrn".into(),
            value: "1".into(),
        }],
        ..Default::default()
    };
    ward.registry.update_patient("p2", &fields, 9).unwrap();
    let patients = ward.registry.patients_batch().unwrap();
    assert_eq!(patients.num_rows(), 3 + 1_100);
    assert_eq!(text(&patients, "id")[1].as_deref(), Some("p2"));
    let list = |column: &str| patients[column].as_list::<i32>().value(1);
    assert_eq!(list("tags").as_string::<i32>().value(0), "copd");
    assert_eq!(list("identifiers").as_string::<i32>().value(0), "urn:mrn|1");
    let updated = patients["updated_at"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!((updated.value(1), updated.value(3)), (9, 77));

    ward.assign("d1", Some("1"), "p1", 100, Some(200)).unwrap();
    let wrong = ward.assign("d2", None, "p1", 50, None).unwrap();
    ward.registry
        .cancel_assignment(wrong.id, "nurse", 0)
        .unwrap();
    let assignments = ward.registry.assignments_batch().unwrap();
    assert_eq!(text(&assignments, "device_id"), [Some("d1".to_owned())]);
    assert_eq!(text(&assignments, "device_user"), [Some("1".to_owned())]);
    assert_eq!(assignments["id"].as_primitive::<Int64Type>().value(0), 1);
    let until = assignments["valid_until"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!((until.value(0), until.is_null(0)), (200, false));
    assert_eq!(ward.registry.devices_batch().unwrap().num_rows(), 2);
    assert_eq!(text(&patients, "ward")[1].as_deref(), Some("w1"));
}

#[test]
fn limits_say_for_whom_and_until_when_they_held() {
    let ward = Fixture::ward();
    let set = |scope: LimitScope, from: i64| {
        let new = NewLimit {
            scope,
            rule: "spo2-low".to_owned(),
            off: false,
            above: None,
            below: Some(84.5),
            clear_above: None,
            clear_below: None,
            unit: None,
            from,
            until: Some(100),
            author: "dr".to_owned(),
            reason: "copd".to_owned(),
        };
        ward.registry.set_limit(&new, 5).unwrap().id
    };
    set(LimitScope::Ward("w1".to_owned()), 20);
    let ended = set(LimitScope::Patient("p1".to_owned()), 10);
    ward.registry.end_limit(&ended, "dr", 50).unwrap();
    let limits = ward.registry.limits_batch().unwrap();
    assert_eq!(text(&limits, "ward"), [Some("w1".to_owned()), None]);
    assert_eq!(text(&limits, "patient_id"), [None, Some("p1".to_owned())]);
    let until = limits["valid_until"].as_primitive::<TimestampMicrosecondType>();
    assert_eq!((until.value(0), until.value(1)), (100, 50));
    let below = limits["below"].as_primitive::<arrow_array::types::Float64Type>();
    assert_eq!((below.value(0), limits["above"].is_null(0)), (84.5, true));
}
