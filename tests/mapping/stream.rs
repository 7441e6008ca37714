//! Long, deep and costly input, made here rather than written down; where rejects go.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::harness::cli::{Cli, Ran, cli, ndjson};

/// One value of a chosen path, of every event with a heart rate.
fn device(hr: &str) -> String {
    json!({"templateType": "CollectionContent", "template": [{"templateType": "CalculatedContent", "template": {
        "typeName": "heartrate",
        "typeMatchExpression": "$..[?(@heartRate)]",
        "deviceIdExpression": "$.matchedToken.deviceId",
        "timestampExpression": "$.matchedToken.time",
        "patientIdExpression": "$.matchedToken.patient",
        "values": [{"valueName": "hr", "valueExpression": hr, "required": "true"}],
    }}]})
    .to_string()
}

const HR: &str = "$.matchedToken.heartRate";

fn event(hr: usize, time: &str, more: &str) -> String {
    format!(
        r#"{{"Body":{{"deviceId":"d1","patient":"p1","time":"{time}","heartRate":{hr}{more}}}}}"#
    )
}

struct Dir(tempfile::TempDir);

impl Dir {
    fn with(device: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("device.json"), device).unwrap();
        Self(dir)
    }

    fn normalize(&self) -> Cli {
        cli(&["normalize", "--device-mapping", "device.json"]).within(self.0.path())
    }

    /// Runs with `--errors`; gives stdout and the rejects.
    fn run(&self, input: String) -> (Vec<Value>, Vec<Value>) {
        let Ran { code, out, talk } = self
            .normalize()
            .arg("--errors")
            .arg("errors.ndjson")
            .input(input)
            .run();
        assert_eq!(code, 0, "{talk}");
        let errors = std::fs::read_to_string(self.0.path().join("errors.ndjson")).unwrap();
        (ndjson(&out), ndjson(&errors))
    }
}

#[test]
fn one_broken_line_in_a_hundred() {
    let broken = [
        r#"{"Body":{"#,
        r#"{"Body":{"deviceId":"d1","time":"never","heartRate":1}}"#,
    ];
    let mut input = String::new();
    for line in 1..=1_000 {
        if line % 100 == 50 {
            input += if line % 200 == 50 {
                broken[0]
            } else {
                broken[1]
            };
        } else {
            let time = format!("2026-01-05T10:{:02}:{:02}Z", line / 60, line % 60);
            input += &event(line, &time, "");
        }
        input.push('\n');
    }
    let (measurements, rejects) = Dir::with(&device(HR)).run(input);
    let values: Vec<usize> = measurements
        .iter()
        .map(|found| {
            let value = found["properties"][0]["value"].as_str().unwrap();
            value.parse().unwrap()
        })
        .collect();
    let sound: Vec<usize> = (1..=1_000).filter(|line| line % 100 != 50).collect();
    assert_eq!(values, sound, "in input order");
    let told: Vec<_> = rejects
        .iter()
        .map(|reject| (reject["line"].as_u64().unwrap(), reject["reason"].clone()))
        .collect();
    let expected: Vec<_> = (0..10)
        .map(|n| {
            (
                n * 100 + 50,
                json!(["undecodable", "bad-time"][(n % 2) as usize]),
            )
        })
        .collect();
    assert_eq!(told, expected);
    assert!(rejects.iter().all(|reject| reject["detail"].is_string()));
}

#[test]
fn rejects_without_a_file_go_to_stderr() {
    let dir = Dir::with(&device(HR));
    let good = event(72, "2026-01-05T10:00:00Z", "");
    let ran = dir.normalize().input(format!("{good}\nbroken\n")).run();
    assert_eq!(ran.code, 1, "{}", ran.talk);
    assert_eq!(ndjson(&ran.out).len(), 1);
    let rejects = ndjson(&ran.talk);
    assert_eq!(rejects.len(), 1, "{}", ran.talk);
    assert_eq!(
        (&rejects[0]["line"], &rejects[0]["reason"]),
        (&json!(2), &json!("undecodable"))
    );
    let ran = dir.normalize().input(good).run();
    assert_eq!((ran.code, ran.talk.as_str()), (0, ""));
}

#[test]
fn a_deep_event_is_a_reject_and_no_crash() {
    let deep = format!("{}{}", "[".repeat(300_000), "]".repeat(300_000));
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let time = "2026-01-05T10:00:00Z";
    let input = [
        event(1, time, &format!(",\"deep\":{deep}")),
        event(2, time, ""),
        objects,
        event(4, time, &format!(",\"open\":{}", "[".repeat(300_000))),
        event(5, time, ""),
    ];
    let (measurements, rejects) = Dir::with(&device(HR)).run(input.join("\n"));
    assert_eq!(measurements.len(), 2);
    let lines: Vec<_> = rejects
        .iter()
        .map(|reject| reject["line"].clone())
        .collect();
    assert_eq!(lines, [1, 3, 4]);
}

#[test]
fn a_costly_event_is_a_reject_and_the_next_is_not() {
    // Every element asks every element: the square of the list.
    let costly = device("$.Body.list[?($.Body.list[*] == -1)]");
    let list = vec!["7"; 20_000].join(",");
    let time = "2026-01-05T10:00:00Z";
    let input = [
        event(1, time, &format!(",\"list\":[{list}]")),
        event(2, time, ",\"list\":[-1]"),
    ];
    let (measurements, rejects) = Dir::with(&costly).run(input.join("\n"));
    assert_eq!(measurements.len(), 1);
    assert_eq!(measurements[0]["properties"][0]["value"], "-1");
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    assert_eq!(
        (&rejects[0]["line"], &rejects[0]["reason"]),
        (&json!(1), &json!("too-many-steps"))
    );
}

#[test]
fn a_window_is_of_the_whole_input() {
    let dir = Dir::with(&device(HR));
    let fhir = json!({"templateType": "CollectionFhir", "template": [{"templateType": "CodeValueFhir", "template": {
        "typeName": "heartrate",
        "periodInterval": 60,
        "codes": [{"code": "8867-4", "system": "http://loinc.org", "display": "Heart rate"}],
        "value": {"valueType": "SampledData", "valueName": "hr", "defaultPeriod": 300, "unit": "/min"},
    }}]});
    std::fs::write(dir.0.path().join("fhir.json"), fhir.to_string()).unwrap();
    let (mut input, mut data) = (String::new(), String::new());
    for slot in 0..12_000 {
        let ms = slot * 300;
        let time = format!(
            "2026-01-05T10:{:02}:{:02}.{:03}Z",
            ms / 60_000,
            ms / 1_000 % 60,
            ms % 1_000
        );
        input += &event(slot, &time, "");
        input.push('\n');
        write!(data, " {slot}").unwrap();
    }
    let out = dir
        .normalize()
        .arg("--fhir-mapping")
        .arg("fhir.json")
        .input(input)
        .ok();
    let observations = ndjson(&out);
    assert_eq!(observations.len(), 1, "one hour of one patient");
    assert_eq!(
        observations[0]["valueSampledData"]["data"].as_str(),
        data.strip_prefix(' ')
    );
}
