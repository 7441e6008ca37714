//! Rules and routing together: what people are told in the end.

use crate::language::{apply, clock, parse, timeline};
use std::sync::Arc;
use wardline_rules::routing::{Outcome, Router, Routing};
use wardline_rules::{AlertEvent, Engine};

const RULES: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
priority = "medium"
escalate = [{ after = "50m", to = "nurse" }]
"#;

const FILE: &str = r#"
time-zone = "UTC"
[[calendar]]
id = "clinic"
open = [{ from = "00:30", until = "23:00" }]
[[route]]
id = "always"
to = ["channel:desk"]
continue = true
[[route]]
id = "clinic"
to = ["channel:clinic"]
hours = "clinic"
[[target]]
name = "nurse"
to = ["channel:nurse"]
"#;

fn routing() -> Arc<Routing> {
    Arc::new(Routing::parse(FILE).unwrap_or_else(|faults| panic!("{faults:?}")))
}

fn lines(out: &[Outcome]) -> Vec<String> {
    let line = |outcome: &Outcome| match outcome {
        Outcome::Notify(told) => {
            assert_eq!(told.alerts.len(), 1, "{told:?}");
            format!("{} {} {}", clock(told.at), told.kind, told.channel)
        }
        other => format!("{other:?}"),
    };
    out.iter().map(line).collect()
}

/// Engine and router after a timeline, and what people were told.
fn run(file: Option<&Arc<Routing>>, text: &str) -> (Engine, Router, Vec<Outcome>) {
    let (mut engine, mut router) = (Engine::new(), Router::default());
    let (mut events, mut out): (Vec<AlertEvent>, _) = (Vec::new(), Vec::new());
    let steps = timeline(&[parse(RULES)], text);
    for (seq, step) in (1..).zip(&steps) {
        let before = events.len();
        apply(&mut engine, seq, step, &mut events);
        if let Some(file) = file {
            router.configure(engine.clock(), Arc::clone(file));
        }
        router.take(&events[before..], &mut out);
        router.advance(seq, engine.clock(), &mut out);
    }
    (engine, router, out)
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let (_, _, out) = run(Some(&routing()), text);
    assert_eq!(lines(&out), expected);
}

#[test]
fn raised_under_a_silence_is_one_page_at_its_end() {
    for end in ["36:00 wait", "34:50 wait\n 35:00 unhush s"] {
        check(
            &format!("31:00 hush s 04:00 rule=low\n 31:10 spo2 85\n {end}"),
            &["35:00 page desk", "35:00 page clinic"],
        );
    }
}

#[test]
fn told_and_silenced_it_is_told_again_at_the_end_unless_somebody_ends_it_by_hand() {
    let begin = "31:00 spo2 85\n 31:10 silence 03:50";
    let told = ["31:00 page desk", "31:00 page clinic"];
    let again = ["35:00 repeat desk", "35:00 repeat clinic"];
    check(&format!("{begin}\n 36:00 wait"), &[told, again].concat());
    check(
        &format!("{begin}\n 33:00 silence 00:00\n 36:00 wait"),
        &told,
    );
}

#[test]
fn what_is_silenced_when_its_hours_begin_is_one_page_at_the_end_whoever_ends_it() {
    let begin = "29:00 spo2 85\n 29:10 silence 05:50";
    check(
        &format!("{begin}\n 36:00 wait"),
        &["29:00 page desk", "35:00 repeat desk", "35:00 page clinic"],
    );
    check(
        &format!("{begin}\n 33:00 silence 00:00\n 36:00 wait"),
        &["29:00 page desk", "33:00 page clinic"],
    );
}

#[test]
fn a_router_without_state_is_told_by_the_rules_what_is_open() {
    let text = "31:00 spo2 85\n 31:00 rr 20\n 32:00 wait";
    let (mut engine, router, out) = run(None, text);
    assert_eq!((router.open_alerts(), out.len()), (1, 0));
    let mut fresh = Router::default();
    fresh.seed(engine.asking());
    fresh.configure(engine.clock(), routing());
    let mut out = Vec::new();
    fresh.advance(9, engine.clock(), &mut out);
    assert_eq!(lines(&out), ["32:00 page desk", "32:00 page clinic"]);
    let Some(Outcome::Notify(told)) = out.first() else {
        panic!("{out:?}");
    };
    assert_eq!(told.alerts[0].message.lines().count(), 1);
    // Of what is held back, the end of the silence tells.
    let (mut engine, _, _) = run(
        None,
        "31:00 hush s 04:00 rule=low\n 31:10 spo2 85\n 32:00 wait",
    );
    assert_eq!((engine.open_alerts(), engine.asking().len()), (1, 0));
}
