//! What a receiver refuses is seen and can be sent again.

use serde_json::json;

use super::{alarms, measured, setup, ward};
use crate::harness::cli::cli;
use crate::harness::webhook::Webhook;
use crate::harness::{Server, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_and_sent_again() {
    let webhook = Webhook::answering(vec!["410 Gone"]).await;
    let mut setup = setup();
    setup.config = format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = \"s\"\nevents = \"pages\"\n",
        webhook.address
    );
    let server = Server::start(&setup);
    let mut gateway = ward(&server).await;
    measured(&mut gateway, "d1", "131").await;
    let alert = alarms(&server, "p1").await;
    let path = format!("/api/v1/alerts/{}", alert["alertId"].as_str().unwrap());
    let state = async |what: &str, count: u32| {
        let delivery = server.get(&path).await["delivery"].clone();
        (delivery[what] == count).then_some(delivery)
    };
    let lost = eventually("a dead letter", || state("dead", 1)).await;
    assert!(
        lost["lastError"].as_str().unwrap().contains("410"),
        "{lost}"
    );

    let dead = cli(&["outbox", "list", "--state", "dead"])
        .at(&server)
        .json();
    assert_eq!(
        (&dead[0]["destination"], &dead[0]["alerts"]),
        (&json!("pager"), &json!([alert["alertId"]]))
    );
    assert_eq!(dead[0]["subjects"], json!(["Patient/p1"]));
    let retried = cli(&["outbox", "retry"]).at(&server).run();
    assert_eq!(retried.code, 0, "{}", retried.talk);
    assert!(retried.talk.contains("1 to be tried again"));
    // The alert topic has it already.
    let told = eventually("its delivery", || state("delivered", 2)).await;
    assert_eq!(
        (&told["pending"], &told["dead"], &told["lastError"]),
        (&json!(0), &json!(0), &json!(null))
    );
    assert_eq!(webhook.posts.lock().unwrap().len(), 2);
    let id = dead[0]["id"].as_str().unwrap();
    let talk = cli(&["outbox", "retry", id]).at(&server).fails(2);
    assert!(talk.contains("409"), "a delivered one is not dead: {talk}");
    cli(&["outbox", "retry", "some"]).at(&server).fails(64);
}
