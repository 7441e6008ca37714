//! The mirror: a device's readings as flat JSON, as Theengs gateways publish them and home automation reads them.
//!
//! It lacks what the packs have (times, precision, status, absences), so it is for looking only: QoS 0, live readings,
//! off by default. Identifiers of patients and beds are not in it.

use serde_json::{Map, Value, json};
use wardline_normalize::senml::RecordValue;

use super::pack::Pack;
use crate::source::Kind;

/// Names that others know, with the unit in them.
const NAMES: [(&str, &str); 5] = [
    ("MDC_TEMP_BODY", "tempc"),
    ("MDC_ATTR_VAL_BATT_CHARGE", "batt"),
    ("MDC_MASS_BODY_ACTUAL", "weight"),
    ("MDC_PULS_OXIM_SAT_O2", "spo2"),
    ("MDC_ECG_HEART_RATE", "bpm"),
];

/// The message for a pack; `None` if it has nothing flat to say.
pub(super) fn message(pack: &Pack) -> Option<String> {
    if pack.kind != Kind::Readings {
        return None;
    }
    let mut flat = Map::new();
    for record in &pack.records {
        let value = match &record.value {
            // Through its digits: 37.20 stays a number, whatever a double would make of it.
            RecordValue::Number(number) => {
                serde_json::from_str(&number.to_string()).unwrap_or(Value::Null)
            }
            RecordValue::Text(text) => json!(text),
            RecordValue::Bool(truth) => json!(truth),
            RecordValue::Absent(_) | RecordValue::Waveform(_) | RecordValue::Alarm { .. } => {
                continue;
            }
        };
        flat.insert(name(&record.name), value);
    }
    if flat.is_empty() {
        return None;
    }
    flat.insert("id".to_owned(), json!(pack.device));
    Some(Value::Object(flat).to_string())
}

fn name(metric: &str) -> String {
    match NAMES.iter().find(|(known, _)| *known == metric) {
        Some((_, name)) => (*name).to_owned(),
        None => metric
            .trim_start_matches("MDC_")
            .trim_start_matches("local.")
            .to_lowercase(),
    }
}
