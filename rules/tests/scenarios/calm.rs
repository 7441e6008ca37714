//! Rules on values alone take a shorter way while a patient is within all limits. The same rules beside others that
//! need every reading take the long one: what they say is the same.

use crate::language::{Reading, START, parse};
use proptest::prelude::*;
use std::sync::Arc;
use wardline_rules::{AlertEvent, Engine, Input, RuleSet};

const PLAIN: &str = r#"
[[rule]]
id = "low-now"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"

[[rule]]
id = "low-held"
kind = "threshold"
metric = "spo2"
below = 91
for = "40s"
max-gap = "1m"
clear = { above = 92, for = "20s" }
priority = "medium"
latch = true

[[rule]]
id = "rate"
kind = "threshold"
metric = "8867-4"
outside = [50, 120]
for = "30s"
max-gap = "1m"
clear = { inside = [55, 115], for = "10s" }
priority = "medium"
"#;

/// On the same readings, and never met.
const BESIDE: &str = r#"
[[rule]]
id = "spo2-rate"
kind = "rate-of-change"
metric = "spo2"
above = 100000
per = "1m"
window = "2m"
priority = "low"

[[rule]]
id = "heart-rate-rate"
kind = "rate-of-change"
metric = "8867-4"
above = 100000
per = "1m"
window = "2m"
priority = "low"
"#;

const SECOND: i64 = 1_000_000;

/// Seconds since the reading before, how late it comes, metric, value, version, whether the program restarts before it.
type Draw = (i64, i64, u8, u8, i64, bool);

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let gap = prop_oneof![8 => 1..12i64, 1 => 30..200i64];
    let late = prop_oneof![4 => Just(0i64), 2 => 0..60i64, 1 => 60..100i64];
    let version = prop_oneof![9 => Just(1i64), 1 => Just(2i64)];
    // Mostly within the limits.
    let value = prop_oneof![3 => 5..8u8, 1 => 0..8u8];
    let draw = (gap, late, 0..4u8, value, version, any::<bool>());
    prop::collection::vec(draw, 1..150)
}

fn start(text: &str) -> Engine {
    let mut engine = Engine::new();
    let rules: Arc<RuleSet> = parse(text);
    engine.apply(1, &Input::RuleSet { at: START, rules }, &mut Vec::new());
    engine
}

fn bare(events: &[AlertEvent]) -> Vec<AlertEvent> {
    let bare = |event: &AlertEvent| AlertEvent {
        rule_version: String::new(),
        ..event.clone()
    };
    events.iter().map(bare).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn the_short_way_says_what_the_long_one_says(draws in draws()) {
        let (mut short, mut long) = (start(PLAIN), start(&format!("{PLAIN}{BESIDE}")));
        let (mut said, mut expected) = (Vec::new(), Vec::new());
        let (mut at, mut before) = (START, START);
        for (seq, (gap, late, metric, value, version, restart)) in (2..).zip(draws) {
            at += gap * SECOND;
            let (metric, value) = match metric {
                0 => ("hr", 40.0 + f64::from(value) * 12.0),
                1 => ("pulse", 40.0 + f64::from(value) * 12.0),
                _ => ("spo2", 86.0 + f64::from(value)),
            };
            let effective = if version > 1 { before } else { at - late * SECOND };
            before = effective;
            let reading = Reading {
                metric,
                value: Some(value),
                word: None,
                received: at,
                effective,
                device: "d1",
                patient: Some("p1"),
                version,
                quality: None,
                status: "final",
                unit: None,
                off_scale: None,
            };
            let batch = reading.batch();
            if restart {
                short = Engine::restore(&short.checkpoint()).expect("own checkpoint");
            }
            short.apply(seq, &Input::Readings(&batch), &mut said);
            long.apply(seq, &Input::Readings(&batch), &mut expected);
        }
        prop_assert_eq!(bare(&said), bare(&expected));
        prop_assert_eq!(short.stats(), long.stats());
        prop_assert_eq!(short.pending(), long.pending());
    }
}
