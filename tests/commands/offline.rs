//! `normalize` and `rules check`: no server, no data directory.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::cli::{cli, ndjson};

const RECEIVED: &str = "2026-01-01T00:00:10Z";

/// Five lines: two packs, one that is no JSON, nothing, one with a record that cannot be known.
const PACKS: &str = r#"[{"bn":"d1:","bt":1767225600,"n":"MDC_ECG_HEART_RATE","u":"beat/min","v":72},{"n":"MDC_TEMP_BODY","u":"Cel","v":37.20}]
[{"bn":"d1:","bt":1767225601,"n":"MDC_PRESS_BLD_NONINV_SYS","u":"mm[Hg]","v":121},{"n":"MDC_PRESS_BLD_NONINV_DIA","u":"mm[Hg]","v":79}]
this is no pack

[{"bn":"d1:","bt":1767225602,"n":"MDC_ECG_HEART_RATE","u":"/min","v":73},{"n":"MDC_OF_NOBODY","v":1}]
"#;

#[test]
fn packs_become_rows_and_rejects_go_to_stderr() {
    let ran = cli(&["normalize", "--from", "senml", "--received", RECEIVED])
        .input(PACKS)
        .run();
    assert_eq!(ran.code, 1, "{}", ran.talk);
    let rows = ndjson(&ran.out);
    let short: Vec<_> = rows
        .iter()
        .map(|row| (row["mdc"].as_str().unwrap(), row["value"].to_string()))
        .collect();
    let expected = [
        ("MDC_ECG_HEART_RATE", "72"),
        ("MDC_TEMP_BODY", "37.2"),
        ("MDC_PRESS_BLD_NONINV_SYS", "121"),
        ("MDC_PRESS_BLD_NONINV_DIA", "79"),
        ("MDC_ECG_HEART_RATE", "73"),
    ];
    assert_eq!(short.len(), expected.len(), "{}", ran.out);
    for ((metric, value), (of, at)) in short.iter().zip(expected) {
        assert_eq!(
            (*metric, value.parse::<f64>().unwrap()),
            (of, at.parse().unwrap())
        );
    }
    let temperature = ran.out.lines().nth(1).unwrap();
    assert!(
        temperature.contains("\"value\":37.20,"),
        "as the device sent it: {temperature}"
    );
    for (field, expected) in [
        ("device_id", json!("d1")),
        ("unit", json!("/min")),
        ("code", json!("8867-4")),
        ("effective", json!("2026-01-01T00:00:00Z")),
        ("received", json!(RECEIVED)),
        ("date", json!("2026-01-01")),
        ("patient_id", Value::Null),
        ("version", json!(1)),
    ] {
        assert_eq!(rows[0][field], expected, "{field}");
    }
    let rejects = ndjson(&ran.talk);
    assert_eq!(rejects.len(), 2, "{}", ran.talk);
    assert_eq!(
        (&rejects[0]["line"], &rejects[0]["reason"]),
        (&json!(3), &json!("undecodable"))
    );
    assert_eq!(
        (&rejects[1]["line"], &rejects[1]["reason"]),
        (&json!(5), &json!("unknown-metric"))
    );
    // The same rows however often, and from wherever they come.
    let again = cli(&["normalize", "--from", "senml", "--received", RECEIVED])
        .input(PACKS)
        .run();
    assert_eq!(again.out, ran.out);
}

#[test]
fn rejects_go_to_a_file_when_there_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let errors = dir.path().join("rejects.ndjson");
    let run = cli(&[
        "normalize",
        "--from",
        "senml",
        "--received",
        RECEIVED,
        "--errors",
        errors.to_str().unwrap(),
    ]);
    let ran = run.input(PACKS).run();
    assert_eq!((ran.code, ran.talk.as_str()), (0, ""));
    assert_eq!(ndjson(&ran.out).len(), 5);
    let rejects = ndjson(&std::fs::read_to_string(errors).unwrap());
    let lines: Vec<_> = rejects
        .iter()
        .map(|reject| reject["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [3, 5]);
    assert!(rejects.iter().all(|reject| reject["detail"].is_string()));
}

#[test]
fn packs_become_observations() {
    let sound: String = PACKS
        .lines()
        .take(2)
        .map(|line| format!("{line}\n"))
        .collect();
    let run = cli(&[
        "normalize",
        "--from",
        "senml",
        "--to",
        "fhir",
        "--patient",
        "p1",
        "--received",
        RECEIVED,
    ]);
    let out = run.input(sound.as_str()).ok();
    let observations = ndjson(&out);
    assert_eq!(observations.len(), 3, "{out}");
    let (rate, temperature, pressure) = (&observations[0], &observations[1], &observations[2]);
    for observation in &observations {
        assert_eq!(observation["resourceType"], "Observation");
        assert_eq!(observation["status"], "final");
        assert_eq!(observation["subject"]["reference"], "Patient/p1");
    }
    let quantity = json!({"value": 72, "unit": rate["valueQuantity"]["unit"], "system": "http://unitsofmeasure.org", "code": "/min"});
    assert_eq!(rate["valueQuantity"], quantity);
    assert!(out.contains("37.20"), "precision is kept");
    assert_eq!(temperature["valueQuantity"]["code"], "Cel");
    assert_eq!(pressure["code"]["coding"][0]["code"], "85354-9");
    let components = pressure["component"].as_array().unwrap();
    let values: Vec<_> = components
        .iter()
        .map(|component| component["valueQuantity"]["value"].clone())
        .collect();
    assert_eq!(values, [json!(121), json!(79)]);
    // Without a patient there is nothing that FHIR could serve.
    assert_eq!(
        cli(&[
            "normalize",
            "--from",
            "senml",
            "--to",
            "fhir",
            "--received",
            RECEIVED
        ])
        .input(sound)
        .ok(),
        ""
    );
}

#[test]
fn faults_of_rules_are_told_with_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rules.toml");
    let text = "[[rule]]\nid = \"a\"\ntitle = \"A\"\nkind = \"threshold\"\nmetric = \"no-such-metric\"\nabove = \"high\"\n\
                colour = \"red\"\npriority = \"urgent\"\n";
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();
    let ran = cli(&["rules", "check", file]).run();
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for place in ["5:10: ", "6:9: ", "7:1: ", "8:12: "] {
        assert!(
            ran.talk.contains(&format!("{file}:{place}")),
            "{place}: {}",
            ran.talk
        );
    }
    assert!(ran.talk.contains("fault(s)"), "{}", ran.talk);
    let talk = cli(&["rules", "check", "/no/such/rules.toml"]).fails(2);
    assert!(talk.contains("/no/such/rules.toml"), "{talk}");
    // A service does not start on rules that are not sound.
    let config = dir.path().join("wardline.toml");
    std::fs::write(
        &config,
        format!(
            "data-dir = {:?}\n[rules]\nfile = {file:?}\n",
            dir.path().join("data")
        ),
    )
    .unwrap();
    let talk = cli(&["serve", "--config", config.to_str().unwrap()]).fails(64);
    assert!(talk.contains(":6:9: "), "{talk}");
}

#[test]
fn the_ward_packs_are_sound() {
    for pack in ["ward-adult.toml", "ward-adult-spot.toml"] {
        let pack = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("rules/packs")
            .join(pack);
        cli(&["rules", "check", pack.to_str().unwrap()]).ok();
    }
}
