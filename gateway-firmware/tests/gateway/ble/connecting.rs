//! Slow and failing connections.

use std::time::Duration;

use wardline_fake_bluez::{Connect, Fault, Peripheral, pdu, profile};

use super::streams::{RATE, STRAP, beats};
use super::ward::{Ward, listed};

const PATH: &str = "dev_C0_00_00_00_00_01";
const ABORT: &str = "le-connection-abort-by-local";

/// A strap whose first attempts to connect end so.
async fn strap(changes: &[(&str, &str)], plans: Vec<Connect>) -> (Ward, Peripheral) {
    let ward = Ward::with(changes, &[listed("strap", STRAP, &["heart-rate"]).random()]).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.next_connects(plans).await;
    strap.advertise().await;
    (ward, strap)
}

#[tokio::test]
async fn a_slow_connection_is_waited_for() {
    let plan = Connect::After(Duration::from_millis(1_500));
    let (mut ward, strap) = strap(&[], vec![plan]).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
    assert_eq!(ward.bluez.count(PATH, "Connect").await, 1);
}

#[tokio::test]
async fn slow_services_are_waited_for() {
    let mut ward = Ward::of(&[listed("strap", STRAP, &["heart-rate"]).random()]).await;
    let slow =
        profile::heart_rate(STRAP).slow(Duration::from_millis(300), Duration::from_millis(1_200));
    let strap = ward.bluez.add(slow).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn an_aborted_connection_is_tried_again_at_once() {
    let fail = || Connect::Fail(Duration::from_millis(10), ABORT);
    let (mut ward, strap) = strap(&[], vec![fail(), fail()]).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
    assert_eq!(ward.bluez.count(PATH, "Connect").await, 3);
    ward.until_metric(
        "wardline_gateway_ble_failures_total",
        &["strap", "transient"],
        |v| v == 2.0,
    )
    .await;
}

#[tokio::test]
async fn many_failures_end_in_waiting_and_then_in_success() {
    let fail = || Connect::Fail(Duration::ZERO, ABORT);
    let plans: Vec<Connect> = std::iter::repeat_with(fail).take(12).collect();
    let (mut ward, strap) = strap(&[("connect-attempts", "3")], plans).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn a_hanging_connection_is_given_up_and_cancelled() {
    let (mut ward, strap) = strap(&[("connect-timeout", "700ms")], vec![Connect::Hang]).await;
    // Or the attempt would go on behind our back.
    ward.bluez.until_called(PATH, "Disconnect", 1).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn services_that_never_resolve_are_given_up() {
    let (mut ward, strap) = strap(&[("connect-timeout", "700ms")], vec![Connect::Unresolved]).await;
    ward.bluez.until_called(PATH, "Disconnect", 1).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn a_link_that_drops_before_its_services_are_known_is_tried_again() {
    let drop = || Connect::Drop(Duration::from_millis(20));
    let (mut ward, strap) = strap(&[("connect-timeout", "2s")], vec![drop(), drop()]).await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn a_hanging_device_does_not_keep_the_others_waiting_for_ever() {
    let other = "C0:00:00:00:05:02";
    let list = [
        listed("strap", STRAP, &["heart-rate"]).random(),
        listed("other", other, &["heart-rate"]).random(),
    ];
    let mut ward = Ward::with(&[("connect-timeout", "700ms")], &list).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap
        .next_connects(std::iter::repeat_n(Connect::Hang, 50))
        .await;
    strap.advertise().await;
    ward.bluez.until_called(PATH, "Connect", 1).await;
    let other = ward.bluez.add(profile::heart_rate(other)).await;
    other.advertise().await;
    other.until_subscribed(0x2A37).await;
    other.send(0x2A37, &pdu::heart_rate(88)).await;
    ward.values("other", RATE, 1).await;
    assert_eq!(ward.bluez.most_connecting("hci0").await, 1);
}

#[tokio::test]
async fn a_refused_subscription_is_tried_again_on_another_link() {
    let ward = Ward::of(&[listed("strap", STRAP, &["heart-rate"]).random()]).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.fail(0x2A37, [Fault::Att(0x0E)]).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    let mut ward = ward;
    beats(&mut ward, &strap, 60..65).await;
}

#[tokio::test]
async fn a_read_that_never_ends_does_not_stop_the_values() {
    let ward = Ward::with(
        &[("operation-timeout", "800ms")],
        &[listed("strap", STRAP, &["heart-rate"]).random()],
    )
    .await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.fail(0x2A38, [Fault::Hang]).await;
    strap.fail(0x2A29, [Fault::Att(0x0E)]).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    let mut ward = ward;
    beats(&mut ward, &strap, 60..70).await;
}
