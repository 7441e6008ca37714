//! Bonds: made once, kept, and missed when they are lost.

use wardline_fake_bluez::{BondLoss, Device, Fault, Pairing, Peripheral, pdu, profile};

use super::ward::{Ward, listed};

const EAR: &str = "C0:00:00:00:04:01";
const TEMPERATURE: &str = "MDC_TEMP_TYMP";
const PATH: &str = "dev_C0_00_00_00_04_01";

async fn paired(line: &str, device: Device) -> (Ward, Peripheral) {
    let ward = Ward::of(&[listed("ear", EAR, &["thermometer"]).with(line)]).await;
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    (ward, ear)
}

async fn tells(ward: &mut Ward, ear: &Peripheral, tenths: i32) {
    ear.until_subscribed(0x2A1C).await;
    let before = ward.of_metric("ear", TEMPERATURE).len();
    assert!(ear.send(0x2A1C, &pdu::temperature(tenths)).await);
    ward.values("ear", TEMPERATURE, before + 1).await;
}

#[tokio::test]
async fn a_device_without_a_display_is_paired_at_the_first_meeting() {
    let device = profile::thermometer(EAR).pairing(Pairing::JustWorks);
    let (mut ward, ear) = paired("pair = \"just-works\"", device).await;
    tells(&mut ward, &ear, 370).await;
    assert!(ear.trusted().await, "paired and trusted");
    assert_eq!(ward.bluez.count(PATH, "Pair").await, 1);
}

#[tokio::test]
async fn a_passkey_comes_from_its_file() {
    let device = profile::thermometer(EAR).pairing(Pairing::Passkey(4_711));
    let bluez = wardline_fake_bluez::Bluez::start().await;
    let mut ward = Ward::prepare(bluez, &[], &[]).await;
    let file = ward.file("passkey", "004711\n");
    let line = format!("pair = \"passkey\"\npasskey-file = \"{file}\"");
    ward.configure(&[], &[listed("ear", EAR, &["thermometer"]).with(&line)]);
    ward.start();
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    tells(&mut ward, &ear, 371).await;
    assert!(ear.trusted().await);
    assert!(!ward.log().contains("4711"), "a passkey is a secret");
}

#[tokio::test]
async fn a_wrong_passkey_pairs_nothing_and_says_so() {
    let device = profile::thermometer(EAR).pairing(Pairing::Passkey(123_456));
    let bluez = wardline_fake_bluez::Bluez::start().await;
    let mut ward = Ward::prepare(bluez, &[], &[]).await;
    let file = ward.file("passkey", "654321");
    let line = format!("pair = \"passkey\"\npasskey-file = \"{file}\"");
    ward.configure(&[], &[listed("ear", EAR, &["thermometer"]).with(&line)]);
    ward.start();
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    let failures = "wardline_gateway_ble_failures_total";
    ward.until_metric(failures, &["ear", "authentication"], |v| v >= 1.0)
        .await;
    assert!(!ear.trusted().await);
    assert!(!ward.log().contains("654321"));
}

#[tokio::test]
async fn a_device_that_refuses_to_pair_is_no_reason_to_stop() {
    let device = profile::thermometer(EAR).pairing(Pairing::Refused);
    let list = [
        listed("ear", EAR, &["thermometer"]).with("pair = \"just-works\""),
        listed("strap", super::streams::STRAP, &["heart-rate"]).random(),
    ];
    let mut ward = Ward::of(&list).await;
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    let failures = "wardline_gateway_ble_failures_total";
    ward.until_metric(failures, &["ear", "authentication"], |v| v >= 1.0)
        .await;
    let strap = ward
        .bluez
        .add(profile::heart_rate(super::streams::STRAP))
        .await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    super::streams::beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn a_bond_is_used_again_and_not_made_again() {
    let device = profile::thermometer(EAR).pairing(Pairing::JustWorks);
    let (mut ward, ear) = paired("pair = \"just-works\"", device).await;
    tells(&mut ward, &ear, 370).await;
    ear.drop_link().await;
    ear.advertise().await;
    tells(&mut ward, &ear, 372).await;
    // A power cycle of the gateway: BlueZ kept the bond, and nothing else.
    ward.kill().await;
    ward.bluez.stop().await;
    ward.bluez.start_again().await;
    ward.start();
    ear.advertise().await;
    tells(&mut ward, &ear, 374).await;
    assert_eq!(ward.bluez.count(PATH, "Pair").await, 1);
}

/// A device that has lost its half of the bond, as its state says, while the others go on.
async fn loses_its_bond(loss: BondLoss) {
    let device = profile::thermometer(EAR)
        .pairing(Pairing::JustWorks)
        .bond_loss(loss)
        .always();
    let list = [
        listed("ear", EAR, &["thermometer"]).with("pair = \"just-works\""),
        listed("strap", super::streams::STRAP, &["heart-rate"]).random(),
    ];
    let mut ward = Ward::of(&list).await;
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    tells(&mut ward, &ear, 370).await;
    ear.drop_link().await;
    ear.lose_bond().await;
    ear.advertise().await;
    let failures = "wardline_gateway_ble_failures_total";
    ward.until_metric(failures, &["ear", "bond-lost"], |v| v >= 1.0)
        .await;
    // A person must pair it anew: it is never done behind their back.
    assert_eq!(ward.bluez.count(PATH, "Pair").await, 1);
    let strap = ward
        .bluez
        .add(profile::heart_rate(super::streams::STRAP))
        .await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    super::streams::beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn a_lost_bond_is_told_as_such_when_bluez_says_so() {
    loses_its_bond(BondLoss::KeyMissing).await;
}

#[tokio::test]
async fn a_lost_bond_is_told_as_such_when_access_fails() {
    loses_its_bond(BondLoss::Refused).await;
}

#[tokio::test]
async fn a_lost_bond_is_told_as_such_when_links_just_drop() {
    loses_its_bond(BondLoss::Dropped).await;
}

#[tokio::test]
async fn a_device_that_answers_and_goes_in_the_middle_of_a_step_has_its_bond() {
    let device = profile::thermometer(EAR)
        .pairing(Pairing::JustWorks)
        .always();
    let (mut ward, ear) = paired("pair = \"just-works\"", device).await;
    tells(&mut ward, &ear, 370).await;
    ear.fail(0x2A1D, std::iter::repeat_n(Fault::Unlinked, 4))
        .await;
    ear.drop_link().await;
    let failures = "wardline_gateway_ble_failures_total";
    ward.until_metric(failures, &["ear", "disconnected"], |v| v >= 4.0)
        .await;
    tells(&mut ward, &ear, 371).await;
    assert_eq!(ward.metric(failures, &["ear", "bond-lost"]).await, 0.0);
}

#[tokio::test]
async fn a_device_that_nobody_pairs_is_rejected_by_the_agent() {
    let ward = Ward::of(&[listed("ear", EAR, &["thermometer"])]).await;
    let stranger = ward
        .bluez
        .add(profile::heart_rate("C6:66:66:66:66:66"))
        .await;
    stranger.advertise().await;
    ward.bluez.until_agent().await;
    assert!(!stranger.asks_to_pair().await);
}

#[tokio::test]
async fn the_agent_is_there_again_after_a_restart_of_bluetoothd() {
    let device = profile::thermometer(EAR).pairing(Pairing::JustWorks);
    let (mut ward, ear) = paired(
        "pair = \"just-works\"",
        profile::thermometer("C6:00:00:00:00:09"),
    )
    .await;
    ear.quiet().await;
    ward.bluez.until_agent().await;
    ward.bluez.stop().await;
    ward.bluez.start_again().await;
    ward.bluez.until_agent().await;
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    tells(&mut ward, &ear, 370).await;
}

#[tokio::test]
async fn a_pairing_that_never_ends_is_given_up() {
    let device = profile::thermometer(EAR).pairing(Pairing::Silent);
    let ward = Ward::with(
        &[("discovery-timeout", "1s")],
        &[listed("ear", EAR, &["thermometer"]).with("pair = \"just-works\"")],
    )
    .await;
    let ear = ward.bluez.add(device).await;
    ear.advertise().await;
    ward.bluez.until_called(PATH, "CancelPairing", 1).await;
    ear.until_disconnected().await;
}
