//! A server whose clock is set while a receiver is away.

use super::{RULES, SECRET, race};
use crate::harness::clock::Clock;
use crate::harness::mqtt::Publisher;
use crate::harness::webhook::Down;
use crate::harness::{Server, Setup, eventually, now};

const HOUR: u32 = 3_600;

async fn owing(down: &Down, clock: &Clock) -> Server {
    let address = down.address;
    let server = Server::start(&Setup {
        config: format!(
            "[[webhook]]\nname = \"pager\"\nurl = \"http://{address}/\"\nsecret = {SECRET:?}\n"
        ),
        rules: Some(RULES.replace("\"high\"", "\"low\"")),
        env: clock.env(),
    });
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    race(&mut gateway, "d1", now() - 10_000_000).await;
    failures(&server, 2.0).await;
    server
}

async fn failures(server: &Server, at_least: f64) {
    eventually("failed attempts", async || {
        let failures = server.metric("wardline_delivery_failures_total").await;
        (failures >= at_least).then_some(())
    })
    .await;
}

async fn everything(server: &Server) {
    eventually("everything", async || {
        (server.metric("wardline_outbox_pending").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(server.metric("wardline_outbox_dead").await, 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_stalls_nothing() {
    let (clock, down) = (Clock::new(), Down::new());
    clock.ahead(HOUR / 2);
    let server = owing(&down, &clock).await;
    let webhook = down.up();
    // What is due then is half an hour away.
    clock.ahead(0);
    everything(&server).await;
    assert!(!webhook.bodies().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_set_back_between_two_runs_stalls_nothing() {
    let (clock, down) = (Clock::new(), Down::new());
    clock.ahead(48 * HOUR);
    let server = owing(&down, &clock).await;
    let (dir, admin) = server.kill();
    clock.ahead(0);
    let webhook = down.up();
    let config = format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = {SECRET:?}\n",
        webhook.address
    );
    let server = Server::start_in(
        dir,
        admin,
        &Setup {
            config,
            rules: Some(RULES.replace("\"high\"", "\"low\"")),
            env: clock.env(),
        },
    );
    everything(&server).await;
    assert!(!webhook.bodies().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_forward_gives_nothing_up() {
    let (clock, down) = (Clock::new(), Down::new());
    let server = owing(&down, &clock).await;
    let before = server.metric("wardline_delivery_failures_total").await;
    clock.ahead(72 * HOUR);
    failures(&server, before + 1.0).await;
    assert_eq!(server.metric("wardline_outbox_dead").await, 0.0);
    let webhook = down.up();
    everything(&server).await;
    assert!(!webhook.bodies().is_empty());
}
