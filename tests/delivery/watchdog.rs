//! "All is well", until it is not.

use serde_json::Value;

use super::{SECRET, is_signed, posts};
use crate::harness::webhook::Webhook;
use crate::harness::{Server, Setup, eventually};

fn positions(webhook: &Webhook) -> Vec<i64> {
    let bodies = webhook.bodies();
    let positions = bodies.iter().map(|body| body["position"].as_i64().unwrap());
    positions.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_watchdog_is_silent_while_the_rules_stand_still() {
    let dir = tempfile::tempdir().unwrap();
    let stall = dir.path().join("stall");
    let webhook = Webhook::start(0).await;
    let config = format!(
        "[[webhook]]\nname = \"pager\"\nurl = \"http://{}/\"\nsecret = {SECRET:?}\nwatchdog = \"10s\"\n",
        webhook.address
    );
    let server = Server::start(&Setup {
        config,
        env: vec![(
            "WARDLINE_SABOTAGE".to_owned(),
            format!("stall-log:{}", stall.display()),
        )],
        ..Setup::default()
    });
    let first = eventually("the first", async || webhook.bodies().first().cloned()).await;
    assert_eq!(
        (&first["type"], &first["site"]),
        (&"watchdog".into(), &"s1".into())
    );
    for field in ["at", "clock"] {
        assert!(
            matches!(&first[field], Value::String(time) if time.ends_with('Z')),
            "{first}"
        );
    }
    assert!(posts(&webhook).iter().all(is_signed));

    std::fs::write(&stall, "").unwrap();
    let withheld = async || {
        server
            .metric("wardline_watchdog_withheld_total{receiver=\"pager\"}")
            .await
    };
    eventually("silence", async || (withheld().await >= 1.0).then_some(())).await;
    let said = positions(&webhook);
    let sent = server
        .metric("wardline_watchdog_sent_total{receiver=\"pager\"}")
        .await;
    assert_eq!(said.len() as f64, sent);
    assert_eq!(withheld().await, 1.0, "none was said in between");

    std::fs::remove_file(&stall).unwrap();
    eventually("its return", async || {
        (positions(&webhook).len() > said.len()).then_some(())
    })
    .await;
    let positions = positions(&webhook);
    assert!(
        positions.is_sorted_by(|one, next| one < next),
        "{positions:?}"
    );
}
