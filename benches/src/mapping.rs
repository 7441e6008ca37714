//! Vendors' events through mappings, held against parsing the same bytes and doing nothing with them.

mod parsed;

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use bumpalo::Bump;
use wardline_normalize::batch::{Format, Guard, Message, normalize};
use wardline_normalize::mapping::route::{AsNamed, Delivery, Envelope, Options, RouteMapping};
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
/// When all events have been received.
const LATER: Micros = START + 86_400_000_000;
/// Messages of a micro-batch.
const BATCH: usize = 1_000;

/// One kind of event and its mapping.
struct Shape {
    name: &'static str,
    mapping: &'static str,
    fhir: Option<&'static str>,
    event: fn(i64, Micros) -> Vec<u8>,
    /// Measurements and values an event gives.
    measurements: usize,
    values: usize,
    structs: fn(&[Vec<u8>]) -> anyhow::Result<()>,
    aim: f64,
}

const SHAPES: [Shape; 3] = [
    Shape {
        name: "(a) flat heart rate, JsonPathContent",
        mapping: include_str!("../mappings/heart-rate.device.json"),
        fhir: Some(include_str!("../mappings/heart-rate.fhir.json")),
        event: |number, at| {
            let device = format!("load-{number:04}");
            let rate = u16::try_from(60 + number % 60).unwrap_or_default();
            events::heart_rate(&device, rate).at(at)
        },
        measurements: 1,
        values: 1,
        structs: |events| each::<HeartRate<'_>>(events),
        aim: 0.25,
    },
    Shape {
        name: "(b) nested array, CalculatedContent, parent scope",
        mapping: include_str!("../mappings/monitor.device.json"),
        fhir: None,
        event: events::monitor,
        measurements: events::SAMPLES,
        values: 3 * events::SAMPLES,
        structs: |events| each::<Monitor<'_>>(events),
        aim: 0.25,
    },
    Shape {
        name: "(c) JMESPath with functions",
        mapping: include_str!("../mappings/pressure.device.json"),
        fhir: None,
        event: events::pressure,
        measurements: 1,
        values: 4,
        structs: |events| each::<Pressure<'_>>(events),
        aim: 0.1,
    },
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Ours,
    Rows,
    Tree,
    Structs,
}

pub(crate) fn run(arguments: &Common) -> anyhow::Result<Report> {
    let mut report = Report::new("mapping");
    for shape in &SHAPES {
        let mapping = compile(shape)?;
        let events = events(shape, arguments.scale);
        let bytes: usize = events.iter().map(Vec::len).sum();
        let least = ROUND.mul_f64(arguments.scale);
        let sides = [Side::Ours, Side::Rows, Side::Tree, Side::Structs];
        let rounds = take_turns(arguments.runs(), &sides, |side, _| {
            let started = Instant::now();
            let mut passes = 0_u32;
            while passes == 0 || started.elapsed() < least {
                match side {
                    Side::Ours => ours(&mapping, &events, shape)?,
                    Side::Rows => rows(&mapping, &events, shape)?,
                    Side::Tree => tree(&events)?,
                    Side::Structs => (shape.structs)(&events)?,
                }
                passes += 1;
            }
            Ok(f64::from(passes) * events.len() as f64 / started.elapsed().as_secs_f64())
        })?;
        let name = format!("{}, {} bytes", shape.name, bytes / events.len());
        let pairs = |ours: usize, limit: usize| -> Vec<(f64, f64)> {
            let pair = |round: &Vec<f64>| (round[ours], round[limit]);
            rounds.iter().map(pair).collect()
        };
        let tree = "sonic-rs, parse only, into a tree";
        let structs = "sonic-rs, parse only, borrowed structs";
        let to_rows = format!("{name}, to rows");
        let main = Comparison::new(
            name.clone(),
            "events/s",
            tree,
            &pairs(0, 2),
            Some(shape.aim),
        );
        let readings = main.ours.median * shape.values as f64;
        report.add(main);
        for comparison in [
            Comparison::new(name.clone(), "events/s", structs, &pairs(0, 3), None),
            Comparison::new(to_rows, "events/s", tree, &pairs(1, 2), None),
        ] {
            report.add(comparison);
        }
        report.figure(
            format!("{name}: readings (values)"),
            "1/s per core",
            readings,
        );
    }
    report.notes.extend([
        "One thread. Ours: event text to a tree in an arena, the compiled device mapping, measurements with device, time \
         and values as text; a new arena's worth for every event, as in the service. To rows: \
         the same, and on through the FHIR mapping, where there is one, to codes, numbers, ids and Arrow columns. \
         Templates: `benches/mappings`."
            .to_owned(),
        "Limits: `sonic_rs::from_slice` of the same bytes, result discarded: into `sonic_rs::Value`, as a program does that \
         does not know the event, and into structs made for this one event. The aims are held against the faster, the \
         tree."
            .to_owned(),
    ]);
    report.write(&arguments.out)?;
    Ok(report)
}

fn compile(shape: &Shape) -> anyhow::Result<RouteMapping> {
    RouteMapping::compile(shape.mapping, shape.fhir, Options::default()).map_err(|faults| {
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

fn ours(mapping: &RouteMapping, events: &[Vec<u8>], shape: &Shape) -> anyhow::Result<()> {
    let mut arena = Bump::new();
    for text in events {
        arena.reset();
        let measurements = mapping.measurements(text, &arena);
        let measurements = measurements.map_err(|(_, detail)| anyhow!(detail))?;
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

fn rows(mapping: &RouteMapping, events: &[Vec<u8>], shape: &Shape) -> anyhow::Result<()> {
    for batch in events.chunks(BATCH) {
        let messages: Vec<Message<'_>> = batch
            .iter()
            .map(|payload| Message {
                format: Format::Medtech(Delivery {
                    mapping,
                    devices: &AsNamed,
                    encounter: false,
                    envelope: Envelope::Given,
                }),
                site: Some("bench"),
                gateway: Some("bench"),
                device: None,
                fallback_device: None,
                content_type: Some("application/json"),
                payload,
                received: LATER,
                source: "vendor",
                keep_raw: false,
            })
            .collect();
        let normalized = black_box(normalize(&messages, &Guard::default()));
        ensure!(
            normalized.rows.num_rows() == batch.len() * shape.values,
            "{} rows of {} events: {:?}",
            normalized.rows.num_rows(),
            batch.len(),
            normalized.rejects.first()
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
            let mapping = compile(shape).unwrap();
            let warnings = mapping.device.warnings();
            assert!(warnings.is_empty(), "{warnings:?}");
            let events: Vec<Vec<u8>> = (0..100).map(|n| (shape.event)(n, START + n)).collect();
            ours(&mapping, &events, shape).unwrap();
            rows(&mapping, &events, shape).unwrap();
            tree(&events).unwrap();
            (shape.structs)(&events).unwrap();
        }
    }

    #[test]
    fn values_are_those_of_the_event() {
        let text = events::pressure(7, START);
        let arena = Bump::new();
        let mapping = compile(&SHAPES[2]).unwrap();
        let measurements = mapping.measurements(&text, &arena).unwrap();
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
