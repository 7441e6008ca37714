//! Everything that fails silently on Linux: bluetoothd, the bus and the adapter go, and btleplug says nothing of it.

use wardline_fake_bluez::{Bluez, Bus, pdu, profile};

use super::streams::{RATE, STRAP, beats, strap};
use super::ward::{Ward, listed};

#[tokio::test]
async fn a_restart_of_bluetoothd_in_the_middle_of_a_stream() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..70).await;
    ward.bluez.stop().await;
    ward.bluez.start_again().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 80..90).await;
    ward.until_metric("wardline_gateway_ble_rebuilds_total", &[], |v| v >= 1.0)
        .await;
}

#[tokio::test]
async fn a_bluetoothd_that_stays_away_for_a_while() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..63).await;
    ward.bluez.stop().await;
    ward.until_metric("wardline_gateway_ble_connected", &["strap"], |v| v == 0.0)
        .await;
    ward.bluez.start_again().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 70..73).await;
}

#[tokio::test]
async fn a_gateway_that_starts_before_bluetoothd() {
    let bluez = Bluez::start().await;
    bluez.stop().await;
    let list = [listed("strap", STRAP, &["heart-rate"]).random()];
    let mut ward = Ward::prepare(bluez, &[], &list).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    ward.start();
    ward.until("online", |ward| ward.status.to_string().contains("online"))
        .await;
    ward.bluez.start_again().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..63).await;
}

#[tokio::test]
async fn the_loss_of_the_bus_itself() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..70).await;
    ward.bluez.kill_bus().await;
    ward.until_metric("wardline_gateway_ble_connected", &["strap"], |v| v == 0.0)
        .await;
    ward.bluez.restart_bus().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 80..90).await;
}

#[tokio::test]
async fn a_bus_that_stays_away_ends_the_program_for_its_supervisor() {
    let (mut ward, strap) = strap(&[("failures", "2")]).await;
    beats(&mut ward, &strap, 60..63).await;
    ward.bluez.kill_bus().await;
    let code = ward.ends().await;
    assert!(code.is_some_and(|code| code != 0), "{code:?}");
}

#[tokio::test]
async fn an_adapter_that_is_unplugged_and_plugged_in_again() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..70).await;
    ward.bluez.remove_adapter("hci0").await;
    ward.until_metric("wardline_gateway_ble_connected", &["strap"], |v| v == 0.0)
        .await;
    ward.bluez.add_adapter("hci0").await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 80..90).await;
}

#[tokio::test]
async fn an_adapter_that_is_plugged_in_later() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..63).await;
    let other = "C0:00:00:00:07:01";
    ward.configure(
        &[],
        &[
            listed("strap", STRAP, &["heart-rate"]).random(),
            listed("far", other, &["heart-rate"]).random(),
        ],
    );
    ward.reload();
    ward.bluez.add_adapter("hci1").await;
    let far = ward.bluez.add_on("hci1", profile::heart_rate(other)).await;
    far.advertise().await;
    far.until_subscribed(0x2A37).await;
    far.send(0x2A37, &pdu::heart_rate(90)).await;
    ward.values("far", RATE, 1).await;
}

#[tokio::test]
async fn an_adapter_that_somebody_switches_off() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..70).await;
    ward.bluez.power("hci0", false).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 80..90).await;
}

#[tokio::test]
async fn an_adapter_that_cannot_be_switched_on_for_a_while() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..63).await;
    ward.bluez.block("hci0", true).await;
    ward.bluez.power("hci0", false).await;
    ward.until_metric("wardline_gateway_ble_connected", &["strap"], |v| v == 0.0)
        .await;
    let tried = ward.bluez.count("hci0", "Set").await;
    ward.bluez.until_called("hci0", "Set", tried + 2).await;
    ward.bluez.block("hci0", false).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 70..73).await;
}

#[tokio::test]
async fn a_bluetoothd_that_hangs() {
    let (mut ward, strap) = strap(&[("ping-timeout", "300ms")]).await;
    beats(&mut ward, &strap, 60..63).await;
    let before = strap.subscriptions(0x2A37).await;
    ward.bluez.hang();
    ward.until_metric("wardline_gateway_ble_rebuilds_total", &[], |v| v >= 1.0)
        .await;
    ward.bluez.resume();
    strap.until_subscriptions(0x2A37, before + 1).await;
    beats(&mut ward, &strap, 70..73).await;
}

#[tokio::test]
async fn a_subscription_that_dies_without_a_word() {
    let list = listed("strap", STRAP, &["heart-rate"])
        .random()
        .with("silence = \"1s\"");
    let mut ward = Ward::of(&[list]).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..63).await;
    strap.deafen().await;
    // Still connected, and nothing comes: the silence is noticed.
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 70..73).await;
    ward.until_metric("wardline_gateway_ble_resets_total", &["strap"], |v| {
        v >= 1.0
    })
    .await;
}

#[tokio::test]
async fn what_is_read_is_never_taken_for_a_measurement() {
    let (mut ward, strap) = strap(&[]).await;
    // BlueZ tells reads, ours and those of other programs, as it tells notifications.
    strap.read_by_another(0x2A38, &[2]).await;
    strap.read_by_another(0x2A25, b"another").await;
    beats(&mut ward, &strap, 60..70).await;
    let rates = ward.of_metric("strap", RATE);
    assert_eq!(rates.len(), 10);
    for reading in ward.of_device("strap") {
        let known = [RATE, "MDC_ATTR_VAL_BATT_CHARGE"].contains(&reading.name.as_str());
        let result = reading.value.is_some() && reading.label("fl").is_none();
        assert!(known || !result, "{reading:?}");
    }
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 1..250).await;
}

#[tokio::test]
async fn match_rules_that_run_out_are_no_end() {
    // bluez-async loses a rule of the bus now and then when it drops a stream; a system bus grants 512.
    let bluez = Bluez::with(Bus::with_limits(&[("max_match_rules_per_connection", 12)])).await;
    let list = [listed("strap", STRAP, &["heart-rate"]).random()];
    let mut ward = Ward::prepare(bluez, &[], &list).await;
    ward.start();
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    for round in 0..30 {
        strap.until_subscribed(0x2A37).await;
        beats(&mut ward, &strap, 60 + round..61 + round).await;
        strap.drop_link().await;
    }
}

#[tokio::test]
async fn what_is_built_anew_leaves_nothing_behind() {
    let (mut ward, strap) = strap(&[]).await;
    for round in 0..4 {
        beats(&mut ward, &strap, 60 + round..61 + round).await;
        ward.bluez.stop().await;
        ward.until_metric("wardline_gateway_ble_connected", &["strap"], |v| v == 0.0)
            .await;
        ward.bluez.start_again().await;
        strap.until_subscribed(0x2A37).await;
    }
    beats(&mut ward, &strap, 80..83).await;
    // Each connection that stays would count towards the bus's 256, and keep scans and subscriptions alive.
    ward.bluez.until_clients(3).await;
}
