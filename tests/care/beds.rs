//! The bed that messages promise: a patient who was put there by the command line.

use serde_json::json;

use super::{RULES, measured, ward};
use crate::delivery::links::{URL, open, teams};
use crate::harness::cli::cli;
use crate::harness::teams::Teams;
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually};

const ROUTING: &str = r#"
time-zone = "UTC"
[[person]]
id = "ann"
contacts = [{ channel = "pager" }, { channel = "ward-3" }]
[[route]]
to = ["person:ann"]
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_and_the_page_of_its_link_name_the_bed() {
    let dir = tempfile::tempdir().unwrap();
    let routing = dir.path().join("routing.toml");
    std::fs::write(&routing, ROUTING).unwrap();
    let (webhook, workflow) = (Webhook::start(0).await, Teams::answering(Vec::new()));
    let server = Server::start(&Setup {
        config: format!(
            "[routing]\nfile = {routing:?}\n[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = \"s\"\n{}",
            webhook.address,
            teams(&workflow)
        ),
        rules: Some(RULES.to_owned()),
        env: vec![("WARDLINE_HTTP_URL".to_owned(), URL.to_owned())],
    });
    let mut gateway = ward(&server).await;
    cli(&["bed", "add", "12-A"]).at(&server).ok();
    cli(&["bed", "place", "12-A", "p1"]).at(&server).ok();

    measured(&mut gateway, "d1", "131").await;
    let told = eventually("the page", async || webhook.bodies().first().cloned()).await;
    assert_eq!(
        (&told["type"], &told["alerts"][0]["bed"]),
        (&json!("notification"), &json!("12-A")),
        "{told}"
    );
    let card = eventually("the card", async || workflow.cards().first().cloned()).await;
    assert!(card.to_string().contains("bed 12-A"), "{card}");
    let link = card["actions"][0]["url"].as_str().unwrap();
    let (status, page) = open(&server, "GET", link).await;
    assert!(status == 200 && page.contains(", bed 12-A"), "{page}");

    // Moved, the next message names the other bed.
    cli(&["bed", "add", "12-B"]).at(&server).ok();
    cli(&["bed", "place", "12-B", "p1"]).at(&server).ok();
    let (_, page) = open(&server, "GET", link).await;
    assert!(page.contains(", bed 12-B"), "{page}");
    cli(&["bed", "free", "12-B"]).at(&server).ok();
    let (_, page) = open(&server, "GET", link).await;
    assert!(page.contains("alert") && !page.contains("bed 12"), "{page}");
}
