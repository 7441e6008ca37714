//! The way of a reading: published, durable, one row, one Observation, whatever happens twice or late.

use serde_json::json;

use crate::harness::broker::{Broker, Publication, mosquitto_pub};
use crate::harness::cli::cli;
use crate::harness::fhir::{check_vital_sign, has_loinc, search, texts};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

/// Seconds with six decimals, as SenML has times.
fn seconds(at: i64) -> String {
    format!("{}.{:06}", at / 1_000_000, at % 1_000_000)
}

/// A monitor's pack: heart rate in SenML's unit, a cuff pressure, a temperature with two decimals.
fn pack(device: &str, at: i64) -> String {
    format!(
        r#"[{{"bn":"{device}:","bt":{},"n":"MDC_ECG_HEART_RATE","u":"beat/min","v":72}},
            {{"n":"MDC_PRESS_BLD_NONINV_SYS","u":"mm[Hg]","v":120}},
            {{"n":"MDC_PRESS_BLD_NONINV_DIA","u":"mm[Hg]","v":80}},
            {{"n":"MDC_TEMP_BODY","u":"Cel","v":37.20}}]"#,
        seconds(at)
    )
}

/// The temperature of [`pack`] in CBOR (RFC 8428, 6), its numbers as decimal fractions (RFC 8949, 3.4.4).
fn temperature_in_cbor(device: &str, at: i64) -> Vec<u8> {
    let text = |text: &str| {
        let length = u8::try_from(text.len()).unwrap();
        [&[0x78, length], text.as_bytes()].concat()
    };
    let mut out = vec![0x81, 0xA5];
    for (label, name) in [
        (0x21, format!("{device}:").as_str()),
        (0x00, "MDC_TEMP_BODY"),
        (0x01, "Cel"),
    ] {
        out.push(label);
        out.extend(text(name));
    }
    out.extend([0x02, 0xC4, 0x82, 0x21, 0x19, 0x0E, 0x88]); // v: 3720 * 10^-2
    out.extend([0x06, 0xC4, 0x82, 0x25, 0x1B]); // t: microseconds * 10^-6
    out.extend(at.to_be_bytes());
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acknowledged_pack_is_a_row_and_a_valid_observation_and_twice_is_once() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut stored = 0;
    for (version, device, patient) in [("mqttv5", "d1", "p1"), ("mqttv311", "d2", "p2")] {
        server.admit(patient, device).await;
        let at = now() - 1_000_000;
        let how = Publication {
            to: server.mqtt,
            version,
            gateway: "g1",
            secret: Some(&secret),
            content_type: None,
        };
        mosquitto_pub(&how, &topic("g1", device), pack(device, at).as_bytes());
        // Acknowledged: nothing to wait for.
        stored += 4;
        let count = "SELECT count(*) AS n FROM observation";
        assert_eq!(
            cli(&["sql", count]).at(&server).json(),
            json!([{"n": stored}])
        );

        let observations = search(&server, &format!("patient={patient}")).await;
        assert_eq!(observations.len(), 3, "heart rate, panel, temperature");
        observations
            .iter()
            .for_each(|found| check_vital_sign(found, patient));
        let panel = observations
            .iter()
            .find(|found| has_loinc(&found["code"], "85354-9"))
            .unwrap();
        let part = |code: &str| {
            let mut parts = panel["component"].as_array().unwrap().iter();
            parts.find(|part| has_loinc(&part["code"], code)).unwrap()["valueQuantity"]["value"]
                .clone()
        };
        assert_eq!((part("8480-6"), part("8462-4")), (json!(120), json!(80)));
        assert_eq!(
            panel["effectiveDateTime"].as_str().map(str::len),
            Some(rfc3339(at).len())
        );
        let text = server
            .text(&format!(
                "/fhir/R4/Observation?patient={patient}&code=8310-5"
            ))
            .await;
        assert!(text.contains(r#""value":37.20,"#), "{text}");

        let (rows, resources) = (server.rows().await, texts(&server, patient).await);
        let repeats = server.metric("wardline_intake_duplicates_total").await;
        mosquitto_pub(&how, &topic("g1", device), pack(device, at).as_bytes());
        let cbor = temperature_in_cbor(device, at);
        if version == "mqttv5" {
            let how = Publication {
                content_type: Some("application/senml+cbor"),
                ..how
            };
            mosquitto_pub(&how, &topic("g1", device), &cbor);
        } else {
            mosquitto_pub(&how, &topic("g1", device), &cbor);
        }
        assert_eq!(server.rows().await, rows);
        assert_eq!(texts(&server, patient).await, resources);
        assert_eq!(
            server.metric("wardline_intake_duplicates_total").await,
            repeats + 5.0
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_comes_through_a_broker_too() {
    let broker = Broker::start();
    let config = format!(
        "[[broker]]\nname = \"ward\"\nhost = \"127.0.0.1\"\nport = {}\nclient-id = \"wardline-test\"\nshared = true\n",
        broker.port
    );
    let server = &Server::start(&Setup {
        config,
        ..Setup::default()
    });
    server.admit("p1", "d1").await;
    eventually("the subscription at the broker", async || {
        (server.metric("wardline_mqtt_broker_connected").await > 0.0).then_some(())
    })
    .await;
    let how = Publication {
        to: ([127, 0, 0, 1], broker.port).into(),
        version: "mqttv5",
        gateway: "g7",
        secret: None,
        content_type: Some("application/senml+json"),
    };
    let at = now();
    mosquitto_pub(&how, &topic("g7", "d1"), pack("d1", at).as_bytes());
    eventually("the rows", async || {
        (server.count("SELECT count(*) AS n FROM observation").await == 4).then_some(())
    })
    .await;
    let observations = search(server, "patient=p1").await;
    assert_eq!(observations.len(), 3);
    observations
        .iter()
        .for_each(|found| check_vital_sign(found, "p1"));
    let rows = server.rows().await;
    mosquitto_pub(&how, &topic("g7", "d1"), pack("d1", at).as_bytes());
    eventually("the repeats", async || {
        (server.metric("wardline_intake_duplicates_total").await >= 4.0).then_some(())
    })
    .await;
    assert_eq!(server.rows().await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_value_is_a_correction_of_the_same_row() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.admit("p1", "d1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now();
    for value in ["72", "73"] {
        publisher
            .deliver(&topic("g1", "d1"), heart_rate("d1", value, at).as_bytes())
            .await
            .unwrap();
    }
    let rows = server
        .sql("SELECT version, status, value FROM observation")
        .await;
    assert_eq!(rows, [[json!(2), json!("corrected"), json!(73.0)]]);
    let observations = search(&server, "patient=p1").await;
    assert_eq!(observations.len(), 1);
    check_vital_sign(&observations[0], "p1");
    assert_eq!(observations[0]["status"], "corrected");
    assert_eq!(observations[0]["meta"]["versionId"], "2");
    assert_eq!(observations[0]["valueQuantity"]["value"], 73);
    assert_eq!(
        server.metric("wardline_intake_corrections_total").await,
        1.0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_without_an_assignment_waits_for_its_patient() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now() - 60_000_000;
    // One the assignment will cover, one before it.
    for at in [at, at - 3_600_000_000] {
        publisher
            .deliver(&topic("g1", "d1"), heart_rate("d1", "72", at).as_bytes())
            .await
            .unwrap();
    }
    let rows = "SELECT id, patient_id, version, status FROM observation ORDER BY effective DESC";
    let before = server.sql(rows).await;
    assert_eq!(before.len(), 2);
    let id = before[0][0].as_str().unwrap().to_owned();
    assert!(
        before.iter().all(|row| row[1].is_null() && row[2] == 1),
        "{before:?}"
    );
    assert!(search(&server, "code=8867-4").await.is_empty());
    let path = format!("/fhir/R4/Observation/{id}");
    assert_eq!(server.send("GET", &path, &server.admin, None).await.0, 404);
    assert_eq!(server.count("SELECT count(*) AS n FROM latest").await, 0);

    server.post("/api/v1/patients", &json!({"id": "p1"})).await;
    server.post("/api/v1/devices", &json!({"id": "d1"})).await;
    let from = rfc3339(at - 60_000_000);
    let assignment = json!({"device": "d1", "patient": "p1", "from": from});
    server.post("/api/v1/assignments", &assignment).await;
    let after = server.sql(rows).await;
    assert_eq!(
        after[0],
        [json!(id), json!("p1"), json!(2), json!("corrected")]
    );
    assert_eq!(
        after[1], before[1],
        "the one before the assignment stays nobody's"
    );
    let found = server.get(&path).await;
    check_vital_sign(&found, "p1");
    assert_eq!(found["meta"]["versionId"], "2");
    assert_eq!(search(&server, "code=8867-4").await, [found]);
    assert_eq!(
        server
            .count("SELECT count(*) AS n FROM latest WHERE patient_id = 'p1'")
            .await,
        1
    );
}
