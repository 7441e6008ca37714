//! Whose stored readings are, when assignments change.

use serde_json::{Value, json};

use crate::harness::mqtt::topic;
use crate::harness::mqtt5::Client;
use crate::harness::others::Others;
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup, heart_rate, now, reading};

async fn assign(server: &Server, device: &str, patient: &str, from: i64) -> String {
    let body = json!({"device": device, "patient": patient, "from": rfc3339(from)});
    let made = server.post("/api/v1/assignments", &body).await;
    made["id"].as_str().unwrap().to_owned()
}

/// Patient and version of the rows of a device by time.
async fn whose(server: &Server, device: &str) -> Vec<Vec<Value>> {
    let query = format!(
        "SELECT patient_id, version FROM observation WHERE device_id = '{device}' ORDER BY effective"
    );
    server.sql(&query).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_named_its_patient_stays_theirs_whatever_becomes_of_assignments() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let identifiers = json!([{"system": "urn:mrn", "value": "4711"}]);
    server
        .post(
            "/api/v1/patients",
            &json!({"id": "named", "identifiers": identifiers}),
        )
        .await;
    server
        .post("/api/v1/patients", &json!({"id": "wearer"}))
        .await;
    server.post("/api/v1/devices", &json!({"id": "d1"})).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now() - 3_600_000_000;
    let bare = heart_rate("d1", "70", at);
    let named = reading(
        "d1",
        "MDC_ECG_HEART_RATE",
        "/min",
        r#"71,"pt":"urn:mrn|4711""#,
        at + 1_000_000,
    );
    for payload in [bare, named] {
        let said = client.publish(&topic("g1", "d1"), payload.as_bytes()).await;
        assert!(said.is_stored(), "{said:?}");
    }
    assert_eq!(
        whose(&server, "d1").await,
        [[Value::Null, json!(1)], [json!("named"), json!(1)]]
    );

    let id = assign(&server, "d1", "wearer", at - 1_000_000).await;
    assert_eq!(
        whose(&server, "d1").await,
        [[json!("wearer"), json!(2)], [json!("named"), json!(1)]]
    );
    let end = json!({"at": rfc3339(at - 1_000_000)});
    server
        .post(&format!("/api/v1/assignments/{id}/end"), &end)
        .await;
    assert_eq!(
        whose(&server, "d1").await,
        [[Value::Null, json!(3)], [json!("named"), json!(1)]],
        "the one loses whom the assignment gave, the other was never the assignment's"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_rows_move_while_others_go_on() {
    /// Rows of a pack, one a minute: a week.
    const PACK: i64 = 9_999;
    const PACKS: i64 = 6;
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.post("/api/v1/patients", &json!({"id": "p1"})).await;
    server.post("/api/v1/devices", &json!({"id": "d1"})).await;
    let mut others = Others::start(&server).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let start = now() / 1_000_000 - 60 * PACK * PACKS;
    for pack in 0..PACKS {
        let records: Vec<String> = (0..PACK)
            .map(|n| {
                let at = start + (pack * PACK + n) * 60;
                format!(r#"{{"n":"MDC_ECG_HEART_RATE","u":"/min","v":70,"t":{at}}}"#)
            })
            .collect();
        let payload = format!("[{}]", records.join(","));
        let said = client.publish(&topic("g1", "d1"), payload.as_bytes()).await;
        assert!(said.is_stored(), "{said:?}");
    }
    let moving = assign(&server, "d1", "p1", start * 1_000_000);
    let going_on = async {
        for _ in 0..20 {
            others.go_on().await;
        }
    };
    futures::join!(moving, going_on);
    let query = "SELECT patient_id, version, count(*) AS n FROM observation \
                 WHERE device_id = 'd1' GROUP BY 1, 2";
    assert_eq!(
        server.sql(query).await,
        [[json!("p1"), json!(2), json!(PACK * PACKS)]]
    );
    others.end(&server).await;
}
