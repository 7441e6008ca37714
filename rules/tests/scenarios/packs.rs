//! The shipped rules files as such; what each of them tells of is in the modules below.

mod copd;
mod diabetes;
mod heart_failure;
mod hypertension;
mod spot;
mod ward;

use crate::language::{Reading, START, apply, check, clock, parse, render, time, timeline};
use wardline_normalize::time::Micros;
use wardline_rules::{AlertEvent, Class, Engine, EventKind, Input, Priority, RuleSet};

const PACK: &str = include_str!("../../packs/ward-adult.toml");
const PACKS: [&str; 6] = [
    PACK,
    include_str!("../../packs/ward-adult-spot.toml"),
    include_str!("../../packs/home-heart-failure.toml"),
    include_str!("../../packs/home-copd.toml"),
    include_str!("../../packs/home-hypertension.toml"),
    include_str!("../../packs/home-diabetes.toml"),
];
const SECOND: Micros = 1_000_000;

/// The lines of a timeline in order of their times, each range written out.
fn woven(text: &str) -> String {
    let mut lines: Vec<(Micros, String)> = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (when, rest) = line.split_once(' ').expect("a time");
        let Some((from, end)) = when.split_once("..") else {
            lines.push((time(when), line.to_owned()));
            continue;
        };
        let (to, step) = end.split_once('/').expect("from..to/seconds");
        let step = step.parse::<i64>().expect("seconds") * SECOND;
        let mut at = time(from);
        while at <= time(to) {
            lines.push((at, format!("{} {rest}", clock(at))));
            at += step;
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    lines.join("\n")
}

fn events(pack: &str, text: &str) -> Vec<AlertEvent> {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    for (seq, step) in (1..).zip(&timeline(&[parse(pack)], &woven(text))) {
        apply(&mut engine, seq, step, &mut events);
    }
    events
}

/// What people are told of first or anew, steps of a ladder apart: time, rule and priority.
fn pages(pack: &str, text: &str) -> Vec<String> {
    let line = |event: AlertEvent| {
        let again = match event.event {
            EventKind::Raised => "",
            _ => " again",
        };
        let at = clock(event.processed_time);
        format!("{at} {} {}{again}", event.rule_id, event.priority)
    };
    told(pack, text).map(line).collect()
}

fn told(pack: &str, text: &str) -> impl Iterator<Item = AlertEvent> {
    let events = events(pack, text).into_iter();
    events.filter(|event| event.page && event.event != EventKind::Escalated)
}

#[test]
fn the_packs_are_without_fault() {
    assert_eq!(parse(PACK).rules().len(), 22);
    for pack in PACKS {
        well_made(&parse(pack));
    }
}

/// Titles for people, somebody to tell of what is urgent, no children, and something about the equipment.
fn well_made(rules: &RuleSet) {
    assert!(
        rules
            .rules()
            .iter()
            .any(|rule| rule.class == Class::Technical)
    );
    for rule in rules.rules() {
        assert!(
            !rule.title.is_empty() && rule.title != rule.id,
            "{}",
            rule.id
        );
        assert!(
            rule.class == Class::Technical || rule.applies_to.min_age.is_some(),
            "{}",
            rule.id
        );
        let urgent = rule.priority == Priority::High;
        assert!(!urgent || !rule.escalate.is_empty(), "{}", rule.id);
    }
}

/// A patient seen every five seconds. `shift` moves saturation down and respiration and rate up.
fn hour(shift: impl Fn(i64) -> f64) -> Vec<AlertEvent> {
    let mut engine = Engine::new();
    let mut events = Vec::new();
    engine.apply(
        1,
        &Input::RuleSet {
            at: START,
            rules: parse(PACK),
        },
        &mut events,
    );
    for second in (0..3600).step_by(5) {
        let at = START + second * SECOND;
        // Noise without a pattern that a hold could fall in step with, and a bad value now and then.
        let noise = ((second * 7919) % 101) as f64 / 101.0 - 0.5;
        let artefact = if second % 600 == 35 { 15.0 } else { 0.0 };
        let drift = shift(second);
        for (metric, value) in [
            ("hr", 85.0 + 8.0 * noise + 2.0 * artefact + 2.0 * drift),
            ("spo2", (96.0 + 2.0 * noise - artefact - drift).min(100.0)),
            ("9279-1", 16.0 + 4.0 * noise + drift / 2.0),
            ("8310-5", 37.2 + 0.4 * noise),
        ] {
            let reading = Reading {
                metric,
                value: Some((value * 10.0).round() / 10.0),
                word: None,
                received: at,
                effective: at,
                device: "d1",
                patient: Some("p1"),
                version: 1,
                quality: None,
                status: "final",
                unit: None,
                off_scale: None,
            };
            engine.apply(2, &Input::Readings(&reading.batch()), &mut events);
        }
    }
    events
}

#[test]
fn ordinary_noise_and_artefacts_raise_nothing() {
    let lines: Vec<String> = hour(|_| 0.0).iter().map(render).collect();
    assert!(lines.is_empty(), "{lines:#?}");
}

#[test]
fn a_deterioration_is_told_within_two_minutes() {
    let events = hour(|second| if second >= 1800 { 11.0 } else { 0.0 });
    let first = events.first().expect("an alert");
    assert_eq!(
        (first.rule_id.as_str(), first.priority, first.page),
        ("spo2-very-low", Priority::High, true)
    );
    assert!(
        first.processed_time - START <= 1920 * SECOND,
        "{}",
        render(first)
    );
}

#[test]
fn a_doubtful_signal_holds_back_what_is_low_and_not_what_is_very_low() {
    check(
        PACK,
        "00:00..05:00/30 spo2 91 q=questionable
         05:30..06:30/30 spo2 86 q=questionable",
        "02:00 raised oximeter-doubtful Device/d1 active onset=00:00 page
         06:30 raised spo2-very-low Patient/p1 active onset=05:30 page",
    );
}

/// Every example of docs/rules.md is a rules file of its own.
#[test]
fn examples_of_the_documentation_are_without_fault() {
    let text = include_str!("../../../docs/rules.md");
    let blocks = text.split("```toml\n").skip(1);
    let mut examples = 0;
    for block in blocks {
        let example = block.split("```").next().expect("its end");
        parse(example);
        examples += 1;
    }
    assert_eq!(examples, 4);
}

/// What happens after a page: somebody else is told of everything that pages, and nobody waits for what is urgent.
#[test]
fn packs_have_ladders_and_leave_children_out() {
    for pack in PACKS {
        let rules = parse(pack);
        for priority in [Priority::High, Priority::Medium, Priority::Low] {
            assert!(!rules.escalation(priority).is_empty(), "{pack}");
        }
        for rule in rules.rules() {
            let paging = rule.priority != Priority::Info;
            assert_eq!(paging, !rule.escalate.is_empty(), "{}", rule.id);
            assert!(rule.max_silence > 0, "{}", rule.id);
        }
        assert!(pack.contains("children"), "{pack}");
        assert!(!rules.escalation_targets().is_empty());
    }
}
