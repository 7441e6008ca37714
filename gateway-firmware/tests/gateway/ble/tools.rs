//! The commands for people beside a device.

use std::process::Output;

use tokio::process::Command;
use wardline_fake_bluez::{Bluez, Pairing, profile};

use super::ward::{Ward, listed};

const EAR: &str = "C0:00:00:00:08:01";
const STRAP: &str = "C0:00:00:00:08:02";

async fn run(ward: &Ward, arguments: &[&str], passkey: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wardline-gateway"));
    command
        .args(arguments)
        .env("DBUS_SYSTEM_BUS_ADDRESS", ward.bluez.address())
        .env("TZ", "UTC");
    if let Some(passkey) = passkey {
        command.env("WARDLINE_PASSKEY", passkey);
    }
    command.output().await.expect("it runs")
}

async fn ward() -> Ward {
    let list = [
        listed("ear", EAR, &["thermometer"]).with("pair = \"passkey\""),
        listed("strap", STRAP, &["heart-rate"]).random(),
    ];
    Ward::prepare(Bluez::start().await, &[], &list).await
}

#[tokio::test]
async fn a_scan_tells_who_is_there_and_who_is_configured() {
    let ward = ward().await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    let config = ward.file(
        "again.toml",
        &std::fs::read_to_string(ward.config()).expect("text"),
    );
    let output = run(
        &ward,
        &[
            "scan", "--for", "1s", "--format", "json", "--config", &config,
        ],
        None,
    )
    .await;
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(all[0]["address"], STRAP, "{output:?}");
    assert_eq!(all[0]["services"][0], "heart-rate");
    assert_eq!(all[0]["configured"], "strap");
    assert!(!strap.connected().await);
}

#[tokio::test]
async fn a_device_that_shows_a_passkey_is_paired_by_hand() {
    let ward = ward().await;
    let ear = ward
        .bluez
        .add(profile::thermometer(EAR).pairing(Pairing::Passkey(4_217)))
        .await;
    ear.advertise().await;
    let config = ward.config().display().to_string();
    let output = run(&ward, &["pair", "ear", "--config", &config], None).await;
    assert_eq!(
        output.status.code(),
        Some(64),
        "without its digits: {output:?}"
    );
    let output = run(&ward, &["pair", "ear", "--config", &config], Some("004217")).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(ear.trusted().await);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("4217"));
}

#[tokio::test]
async fn what_is_captured_is_what_was_sent_and_replays() {
    let ward = ward().await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    let config = ward.config().display().to_string();
    let out = ward
        .config()
        .with_file_name("frames.ndjson")
        .display()
        .to_string();
    let arguments = [
        "capture", "--device", "strap", "--out", &out, "--for", "3s", "--config", &config,
    ];
    let sending = async {
        strap.until_subscribed(0x2A37).await;
        for rate in 60..65 {
            strap
                .send(0x2A37, &wardline_fake_bluez::pdu::heart_rate(rate))
                .await;
        }
    };
    let (output, ()) = tokio::join!(run(&ward, &arguments, None), sending);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let frames = std::fs::read_to_string(&out).expect("frames");
    assert_eq!(
        frames
            .lines()
            .filter(|line| line.contains("\"2A37\""))
            .count(),
        5,
        "{frames}"
    );
    let output = run(&ward, &["replay", &out], None).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let packs = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(packs.matches("MDC_ECG_HEART_RATE").count(), 5, "{packs}");
}
