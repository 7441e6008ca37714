//! State that an earlier version wrote.

use crate::language::{Step, apply, parse, timeline};
use wardline_rules::Engine;

/// Written in format 1 after [`BEFORE`].
const FORMAT_1: &[u8] = include_bytes!("../data/checkpoint-1.json");

const RULES: &str = r#"
[[rule]]
id = "fast"
kind = "threshold"
metric = "8867-4"
above = 120
for = "2m"
max-gap = "2m"
clear = { below = 110, for = "1m" }
priority = "medium"

[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "high"
escalate = [{ after = "5m", to = "nurse" }]

[[rule]]
id = "warning"
kind = "score"
score = "mews"
at-least = 2
max-age = "10m"
priority = "low"

[[rule]]
id = "both"
kind = "all"
within = "2m"
conditions = [{ metric = "spo2", below = 92 }, { metric = "8867-4", above = 100, for = "1m", max-gap = "2m" }]
priority = "high"

[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
grace = "1m"
priority = "low"
"#;

/// A condition that has begun, one that is clearing, one that lasts; late readings; two devices.
const BEFORE: &str = "
    00:00 assign d1 p1
    00:00 assign d2 p2
    00:00..03:00/20 hr 130
    01:00..02:20/20 hr 125 d=d2 p=p2
    03:05 spo2 88
    03:10 spo2 87 at=03:01
    03:20 rr 22
    03:20..03:40/20 hr 105
    03:50 spo2 95 d=d2 p=p2
";

const AFTER: &str = "
    03:55 ack
    04:00..04:40/20 hr 104
    04:10 hr 128 d=d2 p=p2
    04:12 hr 127 d=d2 p=p2 at=03:30
    04:20 spo2 95
    04:40 hr 126 d=d2 p=p2
    05:00..06:00/20 hr 100
    06:10 moved d2 p2 01:00 02:00
    06:20 hr 90 d=d2 p=p2
    12:00 wait
";

#[test]
fn the_state_of_format_1_goes_on() {
    let rules = [parse(RULES)];
    let steps = timeline(&rules, &format!("{BEFORE}\n{AFTER}"));
    let before = timeline(&rules, BEFORE).len();
    let run = |engine: &mut Engine, steps: &[Step], first: u64| {
        let mut events = Vec::new();
        for (seq, step) in (first..).zip(steps) {
            apply(engine, seq, step, &mut events);
        }
        events
    };
    let mut whole = Engine::new();
    let mut expected = run(&mut whole, &steps[..before], 1);
    let known = expected.len();
    assert!(known > 0);
    let mut upgraded = Engine::restore(FORMAT_1).expect("format 1");
    // An act is on an alert of before.
    let mut events = expected.clone();
    for (seq, step) in (before as u64 + 1..).zip(&steps[before..]) {
        apply(&mut whole, seq, step, &mut expected);
        apply(&mut upgraded, seq, step, &mut events);
    }
    assert!(expected.len() > known + 4, "{expected:?}");
    assert_eq!(events, expected);
}
