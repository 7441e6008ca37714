//! A silence holds pages back and hides nothing.

use serde_json::{Value, json};

use super::{alarms, measured, setup, ward};
use crate::harness::cli::cli;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, eventually, heart_rate, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_pages_nobody_and_is_seen() {
    let webhook = Webhook::start(0).await;
    let mut setup = setup();
    setup.config = format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = \"s\"\nevents = \"pages\"\n",
        webhook.address
    );
    let server = Server::start(&setup);
    let mut gateway = ward(&server).await;
    let talk = cli(&["silence", "add", "--for", "1h", "--reason", "r"])
        .at(&server)
        .fails(64);
    assert!(talk.contains("--patient"), "{talk}");
    let talk = cli(&[
        "silence",
        "add",
        "--patient",
        "p1",
        "--for",
        "25h",
        "--reason",
        "r",
    ])
    .at(&server)
    .fails(64);
    assert!(talk.contains("24h"), "{talk}");
    for (matcher, id) in [
        ("--patient", "p9"),
        ("--rule", "no-rule"),
        ("--device", "d9"),
        ("--ward", "w9"),
    ] {
        let talk = cli(&[
            "silence", "add", matcher, id, "--for", "1h", "--reason", "r",
        ])
        .at(&server)
        .fails(2);
        assert!(
            talk.contains(id) && talk.contains("silence nothing"),
            "{talk}"
        );
    }
    let add = [
        "silence",
        "add",
        "--patient",
        "p1",
        "--for",
        "1h",
        "--reason",
        "bath",
    ];
    let id = cli(&add).at(&server).ok();

    measured(&mut gateway, "d1", "131").await;
    measured(&mut gateway, "d2", "132").await;
    let quiet = alarms(&server, "p1").await;
    assert_eq!(quiet["silencedBy"], "test-admin");
    assert!(quiet["silencedUntil"].is_string());
    let loud = alarms(&server, "p2").await;
    assert_eq!(
        (&loud["silencedBy"], &loud["silencedUntil"]),
        (&Value::Null, &Value::Null)
    );
    let told = eventually("the page", async || {
        let posts = webhook.posts.lock().unwrap().clone();
        (!posts.is_empty()).then_some(posts)
    })
    .await;
    let subjects: Vec<Value> = told
        .iter()
        .map(|post| serde_json::from_slice::<Value>(&post.body).unwrap()["subject"].clone())
        .collect();
    assert_eq!(subjects, [json!("Patient/p2")]);

    let listed = cli(&["silence", "list"]).at(&server).json();
    assert_eq!(
        (&listed[0]["reason"], &listed[0]["inForce"]),
        (&json!("bath"), &json!(true))
    );
    cli(&["silence", "end", id.trim_end()]).at(&server).ok();
    let listed = cli(&["silence", "list"]).at(&server).json();
    assert_eq!(
        (&listed[0]["endedBy"], &listed[0]["inForce"]),
        (&json!("test-admin"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silence_says_where_it_holds_for_less_long() {
    let mut setup = setup();
    let never = "\n[[rule]]\nid = \"asystole\"\nkind = \"threshold\"\nmetric = \"8867-4\"\nbelow = 10\n\
                 unit = \"/min\"\npriority = \"high\"\nmax-silence = \"0s\"\n";
    setup.rules = setup.rules.map(|rules| rules + never);
    let server = Server::start(&setup);
    server
        .post("/api/v1/patients", &json!({"id": "p1", "ward": "w4"}))
        .await;
    let add = |more: &[&str]| {
        let words = [&["silence", "add", "--reason", "r"], more].concat();
        let ran = cli(&words).at(&server).run();
        assert_eq!(ran.code, 0, "{}", ran.talk);
        ran.talk
    };
    let talk = add(&["--ward", "w4", "--for", "2h"]);
    assert!(
        talk.contains("cannot be silenced: asystole")
            && talk.contains("no longer, for: tachycardia, long-tachycardia, monitor:*"),
        "{talk}"
    );
    // By the API the same, with the time.
    let listed = server.get("/api/v1/silences").await;
    let one = &listed["items"][0];
    let from: chrono::DateTime<chrono::Utc> = one["from"].as_str().unwrap().parse().unwrap();
    let until: chrono::DateTime<chrono::Utc> = one["shorter"][0]["until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!((until - from).num_minutes(), 60);
    assert_eq!(
        one["shorter"][2],
        json!({"rule": "asystole", "until": null})
    );
    let talk = add(&["--rule", "tachycardia", "--for", "30m"]);
    assert!(talk.is_empty(), "{talk}");
    let talk = add(&["--class", "technical", "--for", "30m"]);
    assert!(talk.is_empty(), "{talk}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_kept_out_of_the_log_holds_after_the_next_start() {
    let elsewhere = tempfile::tempdir().unwrap();
    let stalled = elsewhere.path().join("stalled");
    let mut setup = setup();
    let fault = format!("stall-log:{}", stalled.display());
    setup.env.push(("WARDLINE_SABOTAGE".to_owned(), fault));
    let server = Server::start(&setup);
    drop(ward(&server).await);
    std::fs::write(&stalled, "").unwrap();
    let add = [
        "silence",
        "add",
        "--patient",
        "p1",
        "--for",
        "1h",
        "--reason",
        "bath",
    ];
    let adding = cli(&add).at(&server);
    let adding = std::thread::spawn(move || adding.run());
    eventually("the silence in the registry", async || {
        let listed = server.get("/api/v1/silences").await;
        listed["items"].as_array().unwrap().first().cloned()
    })
    .await;
    let (dir, admin) = server.kill();
    assert_ne!(adding.join().unwrap().code, 0, "it was never confirmed");
    std::fs::remove_file(&stalled).unwrap();

    let server = Server::start_in(dir, admin, &setup);
    let secret = server.gateway_token("g2").await;
    let mut gateway = Publisher::connect(server.mqtt, "g2", &secret)
        .await
        .unwrap();
    let pack = heart_rate("d1", "131", now());
    gateway
        .deliver(&topic("g2", "d1"), pack.as_bytes())
        .await
        .unwrap();
    assert_eq!(alarms(&server, "p1").await["silencedBy"], "test-admin");
}
