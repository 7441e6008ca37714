//! A delivery that is owed when the server dies.

use super::{is_signed, posts, race, setup};
use crate::harness::mqtt::Publisher;
use crate::harness::webhook::Webhook;
use crate::harness::{Server, eventually, now};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delivery_outlives_the_server_that_owed_it() {
    let webhook = Webhook::start(1).await;
    let server = Server::start(&setup(&webhook));
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
    let (dir, admin) = server.kill();
    let first = posts(&webhook)[0].clone();
    let _server = Server::start_in(dir, admin, &setup(&webhook));
    eventually("the attempt of the next server", async || {
        (posts(&webhook).len() >= 2).then_some(())
    })
    .await;
    let second = posts(&webhook)[1].clone();
    assert_eq!(
        (first.key, first.body),
        (second.key.clone(), second.body.clone())
    );
    assert!(is_signed(&second));
}
