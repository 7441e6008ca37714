//! Devices that go and come, and gateways that are told to.

use wardline_fake_bluez::{pdu, profile};

use super::streams::{RATE, STRAP, beats, strap};
use super::ward::{Ward, listed};

#[tokio::test]
async fn a_device_that_bluez_has_forgotten_is_found_again() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..65).await;
    strap.quiet().await;
    strap.drop_link().await;
    // Thirty seconds later BlueZ has no object for it any more.
    ward.bluez.expire().await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 70..75).await;
}

#[tokio::test]
async fn a_device_that_is_listed_later_is_connected_then() {
    // One that is never there: it is looked for all the time.
    let missing = listed("missing", "C0:00:00:00:06:09", &["heart-rate"]).random();
    let known = listed("strap", STRAP, &["heart-rate"]).random();
    let mut ward = Ward::of(&[known, missing]).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..63).await;
    let other = "C0:00:00:00:06:01";
    let late = ward.bluez.add(profile::heart_rate(other)).await;
    late.advertise().await;
    let unknown = "wardline_gateway_ble_unknown_devices";
    ward.until_metric(unknown, &[], |v| v == 1.0).await;
    assert!(!late.connected().await);
    ward.configure(
        &[],
        &[
            listed("strap", STRAP, &["heart-rate"]).random(),
            listed("late", other, &["heart-rate"]).random(),
        ],
    );
    ward.reload();
    late.until_subscribed(0x2A37).await;
    late.send(0x2A37, &pdu::heart_rate(99)).await;
    ward.values("late", RATE, 1).await;
    // The other one was not disturbed.
    beats(&mut ward, &strap, 70..73).await;
    assert_eq!(
        ward.bluez.count("dev_C0_00_00_00_00_01", "Connect").await,
        1
    );
}

#[tokio::test]
async fn a_device_that_is_no_longer_listed_is_let_go() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..63).await;
    ward.configure(
        &[],
        &[listed("other", "C0:00:00:00:06:02", &["heart-rate"]).random()],
    );
    ward.reload();
    strap.until_disconnected().await;
}

#[tokio::test]
async fn a_stop_ends_links_and_scans() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..63).await;
    assert_eq!(ward.stop().await, Some(0));
    assert!(!strap.connected().await);
    assert!(!ward.bluez.scanning("hci0").await);
}

#[tokio::test]
async fn a_broker_that_hangs_delays_values_and_loses_none() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..65).await;
    ward.broker.signal("STOP");
    for rate in 70..90 {
        assert!(strap.send(0x2A37, &pdu::heart_rate(rate)).await);
    }
    ward.until_metric("wardline_gateway_ble_readings_total", &["strap"], |v| {
        v >= 25.0
    })
    .await;
    ward.broker.signal("CONT");
    let all = ward.values("strap", RATE, 25).await;
    let got: Vec<String> = all[5..].iter().map(|reading| reading.quantity()).collect();
    let expected: Vec<String> = (70..90).map(|rate| format!("{rate} /min")).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_gateway_killed_while_the_broker_hangs_loses_nothing_it_took() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..65).await;
    ward.broker.signal("STOP");
    for rate in 70..90 {
        assert!(strap.send(0x2A37, &pdu::heart_rate(rate)).await);
    }
    // Readings are counted when they are synced.
    ward.until_metric("wardline_gateway_ble_readings_total", &["strap"], |v| {
        v >= 25.0
    })
    .await;
    ward.kill().await;
    ward.broker.signal("CONT");
    ward.start();
    ward.until("all of them", |ward| {
        let all = ward.of_metric("strap", RATE);
        (70..90).all(|rate| {
            all.iter()
                .any(|reading| reading.quantity() == format!("{rate} /min"))
        })
    })
    .await;
}
