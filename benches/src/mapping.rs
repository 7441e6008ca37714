//! Vendors' events through mappings, held against parsing the same bytes and doing nothing with them.

mod parsed;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use bumpalo::Bump;
use wardline_normalize::mapping::device::DeviceMapping;
use wardline_normalize::mapping::jmespath::Scope;
use wardline_normalize::mapping::parse::{ParseOptions, parse};
use wardline_normalize::mapping::{Budget, Compat};
use wardline_normalize::time::Micros;

use crate::cli::Common;
use crate::compare::{Comparison, take_turns};
use crate::events;
use crate::report::Report;
use parsed::{HeartRate, Monitor, Pressure, each};

/// Bytes of a pass: more than the caches hold.
const PASS_BYTES: usize = 8 << 20;
/// How long one side of a round takes at least.
const ROUND: Duration = Duration::from_secs(1);
const START: Micros = 1_795_348_800_000_000;

/// One kind of event and its mapping.
struct Shape {
    name: &'static str,
    mapping: &'static str,
    event: fn(i64, Micros) -> Vec<u8>,
    /// Measurements and values an event gives.
    measurements: usize,
    values: usize,
    borrowed: fn(&[Vec<u8>]) -> anyhow::Result<()>,
    aim: f64,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "(a) flat heart rate, JsonPathContent",
        mapping: include_str!("../mappings/heart-rate.device.json"),
        event: |number, at| {
            let device = format!("load-{number:04}");
            let rate = u16::try_from(60 + number % 60).unwrap_or_default();
            events::heart_rate(&device, rate).at(at)
        },
        measurements: 1,
        values: 1,
        borrowed: |events| each::<HeartRate<'_>>(events),
        aim: 0.25,
    },
    Shape {
        name: "(b) nested array, CalculatedContent, parent scope",
        mapping: include_str!("../mappings/monitor.device.json"),
        event: events::monitor,
        measurements: events::SAMPLES,
        values: 3 * events::SAMPLES,
        borrowed: |events| each::<Monitor<'_>>(events),
        aim: 0.25,
    },
    Shape {
        name: "(c) JMESPath with functions",
        mapping: include_str!("../mappings/pressure.device.json"),
        event: events::pressure,
        measurements: 1,
        values: 4,
        borrowed: |events| each::<Pressure<'_>>(events),
        aim: 0.1,
    },
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Ours,
    Borrowed,
    Tree,
}

pub(crate) fn run(arguments: &Common) -> anyhow::Result<Report> {
    let mut report = Report::new("mapping");
    for shape in &SHAPES {
        let mapping = compile(shape.mapping)?;
        let events = events(shape, arguments.scale);
        let bytes: usize = events.iter().map(Vec::len).sum();
        let least = ROUND.mul_f64(arguments.scale);
        let sides = [Side::Ours, Side::Borrowed, Side::Tree];
        let rounds = take_turns(arguments.runs(), &sides, |side, _| {
            let started = Instant::now();
            let mut passes = 0_u32;
            while passes == 0 || started.elapsed() < least {
                match side {
                    Side::Ours => ours(&mapping, &events, shape)?,
                    Side::Borrowed => (shape.borrowed)(&events)?,
                    Side::Tree => tree(&events)?,
                }
                passes += 1;
            }
            Ok(f64::from(passes) * events.len() as f64 / started.elapsed().as_secs_f64())
        })?;
        let name = format!("{}, {} bytes", shape.name, bytes / events.len());
        let against = |column: usize| -> Vec<(f64, f64)> {
            rounds
                .iter()
                .map(|round| (round[0], round[column]))
                .collect()
        };
        let main = Comparison::new(
            name.clone(),
            "events/s",
            "sonic-rs, parse only, into a tree",
            &against(2),
            Some(shape.aim),
        );
        let readings = main.ours.median * shape.values as f64;
        report.add(main);
        report.add(Comparison::new(
            name.clone(),
            "events/s",
            "sonic-rs, parse only, borrowed structs",
            &against(1),
            None,
        ));
        report.figure(
            format!("{name}: readings (values)"),
            "1/s per core",
            readings,
        );
    }
    report.notes.extend([
        "One thread. Ours: event text to a tree in an arena, the compiled device mapping, measurements with device, time \
         and values as text; a new arena's worth for every event, as in the service. Templates: `benches/mappings`."
            .to_owned(),
        "Limits: `sonic_rs::from_slice` of the same bytes, result discarded: into `sonic_rs::Value`, as a program does that \
         does not know the event, and into structs made for this one event. The aims are held against the faster, the \
         tree."
            .to_owned(),
    ]);
    report.write(&arguments.out)?;
    Ok(report)
}

fn compile(text: &str) -> anyhow::Result<DeviceMapping> {
    DeviceMapping::compile(text).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        anyhow!("the mapping does not compile: {}", faults.join("; "))
    })
}

fn events(shape: &Shape, scale: f64) -> Vec<Vec<u8>> {
    let enough = (PASS_BYTES as f64 * scale.min(1.0)) as usize;
    let mut events = Vec::new();
    let mut bytes = 0;
    for number in 0.. {
        let event = (shape.event)(number % 5_000, START + number * 137_000);
        bytes += event.len();
        events.push(event);
        if bytes >= enough {
            break;
        }
    }
    events
}

fn ours(mapping: &DeviceMapping, events: &[Vec<u8>], shape: &Shape) -> anyhow::Result<()> {
    let mut arena = Bump::new();
    for text in events {
        arena.reset();
        let event = parse(text, &arena, ParseOptions::default())?;
        let scope = Scope {
            arena: &arena,
            compat: Compat::Default,
        };
        let mut measurements = Vec::new();
        mapping.evaluate(event, &scope, &mut Budget::default(), &mut measurements)?;
        let measurements = black_box(measurements);
        let values: usize = measurements.iter().map(|m| m.properties.len()).sum();
        ensure!(
            measurements.len() == shape.measurements && values == shape.values,
            "{} measurements with {values} values of {}",
            measurements.len(),
            String::from_utf8_lossy(text)
        );
    }
    Ok(())
}

fn tree(events: &[Vec<u8>]) -> anyhow::Result<()> {
    for text in events {
        let value: sonic_rs::Value = sonic_rs::from_slice(text)?;
        black_box(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_takes_every_event() {
        for shape in &SHAPES {
            let mapping = compile(shape.mapping).unwrap();
            assert!(mapping.warnings().is_empty(), "{:?}", mapping.warnings());
            let events: Vec<Vec<u8>> = (0..100).map(|n| (shape.event)(n, START + n)).collect();
            ours(&mapping, &events, shape).unwrap();
            (shape.borrowed)(&events).unwrap();
            tree(&events).unwrap();
        }
    }

    #[test]
    fn values_are_those_of_the_event() {
        let text = events::pressure(7, START);
        let arena = Bump::new();
        let event = parse(&text, &arena, ParseOptions::default()).unwrap();
        let scope = Scope {
            arena: &arena,
            compat: Compat::Default,
        };
        let mut measurements = Vec::new();
        let mapping = compile(SHAPES[2].mapping).unwrap();
        mapping
            .evaluate(event, &scope, &mut Budget::default(), &mut measurements)
            .unwrap();
        let mut json = Vec::new();
        measurements[0].to_json(&mut json);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["deviceId"], "BP-200-0007");
        assert_eq!(json["occurrenceTime"], "2026-11-22T12:00:00Z");
        let value = |n: usize| {
            let text = json["properties"][n]["value"].as_str().unwrap();
            text.parse::<f64>().unwrap()
        };
        let near = |found: f64, expected: f64| (found - expected).abs() < 1e-6;
        assert!(near(value(0), 15.7 * 7.500_62), "{json}");
        assert!(near(value(1), 10.2 * 7.500_62), "{json}");
        assert!(
            near(value(2), (15.7 + 2.0 * 10.2) / 3.0 * 7.500_62),
            "{json}"
        );
        assert!(near(value(3), 67.0), "{json}");
    }
}
