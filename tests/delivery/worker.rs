//! The outbox's worker: its end is the server's, and what the registry could not take is not sent again.

use std::process::Command;

use super::links::{self, URL};
use super::{RULES, posts, race, setup};
use crate::harness::mqtt::Publisher;
use crate::harness::teams::Teams;
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_tells_nobody_any_more_ends() {
    let dir = tempfile::tempdir().unwrap();
    let end = dir.path().join("end");
    let webhook = Webhook::start(0).await;
    let mut setup = setup(&webhook);
    let fault = format!("panic-outbox:{}", end.display());
    setup.env.push(("WARDLINE_SABOTAGE".to_owned(), fault));
    let mut server = Server::start(&setup);
    std::fs::write(&end, "").unwrap();
    let status = eventually("its end", || std::future::ready(server.ended())).await;
    assert!(!status.success());
    assert!(
        server.log().contains("the deliveries failed"),
        "{}",
        server.log()
    );
}

/// Somebody else's statement on the registry of a running server.
fn registry(server: &Server, statement: &str) {
    const PROGRAM: &str =
        "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])";
    let file = server.dir.path().join("data/registry.sqlite");
    let done = Command::new("/usr/bin/python3")
        .args(["-c", PROGRAM])
        .arg(file)
        .arg(statement)
        .status()
        .unwrap();
    assert!(done.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_is_not_sent_again_while_the_registry_takes_no_mark() {
    let webhook = Webhook::start(0).await;
    let server = Server::start(&setup(&webhook));
    registry(
        &server,
        "CREATE TRIGGER stuck BEFORE UPDATE ON outbox WHEN new.state = 'delivered'
           BEGIN SELECT RAISE(ABORT, 'no mark today'); END",
    );
    server.admit("p1", "d1").await;
    server.admit("p2", "d2").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    eventually("several attempts to write it down", async || {
        let tries = server
            .log()
            .matches("deliveries are still not written down")
            .count();
        (tries >= 2).then_some(())
    })
    .await;
    assert_eq!(posts(&webhook).len(), 1, "sent once");

    // Others are told all the same.
    race(&mut gateway, "d2", now() - 10_000_000).await;
    eventually("the other's", async || {
        (posts(&webhook).len() >= 2).then_some(())
    })
    .await;
    registry(&server, "DROP TRIGGER stuck");
    eventually("its mark", async || {
        (server.metric("wardline_outbox_pending").await == 0.0).then_some(())
    })
    .await;
    let posts = posts(&webhook);
    assert_eq!(posts.len(), 2, "{posts:?}");
    assert_ne!(posts[0].key, posts[1].key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_failed_is_tried_again_while_the_registry_takes_no_word_of_it() {
    let webhook = Webhook::start(3).await;
    let server = Server::start(&setup(&webhook));
    registry(
        &server,
        "CREATE TRIGGER stuck BEFORE UPDATE ON outbox BEGIN SELECT RAISE(ABORT, 'no word today'); END",
    );
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    eventually("the attempt that is taken", async || {
        (posts(&webhook).len() >= 4).then_some(())
    })
    .await;
    registry(&server, "DROP TRIGGER stuck");
    eventually("its mark", async || {
        (server.metric("wardline_outbox_pending").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(posts(&webhook).len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_does_not_wait_for_its_link() {
    let workflow = Teams::answering(Vec::new());
    let server = Server::start(&Setup {
        config: links::teams(&workflow),
        rules: Some(RULES.to_owned()),
        env: vec![("WARDLINE_HTTP_URL".to_owned(), URL.to_owned())],
    });
    registry(
        &server,
        "CREATE TRIGGER stuck BEFORE INSERT ON ack_token BEGIN SELECT RAISE(ABORT, 'no link today'); END",
    );
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    let card = eventually("the card", async || workflow.cards().first().cloned()).await;
    assert!(card["actions"].is_null(), "{card}");
}
