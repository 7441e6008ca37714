use super::conformance::faults;
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

const T: Micros = 1_795_352_400_000_000;
const SECOND: Micros = 1_000_000;

fn alert() -> AlertFacts {
    AlertFacts {
        id: "01KABCDEFGHJKMNPQRSTVWXYZ0".to_owned(),
        rule: "tachycardia".to_owned(),
        title: Some("Heart rate above 120 /min for 5 minutes".to_owned()),
        patient: Some(Party {
            id: "p1".to_owned(),
            identifier: None,
        }),
        device: Some("d1".to_owned()),
        class: "physiological".to_owned(),
        priority: "high".to_owned(),
        state: "active".to_owned(),
        onset: T,
        updated: T + 300 * SECOND,
        message: "heart rate 131 /min, above 120 for 5 min".to_owned(),
        evidence: vec!["0A".to_owned(), "0B".to_owned()],
        ..AlertFacts::default()
    }
}

fn notification() -> NotificationFacts {
    NotificationFacts {
        id: "01KNOTIFICATION00000000000".to_owned(),
        kind: "page".to_owned(),
        priority: "high".to_owned(),
        made: T + 300 * SECOND,
        channel: "ward-pager".to_owned(),
        recipient: Some("nurse-7".to_owned()),
        patient: alert().patient,
        alerts: vec![alert().id],
        text: "heart rate 131 /min, above 120 for 5 min".to_owned(),
        ..NotificationFacts::default()
    }
}

/// The resource, checked.
fn checked(resource: &Resource) -> Value {
    let value: Value = serde_json::from_str(&resource.json).unwrap();
    assert_eq!(faults(&value), [""; 0], "{}", resource.json);
    assert_eq!(value["resourceType"], resource.kind);
    assert_eq!(value["id"], resource.id);
    value
}

fn issue(alert: &AlertFacts) -> Value {
    checked(&detected_issue(alert, &Style::default()))
}

fn work(alert: &AlertFacts) -> Value {
    checked(&task(alert, &Style::default()))
}

fn message(notification: &NotificationFacts) -> Value {
    let conditions = vec![Some("DetectedIssue"); notification.alerts.len()];
    checked(&communication(notification, &conditions, &Style::default()))
}

#[test]
fn the_condition_as_a_detected_issue() {
    let style = Style {
        meta: true,
        ..Style::default()
    };
    let expected = concat!(
        r#"{"resourceType":"DetectedIssue","id":"01KABCDEFGHJKMNPQRSTVWXYZ0","meta":{"lastUpdated":"2026-11-22T13:05:00Z"},"#,
        r#""extension":[{"url":"urn:wardline:extension:device-alert-priority","#,
        r#""valueCoding":{"system":"http://hl7.org/fhir/devicealert-priority","code":"high","display":"High Priority"}}],"#,
        r#""identifier":[{"system":"urn:wardline:alert","value":"01KABCDEFGHJKMNPQRSTVWXYZ0"}],"status":"registered","#,
        r#""code":{"coding":[{"system":"urn:wardline:rule","code":"tachycardia"}],"text":"Heart rate above 120 /min for 5 minutes"},"#,
        r#""severity":"high","patient":{"reference":"Patient/p1"},"identifiedDateTime":"2026-11-22T13:00:00Z","#,
        r#""author":{"type":"Device","display":"Wardline"},"#,
        r#""implicated":[{"reference":"Observation/0A"},{"reference":"Observation/0B"},{"reference":"Device/d1"}],"#,
        r#""evidence":[{"detail":[{"reference":"Observation/0A"},{"reference":"Observation/0B"}]}],"#,
        r#""detail":"heart rate 131 /min, above 120 for 5 min"}"#,
    );
    let made = detected_issue(&alert(), &style);
    assert_eq!(made.json, expected);
    checked(&made);
}

#[test]
fn states_are_statuses() {
    // State, reason, acknowledged: DetectedIssue, Flag, Task.
    for (state, reason, acknowledged, expected) in [
        ("active", None, false, ["registered", "active", "requested"]),
        ("active", None, true, ["registered", "active", "accepted"]),
        (
            "recovering",
            None,
            false,
            ["registered", "active", "requested"],
        ),
        (
            "recovering",
            None,
            true,
            ["registered", "active", "accepted"],
        ),
        (
            "resolved",
            Some("cleared"),
            false,
            ["final", "inactive", "completed"],
        ),
        (
            "resolved",
            Some("cleared"),
            true,
            ["final", "inactive", "completed"],
        ),
        ("resolved", None, false, ["final", "inactive", "completed"]),
        (
            "resolved",
            Some("stale"),
            false,
            ["final", "inactive", "completed"],
        ),
        (
            "resolved",
            Some("withdrawn"),
            false,
            ["entered-in-error", "entered-in-error", "cancelled"],
        ),
        (
            "resolved",
            Some("reattributed"),
            true,
            ["entered-in-error", "entered-in-error", "cancelled"],
        ),
    ] {
        let alert = AlertFacts {
            state: state.to_owned(),
            reason: reason.map(str::to_owned),
            acknowledged_by: acknowledged.then(|| "nurse".to_owned()),
            acknowledged_at: acknowledged.then_some(T + SECOND),
            ended: (state == "resolved").then_some(T + 2 * SECOND),
            ..alert()
        };
        let flagged = checked(&flag(&alert, &Style::default()).unwrap());
        let found = [
            &issue(&alert)["status"],
            &flagged["status"],
            &work(&alert)["status"],
        ];
        assert_eq!(found, expected, "{state} {reason:?} {acknowledged}");
        assert_eq!(
            [
                detected_issue_status(&alert),
                flag_status(&alert),
                task_status(&alert)
            ],
            expected
        );
    }
}

#[test]
fn priorities_are_told_in_every_value_set() {
    for (priority, severity, request) in [
        ("high", json!("high"), "stat"),
        ("medium", json!("moderate"), "urgent"),
        ("low", json!("low"), "routine"),
        ("info", Value::Null, "routine"),
    ] {
        let alert = AlertFacts {
            priority: priority.to_owned(),
            ..alert()
        };
        assert_eq!(issue(&alert)["severity"], severity);
        assert_eq!(work(&alert)["priority"], request);
        let told = message(&NotificationFacts {
            priority: priority.to_owned(),
            ..notification()
        });
        assert_eq!(told["priority"], request);
        for resource in [issue(&alert), work(&alert), told] {
            assert_eq!(resource["extension"][0]["valueCoding"]["code"], priority);
        }
    }
}

#[test]
fn what_people_did_is_told_with_who_and_when() {
    let alert = AlertFacts {
        acknowledged_by: Some("nurse 7".to_owned()),
        acknowledged_at: Some(T + 400 * SECOND),
        silenced_until: Some(T + 1_000 * SECOND),
        escalation_level: 2,
        updated: T + 400 * SECOND,
        ..alert()
    };
    let issue = issue(&alert);
    assert_eq!(
        issue["mitigation"],
        json!([
            {
                "action": {
                    "coding": [{"system": "urn:wardline:alert-action", "code": "acknowledged"}],
                    "text": "Acknowledged",
                },
                "date": "2026-11-22T13:06:40Z",
                "author": {
                    "identifier": {"system": "urn:wardline:user", "value": "nurse 7"},
                    "display": "nurse 7",
                },
            },
            {
                "action": {
                    "coding": [{"system": "urn:wardline:alert-action", "code": "silenced"}],
                    "text": "Silenced until 2026-11-22T13:16:40Z",
                },
            },
        ])
    );
    let task = work(&alert);
    assert_eq!(task["owner"], issue["mitigation"][0]["author"]);
    assert_eq!(task["businessStatus"]["coding"][0]["code"], "2");
    assert_eq!(task["intent"], "order");
    assert_eq!(
        task["focus"]["reference"],
        "DetectedIssue/01KABCDEFGHJKMNPQRSTVWXYZ0"
    );
    assert_eq!(task["for"]["reference"], "Patient/p1");
    assert_eq!(
        [&task["authoredOn"], &task["lastModified"]],
        ["2026-11-22T13:00:00Z", "2026-11-22T13:06:40Z"]
    );
}

#[test]
fn what_nobody_watches_says_so() {
    let waiting = |until| {
        let alert = AlertFacts {
            not_watched: Some(("clinic hours".to_owned(), until)),
            ..alert()
        };
        work(&alert)["businessStatus"].clone()
    };
    assert_eq!(
        waiting(Some(T + 3_600 * SECOND)),
        json!({
            "coding": [{"system": "urn:wardline:escalation-level", "code": "0"}],
            "text": "Not watched: waits for clinic hours at 2026-11-22T14:00:00Z",
        })
    );
    assert_eq!(waiting(None)["text"], "Not watched: waits for clinic hours");
}

#[test]
fn an_end_makes_a_period_and_never_one_that_ends_first() {
    let over = |ended| AlertFacts {
        state: "resolved".to_owned(),
        ended: Some(ended),
        ..alert()
    };
    let ended = over(T + 60 * SECOND);
    let period = json!({"start": "2026-11-22T13:00:00Z", "end": "2026-11-22T13:01:00Z"});
    assert_eq!(issue(&ended)["identifiedPeriod"], period);
    let flagged = checked(&flag(&ended, &Style::default()).unwrap());
    assert_eq!(flagged["period"], period);
    issue(&over(T - SECOND));
    // A task is not authored after it was last modified, though an onset may be ahead of the log's clock.
    work(&AlertFacts {
        onset: T + 600 * SECOND,
        ..alert()
    });
}

#[test]
fn what_is_about_equipment_has_no_patient_and_no_flag() {
    let silent = AlertFacts {
        patient: None,
        class: "technical".to_owned(),
        evidence: Vec::new(),
        ..alert()
    };
    let found = issue(&silent);
    assert!(found.get("patient").is_none() && found.get("evidence").is_none());
    assert_eq!(found["implicated"], json!([{"reference": "Device/d1"}]));
    assert_eq!(flag(&silent, &Style::default()), None);
    let style = Style {
        condition: Condition::Flag,
        ..Style::default()
    };
    assert_eq!(silent.condition(&style), "DetectedIssue");
    assert_eq!(alert().condition(&style), "Flag");
    let task = checked(&task(&silent, &style));
    assert!(task.get("for").is_none());
    assert_eq!(
        task["focus"]["reference"],
        "DetectedIssue/01KABCDEFGHJKMNPQRSTVWXYZ0"
    );
    let gateway = issue(&AlertFacts {
        device: None,
        gateway: Some("g1".to_owned()),
        ..silent
    });
    assert_eq!(gateway["implicated"], json!([{"reference": "Device/g1"}]));
}

#[test]
fn a_flag_says_whose_business_it_is() {
    for (class, category) in [("physiological", "clinical"), ("technical", "safety")] {
        let alert = AlertFacts {
            class: class.to_owned(),
            ..alert()
        };
        let flag = checked(&flag(&alert, &Style::default()).unwrap());
        assert_eq!(
            flag["category"][0]["coding"][0],
            json!({"system": "http://terminology.hl7.org/CodeSystem/flag-category", "code": category})
        );
        assert_eq!(flag["code"]["text"], alert.message);
    }
}

#[test]
fn a_monitors_own_alarm_keeps_its_event_code() {
    let codings = |rule: &str| {
        issue(&AlertFacts {
            rule: rule.to_owned(),
            title: None,
            ..alert()
        })["code"]["coding"]
            .clone()
    };
    assert_eq!(
        codings("monitor:196670"),
        json!([
            {"system": "urn:iso:std:iso:11073:10101", "code": "196670"},
            {"system": "urn:wardline:rule", "code": "monitor:196670"},
        ])
    );
    assert_eq!(
        codings("monitor:two  words"),
        json!([{"system": "urn:wardline:rule", "code": "monitor:two__words"}])
    );
}

#[test]
fn deliveries_are_statuses() {
    for (state, status, reason) in [
        (Delivery::Pending, "preparation", Value::Null),
        (Delivery::Delivered, "completed", Value::Null),
        (Delivery::Dead, "not-done", json!("Given up: answered 404")),
    ] {
        let delivered = (state == Delivery::Delivered).then_some(T + 301 * SECOND);
        let told = message(&NotificationFacts {
            state,
            delivered,
            error: Some("answered 404".to_owned()),
            ..notification()
        });
        assert_eq!(told["status"], status);
        assert_eq!(told["statusReason"]["text"], reason);
        assert_eq!(told.get("sent").is_some(), state == Delivery::Delivered);
    }
}

#[test]
fn a_message_says_to_whom_by_which_way_and_why() {
    let told = message(&NotificationFacts {
        mail: true,
        ..notification()
    });
    assert_eq!(
        told["category"][0]["coding"][0],
        json!({"system": "http://terminology.hl7.org/CodeSystem/communication-category", "code": "alert"})
    );
    assert_eq!(told["medium"][0]["coding"][0]["code"], "EMAILWRIT");
    assert_eq!(
        message(&notification())["medium"][0]["coding"][0]["code"],
        "ELECTRONIC"
    );
    assert_eq!(told["recipient"][0]["identifier"]["value"], "nurse-7");
    assert_eq!(told["recipient"][1]["identifier"]["value"], "ward-pager");
    assert_eq!(told["subject"]["reference"], "Patient/p1");
    assert_eq!(
        told["about"],
        json!([{"reference": "DetectedIssue/01KABCDEFGHJKMNPQRSTVWXYZ0"}])
    );
    assert_eq!(told["reasonCode"][0]["coding"][0]["code"], "page");
    assert_eq!(told["payload"][0]["contentString"], notification().text);
    // An alert that is told nowhere is named only.
    let alone = communication(&notification(), &[None], &Style::default());
    assert_eq!(
        checked(&alone)["about"],
        json!([{"identifier": {"system": "urn:wardline:alert", "value": "01KABCDEFGHJKMNPQRSTVWXYZ0"}}])
    );
}

#[test]
fn references_by_identifier_point_to_nothing_that_must_be_there() {
    let style = Style {
        parties: References::Identifier,
        observations: References::Identifier,
        ..Style::default()
    };
    let found = checked(&detected_issue(&alert(), &style));
    assert_eq!(
        found["patient"],
        json!({"type": "Patient", "identifier": {"system": "urn:wardline:patient", "value": "p1"}})
    );
    // As the Observation itself has it.
    assert_eq!(
        found["implicated"][0],
        json!({"type": "Observation", "identifier": {"system": "urn:wardline:observation", "value": "0A"}})
    );
    assert_eq!(
        found["implicated"][2]["identifier"]["system"],
        "urn:wardline:device"
    );
    let known = AlertFacts {
        patient: Some(Party {
            id: "p1".to_owned(),
            identifier: Some(("urn:oid:1.2.3".to_owned(), "MRN 7".to_owned())),
        }),
        ..alert()
    };
    assert_eq!(
        checked(&detected_issue(&known, &style))["patient"]["identifier"],
        json!({"system": "urn:oid:1.2.3", "value": "MRN 7"})
    );
    assert_eq!(
        checked(&detected_issue(&known, &Style::default()))["patient"],
        json!({"reference": "Patient/p1"})
    );
}

#[test]
fn a_transaction_puts_each_under_its_own_id() {
    let style = Style::default();
    let parts = [detected_issue(&alert(), &style), task(&alert(), &style)];
    let bundle: Value =
        serde_json::from_str(&transaction(&parts, "https://ehr.example/fhir")).unwrap();
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&json!("Bundle"), &json!("transaction"))
    );
    let entries = bundle["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    for (entry, part) in entries.iter().zip(&parts) {
        let place = format!("{}/{}", part.kind, part.id);
        assert_eq!(entry["request"], json!({"method": "PUT", "url": place}));
        assert_eq!(
            entry["fullUrl"],
            format!("https://ehr.example/fhir/{place}")
        );
        assert_eq!(entry["resource"].to_string(), reparsed(&part.json));
    }
}

fn reparsed(json: &str) -> String {
    serde_json::from_str::<Value>(json).unwrap().to_string()
}

#[test]
fn the_checker_finds_faults() {
    let good = detected_issue(&alert(), &Style::default()).json;
    let work = task(&alert(), &Style::default()).json;
    for (from, json, to) in [
        ("\"registered\"", &good, "\"active\""),
        ("\"status\":\"registered\",", &good, ""),
        ("\"severity\":\"high\"", &good, "\"severity\":\"medium\""),
        ("Patient/p1", &good, "Device/p1"),
        ("Patient/p1", &good, "Patient/p_1"),
        (
            "\"identifiedDateTime\":\"2026-11-22T13:00:00Z\"",
            &good,
            "\"identifiedDateTime\":\"2026-11-22 13:00\"",
        ),
        ("\"detail\":\"heart", &good, "\"details\":\"heart"),
        ("\"implicated\":[", &good, "\"implicated\":[{},"),
        ("\"intent\":\"order\"", &work, "\"intent\":\"do\""),
        ("\"intent\":\"order\",", &work, ""),
        ("\"authoredOn\":\"2026", &work, "\"authoredOn\":\"2027"),
        ("\"code\":\"review-alert\"", &work, "\"code\":\" review\""),
    ] {
        let broken = json.replace(from, to);
        assert_ne!(&broken, json, "{from}");
        let value = serde_json::from_str(&broken).unwrap();
        assert!(!faults(&value).is_empty(), "{broken}");
    }
}

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z0-9:/ .-]{1,20}",
        ".{0,20}",
        Just("\u{0}\u{7}\u{1f}".to_owned()),
    ]
}

proptest! {
    /// Whatever stands in the registry, what goes out is R4.
    #[test]
    fn any_alert_conforms(
        (rule, message, by, device) in (words(), words(), words(), words()),
        patient in proptest::option::of("[A-Za-z0-9._ -]{1,70}"),
        (class, priority, state, reason) in (words(), words(), 0..3usize, proptest::option::of(words())),
        (onset, ended, updated) in (-T..T, proptest::option::of(-T..T), -T..T),
        evidence in proptest::collection::vec(words(), 0..3),
        (literal, flags) in (any::<bool>(), any::<bool>()),
    ) {
        let alert = AlertFacts {
            rule, message, class, priority, onset, ended, updated, evidence,
            id: "a1".to_owned(),
            patient: patient.map(|id| Party { id, identifier: None }),
            device: Some(device),
            state: ["active", "recovering", "resolved"][state].to_owned(),
            reason,
            acknowledged_by: Some(by),
            ..AlertFacts::default()
        };
        let references = if literal { References::Literal } else { References::Identifier };
        let style = Style {
            parties: references,
            observations: references,
            condition: if flags { Condition::Flag } else { Condition::DetectedIssue },
            meta: literal,
            ..Style::default()
        };
        checked(&detected_issue(&alert, &style));
        checked(&task(&alert, &style));
        flag(&alert, &style).iter().for_each(|flag| { checked(flag); });
    }

    #[test]
    fn any_message_conforms(
        (kind, priority, channel, text) in (words(), words(), words(), words()),
        (recipient, error) in (proptest::option::of(words()), proptest::option::of(words())),
        state in 0..3usize,
    ) {
        let state = [Delivery::Pending, Delivery::Delivered, Delivery::Dead][state];
        let notification = NotificationFacts {
            kind, priority, channel, text, recipient, error, state,
            ..notification()
        };
        message(&notification);
    }
}
