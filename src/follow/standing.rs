//! Alarms of monitors and states of gateways in the words of the rule engine.

use serde_json::{Map, Value};
use wardline_normalize::decimal::Decimal;
use wardline_normalize::time::{Micros, parse_rfc3339};
use wardline_rules::{
    Class, GatewayLimits, GatewayPresence, GatewayReport, MonitorAlarm, Presence, Priority,
};
use wardline_store::{AlarmEntry, GatewayEntry, GatewayLimitsEntry};

/// Event of the heartbeat that monitors send to show that their alarms would come (IHE PCD ACM): reference id, code, and
/// code within partition 3.
const HEARTBEAT: [&str; 3] = ["MDC_EVT_ACTIVE", "196614", "258047"];

/// An alarm as the engine is told; none for a heartbeat, which is no alarm.
pub(super) fn alarm(entry: &AlarmEntry) -> Option<MonitorAlarm> {
    let priority = entry.priority.as_deref();
    if HEARTBEAT.contains(&&*entry.event) && matches!(priority, None | Some("none")) {
        return None;
    }
    let class = match entry.kind.as_deref() {
        Some("technical") => Class::Technical,
        // An advisory may be about the patient: it is not hidden among the equipment's.
        _ => Class::Physiological,
    };
    let priority = match (priority, class) {
        (Some("high"), _) => Priority::High,
        (Some("medium"), _) => Priority::Medium,
        (Some("low"), _) | (None, Class::Technical) => Priority::Low,
        (Some("none"), _) => Priority::Info,
        // Not told: nobody has said that it may wait.
        _ => Priority::Medium,
    };
    let staged = |quality: &str| {
        quality
            .split([',', ' '])
            .any(|word| matches!(word, "demo" | "test"))
    };
    Some(MonitorAlarm {
        device: entry.device.clone(),
        patient: entry.patient.clone(),
        event: entry.event.clone(),
        instance: entry.instance.clone(),
        source: entry.source.clone(),
        time: entry.time,
        presence: presence(entry),
        priority,
        class,
        inactivation: entry.audio.clone().filter(|audio| audio != "enabled"),
        text: entry.text.clone(),
        value: entry
            .value
            .as_deref()
            .and_then(Decimal::parse)
            .map(|value| value.to_f64()),
        unit: entry.unit.clone(),
        limits: entry.limits.clone(),
        staged: entry.quality.as_deref().is_some_and(staged),
    })
}

/// The state decides; where it is not told, the phase does.
fn presence(entry: &AlarmEntry) -> Presence {
    match (entry.state.as_deref(), entry.phase.as_deref()) {
        (Some("inactive"), _) => Presence::Over,
        (Some("latched"), _) => Presence::Latched,
        (_, Some("tpoint")) => Presence::Moment,
        (_, Some("end" | "reset")) => Presence::Over,
        _ => Presence::Present,
    }
}

/// A gateway's state. It is read as far as it is understood: another version may tell more.
pub(super) fn gateway(entry: &GatewayEntry) -> GatewayReport {
    let mut report = GatewayReport {
        gateway: entry.gateway.clone(),
        at: entry.at,
        ..GatewayReport::default()
    };
    let Some(status) = &entry.status else {
        report.presence = GatewayPresence::Retired;
        return report;
    };
    let Ok(status) = serde_json::from_str::<Map<String, Value>>(status) else {
        // Checked before it was logged.
        return report;
    };
    let text = |name: &str| status.get(name).and_then(Value::as_str).map(str::to_owned);
    if text("state").as_deref() == Some("offline") {
        report.presence = GatewayPresence::Offline;
        report.reason = text("reason");
        return report;
    }
    report.boot = text("boot");
    let clock = status.get("clock").and_then(Value::as_object);
    report.synchronized = clock
        .and_then(|clock| clock.get("synchronized"))
        .and_then(Value::as_bool);
    // A state can be old when it comes, as a broker keeps it: only a clock that is ahead shows.
    let sent = text("time").as_deref().and_then(parse_rfc3339);
    report.clock_offset = sent.map(|sent| (sent - entry.at).max(0));
    if let Some(spool) = status.get("spool").and_then(Value::as_object) {
        let number = |name: &str| spool.get(name).and_then(Value::as_u64);
        let percent = number("percent");
        report.spool_percent = percent.map(|percent| u8::try_from(percent).unwrap_or(u8::MAX));
        report.spool_age = spool.get("ageSeconds").and_then(Value::as_f64).map(seconds);
        report.spool_full = spool.get("full").and_then(Value::as_bool);
        report.dropped = number("dropped");
    }
    report.devices = status.get("devices").and_then(devices);
    report
}

/// Seconds as microseconds.
fn seconds(seconds: f64) -> Micros {
    // Saturates; an age is at most years.
    (seconds.max(0.0) * 1e6) as Micros
}

/// `{"id": {"state": …}}`.
fn devices(devices: &Value) -> Option<Vec<(String, String)>> {
    let state = |device: &Value| device["state"].as_str().unwrap_or_default().to_owned();
    let devices = devices.as_object()?.iter();
    let devices = devices.map(|(id, device)| (id.clone(), state(device)));
    Some(devices.collect())
}

pub(super) fn limits(entry: &GatewayLimitsEntry) -> GatewayLimits {
    GatewayLimits {
        watch: entry.watch,
        silent_after: entry.silent_after,
        offline_after: entry.offline_after,
        clock_offset: entry.clock_offset,
        spool_percent: entry.spool_percent,
        spool_age: entry.spool_age,
        device_states: entry.device_states.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(state: Option<&str>, phase: Option<&str>) -> AlarmEntry {
        AlarmEntry {
            event: "MDC_EVT_LO".into(),
            state: state.map(str::to_owned),
            phase: phase.map(str::to_owned),
            ..AlarmEntry::default()
        }
    }

    #[test]
    fn the_state_decides_before_the_phase() {
        for (state, phase, expected) in [
            (Some("active"), Some("start"), Presence::Present),
            (Some("active"), None, Presence::Present),
            (None, Some("continue"), Presence::Present),
            (None, Some("end"), Presence::Over),
            (Some("inactive"), Some("update"), Presence::Over),
            (Some("latched"), Some("end"), Presence::Latched),
            (None, Some("tpoint"), Presence::Moment),
            (None, None, Presence::Present),
        ] {
            assert_eq!(
                presence(&entry(state, phase)),
                expected,
                "{state:?} {phase:?}"
            );
        }
    }

    #[test]
    fn a_heartbeat_is_no_alarm_and_what_has_no_priority_is_not_hidden() {
        let heartbeat = AlarmEntry {
            event: "MDC_EVT_ACTIVE".into(),
            priority: Some("none".into()),
            ..AlarmEntry::default()
        };
        assert_eq!(alarm(&heartbeat), None);
        let told = alarm(&entry(None, None)).unwrap();
        assert_eq!(
            (told.priority, told.class),
            (Priority::Medium, Class::Physiological)
        );
        let mut technical = entry(None, None);
        technical.kind = Some("technical".into());
        technical.quality = Some("test".into());
        technical.audio = Some("enabled".into());
        let told = alarm(&technical).unwrap();
        assert_eq!(
            (told.priority, told.class),
            (Priority::Low, Class::Technical)
        );
        assert!(told.staged && told.inactivation.is_none());
    }

    #[test]
    fn states_of_gateways_are_read_as_far_as_understood() {
        let read = |status: &str| {
            gateway(&GatewayEntry {
                gateway: "g".into(),
                at: 1_000_000,
                status: Some(status.to_owned()),
            })
        };
        let lost = read(r#"{"state":"offline","reason":"connection lost"}"#);
        assert_eq!(lost.presence, GatewayPresence::Offline);
        assert_eq!(lost.reason.as_deref(), Some("connection lost"));
        let birth = read(r#"{"state":"online","version":"0.1.0"}"#);
        assert_eq!(
            birth,
            GatewayReport {
                gateway: "g".into(),
                at: 1_000_000,
                ..GatewayReport::default()
            }
        );
        let health = read(
            r#"{"state":"online","boot":"b","time":"1970-01-01T00:00:08Z","clock":{"synchronized":false,"steps":0},
                "spool":{"bytes":901,"percent":91,"ageSeconds":2.5,"full":false,"dropped":3},
                "devices":{"d1":{"state":"bond-lost"},"d2":{"state":"connected"}}}"#,
        );
        assert_eq!(health.synchronized, Some(false));
        assert_eq!(health.clock_offset, Some(7_000_000));
        assert_eq!(health.spool_percent, Some(91));
        assert_eq!(health.spool_age, Some(2_500_000));
        assert_eq!((health.spool_full, health.dropped), (Some(false), Some(3)));
        let devices = health.devices.unwrap();
        assert_eq!(devices[0], ("d1".to_owned(), "bond-lost".to_owned()));
        assert_eq!(devices[1], ("d2".to_owned(), "connected".to_owned()));
    }
}
