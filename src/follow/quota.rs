//! The technical alert of a device that has used up its quarantine quota.
//!
//! It derives from the marker that the pipeline puts into the log, so a replay makes the same event.
//! It stands for a closed fact, the refusal of a day's further rejects, so it is raised and resolved
//! in one go: it shows and is delivered, and nothing is left open that no reading could close.

use wardline_rules::{AlertEvent, Class, EventKind, Priority, State, Subject};
use wardline_store::Entry;

use crate::pipeline::{Durable, QUOTA_REASON};

/// Ordinals of these events, clear of the engine's.
const FIRST_ORDINAL: u32 = 1 << 31;

pub(super) fn events(durable: &Durable, out: &mut Vec<AlertEvent>) {
    let Entry::Batch { rejects, .. } = &durable.entry else {
        return;
    };
    let markers = rejects
        .iter()
        .filter(|reject| reject.reason == QUOTA_REASON);
    for (ordinal, marker) in (FIRST_ORDINAL..).step_by(2).zip(markers) {
        let subject = match (&marker.device_id, marker.topic.split('/').nth(3)) {
            (Some(device), _) => Subject::Device(device.clone()),
            (None, Some(gateway)) => Subject::Gateway(gateway.to_owned()),
            (None, None) => continue,
        };
        let raised = AlertEvent {
            seq: durable.seq,
            ordinal,
            alert_id: marker.id.clone(),
            rule_id: "wardline:quarantine-quota".to_owned(),
            rule_version: env!("CARGO_PKG_VERSION").to_owned(),
            subject,
            device_id: marker.device_id.clone(),
            class: Class::Technical,
            priority: Priority::Low,
            event: EventKind::Raised,
            state: State::Active,
            acknowledged_by: None,
            acknowledged_at: None,
            silenced_until: None,
            escalation_level: 0,
            onset: marker.received,
            ended: None,
            event_time: marker.received,
            processed_time: marker.received,
            value: None,
            unit: None,
            message: marker.detail.clone(),
            evidence: Vec::new(),
            page: true,
            reason: None,
            escalate_to: None,
            limit_low: None,
            limit_high: None,
            limit_source: None,
            latched: false,
            silenced_by: None,
            repeats: 0,
        };
        let resolved = AlertEvent {
            ordinal: ordinal + 1,
            event: EventKind::Resolved,
            state: State::Resolved,
            ended: Some(marker.received),
            page: false,
            ..raised.clone()
        };
        out.extend([raised, resolved]);
    }
}
