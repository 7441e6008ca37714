//! Devices that wake up, tell a measurement and go.

use wardline_fake_bluez::{Peripheral, pdu, profile};

use super::ward::{Reading, Ward, listed, now};

const THERMOMETER: &str = "C0:00:00:00:01:01";
const CUFF: &str = "C0:00:00:00:01:02";
const SCALE: &str = "C0:00:00:00:01:03";
const SYSTOLIC: &str = "MDC_PRESS_BLD_NONINV_SYS";
const WEIGHT: &str = "MDC_MASS_BODY_ACTUAL";

async fn thermometer() -> (Ward, Peripheral) {
    let ward = Ward::of(&[listed("ear", THERMOMETER, &["thermometer"])]).await;
    let thermometer = ward.bluez.add(profile::thermometer(THERMOMETER)).await;
    thermometer.advertise().await;
    thermometer.until_subscribed(0x2A1C).await;
    (ward, thermometer)
}

/// A cuff whose clock is ahead by so many milliseconds.
async fn cuff(ahead: i64, line: &str) -> (Ward, Peripheral) {
    let ward = Ward::of(&[listed("cuff", CUFF, &["blood-pressure"]).with(line)]).await;
    let cuff = ward.bluez.add(profile::cuff(CUFF, ahead)).await;
    cuff.advertise().await;
    cuff.until_subscribed(0x2A35).await;
    (ward, cuff)
}

#[tokio::test]
async fn a_temperature_keeps_its_decimals_its_site_and_the_time_of_its_reception() {
    let (mut ward, thermometer) = thermometer().await;
    thermometer.send(0x2A1C, &pdu::temperature(370)).await;
    let reading = ward.values("ear", "MDC_TEMP_TYMP", 1).await.remove(0);
    assert_eq!(reading.quantity(), "37.0 Cel");
    let time = reading.time.expect("a time");
    assert!((ward.began..=now()).contains(&time), "{time}");
}

#[tokio::test]
async fn fahrenheit_stays_fahrenheit() {
    let (mut ward, thermometer) = thermometer().await;
    let sent = [&[0x05][..], &pdu::float(986, -1), &[2]].concat();
    thermometer.send(0x2A1C, &sent).await;
    let reading = ward.values("ear", "MDC_TEMP_BODY", 1).await.remove(0);
    assert_eq!(reading.quantity(), "98.6 [degF]");
}

#[tokio::test]
async fn a_device_that_goes_right_after_its_measurement_has_told_it() {
    let (mut ward, thermometer) = thermometer().await;
    thermometer.send(0x2A1C, &pdu::temperature(381)).await;
    thermometer.drop_link().await;
    let reading = ward.values("ear", "MDC_TEMP_TYMP", 1).await.remove(0);
    assert_eq!(reading.quantity(), "38.1 Cel");
    // And it may come back.
    thermometer.advertise().await;
    thermometer.until_subscribed(0x2A1C).await;
    thermometer.send(0x2A1C, &pdu::temperature(379)).await;
    let reading = ward.values("ear", "MDC_TEMP_TYMP", 2).await.remove(1);
    assert_eq!(reading.quantity(), "37.9 Cel");
}

fn quantities(readings: &[Reading]) -> Vec<String> {
    let mut all: Vec<String> = readings
        .iter()
        .map(|reading| format!("{} {}", reading.name, reading.quantity()))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_cuff_that_is_six_minutes_slow_is_corrected() {
    let (mut ward, cuff) = cuff(-360_000, "").await;
    // It reads the cuff's clock while the measurement may already come.
    cuff.until_read(0x2A2B, 1).await;
    let measured = now() - 30_000;
    let shown = pdu::when(measured / 1_000 - 360);
    cuff.send(0x2A35, &pdu::blood_pressure(128, 84, 99, 66, 2, shown))
        .await;
    ward.values("cuff", "MDC_PULS_RATE_NON_INV", 1).await;
    let all = ["SYS", "DIA", "MEAN"].map(|part| format!("MDC_PRESS_BLD_NONINV_{part}"));
    for (name, value) in all.iter().zip(["128 mm[Hg]", "84 mm[Hg]", "99 mm[Hg]"]) {
        let reading = ward.values("cuff", name, 1).await.remove(0);
        assert_eq!(reading.quantity(), value);
        let error = reading.time.expect("a time") - measured;
        assert!(error.abs() < 3_000, "{error} ms");
        assert_eq!(reading.label("us"), Some("2"));
        // As the cuff stated it, without a zone.
        let (year, month, day, hour, minute, second) = shown;
        let stated = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        assert_eq!(reading.label("dt"), Some(stated.as_str()));
    }
    let offset = "wardline_gateway_ble_clock_offset_seconds";
    ward.until_metric(offset, &["cuff"], |v| (v - 360.0).abs() < 3.0)
        .await;
}

#[tokio::test]
async fn a_clock_is_set_only_where_that_is_asked_for() {
    let (_ward, cuff) = cuff(-360_000, "set-clock = true").await;
    cuff.until_written(0x2A2B, 1).await;
    assert!(
        cuff.ahead().await.abs() < 3_000,
        "{} ms",
        cuff.ahead().await
    );
}

#[tokio::test]
async fn a_clock_is_left_alone_otherwise() {
    let (mut ward, cuff) = cuff(-360_000, "").await;
    cuff.send(
        0x2A35,
        &pdu::blood_pressure(120, 80, 93, 60, 1, pdu::when(now() / 1_000)),
    )
    .await;
    ward.values("cuff", SYSTOLIC, 1).await;
    cuff.until_disconnected().await;
    assert!(cuff.writes(0x2A2B).await.is_empty());
}

#[tokio::test]
async fn a_year_of_zero_is_never_moved_to_now() {
    let (mut ward, cuff) = cuff(0, "").await;
    let sent = pdu::blood_pressure(121, 81, 94, 61, 1, (0, 0, 0, 0, 0, 0));
    cuff.send(0x2A35, &sent).await;
    let reading = ward.values("cuff", SYSTOLIC, 1).await.remove(0);
    assert_eq!(reading.label("ts"), Some("none"), "{reading:?}");
    assert_eq!(reading.quantity(), "121 mm[Hg]");
}

#[tokio::test]
async fn a_stamp_of_the_future_is_never_moved_to_now() {
    let (mut ward, cuff) = cuff(0, "").await;
    let later = pdu::when(now() / 1_000 + 90 * 86_400);
    cuff.send(0x2A35, &pdu::blood_pressure(122, 82, 95, 62, 1, later))
        .await;
    let reading = ward.values("cuff", SYSTOLIC, 1).await.remove(0);
    assert_eq!(reading.label("ts"), Some("none"), "{reading:?}");
    assert!(reading.label("dt").is_some(), "{reading:?}");
}

#[tokio::test]
async fn a_failed_measurement_is_told_as_absent() {
    let (mut ward, cuff) = cuff(0, "").await;
    let nan = pdu::NAN;
    let sent = [&[0x10][..], &nan, &nan, &nan, &[0x02, 0]].concat();
    cuff.send(0x2A35, &sent).await;
    let reading = ward.values("cuff", SYSTOLIC, 1).await.remove(0);
    assert!(reading.absent(), "{reading:?}");
}

#[tokio::test]
async fn an_irregular_pulse_is_flagged() {
    let (mut ward, cuff) = cuff(0, "").await;
    let sent = [
        &[0x10][..],
        &pdu::sfloat(141, 0),
        &pdu::sfloat(90, 0),
        &pdu::sfloat(107, 0),
        &[0x04, 0],
    ]
    .concat();
    cuff.send(0x2A35, &sent).await;
    ward.values("cuff", SYSTOLIC, 1).await;
    ward.until("a flag", |ward| {
        let flags = |r: &Reading| {
            r.labels
                .get("fl")
                .is_some_and(|fl| fl.contains("irregular-pulse"))
        };
        ward.readings.iter().any(flags)
    })
    .await;
}

#[tokio::test]
async fn pressure_while_deflating_is_telemetry_and_only_on_demand() {
    let intermediate = [&[0x00][..], &pdu::sfloat(155, 0), &pdu::NAN, &pdu::NAN].concat();
    let result = pdu::blood_pressure(130, 85, 100, 70, 1, pdu::when(now() / 1_000));
    let (mut first, device) = cuff(0, "").await;
    assert!(
        !device.send(0x2A36, &intermediate).await,
        "nobody subscribed"
    );
    device.send(0x2A35, &result).await;
    first.values("cuff", SYSTOLIC, 1).await;
    assert!(first.of_metric("cuff", "local.cuff-pressure").is_empty());
    let (mut second, device) = cuff(0, "intermediate = true").await;
    device.until_subscribed(0x2A36).await;
    assert!(device.send(0x2A36, &intermediate).await);
    device.send(0x2A35, &result).await;
    let reading = second
        .values("cuff", "local.cuff-pressure", 1)
        .await
        .remove(0);
    assert_eq!(reading.quantity(), "155 mm[Hg]");
    assert_eq!(second.values("cuff", SYSTOLIC, 1).await.len(), 1);
}

#[tokio::test]
async fn a_backlog_that_is_sent_at_each_visit_arrives_once() {
    let (mut ward, cuff) = cuff(0, "").await;
    let when = |minutes: i64| pdu::when(now() / 1_000 - minutes * 60);
    let backlog = [
        pdu::blood_pressure(110, 70, 83, 60, 1, when(30)),
        pdu::blood_pressure(111, 71, 84, 61, 1, when(20)),
    ];
    for visit in 0..3_i16 {
        cuff.until_subscribed(0x2A35).await;
        for value in &backlog {
            assert!(cuff.send(0x2A35, value).await);
        }
        let own = pdu::blood_pressure(120 + visit, 75, 90, 62, 1, when(2));
        assert!(cuff.send(0x2A35, &own).await);
        let expected = 3 + usize::try_from(visit).expect("small");
        ward.values("cuff", SYSTOLIC, expected).await;
        cuff.drop_link().await;
        cuff.advertise().await;
    }
    let values: Vec<String> = ward
        .of_metric("cuff", SYSTOLIC)
        .iter()
        .map(Reading::quantity)
        .collect();
    assert_eq!(
        values,
        [
            "110 mm[Hg]",
            "111 mm[Hg]",
            "120 mm[Hg]",
            "121 mm[Hg]",
            "122 mm[Hg]"
        ]
    );
}

#[tokio::test]
async fn values_that_bluez_tells_twice_arrive_once() {
    let (mut ward, cuff) = cuff(0, "").await;
    cuff.duplicates(true).await;
    for systolic in 130..135 {
        let value = pdu::blood_pressure(systolic, 80, 97, 64, 1, pdu::when(now() / 1_000 - 60));
        assert!(cuff.send(0x2A35, &value).await);
    }
    cuff.duplicates(false).await;
    let last = pdu::blood_pressure(140, 80, 97, 64, 1, pdu::when(now() / 1_000));
    cuff.send(0x2A35, &last).await;
    ward.until("the last", |ward| {
        ward.of_metric("cuff", SYSTOLIC)
            .iter()
            .any(|r| r.quantity() == "140 mm[Hg]")
    })
    .await;
    assert_eq!(ward.of_metric("cuff", SYSTOLIC).len(), 6);
    ward.until_metric("wardline_gateway_ble_duplicates_total", &["cuff"], |v| {
        v == 5.0
    })
    .await;
}

#[tokio::test]
async fn a_scale_tells_its_users_apart() {
    let mut ward = Ward::of(&[listed("scale", SCALE, &["weight"])]).await;
    let scale = ward.bluez.add(profile::scale(SCALE)).await;
    scale.advertise().await;
    scale.until_subscribed(0x2A9D).await;
    for (steps, user) in [(14_000, 1), (16_500, 3), (15_000, 0xFF)] {
        scale.send(0x2A9D, &pdu::weight(steps, user)).await;
    }
    let all = ward.values("scale", WEIGHT, 3).await;
    let got: Vec<_> = all.iter().map(|r| (r.quantity(), r.label("us"))).collect();
    let expected = [
        ("70.000 kg".to_owned(), Some("1")),
        ("82.500 kg".to_owned(), Some("3")),
        // Unknown: nobody's, not somebody's.
        ("75.000 kg".to_owned(), None),
    ];
    assert_eq!(got, expected);
}

#[tokio::test]
async fn body_composition_in_two_packets_is_one_measurement() {
    let address = "C0:00:00:00:01:04";
    let mut ward = Ward::of(&[listed("bca", address, &["body-composition"])]).await;
    let bca = ward.bluez.add(profile::body_composition(address)).await;
    bca.advertise().await;
    bca.until_subscribed(0x2A9C).await;
    // Flags: time, user, multiple packets; the second has muscle percentage and weight.
    let when = pdu::date_time(pdu::when(now() / 1_000));
    let first = [&[0x06, 0x10][..], &200_u16.to_le_bytes(), &when, &[1]].concat();
    let second = [
        &[0x16, 0x14][..],
        &0xFFFF_u16.to_le_bytes(),
        &when,
        &[1],
        &401_u16.to_le_bytes(),
        &15_000_u16.to_le_bytes(),
    ]
    .concat();
    bca.send(0x2A9C, &first).await;
    bca.send(0x2A9C, &second).await;
    ward.values("bca", WEIGHT, 1).await;
    let all = quantities(&ward.of_device("bca"));
    for expected in [
        "MDC_BODY_FAT 20.0 %",
        "MDC_BODY_MUSCLE 40.1 %",
        "MDC_MASS_BODY_ACTUAL 75.000 kg",
    ] {
        assert!(
            all.iter().any(|one| one == expected),
            "{expected} of {all:?}"
        );
    }
    assert_eq!(ward.of_metric("bca", "MDC_BODY_FAT").len(), 1, "{all:?}");
}

#[tokio::test]
async fn a_spot_device_takes_the_place_of_a_stream() {
    let list = [
        listed("strap", super::streams::STRAP, &["heart-rate"]).random(),
        listed("ear", THERMOMETER, &["thermometer"]),
    ];
    let mut ward = Ward::with(&[("connections", "1")], &list).await;
    let strap = ward
        .bluez
        .add(profile::heart_rate(super::streams::STRAP))
        .await;
    strap.advertise().await;
    strap.until_subscribed(0x2A37).await;
    let thermometer = ward.bluez.add(profile::thermometer(THERMOMETER)).await;
    thermometer.advertise().await;
    thermometer.until_subscribed(0x2A1C).await;
    assert!(!strap.connected().await);
    thermometer.send(0x2A1C, &pdu::temperature(372)).await;
    ward.values("ear", "MDC_TEMP_TYMP", 1).await;
    thermometer.drop_link().await;
    // And the stream has its place back.
    strap.until_subscribed(0x2A37).await;
    strap.send(0x2A37, &pdu::heart_rate(77)).await;
    ward.values("strap", super::streams::RATE, 1).await;
    assert_eq!(ward.bluez.most_connected("hci0").await, 1);
}
