//! Receivers that refuse because of something that people mend, and one whose answer has no length.

use super::links::{self, URL};
use super::{RULES, posts, race, setup};
use crate::harness::mqtt::Publisher;
use crate::harness::teams::{NOT_TAKEN, Teams};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_mended_gets_everything() {
    let webhook = Webhook::answering(vec![
        "401 Unauthorized",
        "302 Found\r\nlocation: /elsewhere",
        "404 Not Found",
    ])
    .await;
    let server = Server::start(&setup(&webhook));
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    eventually("the delivery", async || {
        let pending = server.metric("wardline_outbox_pending").await;
        (posts(&webhook).len() >= 4 && pending == 0.0).then_some(())
    })
    .await;
    let posts = posts(&webhook);
    assert!(posts.iter().all(|post| post.key == posts[0].key));
    assert_eq!(server.metric("wardline_outbox_dead").await, 0.0);
    assert_eq!(server.metric("wardline_delivery_failures_total").await, 3.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_teams_did_not_take_is_sent_again_however_that_is_said() {
    let workflow = Teams::answering(vec![NOT_TAKEN]);
    let server = Server::start(&Setup {
        config: links::teams(&workflow),
        rules: Some(RULES.to_owned()),
        env: vec![("WARDLINE_HTTP_URL".to_owned(), URL.to_owned())],
    });
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    eventually("the card again", async || {
        (workflow.cards().len() >= 2).then_some(())
    })
    .await;
    let why = "Teams did not take the card";
    assert!(server.log().contains(why), "{}", server.log());
}
