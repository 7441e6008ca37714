use super::*;
use crate::measurement::{Claims, Measurement, Value};
use crate::time::format_rfc3339;
use std::fmt::Write as _;

mod bundle;
mod codes;
mod native;
mod values;

/// 2026-11-22T13:00:00Z.
const NOW: Micros = 1_795_352_400_000_000;

/// What came out, in words: one line a row or reject.
#[derive(Default)]
struct Lines(String);

impl Sink for Lines {
    fn take(&mut self, record: u32, m: &Measurement<'_>, claims: Option<Claims>) {
        let value = match m.value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Absent(reason) => format!("absent {reason}"),
        };
        let mut line = format!(
            "{record} {} {} {value} {} {}",
            m.device,
            m.metric(),
            m.unit.unwrap_or("-"),
            format_rfc3339(m.effective),
        );
        let claims = claims.unwrap_or_default();
        for (name, value) in [
            ("code", (m.code != m.metric()).then_some(m.code)),
            ("panel", m.panel.map(|panel| panel.mdc)),
            ("end", m.effective_end.map(format_rfc3339).as_deref()),
            ("status", (m.status != "final").then_some(m.status)),
            ("interpretation", m.interpretation),
            ("site", m.body_site),
            ("method", m.method),
            ("quality", m.quality),
            ("gateway", m.gateway),
            ("user", m.device_user),
            ("patient", claims.patient.as_deref()),
            ("encounter", claims.encounter.as_deref()),
        ] {
            if let Some(value) = value {
                write!(line, " {name}={value}").unwrap();
            }
        }
        self.0.push_str(&line);
        self.0.push('\n');
    }

    fn refuse(&mut self, record: Option<u32>, reason: Reason, detail: String) {
        let record = record.map_or("all".to_owned(), |record| record.to_string());
        writeln!(self.0, "{record} ! {} {detail}", reason.as_str()).unwrap();
    }
}

fn lines_in(context: &Context<'_>, payload: &str) -> String {
    let mut lines = Lines::default();
    decode(payload.as_bytes(), context, &mut lines);
    lines.0
}

fn lines(payload: &str) -> String {
    let context = Context {
        received: NOW,
        source: Some("ehr"),
        ..Context::default()
    };
    lines_in(&context, payload)
}

/// An Observation of device d1 at one o'clock with `elements` beside.
fn with(elements: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","effectiveDateTime":"2026-11-22T13:00:00Z",
        "device":{{"reference":"Device/d1"}},{elements}}}"#
    )
}

const HEART_RATE: &str =
    r#""code":{"coding":[{"system":"urn:iso:std:iso:11073:10101","code":"147842"}]}"#;
/// Outside the vocabulary: takes values of every type.
const CULTURE: &str = r#""code":{"coding":[{"system":"http://loinc.org","code":"600-7"}]}"#;
const BPM: &str = r#""valueQuantity":{"value":72,"unit":"beats/min","system":"http://unitsofmeasure.org","code":"/min"}"#;

fn check(elements: &str, expected: &str) {
    assert_eq!(lines(&with(elements)).trim_end(), expected, "{elements}");
}

/// A heart rate with `elements` beside.
fn check_rate(elements: &str, expected: &str) {
    check(&format!("{HEART_RATE},{BPM},{elements}"), expected);
}

/// `value` of an Observation outside the vocabulary.
fn check_value(value: &str, expected: &str) {
    let line = lines(&with(&format!("{CULTURE},{value}")));
    let line = line.trim_end();
    let shown = line
        .strip_prefix("0 d1 600-7 ")
        .and_then(|rest| rest.strip_suffix(" 2026-11-22T13:00:00Z"))
        .unwrap_or(line);
    assert_eq!(shown, expected, "{value}");
}

const RATE: &str = "0 d1 MDC_ECG_HEART_RATE 72 /min 2026-11-22T13:00:00Z code=8867-4";

#[test]
fn an_observation() {
    check(&format!("{HEART_RATE},{BPM}"), RATE);
    check_rate(
        r#""subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1"},"status2":1,
        "category":[{"text":"x"}],"issued":"now","performer":7,"referenceRange":[{"low":{"value":50}}]"#,
        &format!("{RATE} patient=p1 encounter=e1"),
    );
    check_rate(
        r#""bodySite":{"coding":[{"system":"http://snomed.info/sct","code":"368208006","display":"left upper arm"}]},
        "method":{"text":"patch"},"interpretation":[{"text":"odd"},{"coding":[{"code":"HH"}]}]"#,
        &format!("{RATE} interpretation=HH site=left upper arm method=patch"),
    );
    check_rate(
        r#""extension":[{"url":"x"},{"url":"http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice",
        "valueReference":{"reference":"Device/gw-1"}}]"#,
        &format!("{RATE} gateway=gw-1"),
    );
}

#[test]
fn every_status_is_a_row() {
    for status in crate::measurement::STATUSES {
        let payload = with(&format!("{HEART_RATE},{BPM}")).replace("final", status);
        let shown = if status == "final" {
            RATE.to_owned()
        } else {
            format!("{RATE} status={status}")
        };
        assert_eq!(lines(&payload).trim_end(), shown);
    }
    let none = |status: &str| lines(&with(HEART_RATE).replace("final", status));
    for (status, reason) in [
        ("registered", "temp-unknown"),
        ("cancelled", "not-performed"),
        ("entered-in-error", "error"),
    ] {
        let row = format!(
            "0 d1 MDC_ECG_HEART_RATE absent {reason} - 2026-11-22T13:00:00Z code=8867-4 status={status}\n"
        );
        assert_eq!(none(status), row);
    }
    assert_eq!(
        none("final"),
        "0 ! bad-value Observation.value[x] is missing, and no reason is given\n"
    );
    assert_eq!(
        none("done"),
        "0 ! bad-value Observation.status is no status of an Observation\n"
    );
    assert_eq!(
        lines(r#"{"resourceType":"Observation"}"#),
        "0 ! bad-value Observation.status is missing\n"
    );
}

#[test]
fn what_may_change_the_meaning_is_refused() {
    for (elements, expected) in [
        (
            r#""modifierExtension":[{"url":"urn:not","valueBoolean":true}]"#,
            "0 ! unsupported-field Observation.modifierExtension may change the meaning",
        ),
        (
            r#""implicitRules":"urn:rules""#,
            "0 ! unsupported-field Observation.implicitRules may change the meaning",
        ),
        (
            r#""focus":[{"reference":"Patient/fetus"}]"#,
            "0 ! unsupported-field Observation.focus makes the reading another one's than the subject's",
        ),
        (
            r#""component":[{"code":{"text":"x"},"modifierExtension":[]}]"#,
            "0 ! unsupported-field Observation.component[0].modifierExtension may change the meaning",
        ),
        (
            r#""contained":[{"resourceType":"Observation","id":"m"}]"#,
            "0 ! unsupported-field Observation.contained[0] is an Observation inside another one",
        ),
        (
            r#""subject":{"reference":"Group/g1"}"#,
            "0 ! unsupported-field Observation.subject is neither a Patient nor a Device",
        ),
    ] {
        check_rate(elements, expected);
    }
}

#[test]
fn times() {
    let effective = |element: &str| {
        let payload = with(&format!("{HEART_RATE},{BPM}"))
            .replace(r#""effectiveDateTime":"2026-11-22T13:00:00Z""#, element);
        lines(&payload)
            .trim_end()
            .replace("0 d1 MDC_ECG_HEART_RATE 72 /min ", "")
            .replace(" code=8867-4", "")
    };
    for (element, expected) in [
        (
            r#""effectiveDateTime":"2026-11-22T15:00:00.25+02:00""#,
            "2026-11-22T13:00:00.250Z",
        ),
        (
            r#""effectiveInstant":"2026-11-22T13:00:00.000001Z""#,
            "2026-11-22T13:00:00.000001Z",
        ),
        (
            r#""effectivePeriod":{"start":"2026-11-22T13:00:00Z","end":"2026-11-22T14:00:00Z"}"#,
            "2026-11-22T13:00:00Z end=2026-11-22T14:00:00Z",
        ),
        (
            r#""effectivePeriod":{"start":"2026-11-22T13:00:00Z"}"#,
            "2026-11-22T13:00:00Z",
        ),
        (
            r#""effectivePeriod":{"end":"2026-11-22T13:00:00Z"}"#,
            "0 ! bad-time Observation.effectivePeriod.start is missing",
        ),
        (
            r#""effectivePeriod":{"start":"2026-11-22T13:00:00Z","end":"2026-11-22T12:00:00Z"}"#,
            "0 ! bad-time Observation.effectivePeriod.end is before the start",
        ),
        (
            r#""effectivePeriod":7"#,
            "0 ! undecodable Observation.effectivePeriod is no JSON object",
        ),
        (
            r#""effectiveTiming":{"event":["2026-11-22T13:00:00Z"]}"#,
            "0 ! bad-time Observation.effectiveTiming is a schedule, not a time",
        ),
        (
            r#""effectiveDateTime":"2026-11-22""#,
            "0 ! bad-time Observation.effectiveDateTime is a date without a time of day",
        ),
        (
            r#""effectiveDateTime":"2026-11""#,
            "0 ! bad-time Observation.effectiveDateTime is a month without a time of day",
        ),
        (
            r#""effectiveDateTime":"2026""#,
            "0 ! bad-time Observation.effectiveDateTime is a year without a time of day",
        ),
        (
            r#""effectiveDateTime":"2026-11-22T13:00:00""#,
            "0 ! bad-time Observation.effectiveDateTime has a time of day without a zone",
        ),
        (
            r#""effectiveDateTime":"2026-11-22 13:00:00Z""#,
            "0 ! bad-time Observation.effectiveDateTime is no FHIR dateTime",
        ),
        (
            r#""effectiveDateTime":"2026-02-30T13:00:00Z""#,
            "0 ! bad-time Observation.effectiveDateTime is no FHIR dateTime",
        ),
        (
            r#""effectiveDateTime":1795352400"#,
            "0 ! undecodable Observation.effectiveDateTime is no text",
        ),
        (
            r#""effectiveDateTime":"2026-11-22T13:00:00Z","effectivePeriod":{}"#,
            "0 ! bad-time Observation.effective[x] is there in several forms",
        ),
        (
            r#""_effectiveDateTime":{"extension":[]}"#,
            "0 ! bad-time Observation.effective[x] is missing",
        ),
    ] {
        assert_eq!(effective(element), expected, "{element}");
    }
}

#[test]
fn quality_comes_from_labels_and_our_own_notes() {
    let quality = |labels: &[&str], note: &str| {
        let labels: Vec<String> = labels
            .iter()
            .map(|code| format!(r#"{{"code":"{code}"}}"#))
            .collect();
        let elements = format!(
            r#"{HEART_RATE},{BPM},"meta":{{"security":[{}]}},"note":[{{"text":"{note}"}}]"#,
            labels.join(",")
        );
        let line = lines(&with(&elements));
        line.trim_end()
            .rsplit_once("quality=")
            .map(|(_, quality)| quality.to_owned())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(quality(&[], "The device was calibrating."), None);
    assert_eq!(quality(&["R"], "x"), None);
    assert_eq!(quality(&["UNRELIABLE"], "x"), some("questionable"));
    assert_eq!(quality(&["UNCERTREL", "HTEST"], "x"), some("test"));
    assert_eq!(
        quality(&["UNCERTREL"], "The device was calibrating."),
        some("calibrating")
    );
}

#[test]
fn devices() {
    let context = |device, fallback_device| Context {
        device,
        fallback_device,
        received: NOW,
        ..Context::default()
    };
    let device = |context: &Context<'_>, elements: &str| {
        let payload = with(&format!("{HEART_RATE},{BPM}{elements}")).replacen(
            r#""device":{"reference":"Device/d1"},"#,
            "",
            1,
        );
        lines_in(context, &payload).trim_end().replace(
            " MDC_ECG_HEART_RATE 72 /min 2026-11-22T13:00:00Z code=8867-4",
            "",
        )
    };
    let free = context(None, None);
    let topic = context(Some("d1"), None);
    let fallback = context(None, Some("fhir"));
    for (context, elements, expected) in [
        (
            &free,
            "",
            "0 ! no-device Observation.device is missing, and the topic names none",
        ),
        (
            &free,
            r#","device":{"reference":"https://h/fhir/Device/d2/_history/3"}"#,
            "0 d2",
        ),
        (
            &free,
            r#","device":{"identifier":{"system":"urn:s","value":"SN.1"}}"#,
            "0 SN.1",
        ),
        (
            &free,
            r#","device":{"identifier":{"value":"FE:ED:00:11:22:33"}}"#,
            "0 FE-ED-00-11-22-33",
        ),
        (
            &free,
            r#","device":{"reference":"Device?identifier=urn:s%7CSN-2&x=1"}"#,
            "0 SN-2",
        ),
        (
            &free,
            r#","device":{"identifier":{"value":"no id"}}"#,
            "0 ! no-device Observation.device names no device by an id",
        ),
        (
            &free,
            r#","device":{"display":"the big one"}"#,
            "0 ! no-device Observation.device is missing, and the topic names none",
        ),
        (
            &free,
            r#","device":{"reference":"DeviceMetric/m"}"#,
            "0 ! no-device Observation.device is a DeviceMetric whose device is not in the document",
        ),
        (
            &free,
            r#","device":{"reference":"urn:uuid:1"}"#,
            "0 ! bad-value Observation.device.reference is not in the Bundle",
        ),
        (&free, r#","subject":{"reference":"Device/d4"}"#, "0 d4"),
        (
            &free,
            r##","contained":[{"resourceType":"Device","id":"c","identifier":[{"value":"SN-5"}]}],"device":{"reference":"#c"}"##,
            "0 SN-5",
        ),
        (
            &free,
            r##","device":{"reference":"#c"}"##,
            "0 ! bad-value Observation.device.reference is not contained in the Observation",
        ),
        (&topic, "", "0 d1"),
        (
            &topic,
            r#","subject":{"reference":"Patient/p1"}"#,
            "0 d1 user=p1 patient=p1",
        ),
        (
            &topic,
            r#","device":{"reference":"Device/d1"},"subject":{"reference":"Patient/p1"}"#,
            "0 d1 patient=p1",
        ),
        (
            &topic,
            r#","device":{"reference":"Device/d2"}"#,
            "0 ! device-mismatch Observation.device names another device than the topic",
        ),
        (
            &topic,
            r#","device":{"reference":"Device/x9","identifier":{"value":"d1"}}"#,
            "0 d1",
        ),
        (
            &fallback,
            r#","subject":{"reference":"Patient/p1"}"#,
            "0 fhir user=p1 patient=p1",
        ),
        (&fallback, r#","device":{"reference":"Device/d1"}"#, "0 d1"),
        (
            &fallback,
            "",
            "0 ! no-device Observation.device and subject are both missing",
        ),
        (
            &context(Some("no id"), None),
            "",
            "all ! no-device the topic's device is no id",
        ),
    ] {
        assert_eq!(device(context, elements), expected, "{elements}");
    }
}
