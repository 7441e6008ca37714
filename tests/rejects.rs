//! What is wrong gets the answer it must have and holds nobody else up.

use rumqttc::v5::mqttbytes::QoS;
use serde_json::{Value, json};

use crate::harness::fhir::check_vital_sign;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::mqtt5::{Answer, Client};
use crate::harness::others::Others;
use crate::harness::{Server, Setup, heart_rate, now};

/// MQTT 5 reason codes (section 2.4).
const NOT_AUTHORIZED: u8 = 0x87;
const TOPIC_NAME_INVALID: u8 = 0x90;
const PACKET_TOO_LARGE: u8 = 0x95;
const QOS_NOT_SUPPORTED: u8 = 0x9B;

/// 1 January 2099.
const IN_2099: i64 = 4_070_908_800_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_acknowledged_and_kept_with_its_reason() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.admit("p1", "worn").await;
    let identifiers = json!([{"system": "urn:mrn", "value": "4711"}]);
    server
        .post(
            "/api/v1/patients",
            &json!({"id": "p2", "identifiers": identifiers}),
        )
        .await;
    let mut others = Others::start(&server).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now();
    let good = r#"{"n":"MDC_ECG_HEART_RATE","u":"/min","v":71}"#;
    let seconds = format!("{}.{:06}", at / 1_000_000, at % 1_000_000);
    let cases = [
        (
            "torn",
            "undecodable",
            None,
            r#"[{"bn":"torn:","n":"MDC_ECG_"#.to_owned(),
            0,
        ),
        ("empty", "undecodable", None, String::new(), 0),
        (
            "odd",
            "unknown-metric",
            Some(0),
            format!(
                r#"[{{"bn":"odd:","bt":{seconds},"n":"MDC_NO_SUCH_THING","u":"/min","v":1}},{good}]"#
            ),
            1,
        ),
        (
            "early",
            "time-guard",
            None,
            heart_rate("early", "70", IN_2099),
            0,
        ),
        (
            "other",
            "device-mismatch",
            None,
            heart_rate("another", "70", at),
            0,
        ),
        (
            "worn",
            "patient-conflict",
            None,
            format!(
                r#"[{{"bn":"worn:","n":"MDC_ECG_HEART_RATE","u":"/min","v":70,"t":{seconds},"pt":"urn:mrn|4711"}}]"#
            ),
            0,
        ),
    ];
    for (device, reason, record, payload, rows) in cases {
        let said = client
            .publish(&topic("g1", device), payload.as_bytes())
            .await;
        assert!(said.is_stored(), "{device}: {said:?}");
        let kept = server.quarantined(device).await;
        assert_eq!(kept["reason"], reason, "{kept}");
        assert_eq!(kept["payloadText"], payload.as_str(), "byte for byte");
        assert_eq!(kept["topic"], topic("g1", device).as_str());
        assert_eq!(kept["bytes"], payload.len());
        if let Some(record) = record {
            assert_eq!(kept["record"], record, "{kept}");
        }
        assert_eq!(server.rows_of(device).await, rows, "{device}");
        others.go_on().await;
    }
    // Nothing of it reached the patients, and identical bytes are kept once.
    assert_eq!(
        server
            .count("SELECT count(*) AS n FROM latest WHERE patient_id <> 'p-others'")
            .await,
        0
    );
    assert!(
        client
            .publish(&topic("g1", "torn"), br#"[{"bn":"torn:","n":"MDC_ECG_"#)
            .await
            .is_stored()
    );
    server.quarantined("torn").await;
    others.end(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_implausible_value_is_stored_and_flagged_but_is_nobodys_latest() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.admit("p1", "d1").await;
    let mut others = Others::start(&server).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now() - 2_000_000;
    for (value, at) in [("70", at), ("999", at + 1_000_000)] {
        let payload = heart_rate("d1", value, at);
        assert!(
            client
                .publish(&topic("g1", "d1"), payload.as_bytes())
                .await
                .is_stored()
        );
    }
    let rows = server
        .sql("SELECT value, quality FROM observation WHERE device_id = 'd1' ORDER BY effective")
        .await;
    assert_eq!(
        rows,
        [
            [json!(70.0), Value::Null],
            [json!(999.0), json!("implausible")]
        ]
    );
    let latest = server
        .sql("SELECT value FROM latest WHERE patient_id = 'p1'")
        .await;
    assert_eq!(latest, [[json!(70.0)]]);
    let query = "/fhir/R4/Observation?patient=p1&_sort=-date&_count=1";
    let found = server.get(query).await["entry"][0]["resource"].clone();
    check_vital_sign(&found, "p1");
    assert_eq!(found["valueQuantity"]["value"], 999);
    assert_eq!(found["meta"]["security"][0]["code"], "UNRELIABLE");
    assert!(found["note"][0]["text"].is_string(), "{found}");
    others.go_on().await;
    others.end(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_may_not_do_ends_or_is_refused_and_nothing_is_stored() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut others = Others::start(&server).await;
    let own = topic("g1", "d1");
    let payload = heart_rate("d1", "70", now());
    let payload = payload.as_bytes();

    // Another gateway's topic: refused, counted, and the connection goes on.
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    for (foreign, code) in [
        (topic("g2", "d1"), NOT_AUTHORIZED),
        ("wardline/v1/s2/g1/d1/readings".to_owned(), NOT_AUTHORIZED),
        ("no/route/takes/this".to_owned(), TOPIC_NAME_INVALID),
    ] {
        let said = client.publish(&foreign, payload).await;
        assert!(
            matches!(said, Answer::Acknowledged { reason, .. } if reason == code),
            "{foreign}: {said:?}"
        );
    }
    assert_eq!(client.ping().await, Answer::Pong);
    others.go_on().await;

    // More than the maximum packet, and QoS 2.
    let large = vec![b' '; 5_000_000];
    assert_eq!(
        client.publish(&own, &large).await,
        Answer::Disconnected(PACKET_TOO_LARGE)
    );
    others.go_on().await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let said = client
        .publish_as(&own, payload, QoS::ExactlyOnce, None)
        .await;
    assert_eq!(said, Answer::Disconnected(QOS_NOT_SUPPORTED));
    others.go_on().await;

    // MQTT 3.1.1 has no words for it: the connection is closed.
    for (topic, payload) in [(topic("g2", "d1"), payload), (own.clone(), &large)] {
        let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
            .await
            .unwrap();
        // What was written before the server closed may or may not have been taken by the socket.
        let sent = publisher.publish(&topic, payload, 1).await;
        assert!(
            sent.is_none() || publisher.acknowledged().await.is_none(),
            "{topic}"
        );
        others.go_on().await;
    }
    assert_eq!(server.rows_of("d1").await, 0);
    assert_eq!(server.metric("wardline_mqtt_refused_rights").await, 3.0);
    assert_eq!(server.metric("wardline_mqtt_refused_route").await, 1.0);
    assert_eq!(server.metric("wardline_mqtt_refused_oversize").await, 2.0);
    assert_eq!(server.metric("wardline_mqtt_refused_qos").await, 1.0);
    assert_eq!(server.get("/api/v1/quarantine").await["items"], json!([]));

    // The same gateway may go on with what is its own.
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let said = client
        .publish_as(
            &own,
            payload,
            QoS::AtLeastOnce,
            Some("application/senml+json"),
        )
        .await;
    assert!(said.is_stored(), "{said:?}");
    assert_eq!(server.rows_of("d1").await, 1);
    others.end(&server).await;
}
