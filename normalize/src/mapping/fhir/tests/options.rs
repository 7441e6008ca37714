//! `enrich = true`.

use super::*;

const VITAL: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

fn enriched(template: CodeValueFhir) -> FhirMapping {
    mapping(vec![template], Compat::Default).with_options(Options {
        compat: Compat::Default,
        enrich: true,
    })
}

fn single(code: &str, kind: ValueType) -> CodeValueFhir {
    template(
        "heartrate",
        PeriodInterval::Single,
        code,
        Some(value("v", kind)),
        vec![],
    )
}

#[test]
fn a_known_vital_sign_in_a_known_unit() {
    let readings = [reading("10:00:00", &[("v", "37.20")])];
    let plain = one(
        &readings,
        &mapping(vec![single("8310-5", quantity("°C"))], Compat::Default),
    );
    assert!(plain.get("meta").is_none() && plain.get("category").is_none());
    let made = one(&readings, &enriched(single("8310-5", quantity("°C"))));
    assert_eq!(
        made["meta"]["profile"],
        json!(["http://hl7.org/fhir/StructureDefinition/bodytemp"])
    );
    assert_eq!(
        made["category"],
        json!([{"coding": [{"system": VITAL, "code": "vital-signs"}]}])
    );
    assert_eq!(
        made["valueQuantity"],
        json!({"value": 37.20, "unit": "°C", "system": "http://unitsofmeasure.org", "code": "Cel"})
    );
}

#[test]
fn nothing_is_claimed_that_does_not_hold() {
    let own = ValueType::Quantity {
        unit: Some("beats".to_owned()),
        system: Some("urn:own".to_owned()),
        code: Some("b".to_owned()),
    };
    for (code, kind, category, profile, unit) in [
        ("8867-4", quantity("furlongs"), true, false, None),
        ("8867-4", quantity("kg"), true, false, Some("kg")),
        ("8867-4", own, true, false, Some("b")),
        ("8867-4", sampled(1000.0, "bpm"), true, false, None),
        ("8867-4", ValueType::String, true, false, None),
        ("8867-4", quantity("bpm"), true, true, Some("/min")),
        // Oxygen saturation by its second code: the profile asks for the first.
        ("59408-5", quantity("%"), true, false, Some("%")),
        ("00000-0", quantity("bpm"), false, false, None),
    ] {
        let readings = [reading("10:00:00", &[("v", "7")])];
        let made = one(&readings, &enriched(single(code, kind.clone())));
        assert_eq!(made.get("category").is_some(), category, "{code} {kind:?}");
        assert_eq!(made.get("meta").is_some(), profile, "{code} {kind:?}");
        assert_eq!(
            made["valueQuantity"]["code"].as_str(),
            unit,
            "{code} {kind:?}"
        );
    }
    let mapping = enriched(single("8867-4", quantity("bpm")));
    let without_value = one(&[reading("10:00:00", &[])], &mapping);
    assert!(without_value.get("meta").is_none());
    let without_subject = one(
        &[reading("10:00:00", &[("v", "7")]).patient(None)],
        &mapping,
    );
    assert!(without_subject.get("meta").is_none());
    // A category of the mapping's own is not doubled.
    let mut stated = single("8867-4", quantity("bpm"));
    stated.category = vec![Concept {
        text: None,
        codes: vec![Coding {
            code: Some("vital-signs".to_owned()),
            system: Some(VITAL.to_owned()),
            display: None,
        }],
    }];
    let made = one(&[reading("10:00:00", &[("v", "7")])], &enriched(stated));
    assert_eq!(made["category"].as_array().unwrap().len(), 1);
}

#[test]
fn blood_pressure_needs_both() {
    let panel = template(
        "heartrate",
        PeriodInterval::Single,
        "85354-9",
        None,
        vec![
            ("8480-6", value("s", quantity("mmHg"))),
            ("8462-4", value("d", quantity("mmHg"))),
        ],
    );
    let mapping = enriched(panel);
    let made = one(
        &[reading("10:00:00", &[("s", "120"), ("d", "80")])],
        &mapping,
    );
    assert_eq!(
        made["meta"]["profile"],
        json!(["http://hl7.org/fhir/StructureDefinition/bp"])
    );
    assert_eq!(made["component"][0]["valueQuantity"]["code"], "mm[Hg]");
    let made = one(&[reading("10:00:00", &[("s", "120")])], &mapping);
    assert!(made.get("meta").is_none() && made.get("category").is_some());
}
