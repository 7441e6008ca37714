//! Devices' own alarms, one JSON line each.

use serde_json::{Map, Value, json};
use wardline_normalize::batch::{Beside, Normalized};
use wardline_normalize::measurement::Alarm;
use wardline_normalize::time::format_rfc3339;

pub(super) fn printed(normalized: &Normalized) -> Vec<u8> {
    let mut out = Vec::new();
    for alarm in &normalized.alarms {
        out.extend_from_slice(line(alarm).to_string().as_bytes());
        out.push(b'\n');
    }
    out
}

/// Field names as in an alert event where it has the same; `null` is left out.
fn line(beside: &Beside<Alarm>) -> Value {
    let Alarm {
        stated,
        event,
        text,
        state,
    } = &beside.what;
    let claims = beside.claims.as_ref();
    let value = state.value.map(|value| value.to_string());
    let fields = [
        ("ruleId", json!(format!("monitor:{event}"))),
        ("deviceId", json!(stated.device)),
        ("channel", json!(stated.channel)),
        ("eventTime", json!(format_rfc3339(stated.effective))),
        ("timeSource", json!(stated.time_source.as_str())),
        ("message", json!(text)),
        ("instance", json!(state.id)),
        ("phase", json!(state.phase.map(|word| word.as_str()))),
        ("state", json!(state.state.map(|word| word.as_str()))),
        ("inactivation", json!(state.audio)),
        ("priority", json!(state.priority.map(|word| word.as_str()))),
        ("class", json!(state.kind.map(|word| word.as_str()))),
        ("metric", json!(state.source)),
        ("value", json!(value)),
        ("unit", json!(state.unit)),
        ("limits", json!(state.limits)),
        ("quality", json!(stated.quality)),
        ("patient", json!(claims.and_then(|c| c.patient.as_ref()))),
        ("bed", json!(claims.and_then(|c| c.bed.as_ref()))),
        (
            "encounter",
            json!(claims.and_then(|c| c.encounter.as_ref())),
        ),
    ];
    let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
    let fields: Map<String, Value> = fields
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    Value::Object(fields)
}
