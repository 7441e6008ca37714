//! Speed of the mapping engine, from an event's bytes to measurements, against parsing the same bytes and nothing
//! else. One thread; mappings are compiled before.
//!
//! `cargo run --release -p wardline-normalize --example mapping_speed`

#![expect(clippy::print_stdout, reason = "prints its measurement")]

use bumpalo::Bump;
use std::fmt::Write;
use std::hint::black_box;
use std::time::Instant;
use wardline_normalize::mapping::device::DeviceMapping;
use wardline_normalize::mapping::jmespath::Scope;
use wardline_normalize::mapping::parse::{ParseOptions, parse};
use wardline_normalize::mapping::{Budget, Compat};

/// Events that share an arena, as those of a micro-batch do.
const BATCH: usize = 32;
const BATCHES: usize = 10;
/// Turns of about a millisecond each: some of them run undisturbed.
const ROUNDS: usize = 400;

/// (a) A flat event in the envelope; each expression a plain path.
const FLAT: &str = r#"{"templateType":"CollectionContent","template":[
    {"templateType":"JsonPathContent","template":{
        "typeName":"heartrate",
        "typeMatchExpression":"$..[?(@heartRate)]",
        "deviceIdExpression":"$.deviceId",
        "patientIdExpression":"$.patientId",
        "timestampExpression":"$.endDate",
        "values":[{"required":"true","valueExpression":"$.heartRate","valueName":"hr"}]}}]}"#;

/// (b) Samples of an array, each with what the event says once for all.
const NESTED: &str = r#"{"templateType":"CollectionContent","template":[
    {"templateType":"CalculatedContent","template":{
        "typeName":"vitals",
        "typeMatchExpression":"$.Body.samples[?(@.kind == 'vitals')]",
        "deviceIdExpression":"$.Body.device.id",
        "patientIdExpression":"$.Body.device.patient",
        "timestampExpression":"$.matchedToken.at",
        "values":[
            {"required":"true","valueExpression":"$.matchedToken.hr","valueName":"hr"},
            {"required":"false","valueExpression":"$.matchedToken.spo2","valueName":"spo2"}]}}]}"#;

/// (c) Filter, projection and functions.
const FUNCTIONS: &str = r#"{"templateType":"CollectionContent","template":[
    {"templateType":"CalculatedContent","template":{
        "typeName":"temperature",
        "defaultExpressionLanguage":"JmesPath",
        "typeMatchExpression":"Body.readings[?unit == 'F']",
        "deviceIdExpression":"join('-', ['ward', Body.device])",
        "timestampExpression":"fromUnixTimestampMs(matchedToken.time)",
        "values":[
            {"required":"true","valueExpression":"divide(subtract(matchedToken.value, `32.0`), `1.8`)","valueName":"celsius"},
            {"required":"false","valueExpression":"to_string(matchedToken.site)","valueName":"site"}]}}]}"#;

fn flat(i: usize) -> String {
    format!(
        concat!(
            r#"{{"Body":{{"deviceId":"monitor-{:04}","patientId":"patient-{:03}","endDate":"2026-11-05T10:{:02}:{:02}.250Z","#,
            r#""heartRate":{},"spo2":{}.5,"battery":0.87,"firmware":"2.4.1","quality":"good"}},"#,
            r#""Properties":{{}},"SystemProperties":{{}}}}"#
        ),
        i % 500,
        i % 50,
        i / 60 % 60,
        i % 60,
        60 + i % 40,
        90 + i % 10,
    )
}

/// `items` elements by `item`, between `start` and `end`.
fn array(start: &str, items: usize, item: impl Fn(&mut String, usize), end: &str) -> String {
    let mut text = start.to_owned();
    for i in 0..items {
        if i > 0 {
            text.push(',');
        }
        item(&mut text, i);
    }
    text + end
}

fn nested(event: usize) -> String {
    let sample = |text: &mut String, i: usize| {
        let kind = if i % 5 == 4 { "battery" } else { "vitals" };
        write!(
            text,
            r#"{{"kind":"{kind}","at":"2026-11-05T10:{:02}:{:02}Z","hr":{},"spo2":{}.0,"quality":{{"signal":0.93}}}}"#,
            event % 60,
            i % 60,
            60 + (event + i) % 40,
            90 + i % 10
        )
        .expect("a string takes it");
    };
    let start = format!(
        r#"{{"Body":{{"device":{{"id":"band-{:03}","patient":"p-{:03}","model":"B2"}},"samples":["#,
        event % 500,
        event % 50
    );
    array(
        &start,
        10,
        sample,
        r#"]},"Properties":{},"SystemProperties":{}}"#,
    )
}

fn readings(event: usize) -> String {
    let reading = |text: &mut String, i: usize| {
        let unit = if i % 4 == 3 { "C" } else { "F" };
        write!(
            text,
            r#"{{"unit":"{unit}","time":{},"value":{}.{},"site":"axilla","n":{i}}}"#,
            1_793_872_800_000_i64 + (event * 60_000 + i * 1_000) as i64,
            97 + i % 5,
            event % 10
        )
        .expect("a string takes it");
    };
    let start = format!(
        r#"{{"Body":{{"device":"thermo-{:03}","readings":["#,
        event % 500
    );
    array(
        &start,
        4,
        reading,
        r#"]},"Properties":{},"SystemProperties":{}}"#,
    )
}

/// Measurements made.
fn map(mapping: &DeviceMapping, batch: &[String], arena: &Bump) -> usize {
    let scope = Scope {
        arena,
        compat: Compat::Default,
    };
    let mut measurements = Vec::new();
    for event in batch {
        let event = parse(event.as_bytes(), arena, ParseOptions::default()).expect("JSON");
        mapping
            .evaluate(event, &scope, &mut Budget::default(), &mut measurements)
            .expect("the event fits the mapping");
    }
    black_box(&measurements).len()
}

/// Best times, run in turns, so that other work on the machine disturbs them alike.
fn seconds<const N: usize>(mut works: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (work, best) in works.iter_mut().zip(&mut best) {
            let start = Instant::now();
            work();
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    best
}

fn measure(name: &str, mapping: &str, event: impl Fn(usize) -> String, wanted: usize) {
    let mapping = DeviceMapping::compile(mapping).expect("the mapping has no fault");
    let events: Vec<String> = (0..BATCH * BATCHES).map(event).collect();
    let bytes: usize = events.iter().map(String::len).sum();
    let arena = Bump::new();
    let made: usize = events
        .chunks(BATCH)
        .map(|batch| map(&mapping, batch, &arena))
        .sum();
    assert_eq!(made, events.len() * wanted, "measurements of {name}");

    let mut parse_only = || {
        for event in &events {
            let parsed = sonic_rs::from_slice::<sonic_rs::Value>(event.as_bytes());
            black_box(parsed.expect("JSON"));
        }
    };
    let mut ours = Bump::new();
    let mut parse_ours = || {
        for batch in events.chunks(BATCH) {
            for event in batch {
                black_box(parse(event.as_bytes(), &ours, ParseOptions::default()).expect("JSON"));
            }
            ours.reset();
        }
    };
    let mut arena = Bump::new();
    let mut mapped = || {
        for batch in events.chunks(BATCH) {
            map(&mapping, batch, &arena);
            arena.reset();
        }
    };
    let times = seconds([&mut parse_only, &mut parse_ours, &mut mapped]);
    let [sonic, tree, mapped] = times.map(|time| time * 1e9 / events.len() as f64);
    println!(
        "{name}: {} bytes, {wanted} measurements an event; sonic-rs parse only {sonic:.0} ns, our tree {tree:.0} ns, mapped {mapped:.0} ns an event ({:.0} k events/s, {:.0} k measurements/s); ratio {:.2}",
        bytes / events.len(),
        1e6 / mapped,
        1e6 / mapped * wanted as f64,
        sonic / mapped
    );
}

fn main() {
    measure("(a) flat, JsonPathContent", FLAT, flat, 1);
    measure("(b) nested array, CalculatedContent", NESTED, nested, 8);
    measure("(c) JMESPath with functions", FUNCTIONS, readings, 3);
}
