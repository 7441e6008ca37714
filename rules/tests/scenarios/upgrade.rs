//! State that an earlier version wrote.

use crate::language::{Step, apply, parse, render, timeline};
use serde_json::Value;
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

/// As a version wrote it that did not know of these keys.
pub(crate) fn without(checkpoint: &[u8], keys: &[&str]) -> Vec<u8> {
    fn strip(value: &mut Value, keys: &[&str]) {
        match value {
            Value::Object(fields) => {
                fields.retain(|key, _| !keys.contains(&key.as_str()));
                fields.values_mut().for_each(|field| strip(field, keys));
            }
            Value::Array(all) => all.iter_mut().for_each(|one| strip(one, keys)),
            _ => {}
        }
    }
    let mut snapshot: Value = serde_json::from_slice(checkpoint).expect("a checkpoint");
    strip(&mut snapshot, keys);
    serde_json::to_vec(&snapshot).expect("a checkpoint")
}

/// What follows from `after`, when the state of `before` was written without these keys.
fn upgraded(rules: &str, before: &str, keys: &[&str], after: &str) -> Vec<String> {
    let rules = [parse(rules)];
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let first = timeline(&rules, before);
    for (seq, step) in (1..).zip(&first) {
        apply(&mut engine, seq, step, &mut events);
    }
    let known = events.len();
    let mut engine = Engine::restore(&without(&engine.checkpoint(), keys)).expect("an upgrade");
    // The rules are in force already.
    for (seq, step) in (1 + first.len() as u64..).zip(&timeline(&rules, after)[1..]) {
        apply(&mut engine, seq, step, &mut events);
    }
    events[known..].iter().map(render).collect()
}

#[test]
fn what_was_told_before_worsening_was_known_can_become_worse() {
    let rules = RULES.replace("above = 120", "above = 120\nworsens = { by = 10 }");
    let said = upgraded(
        &rules,
        "00:00..02:00/20 hr 130",
        &["told"],
        "02:20 hr 135
         03:20 hr 141",
    );
    let worse = "03:20 worsened fast Patient/p1 active onset=00:00 page";
    assert!(said.contains(&worse.to_owned()), "{said:?}");
}

/// What versions did not write that knew no silence but a person's own of one alert.
const SILENCES: [&str; 2] = ["hush", "silences"];

#[test]
fn a_silence_of_before_lasts_and_pages_at_its_end() {
    let said = upgraded(
        RULES,
        "00:00 spo2 85
         01:00 silence 10:00",
        &SILENCES,
        "02:00 hush s1 02:00 patient=p2
         05:30 spo2 86
         11:10 wait
         16:10 wait",
    );
    assert_eq!(
        said,
        [
            "11:00 silenced low Patient/p1 active onset=00:00 page",
            "16:00 escalated low Patient/p1 active onset=00:00 1→nurse page",
        ]
    );
}
