//! The entries that fuzz targets throw bytes at, and what must hold whatever the bytes are.
//!
//! ```text
//! bytes ──┬─ jsonpath          a path, an end of line, an event
//!         ├─ jmespath          an expression, an end of line, an event
//!         ├─ mapping_document  a device or FHIR mapping, then one event through it
//!         ├─ event             an event, through `mappings/` to Observations
//!         └─ hl7v2             monitors' messages, to rows, alarms and waveforms
//! ```
//!
//! What holds:
//!
//! * nothing panics, and no input runs long: work is bounded by the step budget, memory with it (an evaluation takes at
//!   most [`BYTES_PER_STEP`] of its arena for a step);
//! * ways to the same result agree: `select` with `single` and `evaluate`, `trace` with `evaluate`;
//! * an event gives all of its measurements or none, and what comes out is JSON;
//! * an error points into the text that it is about.
//!
//! `normalize/tests/strangers.rs` includes this file, so that every run of the tests throws the seeds and random input at
//! the same entries. Nothing here knows more of the engine than its public interface.

use std::sync::LazyLock;

use bumpalo::Bump;
use wardline_normalize::hl7v2;
use wardline_normalize::mapping::device::DeviceMapping;
use wardline_normalize::mapping::document::{Fault, cross_check, load_device, load_fhir};
use wardline_normalize::mapping::fhir::{FhirMapping, Input, Options, observations};
use wardline_normalize::mapping::jmespath::{EvalError, Expression, Scope};
use wardline_normalize::mapping::jsonpath::{Path, Single, SyntaxError};
use wardline_normalize::mapping::measurement::Measurement;
use wardline_normalize::mapping::parse::{ParseOptions, parse};
use wardline_normalize::mapping::value::Value;
use wardline_normalize::mapping::{Budget, Compat};
use wardline_normalize::measurement::{
    Alarm, Claims, Measurement as Reading, Reason, Sink, Waveform,
};
use wardline_normalize::senml;

/// Steps for one evaluation: a two-hundredth of what the service allows, so that running out is found too.
const STEPS: u64 = 100_000;
/// Of the arena, growth and what growth leaves behind included.
const BYTES_PER_STEP: usize = 256;
/// Of the arena, for what does not depend on the steps: the event's own tree, and the first chunk.
const BYTES_PER_INPUT_BYTE: usize = 256;
const BYTES_AT_LEAST: usize = 1 << 16;

const RULES: [Compat; 2] = [Compat::Default, Compat::Strict];

/// An expression and, behind the first line's end, the event that it runs on.
fn halves(data: &[u8]) -> Option<(&str, &[u8])> {
    let end = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (expression, event) = data.split_at(end);
    let event = if event.len() > 1 { &event[1..] } else { b"{}" };
    Some((std::str::from_utf8(expression).ok()?, event))
}

fn points_into(text: &str, error: &SyntaxError) {
    assert!(
        error.offset <= text.chars().count(),
        "{error} points behind {text:?}"
    );
    assert!(!error.message.is_empty());
}

fn bounded(arena: &Bump, input: usize) {
    let limit = BYTES_AT_LEAST + input * BYTES_PER_INPUT_BYTE + STEPS as usize * BYTES_PER_STEP;
    let taken = arena.allocated_bytes();
    assert!(
        taken <= limit,
        "{taken} bytes for {STEPS} steps and {input} bytes of input"
    );
}

/// A JSONPath and an event.
pub fn jsonpath(data: &[u8]) {
    let Some((text, event)) = halves(data) else {
        return;
    };
    let path = match Path::parse(text) {
        Ok(path) => path,
        Err(error) => return points_into(text, &error),
    };
    assert_eq!(path.source(), text);
    assert!(!path.to_string().is_empty());
    let arena = Bump::new();
    let Ok(root) = parse(event, &arena, ParseOptions::default()) else {
        return;
    };
    let mut found = Vec::new();
    let all = path.select(root, &mut Budget::new(STEPS), &mut found);
    assert!(found.len() as u64 <= STEPS);
    let single = path.single(root, &mut Budget::new(STEPS));
    // The search for one may end before the budget does, never after.
    if all.is_ok() {
        match (
            single.expect("it takes no more steps than the search for all"),
            found.as_slice(),
        ) {
            (Single::None, []) | (Single::Many, [_, _, ..]) => {}
            (Single::One(one), [only]) => assert!(one == *only || not_equal_to_itself(&one)),
            (single, found) => panic!("{text:?} gives {} nodes and {single:?}", found.len()),
        }
    }
    bounded(&arena, data.len());
}

/// `NaN`, or what holds one.
fn not_equal_to_itself(value: &Value<'_>) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_nan(),
        Value::Array(items) => items.iter().any(not_equal_to_itself),
        Value::Object(members) => members.iter().any(|(_, value)| not_equal_to_itself(value)),
        _ => false,
    }
}

/// A JMESPath expression and an event.
pub fn jmespath(data: &[u8]) {
    let Some((text, event)) = halves(data) else {
        return;
    };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err(error) => return points_into(text, &error),
    };
    assert_eq!(expression.source(), text);
    assert!(!expression.explain().is_empty());
    for compat in RULES {
        let arena = Bump::new();
        let Ok(root) = parse(event, &arena, ParseOptions { compat }) else {
            return;
        };
        let scope = Scope {
            arena: &arena,
            compat,
        };
        let evaluated = expression.evaluate(root, &scope, &mut Budget::new(STEPS));
        bounded(&arena, data.len());
        let selected = expression.select(root, &scope, &mut Budget::new(STEPS));
        match (&evaluated, &selected) {
            (Ok(value), Ok(selected)) => {
                assert_eq!(value.kind(), selected.value.kind(), "{text:?}");
                assert!(!selected.projection || value.kind() == "array", "{text:?}");
                let one_token = value.is_null() || selected.projection;
                assert!(!expression.is_projection() || one_token, "{text:?}");
            }
            // `select` spares the step of what it looks into.
            (Err(EvalError::OutOfBudget(_)), _) => {}
            (Err(evaluated), Err(selected)) => {
                assert_eq!(evaluated, selected, "{text:?}");
                assert!(!evaluated.to_string().is_empty());
            }
            (evaluated, selected) => panic!("{text:?}: {evaluated:?} but {selected:?}"),
        }
    }
}

fn points_into_document(text: &str, faults: &[Fault]) {
    let lines = text.split(['\n', '\r']).count();
    for fault in faults {
        assert!(
            (1..=lines + 1).contains(&fault.line),
            "{fault} points behind {lines} lines"
        );
        assert!(
            (1..=text.chars().count() + 1).contains(&fault.column),
            "{fault}"
        );
        assert!(!fault.message.is_empty());
    }
}

/// A mapping document of either kind.
pub fn mapping_document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (device, device_faults) = load_device(text);
    let (fhir, fhir_faults) = load_fhir(text);
    points_into_document(text, &device_faults);
    points_into_document(text, &fhir_faults);
    cross_check(&device, &fhir)
        .iter()
        .for_each(|fault| assert!(!fault.is_error(), "{fault}"));

    match DeviceMapping::compile(text) {
        Ok(mapping) => {
            assert!(!device_faults.iter().any(Fault::is_error));
            assert_eq!(mapping.version().len(), 12);
            // An empty mapping has nothing to explain.
            assert!(device.templates.is_empty() || !mapping.explain().is_empty());
            run(
                &mapping,
                br#"{"Body":{"a":[1,{"b":"2026-01-05T10:00:00Z"}]},"Properties":{}}"#,
            );
        }
        Err(faults) => {
            assert!(faults.iter().any(Fault::is_error));
            points_into_document(text, &faults);
        }
    }
    match FhirMapping::compile(text) {
        Ok(mapping) => assert_eq!(mapping.version().len(), 12),
        Err(faults) => {
            assert!(faults.iter().any(Fault::is_error));
            points_into_document(text, &faults);
        }
    }
}

/// Every kind of template, both languages; then every type of value and every period.
static DEVICE: LazyLock<DeviceMapping> = LazyLock::new(|| {
    DeviceMapping::compile(include_str!("../mappings/device.json")).expect("our own mapping")
});
static FHIR: LazyLock<FhirMapping> = LazyLock::new(|| {
    FhirMapping::compile(include_str!("../mappings/fhir.json")).expect("our own mapping")
});

/// An event, through a fixed mapping to Observations.
pub fn event(data: &[u8]) {
    run(&DEVICE, data);
}

fn run(mapping: &DeviceMapping, event: &[u8]) {
    for compat in RULES {
        let arena = Bump::new();
        let root = match parse(event, &arena, ParseOptions { compat }) {
            Ok(root) => root,
            Err(error) => {
                assert!(
                    error.offset <= event.len() && error.line >= 1 && error.column >= 1,
                    "{error}"
                );
                return;
            }
        };
        let scope = Scope {
            arena: &arena,
            compat,
        };
        let mut out = Vec::new();
        let result = mapping.evaluate(root, &scope, &mut Budget::new(STEPS), &mut out);
        bounded(&arena, event.len());
        if let Err(error) = result {
            assert!(out.is_empty(), "{error}: all or nothing");
            assert!(!error.to_string().is_empty());
        }
        to_observations(&out, compat);
        // The report for authors comes to the same.
        let arena = Bump::new();
        let scope = Scope {
            arena: &arena,
            compat,
        };
        let root = parse(event, &arena, ParseOptions { compat }).expect("it was parsed before");
        if let Ok(templates) = mapping.trace(root, &scope, &mut Budget::new(10 * STEPS))
            && !out.is_empty()
        {
            let matches = templates.iter().flat_map(|template| &template.matches);
            let traced: Vec<&Measurement<'_>> = matches
                .filter_map(|found| found.measurement.as_ref().ok())
                .collect();
            assert_eq!(traced, out.iter().collect::<Vec<_>>());
        }
    }
}

fn to_observations(measurements: &[Measurement<'_>], compat: Compat) {
    let mut json = Vec::new();
    measurements
        .iter()
        .for_each(|measurement| measurement.to_json(&mut json));
    let lines: Result<Vec<serde::de::IgnoredAny>, _> = serde_json::Deserializer::from_slice(&json)
        .into_iter()
        .collect();
    assert_eq!(
        lines.expect("measurements are JSON").len(),
        measurements.len()
    );

    let inputs: Vec<Input<'_>> = (0..)
        .zip(measurements)
        .map(|(order, measurement)| Input {
            measurement: *measurement,
            received: 0,
            order,
        })
        .collect();
    for enrich in [false, true] {
        let mapping = FHIR.clone().with_options(Options { compat, enrich });
        let (observations, problems) = observations(&inputs, &mapping, Some("p1"));
        for observation in observations {
            assert!(
                observation.id.len() == 64
                    && observation.id.bytes().all(|byte| byte.is_ascii_hexdigit())
            );
            serde_json::from_str::<serde::de::IgnoredAny>(&observation.json)
                .expect("an Observation is JSON");
        }
        for problem in problems {
            assert!(problem.measurement < inputs.len() && !problem.detail.is_empty());
        }
    }
}

/// Counts what comes out of monitors' messages.
#[derive(Default)]
struct Counted(usize);

impl Sink for Counted {
    fn take(&mut self, _: u32, _: &Reading<'_>, _: Option<Claims>) {
        self.0 += 1;
    }

    fn refuse(&mut self, _: Option<u32>, _: Reason, detail: String) {
        assert!(!detail.is_empty());
        self.0 += 1;
    }

    fn waveform(&mut self, _: u32, waveform: Waveform, _: Option<Claims>) {
        assert_eq!(waveform.data.check(), Ok(()));
        self.0 += 1;
    }

    fn alarm(&mut self, _: u32, alarm: Alarm, _: Option<Claims>) {
        assert!(!alarm.event.is_empty());
        self.0 += 1;
    }
}

/// Messages of monitors, in frames or plain, whole and in pieces; every message can be answered.
pub fn hl7v2(data: &[u8]) {
    let profile = hl7v2::Profile::default();
    let context = senml::Context {
        received: 1_795_352_400_000_000,
        ..senml::Context::default()
    };
    let mut counted = Counted::default();
    hl7v2::decode(data, &profile, &context, &mut counted);
    let mut whole = hl7v2::frame::Splitter::default();
    whole.push(data);
    whole.finish();
    let mut pieces = hl7v2::frame::Splitter::default();
    let mut taken = Vec::new();
    for piece in data.chunks(7) {
        pieces.push(piece);
        taken.extend(std::iter::from_fn(|| pieces.take()));
    }
    pieces.finish();
    taken.extend(std::iter::from_fn(|| pieces.take()));
    assert_eq!(
        std::iter::from_fn(|| whole.take()).collect::<Vec<_>>(),
        taken
    );
    for frame in taken.into_iter().flatten() {
        if let Ok(message) = hl7v2::Message::parse(&frame.bytes, &profile) {
            let answer =
                hl7v2::ack::build(&message, hl7v2::ack::AckCode::AR, "no", context.received);
            let again = hl7v2::Message::parse(&answer, &profile).expect("an answer is a message");
            assert_eq!(again.kind(), hl7v2::Kind::Ack);
        }
    }
}
