//! Devices that stream.

use std::collections::BTreeSet;

use wardline_fake_bluez::{Bluez, Form, Peripheral, Records, pdu, profile};

use super::ward::{Ward, listed, now};

pub(super) const STRAP: &str = "C0:00:00:00:00:01";
pub(super) const RATE: &str = "MDC_ECG_HEART_RATE";
const SPO2: &str = "MDC_PULS_OXIM_SAT_O2";
const PULSE: &str = "MDC_PULS_OXIM_PULS_RATE";

/// A chest strap that the gateway is subscribed to.
pub(super) async fn strap(changes: &[(&str, &str)]) -> (Ward, Peripheral) {
    let ward = Ward::with(changes, &[listed("strap", STRAP, &["heart-rate"]).random()]).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    (ward, strap)
}

/// Sends heart rates and waits until they are published, in order and once each.
pub(super) async fn beats(ward: &mut Ward, strap: &Peripheral, rates: std::ops::Range<u8>) {
    let before = ward.of_metric("strap", RATE).len();
    for rate in rates.clone() {
        assert!(strap.send(0x2A37, &pdu::heart_rate(rate)).await, "{rate}");
    }
    let all = ward.values("strap", RATE, before + rates.len()).await;
    let got: Vec<String> = all[before..]
        .iter()
        .map(|reading| reading.quantity())
        .collect();
    let expected: Vec<String> = rates.map(|rate| format!("{rate} /min")).collect();
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_strap_streams_every_value_once_and_in_order() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..120).await;
    let times: Vec<i64> = ward
        .of_metric("strap", RATE)
        .iter()
        .map(|reading| reading.time.expect("a time"))
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.iter().all(|time| (ward.began..=now()).contains(time)));
    ward.until_metric(
        "wardline_gateway_ble_connected",
        &["device=\"strap\""],
        |v| v == 1.0,
    )
    .await;
    assert_eq!(ward.stop().await, Some(0));
    strap.until_disconnected().await;
}

#[tokio::test]
async fn intervals_between_beats_keep_their_ticks() {
    let (mut ward, strap) = strap(&[]).await;
    // 832/1024 s and 1024/1024 s, the older first.
    strap
        .send(0x2A37, &pdu::heart_rate_with_rr(72, &[832, 1024]))
        .await;
    let intervals = ward.values("strap", "MDC_ECG_TIME_PD_RR_GL", 2).await;
    let values: Vec<f64> = intervals
        .iter()
        .map(|reading| {
            reading
                .value
                .as_deref()
                .expect("a number")
                .parse()
                .expect("a number")
        })
        .collect();
    assert_eq!(values, [812.5, 1000.0]);
    assert!(intervals[0].time < intervals[1].time, "{intervals:?}");
}

#[tokio::test]
async fn a_clip_streams_and_tells_spot_checks_with_their_own_time() {
    let address = "C0:00:00:00:00:02";
    let mut ward = Ward::of(&[listed("clip", address, &["pulse-oximeter"])]).await;
    let clip = profile::oximeter(address, Records::new(Form::AllOnly, Vec::new()));
    let clip = ward.bluez.add(clip).await;
    clip.advertise().await;
    clip.until_subscribed(0x2A5F).await;
    clip.send(0x2A5F, &pdu::continuous(97, 72)).await;
    assert_eq!(ward.values("clip", SPO2, 1).await[0].quantity(), "97 %");
    assert_eq!(ward.values("clip", PULSE, 1).await[0].quantity(), "72 /min");
    let when = pdu::when(now() / 1_000 - 60);
    clip.send(0x2A5E, &pdu::spot(93, 88, when)).await;
    let spot = ward.values("clip", SPO2, 2).await.remove(1);
    assert_eq!(spot.quantity(), "93 %");
    assert_eq!(spot.time.expect("a time") / 1_000, pdu::seconds(when));
}

#[tokio::test]
async fn a_missing_number_is_an_absence_with_its_reason() {
    let address = "C0:00:00:00:00:02";
    let mut ward = Ward::of(&[listed("clip", address, &["pulse-oximeter"])]).await;
    let clip = profile::oximeter(address, Records::new(Form::AllOnly, Vec::new()));
    let clip = ward.bluez.add(clip).await;
    clip.advertise().await;
    clip.until_subscribed(0x2A5F).await;
    let nan = [&[0][..], &pdu::NAN, &pdu::sfloat(70, 0)].concat();
    clip.send(0x2A5F, &nan).await;
    let spo2 = ward.values("clip", SPO2, 1).await.remove(0);
    assert!(spo2.absent(), "{spo2:?}");
    assert_eq!(spo2.text.as_deref(), Some("not-a-number"));
    assert_eq!(ward.values("clip", PULSE, 1).await[0].quantity(), "70 /min");
}

#[tokio::test]
async fn twenty_devices_at_once() {
    let address = |number: u8| format!("C1:00:00:00:00:{number:02X}");
    let list: Vec<_> = (0..20)
        .map(|n| listed(&format!("strap-{n:02}"), &address(n), &["heart-rate"]).random())
        .collect();
    let mut ward = Ward::with(&[("connections", "20")], &list).await;
    let mut straps = Vec::new();
    for number in 0..20 {
        let strap = ward.bluez.add(profile::heart_rate(&address(number))).await;
        strap.advertise().await;
        straps.push(strap);
    }
    for strap in &straps {
        strap.until_subscribed(0x2A37).await;
    }
    for rate in 60..70 {
        for strap in &straps {
            assert!(strap.send(0x2A37, &pdu::heart_rate(rate)).await);
        }
    }
    let beat = |ward: &Ward| ward.readings.iter().filter(|r| r.name == RATE).count();
    ward.until("200 values", |ward| beat(ward) >= 200).await;
    let expected: Vec<String> = (60..70).map(|rate| format!("{rate} /min")).collect();
    for number in 0..20 {
        let all = ward.of_metric(&format!("strap-{number:02}"), RATE);
        let got: Vec<String> = all.iter().map(|reading| reading.quantity()).collect();
        assert_eq!(got, expected, "strap-{number:02}");
    }
    assert_eq!(
        ward.bluez.most_connecting("hci0").await,
        1,
        "connects are serialised"
    );
}

#[tokio::test]
async fn two_adapters_each_have_their_devices() {
    let addresses = ["C1:00:00:00:00:01", "C1:00:00:00:00:02"];
    let list: Vec<_> = addresses
        .iter()
        .enumerate()
        .map(|(n, address)| listed(&format!("strap-{n}"), address, &["heart-rate"]).random())
        .collect();
    let bluez = Bluez::start().await;
    bluez.add_adapter("hci1").await;
    let mut ward = Ward::prepare(bluez, &[("connections", "1")], &list).await;
    ward.start();
    let mut straps = Vec::new();
    for (adapter, address) in ["hci0", "hci1"].into_iter().zip(addresses) {
        let strap = ward
            .bluez
            .add_on(adapter, profile::heart_rate(address))
            .await;
        strap.advertise().await;
        straps.push(strap);
    }
    for (number, strap) in straps.iter().enumerate() {
        strap.until_subscribed(0x2A37).await;
        strap.send(0x2A37, &pdu::heart_rate(70)).await;
        ward.values(&format!("strap-{number}"), RATE, 1).await;
    }
}

#[tokio::test]
async fn a_stream_goes_on_after_its_link_broke() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..70).await;
    for round in 1..=3 {
        strap.drop_link().await;
        strap.until_subscribed(0x2A37).await;
        // BlueZ takes subscriptions up again itself; the gateway must listen too.
        let count = |v: f64| v >= f64::from(round);
        ward.until_metric("wardline_gateway_ble_reconnects_total", &["strap"], count)
            .await;
        beats(&mut ward, &strap, 70 + 10 * round..80 + 10 * round).await;
    }
}

#[tokio::test]
async fn a_gateway_that_was_killed_takes_its_devices_up_again() {
    let (mut ward, strap) = strap(&[]).await;
    beats(&mut ward, &strap, 60..65).await;
    ward.kill().await;
    // BlueZ keeps the link of a client that is gone.
    assert!(strap.connected().await);
    let before = strap.subscriptions(0x2A37).await;
    ward.start();
    strap.until_subscriptions(0x2A37, before + 1).await;
    for rate in 70..75 {
        assert!(strap.send(0x2A37, &pdu::heart_rate(rate)).await);
    }
    // What was published without the answer being kept comes twice, as the same reading.
    ward.until("all of them", |ward| {
        let all = ward.of_metric("strap", RATE);
        let came = |rate| all.iter().any(|r| r.quantity() == format!("{rate} /min"));
        (60..65).all(came) && (70..75).all(came)
    })
    .await;
    let all: BTreeSet<_> = ward
        .of_metric("strap", RATE)
        .iter()
        .map(|reading| (reading.quantity(), reading.time))
        .collect();
    assert_eq!(all.len(), 10, "{all:?}");
}

#[tokio::test]
async fn the_charge_of_each_battery_is_told_apart() {
    let address = "C0:00:00:00:00:03";
    let mut ward = Ward::of(&[listed("strap", address, &["heart-rate"]).random()]).await;
    // Services of one UUID: btleplug keeps one of them.
    let strap = profile::heart_rate(address).hidden(profile::battery(35));
    let strap = ward.bluez.add(strap).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    let charge = "MDC_ATTR_VAL_BATT_CHARGE";
    let both = ward.values("strap", charge, 2).await;
    let values: BTreeSet<String> = both.iter().map(|reading| reading.quantity()).collect();
    assert_eq!(
        values,
        BTreeSet::from(["35 %".to_owned(), "90 %".to_owned()])
    );
    assert_ne!(both[0].label("ch"), both[1].label("ch"), "{both:?}");
}
