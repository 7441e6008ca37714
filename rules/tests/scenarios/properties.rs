//! Design 5.6: however a log is batched and wherever it is replayed from, the same events; however rows are shuffled
//! within the lateness, the same final episodes.

use crate::language::{Reading, START, concat, parse, without_position};
use arrow_array::RecordBatch;
use proptest::prelude::*;
use std::sync::Arc;
use wardline_normalize::time::Micros;
use wardline_rules::{AlertEvent, Assignment, Engine, Input, RuleSet, episodes};

const RULES: &str = r#"
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
escalate = [{ after = "1m", to = "nurse" }]

[[rule]]
id = "rate"
kind = "threshold"
metric = "8867-4"
outside = [50, 120]
for = "30s"
max-gap = "1m"
clear = { inside = [55, 115], for = "10s" }
priority = "medium"

[[rule]]
id = "rising"
kind = "rate-of-change"
metric = "8867-4"
above = 10
per = "1m"
window = "2m"
priority = "low"

[[rule]]
id = "unusual"
kind = "baseline"
metric = "spo2"
method = "ewma"
half-life = "5m"
learn = "1m"
least-spread = 0.5
as = "deviations"
below = -2
priority = "low"

[[rule]]
id = "warning"
kind = "score"
score = "mews"
at-least = 1
max-age = "1m"
priority = "medium"

[[rule]]
id = "both"
kind = "all"
within = "1m"
conditions = [{ metric = "spo2", below = 90 }, { metric = "8867-4", above = 100, for = "20s", max-gap = "1m" }]
priority = "high"

[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "20s"
grace = "20s"
priority = "low"

[[rule]]
id = "inhibited"
kind = "threshold"
metric = "spo2"
below = 89
for = "20s"
priority = "low"
inhibited-by = ["silent", "rate"]
"#;

const SECOND: Micros = 1_000_000;

/// Seconds since the reading before, how late it comes, what it says.
#[derive(Debug, Clone)]
struct Draw {
    gap: i64,
    late: i64,
    kind: u8,
    value: u8,
    patient: bool,
    version: i64,
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let gap = prop_oneof![6 => 1..12i64, 1 => 30..200i64];
    let draw = (
        gap,
        0..60i64,
        0..4u8,
        0..8u8,
        any::<bool>(),
        prop_oneof![9 => Just(1i64), 1 => Just(2i64)],
    );
    prop::collection::vec(
        draw.prop_map(|(gap, late, kind, value, patient, version)| Draw {
            gap,
            late,
            kind,
            value,
            patient,
            version,
        }),
        1..80,
    )
}

fn rows(draws: &[Draw], corrections: bool) -> Vec<(Micros, Micros, RecordBatch)> {
    let mut at = START;
    let mut before = None;
    let mut rows = Vec::new();
    for draw in draws {
        at += draw.gap * SECOND;
        let (metric, value) = match draw.kind {
            0 => ("hr", 45.0 + f64::from(draw.value) * 12.0),
            1 => ("pulse", 45.0 + f64::from(draw.value) * 12.0),
            _ => ("spo2", 86.0 + f64::from(draw.value)),
        };
        let version = if corrections { draw.version } else { 1 };
        // A correction is of the row before, if it is of the same kind.
        let effective = before.filter(|_| version > 1).unwrap_or(at);
        before = Some(effective);
        let device = if draw.patient { "d1" } else { "d2" };
        let reading = Reading {
            metric,
            value: Some(value),
            word: None,
            received: at,
            effective,
            device,
            patient: Some(if draw.patient { "p1" } else { "p2" }),
            version,
            quality: None,
            status: "final",
            unit: None,
        };
        rows.push((at + draw.late * SECOND, effective, reading.batch()));
    }
    rows
}

fn start(rules: &Arc<RuleSet>) -> Engine {
    let mut engine = Engine::new();
    let none = &mut Vec::new();
    engine.apply(
        1,
        &Input::RuleSet {
            at: START,
            rules: Arc::clone(rules),
        },
        none,
    );
    for (device, patient) in [("d1", "p1"), ("d2", "p2")] {
        let (device, patient) = (device.to_owned(), patient.to_owned());
        let stay = Assignment {
            device,
            device_user: None,
            patient,
            from: START,
            until: None,
            at: START,
        };
        engine.apply(2, &Input::Assignment(stay), none);
    }
    engine
}

fn one_by_one(rules: &Arc<RuleSet>, rows: &[RecordBatch]) -> (Engine, Vec<AlertEvent>) {
    let (mut engine, mut events) = (start(rules), Vec::new());
    for (seq, batch) in (3..).zip(rows) {
        engine.apply(seq, &Input::Readings(batch), &mut events);
    }
    (engine, events)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn events_do_not_depend_on_batches(draws in draws(), cuts in prop::collection::vec(1..20usize, 1..40)) {
        let rules = parse(RULES);
        let mut shuffled = rows(&draws, true);
        shuffled.sort_by_key(|row| row.0);
        let rows: Vec<RecordBatch> = shuffled.into_iter().map(|row| row.2).collect();
        let (single, expected) = one_by_one(&rules, &rows);

        let (mut engine, mut events) = (start(&rules), Vec::new());
        let (mut rest, mut seq) = (rows.as_slice(), 3);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (batch, after) = rest.split_at((*cut).min(rest.len()));
            engine.apply(seq, &Input::Readings(&concat(batch)), &mut events);
            (rest, seq) = (after, seq + 1);
        }
        prop_assert_eq!(without_position(&expected), without_position(&events));
        prop_assert_eq!(single.stats(), engine.stats());
    }

    #[test]
    fn a_restart_at_any_point_changes_nothing(draws in draws()) {
        let rules = parse(RULES);
        let mut shuffled = rows(&draws, true);
        shuffled.sort_by_key(|row| row.0);
        let rows: Vec<RecordBatch> = shuffled.into_iter().map(|row| row.2).collect();
        let (whole, expected) = one_by_one(&rules, &rows);
        let (mut engine, mut events) = (start(&rules), Vec::new());
        for (seq, batch) in (3..).zip(&rows) {
            engine = Engine::restore(&engine.checkpoint()).expect("own checkpoint");
            engine.apply(seq, &Input::Readings(batch), &mut events);
        }
        prop_assert_eq!(expected, events);
        prop_assert_eq!(whole.checkpoint(), engine.checkpoint());
    }

    #[test]
    fn episodes_do_not_depend_on_the_order_within_the_lateness(draws in draws()) {
        // Absence goes by the log clock, inhibition by what is active on arrival: neither is about order.
        let text = RULES.split("[[rule]]\nid = \"silent\"").next().expect("the rules before");
        let rules = parse(text);
        let mut by_time = rows(&draws, false);
        by_time.sort_by_key(|row| row.1);
        let in_order: Vec<RecordBatch> = by_time.iter().map(|row| row.2.clone()).collect();
        let (_, expected) = one_by_one(&rules, &in_order);
        by_time.sort_by_key(|row| row.0);
        let shuffled: Vec<RecordBatch> = by_time.into_iter().map(|row| row.2).collect();
        let (engine, events) = one_by_one(&rules, &shuffled);

        let final_of = |events: &[AlertEvent]| -> Vec<_> {
            let parts = episodes(events).into_iter();
            parts.map(|one| (one.rule_id, one.subject, one.onset, one.ended, one.priority)).collect()
        };
        prop_assert_eq!(final_of(&expected), final_of(&events));
        prop_assert_eq!(engine.stats().late, 0);
        let open = episodes(&events).iter().filter(|one| one.ended.is_none()).count();
        prop_assert_eq!(engine.open_alerts(), open);
    }

    #[test]
    fn alerts_are_well_formed(draws in draws()) {
        let rules = parse(RULES);
        let mut shuffled = rows(&draws, true);
        shuffled.sort_by_key(|row| row.0);
        let rows: Vec<RecordBatch> = shuffled.into_iter().map(|row| row.2).collect();
        let (_, events) = one_by_one(&rules, &rows);
        let mut places = std::collections::HashSet::new();
        let mut open = std::collections::HashMap::new();
        let mut paged = std::collections::HashSet::new();
        for event in &events {
            prop_assert!(places.insert((event.seq, event.ordinal)));
            prop_assert!(event.evidence.len() <= 10);
            prop_assert_eq!(event.ended.is_some(), event.state.as_str() == "resolved");
            prop_assert!(event.ended.is_none_or(|ended| ended >= event.onset));
            let of = (event.rule_id.clone(), event.subject.clone());
            if event.state.as_str() == "resolved" {
                if open.get(&of) == Some(&event.alert_id) {
                    open.remove(&of);
                }
            } else {
                let other = open.insert(of, event.alert_id.clone());
                prop_assert!(other.is_none_or(|other| other == event.alert_id), "two open alerts");
            }
            if event.page && event.event.as_str() != "escalated" {
                prop_assert!(paged.insert(event.alert_id.clone()), "paged twice");
            }
        }
    }
}
