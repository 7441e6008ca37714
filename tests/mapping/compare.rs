//! What was expected against what came, as a list of differences.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Every member that `want` gives must be equal in `got`; `null` means absent. Arrays have the same length.
pub(crate) fn partial(want: &Value, got: &Value, path: &str, wrong: &mut Vec<String>) {
    match (want, got) {
        (Value::Object(members), Value::Object(found)) => {
            for (name, want) in members {
                let path = format!("{path}.{name}");
                match (want, found.get(name)) {
                    (Value::Null, None) => {}
                    (Value::Null, Some(got)) => wrong.push(format!("{path}: {got}, want nothing")),
                    (want, None) => wrong.push(format!("{path}: nothing, want {want}")),
                    (want, Some(got)) => partial(want, got, &path, wrong),
                }
            }
        }
        (Value::Array(want), Value::Array(got)) if want.len() == got.len() => {
            for (index, (want, got)) in want.iter().zip(got).enumerate() {
                partial(want, got, &format!("{path}[{index}]"), wrong);
            }
        }
        (Value::Number(want), Value::Number(got)) if want.as_f64() == got.as_f64() => {}
        _ if want == got => {}
        _ => wrong.push(format!("{path}: {got}, want {want}")),
    }
}

/// Whole values, each in its place.
pub(crate) fn exact(want: &[Value], got: &[Value]) -> Vec<String> {
    let mut wrong = count("measurements", want, got);
    for (index, (want, got)) in want.iter().zip(got).enumerate() {
        if want != got {
            wrong.push(format!("measurement {index}: {got}\n      want {want}"));
        }
    }
    wrong
}

/// Observations by partial match, each in its place, or in any order.
pub(crate) fn observations(want: &[Value], got: &[Value], any_order: bool) -> Vec<String> {
    let mut wrong = count("observations", want, got);
    if any_order {
        let mut left: Vec<&Value> = got.iter().collect();
        for (index, want) in want.iter().enumerate() {
            let fits = |got: &&Value| {
                let mut wrong = Vec::new();
                partial(want, got, "", &mut wrong);
                wrong.is_empty()
            };
            match left.iter().position(fits) {
                Some(at) => {
                    left.remove(at);
                }
                None => wrong.push(format!("no observation is the expected {index}: {want}")),
            }
        }
    } else {
        for (index, (want, got)) in want.iter().zip(got).enumerate() {
            partial(want, got, &format!("observation {index}"), &mut wrong);
        }
    }
    wrong
}

/// What holds for every Observation: its id is the SHA-256 of its first identifier.
pub(crate) fn derived_ids(got: &[Value], distinct: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for observation in got {
        let identifier = &observation["identifier"][0];
        let text = format!(
            "{}_{}",
            identifier["system"].as_str().unwrap_or_default(),
            identifier["value"].as_str().unwrap_or_default()
        );
        let mut id = String::new();
        for byte in Sha256::digest(text.as_bytes()) {
            write!(id, "{byte:02x}").unwrap();
        }
        if observation["id"] != json!(id) {
            wrong.push(format!(
                "id {} is not the hash of {text}",
                observation["id"]
            ));
        }
        if distinct && !seen.insert(id) {
            wrong.push(format!("two observations have the id of {text}"));
        }
    }
    wrong
}

/// One reject for each expected line, in any order of arrival, and no other.
pub(crate) fn rejects(want: Option<&Value>, got: &[Value]) -> Vec<String> {
    let mut got = got.to_vec();
    got.sort_by_key(|reject| reject["line"].as_u64());
    let want = match want {
        None => &[],
        Some(Value::Array(want)) => want.as_slice(),
        Some(Value::String(word)) if word == "any" => return Vec::new(),
        Some(Value::String(word)) if word == "some" => {
            let none = got.is_empty().then(|| "nothing was rejected".to_owned());
            return none.into_iter().collect();
        }
        Some(other) => return vec![format!("rejects: {other} means nothing")],
    };
    let mut wrong = count("rejects", want, &got);
    for (want, got) in want.iter().zip(&got) {
        let said = |member: &str| got[member].as_str().unwrap_or_default();
        if want["line"] != got["line"] {
            wrong.push(format!("reject of line {}: {got}", want["line"]));
        } else if want.get("reason").is_some() && want["reason"] != got["reason"] {
            wrong.push(format!("reason {}: {got}", want["reason"]));
        } else if said("reason").is_empty() || !got["detail"].is_string() {
            wrong.push(format!("a reject without reason or detail: {got}"));
        } else if let Some(part) = want["detailContains"].as_str()
            && !said("detail").contains(part)
        {
            wrong.push(format!("detail without {part:?}: {got}"));
        }
    }
    wrong
}

/// Every expected fault is a finding of its own; no error besides. Further warnings are no matter.
pub(crate) fn faults(want: &[Value], got: &[Value]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut left: Vec<&Value> = got.iter().collect();
    for want in want {
        match left.iter().position(|got| fault(want, got)) {
            Some(at) => {
                left.remove(at);
            }
            None => wrong.push(format!("no finding is {want}")),
        }
    }
    let errors = left.iter().filter(|got| got["severity"] == "error");
    wrong.extend(errors.map(|got| format!("not expected: {got}")));
    if !wrong.is_empty() {
        wrong.push(format!("found: {}", Value::from(got.to_vec())));
    }
    wrong
}

fn fault(want: &Value, got: &Value) -> bool {
    let severity = want["severity"].as_str().unwrap_or("error");
    let placed = got["line"].as_u64() >= Some(1) && got["column"].as_u64() >= Some(1);
    let line = want.get("line").is_none_or(|line| *line == got["line"]);
    let column = want.get("columns").is_none_or(|columns| {
        let (first, last) = (columns[0].as_u64(), columns[1].as_u64());
        (first..=last).contains(&got["column"].as_u64())
    });
    let words = want["contains"].as_str().unwrap_or_default().to_lowercase();
    let said = |member: &str| got[member].as_str().unwrap_or_default().to_lowercase();
    let told = said("message").contains(&words) || said("path").contains(&words);
    got["severity"] == severity && placed && line && column && told && !said("message").is_empty()
}

fn count(what: &str, want: &[Value], got: &[Value]) -> Vec<String> {
    if want.len() == got.len() {
        return Vec::new();
    }
    let got_text = Value::from(got.to_vec());
    vec![format!(
        "{} {what}, want {}: {got_text}",
        got.len(),
        want.len()
    )]
}

#[test]
fn a_wrong_expectation_is_seen() {
    let got = json!({"a": {"b": [1, {"c": 2.50}]}, "d": "x"});
    for (want, sound) in [
        (json!({}), true),
        (json!({"a": {"b": [1.0, {"c": 2.5}]}, "e": null}), true),
        (json!({"a": {"b": [{}, {}]}}), false),
        (json!({"a": {"b": [1]}}), false),
        (json!({"a": {"b": [2, {}]}}), false),
        (json!({"d": null}), false),
        (json!({"e": 1}), false),
        (json!({"d": "y"}), false),
        (json!({"d": 1}), false),
    ] {
        let mut wrong = Vec::new();
        partial(&want, &got, "", &mut wrong);
        assert_eq!(wrong.is_empty(), sound, "{want}: {wrong:?}");
    }
    let two = [json!({"v": 1}), json!({"v": 2})];
    let turned = [two[1].clone(), two[0].clone()];
    assert!(exact(&two, &two).is_empty());
    assert!(!exact(&two, &turned).is_empty());
    assert!(!exact(&two, &two[..1]).is_empty());
    assert!(!exact(&[json!({})], &two[..1]).is_empty());
    assert!(!observations(&two, &turned, false).is_empty());
    assert!(observations(&two, &turned, true).is_empty());
    assert!(!observations(&two, &[two[0].clone(), two[0].clone()], true).is_empty());
}

#[test]
fn a_wrong_id_is_seen() {
    let id = "cd3ee1fc63936b0083c968fe962a726d383ab6ee83af53d4f50507ccd646b68a";
    let observation = |id: &str| json!({"id": id, "identifier": [{"value": "patient1"}]});
    assert!(derived_ids(&[observation(id)], true).is_empty());
    assert!(!derived_ids(&[observation("x")], true).is_empty());
    let twice = [observation(id), observation(id)];
    assert!(derived_ids(&twice, false).is_empty());
    assert!(!derived_ids(&twice, true).is_empty());
}

#[test]
fn wrong_rejects_are_seen() {
    let got = [
        json!({"line": 3, "reason": "bad-time", "detail": "heartrate: noon"}),
        json!({"line": 1, "reason": "no-match", "detail": ""}),
    ];
    for (want, sound) in [
        (json!([{"line": 1}, {"line": 3}]), true),
        (
            json!([{"line": 1, "reason": "no-match"}, {"line": 3, "detailContains": "noon"}]),
            true,
        ),
        (json!("any"), true),
        (json!("some"), true),
        (json!([]), false),
        (json!([{"line": 1}]), false),
        (json!([{"line": 1}, {"line": 2}]), false),
        (
            json!([{"line": 1, "reason": "bad-time"}, {"line": 3}]),
            false,
        ),
        (
            json!([{"line": 1}, {"line": 3, "detailContains": "twelve"}]),
            false,
        ),
    ] {
        assert_eq!(rejects(Some(&want), &got).is_empty(), sound, "{want}");
    }
    assert!(rejects(None, &[]).is_empty() && !rejects(None, &got).is_empty());
    assert!(!rejects(Some(&json!("some")), &[]).is_empty());
}

#[test]
fn wrong_faults_are_seen() {
    let finding = json!({"file": "d", "line": 4, "column": 9, "severity": "error", "path": "$.template[0]", "message": "missing typeName"});
    let warning = json!({"file": "d", "line": 5, "column": 1, "severity": "warning", "path": "", "message": "steps"});
    let got = [finding, warning];
    for (want, sound) in [
        (json!([{}]), true),
        (
            json!([{"line": 4, "columns": [9, 9], "contains": "TypeName"}]),
            true,
        ),
        (
            json!([{}, {"severity": "warning", "contains": "steps"}]),
            true,
        ),
        (json!([]), false),
        (json!([{}, {}]), false),
        (json!([{"line": 5}]), false),
        (json!([{"columns": [10, 12]}]), false),
        (json!([{"contains": "codes"}]), false),
    ] {
        let wrong = faults(want.as_array().unwrap(), &got);
        assert_eq!(wrong.is_empty(), sound, "{want}: {wrong:?}");
    }
    let nowhere = json!({"line": 0, "column": 1, "severity": "error", "message": "x"});
    assert!(
        !faults(&[json!({})], &[nowhere]).is_empty(),
        "a fault has a place"
    );
}
