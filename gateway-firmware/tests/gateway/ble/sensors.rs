//! Continuous glucose and generic health sensors.

use wardline_fake_bluez::{Characteristic, Device, Form, Record, Records, Service, pdu, profile};

use super::ward::{Ward, listed, now};

const SENSOR: &str = "C0:00:00:00:03:01";
const INTERSTITIAL: &str = "MDC_CONC_GLU_ISF";

/// A sensor whose session began so many minutes ago, with a record every five minutes.
fn sensor(minutes: u16) -> Device {
    let start = now() / 1_000 - i64::from(minutes) * 60;
    let session = pdu::session_start(pdu::when(start));
    let status = [&minutes.to_le_bytes()[..], &[0, 0, 0]].concat();
    let stored = (1..=minutes / 5)
        .map(|number| Record {
            key: u32::from(number * 5),
            pdus: vec![(
                0x2AA7,
                pdu::cgm(number * 5, 100 + i16::try_from(number).expect("small")),
            )],
        })
        .collect();
    profile::cgm(SENSOR, &session, &status, Records::new(Form::Short, stored))
}

#[tokio::test]
async fn offsets_count_from_the_start_of_the_session() {
    let mut ward = Ward::of(&[listed("cgm", SENSOR, &["cgm"]).random()]).await;
    let device = sensor(100);
    let start = now() / 1_000 - 6_000;
    let cgm = ward.bluez.add(device).await;
    cgm.advertise().await;
    let all = ward.values("cgm", INTERSTITIAL, 20).await;
    for (number, reading) in (1..).zip(&all) {
        assert_eq!(reading.quantity(), format!("{} mg/dL", 100 + number));
        let error = reading.time.expect("a time") / 1_000 - (start + number * 300);
        assert!(error.abs() <= 3, "{number}: {error} s");
    }
    // A live one.
    cgm.send(0x2AA7, &pdu::cgm(101, 140)).await;
    let live = ward.values("cgm", INTERSTITIAL, 21).await.remove(20);
    assert_eq!(live.quantity(), "140 mg/dL");
}

#[tokio::test]
async fn a_sensor_is_asked_for_what_came_since() {
    let mut ward = Ward::of(&[listed("cgm", SENSOR, &["cgm"]).random()]).await;
    let cgm = ward.bluez.add(sensor(50)).await;
    cgm.advertise().await;
    ward.values("cgm", INTERSTITIAL, 10).await;
    cgm.records(|records| {
        records.push(Record {
            key: 55,
            pdus: vec![(0x2AA7, pdu::cgm(55, 155))],
        });
    })
    .await;
    cgm.drop_link().await;
    let all = ward.values("cgm", INTERSTITIAL, 11).await;
    assert_eq!(all[10].quantity(), "155 mg/dL");
    let writes = cgm.writes(0x2A52).await;
    assert!(writes.contains(&vec![1, 3, 1, 51, 0]), "{writes:?}");
}

#[tokio::test]
async fn a_wrong_checksum_is_counted_and_dropped() {
    let session = pdu::session_start(pdu::when(now() / 1_000 - 600));
    let records = Records::new(Form::Short, Vec::new());
    let mut device = profile::cgm(SENSOR, &session, &[10, 0, 0, 0, 0], records);
    // Feature bit 12: E2E-CRC; the CRC of the feature value itself is CRC-16/CCITT-FALSE over the bytes before it.
    let feature = with_crc(&[0x00, 0x10, 0x00, 0x59]);
    device = device.change(0x2AA8, |c| {
        c.clone_from(&Characteristic::read(0x2AA8, &feature))
    });
    let session = with_crc(&session);
    device = device.change(0x2AAA, |c| {
        c.clone_from(&Characteristic::read(0x2AAA, &session))
    });
    let status = with_crc(&[10, 0, 0, 0, 0]);
    device = device.change(0x2AA9, |c| {
        c.clone_from(&Characteristic::read(0x2AA9, &status))
    });
    let mut ward = Ward::of(&[listed("cgm", SENSOR, &["cgm"]).random()]).await;
    let cgm = ward.bluez.add(device).await;
    cgm.advertise().await;
    cgm.until_subscribed(0x2AA7).await;
    let mut good = pdu::cgm(9, 111);
    good[0] = 8;
    let good = with_crc(&good);
    let mut bad = good.clone();
    bad[2] ^= 0x01;
    cgm.send(0x2AA7, &bad).await;
    cgm.send(0x2AA7, &good).await;
    let all = ward.values("cgm", INTERSTITIAL, 1).await;
    assert_eq!(all[0].quantity(), "111 mg/dL");
    ward.until_metric("wardline_gateway_ble_crc_failures_total", &["cgm"], |v| {
        v == 1.0
    })
    .await;
}

/// CRC-16/CCITT-FALSE, bit by bit: polynomial 0x1021, from 0xFFFF.
fn with_crc(bytes: &[u8]) -> Vec<u8> {
    let mut crc = 0xFFFF_u16;
    for byte in bytes {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            };
        }
    }
    let mut all = bytes.to_vec();
    all.extend(crc.to_le_bytes());
    all
}

#[test]
fn the_checksum_is_that_of_a_captured_packet() {
    let packet = [
        0x0E, 0xC3, 0xF9, 0x00, 0xF4, 0x0B, 0x00, 0x00, 0x74, 0xE0, 0x0A, 0x00,
    ];
    assert_eq!(with_crc(&packet)[12..], [0xE0, 0xF1]);
}

/// A numeric observation: class 1, type, unit and FLOAT, without a time.
fn observation(mdc: u32, unit: u16, value: [u8; 4]) -> Vec<u8> {
    let mut rest = Vec::new();
    rest.extend(1_u16.to_le_bytes());
    rest.extend(mdc.to_le_bytes());
    rest.extend(unit.to_le_bytes());
    rest.extend(value);
    let length = u16::try_from(rest.len()).expect("short");
    [&[1][..], &length.to_le_bytes(), &rest].concat()
}

/// Segments of so many bytes each, with their headers.
fn segments(body: &[u8], size: usize) -> Vec<Vec<u8>> {
    let count = body.len().div_ceil(size);
    body.chunks(size)
        .enumerate()
        .map(|(number, part)| {
            let counter = u8::try_from(number % 64).expect("small") << 2;
            let first = u8::from(number == 0);
            let last = u8::from(number + 1 == count) << 1;
            [&[counter | last | first][..], part].concat()
        })
        .collect()
}

#[tokio::test]
async fn a_generic_sensor_tells_codes_and_units_over_the_wire() {
    let address = "C0:00:00:00:03:02";
    // SpO2 150456 in % (partition 4, 544), in segments of four bytes.
    let live = segments(&observation(150_456, 544, pdu::float(96, 0)), 4);
    let live = live.into_iter().map(|segment| (0x2B8B, segment)).collect();
    let device = profile::generic(address, Records::new(Form::Long, Vec::new()), live);
    let mut ward = Ward::of(&[listed("generic", address, &["generic-health"])]).await;
    let generic = ward.bluez.add(device).await;
    generic.advertise().await;
    generic.until_subscribed(0x2B8B).await;
    let reading = ward
        .values("generic", "MDC_PULS_OXIM_SAT_O2", 1)
        .await
        .remove(0);
    assert_eq!(reading.quantity(), "96 %");
}

#[tokio::test]
async fn a_device_of_several_profiles_is_one_device() {
    let address = "C0:00:00:00:03:03";
    let device = profile::heart_rate(address)
        .service(Service::new(0x1809).with(Characteristic::indicate(0x2A1C)));
    let mut ward =
        Ward::of(&[listed("patch", address, &["heart-rate", "thermometer"]).random()]).await;
    let patch = ward.bluez.add(device).await;
    patch.advertise().await;
    patch.until_subscribed(0x2A37).await;
    patch.until_subscribed(0x2A1C).await;
    patch.send(0x2A37, &pdu::heart_rate(81)).await;
    patch.send(0x2A1C, &pdu::temperature(366)).await;
    ward.values("patch", super::streams::RATE, 1).await;
    assert_eq!(
        ward.values("patch", "MDC_TEMP_TYMP", 1).await[0].quantity(),
        "36.6 Cel"
    );
}
