//! Tools for authors of mapping documents.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::cli::cli;

const DEVICE: &str = r#"{
  "templateType": "CollectionContent",
  "template": [{
    "templateType": "CalculatedContent",
    "template": {
      "typeName": "scale",
      "typeMatchExpression": "$..[?(@grams)]",
      "deviceIdExpression": "$.matchedToken.scale",
      "timestampExpression": "$.matchedToken.at",
      "values": [
        { "valueName": "kg", "valueExpression": { "value": "divide(to_number(matchedToken.grams), `1000.0`)", "language": "JmesPath" }, "required": true }
      ]
    }
  }]
}"#;

const FHIR: &str = r#"{
  "templateType": "CollectionFhir",
  "template": [{
    "templateType": "CodeValueFhir",
    "template": {
      "typeName": "scale",
      "codes": [{ "code": "29463-7", "system": "http://loinc.org" }],
      "value": { "valueName": "kg", "valueType": "Quantity", "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg" }
    }
  }]
}"#;

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let file = dir.join(name);
    std::fs::write(&file, text).unwrap();
    file
}

fn pair(dir: &Path) -> (String, String) {
    let path = |name: &str, text| written(dir, name, text).to_str().unwrap().to_owned();
    (path("device.json", DEVICE), path("fhir.json", FHIR))
}

#[test]
fn five_faults_are_five_findings_with_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let broken = DEVICE
        .replace("typeName", "typeNam")
        .replace("$..[?(@grams)]", "$..[?(@grams]")
        .replace("matchedToken.scale", "matchedToken[")
        .replace("divide(to_number", "divid(to_number")
        .replace("\"required\": true", "\"required\": 7");
    let file = written(dir.path(), "device.json", &broken);
    let ran = cli(&["mapping", "check", "--format", "json"])
        .arg(file.to_str().unwrap())
        .run();
    assert_eq!(ran.code, 1, "{}", ran.talk);
    let found: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    let errors: Vec<_> = found
        .iter()
        .filter(|one| one["severity"] == "error")
        .collect();
    // Each fault at the line it is on; the misspelt name is also a name that is missing.
    let lines: Vec<u64> = errors
        .iter()
        .map(|one| one["line"].as_u64().unwrap())
        .collect();
    for line in [6, 7, 8, 11] {
        assert!(lines.contains(&line), "line {line}: {found:#?}");
    }
    let of_line_11 = lines.iter().filter(|line| **line == 11).count();
    assert_eq!(of_line_11, 2, "function and flag: {found:#?}");
    assert!(errors.iter().all(|one| one["column"].as_u64() > Some(0)));
    let text = ran.out;
    for said in ["typeName", "divide", "required"] {
        assert!(text.contains(said), "{said}: {text}");
    }
}

#[test]
fn names_that_do_not_meet_are_warnings() {
    let dir = tempfile::tempdir().unwrap();
    let (device, _) = pair(dir.path());
    let other = FHIR.replace("\"kg\", \"valueType\"", "\"weight\", \"valueType\"");
    let fhir = written(dir.path(), "other.json", &other);
    let ran = cli(&["mapping", "check"])
        .arg(device)
        .arg(fhir.to_str().unwrap())
        .run();
    assert_eq!(ran.code, 0, "{}", ran.talk);
    assert!(
        ran.out.contains("warning") && ran.out.contains("weight"),
        "{}",
        ran.out
    );
}

#[test]
fn a_trial_shows_what_matched_what_each_expression_gave_and_the_observation() {
    let dir = tempfile::tempdir().unwrap();
    let (device, fhir) = pair(dir.path());
    let events = concat!(
        r#"{"scale":"s1","at":"2026-01-05T07:00:00Z","grams":71500}"#,
        "\n",
        r#"{"scale":"s1","grams":71500}"#,
        "\n",
    );
    let ran = cli(&["mapping", "test", "--patient", "p1", "--device-mapping"])
        .arg(device)
        .arg("--fhir-mapping")
        .arg(fhir)
        .input(events)
        .run();
    assert_eq!(ran.code, 1, "the second event lacks its time: {}", ran.talk);
    for said in [
        "template[0] scale (CalculatedContent): 1 match",
        "deviceIdExpression (JsonPath) $.matchedToken.scale  ->  \"s1\"",
        "->  71.5",
        r#""valueQuantity":{"#,
        "not taken: bad-time",
    ] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
}

#[test]
fn the_plan_and_the_schemas_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let (device, fhir) = pair(dir.path());
    let plan = cli(&["mapping", "explain"]).arg(device).ok();
    assert!(plan.contains("scale") && plan.contains("divide"), "{plan}");
    let plan = cli(&["mapping", "explain"]).arg(fhir).ok();
    assert!(
        plan.contains("29463-7") && plan.contains("kg as Quantity"),
        "{plan}"
    );
    for (document, root) in [("device", "CollectionContent"), ("fhir", "CollectionFhir")] {
        let schema: Value =
            serde_json::from_str(&cli(&["mapping", "schema", document]).ok()).unwrap();
        assert_eq!(
            schema["$schema"],
            json!("https://json-schema.org/draft/2020-12/schema")
        );
        assert!(schema.to_string().contains(root), "{document}");
    }
}
