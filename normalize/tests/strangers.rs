//! What strangers write: the entries of the fuzz targets (`fuzz/`), on their seeds and on random input, so that they hold
//! on every run of the tests.
#![cfg(feature = "mapping")]

#[path = "../../fuzz/src/lib.rs"]
pub mod entries;

use proptest::prelude::*;
use std::path::Path;

type Entry = fn(&[u8]);

const ENTRIES: [(&str, Entry); 5] = [
    ("jsonpath", entries::jsonpath),
    ("jmespath", entries::jmespath),
    ("mapping_document", entries::mapping_document),
    ("event", entries::event),
    ("hl7v2", entries::hl7v2),
];

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/seeds")
        .join(target);
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(dir).expect("the target has seeds") {
        let path = entry.expect("the directory can be read").path();
        let seed = std::fs::read(&path).expect("the seed can be read");
        seeds.push((path.display().to_string(), seed));
    }
    seeds.sort();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}

#[test]
fn seeds_hold_whole_and_cut_anywhere() {
    for (target, entry) in ENTRIES {
        for (_, seed) in seeds(target) {
            let step = seed.len().div_ceil(60);
            (0..seed.len())
                .step_by(step)
                .for_each(|end| entry(&seed[..end]));
            entry(&seed);
        }
    }
}

/// The mappings that the targets run events through give what they are there for.
#[test]
fn seeds_of_events_come_to_measurements() {
    use bumpalo::Bump;
    use wardline_normalize::mapping::device::DeviceMapping;
    use wardline_normalize::mapping::jmespath::Scope;
    use wardline_normalize::mapping::parse::{ParseOptions, parse};
    use wardline_normalize::mapping::{Budget, Compat};

    let mapping = DeviceMapping::compile(include_str!("../../fuzz/mappings/device.json")).unwrap();
    let mut types = Vec::new();
    for (name, seed) in seeds("event") {
        let arena = Bump::new();
        let Ok(event) = parse(&seed, &arena, ParseOptions::default()) else {
            panic!("{name}")
        };
        let scope = Scope {
            arena: &arena,
            compat: Compat::Default,
        };
        let mut out = Vec::new();
        let _scalar = mapping.evaluate(event, &scope, &mut Budget::default(), &mut out);
        types.extend(
            out.iter()
                .map(|measurement| measurement.type_name.to_owned()),
        );
    }
    types.sort();
    types.dedup();
    assert_eq!(
        types,
        [
            "ecg",
            "heartrate",
            "posture",
            "pressure",
            "temperature",
            "trend"
        ]
    );
}

/// Pieces of the languages in any order: mostly nonsense, often enough not.
fn pieces(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..14).prop_map(|pieces| pieces.concat())
}

const JSONPATH: &[&str] = &[
    "$",
    "@",
    ".",
    "..",
    "*",
    "a",
    "b-c",
    "['a']",
    "['a','b']",
    "[0]",
    "[-1]",
    "[1:2]",
    "[::-1]",
    "[*]",
    "[?(",
    ")]",
    "==",
    "!=",
    "<",
    ">=",
    "===",
    "=~",
    "/a.*/i",
    "&&",
    "||",
    "'x'",
    "1",
    "-2.5e1",
    "true",
    "null",
    " ",
    "(",
    ")",
    "é",
];
const JMESPATH: &[&str] = &[
    "a",
    "b",
    "\"a b\"",
    "@",
    ".",
    "*",
    "[0]",
    "[]",
    "[*]",
    "[?",
    "]",
    "[1:]",
    "[::-1]",
    "|",
    "||",
    "&&",
    "!",
    "==",
    "<",
    "(",
    ")",
    "{",
    "}",
    ":",
    ",",
    "&",
    "`1`",
    "`[1,2]`",
    "`word`",
    "'x'",
    " ",
    "length(",
    "sort_by(",
    "map(",
    "to_string(",
    "join(",
    "let(",
    "not_null(",
    "divide(",
    "insertString(",
    "fromUnixTimestamp(",
    "zip(",
    "é",
];
const EVENT: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"a\"",
    "\"b\"",
    "'c'",
    "\"Body\"",
    "1",
    "-2.50",
    "1e400",
    "NaN",
    "true",
    "null",
    "\"\\u00e9\"",
    "\"2026-01-05T10:00:00Z\"",
    "/* c */",
    " ",
    "\n",
];
const EVENTS: &[&str] = &[
    "{}",
    "[]",
    "null",
    r#"{"a":1,"b":[{"a":"x"},{"a":"y"},null]}"#,
    r#"{"a":{"a":{"b":[1,2.50,[3]]}},"b":"2026-01-05T10:00:00Z"}"#,
    r#"[[1,2],[3,[4]],{"a":true}]"#,
];
const VALUES: &[&str] = &[
    "1",
    "72.50",
    "\"72\"",
    "\"\"",
    "null",
    "true",
    "[]",
    "[1,2]",
    "{}",
    "\"2026-01-05T10:00:00Z\"",
    "\"not a time\"",
    "NaN",
    "1767607200000",
    "\"Lying\"",
    "1e999",
    "[{\"v\":1,\"t\":\"2026-01-05\"}]",
];
const NAMES: &[&str] = &[
    "Body",
    "deviceId",
    "heartrate",
    "time",
    "systolic",
    "diastolic",
    "telemetry",
    "posture",
    "leads",
    "samples",
    "session",
    "at",
    "fahrenheit",
    "ms",
    "sites",
    "trend",
    "points",
    "t",
    "v",
    "Properties",
    "iothub-creation-time-utc",
    "SystemProperties",
    "iothub-connection-device-id",
    "enqueuedTime",
];

/// Events out of the names that the mapping asks for.
fn event() -> impl Strategy<Value = String> {
    prop::sample::select(VALUES).prop_map(str::to_owned).prop_recursive(5, 40, 6, |inner| {
        let member = (prop::sample::select(NAMES), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            1 => prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            3 => prop::collection::vec(member, 0..8).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// A document of ours with one stretch of it replaced.
fn document() -> impl Strategy<Value = Vec<u8>> {
    let documents: Vec<Vec<u8>> = seeds("mapping_document")
        .into_iter()
        .map(|(_, seed)| seed)
        .collect();
    let patch = prop_oneof![pieces(JMESPATH), pieces(JSONPATH), pieces(EVENT)];
    (
        prop::sample::select(documents),
        any::<prop::sample::Index>(),
        0_usize..12,
        patch,
    )
        .prop_map(|(mut document, at, len, patch)| {
            let at = at.index(document.len());
            let end = (at + len).min(document.len());
            document.splice(at..end, patch.into_bytes());
            document
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..200)) {
        ENTRIES.iter().for_each(|(_, entry)| entry(&data));
    }

    #[test]
    fn any_pieces_of_jsonpath(path in pieces(JSONPATH), event in prop::sample::select(EVENTS)) {
        entries::jsonpath(format!("{path}\n{event}").as_bytes());
    }

    #[test]
    fn any_pieces_of_jmespath(expression in pieces(JMESPATH), event in prop::sample::select(EVENTS)) {
        entries::jmespath(format!("{expression}\n{event}").as_bytes());
    }

    #[test]
    fn any_pieces_of_an_event(event in pieces(EVENT)) {
        entries::event(event.as_bytes());
    }

    #[test]
    fn any_event(event in event()) {
        entries::event(event.as_bytes());
    }

    #[test]
    fn any_document(document in document()) {
        entries::mapping_document(&document);
    }
}
