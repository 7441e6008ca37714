//! Specification 2.6: merge and amend.

use super::create::{worked, worked_readings};
use super::*;

fn merged(existing: &str, readings: &[Reading], mapping: &FhirMapping) -> Merged {
    with_inputs(readings, |inputs| {
        let (groups, problems) = groups(inputs, mapping, None);
        assert_eq!((groups.len(), problems.len()), (1, 0));
        merge(existing, &groups[0])
    })
}

fn amended(existing: &Value, readings: &[Reading], mapping: &FhirMapping) -> Value {
    match merged(&existing.to_string(), readings, mapping) {
        Merged::Amended(observation) => {
            assert_eq!(observation.id, existing["id"]);
            let value = parsed(&observation);
            assert_eq!(value["status"], "amended");
            value
        }
        other => panic!("{other:?}"),
    }
}

fn refused(existing: &Value, readings: &[Reading], mapping: &FhirMapping) -> String {
    match merged(&existing.to_string(), readings, mapping) {
        Merged::NotSupported(detail) => detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_worked_example_goes_on() {
    for compat in [Compat::Default, Compat::Strict] {
        let mapping = worked(compat);
        let first = one(&worked_readings(), &mapping);
        let later = [reading("10:50:00", &[("hr", "95")]).received(60)];
        let made = amended(&first, &later, &mapping);
        assert_eq!(made["valueSampledData"]["data"], "70 80 81 95");
        for kept in ["id", "issued", "code", "identifier", "effectivePeriod"] {
            assert_eq!(made[kept], first[kept]);
        }
        // What is stored counts as at the start of its slot, so a time later in the slot wins.
        let earlier = [reading("10:10:00", &[("hr", "71")])];
        let made = amended(&first, &earlier, &mapping);
        assert_eq!(made["valueSampledData"]["data"], "71 80 81 90");
        // At equal times the new one wins.
        let equal = [reading("10:00:00", &[("hr", "69")])];
        let made = amended(&first, &equal, &mapping);
        assert_eq!(made["valueSampledData"]["data"], "69 80 81 90");
    }
}

#[test]
fn the_same_again_is_no_operation() {
    for compat in [Compat::Default, Compat::Strict] {
        for period in [
            PeriodInterval::Single,
            PeriodInterval::Daily,
            PeriodInterval::CorrelationId,
        ] {
            let parts = vec![
                ("a", value("a", quantity("x"))),
                ("w", value("w", sampled(500.0, "x"))),
            ];
            let own = Some(value("s", ValueType::String));
            let mapping = mapping(vec![template("heartrate", period, "c", own, parts)], compat);
            let readings = [
                reading("10:00:00.5", &[("a", "7.50"), ("w", "1"), ("s", "t")]).correlation("c"),
            ];
            let (made, _) = run(&readings, &mapping);
            assert_eq!(
                merged(&made[0].json, &readings, &mapping),
                Merged::NoOperation
            );
        }
    }
}

#[test]
fn values_are_overwritten() {
    for compat in [Compat::Default, Compat::Strict] {
        for (kind, expected) in [
            (
                quantity("x"),
                json!({"valueQuantity": {"value": 8, "unit": "x"}}),
            ),
            (ValueType::String, json!({"valueString": "8"})),
            (
                concept("t", "c"),
                json!({"valueCodeableConcept": {"coding": [coding_json("c")], "text": "t"}}),
            ),
        ] {
            let mapping = mapping(
                vec![template(
                    "heartrate",
                    PeriodInterval::Hourly,
                    "c",
                    Some(value("v", kind)),
                    vec![],
                )],
                compat,
            );
            let readings = [reading("10:00:00", &[("v", "8")])];
            let new = one(&readings, &mapping);
            for old in [
                json!({"valueQuantity": {"value": 1}}),
                json!({"valueInteger": 1}),
                json!({}),
            ] {
                let mut existing = new.clone();
                let members = existing.as_object_mut().unwrap();
                members.retain(|name, _| !name.starts_with("value"));
                members.extend(old.as_object().unwrap().clone());
                let made = amended(&existing, &readings, &mapping);
                let mut values = made.as_object().unwrap().clone();
                values.retain(|name, _| name.starts_with("value"));
                assert_eq!(Value::Object(values), expected);
            }
        }
    }
}

fn coding_json(code: &str) -> Value {
    json!({"system": LOINC, "code": code, "display": format!("display of {code}")})
}

#[test]
fn components_by_their_own_coding() {
    for compat in [Compat::Default, Compat::Strict] {
        let mapping = mapping(
            vec![template(
                "heartrate",
                PeriodInterval::Hourly,
                "c",
                None,
                vec![
                    ("1", value("a", quantity("x"))),
                    ("2", value("b", quantity("x"))),
                ],
            )],
            compat,
        );
        let mut first = one(&[reading("10:00:00", &[("a", "1.50")])], &mapping);
        first["component"][0]["code"]["coding"]
            .as_array_mut()
            .unwrap()
            .swap(0, 1);
        let foreign = json!({"code": {"coding": [{"system": "urn:else", "code": "b"}]}, "valueString": "kept"});
        first["component"]
            .as_array_mut()
            .unwrap()
            .push(foreign.clone());
        // Another component, the first stays.
        let made = amended(&first, &[reading("10:10:00", &[("b", "2")])], &mapping);
        let parts = made["component"].as_array().unwrap();
        assert_eq!(parts.len(), 3);
        assert_eq!(parts[0], first["component"][0]);
        assert_eq!(parts[1], foreign);
        assert_eq!(parts[2]["valueQuantity"], json!({"value": 2, "unit": "x"}));
        // The same component.
        let made = amended(&first, &[reading("10:10:00", &[("a", "2")])], &mapping);
        assert_eq!(made["component"].as_array().unwrap().len(), 2);
        assert_eq!(made["component"][0]["valueQuantity"]["value"], 2);
        assert_eq!(made["component"][0]["code"], first["component"][0]["code"]);
    }
}

#[test]
fn what_is_not_touched_stays_as_written() {
    let mapping = mapping(
        vec![template(
            "heartrate",
            PeriodInterval::Hourly,
            "c",
            None,
            vec![
                ("1", value("a", quantity("x"))),
                ("2", value("b", quantity("x"))),
            ],
        )],
        Compat::Default,
    );
    let (made, _) = run(&[reading("10:00:00", &[("a", "1.500")])], &mapping);
    let existing = made[0]
        .json
        .replace(r#""status":"#, r#""note": [ {"text":"é"} ],"status":"#);
    match merged(&existing, &[reading("10:10:00", &[("b", "2.0")])], &mapping) {
        Merged::Amended(made) => {
            assert!(
                made.json
                    .contains(r#""note":[ {"text":"é"} ],"status":"amended""#),
                "{}",
                made.json
            );
            assert!(made.json.contains(r#"{"value":1.500,"unit":"x"}"#));
            assert!(made.json.contains(r#"{"value":2.0,"unit":"x"}"#));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn category_follows_the_mapping() {
    let plain = template("heartrate", PeriodInterval::Hourly, "c", None, vec![]);
    let mut with = plain.clone();
    with.category = vec![Concept {
        text: Some("new".to_owned()),
        codes: vec![],
    }];
    let readings = [reading("10:00:00", &[])];
    let plain = mapping(vec![plain], Compat::Default);
    let with = mapping(vec![with], Compat::Default);
    let first = one(&readings, &plain);
    let second = amended(&first, &readings, &with);
    assert_eq!(second["category"], json!([{"text": "new"}]));
    let third = amended(&second, &readings, &plain);
    assert!(third.get("category").is_none());
}

#[test]
fn sampled_data_needs_its_like() {
    for compat in [Compat::Default, Compat::Strict] {
        let mapping = worked(compat);
        let readings = [reading("10:50:00", &[("hr", "95")])];
        let mut existing = one(&worked_readings(), &mapping);
        existing["valueSampledData"]["dimensions"] = json!(2);
        assert!(refused(&existing, &readings, &mapping).contains("dimensions"));
        existing.as_object_mut().unwrap().remove("valueSampledData");
        assert!(refused(&existing, &readings, &mapping).contains("no SampledData"));
        existing["valueQuantity"] = json!({"value": 1});
        assert!(refused(&existing, &readings, &mapping).contains("no SampledData"));
    }
    let mapping = worked(Compat::Default);
    let readings = [reading("10:50:00", &[("hr", "95")])];
    for text in [
        "",
        "[]",
        "7",
        "{",
        r#"{"effectiveDateTime":"soon"}"#,
        r#"{"effectiveTiming":{}}"#,
    ] {
        assert!(
            matches!(merged(text, &readings, &mapping), Merged::NotSupported(_)),
            "{text}"
        );
    }
}

#[test]
fn the_period_widens_and_samples_move_with_it() {
    let own = Some(value("hr", sampled(1000.0, "x")));
    let parts = vec![
        ("w", value("w", sampled(1000.0, "x"))),
        ("v", value("v", sampled(1000.0, "x"))),
    ];
    for compat in [Compat::Default, Compat::Strict] {
        let mapping = mapping(
            vec![template(
                "heartrate",
                PeriodInterval::CorrelationId,
                "c",
                own.clone(),
                parts.clone(),
            )],
            compat,
        );
        let at =
            |time, properties: &[(&'static str, &str)]| reading(time, properties).correlation("c");
        let first = one(
            &[
                at("10:00:03", &[("hr", "3"), ("w", "3")]),
                at("10:00:04", &[("hr", "4")]),
            ],
            &mapping,
        );
        assert_eq!(first["valueSampledData"]["data"], "3 4");
        let made = amended(
            &first,
            &[at("10:00:01", &[("hr", "1"), ("v", "1")])],
            &mapping,
        );
        assert_eq!(made["valueSampledData"]["data"], "1 E 3 4");
        let (start, end) = match compat {
            Compat::Default => ("2026-01-05T10:00:01Z", "2026-01-05T10:00:04Z"),
            Compat::Strict => (
                "2026-01-05T10:00:01.0000000Z",
                "2026-01-05T10:00:04.0000000Z",
            ),
        };
        assert_eq!(made["effectivePeriod"], json!({"start": start, "end": end}));
        // A new component counts from the widened start, and (default) so does one that got nothing new.
        assert_eq!(made["component"][1]["valueSampledData"]["data"], "1 E E E");
        let untouched = if compat == Compat::Default {
            "E E 3 E"
        } else {
            "3 E"
        };
        assert_eq!(made["component"][0]["valueSampledData"]["data"], untouched);
        // Never narrower.
        let inside = amended(&made, &[at("10:00:02", &[("hr", "2")])], &mapping);
        assert_eq!(inside["effectivePeriod"], made["effectivePeriod"]);
        assert_eq!(inside["valueSampledData"]["data"], "1 2 3 4");
        // The template's period counts, not the stored one.
        let mut slower = made.clone();
        slower["valueSampledData"]["period"] = json!(60_000);
        let again = amended(&slower, &[at("10:00:02", &[("hr", "2")])], &mapping);
        assert_eq!(again["valueSampledData"]["data"], "1 2 3 4");
        assert_eq!(again["valueSampledData"]["period"], 60_000);
    }
}

#[test]
fn an_instant_becomes_a_period() {
    let own = Some(value("v", quantity("x")));
    for (compat, period) in [
        (Compat::Default, PeriodInterval::Hourly),
        (Compat::Strict, PeriodInterval::Single),
        (Compat::Strict, PeriodInterval::Hourly),
    ] {
        let mapping = mapping(
            vec![template("heartrate", period, "c", own.clone(), vec![])],
            compat,
        );
        let readings = [reading("10:00:00", &[("v", "1")])];
        let mut existing = one(&readings, &mapping);
        let period = existing
            .as_object_mut()
            .unwrap()
            .remove("effectivePeriod")
            .unwrap();
        existing["effectiveDateTime"] = json!("2026-01-05T11:00:00+01:00");
        let made = amended(&existing, &readings, &mapping);
        assert!(made.get("effectiveDateTime").is_none());
        assert_eq!(made["effectivePeriod"], period);
    }
}
