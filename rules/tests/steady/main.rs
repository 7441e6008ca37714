//! In the steady state a reading costs no allocation: patients who are well, who are beyond a limit, and whose alert
//! is open.

use arrow_array::RecordBatch;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::Arc;
use wardline_normalize::columns::Builder;
use wardline_normalize::decimal::Decimal;
use wardline_normalize::measurement::{Measurement, Value};
use wardline_normalize::time::Micros;
use wardline_normalize::vocabulary;
use wardline_rules::{Assignment, Engine, EventKind, Input, RuleSet};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const RULES: &str = r#"
[[rule]]
id = "fast"
kind = "threshold"
metric = "MDC_ECG_HEART_RATE"
above = 120
for = "2m"
max-gap = "1m"
clear = { below = 110, for = "2m" }
priority = "medium"

[[rule]]
id = "fast-for-long"
kind = "threshold"
metric = "MDC_ECG_HEART_RATE"
above = 110
for = "2h"
max-gap = "1m"
priority = "low"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"

[[rule]]
id = "rising"
kind = "rate-of-change"
metric = "MDC_ECG_HEART_RATE"
above = 40
per = "10m"
window = "10m"
priority = "low"

[[rule]]
id = "unusual"
kind = "baseline"
metric = "spo2"
method = "median"
memory = "20m"
learn = "5m"
least-spread = 0.5
as = "deviations"
below = -20
priority = "low"

[[rule]]
id = "warning"
kind = "score"
score = "mews"
at-least = 9
max-age = "10m"
priority = "medium"

[[rule]]
id = "both"
kind = "all"
within = "5m"
conditions = [{ metric = "spo2", below = 90 }, { metric = "MDC_ECG_HEART_RATE", below = 50 }]
priority = "high"

[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
grace = "3m"
priority = "low"
"#;

/// 2026-01-01T00:00:00Z.
const START: Micros = 1_767_225_600_000_000;
const EVERY: Micros = 5_000_000;
const PATIENTS: usize = 12;

/// Readings of all patients at one time. One in four is beyond a limit for a while, one in four for good.
fn batch(step: i64) -> RecordBatch {
    let at = START + step * EVERY;
    let mut builder = Builder::new();
    for patient in 0..PATIENTS {
        let (device, id) = (format!("d{patient}"), format!("p{patient}"));
        let wobble = (patient as i64 + step) % 5;
        let heart_rate = match patient % 4 {
            0 => 115,
            1 => 130,
            _ => 75,
        };
        for (name, value) in [
            ("MDC_ECG_HEART_RATE", heart_rate + wobble),
            ("MDC_PULS_OXIM_SAT_O2", 93 + wobble),
            ("MDC_TTHOR_RESP_RATE", 14 + wobble),
        ] {
            let metric = vocabulary::by_mdc(name).expect("in the vocabulary");
            let value = Decimal::from_f64_decimals(value as f64, 0).expect("a number");
            let reading = Measurement::new(&device, metric, Value::Number(value), at, at);
            builder.push(&reading, Some(&id), None);
        }
    }
    builder.finish()
}

#[test]
fn a_reading_costs_no_allocation() {
    let rules = RuleSet::parse(RULES).unwrap_or_else(|faults| panic!("{faults:?}"));
    let mut engine = Engine::new();
    let mut events = Vec::with_capacity(1_000);
    let rules = Arc::new(rules);
    engine.apply(1, &Input::RuleSet { at: START, rules }, &mut events);
    for patient in 0..PATIENTS {
        let stay = Assignment {
            device: format!("d{patient}"),
            device_user: None,
            patient: format!("p{patient}"),
            from: START,
            until: None,
            at: START,
        };
        engine.apply(2, &Input::Assignment(stay), &mut events);
    }
    let batches: Vec<RecordBatch> = (0..600).map(batch).collect();
    let (before, steady) = batches.split_at(360);
    for (seq, batch) in (3..).zip(before) {
        engine.apply(seq, &Input::Readings(batch), &mut events);
    }
    let raised = events
        .iter()
        .filter(|event| event.event == EventKind::Raised);
    assert_eq!(raised.count(), PATIENTS / 4, "{events:?}");
    let open = engine.open_alerts();

    let region = Region::new(ALLOCATOR);
    for (seq, batch) in (400..).zip(steady) {
        engine.apply(seq, &Input::Readings(batch), &mut events);
    }
    let change = region.change();
    let rows: usize = steady.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(
        (change.allocations, change.reallocations),
        (0, 0),
        "in {rows} readings: {change:?}"
    );
    assert_eq!(engine.open_alerts(), open);
}
