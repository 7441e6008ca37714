//! Who is connected to, and who is not.

use wardline_fake_bluez::{Characteristic, Device, Pairing, Service, pdu, profile};

use super::streams::{RATE, STRAP, beats};
use super::ward::{Ward, listed};

#[tokio::test]
async fn a_stranger_with_the_name_of_a_listed_device_is_reported_and_left_alone() {
    let mut ward = Ward::of(&[listed("strap", STRAP, &["heart-rate"]).random()]).await;
    // The same name and services under another address.
    let impostor = ward
        .bluez
        .add(profile::heart_rate("C6:66:66:66:66:66"))
        .await;
    impostor.advertise().await;
    ward.until_metric("wardline_gateway_ble_unknown_devices", &[], |v| v == 1.0)
        .await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..63).await;
    assert_eq!(
        ward.bluez.count("dev_C6_66_66_66_66_66", "Connect").await,
        0
    );
    assert!(
        ward.readings
            .iter()
            .all(|reading| reading.device == "strap")
    );
}

#[tokio::test]
async fn a_device_without_the_expected_service_is_refused() {
    let ward = Ward::of(&[listed("strap", STRAP, &["heart-rate"]).random()]).await;
    let device = Device::new(STRAP)
        .random()
        .advertising(&[0x180D])
        .hidden(Service::new(0x1809).with(Characteristic::indicate(0x2A1C)));
    let device = ward.bluez.add(device).await;
    device.advertise().await;
    ward.until_metric("wardline_gateway_ble_refused_total", &["strap"], |v| {
        v >= 1.0
    })
    .await;
    device.until_disconnected().await;
}

#[tokio::test]
async fn a_device_with_another_serial_number_is_refused() {
    let list = listed("strap", STRAP, &["heart-rate"])
        .random()
        .with("serial = \"S-2\"");
    let mut ward = Ward::of(&[list]).await;
    let device = ward.bluez.add(profile::heart_rate(STRAP)).await;
    device.advertise().await;
    ward.until_metric("wardline_gateway_ble_refused_total", &["strap"], |v| {
        v >= 1.0
    })
    .await;
    device.until_disconnected().await;
    assert!(ward.of_metric("strap", RATE).is_empty());
    // With the right one it is welcome.
    device.quiet().await;
    device.set(0x2A25, b"S-2").await;
    device.advertise().await;
    device.until_subscribed(0x2A37).await;
    device.send(0x2A37, &pdu::heart_rate(64)).await;
    ward.values("strap", RATE, 1).await;
}

#[tokio::test]
async fn an_address_of_another_type_is_another_device() {
    // Listed as public, advertising as random.
    let ward = Ward::of(&[listed("strap", STRAP, &["heart-rate"])]).await;
    let device = ward.bluez.add(profile::heart_rate(STRAP)).await;
    device.advertise().await;
    ward.until_metric("wardline_gateway_ble_unknown_devices", &[], |v| v == 1.0)
        .await;
    assert_eq!(
        ward.bluez.count("dev_C0_00_00_00_00_01", "Connect").await,
        0
    );
}

#[tokio::test]
async fn a_device_of_one_adapter_is_not_connected_by_another() {
    let bluez = wardline_fake_bluez::Bluez::start().await;
    bluez.add_adapter("hci1").await;
    let list = listed("strap", STRAP, &["heart-rate"])
        .random()
        .with("adapter = \"hci1\"");
    let mut ward = Ward::prepare(bluez, &[], &[list]).await;
    ward.start();
    let near = ward.bluez.add_on("hci0", profile::heart_rate(STRAP)).await;
    near.advertise().await;
    let far = ward.bluez.add_on("hci1", profile::heart_rate(STRAP)).await;
    far.advertise().await;
    far.until_subscribed(0x2A37).await;
    beats(&mut ward, &far, 60..63).await;
    assert_eq!(
        ward.bluez
            .count("hci0/dev_C0_00_00_00_00_01", "Connect")
            .await,
        0
    );
}

#[tokio::test]
async fn the_status_tells_how_each_device_is() {
    let cuff = "C0:00:00:00:08:01";
    let list = [
        listed("strap", STRAP, &["heart-rate"]).random(),
        listed("cuff", cuff, &["blood-pressure"]),
        // Its passkey is nobody's guess: it waits for a person.
        listed("ear", "C0:00:00:00:08:02", &["thermometer"]).with("pair = \"passkey\""),
        listed("missing", "C0:00:00:00:08:03", &["weight"]),
    ];
    let mut ward = Ward::of(&list).await;
    let strap = ward.bluez.add(profile::heart_rate(STRAP)).await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    beats(&mut ward, &strap, 60..63).await;
    ward.values("strap", "MDC_ATTR_VAL_BATT_CHARGE", 1).await;
    let cuff = ward.bluez.add(profile::cuff(cuff, -90_000)).await;
    cuff.advertise().await;
    cuff.until_read(0x2A2B, 1).await;
    cuff.until_disconnected().await;
    let ear = profile::thermometer("C0:00:00:00:08:02").pairing(Pairing::Passkey(1));
    let ear = ward.bluez.add(ear).await;
    ear.advertise().await;
    ear.until_connected().await;
    ear.until_disconnected().await;
    // Another configuration has the status told at once.
    let late = listed("late", "C0:00:00:00:08:04", &["weight"]);
    ward.configure(&[], &[&list[..], &[late]].concat());
    ward.reload();
    ward.until("a status of every device", |ward| {
        let devices = &ward.status["devices"];
        devices["strap"]["battery"] == 90 && devices["ear"]["state"] == "unpaired"
    })
    .await;
    let devices = &ward.status["devices"];
    assert_eq!(devices["strap"]["state"], "connected");
    assert_eq!(devices["strap"]["source"], "ble");
    assert!(devices["strap"]["lastReading"].is_string());
    assert_eq!(devices["missing"]["state"], "waiting");
    let offset = devices["cuff"]["clockOffset"].as_f64();
    assert!(offset.is_some_and(|s| (s - 90.0).abs() < 3.0), "{devices}");
    assert_eq!(ward.bluez.count("dev_C0_00_00_00_08_02", "Pair").await, 0);
}
