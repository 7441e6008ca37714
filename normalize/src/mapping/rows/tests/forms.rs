//! What rows of a measurement look like.

use super::*;
use crate::mapping::document::fhir::{Coding, ValueType};
use std::collections::HashSet;

fn all_kinds(compat: Compat) -> FhirMapping {
    let ucum = ValueType::Quantity {
        unit: Some("percent".to_owned()),
        system: Some("http://unitsofmeasure.org".to_owned()),
        code: Some("%".to_owned()),
    };
    let mut own = template(
        "heartrate",
        PeriodInterval::Hourly,
        "8310-5",
        Some(value("temperature", quantity("°C"))),
        vec![
            ("2708-6", value("spo2", ucum)),
            ("8867-4", value("pulse", sampled(1000.0, "bpm"))),
            ("0-0", value("odd", quantity("furlongs"))),
            ("x", value("state", concept("on", "1"))),
            ("y", value("note", ValueType::String)),
        ],
    );
    own.components[4].codes = vec![Coding {
        code: Some("n".to_owned()),
        system: Some("urn:own".to_owned()),
        display: None,
    }];
    mapping(vec![own], compat)
}

#[test]
fn one_row_a_property() {
    let events = [reading(
        "10:00:00.1234567",
        &[
            ("spo2", "12.50"),
            ("pulse", "1e2"),
            ("temperature", "+37.2"),
            ("odd", "1,234.50"),
            ("state", "7"),
            ("note", "12"),
            ("other", "0012"),
            ("words", "True"),
            ("spo2", "13"),
        ],
    )
    .correlation("c1")
    .encounter("e1")
    .of("HeartRate")];
    let mapping = all_kinds(Compat::Default);
    let batch = table_of(&events, Some(&mapping));
    assert_eq!(
        shown(&batch),
        [
            "spo2 | 2708-6 | MDC_PULS_OXIM_SAT_O2 | 12.5/2 | - | % | -",
            "pulse | 8867-4 | - | 100/0 | \"1e2\" | /min | -",
            "temperature | 8310-5 | - | 37.2/1 | \"+37.2\" | Cel | -",
            "odd | 0-0 | - | 1234.5/2 | \"1,234.50\" | furlongs | -",
            "state | x | - | - | \"7\" | - | -",
            "note | local:heartrate/note | - | - | \"12\" | - | -",
            "other | local:heartrate/other | - | 12/0 | \"0012\" | - | -",
            "words | local:heartrate/words | - | - | \"True\" | - | -",
        ]
    );
    let columns = Columns::new(&batch).unwrap();
    for row in 0..columns.len() {
        assert_eq!(columns.type_name.value(row), "HeartRate");
        assert_eq!(columns.source.value(row), "vendor@0123456789ab");
        assert_eq!(columns.correlation_id.value(row), "c1");
        assert_eq!(columns.patient_id.value(row), "p1");
        assert_eq!(columns.encounter_id.value(row), "e1");
        assert_eq!(columns.time_source.value(row), "device");
        assert_eq!(columns.effective.value(row), 1_767_607_200_123_456);
        assert_eq!(columns.received.value(row), NOON);
        assert!(columns.panel_id.is_null(row) && columns.data_absent_reason.is_null(row));
    }
    // Without a FHIR mapping, or without a template in it.
    let expected = [
        "hr | local:x/hr | - | 72.5/2 | - | - | -",
        "n | local:x/n | - | - | \"a\" | - | -",
    ];
    let events = [reading("10:00:00", &[("hr", "72.50"), ("n", "a")]).of("x")];
    assert_eq!(shown(&table_of(&events, None)), expected);
    assert_eq!(shown(&table_of(&events, Some(&mapping))), expected);
}

#[test]
fn a_measurement_without_properties_is_a_row() {
    for mapping in [None, Some(all_kinds(Compat::Default))] {
        let batch = table_of(&[reading("10:00:00", &[])], mapping.as_ref());
        assert_eq!(shown(&batch), ["- | local:heartrate | - | - | - | - | -"]);
        let columns = Columns::new(&batch).unwrap();
        assert_eq!(columns.data_absent_reason.value(0), "unknown");
    }
}

#[test]
fn claims_are_those_of_the_event() {
    let stated = reading("10:00:00", &[("a", "1")]).encounter("e");
    let nobody = reading("10:00:00", &[("a", "1")]).patient(None);
    let blank = nobody
        .clone()
        .patient(Some(""))
        .encounter("")
        .correlation("");
    with_inputs(&[stated, nobody, blank], |inputs| {
        let mut claims = Vec::new();
        for input in inputs {
            rows(
                &input.measurement,
                None,
                &Context::default(),
                |row, claim| {
                    assert_eq!(row.correlation_id, None);
                    claims.push(claim);
                },
            );
        }
        let patient = Claims {
            patient: Some("p1".to_owned()),
            bed: None,
            encounter: Some("e".to_owned()),
        };
        assert_eq!(claims, [Some(patient), None, None]);
    });
}

#[test]
fn values_of_one_metric_are_different_readings() {
    let temperature = |name| value(name, quantity("Cel"));
    let one = |type_name, own| template(type_name, PeriodInterval::Single, "2708-6", own, vec![]);
    let mapping = mapping(
        vec![
            one("first", Some(temperature("v"))),
            one("second", Some(temperature("v"))),
            template(
                "third",
                PeriodInterval::Single,
                "a",
                Some(temperature("w")),
                vec![
                    ("b", temperature("left")),
                    ("b", temperature("right")),
                    ("c", temperature("w")),
                ],
            ),
        ],
        Compat::Default,
    );
    let events = [
        reading("10:00:00", &[("v", "1")]).of("first"),
        reading("10:00:00", &[("v", "2")]).of("SECOND"),
        reading("10:00:00", &[("left", "3"), ("right", "4"), ("w", "5")]).of("third"),
    ];
    let batch = table_of(&events, Some(&mapping));
    assert_eq!(
        shown(&batch),
        [
            "v | 2708-6 | MDC_PULS_OXIM_SAT_O2 | 1/0 | - | Cel | first.v",
            "v | 2708-6 | MDC_PULS_OXIM_SAT_O2 | 2/0 | - | Cel | second.v",
            "left | b | - | 3/0 | - | Cel | third.left",
            "right | b | - | 4/0 | - | Cel | third.right",
            "w | c | - | 5/0 | - | Cel | -",
        ]
    );
    let ids = |batch: &RecordBatch| -> HashSet<String> {
        let columns = Columns::new(batch).unwrap();
        (0..columns.len())
            .map(|row| columns.id.value(row).to_owned())
            .collect()
    };
    assert_eq!(ids(&batch).len(), 5);
    assert_eq!(ids(&table_of(&events, Some(&mapping))), ids(&batch));

    // Two patients, or two correlations, of one device at one time.
    let event = || reading("10:00:00", &[("v", "1")]).of("first");
    let events = [
        event(),
        event().patient(Some("p2")),
        event().patient(None),
        event().correlation("c1"),
        event().correlation("c2"),
    ];
    let first = table_of(&events, Some(&mapping));
    assert_eq!(ids(&first).len(), 5);
    // Redelivered: the same rows, whenever received.
    let again = events.map(|event| event.received(60));
    assert_eq!(ids(&table_of(&again, Some(&mapping))), ids(&first));
}

#[test]
fn a_metric_known_to_the_vocabulary_is_judged_like_a_native_one() {
    let mapping = all_kinds(Compat::Default);
    with_inputs(
        &[reading("10:00:00", &[("spo2", "12"), ("pulse", "70")])],
        |inputs| {
            let mut known = Vec::new();
            rows(
                &inputs[0].measurement,
                Some(&mapping),
                &Context::default(),
                |row, _| {
                    known.push(row.definition.map(|metric| metric.alias));
                    assert_eq!(row.mdc.is_some(), row.definition.is_some());
                },
            );
            // Heart rate has one LOINC code and several metrics.
            assert_eq!(known, [Some("spo2"), None]);
        },
    );
}
