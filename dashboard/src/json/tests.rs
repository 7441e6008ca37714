use arrow_array::Array;
use wardline_normalize::columns::Columns;

use super::*;

fn lines(rows: &arrow_array::RecordBatch) -> Vec<String> {
    let columns = Columns::new(rows).unwrap();
    (0..columns.len())
        .map(|index| {
            let mut out = Vec::new();
            row(&columns, index, &mut out);
            String::from_utf8(out).unwrap()
        })
        .collect()
}

#[test]
fn rows_go_out_and_come_back_unchanged() {
    let text = r#"
{"device_id":"d1","mdc":"MDC_TEMP_BODY","patient_id":"p1","value":37.20,"unit":"Cel","effective":"2026-11-22T13:00:00.5+01:00"}

{"device_id":"d1","code":"local:x/y","value_text":"say \"ah\"\n","effective":"2026-11-22T12:00:01Z","raw":"AP8=","version":3,"received":"2026-11-22T12:00:02Z"}
"#;
    let rows = rows_from_ndjson(text).unwrap();
    assert_eq!(rows.num_rows(), 2);
    let out = lines(&rows);
    assert!(
        out[0].starts_with(r#"{"date":"2026-11-22","id":""#),
        "{}",
        out[0]
    );
    assert!(
        out[0].contains(r#""value":37.20,"value_text":null,"decimals":2,"unit":"Cel""#),
        "{}",
        out[0]
    );
    assert!(out[0].contains(r#""effective":"2026-11-22T12:00:00.500Z""#));
    assert!(out[1].contains(r#""raw":"AP8=""#));
    for line in &out {
        serde_json::from_str::<Value>(line).unwrap();
    }
    let again = rows_from_ndjson(&out.join("\n")).unwrap();
    assert_eq!(again, rows);
    let columns = Columns::new(&again).unwrap();
    assert_eq!(columns.code.value(0), "8310-5");
    assert_eq!(columns.version.value(1), 3);
    assert_eq!(columns.received.value(0), columns.effective.value(0));
    assert!(columns.raw.is_null(0));
}

#[test]
fn a_pressure_joins_its_panel() {
    let text = r#"{"device_id":"d1","mdc":"MDC_PRESS_BLD_NONINV_SYS","value":120,"effective":"2026-11-22T12:00:00Z"}
{"device_id":"d1","mdc":"MDC_PRESS_BLD_NONINV_DIA","value":80,"effective":"2026-11-22T12:00:00Z"}"#;
    let rows = rows_from_ndjson(text).unwrap();
    let columns = Columns::new(&rows).unwrap();
    assert_eq!(columns.panel.value(0), "85354-9");
    assert_eq!(columns.panel_id.value(0), columns.panel_id.value(1));
    assert_ne!(columns.id.value(0), columns.id.value(1));
}

#[test]
fn faults_name_the_line() {
    let good = r#"{"device_id":"d1","code":"8867-4","effective":"2026-11-22T12:00:00Z"}"#;
    for (bad, says) in [
        ("{", "EOF"),
        (
            r#"{"code":"8867-4","effective":"2026-11-22T12:00:00Z"}"#,
            "device_id",
        ),
        (r#"{"device_id":"d1","code":"8867-4"}"#, "effective"),
        (
            r#"{"device_id":"d1","effective":"2026-11-22T12:00:00Z"}"#,
            "code or mdc",
        ),
        (
            r#"{"device_id":"d1","code":"8867-4","effective":"noon"}"#,
            "effective",
        ),
        (
            r#"{"device_id":"d1","code":"8867-4","effective":"2026-11-22T12:00:00Z","value":"high"}"#,
            "value",
        ),
        (
            r#"{"device_id":"d1","code":"8867-4","effective":"2026-11-22T12:00:00Z","colour":"red"}"#,
            "colour",
        ),
    ] {
        let fault = rows_from_ndjson(&format!("{good}\n{bad}")).unwrap_err();
        assert_eq!(fault.line, 2, "{bad}");
        assert!(fault.message.contains(says), "{} for {bad}", fault.message);
    }
}

#[test]
fn csv_quotes_what_it_must() {
    let rows = rows_from_ndjson(
        r#"{"device_id":"d1","code":"8867-4","value_text":"a,\"b\"","effective":"2026-11-22T12:00:00Z"}"#,
    )
    .unwrap();
    let mut out = Vec::new();
    csv_row(&Columns::new(&rows).unwrap(), 0, &mut out);
    let line = String::from_utf8(out).unwrap();
    assert!(line.contains(r#","a,""b""","#), "{line}");
    assert_eq!(csv_header().trim_end().split(',').count(), 34);
}

#[test]
fn alert_events_have_the_fields_of_the_contract() {
    let event = wardline_rules::AlertEvent {
        seq: 7,
        ordinal: 0,
        alert_id: "A1".into(),
        rule_id: "tachycardia".into(),
        rule_version: "v".into(),
        subject: wardline_rules::Subject::Patient("p1".into()),
        device_id: Some("d1".into()),
        class: wardline_rules::Class::Physiological,
        priority: wardline_rules::Priority::High,
        event: wardline_rules::EventKind::Raised,
        state: wardline_rules::State::Active,
        acknowledged_by: None,
        acknowledged_at: None,
        silenced_until: None,
        escalation_level: 0,
        onset: 0,
        ended: None,
        event_time: 1_000_000,
        processed_time: 2_000_000,
        value: Some(131.0),
        unit: Some("/min".into()),
        message: "m".into(),
        evidence: vec!["E1".into()],
        page: true,
        reason: None,
        escalate_to: None,
        repeats: 0,
        latched: false,
        silenced_by: None,
        limit_low: None,
        limit_high: None,
        limit_source: None,
    };
    let value = alert_event(&event);
    let mut names: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    names.sort_unstable();
    let mut contract = vec![
        "alertId",
        "ruleId",
        "ruleVersion",
        "subject",
        "deviceId",
        "class",
        "priority",
        "event",
        "state",
        "acknowledgedBy",
        "acknowledgedAt",
        "silencedUntil",
        "escalationLevel",
        "onset",
        "ended",
        "eventTime",
        "processedTime",
        "value",
        "unit",
        "message",
        "evidence",
        "limitLow",
        "limitHigh",
        "limitSource",
        "latched",
        "silencedBy",
        "repeats",
    ];
    contract.sort_unstable();
    assert_eq!(names, contract);
    assert_eq!(value["subject"], "Patient/p1");
    assert_eq!(value["onset"], "1970-01-01T00:00:00Z");
    let resolved = wardline_rules::AlertEvent {
        reason: Some(wardline_rules::Reason::Reattributed),
        ..event
    };
    assert_eq!(alert_event(&resolved)["reason"], "reattributed");
}
