//! What was kept: taken again once its cause is mended, and bounded.

use serde_json::{Value, json};

use crate::harness::fhir::check_vital_sign;
use crate::harness::mqtt::topic;
use crate::harness::mqtt5::{Answer, Client};
use crate::harness::others::Others;
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup, eventually, heart_rate, now, reading};

/// MQTT 5 reason code (section 2.4).
const QUOTA_EXCEEDED: u8 = 0x97;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_can_be_taken_once_its_cause_is_mended() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now() - 60_000_000;
    let payload = reading(
        "d1",
        "MDC_ECG_HEART_RATE",
        "/min",
        r#"70,"pt":"urn:mrn|4711""#,
        at,
    );
    assert!(
        client
            .publish(&topic("g1", "d1"), payload.as_bytes())
            .await
            .is_stored()
    );
    let kept = server.quarantined("d1").await;
    assert_eq!(
        (&kept["reason"], &kept["replayed"]),
        (&json!("unknown-patient"), &Value::Null)
    );
    let replay = json!({"ids": [kept["id"]]});
    let again = server.post("/api/v1/quarantine/replay", &replay).await;
    assert_eq!(
        (&again["stored"], &again["rejected"]),
        (&json!(0), &json!(1)),
        "{again}"
    );

    let identifiers = json!([{"system": "urn:mrn", "value": "4711"}]);
    server
        .post(
            "/api/v1/patients",
            &json!({"id": "p1", "identifiers": identifiers}),
        )
        .await;
    let taken = server.post("/api/v1/quarantine/replay", &replay).await;
    assert_eq!(
        taken,
        json!({"messages": 1, "stored": 1, "duplicates": 0, "rejected": 0, "skipped": 0, "skips": []})
    );
    let rows = server
        .sql("SELECT patient_id, value, version FROM observation")
        .await;
    assert_eq!(rows, [[json!("p1"), json!(70.0), json!(1)]]);
    let found = server.get("/fhir/R4/Observation?patient=p1").await["entry"][0]["resource"].clone();
    check_vital_sign(&found, "p1");
    let effective = found["effectiveDateTime"]
        .as_str()
        .unwrap()
        .trim_end_matches('Z');
    assert!(
        rfc3339(at).starts_with(effective),
        "as measured, not as replayed: {found}"
    );
    assert!(server.quarantined("d1").await["replayed"].is_string());
    let twice = server.post("/api/v1/quarantine/replay", &replay).await;
    assert_eq!(
        twice,
        json!({"messages": 1, "stored": 0, "duplicates": 1, "rejected": 0, "skipped": 0, "skips": []})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_is_kept_once_however_much_of_it_is_wrong() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let good = r#"{"n":"MDC_ECG_HEART_RATE","u":"/min","v":70,"t":1700000000}"#;
    let wrong = r#"{"n":"MDC_NO_SUCH_THING","u":"/min","v":1,"t":1700000000}"#;
    let empty = r#"{"n":"MDC_ECG_HEART_RATE","u":"/min","t":1700000000}"#;
    let pack = format!(
        "[{good},{wrong}{},{empty}]",
        format!(",{wrong}").repeat(9_000)
    );
    let said = client.publish(&topic("g1", "d1"), pack.as_bytes()).await;
    assert!(said.is_stored(), "{said:?}");
    let kept = server.quarantined("d1").await;
    assert_eq!(
        (&kept["reason"], &kept["record"]),
        (&json!("unknown-metric"), &json!(1))
    );
    let detail = kept["detail"].as_str().unwrap();
    assert!(
        detail.contains("9002 records") && detail.contains("bad-value 1"),
        "{detail}"
    );
    assert_eq!(kept["payloadText"], pack.as_str());
    assert_eq!(server.rows_of("d1").await, 1);

    // The largest rows that a packet can ask for: each repeats the pack's unit.
    let record = |n: usize| format!(r#"{{"n":"150456","v":1,"t":{n}}}"#);
    let unit = "x".repeat(256);
    for device in ["d2", "d3", "d4", "d5", "d6"] {
        let records: Vec<String> = (0..9_999).map(record).collect();
        let pack = format!(
            r#"[{{"bt":1700000000,"bu":"{unit}"}},{}]"#,
            records.join(",")
        );
        client.send(&topic("g1", device), pack.as_bytes()).await;
    }
    for _ in 0..5 {
        let said = client.answer().await;
        assert!(said.is_stored(), "{said:?}");
    }
    assert_eq!(server.rows_of("d6").await, 9_999);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_gives_no_new_room_and_keeps_nothing_twice() {
    let config = "[intake]\nquarantine-messages = 2\n".to_owned();
    let setup = Setup {
        config,
        ..Setup::default()
    };
    let server = Server::start(&setup);
    let secret = server.gateway_token("g1").await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    assert!(
        client
            .publish(&topic("g1", "d1"), b"[broken 1")
            .await
            .is_stored()
    );
    let (_, dir, admin) = server.stop();

    let server = &Server::start_in(dir, admin, &setup);
    let kept = server.quarantined("d1").await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    assert!(
        client
            .publish(&topic("g1", "d1"), b"[broken 1")
            .await
            .is_stored()
    );
    let again = server
        .post("/api/v1/quarantine/replay", &json!({"ids": [kept["id"]]}))
        .await;
    assert_eq!(again["rejected"], 1);
    server.quarantined("d1").await;
    assert!(
        client
            .publish(&topic("g1", "d1"), b"[broken 2")
            .await
            .is_stored()
    );
    let said = client.publish(&topic("g1", "d1"), b"[broken 3").await;
    assert_eq!(said, Answer::Disconnected(QUOTA_EXCEEDED));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_cannot_fill_the_quarantine() {
    let config = "[intake]\nquarantine-messages = 3\n".to_owned();
    let server = &Server::start(&Setup {
        config,
        ..Setup::default()
    });
    let secret = server.gateway_token("g1").await;
    let mut others = Others::start(server).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let broken = |number: u32| format!("[broken {number}");
    // The same bytes count once.
    for number in [1, 1, 2, 3, 3] {
        assert!(
            client
                .publish(&topic("g1", "d1"), broken(number).as_bytes())
                .await
                .is_stored()
        );
    }
    let said = client
        .publish(&topic("g1", "d1"), broken(4).as_bytes())
        .await;
    assert_eq!(said, Answer::Disconnected(QUOTA_EXCEEDED));
    others.go_on().await;

    let alert = eventually("the technical alert", async || {
        let listed = server.get("/api/v1/alerts?class=technical").await;
        let alerts = listed["items"].as_array().unwrap().clone();
        alerts
            .into_iter()
            .find(|alert| alert["ruleId"] == "wardline:quarantine-quota")
    })
    .await;
    assert_eq!(
        (&alert["subject"], &alert["deviceId"]),
        (&json!("Device/d1"), &json!("d1"))
    );

    // Bounded per device: what the gateway's other devices send wrong is kept, what d1 sends right is stored.
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    assert!(
        client
            .publish(&topic("g1", "d2"), broken(5).as_bytes())
            .await
            .is_stored()
    );
    let good = heart_rate("d1", "70", now());
    assert!(
        client
            .publish(&topic("g1", "d1"), good.as_bytes())
            .await
            .is_stored()
    );
    assert_eq!(server.rows_of("d1").await, 1);
    let kept =
        "SELECT count(*) AS n FROM quarantine WHERE device_id = 'd1' AND reason = 'undecodable'";
    assert_eq!(server.count(kept).await, 3);
    let said = client
        .publish(&topic("g1", "d1"), broken(6).as_bytes())
        .await;
    assert_eq!(said, Answer::Disconnected(QUOTA_EXCEEDED));
    assert_eq!(
        server.get("/api/v1/alerts?class=technical").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    others.end(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_by_a_route_of_former_days_is_skipped_and_said() {
    let route = "[[route]]\nname = \"scales\"\nfilter = \"scales/+/data\"\nprincipals = [\"g1\"]\ndevice-level = 1\n";
    let server = Server::start(&Setup {
        config: route.to_owned(),
        ..Setup::default()
    });
    let secret = server.gateway_token("g1").await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    for (topic, payload) in [
        ("scales/s1/data".to_owned(), &b"[broken 1"[..]),
        (topic("g1", "d1"), &b"[broken 2"[..]),
    ] {
        let said = client.publish(&topic, payload).await;
        assert!(said.is_stored(), "{topic}: {said:?}");
    }
    let log = server.log();
    assert!(
        log.contains("a message went to quarantine") && log.contains("undecodable"),
        "{log}"
    );
    assert!(!log.contains("broken"), "{log}");
    let (_, dir, admin) = server.stop();

    let server = Server::start_in(dir, admin, &Setup::default());
    let gone = server.quarantined("s1").await["id"].clone();
    let done = server
        .post("/api/v1/quarantine/replay", &json!({"all": true}))
        .await;
    assert_eq!(
        (&done["messages"], &done["rejected"], &done["skipped"]),
        (&json!(1), &json!(1), &json!(1)),
        "{done}"
    );
    assert_eq!(done["skips"][0]["id"], gone);
    let reason = done["skips"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("\"scales\" is not configured"), "{reason}");
    assert_eq!(server.quarantined("s1").await["replayed"], Value::Null);
    assert!(server.quarantined("d1").await["replayed"].is_string());
}
