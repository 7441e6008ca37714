//! Commands to a gateway and its answers.

use super::*;
use crate::harness::cli::cli;
use crate::harness::mqtt5::Client;

const COMMANDS: &str = "/api/v1/gateways/g1/commands";

/// Takes one command and answers it as g1 would; gives the command.
async fn obey(connected: &mut Connected) -> Value {
    loop {
        let packet = connected.packet().await.expect("a command");
        let Packet::Publish(command) = packet else {
            continue;
        };
        assert!(!command.retain);
        let command: Value = serde_json::from_slice(&command.payload).unwrap();
        let answer = json!({"id": command["id"], "state": "done", "result": {"found": 2}});
        let reply = "wardline/v1/s1/g1/command/reply";
        let reason = connected.publish(reply, &answer.to_string()).await;
        assert_eq!(reason, PubAckReason::Success);
        return command;
    }
}

async fn subscribed(server: &Server, id: &str) -> Connected {
    let identity = Identity::enrol(server, id).await;
    let mut connected = Connected::connect(server, id, &identity).await.unwrap();
    let filter = format!("wardline/v1/s1/{id}/command");
    connected
        .client
        .subscribe(filter, QoS::AtLeastOnce)
        .await
        .unwrap();
    let Some(Packet::SubAck(_)) = connected.packet().await else {
        panic!("no SUBACK");
    };
    connected
}

#[tokio::test]
async fn a_command_is_heard_answered_and_kept() {
    let server = server(MQTT);
    let rescan = json!({"command": "rescan"});
    let (status, _) = server
        .send("POST", COMMANDS, &server.admin, Some(&rescan))
        .await;
    assert_eq!(status, 409, "nobody is connected");
    let mut gateway = subscribed(&server, "g1").await;
    let body = json!({"command": "rescan", "args": {"source": "ble"}, "wait": 20});
    let (sent, command) = tokio::join!(server.post(COMMANDS, &body), obey(&mut gateway));
    assert_eq!(
        (&command["command"], &command["args"]["source"]),
        (&json!("rescan"), &json!("ble"))
    );
    assert_eq!(command["id"], sent["id"]);
    assert_eq!(sent["reply"]["result"]["found"], 2, "{sent}");
    assert_eq!(sent["by"], "test-admin");

    // Without waiting the answer is asked for later; one of another gateway is none.
    let reload = json!({"command": "reload"});
    let (sent, _) = tokio::join!(server.post(COMMANDS, &reload), obey(&mut gateway));
    let path = format!("{COMMANDS}/{}", sent["id"].as_str().unwrap());
    let kept = server.get(&path).await;
    assert_eq!(kept["reply"]["state"], "done");
    let elsewhere = path.replace("g1", "g2");
    assert_eq!(
        server.send("GET", &elsewhere, &server.admin, None).await.0,
        404
    );

    let mut other = subscribed(&server, "g2").await;
    let sent = server.post(COMMANDS, &json!({"command": "rescan"})).await;
    let foreign = json!({"id": sent["id"], "state": "failed"}).to_string();
    let reply = "wardline/v1/s1/g2/command/reply";
    assert_eq!(other.publish(reply, &foreign).await, PubAckReason::Success);
    let path = format!("{COMMANDS}/{}", sent["id"].as_str().unwrap());
    assert_eq!(server.get(&path).await["reply"], Value::Null);
    let (_, answered) = tokio::join!(obey(&mut gateway), async {
        crate::harness::eventually("the right answer", async || {
            let kept = server.get(&path).await;
            (!kept["reply"].is_null()).then_some(kept)
        })
        .await
    });
    assert_eq!(answered["reply"]["state"], "done");
    // An answer that is none is acknowledged, told of, and changes nothing.
    let reply = "wardline/v1/s1/g1/command/reply";
    assert_eq!(
        gateway.publish(reply, "no JSON").await,
        PubAckReason::Success
    );
}

#[tokio::test]
async fn the_command_line_prints_the_answer() {
    let server = server(MQTT);
    let mut gateway = subscribed(&server, "g1").await;
    let command = cli(&[
        "gateway",
        "command",
        "g1",
        "pair",
        "device=d1",
        "passkey=123456",
    ])
    .at(&server);
    let ran = tokio::task::spawn_blocking(move || command.run());
    let heard = obey(&mut gateway).await;
    assert_eq!(heard["args"]["passkey"], 123_456, "the gateway gets it");
    let ran = ran.await.unwrap();
    assert_eq!(ran.code, 0, "{}", ran.talk);
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(answer["result"]["found"], 2);
    let path = format!("{COMMANDS}/{}", heard["id"].as_str().unwrap());
    let kept = server.get(&path).await;
    assert_eq!(
        kept["args"],
        json!({"device": "d1", "passkey": "******"}),
        "and nobody else"
    );
    assert!(!server.log().contains("123456"));
}

#[tokio::test]
async fn a_passkey_goes_nowhere_in_the_clear() {
    let server = server("");
    let secret = server.gateway_token("g1").await;
    let _connected = Client::connect(server.mqtt, "g1", &secret, 60).await;
    let body = json!({"command": "pair", "args": {"device": "d1", "passkey": "123456"}});
    let (status, answer) = server
        .send("POST", COMMANDS, &server.admin, Some(&body))
        .await;
    assert_eq!(status, 409, "{answer}");
    assert!(
        answer["detail"].as_str().unwrap().contains("TLS"),
        "{answer}"
    );
}
