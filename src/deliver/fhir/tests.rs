use std::sync::Arc;

use serde_json::{Value, json};
use wardline_store::registry::{
    AlertEventRecord, Consequences, Destination, Identifier, NotWatchedRecord, NotificationRecord,
    OutboxEntry, PatientFields, Registry,
};

use super::*;
use crate::config::{Events, Secret};

#[path = "../../../normalize/src/fhir/alert/conformance.rs"]
mod conformance;

const T: i64 = 1_795_352_400_000_000;

struct Ward {
    _dir: tempfile::TempDir,
    registry: Arc<Registry>,
    seq: u64,
}

fn ward() -> Ward {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
    Ward {
        _dir: dir,
        registry: Arc::new(registry),
        seq: 0,
    }
}

fn event(alert: &str, subject: &str, message: &str) -> AlertEventRecord {
    AlertEventRecord {
        seq: 0,
        ordinal: 0,
        alert_id: alert.to_owned(),
        rule_id: "tachycardia".to_owned(),
        rule_version: "v1".to_owned(),
        subject: subject.to_owned(),
        device_id: Some("d1".to_owned()),
        class: "physiological".to_owned(),
        priority: "high".to_owned(),
        event: "raised".to_owned(),
        state: "active".to_owned(),
        acknowledged_by: None,
        acknowledged_at: None,
        silenced_until: None,
        escalation_level: 0,
        onset: T,
        ended: None,
        event_time: T,
        processed_time: T,
        value: Some(131.0),
        unit: Some("/min".to_owned()),
        message: message.to_owned(),
        evidence: vec!["E1".to_owned()],
        page: true,
        reason: None,
        limit_low: None,
        limit_high: Some(120.0),
        limit_source: None,
        latched: false,
        silenced_by: None,
        repeats: 0,
    }
}

fn notification(id: &str, channel: &str, alerts: &[&str]) -> NotificationRecord {
    NotificationRecord {
        id: id.to_owned(),
        seq: 0,
        at: T,
        kind: "page".to_owned(),
        channel: channel.to_owned(),
        recipient: None,
        address: None,
        group: "g".to_owned(),
        priority: "high".to_owned(),
        alerts: alerts.iter().map(|id| (*id).to_owned()).collect(),
        route: "all".to_owned(),
        payload: json!({
            "type": "notification",
            "alerts": alerts.iter().map(|id| json!({"alertId": id})).collect::<Vec<_>>(),
        })
        .to_string()
        .into_bytes(),
    }
}

impl Ward {
    /// One input of the log with what it led to.
    fn record(&mut self, event: AlertEventRecord, told: &[NotificationRecord], to: &[Destination]) {
        self.seq += 1;
        let events = [AlertEventRecord {
            seq: self.seq,
            ..event
        }];
        let told: Vec<NotificationRecord> = told
            .iter()
            .map(|one| NotificationRecord {
                seq: self.seq,
                ..one.clone()
            })
            .collect();
        let consequences = Consequences {
            events: &events,
            notifications: &told,
            ..Consequences::default()
        };
        self.registry
            .record_alerts(self.seq, &consequences, to, T)
            .unwrap();
    }

    fn entries(&self) -> Vec<OutboxEntry> {
        self.registry.due(T, 100).unwrap()
    }

    fn push(&self, change: impl FnOnce(&mut config::FhirPush)) -> FhirPush {
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut config = config::FhirPush {
            name: "ehr".to_owned(),
            url: "https://ehr.example/fhir".to_owned(),
            token: Some(Secret("t".to_owned())),
            ca: None,
            condition: Default::default(),
            references: References::Identifier,
            patient_system: None,
            events: Events::All,
        };
        change(&mut config);
        FhirPush::new(&config, Arc::clone(&self.registry)).unwrap()
    }
}

/// What an entry puts: each resource by its place, checked.
fn put(push: &FhirPush, entry: &OutboxEntry) -> Vec<(String, Value)> {
    let resources = push.resources(entry, &alerts(entry).unwrap()).unwrap();
    resources
        .iter()
        .map(|one| {
            let value: Value = serde_json::from_str(&one.json).unwrap();
            assert_eq!(conformance::faults(&value), [""; 0], "{value}");
            (format!("{}/{}", one.kind, one.id), value)
        })
        .collect()
}

fn places(put: &[(String, Value)]) -> Vec<&str> {
    put.iter().map(|(place, _)| place.as_str()).collect()
}

fn at<'a>(put: &'a [(String, Value)], place: &str) -> &'a Value {
    &put.iter().find(|(found, _)| found == place).unwrap().1
}

/// Events of alerts for our server, which no routing file asked for.
fn events() -> Destination {
    Destination {
        name: "ehr".to_owned(),
        pages: false,
        render: Arc::new(|_, event| event.alert_id.clone().into_bytes()),
    }
}

#[test]
fn an_event_puts_the_alert_as_it_is_now_with_its_messages() {
    let mut ward = ward();
    let raised = event("a1", "Patient/p1", "heart rate 131 /min");
    let told = [notification("n1", "pager", &["a1"])];
    ward.record(raised.clone(), &told, &[events()]);
    let entries = ward.entries();
    let entry = entries
        .iter()
        .find(|entry| entry.destination == "ehr")
        .unwrap();
    let push = ward.push(|_| {});
    let put_first = put(&push, entry);
    assert_eq!(
        places(&put_first),
        ["DetectedIssue/a1", "Task/a1", "Communication/n1"]
    );
    let message = at(&put_first, "Communication/n1");
    assert_eq!(message["status"], "preparation");
    assert_eq!(message["about"][0]["reference"], "DetectedIssue/a1");

    // The same entry later: the alert is over and the message has arrived, in the words it had.
    let over = AlertEventRecord {
        event: "resolved".to_owned(),
        state: "resolved".to_owned(),
        ended: Some(T + 60_000_000),
        message: "heart rate 88 /min, resolved".to_owned(),
        ..raised
    };
    ward.record(over, &[], &[]);
    let pager = entries
        .iter()
        .find(|entry| entry.destination == "pager")
        .unwrap();
    ward.registry.mark_delivered(&[pager.id], T + 5).unwrap();
    let put_again = put(&push, entry);
    assert_eq!(places(&put_again), places(&put_first));
    assert_eq!(at(&put_again, "DetectedIssue/a1")["status"], "final");
    assert_eq!(at(&put_again, "Task/a1")["status"], "completed");
    let message = at(&put_again, "Communication/n1");
    assert_eq!(message["status"], "completed");
    assert_eq!(message["sent"], "2026-11-22T13:00:00.000005Z");
    assert_eq!(
        message["payload"][0]["contentString"],
        "heart rate 131 /min"
    );
}

#[test]
fn a_notification_puts_all_its_alerts_and_has_arrived_by_being_put() {
    let mut ward = ward();
    ward.record(event("a1", "Patient/p1", "one"), &[], &[]);
    ward.record(event("a2", "Device/d1", "two"), &[], &[]);
    let told = [notification("n1", "ehr", &["a1", "a2"])];
    ward.record(event("a1", "Patient/p1", "one again"), &told, &[]);
    let entries = ward.entries();
    let push = ward.push(|push| push.condition = wardline_normalize::fhir::alert::Condition::Flag);
    let put = put(&push, &entries[0]);
    assert_eq!(
        places(&put),
        [
            "Flag/a1",
            "DetectedIssue/a2",
            "Task/a1",
            "Task/a2",
            "Communication/n1"
        ]
    );
    let message = at(&put, "Communication/n1");
    assert_eq!(message["status"], "completed");
    assert!(message.get("subject").is_none(), "of two subjects");
    assert_eq!(
        message["about"],
        json!([{"reference": "Flag/a1"}, {"reference": "DetectedIssue/a2"}])
    );
    assert_eq!(message["payload"][0]["contentString"], "one again\ntwo");
}

#[test]
fn patients_go_by_the_identifier_that_the_server_knows() {
    let mut ward = ward();
    let fields = PatientFields {
        name: Some("Jane Roe".to_owned()),
        identifiers: vec![Identifier {
            system: "urn:oid:1.2.3".to_owned(),
            value: "4711".to_owned(),
        }],
        ..PatientFields::default()
    };
    ward.registry
        .create_patient(Some("p1"), &fields, T)
        .unwrap();
    let told = [notification("n1", "ehr", &["a1"])];
    ward.record(event("a1", "Patient/p1", "one"), &told, &[]);
    ward.record(event("a2", "Patient/p2", "two"), &[], &[events()]);
    let entries = ward.entries();
    let known = ward.push(|push| push.patient_system = Some("urn:oid:1.2.3".to_owned()));
    let told = put(&known, &entries[0]);
    let identifier = json!({"system": "urn:oid:1.2.3", "value": "4711"});
    assert_eq!(
        at(&told, "DetectedIssue/a1")["patient"]["identifier"],
        identifier
    );
    assert_eq!(at(&told, "Task/a1")["for"]["identifier"], identifier);
    assert_eq!(
        at(&told, "Communication/n1")["subject"]["identifier"],
        identifier
    );
    assert!(told.iter().all(|(_, one)| !one.to_string().contains("Roe")));
    // Who has none goes by ours; a server that has our patients gets references.
    let unknown = put(&known, &entries[1]);
    let own = json!({"system": "urn:wardline:patient", "value": "p2"});
    assert_eq!(
        at(&unknown, "DetectedIssue/a2")["patient"]["identifier"],
        own
    );
    let literal = ward.push(|push| push.references = References::Literal);
    let told = put(&literal, &entries[0]);
    assert_eq!(
        at(&told, "DetectedIssue/a1")["patient"],
        json!({"reference": "Patient/p1"})
    );
}

#[test]
fn what_nobody_watches_is_told_by_its_work() {
    let ward = ward();
    let events = [AlertEventRecord {
        seq: 1,
        ..event("a1", "Patient/p1", "one")
    }];
    let closed = [NotWatchedRecord {
        alert_id: "a1".to_owned(),
        calendar: "clinic".to_owned(),
        until: Some(T + 3_600_000_000),
        at: T,
    }];
    let consequences = Consequences {
        events: &events,
        not_watched: &closed,
        ..Consequences::default()
    };
    let to = [self::events()];
    ward.registry
        .record_alerts(1, &consequences, &to, T)
        .unwrap();
    let put = put(&ward.push(|_| {}), &ward.entries()[0]);
    assert_eq!(
        at(&put, "Task/a1")["businessStatus"]["text"],
        "Not watched: waits for clinic at 2026-11-22T14:00:00Z"
    );
}

#[test]
fn an_entry_that_names_no_alert_is_no_use() {
    let mut ward = ward();
    let broken = NotificationRecord {
        payload: b"{}".to_vec(),
        ..notification("n1", "ehr", &["a1"])
    };
    ward.record(event("a1", "Patient/p1", "one"), &[broken], &[]);
    assert!(alerts(&ward.entries()[0]).is_err());
}
