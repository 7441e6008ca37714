//! A case as its file has it. Documents and events keep their text: order of members and digits of numbers count.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::value::RawValue;

/// Members that a case may have.
const MEMBERS: &[&str] = &[
    "name",
    "spec",
    "note",
    "compat",
    "args",
    "device",
    "fhir",
    "events",
    "measurements",
    "observations",
    "anyOrder",
    "contains",
    "rejects",
    "faults",
    "refused",
];

#[derive(Debug)]
pub(crate) struct Case(BTreeMap<String, Box<RawValue>>);

pub(crate) fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/mapping")
}

/// The cases of a file.
pub(crate) fn read(topic: &str) -> Vec<Case> {
    let file = dir().join(format!("{topic}.json"));
    let text = std::fs::read_to_string(&file).unwrap();
    parse(&text).unwrap_or_else(|fault| panic!("{topic}.json: {fault}"))
}

/// Cases, if each has a name, a specification row and nothing but known members.
pub(crate) fn parse(text: &str) -> Result<Vec<Case>, String> {
    let cases: Vec<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(text).map_err(|error| error.to_string())?;
    let cases: Vec<Case> = cases.into_iter().map(Case).collect();
    for (index, case) in cases.iter().enumerate() {
        for member in ["name", "spec"] {
            if case.text(member).is_none() {
                return Err(format!("case {index} has no {member}"));
            }
        }
        if let Some(unknown) = case.0.keys().find(|key| !MEMBERS.contains(&key.as_str())) {
            return Err(format!("{}: unknown member {unknown}", case.name()));
        }
        if case.document("device").is_none() && case.document("fhir").is_none() {
            return Err(format!("{}: no mapping", case.name()));
        }
        let expects = ["measurements", "observations", "faults"];
        if !expects.iter().any(|member| case.0.contains_key(*member)) {
            return Err(format!("{}: nothing is expected", case.name()));
        }
    }
    Ok(cases)
}

impl Case {
    pub(crate) fn name(&self) -> String {
        self.text("name").unwrap()
    }

    /// The row of the specification, `section:row`.
    pub(crate) fn spec(&self) -> String {
        self.text("spec").unwrap()
    }

    pub(crate) fn value(&self, member: &str) -> Option<Value> {
        let raw = self.0.get(member)?;
        Some(serde_json::from_str(raw.get()).unwrap())
    }

    pub(crate) fn text(&self, member: &str) -> Option<String> {
        self.value(member)?.as_str().map(ToOwned::to_owned)
    }

    pub(crate) fn list(&self, member: &str) -> Option<Vec<Value>> {
        self.value(member)?.as_array().cloned()
    }

    pub(crate) fn is(&self, member: &str) -> bool {
        self.value(member) == Some(Value::Bool(true))
    }

    /// A mapping document: an object as it is, a string as the text it holds, an array as the lines of the text.
    pub(crate) fn document(&self, member: &str) -> Option<String> {
        let raw = self.0.get(member)?.get();
        Some(match serde_json::from_str(raw).unwrap() {
            Value::String(text) => text,
            Value::Array(lines) => {
                let lines: Vec<&str> = lines.iter().map(|line| line.as_str().unwrap()).collect();
                lines.join("\n")
            }
            _ => raw.to_owned(),
        })
    }

    /// The events as the lines of stdin.
    pub(crate) fn input(&self) -> Option<Vec<u8>> {
        let events: Vec<Box<RawValue>> = serde_json::from_str(self.0.get("events")?.get()).unwrap();
        let mut input = Vec::new();
        for event in events {
            let value: Value = serde_json::from_str(event.get()).unwrap();
            if let Some(line) = value.as_str() {
                input.extend_from_slice(line.as_bytes());
            } else if let Some(hex) = value.get("$hex").and_then(Value::as_str) {
                input.extend(bytes(hex));
            } else {
                // Line ends stand between members only, never within a string.
                for line in event.get().lines() {
                    input.extend_from_slice(line.trim_start().as_bytes());
                }
            }
            input.push(b'\n');
        }
        Some(input)
    }

    /// Whether any expression of the device mapping is JMESPath.
    pub(crate) fn speaks_jmespath(&self) -> bool {
        let text = self.document("device").unwrap_or_default();
        text.to_ascii_lowercase().contains("\"jmespath\"")
    }

    /// Whether any expression of the device mapping is JSONPath.
    pub(crate) fn speaks_jsonpath(&self) -> bool {
        self.document("device")
            .is_some_and(|text| text.contains("\"$."))
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn a_case_is_read_as_it_stands() {
    let text = r#"[{"name":"n","spec":"1.1:x","device":["{","}"],"events":[{"b":1.50,
        "a":2}," {",{"$hex":"ff7b"}],"measurements":[]}]"#;
    let case = parse(text).unwrap().remove(0);
    assert_eq!(case.document("device").unwrap(), "{\n}");
    assert_eq!(case.input().unwrap(), b"{\"b\":1.50,\"a\":2}\n {\n\xff{\n");
}

#[test]
fn a_mistyped_case_is_refused() {
    for (text, fault) in [
        (r#"[{"name":"n","device":{},"faults":[]}]"#, "no spec"),
        (r#"[{"name":"n","spec":"s","faults":[]}]"#, "no mapping"),
        (
            r#"[{"name":"n","spec":"s","device":{}}]"#,
            "nothing is expected",
        ),
        (
            r#"[{"name":"n","spec":"s","device":{},"faults":[],"reject":[]}]"#,
            "unknown member reject",
        ),
    ] {
        let told = parse(text).unwrap_err();
        assert!(told.contains(fault), "{told}");
    }
}
