//! Specification 2.1 to 2.3: types, groups, windows, identifiers.

use super::*;

fn quantities(period: PeriodInterval, compat: Compat) -> FhirMapping {
    let components = vec![
        ("a", value("a", quantity("x"))),
        ("b", value("b", quantity("x"))),
    ];
    mapping(
        vec![template("heartrate", period, "8867-4", None, components)],
        compat,
    )
}

fn identifiers(made: &[Value]) -> Vec<&str> {
    made.iter()
        .map(|made| made["identifier"][0]["value"].as_str().unwrap())
        .collect()
}

#[test]
fn windows() {
    let times = [
        "10:00:00.1234567",
        "10:00:00.25",
        "10:59:59.9999999",
        "11:00:00",
    ];
    let readings: Vec<Reading> = times
        .iter()
        .map(|time| reading(time, &[]).correlation("c.1"))
        .collect();
    for (period, default, strict) in [
        (
            PeriodInterval::Single,
            vec![
                (
                    "20260105100000.123456Z.20260105100000.123456Z",
                    "2026-01-05T10:00:00.123Z",
                    "",
                ),
                (
                    "20260105100000.25Z.20260105100000.25Z",
                    "2026-01-05T10:00:00.25Z",
                    "",
                ),
                (
                    "20260105105959.999999Z.20260105105959.999999Z",
                    "2026-01-05T10:59:59.999Z",
                    "",
                ),
                (
                    "20260105110000Z.20260105110000Z",
                    "2026-01-05T11:00:00Z",
                    "",
                ),
            ],
            // The first two share a second, and so an Observation.
            vec![
                (
                    "20260105100000Z.20260105100000Z",
                    "2026-01-05T10:00:00.1234567Z",
                    "2026-01-05T10:00:00.2500000Z",
                ),
                (
                    "20260105105959Z.20260105105959Z",
                    "2026-01-05T10:59:59.9999999Z",
                    "2026-01-05T10:59:59.9999999Z",
                ),
                (
                    "20260105110000Z.20260105110000Z",
                    "2026-01-05T11:00:00.0000000Z",
                    "2026-01-05T11:00:00.0000000Z",
                ),
            ],
        ),
        (
            PeriodInterval::Hourly,
            vec![
                (
                    "20260105100000Z.20260105105959Z",
                    "2026-01-05T10:00:00Z",
                    "2026-01-05T10:59:59.999Z",
                ),
                (
                    "20260105110000Z.20260105115959Z",
                    "2026-01-05T11:00:00Z",
                    "2026-01-05T11:59:59.999Z",
                ),
            ],
            vec![
                (
                    "20260105100000Z.20260105105959Z",
                    "2026-01-05T10:00:00.0000000Z",
                    "2026-01-05T10:59:59.9999999Z",
                ),
                (
                    "20260105110000Z.20260105115959Z",
                    "2026-01-05T11:00:00.0000000Z",
                    "2026-01-05T11:59:59.9999999Z",
                ),
            ],
        ),
        (
            PeriodInterval::Daily,
            vec![(
                "20260105000000Z.20260105235959Z",
                "2026-01-05T00:00:00Z",
                "2026-01-05T23:59:59.999Z",
            )],
            vec![(
                "20260105000000Z.20260105235959Z",
                "2026-01-05T00:00:00.0000000Z",
                "2026-01-05T23:59:59.9999999Z",
            )],
        ),
        (
            PeriodInterval::CorrelationId,
            vec![("c.1", "2026-01-05T10:00:00.123Z", "2026-01-05T11:00:00Z")],
            vec![(
                "c.1",
                "2026-01-05T10:00:00.1234567Z",
                "2026-01-05T11:00:00.0000000Z",
            )],
        ),
    ] {
        for (compat, expected) in [(Compat::Default, default), (Compat::Strict, strict)] {
            let made = all(&readings, &quantities(period, compat));
            assert_eq!(made.len(), expected.len(), "{period:?} {compat:?}");
            for (made, (segment, start, end)) in made.iter().zip(expected) {
                let identifier = format!("p1.d1.heartrate.{segment}");
                assert_eq!(made["identifier"][0]["value"], identifier);
                if end.is_empty() {
                    assert_eq!(made["effectiveDateTime"], start);
                    assert!(made.get("effectivePeriod").is_none());
                } else {
                    assert_eq!(made["effectivePeriod"], json!({"start": start, "end": end}));
                    assert!(made.get("effectiveDateTime").is_none());
                }
            }
        }
    }
}

#[test]
fn correlation_needs_its_id() {
    for compat in [Compat::Default, Compat::Strict] {
        let mapping = quantities(PeriodInterval::CorrelationId, compat);
        let (made, problems) = run(
            &[
                reading("10:00:00", &[]),
                reading("10:00:00", &[]).correlation(""),
                reading("10:00:00", &[]).correlation("c"),
            ],
            &mapping,
        );
        assert_eq!(made.len(), 1);
        assert_eq!(
            reasons(&problems),
            [(0, "no-correlation-id"), (1, "no-correlation-id")]
        );
        assert_eq!(problems[0].reason.reject(), Reason::MissingCorrelation);
    }
}

#[test]
fn equal_times_join_or_replace() {
    let readings = [
        reading("10:00:00", &[("a", "1"), ("b", "1"), ("a", "9")]).received(2),
        reading("10:00:00", &[("a", "2")]).received(3),
        reading("10:00:00", &[("b", "3")]).received(1),
    ];
    let values = |made: &Value| -> Vec<(String, Value)> {
        let parts = made["component"].as_array().unwrap().iter();
        parts
            .map(|c| {
                (
                    c["code"]["text"].as_str().unwrap().to_owned(),
                    c["valueQuantity"]["value"].clone(),
                )
            })
            .collect()
    };
    let made = one(
        &readings,
        &quantities(PeriodInterval::Single, Compat::Default),
    );
    assert_eq!(
        values(&made),
        [("a".to_owned(), json!(2)), ("b".to_owned(), json!(1))]
    );
    assert_eq!(made["issued"], "2026-01-05T12:00:03Z");
    let made = one(
        &readings,
        &quantities(PeriodInterval::Single, Compat::Strict),
    );
    assert_eq!(values(&made), [("a".to_owned(), json!(2))]);
    // Of those received together the later in the input wins, strict the first.
    let readings = readings.map(|reading| reading.received(0));
    let made = one(
        &readings,
        &quantities(PeriodInterval::Single, Compat::Default),
    );
    assert_eq!(
        values(&made),
        [("a".to_owned(), json!(2)), ("b".to_owned(), json!(3))]
    );
    let made = one(
        &readings,
        &quantities(PeriodInterval::Single, Compat::Strict),
    );
    assert_eq!(
        values(&made),
        [("a".to_owned(), json!(1)), ("b".to_owned(), json!(1))]
    );
}

#[test]
fn keys_do_not_run_together() {
    // Device `d-heartrate` of type `x` and device `d` of type `heartrate-x`.
    let templates = ["x", "heartrate-x", "a", "a.b"].map(|name| {
        template(
            name,
            PeriodInterval::Single,
            "c",
            Some(value("v", ValueType::String)),
            vec![],
        )
    });
    let readings = [
        reading("10:00:00", &[("v", "1")])
            .device("d-heartrate")
            .of("x"),
        reading("10:00:00", &[("v", "2")])
            .device("d")
            .of("heartrate-x"),
    ];
    let made = all(&readings, &mapping(templates.to_vec(), Compat::Default));
    assert_eq!(
        identifiers(&made),
        [
            "p1.d-heartrate.x.20260105100000Z.20260105100000Z",
            "p1.d.heartrate-x.20260105100000Z.20260105100000Z"
        ]
    );
    // The original's concatenation is one and the same: one measurement replaces the other.
    let (made, _) = run(&readings, &mapping(templates.to_vec(), Compat::Strict));
    assert_eq!(made.len(), 1);

    // Names with points: two patients would share an identifier.
    let readings = [
        reading("10:00:00", &[("v", "1")])
            .device("b.c")
            .patient(Some("a"))
            .of("x"),
        reading("10:00:00", &[("v", "2")])
            .device("c")
            .patient(Some("a.b"))
            .of("x"),
        reading("10:00:00", &[("v", "3")]).device("50%").of("a.b"),
    ];
    let made = all(&readings, &mapping(templates.to_vec(), Compat::Default));
    assert_eq!(
        identifiers(&made),
        [
            "a.b%2Ec.x.20260105100000Z.20260105100000Z",
            "a%2Eb.c.x.20260105100000Z.20260105100000Z",
            "p1.50%25.a%2Eb.20260105100000Z.20260105100000Z",
        ]
    );
}

#[test]
fn one_observation_an_id() {
    // Encounter and correlation are in the original's key and not in its id.
    let readings = [
        reading("10:20:00", &[("a", "2")]).encounter("e2"),
        reading("10:10:00", &[("a", "1")])
            .encounter("e1")
            .correlation("c"),
        reading("10:30:00", &[("b", "3")]),
    ];
    for (compat, a, encounter, status) in [
        (Compat::Default, 2, "Encounter/e1", "final"),
        // Created by the first, then written over by the second: creation decides the encounter.
        (Compat::Strict, 1, "Encounter/e2", "amended"),
    ] {
        let made = one(&readings, &quantities(PeriodInterval::Hourly, compat));
        assert_eq!(made["component"][0]["valueQuantity"]["value"], a);
        assert_eq!(made["component"][1]["valueQuantity"]["value"], 3);
        assert_eq!(made["encounter"]["reference"], encounter);
        assert_eq!(made["status"], status);
    }
}

#[test]
fn order_is_that_of_first_measurements() {
    let readings = [
        reading("12:00:00", &[]),
        reading("10:00:00", &[]),
        reading("12:00:01", &[]),
        reading("11:00:00", &[]).device("d0"),
    ];
    let made = all(
        &readings,
        &quantities(PeriodInterval::Hourly, Compat::Default),
    );
    assert_eq!(
        identifiers(&made),
        [
            "p1.d1.heartrate.20260105120000Z.20260105125959Z",
            "p1.d1.heartrate.20260105100000Z.20260105105959Z",
            "p1.d0.heartrate.20260105110000Z.20260105115959Z",
        ]
    );
}

#[test]
fn ids_and_windows_of_measurements() {
    let micros = |text: &str| Ticks::parse(text).unwrap().to_micros();
    let at = micros("2026-01-05T10:20:30.25Z");
    let window = |period, compat| quantities(period, compat).window("HEARTRATE", at);
    let over = |from: &str, until: &str| Some((micros(from), micros(until)));
    for compat in [Compat::Default, Compat::Strict] {
        let hour = over("2026-01-05T10:00:00Z", "2026-01-05T10:59:59.999999Z");
        assert_eq!(window(PeriodInterval::Hourly, compat), hour);
        let day = over("2026-01-05T00:00:00Z", "2026-01-05T23:59:59.999999Z");
        assert_eq!(window(PeriodInterval::Daily, compat), day);
        assert_eq!(window(PeriodInterval::CorrelationId, compat), None);
    }
    assert_eq!(
        window(PeriodInterval::Single, Compat::Default),
        Some((at, at))
    );
    let second = over("2026-01-05T10:20:30Z", "2026-01-05T10:20:30.999999Z");
    assert_eq!(window(PeriodInterval::Single, Compat::Strict), second);

    for period in [
        PeriodInterval::Single,
        PeriodInterval::Hourly,
        PeriodInterval::CorrelationId,
    ] {
        for compat in [Compat::Default, Compat::Strict] {
            let mapping = quantities(period, compat);
            let made = one(&[reading("10:20:30.25", &[]).correlation("c")], &mapping);
            let id = mapping.observation_id(Some("p1"), "d1", "HeartRate", Some("c"), at);
            assert_eq!(made["id"], id.unwrap());
            assert_eq!(
                mapping.observation_id(None, "d1", "other", Some("c"), at),
                None
            );
        }
    }
}

#[test]
fn templates() {
    let twice = ["Heart", "heart", "Ärzte"]
        .map(|name| template(name, PeriodInterval::Single, name, None, vec![]));
    let mapping = mapping(twice.to_vec(), Compat::Default);
    assert_eq!(mapping.templates().count(), 2);
    assert_eq!(mapping.template("HEART").unwrap().type_name, "Heart");
    assert_eq!(mapping.template("ärzte").unwrap().type_name, "Ärzte");
    assert!(mapping.template("").is_none());
    assert_eq!(mapping.version(), "0123456789ab");
}
