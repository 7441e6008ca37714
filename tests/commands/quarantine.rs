//! `quarantine`: what was rejected, shown, and tried again once the cause is mended.

use serde_json::json;

use crate::harness::cli::cli;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rejected_reading_is_stored_once_its_cause_is_mended() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now() / 1_000_000;
    let pack = format!(
        r#"[{{"bn":"d9:","n":"MDC_ECG_HEART_RATE","u":"/min","v":71,"t":{at},"pt":"urn:hospital|4711"}}]"#
    );
    gateway
        .deliver(&topic("g1", "d9"), pack.as_bytes())
        .await
        .unwrap();
    gateway
        .deliver(&topic("g1", "d8"), b"this is no pack")
        .await
        .unwrap();

    let list = |words: &[&str]| {
        cli(&[&["quarantine", "list"], words].concat())
            .at(&server)
            .json()
    };
    assert_eq!(list(&[]).as_array().unwrap().len(), 2);
    assert_eq!(list(&["--device", "d8"]).as_array().unwrap().len(), 1);
    assert_eq!(list(&["--reason", "undecodable"])[0]["deviceId"], "d8");
    assert_eq!(list(&["--reason", "time-guard"]), json!([]));
    assert_eq!(list(&["--limit", "1"]).as_array().unwrap().len(), 1);
    let csv = cli(&["quarantine", "list", "--device", "d9", "--format", "csv"])
        .at(&server)
        .ok();
    let line = csv.lines().nth(1).unwrap();
    assert!(line.contains(",d9,unknown-patient,"), "{csv}");
    let id = line.split(',').next().unwrap();
    let shown = cli(&["quarantine", "show", id]).at(&server).ok();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        shown["payloadText"],
        pack.as_str(),
        "the bytes as they came"
    );
    assert_eq!(
        (&shown["topic"], &shown["replayed"]),
        (&json!(topic("g1", "d9")), &json!(null))
    );

    // Nothing was mended: rejected again, and said so by the exit code.
    let replay = || cli(&["quarantine", "replay", id]).at(&server).run();
    let ran = replay();
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.talk);
    cli(&[
        "patient",
        "add",
        "--id",
        "p9",
        "--identifier",
        "urn:hospital|4711",
    ])
    .at(&server)
    .ok();
    let ran = replay();
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.talk);
    let done: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&done["stored"], &done["rejected"]),
        (&json!(1), &json!(0)),
        "{done}"
    );
    let row = "SELECT patient_id, value FROM observation WHERE device_id = 'd9'";
    assert_eq!(server.sql(row).await, [[json!("p9"), json!(71.0)]]);
    let again = replay();
    let done: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(
        (again.code, &done["duplicates"]),
        (0, &json!(1)),
        "once stored, a repeat changes nothing"
    );
    assert_eq!(server.count("SELECT count(*) FROM observation").await, 1);
    assert!(list(&["--device", "d9"])[0]["replayed"].is_string());

    // What was rejected outlives the server, and can be seen without one.
    let talk = cli(&["quarantine", "show", "nothing"]).at(&server).fails(2);
    assert!(talk.contains("404"), "{talk}");
    let (status, dir, _) = server.stop();
    assert!(status.success());
    let kept = cli(&["quarantine", "list"])
        .on(&dir.path().join("data"))
        .json();
    assert_eq!(kept.as_array().unwrap().len(), 2);
}
