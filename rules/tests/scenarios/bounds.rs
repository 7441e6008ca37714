//! What is kept is bounded; what was kept can be read again; what cannot be used is counted.

use crate::language::{Reading, START, parse, render, time};
use arrow_array::RecordBatch;
use std::sync::Arc;
use wardline_normalize::time::Micros;
use wardline_rules::{
    Action, ActionKind, AlertEvent, Assignment, Engine, Error, Input, KEY_GROUPS, Subject,
    key_group,
};

const LOW: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
clear = { above = 92, for = "5s" }
priority = "high"
"#;

fn engine(rules: &str) -> Engine {
    let mut engine = Engine::new();
    engine.apply(
        1,
        &Input::RuleSet {
            at: START,
            rules: parse(rules),
        },
        &mut Vec::new(),
    );
    engine
}

fn row(at: Micros, patient: &str, value: f64) -> RecordBatch {
    let reading = Reading {
        metric: "spo2",
        value: Some(value),
        word: None,
        received: at,
        effective: at,
        device: "d1",
        patient: Some(patient),
        version: 1,
        quality: None,
        status: "final",
        unit: None,
        off_scale: None,
    };
    reading.batch()
}

#[test]
fn a_flood_within_the_lateness_is_settled_early_and_state_stays_flat() {
    let mut engine = engine(LOW);
    let mut events: Vec<AlertEvent> = Vec::new();
    let mut sizes = Vec::new();
    for tick in 0..4000 {
        let at = START + tick * 10_000;
        let value = if (1500..2500).contains(&tick) {
            85.0
        } else {
            95.0
        };
        engine.apply(2, &Input::Readings(&row(at, "p1", value)), &mut events);
        if tick % 1000 == 999 {
            sizes.push(engine.checkpoint().len());
        }
    }
    let lines: Vec<String> = events.iter().map(render).collect();
    assert_eq!(
        lines,
        [
            "00:15 raised low Patient/p1 active onset=00:15 page",
            "00:25 recovering low Patient/p1 recovering onset=00:15",
            "00:30 resolved low Patient/p1 resolved onset=00:15 ended=00:25 cleared",
        ]
    );
    assert!(sizes[3] < sizes[1] + sizes[1] / 20, "{sizes:?}");
    // What is older than what was settled can no longer be placed, and is counted.
    engine.apply(3, &Input::Readings(&row(START, "p1", 85.0)), &mut events);
    assert_eq!((engine.stats().late, events.len()), (1, 3));
}

#[test]
fn idle_subjects_are_let_go() {
    let mut engine = engine(LOW);
    let mut events = Vec::new();
    for patient in 0..50 {
        let at = START + patient;
        engine.apply(
            2,
            &Input::Readings(&row(at, &format!("p{patient}"), 95.0)),
            &mut events,
        );
    }
    assert_eq!(engine.subjects(), 51);
    engine.apply(
        3,
        &Input::Tick {
            at: time("48:00:00"),
        },
        &mut events,
    );
    assert_eq!((engine.subjects(), events.len()), (0, 0));
}

#[test]
fn assigned_devices_are_kept() {
    let mut engine = engine("");
    let stay = Assignment {
        device: "d1".into(),
        device_user: None,
        patient: "p1".into(),
        from: START,
        until: Some(time("60:00:00")),
        at: START,
    };
    let out = &mut Vec::new();
    engine.apply(2, &Input::Assignment(stay), out);
    engine.apply(
        3,
        &Input::Tick {
            at: time("48:00:00"),
        },
        out,
    );
    assert_eq!(engine.subjects(), 1);
    engine.apply(
        4,
        &Input::Tick {
            at: time("99:00:00"),
        },
        out,
    );
    assert_eq!(engine.subjects(), 0);
}

#[test]
fn checkpoints_that_do_not_fit_are_refused() {
    let bytes = engine(LOW).checkpoint();
    assert!(Engine::restore(&bytes).is_ok());
    assert!(matches!(
        Engine::restore(&bytes[..bytes.len() / 2]),
        Err(Error::Damaged(_))
    ));
    let text = String::from_utf8(bytes).expect("text");
    let newer = text.replacen("\"format\":1", "\"format\":2", 1);
    assert!(matches!(
        Engine::restore(newer.as_bytes()),
        Err(Error::Version {
            found: 2,
            expected: 1
        })
    ));
    let other = text.replacen("below = 90", "below = \\\"90\\\"", 1);
    assert!(matches!(
        Engine::restore(other.as_bytes()),
        Err(Error::Damaged(_))
    ));
}

#[test]
fn what_cannot_be_used_is_counted() {
    let mut engine = engine(LOW);
    let out = &mut Vec::new();
    let schema = Arc::new(arrow_schema::Schema::empty());
    engine.apply(2, &Input::Readings(&RecordBatch::new_empty(schema)), out);
    let action = Action {
        alert_id: "none".into(),
        kind: ActionKind::Acknowledge,
        by: "nurse1".into(),
        at: START + 1,
        note: None,
    };
    engine.apply(3, &Input::Action(action), out);
    assert_eq!(
        (
            engine.stats().unreadable,
            engine.stats().unknown_alerts,
            out.len()
        ),
        (1, 1, 0)
    );
}

#[test]
fn readings_that_never_count_are_counted() {
    let mut engine = engine(LOW);
    let out = &mut Vec::new();
    let mut give = |change: &dyn Fn(&mut Reading<'_>)| {
        let mut reading = Reading {
            metric: "spo2",
            value: Some(50.0),
            word: None,
            received: START + 1,
            effective: START + 1,
            device: "d1",
            patient: Some("p1"),
            version: 1,
            quality: None,
            status: "final",
            unit: None,
            off_scale: None,
        };
        change(&mut reading);
        engine.apply(2, &Input::Readings(&reading.batch()), out);
        let stats = engine.stats();
        (stats.invalid, stats.foreign)
    };
    // Out of the plausible range, invalid by the device's word, without a value, not of a patient, not so.
    assert_eq!(give(&|row| row.quality = Some("implausible")), (1, 0));
    assert_eq!(
        give(&|row| row.quality = Some("early-estimate,implausible")),
        (2, 0)
    );
    assert_eq!(give(&|row| row.value = None), (3, 0));
    assert_eq!(give(&|row| row.quality = Some("demo")), (4, 0));
    assert_eq!(give(&|row| row.quality = Some("test")), (5, 0));
    assert_eq!(give(&|row| row.status = "entered-in-error"), (6, 0));
    assert_eq!(give(&|row| row.status = "cancelled"), (7, 0));
    // A correction is of a reading that was counted, or that counted.
    assert_eq!(
        give(&|row| (row.version, row.status) = (2, "entered-in-error")),
        (7, 0)
    );
    // No rule asks for it.
    assert_eq!(
        give(&|row| (row.metric, row.quality) = ("temp", Some("implausible"))),
        (7, 0)
    );
    // A unit that means nothing here.
    assert_eq!(give(&|row| row.unit = Some("furlong")), (7, 1));
    assert!(out.is_empty());
    // And one that counts.
    let mut give = |value| {
        engine.apply(3, &Input::Readings(&row(START + 2, "p1", value)), out);
        (engine.stats().invalid, out.len())
    };
    assert_eq!(give(50.0), (7, 1));
    let kept = Engine::restore(&engine.checkpoint()).expect("own checkpoint");
    assert_eq!(kept.stats(), engine.stats());
}

#[test]
fn key_groups_are_stable() {
    let patient = key_group(&Subject::Patient("p1".into()));
    assert_eq!(patient, key_group(&Subject::Patient("p1".into())));
    assert_ne!(patient, key_group(&Subject::Device("p1".into())));
    let groups: std::collections::HashSet<u8> = (0..5000)
        .map(|id| key_group(&Subject::Patient(format!("p{id}"))))
        .collect();
    assert_eq!(groups.len(), usize::from(KEY_GROUPS));
    assert_eq!(patient, PATIENT_P1);
}

/// Fixed: a change of the hash would move state between workers.
const PATIENT_P1: u8 = 116;
