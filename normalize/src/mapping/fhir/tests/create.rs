//! Specification 2.4, 2.5 and the worked example 2.7.

use super::*;

pub(super) fn worked(compat: Compat) -> FhirMapping {
    let own = value("hr", sampled(900_000.0, "/min"));
    mapping(
        vec![template(
            "heartrate",
            PeriodInterval::Hourly,
            "8867-4",
            Some(own),
            vec![],
        )],
        compat,
    )
}

pub(super) fn worked_readings() -> Vec<Reading> {
    [
        ("10:00:00", "70"),
        ("10:20:00", "80"),
        ("10:44:59", "81"),
        ("10:45:00", "90"),
    ]
    .iter()
    .map(|(time, text)| reading(time, &[("hr", text)]))
    .collect()
}

#[test]
fn worked_example() {
    let made = one(&worked_readings(), &worked(Compat::Default));
    assert_eq!(
        made,
        json!({
            "resourceType": "Observation",
            "id": "55c8ea843c54ae96436808657fbc1384f31ed3f98fa969c5ad75d12d57ae0b40",
            "identifier": [{
                "system": "urn:wardline:medtech",
                "value": "p1.d1.heartrate.20260105100000Z.20260105105959Z",
            }],
            "status": "final",
            "code": {
                "coding": [
                    {"system": LOINC, "code": "8867-4", "display": "display of 8867-4"},
                    {"system": "urn:wardline:medtech", "code": "heartrate", "display": "heartrate"},
                ],
                "text": "heartrate",
            },
            "subject": {"reference": "Patient/p1"},
            "effectivePeriod": {
                "start": "2026-01-05T10:00:00Z",
                "end": "2026-01-05T10:59:59.999Z",
            },
            "issued": "2026-01-05T12:00:00Z",
            "valueSampledData": {
                "origin": {"value": 0, "unit": "/min"},
                "period": 900_000,
                "dimensions": 1,
                "data": "70 80 81 90",
            },
            "device": {"reference": "Device/d1"},
        })
    );
    let strict = one(&worked_readings(), &worked(Compat::Strict));
    assert_eq!(
        strict["id"],
        "9a658296dce846025958dbc70f097373b6212e912bb6895fc2a6e28710c01d6d"
    );
    assert_eq!(strict["identifier"][0]["system"], SYSTEM_STRICT);
    assert_eq!(
        strict["identifier"][0]["value"],
        made["identifier"][0]["value"]
    );
    assert_eq!(strict["code"]["coding"][1]["system"], SYSTEM_STRICT);
    assert_eq!(
        strict["effectivePeriod"],
        json!({"start": "2026-01-05T10:00:00.0000000Z", "end": "2026-01-05T10:59:59.9999999Z"})
    );
    assert_eq!(strict["valueSampledData"], made["valueSampledData"]);
}

#[test]
fn numbers_print_as_sent() {
    let mapping = |compat| {
        let own = value("hr", quantity("bpm"));
        mapping(
            vec![template(
                "heartrate",
                PeriodInterval::Single,
                "8867-4",
                Some(own),
                vec![],
            )],
            compat,
        )
    };
    for (sent, printed) in [
        ("72.50", r#"{"value":72.50,"unit":"bpm"}"#),
        ("1,234", r#"{"value":1234,"unit":"bpm"}"#),
        ("1E-05", r#"{"value":1E-05,"unit":"bpm"}"#),
        ("-0", r#"{"value":-0,"unit":"bpm"}"#),
        (
            "12345678901234567890.10",
            r#"{"value":12345678901234567890.10,"unit":"bpm"}"#,
        ),
    ] {
        let readings = [reading("10:00:00", &[("hr", sent)])];
        let (made, _) = run(&readings, &mapping(Compat::Default));
        assert!(made[0].json.contains(printed), "{}", made[0].json);
        let (made, problems) = run(&readings, &mapping(Compat::Strict));
        if sent.contains('E') {
            assert_eq!(reasons(&problems), [(0, "bad-quantity")]);
        } else {
            assert!(made[0].json.contains(printed), "{}", made[0].json);
        }
    }
}

#[test]
fn bad_values_stop_nothing_else() {
    for compat in [Compat::Default, Compat::Strict] {
        let own = value("hr", quantity("bpm"));
        let mapping = mapping(
            vec![template(
                "heartrate",
                PeriodInterval::Single,
                "8867-4",
                Some(own),
                vec![],
            )],
            compat,
        );
        let (made, problems) = run(
            &[
                reading("10:00:00", &[("hr", "72")]),
                reading("10:00:01", &[("hr", "high")]),
                reading("10:00:02", &[("hr", "")]),
                reading("10:00:03", &[("hr", "73")]),
                reading("10:00:04", &[("hr", "73")]).of("unheard"),
            ],
            &mapping,
        );
        assert_eq!(made.len(), 2);
        assert_eq!(
            reasons(&problems),
            [
                (1, "bad-quantity"),
                (2, "bad-quantity"),
                (4, "no-fhir-template")
            ]
        );
        assert!(
            !problems[0].detail.contains("high"),
            "{}",
            problems[0].detail
        );
    }
}

#[test]
fn every_value_type_and_components_in_mapping_order() {
    for compat in [Compat::Default, Compat::Strict] {
        let system = identity::system(compat);
        let mapping = mapping(
            vec![template(
                "heartrate",
                PeriodInterval::Single,
                "85354-9",
                Some(value("note", ValueType::String)),
                vec![
                    ("8480-6", value("systolic", quantity("mmHg"))),
                    ("a", value("posture", concept("sitting", "33586001"))),
                    ("8462-4", value("diastolic", quantity("mmHg"))),
                    ("b", value("wave", sampled(0.5, "mV"))),
                    ("c", value("missing", ValueType::String)),
                ],
            )],
            compat,
        );
        let made = one(
            &[reading(
                "10:00:00",
                &[
                    ("diastolic", "80"),
                    ("wave", "0.1"),
                    ("systolic", "120.0"),
                    ("posture", ""),
                    ("note", "after rest"),
                    ("unread", "x"),
                ],
            )],
            &mapping,
        );
        assert_eq!(made["valueString"], "after rest");
        let code = |code: &str, name: &str| {
            json!({
                "coding": [
                    {"system": LOINC, "code": code, "display": format!("display of {code}")},
                    {"system": system, "code": name, "display": name},
                ],
                "text": name,
            })
        };
        assert_eq!(
            made["component"],
            json!([
                {"code": code("8480-6", "systolic"), "valueQuantity": {"value": 120.0, "unit": "mmHg"}},
                {"code": code("a", "posture"), "valueCodeableConcept": {
                    "coding": [{"system": LOINC, "code": "33586001", "display": "display of 33586001"}],
                    "text": "sitting",
                }},
                {"code": code("8462-4", "diastolic"), "valueQuantity": {"value": 80, "unit": "mmHg"}},
                {"code": code("b", "wave"), "valueSampledData": {
                    "origin": {"value": 0, "unit": "mV"}, "period": 0.5, "dimensions": 1, "data": "0.1",
                }},
            ])
        );
    }
}

#[test]
fn nothing_to_show_is_an_observation_without_value() {
    for compat in [Compat::Default, Compat::Strict] {
        let own = value("hr", quantity("bpm"));
        let mapping = mapping(
            vec![template(
                "heartrate",
                PeriodInterval::Single,
                "8867-4",
                Some(own),
                vec![],
            )],
            compat,
        );
        let made = one(&[reading("10:00:00", &[])], &mapping);
        assert!(
            made.as_object()
                .unwrap()
                .keys()
                .all(|name| !name.starts_with("value"))
        );
        assert!(made.get("component").is_none() && made.get("category").is_none());
        // Names are case-sensitive, types are not.
        let other = one(
            &[reading("10:00:00", &[("HR", "7")]).of("HeartRate")],
            &mapping,
        );
        assert_eq!(other, made);
    }
}

#[test]
fn quantity_members_and_category_as_mapped() {
    let mut made = template(
        "heartrate",
        PeriodInterval::Single,
        "8867-4",
        Some(value(
            "hr",
            ValueType::Quantity {
                unit: Some("beats".to_owned()),
                system: Some("urn:u".to_owned()),
                code: Some("{beats}/min".to_owned()),
            },
        )),
        vec![],
    );
    made.category = vec![
        Concept {
            text: Some("Vital".to_owned()),
            codes: vec![Coding {
                code: Some("vital-signs".to_owned()),
                system: None,
                display: Some(String::new()),
            }],
        },
        Concept::default(),
    ];
    let made = one(
        &[reading("10:00:00", &[("hr", "7")])],
        &mapping(vec![made], Compat::Default),
    );
    assert_eq!(
        made["category"],
        json!([{"coding": [{"code": "vital-signs"}], "text": "Vital"}])
    );
    assert_eq!(
        made["valueQuantity"],
        json!({"value": 7, "unit": "beats", "system": "urn:u", "code": "{beats}/min"})
    );
}

#[test]
fn several_values_of_a_window() {
    for (kind, default) in [
        (quantity("bpm"), json!({"value": 74, "unit": "bpm"})),
        (ValueType::String, json!("74")),
    ] {
        let is_text = kind == ValueType::String;
        let mapping = |compat| {
            let own = value("hr", kind.clone());
            mapping(
                vec![template(
                    "heartrate",
                    PeriodInterval::Hourly,
                    "8867-4",
                    Some(own),
                    vec![],
                )],
                compat,
            )
        };
        let readings = [
            reading("10:00:02", &[("hr", "74")]),
            reading("10:00:01", &[("hr", "73")]),
            reading("11:00:00", &[("hr", "75")]),
        ];
        let made = all(&readings, &mapping(Compat::Default));
        assert_eq!(made.len(), 2);
        let name = if is_text {
            "valueString"
        } else {
            "valueQuantity"
        };
        assert_eq!(made[0][name], default);
        let (made, problems) = run(&readings, &mapping(Compat::Strict));
        assert_eq!(made.len(), 1);
        assert_eq!(
            reasons(&problems),
            [(0, "several-values"), (1, "several-values")]
        );
    }
}

#[test]
fn texts() {
    for (kind, sent, default, strict) in [
        (
            ValueType::String,
            " a\u{0}b\n",
            json!(" ab\n"),
            json!(" a\u{0}b\n"),
        ),
        (ValueType::String, "  ", Value::Null, json!("  ")),
        (sampled(1000.0, "x"), " 7 ", json!("7"), json!(" 7 ")),
        (sampled(1000.0, "x"), "", Value::Null, json!("")),
        (sampled(1000.0, "x"), "high", json!("high"), json!("high")),
    ] {
        for (compat, expected) in [(Compat::Default, &default), (Compat::Strict, &strict)] {
            let own = value("hr", kind.clone());
            let mapping = mapping(
                vec![template(
                    "heartrate",
                    PeriodInterval::Single,
                    "8867-4",
                    Some(own),
                    vec![],
                )],
                compat,
            );
            let made = one(&[reading("10:00:00", &[("hr", sent)])], &mapping);
            let shown = match kind {
                ValueType::String => &made["valueString"],
                _ => &made["valueSampledData"]["data"],
            };
            assert_eq!(shown, expected, "{sent:?} {compat:?}");
        }
    }
    let own = value("hr", sampled(1000.0, "x"));
    let templates = vec![template(
        "heartrate",
        PeriodInterval::Single,
        "8867-4",
        Some(own),
        vec![],
    )];
    let readings = [reading("10:00:00", &[("hr", "1 2")])];
    let (_, problems) = run(&readings, &mapping(templates.clone(), Compat::Default));
    assert_eq!(reasons(&problems), [(0, "bad-sample")]);
    let made = one(&readings, &mapping(templates, Compat::Strict));
    assert_eq!(made["valueSampledData"]["data"], "1 2");
}

#[test]
fn too_many_samples() {
    for (period_ms, interval) in [
        (0.0, PeriodInterval::Single),
        (-1.0, PeriodInterval::Single),
        (f64::NAN, PeriodInterval::Single),
        (1.0, PeriodInterval::Daily),
    ] {
        let own = value("hr", sampled(period_ms, "x"));
        let templates = vec![template("heartrate", interval, "8867-4", Some(own), vec![])];
        let readings = [
            reading("10:00:00", &[("hr", "1")]),
            reading("10:00:00", &[("hr", "2")]),
        ];
        let (made, problems) = run(&readings, &mapping(templates, Compat::Default));
        assert_eq!(made, []);
        assert_eq!(
            reasons(&problems),
            [(0, "too-many-samples"), (1, "too-many-samples")]
        );
    }
}

#[test]
fn references() {
    let own = value("hr", quantity("bpm"));
    let templates = vec![template(
        "heartrate",
        PeriodInterval::Single,
        "8867-4",
        Some(own),
        vec![],
    )];
    let mapping = mapping(templates, Compat::Default);
    let odd = reading("10:00:00", &[("hr", "7")])
        .device("A4:C1/38")
        .patient(Some("p 1"))
        .encounter("e_1");
    let made = one(&[odd], &mapping);
    assert_eq!(made["device"], json!({"identifier": {"value": "A4:C1/38"}}));
    assert_eq!(made["subject"], json!({"identifier": {"value": "p 1"}}));
    assert_eq!(made["encounter"], json!({"identifier": {"value": "e_1"}}));

    let nobody = reading("10:00:00", &[("hr", "7")])
        .patient(None)
        .encounter("e1");
    let made = one(std::slice::from_ref(&nobody), &mapping);
    assert!(made.get("subject").is_none());
    assert_eq!(made["encounter"], json!({"reference": "Encounter/e1"}));
    let identifier = ".d1.heartrate.20260105100000Z.20260105100000Z";
    assert_eq!(made["identifier"][0]["value"], identifier);
    assert_eq!(one(&[nobody.clone().patient(Some(""))], &mapping), made);

    let (made, _) = with_inputs(&[nobody], |inputs| {
        observations(inputs, &mapping, Some("fixed"))
    });
    assert_eq!(made[0].subject.as_deref(), Some("fixed"));
    assert_eq!(made[0].device, "d1");
    assert_eq!(
        parsed(&made[0])["subject"],
        json!({"reference": "Patient/fixed"})
    );
}
