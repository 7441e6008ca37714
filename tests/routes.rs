//! Configured routes: any vendor's JSON through mapping documents, and FHIR Observations.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::cli::{cli, ndjson};
use crate::harness::fhir::search;
use crate::harness::mqtt5::Client;
use crate::harness::server::{rfc3339, stdout, wardline};
use crate::harness::{Server, Setup, eventually, now};

/// A vendor's pulse oximeter: one value of its own, two in one message.
const FHIR: &str = r#"{
  "templateType": "CollectionFhir",
  "template": [
    { "templateType": "CodeValueFhir", "template": {
        "typeName": "oximeter",
        "codes": [{ "code": "85353-1", "system": "http://loinc.org", "display": "Vital signs" }],
        "category": [{ "codes": [{ "code": "vital-signs", "system": "http://terminology.hl7.org/CodeSystem/observation-category" }] }],
        "components": [
          { "codes": [{ "code": "59408-5", "system": "http://loinc.org" }],
            "value": { "valueName": "spo2", "valueType": "Quantity", "unit": "%", "system": "http://unitsofmeasure.org", "code": "%" } },
          { "codes": [{ "code": "8889-8", "system": "http://loinc.org" }],
            "value": { "valueName": "pulse", "valueType": "Quantity", "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min" } }
        ] } },
    { "templateType": "CodeValueFhir", "template": {
        "typeName": "temperature", "periodInterval": 60,
        "codes": [{ "code": "8310-5", "system": "http://loinc.org" }],
        "value": { "valueName": "t", "valueType": "SampledData", "defaultPeriod": 900000, "unit": "Cel" } } }
  ] }"#;

fn device(type_name: &str) -> String {
    json!({
        "templateType": "CollectionContent",
        "template": [
            { "templateType": "CalculatedContent", "template": {
                "typeName": type_name,
                "typeMatchExpression": "$..[?(@spo2)]",
                "deviceIdExpression": "$.Body.device",
                "timestampExpression": "$.matchedToken.at",
                "patientIdExpression": "$.Body.patient",
                "values": [
                    { "valueName": "spo2", "valueExpression": "$.matchedToken.spo2", "required": true },
                    { "valueName": "pulse", "valueExpression": "$.matchedToken.pulse" },
                ] } },
            { "templateType": "IotJsonPathContent", "template": {
                "typeName": "temperature",
                "typeMatchExpression": "$..[?(@Body.celsius)]",
                "values": [{ "valueName": "t", "valueExpression": "$.Body.celsius", "required": "true" }] } },
        ] })
    .to_string()
}

/// A server whose route `vendor` reads `vendor/+/telemetry` through two files of its directory.
fn start(device: &str, more: &str) -> (Server, PathBuf, PathBuf) {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let (device_file, fhir_file) = (dir.path().join("device.json"), dir.path().join("fhir.json"));
    std::fs::write(&device_file, device).unwrap();
    std::fs::write(&fhir_file, FHIR).unwrap();
    let config = format!(
        "[[route]]\nname = \"vendor\"\nfilter = \"vendor/+/telemetry\"\nformat = \"medtech\"\ndevice-level = 1\n\
         device-mapping = {device_file:?}\nfhir-mapping = {fhir_file:?}\n{more}"
    );
    let data = dir.path().join("data");
    let data = data.to_str().unwrap();
    let made = [
        "token",
        "add",
        "test-admin",
        "--role",
        "admin",
        "--data-dir",
        data,
    ];
    let admin = stdout(&wardline(&made));
    let setup = Setup {
        config,
        ..Setup::default()
    };
    (Server::start_in(dir, admin, &setup), device_file, fhir_file)
}

fn event(device: &str, at: i64, spo2: &str, more: &str) -> String {
    format!(
        r#"{{"device":"{device}","readings":[{{"at":"{}","spo2":{spo2},"pulse":61}}]{more}}}"#,
        rfc3339(at)
    )
}

async fn client(server: &Server) -> Client {
    let secret = server.gateway_token("g1").await;
    Client::connect(server.mqtt, "g1", &secret, 60).await
}

/// What `normalize` makes of the same events, without what only the time of the run decides.
fn normalized(device: &Path, fhir: &Path, patient: &str, events: &str) -> Vec<Value> {
    let ran = cli(&["normalize", "--patient", patient, "--device-mapping"])
        .arg(device.to_str().unwrap())
        .arg("--fhir-mapping")
        .arg(fhir.to_str().unwrap())
        .input(events)
        .ok();
    ndjson(&ran).into_iter().map(timeless).collect()
}

fn timeless(mut observation: Value) -> Value {
    observation.as_object_mut().unwrap().remove("issued");
    observation
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendors_message_is_rows_and_the_mappings_own_observation() {
    let (server, device_file, fhir_file) = start(&device("oximeter"), "");
    server.admit("p1", "ox-1").await;
    let mut client = client(&server).await;
    let at = now() - 60_000_000;
    let payload = event("ox-1", at, "97.50", "");
    for _ in 0..2 {
        let answer = client
            .publish("vendor/ox-1/telemetry", payload.as_bytes())
            .await;
        assert!(answer.is_stored(), "{answer:?}");
    }
    let rows = server
        .sql(
            "SELECT device_id, patient_id, code, mdc, value, decimals, unit, type_name, value_name, time_source, \
             split_part(source, '@', 1) AS route FROM observation ORDER BY value",
        )
        .await;
    let row = |code: &str, mdc: Value, value: Value, decimals: i64, unit: &str, name: &str| {
        let row = json!([
            "ox-1", "p1", code, mdc, value, decimals, unit, "oximeter", name, "device", "vendor"
        ]);
        row.as_array().unwrap().clone()
    };
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!(
        rows[0],
        row(
            "8889-8",
            rows[0][3].clone(),
            json!(61.0),
            0,
            "/min",
            "pulse"
        )
    );
    assert_eq!(
        rows[1],
        row(
            "59408-5",
            json!("MDC_PULS_OXIM_SAT_O2"),
            json!(97.5),
            2,
            "%",
            "spo2"
        )
    );

    // The FHIR API and the offline command say the same.
    let found = search(&server, "patient=p1&code=85353-1").await;
    let wrapped = format!(r#"{{"Body":{payload}}}"#);
    let expected = normalized(&device_file, &fhir_file, "p1", &wrapped);
    assert_eq!(
        found.iter().cloned().map(timeless).collect::<Vec<_>>(),
        expected
    );
    let id = found[0]["id"].as_str().unwrap();
    let text = server.text(&format!("/fhir/R4/Observation/{id}")).await;
    assert!(text.contains(r#""value":97.50"#), "{text}");
    assert_eq!(timeless(serde_json::from_str(&text).unwrap()), expected[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_properties_and_topic_are_the_envelope_of_an_iot_hub_mapping() {
    let (server, device_file, fhir_file) = start(&device("oximeter"), "");
    server.admit("p1", "th-1").await;
    let mut client = client(&server).await;
    // Four quarters of an hour that is over: one Observation with its samples.
    let hour = (now() - 7_200_000_000).div_euclid(3_600_000_000) * 3_600_000_000;
    let mut wrapped = String::new();
    for (quarter, celsius) in (0..).zip(["36.6", "36.70", "36.9"]) {
        let at = rfc3339(hour + quarter * 900_000_000);
        let payload = format!(r#"{{"celsius":{celsius}}}"#);
        let properties = [("iothub-creation-time-utc", at.as_str())];
        let answer = client
            .publish_with("vendor/th-1/telemetry", payload.as_bytes(), &properties)
            .await;
        assert!(answer.is_stored(), "{answer:?}");
        let line = json!({
            "Properties": {"iothub-creation-time-utc": at},
            "SystemProperties": {"iothub-connection-device-id": "th-1"},
        });
        let line = line.to_string();
        wrapped.push_str(&format!(
            "{},\"Body\":{payload}}}\n",
            line.strip_suffix('}').unwrap()
        ));
    }
    let expected = normalized(&device_file, &fhir_file, "p1", &wrapped);
    assert_eq!(expected[0]["valueSampledData"]["data"], "36.6 36.70 36.9 E");
    let found = search(&server, "patient=p1").await;
    assert_eq!(
        found.into_iter().map(timeless).collect::<Vec<_>>(),
        expected
    );
    // A date that names a part of the hour finds the whole of it.
    let date = format!("patient=p1&date=ge{}", rfc3339(hour + 1_000_000_000));
    let part = search(&server, &date).await;
    assert_eq!(part.into_iter().map(timeless).collect::<Vec<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_does_not_fit_is_kept_and_taken_once_the_mapping_does() {
    let (server, device_file, _) = start(&device("oximeter"), "");
    server.admit("p1", "ox-1").await;
    let mut client = client(&server).await;
    let at = now() - 60_000_000;
    // The second reading lacks its time: nothing of the event is taken.
    let broken = format!(
        r#"{{"device":"ox-1","readings":[{{"at":"{0}","spo2":97}},{{"taken":"{0}","spo2":96}}]}}"#,
        rfc3339(at)
    );
    let good = event("ox-1", at + 1_000_000, "95", "");
    for payload in [&broken, &good] {
        let answer = client
            .publish_with(
                "vendor/ox-1/telemetry",
                payload.as_bytes(),
                &[("unit", "7b")],
            )
            .await;
        assert!(answer.is_stored(), "{answer:?}");
    }
    assert_eq!(server.rows_of("ox-1").await, 2, "the good event's");
    let kept = server.quarantined("ox-1").await;
    assert_eq!(kept["reason"], "bad-time");
    assert_eq!(kept["payloadText"], json!(broken));
    assert_eq!(kept["properties"], json!([["unit", "7b"]]));
    let detail = kept["detail"].as_str().unwrap();
    for part in ["oximeter", "$.matchedToken.at", "mapping "] {
        assert!(detail.contains(part), "{detail}");
    }

    let mended = device("oximeter").replace(
        r#""timestampExpression":"$.matchedToken.at""#,
        r#""timestampExpression":{"value":"matchedToken.at || matchedToken.taken","language":"JmesPath"}"#,
    );
    std::fs::write(&device_file, mended).unwrap();
    let accepted = r#"wardline_mapping_reloads_total{route="vendor",result="accepted"}"#;
    eventually("the mended mapping", async || {
        (server.metric(accepted).await > 0.0).then_some(())
    })
    .await;
    let replay = json!({"ids": [kept["id"]]});
    let taken = server.post("/api/v1/quarantine/replay", &replay).await;
    assert_eq!(
        (&taken["stored"], &taken["rejected"]),
        (&json!(2), &json!(0)),
        "{taken}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mapping_changes_without_a_lost_message_and_a_bad_one_is_refused() {
    let (server, device_file, _) = start(&device("oximeter"), "");
    server.admit("p1", "ox-1").await;
    let mut client = client(&server).await;
    let start = now() - 3_600_000_000;
    let mut sent = 0;
    let versions =
        "SELECT count(DISTINCT source) AS n FROM observation WHERE type_name = 'renamed'";
    std::fs::write(&device_file, device("renamed")).unwrap();
    let begun = std::time::Instant::now();
    while server.count(versions).await == 0 {
        assert!(begun.elapsed().as_secs() < 60, "the new mapping never came");
        let payload = event("ox-1", start + sent * 1_000_000, "97", "");
        let answer = client
            .publish("vendor/ox-1/telemetry", payload.as_bytes())
            .await;
        assert!(answer.is_stored(), "{answer:?}");
        sent += 1;
    }
    assert_eq!(server.rows_of("ox-1").await, 2 * sent);

    // A file that is half written, or wrong, changes nothing but the figures.
    let faulty = device("renamed").replace("typeMatchExpression", "typeMatchExpresion");
    std::fs::write(&device_file, faulty).unwrap();
    let faults = r#"wardline_mapping_faults{route="vendor"}"#;
    eventually("the faults", async || {
        (server.metric(faults).await > 0.0).then_some(())
    })
    .await;
    let log = server.log();
    assert!(
        log.contains("typeMatchExpresion") && log.contains("device.json"),
        "{log}"
    );
    let payload = event("ox-1", start + sent * 1_000_000, "97", "");
    let answer = client
        .publish("vendor/ox-1/telemetry", payload.as_bytes())
        .await;
    assert!(answer.is_stored(), "{answer:?}");
    assert_eq!(server.rows_of("ox-1").await, 2 * (sent + 1));
    std::fs::write(&device_file, device("renamed")).unwrap();
    eventually("no more faults", async || {
        (server.metric(faults).await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_names_another_patient_is_kept() {
    let (server, ..) = start(&device("oximeter"), "");
    server.admit("p1", "ox-1").await;
    server.admit("p2", "ox-2").await;
    let mut client = client(&server).await;
    let payload = event("ox-1", now() - 1_000_000, "97", r#","patient":"p2""#);
    let answer = client
        .publish("vendor/ox-1/telemetry", payload.as_bytes())
        .await;
    assert!(answer.is_stored(), "{answer:?}");
    assert_eq!(server.rows_of("ox-1").await, 0);
    assert_eq!(
        server.quarantined("ox-1").await["reason"],
        "patient-conflict"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_register_whom_its_events_name() {
    let (server, ..) = start(&device("oximeter"), "identity = \"create\"\n");
    let mut client = client(&server).await;
    let at = now() - 60_000_000;
    for second in 0..2 {
        let payload = event(
            "urn:ox:1",
            at + second * 1_000_000,
            "97",
            r#","patient":"mrn 4711""#,
        );
        let answer = client
            .publish("vendor/ox-1/telemetry", payload.as_bytes())
            .await;
        assert!(answer.is_stored(), "{answer:?}");
    }
    let hash = |value: &str| {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(format!("_{value}"));
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let rows = server
        .sql("SELECT DISTINCT device_id, patient_id FROM observation")
        .await;
    assert_eq!(rows, [[json!(hash("urn:ox:1")), json!(hash("mrn 4711"))]]);
    let assignments = server.get("/api/v1/assignments").await;
    assert_eq!(
        assignments["items"].as_array().unwrap().len(),
        1,
        "{assignments}"
    );
    // Whoever the device is assigned to, an event that names another is not taken.
    let payload = event("urn:ox:1", at + 5_000_000, "97", r#","patient":"mrn 4712""#);
    client
        .publish("vendor/ox-1/telemetry", payload.as_bytes())
        .await;
    assert_eq!(
        server.count("SELECT count(*) AS n FROM observation").await,
        4
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observation_of_another_system_is_a_reading_too() {
    let config = "[[route]]\nname = \"ehr\"\nfilter = \"ehr/observations\"\nformat = \"fhir\"\n";
    let server = Server::start(&Setup {
        config: config.to_owned(),
        ..Setup::default()
    });
    server.admit("p1", "th-1").await;
    let mut client = client(&server).await;
    let at = rfc3339(now() - 60_000_000);
    let observation = json!({
        "resourceType": "Observation", "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]},
        "subject": {"reference": "Patient/p1"}, "device": {"reference": "Device/th-1"},
        "effectiveDateTime": at,
        "valueQuantity": {"value": 37.5, "unit": "°C", "system": "http://unitsofmeasure.org", "code": "Cel"},
    });
    let text = observation.to_string().replace("37.5", "37.50");
    for _ in 0..2 {
        let answer = client.publish("ehr/observations", text.as_bytes()).await;
        assert!(answer.is_stored(), "{answer:?}");
    }
    let rows = server
        .sql("SELECT device_id, patient_id, code, value, decimals, unit FROM observation")
        .await;
    assert_eq!(
        rows,
        [[
            json!("th-1"),
            json!("p1"),
            json!("8310-5"),
            json!(37.5),
            json!(2),
            json!("Cel")
        ]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_speaks_hl7_over_mqtt() {
    let config = "[[route]]\nname = \"monitors\"\nfilter = \"hl7/+/oru\"\nformat = \"hl7v2\"\n\
                  zone = \"+02:00\"\nsentinels = [\"-9.9\"]\n";
    let server = Server::start(&Setup {
        config: config.to_owned(),
        ..Setup::default()
    });
    server.admit("p1", "AABBCCDDEEFF0011").await;
    let mut client = client(&server).await;
    // Local time two hours ahead of UTC, without saying so.
    let stamp: String = rfc3339(now() - 60_000_000 + 7_200_000_000)
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    let message = [
        r"MSH|^~\&|MON|WARD|||STAMP||ORU^R01^ORU_R01|7|P|2.6|||AL|NE",
        "OBR|1|||182777000^monitoring of patient^SCT|||STAMP",
        "OBX|1|NM|150344^MDC_TEMP^MDC|1.2.1.1|37.20|268192^MDC_DIM_DEGC^MDC|||||F|||||||AABBCCDDEEFF0011",
        "OBX|2|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|-9.9|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F",
    ]
    .join("\r")
    .replace("STAMP", &stamp);
    for _ in 0..2 {
        let answer = client.publish("hl7/ward-3/oru", message.as_bytes()).await;
        assert!(answer.is_stored(), "{answer:?}");
    }
    let rows = server
        .sql("SELECT patient_id, mdc, value, decimals, unit, data_absent_reason, time_source FROM observation ORDER BY mdc")
        .await;
    assert_eq!(
        rows,
        [
            [
                json!("p1"),
                json!("MDC_ECG_HEART_RATE"),
                json!(null),
                json!(null),
                json!(null),
                json!("unknown"),
                json!("assumed-zone")
            ],
            [
                json!("p1"),
                json!("MDC_TEMP"),
                json!(37.2),
                json!(2),
                json!("Cel"),
                json!(null),
                json!("assumed-zone")
            ],
        ]
    );
}

#[test]
fn a_configuration_with_a_faulty_mapping_names_every_fault() {
    let dir = tempfile::tempdir().unwrap();
    let mapping = dir.path().join("device.json");
    std::fs::write(
        &mapping,
        r#"{"templateType":"CollectionContent","template":[{"templateType":"JsonPathContent","template":{"typeNam":"x"}}]}"#,
    )
    .unwrap();
    let config = dir.path().join("wardline.toml");
    std::fs::write(
        &config,
        format!("[[route]]\nname = \"v\"\nfilter = \"v/#\"\nformat = \"medtech\"\ndevice-mapping = {mapping:?}\n"),
    )
    .unwrap();
    let talk = cli(&["config", "check", "--config"])
        .arg(config.to_str().unwrap())
        .fails(1);
    for part in ["device.json", "typeNam", "typeName", "deviceIdExpression"] {
        assert!(talk.contains(part), "{part}: {talk}");
    }
}
