//! Beds: the same on a data directory and on a server.

use serde_json::{Value, json};

use crate::harness::cli::{Cli, cli};
use crate::harness::{Server, Setup};

/// Beds by label with who lies there, as listed.
fn lie(listed: &Value) -> Vec<(Value, Value)> {
    let beds = listed.as_array().unwrap().iter();
    let mut lie: Vec<_> = beds
        .map(|bed| (bed["label"].clone(), bed["stay"]["patient"].clone()))
        .collect();
    lie.sort_by_key(|(label, _)| label.to_string());
    lie
}

fn beds(on: &dyn Fn(Cli) -> Cli) {
    let run = |words: &[&str]| on(cli(words));
    for patient in ["p1", "p2"] {
        run(&["patient", "add", "--id", patient]).ok();
    }
    assert_eq!(run(&["bed", "add", "12-A", "--id", "b1"]).ok(), "b1\n");
    run(&["bed", "add", "ICU^^5^HOSPITAL"]).ok();
    let talk = run(&["bed", "add", "12-A"]).fails(2);
    assert!(talk.contains("409"), "a label names one bed: {talk}");
    run(&["bed", "add", " "]).fails(2);

    let place = |words: &[&str]| {
        let words = [&["bed", "place"], words].concat();
        run(&words)
    };
    let stay = place(&["12-A", "p1", "--from", "2026-01-01T08:00:00Z"]).ok();
    assert_eq!(
        place(&["b1", "p1"]).ok(),
        stay,
        "who lies there already stays"
    );
    let talk = place(&["12-A", "p2"]).fails(2);
    assert!(
        talk.contains("bed 12-A is already held by patient p1") && talk.contains("409"),
        "{talk}"
    );
    let talk = place(&["12-B", "p2"]).fails(2);
    assert!(
        talk.contains("12-B") && talk.contains("404"),
        "a bed is added by intent: {talk}"
    );
    place(&["12-A", "p9"]).fails(2);
    let talk = place(&["ICU^^5^HOSPITAL", "p2", "--from", "2126-01-01T00:00:00Z"]).fails(2);
    assert!(talk.contains("future"), "{talk}");
    place(&["ICU^^5^HOSPITAL", "p2"]).ok();
    assert_eq!(
        lie(&run(&["bed", "list"]).json()),
        [
            (json!("12-A"), json!("p1")),
            (json!("ICU^^5^HOSPITAL"), json!("p2"))
        ]
    );
    let csv = run(&["patient", "list", "--format", "csv"]).ok();
    assert!(csv.contains("\np1,,,12-A,"), "{csv}");

    let talk = run(&["bed", "free", "12-A", "--at", "2026-01-01T07:00:00Z"]).fails(2);
    assert!(talk.contains("must be later"), "{talk}");
    run(&["bed", "free", "12-A", "--at", "2026-01-02T08:00:00Z"]).ok();
    let talk = run(&["bed", "free", "12-A"]).fails(2);
    assert!(talk.contains("nobody lies"), "{talk}");
    assert!(run(&["bed", "free", "13"]).fails(2).contains("no bed"));
    // The next one moves in, and the bed that was left is free.
    place(&["12-A", "p2"]).ok();
    assert_eq!(
        lie(&run(&["bed", "list"]).json()),
        [
            (json!("12-A"), json!("p2")),
            (json!("ICU^^5^HOSPITAL"), Value::Null)
        ]
    );
    let stays = run(&["bed", "stays", "--bed", "12-A"]).json();
    let of = |stay: &Value| (stay["patient"].clone(), stay["until"].clone());
    assert_eq!(
        stays.as_array().unwrap().iter().map(of).collect::<Vec<_>>(),
        [
            (json!("p1"), json!("2026-01-02T08:00:00Z")),
            (json!("p2"), Value::Null)
        ]
    );
    let left = run(&["bed", "stays", "--patient", "p1"]).json();
    assert_eq!(left[0]["endedBy"], left[0]["by"]);
}

#[test]
fn beds_on_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    beds(&|cli| cli.on(&data));
}

#[test]
fn beds_on_a_server() {
    let server = Server::start(&Setup::default());
    beds(&|cli| cli.at(&server));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lies_where_is_for_those_who_operate_and_is_on_record() {
    let server = Server::start(&Setup::default());
    server.post("/api/v1/patients", &json!({"id": "p1"})).await;
    server.post("/api/v1/beds", &json!({"label": "12-A"})).await;
    let reader = cli(&["token", "add", "reader", "--role", "read"])
        .at(&server)
        .ok();
    let stay = json!({"bed": "12-A", "patient": "p1"});
    for (path, body) in [
        ("/api/v1/beds", json!({"label": "12-B"})),
        ("/api/v1/stays", stay.clone()),
        ("/api/v1/stays/1/end", json!({})),
    ] {
        let (status, _) = server
            .send("POST", path, reader.trim_end(), Some(&body))
            .await;
        assert_eq!(status, 403, "{path}");
    }
    let made = server.post("/api/v1/stays", &stay).await;
    let (status, beds) = server
        .send("GET", "/api/v1/beds", reader.trim_end(), None)
        .await;
    assert_eq!(
        (status, &beds["items"][0]["stay"]["patient"]),
        (200, &json!("p1"))
    );
    // The end needs no body: it is now.
    let path = format!("/api/v1/stays/{}/end", made["id"].as_str().unwrap());
    let (status, ended) = server.send("POST", &path, &server.admin, None).await;
    assert_eq!((status, &ended["endedBy"]), (200, &json!("test-admin")));
    let (_, again) = server.send("POST", &path, &server.admin, None).await;
    assert_eq!(again["status"], 409, "{again}");
}
