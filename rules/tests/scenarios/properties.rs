//! Design 5.6: however a log is batched and wherever it is replayed from, the same events; however rows are shuffled
//! within the lateness, the same final episodes.

use crate::language::{Reading, START, concat, parse, without_position};
use crate::told::{Said, said};
use arrow_array::RecordBatch;
use proptest::prelude::*;
use std::sync::Arc;
use wardline_normalize::time::Micros;
use wardline_rules::{
    Action, ActionKind, AlertEvent, Assignment, Class, Engine, Input, RuleSet, Silence, episodes,
};

const RULES: &str = r#"
[limits]
review-after = "3m"
review-alerts = 1

[escalation]
high = [{ after = "2m", to = "team" }]
medium = [{ after = "3m", to = "nurse" }, { after = "5m", to = "doctor" }]

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
holds-for = "20s"
priority = "medium"

[[rule]]
id = "fast"
kind = "threshold"
metric = "8867-4"
above = 100
worsens = { by = 12 }
max-silence = "2m"
priority = "medium"

[[rule]]
id = "latched"
kind = "threshold"
metric = "spo2"
below = 89
for = "10s"
clear = { above = 90, for = "15s" }
latch = true
worsens = { by = 2 }
priority = "low"

[[rule]]
id = "latched-now"
kind = "threshold"
metric = "8867-4"
above = 110
latch = true
priority = "high"

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
latch = true
priority = "low"

[[rule]]
id = "inhibited"
kind = "threshold"
metric = "spo2"
below = 89
for = "20s"
priority = "low"
inhibited-by = ["silent", "rate"]

[[rule]]
id = "inhibited-latched"
kind = "threshold"
metric = "spo2"
below = 90
latch = true
priority = "low"
inhibited-by = ["rate"]
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
    /// What people do after it: nothing from 8 on.
    deed: u8,
    said: Option<Said>,
}

fn draws() -> impl Strategy<Value = Vec<Draw>> {
    let gap = prop_oneof![6 => 1..12i64, 1 => 30..200i64];
    let draw = (
        gap,
        prop_oneof![9 => 0..60i64, 1 => 60..400i64],
        0..4u8,
        0..8u8,
        any::<bool>(),
        prop_oneof![9 => Just(1i64), 1 => Just(2i64)],
        0..40u8,
        prop::option::weighted(0.15, said()),
    );
    prop::collection::vec(
        draw.prop_map(
            |(gap, late, kind, value, patient, version, deed, said)| Draw {
                gap,
                late,
                kind,
                value,
                patient,
                version,
                deed,
                said,
            },
        ),
        1..80,
    )
}

/// A row as it comes: when, of when, the row, and what people do and say then.
type Row = (Micros, Micros, RecordBatch, u8, Option<Said>);

fn rows(draws: &[Draw], corrections: bool) -> Vec<Row> {
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
        // Now and then the device shows no more than that.
        let off_scale = match draw.gap {
            10 => Some(">"),
            11 => Some("<"),
            _ => None,
        };
        let version = if corrections { draw.version } else { 1 };
        // A correction is of the row before, if it is of the same kind.
        let effective = before.filter(|_| version > 1).unwrap_or(at);
        before = Some(effective);
        let device = match draw.patient {
            // Two devices of one patient read the same.
            true if draw.late % 3 == 0 => "d3",
            true => "d1",
            false => "d2",
        };
        let reading = Reading {
            metric,
            value: Some(value).filter(|_| off_scale.is_none()),
            word: None,
            received: at,
            effective,
            device,
            patient: Some(if draw.patient { "p1" } else { "p2" }),
            version,
            quality: None,
            status: "final",
            unit: None,
            off_scale,
        };
        rows.push((
            at + draw.late * SECOND,
            effective,
            reading.batch(),
            draw.deed,
            draw.said.clone(),
        ));
    }
    rows
}

/// A silence of one kind or another, from some time after `at` on.
fn silence(deed: u8, at: Micros) -> Silence {
    let patient = deed.is_multiple_of(2).then(|| "p1".to_owned());
    Silence {
        id: format!("s{}", deed % 3),
        rule: (deed == 3).then(|| "latched".to_owned()),
        device: (deed == 1).then(|| "d2".to_owned()),
        ward: None,
        class: patient.is_none().then_some(Class::Physiological),
        patient,
        from: at + i64::from(deed) * 5 * SECOND,
        until: at + i64::from(1 + deed) * 45 * SECOND,
        author: "nurse".into(),
        ended: deed == 4,
        at,
    }
}

/// What people do: 0 to 4 a silence by matcher, 5 and 6 an acknowledgement, 7 a silence of one alert.
fn act(
    engine: &mut Engine,
    seq: u64,
    (deed, said): (u8, Option<&Said>),
    events: &mut Vec<AlertEvent>,
) {
    let at = engine.clock();
    if let Some(said) = said {
        engine.apply(seq, &said.input(at), events);
    }
    let kind = match deed {
        0..=4 => {
            return engine.apply(seq, &Input::Silence(silence(deed, at)), events);
        }
        5 | 6 => ActionKind::Acknowledge,
        7 => ActionKind::Silence {
            until: at + 90 * SECOND,
        },
        _ => return,
    };
    let open = events.iter().rev().map(|event| &event.alert_id);
    let Some(alert_id) = open.clone().nth(usize::from(deed % 2)).cloned() else {
        return;
    };
    let action = Action {
        alert_id,
        kind,
        by: "nurse".into(),
        at,
        note: None,
    };
    engine.apply(seq, &Input::Action(action), events);
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

fn one_by_one(rules: &Arc<RuleSet>, rows: &[Row]) -> (Engine, Vec<AlertEvent>) {
    after(&[], rules, rows)
}

/// The same, with what is said before it all.
fn after(first: &[Option<Said>], rules: &Arc<RuleSet>, rows: &[Row]) -> (Engine, Vec<AlertEvent>) {
    let (mut engine, mut events) = (start(rules), Vec::new());
    for said in first.iter().flatten() {
        engine.apply(2, &said.input(START), &mut events);
    }
    for (seq, (_, _, batch, deed, said)) in (3..).step_by(2).zip(rows) {
        engine.apply(seq, &Input::Readings(batch), &mut events);
        act(&mut engine, seq + 1, (*deed, said.as_ref()), &mut events);
    }
    (engine, events)
}

/// In the order in which they come.
fn as_received(draws: &[Draw], corrections: bool) -> Vec<Row> {
    let mut rows = rows(draws, corrections);
    rows.sort_by_key(|row| row.0);
    rows
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn events_do_not_depend_on_batches(draws in draws(), cuts in prop::collection::vec(1..20usize, 1..40)) {
        let rules = parse(RULES);
        let rows = as_received(&draws, true);
        let (single, expected) = one_by_one(&rules, &rows);

        let (mut engine, mut events) = (start(&rules), Vec::new());
        let (mut rest, mut seq) = (rows.as_slice(), 3);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            // A batch ends where people do or say something.
            let deed = rest.iter().position(|row| row.3 < 8 || row.4.is_some()).map_or(rest.len(), |place| place + 1);
            let (batch, after) = rest.split_at((*cut).min(deed));
            let rows: Vec<RecordBatch> = batch.iter().map(|row| row.2.clone()).collect();
            engine.apply(seq, &Input::Readings(&concat(&rows)), &mut events);
            let deed = batch.last().map_or((8, None), |row| (row.3, row.4.as_ref()));
            act(&mut engine, seq + 1, deed, &mut events);
            (rest, seq) = (after, seq + 2);
        }
        prop_assert_eq!(without_position(&expected), without_position(&events));
        prop_assert_eq!(single.stats(), engine.stats());
    }

    #[test]
    fn a_restart_at_any_point_changes_nothing(draws in draws()) {
        let rules = parse(RULES);
        let rows = as_received(&draws, true);
        let (whole, expected) = one_by_one(&rules, &rows);
        let (mut engine, mut events) = (start(&rules), Vec::new());
        for (seq, (_, _, batch, deed, said)) in (3..).step_by(2).zip(&rows) {
            engine = Engine::restore(&engine.checkpoint()).expect("own checkpoint");
            engine.apply(seq, &Input::Readings(batch), &mut events);
            if *deed < 8 || said.is_some() {
                engine = Engine::restore(&engine.checkpoint()).expect("own checkpoint");
            }
            act(&mut engine, seq + 1, (*deed, said.as_ref()), &mut events);
        }
        prop_assert_eq!(expected, events);
        prop_assert_eq!(whole.checkpoint(), engine.checkpoint());
    }

    #[test]
    fn episodes_do_not_depend_on_the_order_within_the_lateness(draws in draws()) {
        // Absence goes by the log clock, inhibition by what is active on arrival, and an acknowledgement is of what is
        // there when it comes: none is about order. Silences hold pages back and touch no episode. Reviews
        // go by the log clock; limits are known before the readings that they judge.
        let text = RULES.split("[[rule]]\nid = \"silent\"").next().expect("the rules before");
        let rules = parse(text);
        let within = draws.into_iter().map(|draw| Draw { late: draw.late % 60, ..draw });
        let mut by_time = rows(&within.collect::<Vec<_>>(), false);
        let first: Vec<Option<Said>> = by_time.iter_mut().map(|row| row.4.take()).collect();
        for row in &mut by_time {
            row.3 = if row.3 < 5 { row.3 } else { 8 };
        }
        by_time.sort_by_key(|row| row.1);
        let (_, expected) = after(&first, &rules, &by_time);
        by_time.sort_by_key(|row| row.0);
        let (engine, events) = after(&first, &rules, &by_time);

        let final_of = |events: &[AlertEvent]| -> Vec<_> {
            let parts = episodes(events).into_iter().filter(|one| one.rule_id != "limit:review");
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
        let (engine, events) = one_by_one(&rules, &as_received(&draws, true));
        let mut places = std::collections::HashSet::new();
        let mut open = std::collections::HashMap::new();
        let mut told = std::collections::HashMap::new();
        let mut over = std::collections::HashSet::new();
        for event in &events {
            if event.state.as_str() == "resolved" {
                over.insert(event.alert_id.clone());
            } else if over.remove(&event.alert_id) {
                // It was not over after all: told once more.
                told.remove(&event.alert_id);
            }
            prop_assert!(places.insert((event.seq, event.ordinal)));
            prop_assert!(event.evidence.len() <= 10);
            prop_assert_eq!(event.ended.is_some(), event.state.as_str() == "resolved");
            prop_assert!(event.ended.is_none_or(|ended| ended >= event.onset));
            prop_assert_eq!(event.silenced_until.is_some(), event.silenced_by.is_some());
            prop_assert!(!event.latched || event.state.as_str() == "recovering");
            // A patient may have several limits to look at.
            let limit = (event.rule_id == "limit:review").then(|| event.alert_id.clone());
            let of = (event.rule_id.clone(), event.subject.clone(), limit);
            if event.state.as_str() == "resolved" {
                if open.get(&of) == Some(&event.alert_id) {
                    open.remove(&of);
                }
            } else {
                let other = open.insert(of, event.alert_id.clone());
                prop_assert!(other.is_none_or(|other| other == event.alert_id), "two open alerts");
            }
            if event.page {
                prop_assert!(event.silenced_until.is_none(), "paged under a silence");
                prop_assert!(event.acknowledged_by.is_none(), "paged though acknowledged");
                let pages = told.entry(event.alert_id.clone()).or_insert(0);
                let once = match event.event.as_str() {
                    "raised" => *pages == 0,
                    // Again only where the rule says so.
                    "worsened" => {
                        *pages == 0 || event.rule_id.contains("latched")
                            || ["fast", "silent"].contains(&&*event.rule_id)
                    }
                    "silenced" | "escalated" => true,
                    _ => false,
                };
                prop_assert!(once, "{:?} paged twice", event);
                *pages += 1;
            }
        }
        prop_assert_eq!(engine.open_alerts(), open.len());
        prop_assert!(engine.pending().iter().all(|one| one.due > one.since));
    }
}
