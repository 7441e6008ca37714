//! JSON forms that more than one place writes: alert events, latest values, and rows of the
//! `observation` table as NDJSON and CSV, with the way back.

mod parse;
mod row;

pub use parse::{RowFault, rows_from_ndjson};
pub use row::{csv_header, csv_row, row};

use serde_json::{Value, json};
use wardline_normalize::time::{Micros, format_rfc3339};
use wardline_normalize::vocabulary;
use wardline_rules::AlertEvent;

use crate::backend::{Alert, Delivery};
use crate::live::Latest;

fn when(time: Option<Micros>) -> Option<String> {
    time.map(format_rfc3339)
}

/// An alert event, with the field names of the alert contract; absent values are null. `reason` is there
/// on a resolution whose cause is known, and only then.
pub fn alert_event(event: &AlertEvent) -> Value {
    alert(&Alert::from(event))
}

/// An alert after its latest event, in the same form.
pub fn alert(alert: &Alert) -> Value {
    let mut value = json!({
        "alertId": alert.alert_id,
        "ruleId": alert.rule_id,
        "ruleVersion": alert.rule_version,
        "subject": alert.subject,
        "deviceId": alert.device_id,
        "class": alert.class,
        "priority": alert.priority,
        "event": alert.event,
        "state": alert.state,
        "acknowledgedBy": alert.acknowledged_by,
        "acknowledgedAt": when(alert.acknowledged_at),
        "silencedUntil": when(alert.silenced_until),
        "escalationLevel": alert.escalation_level,
        "onset": format_rfc3339(alert.onset),
        "ended": when(alert.ended),
        "eventTime": format_rfc3339(alert.event_time),
        "processedTime": format_rfc3339(alert.processed_time),
        "value": alert.value,
        "unit": alert.unit,
        "message": alert.message,
        "evidence": alert.evidence,
        "limitLow": alert.limit_low,
        "limitHigh": alert.limit_high,
        "limitSource": alert.limit_source,
        "latched": alert.latched,
        "silencedBy": alert.silenced_by,
        "repeats": alert.repeats,
    });
    if let Some(fields) = value.as_object_mut() {
        if let Some(reason) = &alert.reason {
            fields.insert("reason".to_owned(), json!(reason));
        }
        if let Some(delivery) = &alert.delivery {
            fields.insert("delivery".to_owned(), delivered(delivery));
        }
    }
    value
}

/// What became of an alert's messages. `notWatchedUntil` is there while a closed calendar holds them back; its
/// `until` is null when the calendar never opens again.
fn delivered(delivery: &Delivery) -> Value {
    json!({
        "pending": delivery.pending,
        "delivered": delivery.delivered,
        "dead": delivery.dead,
        "told": delivery.told,
        "lastError": delivery.last_error,
        "notWatchedUntil": delivery.not_watched.as_ref().map(|closed| json!({
            "calendar": closed.calendar,
            "until": when(closed.until),
        })),
        "unrouted": delivery.unrouted,
    })
}

/// A latest value, with what a screen needs to show it honestly: unit, when measured, how often expected.
pub(crate) fn latest(latest: &Latest) -> Value {
    let metric = vocabulary::by_mdc(&latest.metric)
        .or_else(|| vocabulary::by_loinc(&latest.code).first().copied());
    json!({
        "id": latest.id,
        "patientId": latest.patient,
        "deviceId": latest.device,
        "metric": latest.metric,
        "code": latest.code,
        "alias": metric.map(|metric| metric.alias),
        "display": metric.map_or(latest.metric.as_str(), |metric| metric.display),
        "value": latest.value,
        "decimals": latest.decimals,
        "valueText": latest.value_text,
        "dataAbsentReason": latest.absent,
        "unit": latest.unit,
        "effective": format_rfc3339(latest.effective),
        "received": format_rfc3339(latest.received),
        "expectedSeconds": latest.expected / 1_000_000,
        "status": latest.status,
        "quality": latest.quality,
    })
}

#[cfg(test)]
mod tests;
