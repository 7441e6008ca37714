//! `/api/v1`.

use arrow::ipc::reader::StreamReader;
use reqwest::Method;
use serde_json::{Value, json};
use wardline_dashboard::backend::{AlertActionKind, ManualValue};

use crate::backend::{alert, texts};
use crate::harness::{NOW, Server};

#[tokio::test]
async fn alerts_are_listed_acknowledged_and_silenced() {
    let server = Server::start().await;
    server
        .memory
        .alerts
        .lock()
        .unwrap()
        .insert("A2".into(), alert("A2", "p2"));
    let page = server.json("/api/v1/alerts?state=active&limit=1").await;
    assert_eq!(page["items"][0]["alertId"], "A1");
    let next = page["next"].as_str().unwrap();
    let page = server
        .json(&format!("/api/v1/alerts?state=active&limit=1&after={next}"))
        .await;
    assert_eq!(
        (page["items"][0]["alertId"].as_str(), &page["next"]),
        (Some("A2"), &Value::Null)
    );
    let page = server.json("/api/v1/alerts?patient=p2").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);

    let path = "/api/v1/alerts/A1/acknowledge";
    let (status, body) = server
        .post(path, "operate", json!({ "note": "seen" }))
        .await;
    assert_eq!(
        (status, body["acknowledgedBy"].as_str()),
        (200, Some("operate-token"))
    );
    assert_eq!(body["acknowledgedAt"], "2026-11-22T13:00:00Z");
    let (_, again) = server.post(path, "admin", json!({})).await;
    assert_eq!(again["acknowledgedBy"], "operate-token", "the first stands");
    assert_eq!(
        server.memory.actions.lock().unwrap()[0].note.as_deref(),
        Some("seen")
    );

    let path = "/api/v1/alerts/A1/silence";
    let (_, body) = server.post(path, "operate", json!({ "minutes": 10 })).await;
    assert_eq!(body["silencedUntil"], "2026-11-22T13:10:00Z");
    assert_eq!(
        server.memory.actions.lock().unwrap()[2].kind,
        AlertActionKind::Silence {
            until: NOW + 600_000_000
        }
    );
    assert_eq!(
        server
            .post(path, "operate", json!({ "minutes": 1441 }))
            .await
            .0,
        400
    );
    assert_eq!(
        server
            .post("/api/v1/alerts/none/acknowledge", "operate", json!({}))
            .await
            .0,
        404
    );
    server.stop().await;
}

#[tokio::test]
async fn unknown_parameters_and_fields_are_refused() {
    let server = Server::start().await;
    for path in [
        "/api/v1/alerts?pateint=p1",
        "/api/v1/alerts?state=on",
        "/api/v1/alerts?limit=0",
        "/api/v1/me?x=1",
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json"
        );
    }
    let (status, problem) = server
        .post("/api/v1/patients", "operate", json!({ "nmae": "x" }))
        .await;
    assert_eq!(status, 400);
    assert!(problem["detail"].as_str().unwrap().contains("nmae"));
    let form = server
        .request(Method::POST, "/api/v1/sql", "read")
        .form(&[("query", "SELECT 1")])
        .send()
        .await
        .unwrap();
    assert_eq!(
        form.status(),
        415,
        "a page elsewhere cannot post JSON unasked"
    );
    server.stop().await;
}

#[tokio::test]
async fn patients_devices_and_assignments() {
    let server = Server::start().await;
    let patient = json!({ "id": "p9", "name": "Ada", "birthDate": "1950-03-01", "gender": "female",
        "tags": ["copd"], "identifiers": [{ "system": "urn:mrn", "value": "77" }] });
    let (status, made) = server
        .post("/api/v1/patients", "operate", patient.clone())
        .await;
    assert_eq!((status, made["name"].as_str()), (201, Some("Ada")));
    assert_eq!(
        server.post("/api/v1/patients", "operate", patient).await.0,
        409
    );
    let (_, found) = server
        .post("/api/v1/patients/search", "read", json!({ "text": "Ada" }))
        .await;
    assert_eq!(found["items"][0]["identifiers"][0]["value"], "77");
    let (status, _) = server
        .post(
            "/api/v1/patients",
            "operate",
            json!({ "birthDate": "1950-02-30" }),
        )
        .await;
    assert_eq!(status, 400);
    let changed = server
        .request(Method::PUT, "/api/v1/patients/p9", "operate")
        .json(&json!({ "name": "Ada L." }))
        .send()
        .await
        .unwrap();
    assert_eq!(changed.json::<Value>().await.unwrap()["name"], "Ada L.");
    assert_eq!(server.json("/api/v1/patients/p9").await["tags"], json!([]));

    let (status, _) = server
        .post(
            "/api/v1/devices",
            "operate",
            json!({ "id": "d9", "kind": "monitor" }),
        )
        .await;
    assert_eq!(status, 201);
    assert_eq!(
        server.json("/api/v1/devices").await["items"][0]["kind"],
        "monitor"
    );
    assert_eq!(server.get("/api/v1/devices/none").await.status(), 404);

    let assignment =
        json!({ "device": "d9", "patient": "p9", "from": "2026-11-22T12:00:00+01:00" });
    let (status, made) = server
        .post("/api/v1/assignments", "operate", assignment.clone())
        .await;
    assert_eq!(
        (status, made["from"].as_str()),
        (201, Some("2026-11-22T11:00:00Z"))
    );
    assert_eq!(made["by"], "operate-token");
    assert_eq!(
        server
            .post("/api/v1/assignments", "operate", assignment)
            .await
            .0,
        409
    );
    let (status, ended) = server
        .post("/api/v1/assignments/1/end", "operate", json!({}))
        .await;
    assert_eq!(
        (status, ended["until"].as_str()),
        (200, Some("2026-11-22T13:00:00Z"))
    );
    let backwards = json!({ "device": "d9", "patient": "p9", "from": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" });
    assert_eq!(
        server
            .post("/api/v1/assignments", "operate", backwards)
            .await
            .0,
        400
    );
    server.stop().await;
}

#[tokio::test]
async fn a_person_records_readings() {
    let server = Server::start().await;
    let body = r#"{"patient":"p1","effective":"2026-11-22T12:55:00Z","note":"by hand","readings":[
        {"metric":"8310-5","value":37.20,"unit":"Cel"},
        {"metric":"MDC_PRESS_BLD_NONINV_SYS","absent":"not-performed"}]}"#;
    let response = server
        .request(Method::POST, "/api/v1/observations", "operate")
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    let observed = server.memory.observed.lock().unwrap().clone();
    assert_eq!(observed[0].author, "operate-token");
    assert_eq!(
        observed[0].readings[0].value,
        ManualValue::Number("37.20".into()),
        "decimals stay"
    );
    assert_eq!(
        observed[0].readings[1].value,
        ManualValue::Absent("not-performed".into())
    );
    for bad in [
        json!({ "patient": "p1", "readings": [] }),
        json!({ "patient": "p1", "readings": [{ "metric": "shoe-size", "value": 44 }] }),
        json!({ "patient": "p1", "readings": [{ "metric": "8310-5" }] }),
        json!({ "patient": "p1", "readings": [{ "metric": "8310-5", "value": 1, "absent": "error" }] }),
        json!({ "patient": "p1", "effective": "2026-11-22T14:00:00Z", "readings": [{ "metric": "8310-5", "value": 37 }] }),
        json!({ "patient": "a b", "readings": [{ "metric": "8310-5", "value": 37 }] }),
    ] {
        assert_eq!(
            server
                .post("/api/v1/observations", "operate", bad.clone())
                .await
                .0,
            400,
            "{bad}"
        );
    }
    server.stop().await;
}

const ROWS: &str = r#"{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":80,"unit":"/min","effective":"2026-11-22T12:00:00Z"}
{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p2","value":81,"unit":"/min","effective":"2026-11-22T12:01:00Z"}
{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p2","value":82,"unit":"/min","effective":"2026-11-22T12:02:00Z"}"#;

#[tokio::test]
async fn sql_as_json_and_as_arrow() {
    let server = Server::start().await;
    server.memory.put(ROWS);
    let (status, answer) = server
        .post(
            "/api/v1/sql",
            "read",
            json!({ "query": "SELECT *", "limit": 2 }),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&answer["truncated"], &answer["rows"][0]["value"]),
        (&json!(true), &json!(80.0))
    );
    assert_eq!(answer["rows"][0]["channel"], Value::Null);
    assert_eq!(answer["rows"][0]["effective"], "2026-11-22T12:00:00Z");
    assert_eq!(answer["columns"][0]["name"], "id");
    assert_eq!(server.memory.take_audits()[0].patients, ["p1", "p2"]);
    let response = server
        .request(Method::POST, "/api/v1/sql", "read")
        .header("accept", "application/vnd.apache.arrow.stream")
        .json(&json!({ "query": "SELECT *" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.headers()["x-wardline-truncated"], "false");
    let bytes = response.bytes().await.unwrap();
    let batch = StreamReader::try_new(&bytes[..], None)
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(texts(&batch, "patient_id"), ["p1", "p2", "p2"]);
    assert_eq!(
        server
            .post("/api/v1/sql", "read", json!({ "query": "DROP TABLE x" }))
            .await
            .0,
        422
    );
    server.stop().await;
}

#[tokio::test]
async fn export_streams_rows_and_names_their_patients_first() {
    let server = Server::start().await;
    server.memory.put(ROWS);
    let response = server.get("/api/v1/export").await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.text().await.unwrap();
    let again = wardline_dashboard::json::rows_from_ndjson(&text).unwrap();
    assert_eq!(Some(again), server.memory.rows.lock().unwrap().clone());
    let audits = server.memory.take_audits();
    assert!(audits[0].any_patient && !audits[0].continues);
    assert_eq!(audits[1].patients, ["p1", "p2"]);
    assert!(audits[1].continues && audits[1].request_id == audits[0].request_id);
    assert_eq!(audits.len(), 2, "known patients are not named again");
    let csv = server
        .get("/api/v1/export?format=csv&patient=p2")
        .await
        .text()
        .await
        .unwrap();
    assert_eq!(csv.lines().count(), 3);
    assert_eq!(server.memory.take_audits().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn quarantine_is_listed_shown_and_replayed() {
    let server = Server::start().await;
    let get = |path: &'static str| {
        let request = server.request(Method::GET, path, "operate");
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    assert_eq!(
        get("/api/v1/quarantine?reason=undecodable").await["items"][0]["id"],
        "Q1"
    );
    let shown = get("/api/v1/quarantine/Q1").await;
    assert_eq!(
        (shown["payload"].as_str(), shown["payloadText"].as_str()),
        (Some("W3td"), Some("[{]"))
    );
    let audits = server.memory.take_audits();
    assert!(
        audits[1].any_patient,
        "bytes nobody could read may be about anybody"
    );
    let path = "/api/v1/quarantine/replay";
    assert_eq!(
        server
            .post(path, "operate", json!({ "ids": ["Q1"] }))
            .await
            .1["messages"],
        1
    );
    assert_eq!(
        server
            .post(path, "operate", json!({ "reason": "unknown-metric" }))
            .await
            .1["messages"],
        7
    );
    assert_eq!(
        server.post(path, "operate", json!({ "all": true })).await.0,
        200
    );
    for bad in [
        json!({}),
        json!({ "ids": [] }),
        json!({ "ids": ["Q1"], "all": true }),
    ] {
        assert_eq!(server.post(path, "operate", bad).await.0, 400);
    }
    server.stop().await;
}

#[tokio::test]
async fn tokens_of_every_kind() {
    let server = Server::start().await;
    let publish = json!({ "name": "gw1", "role": "publish", "site": "s", "gateway": "g", "sanUris": ["urn:gw1"] });
    let (status, made) = server.post("/api/v1/tokens", "admin", publish).await;
    assert_eq!((status, made["gateway"].as_str()), (201, Some("g")));
    for bad in [
        json!({ "name": "x", "role": "root" }),
        json!({ "name": "x", "role": "publish" }),
        json!({ "name": "x", "role": "publish", "site": "s" }),
        json!({ "name": "x", "role": "read", "site": "s" }),
        json!({ "name": "a b", "role": "read" }),
        json!({ "name": "x", "role": "read", "expires": "2020-01-01T00:00:00Z" }),
    ] {
        assert_eq!(
            server.post("/api/v1/tokens", "admin", bad.clone()).await.0,
            400,
            "{bad}"
        );
    }
    let revoked = server
        .request(Method::DELETE, "/api/v1/tokens/gw1", "admin")
        .send()
        .await
        .unwrap();
    assert_eq!(revoked.status(), 204);
    server.stop().await;
}
