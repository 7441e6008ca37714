//! What holds and is no alert yet.

use serde_json::json;

use super::{measured, setup, ward};
use crate::harness::{Server, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_building_up_is_no_alert_yet() {
    let server = Server::start(&setup());
    let mut gateway = ward(&server).await;
    let found = server.get("/api/v1/alerts/pending").await;
    assert_eq!(found["items"], json!([]));
    measured(&mut gateway, "d1", "131").await;
    let one = eventually("what is building up", async || {
        let found = server.get("/api/v1/alerts/pending").await;
        found["items"].as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!(
        (&one["ruleId"], &one["subject"], &one["value"]),
        (
            &json!("long-tachycardia"),
            &json!("Patient/p1"),
            &json!(131.0)
        )
    );
    let open = server.get("/api/v1/alerts?rule=long-tachycardia").await;
    assert_eq!(open["items"], json!([]));
}
