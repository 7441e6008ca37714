//! Replay of recordings, and what is read from its events.

use crate::language::{Reading, START, clock, concat, parse, render, time};
use arrow_array::RecordBatch;
use wardline_rules::{
    AlertEvent, Assignment, Input, Observed, Priority, Replay, Subject, Summary, episodes,
};

const RULES: &str = r#"
[[rule]]
id = "low"
kind = "threshold"
metric = "spo2"
below = 90
for = "1m"
priority = "high"

[[rule]]
id = "silent"
kind = "absence"
metric = "spo2"
expect-every = "1m"
grace = "3m"
priority = "low"
"#;

fn row(at: &str, device: &'static str, patient: &'static str, value: f64) -> RecordBatch {
    let at = time(at);
    Reading {
        metric: "spo2",
        value: Some(value),
        word: None,
        received: at,
        effective: at,
        device,
        patient: Some(patient),
        version: 1,
        quality: None,
        status: "final",
        unit: None,
        off_scale: None,
    }
    .batch()
}

fn play(rows: &[RecordBatch], inputs: &[Input<'_>], until: Option<&str>) -> Vec<AlertEvent> {
    let mut events = Vec::new();
    let replay = Replay {
        rules: parse(RULES),
        rows,
        inputs,
        until: until.map(time),
    };
    replay.run(|event| events.push(event)).expect("all columns");
    events
}

#[test]
fn rows_in_any_order_are_played_in_the_order_they_were_received() {
    let table = [
        row("00:00", "d1", "p1", 85.0),
        row("01:00", "d1", "p1", 85.0),
        row("09:00", "d1", "p1", 95.0),
        row("00:30", "d2", "p2", 95.0),
        row("01:30", "d2", "p2", 95.0),
    ];
    let events = play(&[concat(&table)], &[], Some("06:00"));
    let lines: Vec<String> = events.iter().map(render).collect();
    assert_eq!(
        lines,
        [
            "01:00 raised low Patient/p1 active onset=00:00 page",
            "05:00 raised silent Device/d1 active onset=05:00 page",
            "05:30 raised silent Device/d2 active onset=05:30 page",
            "09:00 resolved silent Device/d1 resolved onset=05:00 ended=09:00 cleared",
            "09:00 resolved low Patient/p1 resolved onset=00:00 ended=09:00 cleared",
        ]
    );
    let mut reversed = table.to_vec();
    reversed.reverse();
    assert_eq!(play(&reversed, &[], Some("06:00")), events);
}

#[test]
fn given_assignments_are_the_only_ones() {
    let stay = Assignment {
        device: "d2".into(),
        device_user: None,
        patient: "p2".into(),
        from: START,
        until: Some(time("20:00")),
        at: START,
    };
    let rows = [
        row("00:00", "d1", "p1", 95.0),
        row("00:30", "d2", "p2", 95.0),
    ];
    let events = play(&rows, &[Input::Assignment(stay)], Some("30:00"));
    let lines: Vec<String> = events.iter().map(render).collect();
    assert_eq!(
        lines,
        [
            "04:30 raised silent Device/d2 active onset=04:30 page",
            "20:00 resolved silent Device/d2 resolved onset=04:30 ended=20:00 unassigned",
        ]
    );
}

#[test]
fn a_summary_counts_alerts_per_patient_day() {
    let rows: Vec<RecordBatch> = (0..120)
        .map(|minute| {
            row(
                &format!("{minute}:00"),
                "d1",
                "p1",
                if minute % 60 < 10 { 80.0 } else { 95.0 },
            )
        })
        .collect();
    let events = play(&rows, &[], None);
    let mut observed = Observed::default();
    for rows in &rows {
        observed.add(rows).expect("all columns");
    }
    let days = observed.patient_days();
    assert!((days - 2.0 / 24.0).abs() < 1e-12);
    let summary = Summary::new(&events, days, time("120:00"));
    let low = &summary.rules[0];
    assert_eq!(
        (low.rule_id.as_str(), low.priority, low.alerts, low.pages),
        ("low", Priority::High, 2, 2)
    );
    assert_eq!(low.in_alarm, 20 * 60_000_000);
    assert!((low.alerts_per_patient_day.expect("patients") - 24.0).abs() < 1e-9);
    assert_eq!(summary.most, [(Subject::Patient("p1".into()), 2)]);
    assert_eq!(
        episodes(&events)
            .iter()
            .map(|one| clock(one.onset))
            .collect::<Vec<_>>(),
        ["00:00", "1:00:00"]
    );
}
