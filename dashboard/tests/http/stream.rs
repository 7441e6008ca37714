//! The live stream.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;
use wardline_dashboard::json::rows_from_ndjson;

use crate::backend::alert;
use crate::harness::Server;

/// Reads events off a response as they come.
struct Events {
    response: Response,
    text: String,
}

#[derive(Debug)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Events {
    async fn open(server: &Server, path: &str, last: Option<&str>) -> Self {
        let mut request = server.request(Method::GET, path, "read");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event.lines().find_map(|line| {
                        Some(line.strip_prefix(name)?.strip_prefix(": ")?.to_owned())
                    })
                };
                let event = Event {
                    name: field("event").unwrap(),
                    id: field("id"),
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                };
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is not a heartbeat.
    async fn news(&mut self) -> Event {
        loop {
            let event = self.next().await.expect("the stream goes on");
            if event.name != "beat" {
                return event;
            }
        }
    }
}

fn put(server: &Server, patient: &str, second: u32, value: u32) {
    let line = format!(
        r#"{{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"{patient}","value":{value},"unit":"/min","effective":"2026-11-22T12:00:{second:02}Z"}}"#
    );
    server
        .live
        .readings(&rows_from_ndjson(&line).unwrap())
        .unwrap();
}

#[tokio::test]
async fn a_snapshot_then_changes_with_the_basis_of_their_age() {
    let server = Server::start().await;
    put(&server, "p1", 0, 80);
    server.live.alerts([alert("A1", "p1")]);
    let mut events = Events::open(&server, "/api/v1/stream", None).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.name, "snapshot");
    assert_eq!(first.data["now"], "2026-11-22T13:00:00Z");
    let value = &first.data["values"][0];
    assert_eq!(
        (&value["value"], &value["unit"]),
        (&80.0.into(), &"/min".into())
    );
    assert_eq!(
        (&value["effective"], &value["alias"]),
        (&"2026-11-22T12:00:00Z".into(), &"heart-rate".into())
    );
    assert!(value["expectedSeconds"].as_i64().unwrap() > 0);
    assert_eq!(first.data["alerts"][0]["alertId"], "A1");

    put(&server, "p2", 5, 91);
    let change = events.news().await;
    assert_eq!(
        (change.name.as_str(), &change.data["values"][0]["patientId"]),
        ("change", &"p2".into())
    );
    assert_eq!(change.data["values"].as_array().unwrap().len(), 1);
    let mut resolved = alert("A1", "p1");
    resolved.state = "resolved".into();
    server.live.alerts([resolved]);
    assert_eq!(events.news().await.data["alerts"][0]["state"], "resolved");
    assert!(
        events.next().await.unwrap().data["now"].is_string(),
        "a heartbeat when nothing happens"
    );

    let audits = server.memory.take_audits();
    assert_eq!(
        audits.len(),
        2,
        "one for the stream, one that continues it with the patient who came later"
    );
    assert_eq!(
        (audits[0].patients.as_slice(), audits[0].continues),
        (["p1".to_owned()].as_slice(), false)
    );
    assert_eq!(
        (audits[1].patients.as_slice(), audits[1].continues),
        (["p2".to_owned()].as_slice(), true)
    );
    assert_eq!(audits[0].request_id, audits[1].request_id);
    drop(events);
    server.stop().await;
}

#[tokio::test]
async fn frames_are_merged_and_the_rest_is_counted() {
    let server = Server::start().await;
    put(&server, "p1", 0, 80);
    let mut events = Events::open(&server, "/api/v1/stream", None).await;
    events.next().await.unwrap();
    for second in 1..=20 {
        put(&server, "p1", second, 80 + second);
    }
    let (mut shown, mut skipped, mut last) = (0, 0, 0.0);
    while last < 100.0 {
        let change = events.news().await;
        shown += 1;
        skipped += change.data["skipped"].as_u64().unwrap();
        last = change.data["values"][0]["value"].as_f64().unwrap();
    }
    assert_eq!(shown + skipped, 20, "each change is shown or counted");
    assert!(shown <= 2, "{shown} frames for a burst");
    let metrics = server.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains(&format!("wardline_http_stream_changes_skipped {skipped}")),
        "{metrics}"
    );
    assert!(metrics.contains("wardline_http_streams 1"));
    drop(events);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_costs_nothing_and_then_gets_the_present() {
    let server =
        Server::with(|config| config.limits.frame_interval = Duration::from_millis(1)).await;
    put(&server, "p1", 0, 1);
    let mut slow = Events::open(&server, "/api/v1/stream", None).await;
    assert_eq!(slow.next().await.unwrap().name, "snapshot");
    // Far more changes than the ring remembers, while the client does not read.
    let busy: Vec<_> = (0..60)
        .map(|second| {
            rows_from_ndjson(&format!(
                r#"{{"device_id":"d1","mdc":"MDC_ECG_HEART_RATE","patient_id":"p1","value":{second},"version":VERSION,"effective":"2026-11-22T12:01:00Z"}}"#
            ).replace("VERSION", &(second + 1).to_string()))
            .unwrap()
        })
        .collect();
    for batch in &busy {
        server.live.readings(batch).unwrap();
    }
    for _ in 0..=wardline_dashboard::live::RING {
        server.live.alerts([alert("A1", "p1")]);
    }
    put(&server, "p1", 59, 7);
    assert_eq!(server.live.len(), 1);
    loop {
        let event = slow.news().await;
        let value = event.data["values"]
            .as_array()
            .and_then(|values| values.first()?["value"].as_f64());
        if value == Some(59.0) {
            break;
        }
    }
    drop(slow);
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed() {
    let server = Server::start().await;
    put(&server, "p1", 0, 80);
    put(&server, "p2", 0, 60);
    let mut events = Events::open(&server, "/api/v1/stream", None).await;
    let seen = events.next().await.unwrap().id.unwrap();
    drop(events);
    put(&server, "p2", 1, 61);
    let mut again = Events::open(&server, "/api/v1/stream", Some(&seen)).await;
    let event = again.next().await.unwrap();
    assert_eq!(event.name, "change");
    assert_eq!(event.data["values"].as_array().unwrap().len(), 1);
    assert_eq!(event.data["values"][0]["value"], 61.0);
    let mut other = Events::open(&server, "/api/v1/stream", Some("1234-5")).await;
    assert_eq!(
        other.next().await.unwrap().name,
        "snapshot",
        "an id of another run"
    );
    drop((again, other));
    server.stop().await;
}

#[tokio::test]
async fn a_filter_shows_and_audits_only_its_patients() {
    let server = Server::start().await;
    put(&server, "p1", 0, 80);
    put(&server, "p2", 0, 60);
    server.live.alerts([alert("A1", "p1"), alert("A2", "p2")]);
    let mut events = Events::open(&server, "/api/v1/stream?patient=p2", None).await;
    let first = events.next().await.unwrap();
    assert_eq!(first.data["values"].as_array().unwrap().len(), 1);
    assert_eq!(first.data["alerts"][0]["alertId"], "A2");
    put(&server, "p1", 5, 81);
    put(&server, "p2", 5, 61);
    let change = events.news().await;
    assert_eq!(change.data["values"].as_array().unwrap().len(), 1);
    let audits = server.memory.take_audits();
    assert_eq!(audits.len(), 1);
    assert_eq!(audits[0].patients, ["p2"]);
    let mut alerts = Events::open(&server, "/api/v1/stream?alerts=only", None).await;
    let first = alerts.next().await.unwrap();
    assert_eq!(first.data["values"].as_array().unwrap().len(), 0);
    assert_eq!(first.data["alerts"].as_array().unwrap().len(), 2);
    drop((events, alerts));
    server.stop().await;
}

#[tokio::test]
async fn a_stream_ends_with_its_token_or_the_server() {
    let server = Server::with(|config| config.limits.recheck = Duration::from_millis(20)).await;
    let mut events = Events::open(&server, "/api/v1/stream", None).await;
    events.next().await.unwrap();
    server.memory.revoked.lock().unwrap().insert("read".into());
    let end = events.news().await;
    assert_eq!(
        (end.name.as_str(), &end.data["reason"]),
        ("end", &"token".into())
    );
    assert!(events.next().await.is_none());
    server.memory.revoked.lock().unwrap().clear();

    let mut events = Events::open(&server, "/api/v1/stream", None).await;
    events.next().await.unwrap();
    server.shutdown.cancel();
    let end = events.news().await;
    assert_eq!(end.data["reason"], "stopping");
    assert!(events.next().await.is_none());
    server.task.await.unwrap().unwrap();
}

#[tokio::test]
async fn streams_are_bounded() {
    let server = Server::with(|config| config.limits.streams = 1).await;
    let first = Events::open(&server, "/api/v1/stream", None).await;
    let refused = server.get("/api/v1/stream").await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(first);
    // The place comes back once the server sees the line closed.
    let mut status = 503;
    while status == 503 {
        status = server.get("/api/v1/stream").await.status().as_u16();
    }
    assert_eq!(status, 200);
    server.stop().await;
}
