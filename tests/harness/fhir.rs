//! Observations as the server gives them, and what HL7's vital-signs profiles (R4, 4.0.1) ask of an Observation, checked without our own code.

use serde_json::Value;

use super::Server;

const LOINC: &str = "http://loinc.org";
const UCUM: &str = "http://unitsofmeasure.org";
const PANEL: &str = "85354-9";
const STATUSES: [&str; 8] = [
    "registered",
    "preliminary",
    "final",
    "amended",
    "corrected",
    "cancelled",
    "entered-in-error",
    "unknown",
];

/// LOINC code that must be present, profile, and the unit codes it allows.
const PROFILES: [(&str, &str, &[&str]); 5] = [
    ("8867-4", "heartrate", &["/min"]),
    ("9279-1", "resprate", &["/min"]),
    ("2708-6", "oxygensat", &["%"]),
    ("8310-5", "bodytemp", &["Cel", "[degF]"]),
    (PANEL, "bp", &[]),
];

/// The resources of a search, in its order.
pub(crate) async fn search(server: &Server, query: &str) -> Vec<Value> {
    let bundle = server.get(&format!("/fhir/R4/Observation?{query}")).await;
    assert_eq!(bundle["type"], "searchset");
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|entry| entry["resource"].clone()).collect()
}

/// Every Observation of a patient as text, as its own address serves it.
pub(crate) async fn texts(server: &Server, patient: &str) -> Vec<String> {
    let mut texts = Vec::new();
    for found in search(server, &format!("patient={patient}")).await {
        let id = found["id"].as_str().unwrap();
        texts.push(server.text(&format!("/fhir/R4/Observation/{id}")).await);
    }
    texts.sort();
    texts
}

/// Whether the codings hold this LOINC code.
pub(crate) fn has_loinc(concept: &Value, code: &str) -> bool {
    let codings = concept["coding"].as_array().into_iter().flatten();
    codings
        .into_iter()
        .any(|coding| coding["system"] == LOINC && coding["code"] == code)
}

/// Panics unless the resource is a valid vital sign of `patient` under one of the profiles.
pub(crate) fn check_vital_sign(observation: &Value, patient: &str) {
    no_empty_parts(observation);
    let text = |pointer: &str| {
        observation
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or("")
    };
    assert_eq!(text("/resourceType"), "Observation");
    let id = text("/id");
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    assert!(
        (1..=64).contains(&id.len()) && id.bytes().all(plain),
        "{observation}"
    );
    assert!(STATUSES.contains(&text("/status")), "{observation}");
    assert_eq!(text("/subject/reference"), format!("Patient/{patient}"));
    let effective = text("/effectiveDateTime");
    assert!(
        effective.len() >= 20 && effective.ends_with('Z'),
        "{observation}"
    );
    assert!(
        text("/issued").len() >= 20 && text("/issued").ends_with('Z'),
        "{observation}"
    );
    let category = observation["category"].as_array().unwrap().iter();
    let vital = |coding: &Value| {
        coding["system"] == "http://terminology.hl7.org/CodeSystem/observation-category"
            && coding["code"] == "vital-signs"
    };
    let categories = category.filter(|one| one["coding"].as_array().unwrap().iter().any(vital));
    assert_eq!(categories.count(), 1, "{observation}");
    let (code, profile, units) = PROFILES
        .iter()
        .find(|(code, ..)| has_loinc(&observation["code"], code))
        .unwrap_or_else(|| panic!("no profile's code: {observation}"));
    let url = format!("http://hl7.org/fhir/StructureDefinition/{profile}");
    assert_eq!(text("/meta/profile/0"), url);
    if *code != PANEL {
        return check_value(observation, units);
    }
    assert!(observation.get("valueQuantity").is_none(), "{observation}");
    let components = observation["component"].as_array().unwrap();
    for part in ["8480-6", "8462-4"] {
        let found = components
            .iter()
            .filter(|one| has_loinc(&one["code"], part));
        assert_eq!(found.count(), 1, "{part} in {observation}");
    }
    components
        .iter()
        .for_each(|component| check_value(component, &["mm[Hg]"]));
}

/// vs-2, vs-3 and obs-6: a Quantity with value, unit, system and code, or the reason why not.
fn check_value(part: &Value, units: &[&str]) {
    let absent = part.get("dataAbsentReason").is_some();
    let Some(quantity) = part.get("valueQuantity") else {
        return assert!(absent, "neither value nor reason: {part}");
    };
    assert!(!absent, "value and reason: {part}");
    assert!(quantity["value"].is_number(), "{part}");
    assert!(
        quantity["unit"]
            .as_str()
            .is_some_and(|unit| !unit.is_empty()),
        "{part}"
    );
    assert_eq!(quantity["system"], UCUM);
    assert!(
        units.contains(&quantity["code"].as_str().unwrap()),
        "{part}"
    );
}

/// FHIR's JSON has no null, no empty object, list or text.
fn no_empty_parts(value: &Value) {
    match value {
        Value::Null => panic!("null in a resource"),
        Value::String(text) => assert!(!text.is_empty(), "an empty text in a resource"),
        Value::Array(items) => {
            assert!(!items.is_empty(), "an empty list in a resource");
            items.iter().for_each(no_empty_parts);
        }
        Value::Object(fields) => {
            assert!(!fields.is_empty(), "an empty object in a resource");
            fields.values().for_each(no_empty_parts);
        }
        Value::Bool(_) | Value::Number(_) => {}
    }
}
