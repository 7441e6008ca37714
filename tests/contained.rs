//! What one message does to the code does not befall the others.

use serde_json::json;

use crate::harness::mqtt::topic;
use crate::harness::mqtt5::Client;
use crate::harness::others::Others;
use crate::harness::{Server, Setup, heart_rate, now, reading};

/// Sent between good ones, so that it shares batches with them.
const GOOD: i64 = 300;

fn with_fault(fault: &str) -> Setup {
    Setup {
        env: vec![("WARDLINE_SABOTAGE".to_owned(), fault.to_owned())],
        ..Setup::default()
    }
}

/// Sends good messages of `good` without waiting, with the culprits between them; all are answered as stored.
async fn send_around(client: &mut Client, at: i64, culprits: &[(&str, String)]) {
    let own = topic("g1", "good");
    let every = GOOD / (culprits.len() as i64 + 1);
    let mut sent = 0;
    for number in 0..GOOD {
        let payload = heart_rate("good", "70", at + number * 1_000_000);
        client.send(&own, payload.as_bytes()).await;
        sent += 1;
        let due = usize::try_from(number / every).unwrap();
        if number % every == every - 1
            && let Some((device, payload)) = culprits.get(due)
        {
            client.send(&topic("g1", device), payload.as_bytes()).await;
            sent += 1;
        }
    }
    for _ in 0..sent {
        let said = client.answer().await;
        assert!(said.is_stored(), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_makes_the_decoder_panic_is_kept_and_the_rest_goes_on() {
    let server = Server::start(&with_fault("panic-on:of-no-version"));
    let secret = server.gateway_token("g1").await;
    let mut others = Others::start(&server).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now() - 3_600_000_000;
    let culprits: Vec<(&str, String)> = ["odd-1", "odd-2", "odd-3"]
        .into_iter()
        .map(|device| {
            let payload = reading(
                device,
                "MDC_ECG_HEART_RATE",
                "/min",
                r#"71,"note":"of-no-version""#,
                at,
            );
            (device, payload)
        })
        .collect();
    send_around(&mut client, at, &culprits).await;
    others.go_on().await;
    assert_eq!(server.rows_of("good").await, GOOD);
    for (device, payload) in &culprits {
        let kept = server.quarantined(device).await;
        assert_eq!(kept["reason"], "internal-error", "{kept}");
        assert_eq!(kept["payloadText"], payload.as_str(), "byte for byte");
    }
    assert_eq!(
        server.metric("wardline_intake_internal_errors_total").await,
        3.0
    );
    // It says where, and nothing of what was in the message.
    let log = server.log();
    assert!(
        log.contains("panicked") && !log.contains("of-no-version"),
        "{log}"
    );
    others.end(&server).await;

    // A version that can read it takes it out of quarantine.
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let server = Server::start_in(dir, admin, &Setup::default());
    let again = json!({"reason": "internal-error"});
    let done = server.post("/api/v1/quarantine/replay", &again).await;
    assert_eq!(
        (&done["messages"], &done["stored"]),
        (&json!(3), &json!(3)),
        "{done}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_look_up_fails_is_kept_and_the_rest_goes_on() {
    let server = Server::start(&with_fault("fail-look-up:odd"));
    let secret = server.gateway_token("g1").await;
    let mut others = Others::start(&server).await;
    let mut client = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let at = now() - 3_600_000_000;
    let payload = heart_rate("odd", "70", at);
    send_around(&mut client, at, &[("odd", payload.clone())]).await;
    others.go_on().await;
    assert_eq!(server.rows_of("good").await, GOOD);
    assert_eq!(server.rows_of("odd").await, 0);
    let kept = server.quarantined("odd").await;
    assert_eq!(
        (&kept["reason"], &kept["payloadText"]),
        (&json!("internal-error"), &json!(payload))
    );
    // What was sent twice is in the table once, also when its batch was taken apart.
    send_around(&mut client, at, &[]).await;
    assert_eq!(server.rows_of("good").await, GOOD);
    others.end(&server).await;
}
