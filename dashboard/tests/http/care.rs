//! Limits, silences, what is building up, and what became of alerts.

use reqwest::Method;
use serde_json::{Value, json};
use wardline_dashboard::backend::{
    AuditKind, CalendarState, Delivery, NotWatched, OnCall, Pending, Watch,
};

use crate::backend::{alert, dead};
use crate::harness::{NOW, Server};

const MINUTE: i64 = 60_000_000;

#[tokio::test]
async fn limits_are_set_with_a_reason_reviewed_and_ended() {
    let server = Server::start().await;
    let new = json!({ "patient": "p1", "rule": "tachycardia", "above": 140, "clearBelow": 130,
        "unit": "/min", "until": "2026-12-01T00:00:00Z", "reason": "known flutter" });
    let (status, made) = server.post("/api/v1/limits", "operate", new.clone()).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["by"], &made["from"], &made["above"]),
        (
            &json!("operate-token"),
            &json!("2026-11-22T13:00:00Z"),
            &json!(140.0)
        ),
        "the author is the token, the start is now"
    );
    assert_eq!(made["reason"], "known flutter");
    let audits = server.memory.take_audits();
    assert_eq!(
        (audits[0].kind, audits[0].patients.as_slice()),
        (AuditKind::Create, ["p1".to_owned()].as_slice())
    );

    let ward = json!({ "ward": "w1", "rule": "tachycardia", "off": true, "reason": "drill" });
    server.post("/api/v1/limits", "operate", ward).await;
    let page = server.json("/api/v1/limits?patient=p1").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(page["items"][0]["alertsLastDay"], 3);
    let page = server.json("/api/v1/limits").await;
    assert_eq!(
        (
            &page["items"][0]["ward"],
            &page["items"][0]["alertsLastDay"]
        ),
        (&json!("w1"), &Value::Null),
        "the latest comes first; a ward's limits count no patient's alerts"
    );

    let (status, kept) = server
        .post("/api/v1/limits/L1/review", "operate", json!({}))
        .await;
    assert_eq!(
        (status, &kept["reviewedBy"], &kept["reviewDue"]),
        (200, &json!("operate-token"), &json!(false))
    );
    let due = server.json("/api/v1/limits?reviewDue=true").await;
    assert_eq!(due["items"][0]["id"], "L2");
    let (status, ended) = server
        .post("/api/v1/limits/L1/end", "admin", json!({}))
        .await;
    assert_eq!(
        (status, &ended["endedBy"], &ended["inForce"]),
        (200, &json!("admin-token"), &json!(false))
    );
    let (_, again) = server
        .post("/api/v1/limits/L1/end", "operate", json!({}))
        .await;
    assert_eq!(again["endedBy"], "admin-token", "the first end stands");
    let in_force = server.json("/api/v1/limits?inForce=true").await;
    assert_eq!(in_force["items"].as_array().unwrap().len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused() {
    let server = Server::start().await;
    let sound = json!({ "patient": "p1", "rule": "tachycardia", "above": 140, "reason": "r" });
    let with = |name: &str, value: Value| {
        let mut body = sound.clone();
        body[name] = value;
        body
    };
    for (body, status, said) in [
        (with("reason", json!(" ")), 400, "reason"),
        (with("ward", json!("w1")), 400, "of a patient or of a ward"),
        (
            with("patient", Value::Null),
            400,
            "of a patient or of a ward",
        ),
        (with("off", json!(true)), 400, "off"),
        (with("above", Value::Null), 400, "at least one"),
        (
            with("patient", json!("Ada L.")),
            400,
            "patient must be an id",
        ),
        (with("until", json!("2026-01-01T00:00:00Z")), 400, "until"),
        (with("abvoe", json!(1)), 400, "abvoe"),
        (with("rule", json!("none")), 422, "no rule none"),
        (with("above", json!(400)), 422, "400 /min"),
    ] {
        let (found, problem) = server.post("/api/v1/limits", "operate", body).await;
        assert_eq!(found, status, "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(said), "{said}: {detail}");
    }
    assert_eq!(server.json("/api/v1/limits").await["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn silences_have_matchers_author_reason_and_an_end() {
    let server = Server::start().await;
    let post = |body: Value| server.post("/api/v1/silences", "operate", body);
    for (body, said) in [
        (json!({ "minutes": 10, "reason": "r" }), "at least one of"),
        (
            json!({ "patient": "p1", "minutes": 0, "reason": "r" }),
            "minutes",
        ),
        (
            json!({ "patient": "p1", "minutes": 1441, "reason": "r" }),
            "1440",
        ),
        (json!({ "patient": "p1", "minutes": 10 }), "reason"),
        (
            json!({ "patient": "p1", "minutes": 10, "reason": "" }),
            "reason",
        ),
        (
            json!({ "class": "other", "minutes": 10, "reason": "r" }),
            "class",
        ),
    ] {
        let (status, problem) = post(body).await;
        assert_eq!(status, 400);
        assert!(problem["detail"].as_str().unwrap().contains(said));
    }
    let body = json!({ "patient": "p1", "class": "technical", "minutes": 60, "reason": "bath" });
    let (status, made) = post(body).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(
        (&made["by"], &made["until"], &made["secondsLeft"]),
        (
            &json!("operate-token"),
            &json!("2026-11-22T14:00:00Z"),
            &json!(3600)
        )
    );
    let found = server.json("/api/v1/silences").await;
    assert_eq!(found["items"][0]["reason"], "bath");
    let path = "/api/v1/silences/S1/end";
    let (status, ended) = server.post(path, "operate", json!({})).await;
    assert_eq!(
        (status, &ended["inForce"], &ended["endedBy"]),
        (200, &json!(false), &json!("operate-token"))
    );
    let (status, again) = server.post(path, "admin", json!({})).await;
    assert_eq!((status, &again["endedBy"]), (200, &json!("operate-token")));
    server.stop().await;
}

#[tokio::test]
async fn alerts_say_what_became_of_them() {
    let server = Server::start().await;
    let mut told = alert("A1", "p1");
    told.silenced_until = Some(NOW + MINUTE);
    told.silenced_by = Some("nurse-a".into());
    told.delivery = Some(Delivery {
        pending: 2,
        dead: 1,
        last_error: Some("410 Gone".into()),
        not_watched: Some(NotWatched {
            calendar: "clinic".into(),
            until: Some(NOW + MINUTE),
        }),
        ..Delivery::default()
    });
    server
        .memory
        .alerts
        .lock()
        .unwrap()
        .insert("A1".into(), told);
    let found = server.json("/api/v1/alerts/A1").await;
    assert_eq!(
        found["delivery"],
        json!({ "pending": 2, "delivered": 0, "dead": 1, "told": 0, "lastError": "410 Gone",
            "notWatchedUntil": { "calendar": "clinic", "until": "2026-11-22T13:01:00Z" },
            "unrouted": false })
    );
    assert_eq!(
        (
            &found["limitHigh"],
            &found["limitLow"],
            &found["limitSource"]
        ),
        (&json!(120.0), &Value::Null, &json!("patient"))
    );
    assert_eq!(
        (&found["silencedBy"], &found["latched"], &found["repeats"]),
        (&json!("nurse-a"), &json!(false), &json!(2))
    );
    let events = server.json("/api/v1/alerts/A1/events").await;
    assert_eq!(events["items"][0]["event"], "raised");

    // A message may be about alerts of others too: all are on record.
    let outbox = vec![dead("7", "A1", &["p1", "p2"]), dead("8", "A2", &["p2"])];
    *server.memory.care.outbox.lock().unwrap() = outbox;
    server.memory.take_audits();
    let found = server.json("/api/v1/alerts/A1/notifications").await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&found["items"][0]["channel"], &found["items"][0]["state"]),
        (&json!("pager"), &json!("dead"))
    );
    assert_eq!(server.memory.take_audits()[0].patients, ["p1", "p2"]);
    let unknown = server.get("/api/v1/alerts/none/notifications").await;
    assert_eq!(unknown.status(), 404);
    server.stop().await;
}

#[tokio::test]
async fn what_is_building_up_is_told_apart() {
    let server = Server::start().await;
    *server.memory.care.pending.lock().unwrap() = vec![Pending {
        rule_id: "tachycardia".into(),
        title: "Heart rate above 120 /min for 5 minutes".into(),
        subject: "Patient/p2".into(),
        priority: "medium".into(),
        since: NOW - MINUTE,
        value: 131.0,
        unit: "/min".into(),
        due: NOW + 4 * MINUTE,
    }];
    let found = server.json("/api/v1/alerts/pending").await;
    assert_eq!(
        (&found["items"][0]["value"], &found["items"][0]["due"]),
        (&json!(131.0), &json!("2026-11-22T13:04:00Z"))
    );
    assert_eq!(server.memory.take_audits()[0].patients, ["p2"]);
    server.stop().await;
}

#[tokio::test]
async fn dead_letters_are_listed_and_tried_again() {
    let server = Server::start().await;
    *server.memory.care.outbox.lock().unwrap() = vec![dead("7", "A1", &["p1"])];
    let found = server.json("/api/v1/outbox?state=dead").await;
    assert_eq!(
        (
            &found["items"][0]["lastError"],
            &found["items"][0]["attempts"]
        ),
        (&json!("410 Gone"), &json!(8))
    );
    let wrong = server.get("/api/v1/outbox?state=lost").await;
    assert_eq!(wrong.status(), 400);
    let path = "/api/v1/outbox/7/retry";
    let (status, again) = server.post(path, "operate", json!({})).await;
    assert_eq!((status, &again["state"]), (200, &json!("pending")));
    assert_eq!(server.post(path, "operate", json!({})).await.0, 409);
    let dead = server.json("/api/v1/outbox?state=dead").await;
    assert_eq!(dead["items"], json!([]));
    server.stop().await;
}

#[tokio::test]
async fn who_watches_now() {
    let server = Server::start().await;
    assert_eq!(
        server.json("/api/v1/watch").await,
        json!({ "calendars": [], "onCall": [] }),
        "without routing there is no calendar that could be closed"
    );
    *server.memory.care.watch.lock().unwrap() = Watch {
        calendars: vec![CalendarState {
            calendar: "clinic".into(),
            open: false,
            since: Some(NOW - MINUTE),
            until: Some(NOW + MINUTE),
        }],
        on_call: vec![OnCall {
            schedule: "cardiology".into(),
            people: vec!["doctor-b".into()],
        }],
    };
    let found = server.json("/api/v1/watch").await;
    assert_eq!(
        found["calendars"][0],
        json!({ "calendar": "clinic", "open": false, "since": "2026-11-22T12:59:00Z",
            "until": "2026-11-22T13:01:00Z" })
    );
    assert_eq!(found["onCall"][0]["people"], json!(["doctor-b"]));
    server.stop().await;
}

#[tokio::test]
async fn ward_and_care_team_of_a_patient() {
    let server = Server::start().await;
    let patient = json!({ "id": "p9", "ward": "w1", "careTeam": "cardiology" });
    let (status, made) = server.post("/api/v1/patients", "operate", patient).await;
    assert_eq!(
        (status, &made["ward"], &made["careTeam"]),
        (201, &json!("w1"), &json!("cardiology"))
    );
    let wrong = server
        .request(Method::PUT, "/api/v1/patients/p9", "operate")
        .json(&json!({ "ward": "ward of Ada" }))
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), 400, "a ward is an opaque id");
    server.stop().await;
}
