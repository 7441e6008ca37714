//! `rules score`: what a person reads off the chart, and what a score says that lacks an input.

use serde_json::{Value, json};

use crate::harness::cli::{Ran, cli, ndjson};

fn score(table: &str, lines: &[Value]) -> Ran {
    let input: String = lines.iter().map(|line| format!("{line}\n")).collect();
    cli(&["rules", "score", table]).input(input).run()
}

fn patient() -> Value {
    json!({
        "respiratoryRate": 22, "spo2": 95, "spo2Scale": 1, "oxygen": true, "systolic": 108,
        "pulse": 112, "consciousness": "A", "temperature": 38.4,
    })
}

#[test]
fn news2_of_a_patient_and_of_one_whose_pulse_nobody_took() {
    let mut second = patient();
    second.as_object_mut().unwrap().remove("pulse");
    let ran = score("news2", &[patient(), second]);
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let parts = json!({
        "respiratoryRate": 2, "spo2": 1, "oxygen": 2, "systolic": 1, "pulse": 2, "consciousness": 0, "temperature": 1,
    });
    let lines = ndjson(&ran.out);
    assert_eq!(
        lines[0],
        json!({"total": 9, "lowerBound": 9, "parts": parts, "maxPart": 2, "band": "high", "missing": []})
    );
    assert_eq!(lines[1]["total"], Value::Null);
    assert_eq!(lines[1]["lowerBound"], 7);
    assert_eq!(lines[1]["missing"], json!(["pulse"]));
    assert_eq!(lines[1]["parts"]["pulse"], Value::Null);
}

#[test]
fn a_line_that_cannot_be_scored_is_told_and_the_others_go_on() {
    let wrong = json!({"respiratoryRate": "fast"});
    let misspelt = json!({"heartRate": 80});
    let no_such_word = json!({"consciousness": "X"});
    let impossible = json!({"respiratoryRate": -5});
    let lines = [wrong, misspelt, no_such_word, impossible, patient()];
    let ran = score("news2", &lines);
    assert_eq!(ran.code, 1);
    assert_eq!(ndjson(&ran.out).len(), 1);
    for expected in [
        "line 1: respiratoryRate must be a number",
        "line 2: NEWS2 has no input \"heartRate\"",
        "line 3: consciousness must be one of A, C, V, P, U",
        "line 4: respiratoryRate must be from 0 to 200 /min, not -5",
    ] {
        assert!(ran.talk.contains(expected), "{}", ran.talk);
    }
}

#[test]
fn a_site_brings_its_own_table() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.toml");
    let table = r#"
id = "own"
title = "Own"
source = "the site's committee"
[[input]]
name = "pulse"
metric = "8867-4"
unit = "/min"
bands = [{ to = 100, points = 0 }, { points = 2 }]
"#;
    std::fs::write(&file, table).unwrap();
    let ran = score(file.to_str().unwrap(), &[json!({"pulse": 101})]);
    assert_eq!(ndjson(&ran.out)[0]["total"], 2, "{}", ran.talk);
    std::fs::write(&file, "id = 3").unwrap();
    let ran = score(file.to_str().unwrap(), &[]);
    assert_eq!(ran.code, 64, "{}", ran.talk);
    let ran = score("no-such", &[]);
    assert_eq!(ran.code, 64);
    assert!(
        ran.talk.contains("news2, mews, qsofa, sirs"),
        "{}",
        ran.talk
    );
}
