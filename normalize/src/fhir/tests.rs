use super::conformance::faults;
use super::*;
use crate::columns::Builder;
use crate::decimal::Decimal;
use crate::measurement::{Measurement, Value};
use crate::vocabulary::{self, Metric};
use proptest::prelude::*;

const T: i64 = 1_795_352_400_000_000;

fn metric(name: &str) -> &'static Metric {
    vocabulary::resolve(name)[0]
}

fn number(text: &str) -> Value<'static> {
    Value::Number(Decimal::parse(text).unwrap())
}

fn reading(name: &str, value: &str) -> Measurement<'static> {
    Measurement::new("dev-1", metric(name), number(value), T, T + 250_000)
}

/// The Observations of these readings, each checked.
fn project(readings: &[Measurement<'_>]) -> Vec<serde_json::Value> {
    let mut builder = Builder::new();
    for reading in readings {
        builder.push(reading, Some("pat-1"), None);
    }
    observations(&builder.finish(), &Projection::default())
        .iter()
        .map(|observation| {
            let json = observation.to_json();
            assert_eq!(faults(&json), [""; 0], "{json}");
            serde_json::from_str(&json).unwrap()
        })
        .collect()
}

fn json(readings: &[Measurement<'_>]) -> String {
    let mut builder = Builder::new();
    readings
        .iter()
        .for_each(|reading| builder.push(reading, Some("pat-1"), Some("enc-1")));
    observations(&builder.finish(), &Projection::default())[0].to_json()
}

#[test]
fn a_heart_rate() {
    let mut reading = reading("heart-rate", "72");
    reading.gateway = Some("gw-1");
    let text = json(&[reading.clone()]);
    let expected = concat!(
        r#"{"resourceType":"Observation","id":"ID","meta":{"versionId":"1","lastUpdated":"2026-11-22T13:00:00.250Z","#,
        r#""profile":["http://hl7.org/fhir/StructureDefinition/heartrate"]},"#,
        r#""extension":[{"url":"http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice","valueReference":{"reference":"Device/gw-1"}}],"#,
        r#""identifier":[{"system":"urn:wardline:observation","value":"ID"}],"status":"final","#,
        r#""category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],"#,
        r#""code":{"coding":[{"system":"http://loinc.org","code":"8867-4"},"#,
        r#"{"system":"urn:iso:std:iso:11073:10101","code":"147842","display":"MDC_ECG_HEART_RATE"}],"text":"Heart rate (ECG)"},"#,
        r#""subject":{"reference":"Patient/pat-1"},"encounter":{"reference":"Encounter/enc-1"},"#,
        r#""effectiveDateTime":"2026-11-22T13:00:00Z","issued":"2026-11-22T13:00:00.250Z","#,
        r#""valueQuantity":{"value":72,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"},"device":{"reference":"Device/dev-1"}}"#,
    );
    let id = crate::id::row_id(T, "dev-1", "MDC_ECG_HEART_RATE", None, None, None);
    assert_eq!(text, expected.replace("ID", &id));
}

#[test]
fn decimals_print_as_sent() {
    for sent in ["37.20", "37", "37.0", "36.900000000000006", "0.10"] {
        assert!(
            json(&[reading("temperature", sent)]).contains(&format!("\"value\":{sent},")),
            "{sent}"
        );
    }
}

#[test]
fn pressure_is_one_panel_with_both_components() {
    let all = ["nibp-systolic", "nibp-diastolic", "nibp-mean"];
    let readings = || {
        all.iter()
            .zip(["120", "80", "93"])
            .map(|(name, value)| reading(name, value))
    };
    let whole = project(&readings().collect::<Vec<_>>());
    assert_eq!(whole.len(), 1);
    let codes = |o: &serde_json::Value| -> Vec<String> {
        let components = o["component"].as_array().unwrap();
        components
            .iter()
            .map(|c| c["code"]["coding"][0]["code"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(codes(&whole[0]), ["8480-6", "8462-4", "8478-0"]);
    assert_eq!(whole[0]["meta"]["versionId"], "3");
    // The order of the rows does not matter, and a lone mean still shows both pressures.
    let reversed = project(&readings().rev().collect::<Vec<_>>());
    assert_eq!(reversed[0]["component"], whole[0]["component"]);
    assert_eq!(reversed[0]["id"], whole[0]["id"]);
    let lone = project(&[reading("nibp-mean", "93")]);
    assert_eq!(codes(&lone[0]), ["8480-6", "8462-4", "8478-0"]);
    assert_eq!(
        lone[0]["component"][0]["dataAbsentReason"]["coding"][0]["code"],
        "unknown"
    );
    // Another arm, another time, another method: another Observation.
    let mut other = reading("nibp-diastolic", "80");
    other.channel = Some("left");
    assert_eq!(project(&[reading("nibp-systolic", "120"), other]).len(), 2);
    assert_eq!(
        project(&[
            reading("nibp-systolic", "120"),
            reading("arterial-systolic", "121")
        ])
        .len(),
        2
    );
}

#[test]
fn units_become_those_of_the_profile_or_the_claim_goes() {
    let with_unit = |name: &str, value: &str, unit: &'static str| {
        let mut reading = reading(name, value);
        reading.unit = Some(unit);
        project(&[reading]).remove(0)
    };
    let kelvin = with_unit("temperature", "310.15", "K");
    assert_eq!(kelvin["valueQuantity"]["value"].to_string(), "37.0");
    assert_eq!(kelvin["valueQuantity"]["code"], "Cel");
    let fahrenheit = with_unit("temperature", "98.6", "[degF]");
    assert_eq!(fahrenheit["valueQuantity"]["code"], "[degF]");
    assert_eq!(
        with_unit("height", "1.78", "m")["valueQuantity"]["value"].to_string(),
        "178"
    );
    let pressure = with_unit("nibp-systolic", "16.0", "kPa");
    assert_eq!(
        pressure["component"][0]["valueQuantity"]["value"].to_string(),
        "120.0"
    );
    let unknown = with_unit("heart-rate", "72", "thumps");
    assert_eq!(
        unknown["code"]["coding"][0]["system"],
        "urn:iso:std:iso:11073:10101"
    );
    assert_eq!(unknown["valueQuantity"]["unit"], "thumps");
    assert!(unknown.get("category").is_none() && unknown["valueQuantity"].get("system").is_none());
    let furlongs = with_unit("nibp-systolic", "120", "furlongs");
    assert_eq!(
        furlongs["component"][0]["dataAbsentReason"]["coding"][0]["code"],
        "as-text"
    );
    assert_eq!(
        furlongs["note"][0]["text"],
        "Systolic pressure, non-invasive as sent: 120 furlongs"
    );
    // Not a vital sign: stays as sent.
    assert_eq!(
        with_unit("glucose", "5.6", "mmol/L")["valueQuantity"]["code"],
        "mmol/L"
    );
}

#[test]
fn quality_shows() {
    let with_quality = |quality: &'static str| {
        let mut reading = reading("heart-rate", "900");
        reading.quality = Some(quality);
        project(&[reading]).remove(0)
    };
    assert_eq!(with_quality("demo")["meta"]["security"][0]["code"], "HTEST");
    let implausible = with_quality("implausible");
    assert_eq!(implausible["meta"]["security"][0]["code"], "UNRELIABLE");
    assert_eq!(implausible["valueQuantity"]["value"], 900);
    assert!(
        implausible["note"][0]["text"]
            .as_str()
            .unwrap()
            .contains("plausible")
    );
    assert_eq!(
        with_quality("questionable")["meta"]["security"][0]["code"],
        "UNCERTREL"
    );
}

#[test]
fn other_values() {
    let mut absent = reading("spo2", "0");
    absent.value = Value::Absent("temp-unknown");
    assert_eq!(
        project(&[absent])[0]["dataAbsentReason"]["coding"][0]["code"],
        "temp-unknown"
    );
    let mut alert = reading("consciousness", "0");
    (alert.value, alert.unit) = (Value::Text("V"), None);
    assert_eq!(
        project(&[alert])[0]["valueCodeableConcept"]["text"],
        "Responds to voice"
    );
    let mut oxygen = reading("supplemental-oxygen", "0");
    (oxygen.value, oxygen.unit) = (Value::Text("true"), None);
    assert_eq!(project(&[oxygen])[0]["valueBoolean"], true);
    let mut period = reading("steps", "4000");
    period.effective_end = Some(T + 3_600_000_000);
    assert_eq!(
        project(&[period])[0]["effectivePeriod"]["end"],
        "2026-11-22T14:00:00Z"
    );
    let spo2 = &project(&[reading("spo2", "97")])[0]["code"]["coding"];
    assert_eq!(
        (&spo2[0]["code"], &spo2[1]["code"]),
        (&"2708-6".into(), &"59408-5".into())
    );
    let own = Measurement {
        definition: None,
        code: "local:native/mood",
        mdc: None,
        ..reading("heart-rate", "3")
    };
    assert_eq!(
        project(&[own])[0]["code"]["coding"][0]["code"],
        "native/mood"
    );
}

#[test]
fn a_loinc_code_that_fits_several_metrics_implies_none_of_them() {
    let without_mdc = |name: &str, value: &str| {
        let mut reading = reading(name, value);
        reading.mdc = None;
        project(&[reading]).remove(0)
    };
    let rate = without_mdc("pulse-rate-invasive", "72");
    assert_eq!(rate["code"]["text"], "Heart rate");
    assert_eq!(rate["code"]["coding"].as_array().unwrap().len(), 1);
    assert!(rate.get("method").is_none());
    let oral = without_mdc("temperature-oral", "37.0");
    assert!(oral.get("bodySite").is_none());
    let pressure = without_mdc("arterial-systolic", "120");
    assert_eq!(
        pressure["code"]["text"],
        "Blood pressure, method not stated"
    );
    assert!(pressure.get("method").is_none());
}

#[test]
fn rows_without_a_patient_are_not_served() {
    let mut builder = Builder::new();
    builder.push(&reading("heart-rate", "72"), None, None);
    builder.push(&reading("spo2", "97"), Some("someone else's id"), None);
    let served = observations(
        &builder.finish(),
        &Projection {
            base: "https://h/fhir/R4/".to_owned(),
        },
    );
    assert_eq!(served.len(), 1);
    assert_eq!(served[0].patient(), "someone else's id");
    let json: serde_json::Value = serde_json::from_str(&served[0].to_json()).unwrap();
    assert_eq!(json["subject"]["identifier"]["value"], "someone else's id");
    assert_eq!(
        json["device"]["reference"],
        "https://h/fhir/R4/Device/dev-1"
    );
}

const UNITS: [Option<&str>; 14] = [
    None,
    Some("/min"),
    Some("%"),
    Some("Cel"),
    Some("[degF]"),
    Some("K"),
    Some("kPa"),
    Some("mm[Hg]"),
    Some("kg"),
    Some("g"),
    Some("m"),
    Some("1"),
    Some("thumps"),
    Some("mmol/L"),
];
const TEXTS: [Option<&str>; 8] = [
    None,
    Some("H"),
    Some("demo"),
    Some("implausible"),
    Some("left arm"),
    Some("  "),
    Some("a\u{1}b"),
    Some(""),
];

prop_compose! {
    fn any_reading()(
        index in 0..vocabulary::all().len(),
        value in prop_oneof![
            (-99_999_i64..=99_999, -3_i8..=2).prop_map(|(mantissa, exponent)| Value::Number(Decimal { mantissa, exponent })),
            prop::sample::select(vec!["A", "true", "words", "", " "]).prop_map(Value::Text),
            prop::sample::select(vec!["error", "not-a-reason", ""]).prop_map(Value::Absent),
        ],
        (unit, profile_unit) in (prop::sample::select(UNITS.to_vec()), any::<bool>()),
        texts in prop::collection::vec(prop::sample::select(TEXTS.to_vec()), 6),
        status in prop::sample::select(vec!["final", "preliminary", "entered-in-error", "corrected"]),
        (time, end) in (0_i64..3, prop::option::of(-5_i64..5)),
        names in (any::<bool>(), any::<bool>()),
    ) -> Measurement<'static> {
        let metric = &vocabulary::all()[index];
        let mut m = Measurement::new("dev-1", metric, value, T + time * 1_000_000, T);
        m.unit = if profile_unit { Some(metric.unit) } else { unit };
        (m.interpretation, m.quality, m.body_site, m.method) = (texts[0], texts[1], texts[2], texts[3]);
        m.gateway = texts[4].map(|_| "gw-1");
        m.effective_end = end.map(|end| m.effective + end);
        m.status = status;
        if names.0 { m.mdc = None; }
        if names.1 { m.panel = None; }
        m
    }
}

proptest! {
    #[test]
    fn every_observation_conforms(readings in prop::collection::vec(any_reading(), 1..12)) {
        let mut builder = Builder::new();
        readings.iter().for_each(|reading| builder.push(reading, Some("pat-1"), None));
        for observation in observations(&builder.finish(), &Projection::default()) {
            let json = observation.to_json();
            prop_assert_eq!(faults(&json), Vec::<String>::new(), "{}", json);
        }
    }
}
