//! What the in-memory backend answers with.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, UInt64Array};
use bytes::Bytes;
use wardline_dashboard::backend::*;
use wardline_normalize::columns::{Columns, text};

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
        limit_low: None,
        limit_high: Some(120.0),
        limit_source: Some("patient".into()),
        latched: false,
        silenced_by: None,
        repeats: 2,
        delivery: None,
    }
}

pub(super) fn quarantined(id: &str) -> QuarantineDetail {
    let item = QuarantineItem {
        id: id.to_owned(),
        received: NOW,
        source: "native".into(),
        topic: "wardline/v1/s/g/d/readings".into(),
        device_id: Some("d".into()),
        reason: "undecodable".into(),
        detail: "no JSON".into(),
        record: None,
        content_type: None,
        properties: Vec::new(),
        bytes: 3,
        replayed: None,
    };
    QuarantineDetail {
        item,
        payload: Bytes::from_static(b"[{]"),
        patients: Vec::new(),
    }
}

pub(super) fn alerts(all: &BTreeMap<String, Alert>, search: &AlertSearch) -> Vec<Alert> {
    let fits = |alert: &&Alert| {
        let patient = search.patient.as_deref();
        patient.is_none_or(|patient| alert.patient() == Some(patient))
            && (search.states.is_empty() || search.states.contains(&alert.state))
    };
    all.values().filter(fits).cloned().collect()
}

pub(super) fn messages(all: &[Message], search: &MessageSearch) -> Vec<Message> {
    let fits = |message: &&Message| {
        let of = |patient: &String| message.patients().contains(&patient.as_str());
        (search.ids.is_empty() || search.ids.contains(&message.id))
            && (search.states.is_empty() || search.states.contains(&message.state))
            && (search.patients.is_empty() || search.patients.iter().any(of))
    };
    all.iter().filter(fits).cloned().collect()
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

/// Orders and pages by the whole search, and meets the rest loosely: code and times are left to the caller.
pub(super) fn observations(rows: &RecordBatch, search: &ObservationSearch) -> ObservationPage {
    let columns = Columns::new(rows).unwrap();
    let loose = ObservationSearch {
        ids: search.ids.clone(),
        patients: search.patients.clone(),
        ..ObservationSearch::default()
    };
    let key = |row: usize| {
        let id = text(columns.panel_id, row).unwrap_or_else(|| columns.id.value(row));
        (columns.effective.value(row), id.to_owned())
    };
    let mut groups: BTreeMap<(i64, String), Vec<usize>> = BTreeMap::new();
    for row in 0..columns.len() {
        groups.entry(key(row)).or_default().push(row);
    }
    let mut groups: Vec<_> = groups
        .into_iter()
        .filter(|(_, rows)| rows.iter().any(|row| loose.matches(&columns, *row)))
        .collect();
    if search.order == Order::Descending {
        groups.reverse();
    }
    if let Some(after) = &search.after {
        let at = (after.effective, after.id.clone());
        groups.retain(|(key, _)| match search.order {
            Order::Descending => *key < at,
            Order::Ascending => *key > at,
        });
    }
    let more = groups.len() > search.limit;
    groups.truncate(search.limit);
    let last = groups.last().map(|(key, _)| Position {
        effective: key.0,
        id: key.1.clone(),
    });
    let wanted: Vec<usize> = groups.into_iter().flat_map(|(_, rows)| rows).collect();
    ObservationPage {
        rows: take(rows, &wanted),
        next: last.filter(|_| more),
    }
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
        worse: alert.event == "worsened",
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
