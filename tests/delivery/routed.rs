//! A routing file says who is told: notifications to people, each by what reaches them.

use serde_json::{Value, json};

use super::links::{email, open};
use super::{RULES, SECRET, is_signed, posts, race};
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::smtp::Smtp;
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, heart_rate, now};

const ROUTING: &str = r#"
time-zone = "UTC"

[[person]]
id = "ann"
contacts = [{ channel = "pager" }, { channel = "mail", address = "ann@hospital.example" }]

[[route]]
id = "all"
to = ["person:ann"]
"#;

/// The routing file beside everything else, and these receivers.
fn setup(dir: &tempfile::TempDir, receivers: &str) -> Setup {
    let file = dir.path().join("routing.toml");
    std::fs::write(&file, ROUTING).unwrap();
    Setup {
        config: format!("[routing]\nfile = {file:?}\n{receivers}"),
        rules: Some(RULES.to_owned()),
        env: vec![
            (
                "WARDLINE_HTTP_URL".to_owned(),
                "https://wardline.example".to_owned(),
            ),
            ("WARDLINE_ALERT_TOPIC".to_owned(), "false".to_owned()),
        ],
    }
}

fn pager(webhook: &Webhook) -> String {
    format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = {SECRET:?}\n",
        webhook.address
    )
}

fn header(mail: &Value, name: &str) -> String {
    let (head, _) = mail["data"]
        .as_str()
        .unwrap()
        .split_once("\r\n\r\n")
        .unwrap();
    let head = head.replace("\r\n ", " ");
    let mut lines = head.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_told_by_every_contact_and_acknowledges_in_her_name() {
    let dir = tempfile::tempdir().unwrap();
    let (smtp, webhook) = (Smtp::start("implicit"), Webhook::start(0).await);
    let mail = email(&smtp, "implicit", "ward3@hospital.example");
    let server = Server::start(&setup(&dir, &format!("{}{mail}", pager(&webhook))));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let onset = now() - 12_000_000;
    race(&mut gateway, "d1", onset).await;

    let told = eventually("the page", async || webhook.bodies().first().cloned()).await;
    for (field, expected) in [
        ("type", json!("notification")),
        ("kind", json!("page")),
        ("channel", json!("pager")),
        ("recipient", json!("ann")),
        ("priority", json!("high")),
        ("route", json!("all")),
    ] {
        assert_eq!(told[field], expected, "{field} of {told}");
    }
    let alert = &told["alerts"][0];
    assert_eq!(
        (&alert["subject"], &alert["page"], &alert["bed"]),
        (&json!("Patient/p1"), &json!(true), &Value::Null)
    );
    assert!(posts(&webhook).iter().all(is_signed));

    let letter = eventually("the letter", async || smtp.mail().first().cloned()).await;
    assert_eq!(
        letter["to"],
        json!(["ann@hospital.example"]),
        "her address, not the default"
    );
    let text = letter["data"].as_str().unwrap();
    let link = text
        .lines()
        .find(|line| line.starts_with("https://"))
        .unwrap();
    let (status, page) = open(&server, "POST", link).await;
    assert_eq!(status, 200, "{page}");
    let id = alert["alertId"].as_str().unwrap();
    let after = server.get(&format!("/api/v1/alerts/{id}")).await;
    assert_eq!(after["acknowledgedBy"], "ann");
    eventually("two deliveries in the inbox", async || {
        let shown = server.get(&format!("/api/v1/alerts/{id}")).await;
        (shown["delivery"]["delivered"] == 2).then_some(())
    })
    .await;

    for second in 5..9 {
        let calm = heart_rate("d1", "80", onset + second * 1_000_000);
        gateway
            .deliver(&topic("g1", "d1"), calm.as_bytes())
            .await
            .unwrap();
    }
    let over = eventually("its end", async || webhook.bodies().get(1).cloned()).await;
    assert_eq!(
        (&over["kind"], &over["recipient"]),
        (&json!("resolved"), &json!("ann"))
    );
    let last = eventually("the last letter", async || smtp.mail().get(1).cloned()).await;
    assert_eq!(
        header(&last, "References"),
        header(&letter, "References"),
        "one thread"
    );
    assert_ne!(header(&last, "Message-ID"), header(&letter, "Message-ID"));
    assert!(
        !last["data"].as_str().unwrap().contains("/ack/"),
        "nothing is left to acknowledge"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_outlives_the_server_that_owed_it() {
    let dir = tempfile::tempdir().unwrap();
    let webhook = Webhook::start(1).await;
    let mut setup = setup(&dir, &pager(&webhook));
    let file = dir.path().join("routing.toml");
    std::fs::write(
        &file,
        ROUTING.replace(
            ", { channel = \"mail\", address = \"ann@hospital.example\" }",
            "",
        ),
    )
    .unwrap();
    setup.env.clear();
    let server = Server::start(&setup);
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    eventually("the failed attempt", async || {
        (!posts(&webhook).is_empty()).then_some(())
    })
    .await;
    let (dir_of_server, admin) = server.kill();
    let _server = Server::start_in(dir_of_server, admin, &setup);
    eventually("the attempt of the next server", async || {
        (posts(&webhook).len() >= 2).then_some(())
    })
    .await;
    let posts = posts(&webhook);
    assert_eq!(
        (posts.len(), &posts[0].key),
        (2, &posts[1].key),
        "told once more, as the same"
    );
    assert_eq!(posts[0].body, posts[1].body);
    assert_eq!(posts[0].json()["notificationId"], posts[0].key.as_str());
}
