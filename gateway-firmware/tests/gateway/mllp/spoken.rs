//! What a monitor says is what arrives at the broker, and each message is answered as it asks.

use super::monitor::{Monitor, alarm, reading};
use super::{LISTEN, Site, pack};
use crate::broker::{Broker, Subscriber, free_port};
use crate::link::Link;

#[tokio::test]
async fn readings_alarms_and_what_cannot_be_read_arrive() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let site = Site::new(&broker.url(), LISTEN);
    let (_gateway, port) = site.start().port().await;
    let mut monitor = Monitor::connect(port).await;

    assert_eq!(monitor.ask(&reading(1, 43_200, "")).await, "AA 43200");
    let (device, records) = pack(&mut subscriber, "/readings").await;
    assert_eq!(device, "00A0370000000001");
    assert_eq!(records[0]["n"], "MDC_ECG_HEART_RATE");
    assert_eq!(records[0]["v"], 72);
    assert_eq!(records[0]["u"], "/min");
    assert_eq!(records[0]["bt"], 1_795_348_800);
    assert_eq!(records[0]["pt"], "P-1");
    assert_eq!(records[1]["v"].to_string(), "37.2");
    assert!(
        records[0]["bed"]
            .as_str()
            .is_some_and(|bed| bed.contains("ICU")),
        "{records:?}"
    );

    assert_eq!(monitor.ask(&reading(1, 43_201, "AL|NE")).await, "CA 43201");
    pack(&mut subscriber, "/readings").await;
    assert_eq!(
        monitor
            .ask(&alarm("a1", "L~PM~SP", "196670^MDC_EVT_LO"))
            .await,
        "CA a1"
    );
    let (_, records) = pack(&mut subscriber, "/alarms").await;
    assert_eq!(records[0]["al"]["phase"], "start", "{records:?}");
    assert_eq!(records[0]["al"]["priority"], "medium");

    assert_eq!(monitor.ask("<xml>not HL7</xml>").await, "AR ");
    let (device, records) = pack(&mut subscriber, "/readings").await;
    assert_eq!(
        (device.as_str(), &records[0]["n"]),
        ("mllp-ward", &"hl7v2".into())
    );
    assert_eq!(records[0]["rw"], "PHhtbD5ub3QgSEw3PC94bWw-");
    let question = "MSH|^~\\&|M||||20261122120000||QRY^R02|q1|P|2.6\rQRD|1\r";
    assert_eq!(monitor.ask(question).await, "AR q1");
}

#[tokio::test]
async fn an_alarm_channel_that_falls_silent_is_an_alarm_until_it_is_heard_again() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let site = Site::new(&broker.url(), &format!("{LISTEN}heartbeat = \"1s\"\n"));
    let (_gateway, port) = site.start().port().await;
    let mut monitor = Monitor::connect(port).await;
    let beat = |id| alarm(id, "PN~ST", "196614^MDC_EVT_ACTIVE");
    assert_eq!(monitor.ask(&beat("1")).await, "CA 1");
    for phase in ["end", "start"] {
        let (device, records) = pack(&mut subscriber, "/alarms").await;
        assert_eq!(device, "00A0370000000002");
        assert_eq!(records[0]["n"], "local.heartbeat-missing");
        assert_eq!(records[0]["al"]["phase"], phase);
        assert_eq!(records[0]["al"]["type"], "technical");
    }
    assert_eq!(monitor.ask(&beat("2")).await, "CA 2");
    let (_, records) = pack(&mut subscriber, "/alarms").await;
    assert_eq!(records[0]["al"]["phase"], "end");
}

/// Segments are a 64th of the smallest spool, 16 KiB: some 3,000 messages of this size fill it.
#[tokio::test]
async fn a_full_spool_is_said_and_what_was_acknowledged_arrives_when_the_server_is_back() {
    let broker = Broker::start();
    let server = free_port();
    let site = Site::new(
        &format!("mqtt://127.0.0.1:{server}"),
        &format!("[spool]\nmax-size = \"1MiB\"\n{LISTEN}"),
    );
    let (_gateway, port) = site.start().port().await;
    let mut monitor = Monitor::connect(port).await;
    // Many devices, so that each message is a pack of its own in the end.
    let mut taken = 0;
    let refused = loop {
        let answer = monitor.ask(&reading(taken + 1, 43_200, "AL|NE")).await;
        if answer != "CA 43200" {
            break answer;
        }
        taken += 1;
    };
    assert_eq!(refused, "CE 43200");
    assert_eq!(
        monitor.ask(&reading(taken + 1, 43_200, "")).await,
        "AE 43200"
    );
    // The server comes back; what was acknowledged arrives, and what was refused is taken.
    let mut subscriber = Subscriber::new(&broker).await;
    let _link = Link::up(server, broker.port, None).await;
    for _ in 0..taken {
        pack(&mut subscriber, "/readings").await;
    }
    assert_eq!(
        monitor.ask(&reading(taken + 2, 43_200, "")).await,
        "AA 43200"
    );
}

#[test]
fn faults_of_the_configuration_are_found_before_anything_runs() {
    let site = Site::new(
        "mqtt://127.0.0.1:1",
        "[[mllp.listen]]\nbind = \"0.0.0.0:2575\"\nzone = \"Nowhere\"\nspeling = 1\n",
    );
    let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_wardline-gateway"));
    let output = check
        .args(["config", "check"])
        .arg(site.file())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    for fault in [
        "mllp.listen[0].zone",
        "mllp.listen[0].speling: no such field",
        "takes plain text from everybody",
    ] {
        assert!(said.contains(fault), "{fault} in {said}");
    }
}
