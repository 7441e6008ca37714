//! Rules and routing together: what people are told in the end.

use crate::language::{apply, clock, parse, timeline};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use wardline_rules::routing::{Outcome, Router, Routing};
use wardline_rules::{AlertEvent, Engine, EventKind};

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

/// A line of a timeline: seconds since the one before, what, how long.
fn lines_of(draws: &[(i64, u8, i64)]) -> String {
    let mut at = 20 * 60;
    let mut text = "20:00 spo2 85\n".to_owned();
    for (gap, what, minutes) in draws {
        at += gap;
        let clock = format!("{:02}:{:02}", at / 60, at % 60);
        let what = match what {
            0..3 => "spo2 85".to_owned(),
            3..6 => "spo2 97".to_owned(),
            6 => "ack".to_owned(),
            7..9 => format!("silence {minutes:02}:00"),
            9 => "silence 00:00".to_owned(),
            10 => format!("hush s {minutes:02}:00 rule=low"),
            11 => format!("hush t {minutes:02}:00 patient=p1"),
            _ => "wait".to_owned(),
        };
        text.push_str(&format!("{clock} {what}\n"));
    }
    at += 30 * 60;
    text.push_str(&format!("{}:{:02} wait", at / 60, at % 60));
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn each_page_of_the_rules_is_one_message_and_whoever_opens_knows(
        draws in prop::collection::vec((1..300i64, 0..14u8, 1..9i64), 1..20)
    ) {
        let text = lines_of(&draws);
        let file = routing();
        let rules = parse(&RULES.replace("medium", "high"));
        let (mut engine, mut router) = (Engine::new(), Router::default());
        let (mut events, mut out): (Vec<AlertEvent>, _) = (Vec::new(), Vec::new());
        for (seq, step) in (1..).zip(&timeline(&[rules], &text)) {
            let before = events.len();
            apply(&mut engine, seq, step, &mut events);
            router.configure(engine.clock(), Arc::clone(&file));
            router.take(&events[before..], &mut out);
            router.advance(seq, engine.clock(), &mut out);
        }
        let told = |channel: &str| {
            let mut told = Vec::new();
            for outcome in &out {
                if let Outcome::Notify(one) = outcome && one.channel == channel && one.kind.as_str() != "resolved" {
                    told.extend(one.alerts.iter().map(|alert| (one.at, alert.alert_id.clone())));
                }
            }
            told
        };
        // Acknowledged or silenced anew in the instant in which its silence ends, it needs nobody.
        let seen = |page: &AlertEvent| {
            events.iter().any(|event| {
                (event.processed_time, &event.alert_id) == (page.processed_time, &page.alert_id)
                    && event.ordinal > page.ordinal
                    && match event.event {
                        EventKind::Acknowledged => page.event == EventKind::Silenced,
                        EventKind::Silenced => event.silenced_until.is_some(),
                        _ => false,
                    }
            })
        };
        let pages = events
            .iter()
            .filter(|event| event.page && event.event != EventKind::Escalated);
        let of = |page: &AlertEvent| (page.processed_time, page.alert_id.clone());
        let all: BTreeSet<_> = pages.clone().map(of).collect();
        let at_once: BTreeSet<_> = pages.filter(|page| !seen(page)).map(of).collect();
        let desk = told("desk");
        let once: BTreeSet<_> = desk.iter().cloned().collect();
        prop_assert!(at_once.is_subset(&once), "\n{}\n{:?}\n{:?}", text, all, desk);
        prop_assert!(desk.len() == once.len() && once.len() <= all.len(), "\n{}\n{:?}\n{:?}", text, all, desk);
        let at_the_clinic = told("clinic");
        for asking in engine.asking() {
            let stands = asking.acknowledged_by.is_none() && asking.silenced_until.is_none();
            let knows = at_the_clinic.iter().any(|(_, alert)| *alert == asking.alert_id);
            prop_assert!(!stands || knows, "\n{}\n{:?}", text, asking);
        }
    }
}
