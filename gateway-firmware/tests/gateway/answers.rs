//! A server that answers with failures: nothing is lost, and what it does take goes on.

use std::collections::BTreeMap;
use std::process::Stdio;

use rumqttc::v5::mqttbytes::v5::{Packet, PubAck, PubAckReason, Publish, SubAck};
use tokio::net::TcpListener;

use crate::broker::text;
use crate::program::{end, said, send, simulate};
use crate::reconnect::Peer;

/// The next PUBLISH; everything else is answered as usual.
async fn publish(peer: &mut Peer) -> Option<Publish> {
    loop {
        match peer.read().await? {
            Packet::Publish(publish) => return Some(publish),
            Packet::Subscribe(subscribe) => {
                let granted = rumqttc::v5::mqttbytes::v5::SubscribeReasonCode::Success(
                    rumqttc::v5::mqttbytes::QoS::AtLeastOnce,
                );
                peer.write(&Packet::SubAck(SubAck {
                    pkid: subscribe.pkid,
                    return_codes: vec![granted],
                    properties: None,
                }))
                .await;
            }
            Packet::PingReq(_) => {
                peer.write(&Packet::PingResp(rumqttc::v5::mqttbytes::v5::PingResp))
                    .await;
            }
            Packet::Disconnect(_) => return None,
            other => panic!("{other:?}"),
        }
    }
}

async fn answer(peer: &mut Peer, publish: &Publish, reason: PubAckReason) {
    let mut ack = PubAck::new(publish.pkid, None);
    ack.reason = reason;
    peer.write(&Packet::PubAck(ack)).await;
}

fn device(publish: &Publish) -> String {
    let topic = text(&publish.topic);
    topic.split('/').nth(4).expect("a device").to_owned()
}

#[tokio::test]
async fn a_broker_that_gives_them_to_nobody_has_taken_nothing() {
    all_arrives_in_order_after(PubAckReason::NoMatchingSubscribers).await;
}

#[tokio::test]
async fn an_error_of_the_server_pauses_everything_and_then_all_of_it_arrives_in_order() {
    all_arrives_in_order_after(PubAckReason::UnspecifiedError).await;
}

/// Two packs are answered so.
async fn all_arrives_in_order_after(reason: PubAckReason) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = simulate(&format!(
        "--patients 2 --count 8 --interval 1s --as-fast-as-possible --start 2026-11-22T12:00:00Z --format json \
         --url mqtt://127.0.0.1:{port} --spool {}",
        directory.path().display()
    ))
    .stdout(Stdio::null())
    .spawn()
    .expect("it runs");
    let mut peer = Peer::accept(&listener).await;
    let mut refused = 0;
    let mut stamps: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    while let Some(publish) = publish(&mut peer).await {
        if !text(&publish.topic).ends_with("/readings") {
            answer(&mut peer, &publish, PubAckReason::Success).await;
            continue;
        }
        if refused < 2 {
            refused += 1;
            answer(&mut peer, &publish, reason).await;
            continue;
        }
        let pack: serde_json::Value = serde_json::from_slice(&publish.payload).expect("JSON");
        let base = pack[0]["bt"].as_f64().expect("a time");
        for record in pack.as_array().expect("records") {
            let time = base + record.get("t").map_or(0.0, |t| t.as_f64().expect("a time"));
            stamps.entry(device(&publish)).or_default().push(time);
        }
        answer(&mut peer, &publish, PubAckReason::Success).await;
    }
    let output = end(gateway).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(stamps.len(), 2);
    for (device, mut stamps) in stamps {
        assert!(stamps.is_sorted(), "{device}: {stamps:?}");
        stamps.dedup();
        assert_eq!(stamps.len(), 4, "{device}");
    }
}

#[tokio::test]
async fn a_device_that_the_server_does_not_want_holds_up_no_other_and_is_kept() {
    kept_after(PubAckReason::NotAuthorized).await;
}

#[tokio::test]
async fn so_is_one_over_its_quota() {
    kept_after(PubAckReason::QuotaExceeded).await;
}

/// One device's packs are answered so.
async fn kept_after(reason: PubAckReason) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = simulate(&format!(
        "--patients 2 --interval 100ms --url mqtt://127.0.0.1:{port} --spool {}",
        directory.path().display()
    ))
    .stdout(Stdio::null())
    .spawn()
    .expect("it runs");
    let mut peer = Peer::accept(&listener).await;
    let (mut taken, mut refused) = (0, 0);
    while taken < 10 {
        let publish = publish(&mut peer).await.expect("it goes on");
        if text(&publish.topic).contains("/bed-01/") {
            refused += 1;
            answer(&mut peer, &publish, reason).await;
        } else {
            taken += usize::from(text(&publish.topic).contains("/bed-02/"));
            answer(&mut peer, &publish, PubAckReason::Success).await;
        }
    }
    assert!(refused > 0);
    // What is kept is told, once by signal and once by exit code.
    drop(peer);
    send(&gateway, "TERM");
    send(&gateway, "TERM");
    let output = end(gateway).await;
    let said = said(&output);
    assert!(
        said.contains("does not take this device's readings; they are kept"),
        "{said}"
    );
}

#[tokio::test]
async fn a_device_over_its_quota_for_which_the_server_hangs_up_holds_up_no_other() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let directory = tempfile::tempdir().expect("a directory");
    let gateway = simulate(&format!(
        "--patients 3 --interval 100ms --url mqtt://127.0.0.1:{port} --spool {}",
        directory.path().display()
    ))
    .stdout(Stdio::null())
    .spawn()
    .expect("it runs");
    let (mut ended, mut after) = (0, 0);
    let mut unanswered = Vec::new();
    let mut peer = Peer::accept(&listener).await;
    while after < 20 {
        let publish = publish(&mut peer).await.expect("it goes on");
        if !text(&publish.topic).ends_with("/readings") {
            answer(&mut peer, &publish, PubAckReason::Success).await;
            continue;
        }
        if ended == 0 && unanswered.len() < 3 {
            // Several devices' are on the wire.
            unanswered.push(publish);
        } else if text(&publish.topic).contains("/bed-01/") || ended == 0 {
            ended += 1;
            after = 0;
            // DISCONNECT 0x97 with no properties; rumqttc's own encoder forgets to count their length.
            peer.write_bytes(&[0xE0, 2, 0x97, 0]).await;
            peer = Peer::accept(&listener).await;
        } else {
            after += 1;
            answer(&mut peer, &publish, PubAckReason::Success).await;
        }
    }
    assert!((1..=2).contains(&ended), "{ended}");
    drop(peer);
    send(&gateway, "TERM");
    send(&gateway, "TERM");
    let output = end(gateway).await;
    let said = said(&output);
    assert!(said.contains("takes no more of this device"), "{said}");
}
