use super::*;
use crate::json::rows_from_ndjson;

fn reading(patient: &str, second: u32, value: u32) -> RecordBatch {
    rows(&format!(
        r#"{{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"{patient}","value":{value},"unit":"/min","effective":"2026-11-22T12:{:02}:{:02}Z"}}"#,
        second / 60,
        second % 60
    ))
}

fn rows(text: &str) -> RecordBatch {
    rows_from_ndjson(text).unwrap()
}

fn alert(id: &str, state: &str) -> Alert {
    Alert {
        alert_id: id.into(),
        rule_id: "r".into(),
        rule_version: "v".into(),
        subject: "Patient/p1".into(),
        device_id: None,
        class: "physiological".into(),
        priority: "high".into(),
        event: "raised".into(),
        state: state.into(),
        acknowledged_by: None,
        acknowledged_at: None,
        silenced_until: None,
        escalation_level: 0,
        onset: 0,
        ended: None,
        event_time: 0,
        processed_time: 0,
        value: None,
        unit: None,
        message: "m".into(),
        evidence: Vec::new(),
        reason: None,
        limit_low: None,
        limit_high: None,
        limit_source: None,
        latched: false,
        silenced_by: None,
        repeats: 0,
        delivery: None,
    }
}

#[test]
fn newest_wins_and_corrections_replace() {
    let live = Live::new();
    live.readings(&reading("p1", 10, 80)).unwrap();
    live.readings(&reading("p1", 5, 70)).unwrap();
    let all = Filter::default();
    assert_eq!(
        live.snapshot(&all).values[0].value,
        Some(80.0),
        "an older reading changes nothing"
    );
    let corrected = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":82,"version":2,"status":"corrected","effective":"2026-11-22T12:00:10Z"}"#;
    live.readings(&rows(corrected)).unwrap();
    assert_eq!(live.snapshot(&all).values[0].value, Some(82.0));
    let implausible = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":900,"quality":"implausible","effective":"2026-11-22T12:00:20Z"}"#;
    live.readings(&rows(implausible)).unwrap();
    let nobody = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","value":90,"effective":"2026-11-22T12:00:30Z"}"#;
    live.readings(&rows(nobody)).unwrap();
    assert_eq!(live.snapshot(&all).values[0].value, Some(82.0));
    assert_eq!(live.len(), 1);
}

#[test]
fn a_reader_that_comes_back_gets_the_latest_of_each_and_the_count_of_the_rest() {
    let live = Live::new();
    let all = Filter::default();
    live.readings(&reading("p1", 1, 80)).unwrap();
    let seen = live.snapshot(&all).seq;
    for second in 2..12 {
        live.readings(&reading("p1", second, 80 + second)).unwrap();
    }
    live.readings(&reading("p2", 1, 60)).unwrap();
    let frame = live.since(seen, &all);
    assert!(!frame.snapshot);
    assert_eq!(frame.values.len(), 2);
    assert_eq!(frame.values[0].value, Some(91.0));
    assert_eq!(frame.skipped, 9);
    assert_eq!(live.skipped(), 9);
    assert!(live.since(frame.seq, &all).values.is_empty());
    let one = Filter {
        patients: vec!["p2".into()],
        alerts_only: false,
    };
    let frame = live.since(seen, &one);
    assert_eq!(
        (frame.values.len(), frame.skipped),
        (1, 0),
        "what a reader does not want is not skipped"
    );
}

#[test]
fn a_reader_too_far_behind_gets_a_snapshot() {
    let live = Live::new();
    let all = Filter::default();
    live.readings(&reading("p1", 1, 80)).unwrap();
    let seen = live.snapshot(&all).seq;
    for _ in 0..=RING {
        live.alerts([alert("a1", "active")]);
    }
    let frame = live.since(seen, &all);
    assert!(frame.snapshot);
    assert_eq!((frame.values.len(), frame.alerts.len()), (1, 1));
    assert!(
        live.since(frame.seq + 1, &all).snapshot,
        "a number of another run"
    );
}

#[test]
fn a_resolution_reaches_every_reader_and_then_leaves() {
    let live = Live::new();
    let all = Filter::default();
    live.alerts([alert("a1", "active")]);
    let seen = live.snapshot(&all).seq;
    live.alerts([alert("a1", "resolved")]);
    assert!(live.snapshot(&all).alerts.is_empty());
    let frame = live.since(seen, &all);
    assert_eq!(frame.alerts[0].state, "resolved");
    for _ in 0..RING {
        live.alerts([alert("a2", "active")]);
    }
    assert_eq!(
        live.lock().alerts(),
        1,
        "a1 is forgotten with its resolution"
    );
}

#[test]
fn a_forgotten_patient_is_gone_at_the_next_look() {
    let live = Live::new();
    let all = Filter::default();
    live.readings(&reading("p1", 1, 80)).unwrap();
    live.readings(&reading("p2", 1, 80)).unwrap();
    let seen = live.snapshot(&all).seq;
    live.forget("p1");
    let frame = live.since(seen, &all);
    assert!(frame.snapshot);
    assert_eq!(frame.values.len(), 1);
    assert_eq!(live.len(), 1);
}

#[test]
fn expected_interval_is_stated_or_estimated() {
    let live = Live::new();
    let all = Filter::default();
    for second in [0, 10, 20, 30] {
        live.readings(&reading("p1", second, 80)).unwrap();
    }
    assert_eq!(live.snapshot(&all).values[0].expected, 10_000_000);
    live.expect("MDC_ECG_HEART_RATE", 60_000_000);
    live.readings(&reading("p1", 40, 80)).unwrap();
    assert_eq!(live.snapshot(&all).values[0].expected, 60_000_000);
}

#[test]
fn a_reading_given_to_another_patient_or_entered_in_error_is_not_shown() {
    let live = Live::new();
    let all = Filter::default();
    live.readings(&reading("p1", 1, 80)).unwrap();
    let seen = live.snapshot(&all).seq;
    let moved = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p2","value":80,"version":2,"effective":"2026-11-22T12:00:01Z"}"#;
    live.readings(&rows(moved)).unwrap();
    let frame = live.since(seen, &all);
    assert!(frame.snapshot, "readers drop what moved");
    assert_eq!(frame.values.len(), 1);
    assert_eq!(frame.values[0].patient, "p2");
    let error = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p2","value":80,"version":3,"status":"entered-in-error","effective":"2026-11-22T12:00:01Z"}"#;
    live.readings(&rows(error)).unwrap();
    let frame = live.snapshot(&all);
    assert_eq!(
        (frame.values[0].value, frame.values[0].absent.as_deref()),
        (None, Some("error"))
    );
    let nobody = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","value":80,"version":4,"effective":"2026-11-22T12:00:01Z"}"#;
    live.readings(&rows(nobody)).unwrap();
    assert!(live.is_empty());
}
