//! What the in-memory backend answers with.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, UInt64Array};
use wardline_dashboard::backend::*;

use crate::harness::NOW;

pub(crate) fn alert(id: &str, patient: &str) -> Alert {
    Alert {
        alert_id: id.into(),
        rule_id: "tachycardia".into(),
        rule_version: "v1".into(),
        subject: format!("Patient/{patient}"),
        device_id: Some("d1".into()),
        class: "physiological".into(),
        priority: "high".into(),
        event: "raised".into(),
        state: "active".into(),
        acknowledged_by: None,
        acknowledged_at: None,
        silenced_until: None,
        escalation_level: 0,
        onset: NOW,
        ended: None,
        event_time: NOW,
        processed_time: NOW,
        value: Some(131.0),
        unit: Some("/min".into()),
        message: "heart rate 131 /min".into(),
        evidence: vec!["E1".into()],
        reason: None,
    }
}

pub(super) fn enrolled() -> Enrolled {
    Enrolled {
        gateway: "g1".into(),
        site: "s1".into(),
        certificate: "PEM".into(),
        trust: None,
        serial: "4f".into(),
        expires: NOW + 3,
        renew: NOW + 2,
    }
}

pub(super) fn take(rows: &RecordBatch, wanted: &[usize]) -> RecordBatch {
    let indices: UInt64Array = wanted.iter().map(|row| *row as u64).collect();
    let columns = rows
        .columns()
        .iter()
        .map(|column| arrow::compute::take(column, &indices, None).unwrap())
        .collect();
    RecordBatch::try_new(rows.schema(), columns).unwrap()
}

pub(super) fn page<T>(items: Vec<T>, after: Option<&String>, limit: usize) -> ListPage<T> {
    let from: usize = after.map_or(0, |after| after.parse().unwrap());
    let more = items.len() > from + limit;
    let items = items.into_iter().skip(from).take(limit).collect();
    ListPage {
        items,
        next: more.then(|| (from + limit).to_string()),
    }
}

/// Values of a text column of an Arrow answer.
pub(crate) fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    (0..column.len())
        .map(|row| column.value(row).to_owned())
        .collect()
}

/// The link `good-link` is for ann and alert `A1`.
pub(super) fn link(token: &str, alerts: &BTreeMap<String, Alert>) -> Option<AckLink> {
    let alert = alerts.get("A1").filter(|_| token == "good-link")?;
    let linked = LinkedAlert {
        alert: alert.clone(),
        bed: Some("<4>".into()),
    };
    Some(AckLink {
        by: "ann".into(),
        expires: NOW,
        alerts: vec![linked],
    })
}

pub(super) fn acknowledgement(link: &AckLink, linked: &LinkedAlert) -> AlertAction {
    AlertAction {
        alert_id: linked.alert.alert_id.clone(),
        kind: AlertActionKind::Acknowledge,
        by: link.by.clone(),
        at: NOW,
        note: None,
    }
}
