//! What outlives the process: rows, resources, the latest values and the live picture.

use serde_json::{Value, json};

use crate::harness::fhir::texts;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::server::rfc3339;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

/// The values of the first event of the live stream.
async fn snapshot(server: &Server) -> Vec<Value> {
    let url = format!("http://{}/api/v1/stream", server.http);
    let request = reqwest::Client::new().get(url).bearer_auth(&server.admin);
    let mut response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\n\n") {
        bytes.extend(response.chunk().await.unwrap().expect("a first event"));
    }
    let text = String::from_utf8(bytes).unwrap();
    let mut lines = text.lines();
    assert!(
        lines.clone().any(|line| line == "event: snapshot"),
        "{text}"
    );
    let data = lines.find_map(|line| line.strip_prefix("data: ")).unwrap();
    let data: Value = serde_json::from_str(data).unwrap();
    data["values"].as_array().unwrap().clone()
}

/// Waits until the live picture shows a heart rate of this value, with unit and time.
async fn live(server: &Server, value: f64, at: i64) {
    let shown = eventually("the live value", async || {
        let values = snapshot(server).await;
        values
            .into_iter()
            .find(|one| one["metric"] == "MDC_ECG_HEART_RATE" && one["value"] == value)
    })
    .await;
    assert_eq!(
        (shown["patientId"].as_str(), shown["unit"].as_str()),
        (Some("p1"), Some("/min"))
    );
    let expected = rfc3339(at);
    let effective = shown["effective"].as_str().unwrap();
    assert!(
        expected.starts_with(effective.trim_end_matches('Z')),
        "{effective} for {expected}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.admit("p1", "d1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now();
    for (value, at) in [("70", at - 2_000_000), ("71", at - 1_000_000), ("72", at)] {
        publisher
            .deliver(&topic("g1", "d1"), heart_rate("d1", value, at).as_bytes())
            .await
            .unwrap();
    }
    live(&server, 72.0, at).await;
    let latest = "SELECT patient_id, metric, value, unit, version FROM latest";
    let (rows, newest) = (server.rows().await, server.sql(latest).await);
    assert_eq!(rows.len(), 3);
    assert_eq!(
        newest,
        [[
            json!("p1"),
            json!("MDC_ECG_HEART_RATE"),
            json!(72.0),
            json!("/min"),
            json!(1)
        ]]
    );
    let resources = texts(&server, "p1").await;

    let (status, dir, admin) = server.stop();
    assert_eq!(status.code(), Some(0));
    let server = Server::start_in(dir, admin, &Setup::default());
    assert_eq!(server.rows().await, rows);
    assert_eq!(server.sql(latest).await, newest);
    assert_eq!(texts(&server, "p1").await, resources);
    live(&server, 72.0, at).await;
    // The gateway, which heard no answer, say, sends again: known from the table.
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    publisher
        .deliver(&topic("g1", "d1"), heart_rate("d1", "72", at).as_bytes())
        .await
        .unwrap();
    assert_eq!(server.rows().await, rows);
}
