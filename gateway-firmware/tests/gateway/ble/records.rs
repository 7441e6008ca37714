//! Stored records: all of them, each once, whatever happens on the way.

use wardline_fake_bluez::{Form, Peripheral, Record, Records, Trouble, pdu, profile};

use super::ward::{Reading, Ward, listed, now};

const METER: &str = "C0:00:00:00:02:01";
const GLUCOSE: &str = "MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD";

/// Records with these sequence numbers, a minute apart and all in the past; the value tells the number.
fn records(numbers: std::ops::RangeInclusive<u16>) -> Vec<Record> {
    let start = now() / 1_000 - 86_400;
    numbers
        .map(|number| Record {
            key: u32::from(number),
            pdus: vec![(
                0x2A18,
                pdu::glucose(
                    number,
                    pdu::when(start + i64::from(number) * 60),
                    i16::try_from(number).expect("small"),
                    false,
                ),
            )],
        })
        .collect()
}

fn meter_of(
    numbers: std::ops::RangeInclusive<u16>,
    troubles: &[Trouble],
) -> wardline_fake_bluez::Device {
    let records = Records::new(Form::Short, records(numbers)).troubles(troubles);
    profile::glucose_meter(METER, records)
}

async fn meter(
    changes: &[(&str, &str)],
    line: &str,
    numbers: std::ops::RangeInclusive<u16>,
    troubles: &[Trouble],
) -> (Ward, Peripheral) {
    let ward = Ward::with(changes, &[listed("meter", METER, &["glucose"]).with(line)]).await;
    let meter = ward.bluez.add(meter_of(numbers, troubles)).await;
    meter.advertise().await;
    (ward, meter)
}

/// The sequence numbers that came, in the order of their coming.
fn numbers(readings: &[Reading]) -> Vec<u16> {
    readings
        .iter()
        .map(|reading| {
            reading
                .label("sq")
                .expect("a number")
                .parse()
                .expect("a number")
        })
        .collect()
}

#[tokio::test]
async fn five_hundred_records_with_a_drop_in_the_middle_arrive_once_each() {
    let (mut ward, meter) = meter(&[], "", 1..=500, &[Trouble::DropAfter(230)]).await;
    meter.until_disconnected().await;
    ward.values("meter", GLUCOSE, 230).await;
    meter.advertise().await;
    let all = ward.values("meter", GLUCOSE, 500).await;
    assert_eq!(numbers(&all), (1..=500).collect::<Vec<u16>>());
    for reading in &all {
        let number = reading.label("sq").expect("a number");
        assert_eq!(reading.quantity(), format!("{number} mg/dL"));
    }
    // The second procedure went on where the first had ended.
    let writes = meter.writes(0x2A52).await;
    assert_eq!(writes[0], [1, 1]);
    let [low, high] = 231_u16.to_le_bytes();
    assert_eq!(writes[1], [1, 3, 1, low, high], "{writes:?}");
    assert!(!meter.records(|records| records.deleted()).await);
    let stored = "wardline_gateway_ble_stored_records_total";
    ward.until_metric(stored, &["meter"], |v| v == 500.0).await;
}

#[tokio::test]
async fn the_next_visit_fetches_what_is_new() {
    let (mut ward, meter) = meter(&[], "", 1..=20, &[]).await;
    ward.values("meter", GLUCOSE, 20).await;
    meter.until_disconnected().await;
    for record in records(21..=25) {
        meter.records(|all| all.push(record)).await;
    }
    meter.advertise().await;
    let all = ward.values("meter", GLUCOSE, 25).await;
    assert_eq!(numbers(&all), (1..=25).collect::<Vec<u16>>());
    let writes = meter.writes(0x2A52).await;
    assert!(writes.contains(&vec![1, 3, 1, 21, 0]), "{writes:?}");
    assert_eq!(
        writes.iter().filter(|write| **write == [1, 1]).count(),
        1,
        "{writes:?}"
    );
}

#[tokio::test]
async fn numbers_that_began_anew_are_fetched_all() {
    let (mut ward, meter) = meter(&[], "", 1..=40, &[]).await;
    ward.values("meter", GLUCOSE, 40).await;
    meter.until_disconnected().await;
    // A new battery: other records under low numbers.
    let anew: Vec<Record> = (1..=3_u16)
        .map(|number| Record {
            key: u32::from(number),
            pdus: vec![(
                0x2A18,
                pdu::glucose(
                    number,
                    pdu::when(now() / 1_000 - 5),
                    200 + i16::try_from(number).expect("small"),
                    false,
                ),
            )],
        })
        .collect();
    meter.records(|records| records.replace(anew)).await;
    meter.advertise().await;
    let all = ward.values("meter", GLUCOSE, 43).await;
    let mut values: Vec<String> = all[40..].iter().map(Reading::quantity).collect();
    // The last one told that the numbers began anew.
    values.sort();
    assert_eq!(values, ["201 mg/dL", "202 mg/dL", "203 mg/dL"]);
}

#[tokio::test]
async fn a_meter_that_falls_silent_is_asked_again_for_the_rest() {
    let changes = [("procedure-timeout", "1s")];
    let (mut ward, meter) = meter(&changes, "", 1..=60, &[Trouble::SilentAfter(25)]).await;
    ward.values("meter", GLUCOSE, 25).await;
    // Told to abort, let go, and met again.
    meter.until_disconnected().await;
    meter.advertise().await;
    let all = ward.values("meter", GLUCOSE, 60).await;
    assert_eq!(numbers(&all), (1..=60).collect::<Vec<u16>>());
    assert!(meter.writes(0x2A52).await.contains(&vec![3, 0]), "aborted");
}

#[tokio::test]
async fn a_meter_that_refuses_is_met_again() {
    let (mut ward, meter) = meter(&[], "", 1..=10, &[Trouble::Refuse(8)]).await;
    meter.until_written(0x2A52, 1).await;
    meter.until_disconnected().await;
    meter.advertise().await;
    let all = ward.values("meter", GLUCOSE, 10).await;
    assert_eq!(numbers(&all), (1..=10).collect::<Vec<u16>>());
}

#[tokio::test]
async fn a_busy_meter_is_asked_again_on_the_same_link() {
    let (mut ward, meter) = meter(&[], "", 1..=10, &[Trouble::Refuse(10)]).await;
    let all = ward.values("meter", GLUCOSE, 10).await;
    assert_eq!(numbers(&all), (1..=10).collect::<Vec<u16>>());
    assert_eq!(
        ward.bluez.count("dev_C0_00_00_00_02_01", "Connect").await,
        1
    );
    assert_eq!(meter.writes(0x2A52).await[..2], [[1, 1], [1, 1]]);
}

#[tokio::test]
async fn a_meter_without_records_is_let_go_in_peace() {
    let ward = Ward::of(&[listed("meter", METER, &["glucose"])]).await;
    let device = profile::glucose_meter(METER, Records::new(Form::Short, Vec::new()));
    let meter = ward.bluez.add(device).await;
    meter.advertise().await;
    let mut ward = ward;
    meter.until_written(0x2A52, 1).await;
    meter.until_disconnected().await;
    ward.until_metric("wardline_gateway_ble_connected", &["meter"], |v| v == 0.0)
        .await;
    assert!(ward.of_metric("meter", GLUCOSE).is_empty());
    for record in records(1..=2) {
        meter.records(|all| all.push(record)).await;
    }
    meter.advertise().await;
    ward.values("meter", GLUCOSE, 2).await;
}

#[tokio::test]
async fn contexts_join_their_measurements() {
    let mut with_context = records(1..=10);
    for record in &mut with_context {
        let number = u16::try_from(record.key).expect("small");
        let when = pdu::when(now() / 1_000 - 3_600 + i64::from(number));
        record.pdus = vec![
            (0x2A18, pdu::glucose(number, when, 100, true)),
            // Meal 2: postprandial.
            (0x2A34, pdu::glucose_context(number, 2)),
        ];
    }
    let mut ward = Ward::of(&[listed("meter", METER, &["glucose"])]).await;
    let device = profile::glucose_meter(METER, Records::new(Form::Short, with_context));
    let meter = ward.bluez.add(device).await;
    meter.advertise().await;
    let values = ward.values("meter", GLUCOSE, 10).await;
    let meals = ward.values("meter", "MDC_CTXT_GLU_MEAL", 10).await;
    for (value, meal) in values.iter().zip(&meals) {
        assert_eq!(value.label("sq"), meal.label("sq"));
        assert_eq!(value.time, meal.time);
    }
}

#[tokio::test]
async fn control_solution_is_no_result() {
    let mut all = records(1..=2);
    // Type 10, location 4.
    let last = all[0].pdus[0].1.len() - 1;
    all[0].pdus[0].1[last] = 0x4A;
    let mut ward = Ward::of(&[listed("meter", METER, &["glucose"])]).await;
    let device = profile::glucose_meter(METER, Records::new(Form::Short, all));
    ward.bluez.add(device).await.advertise().await;
    ward.values("meter", GLUCOSE, 1).await;
    let control = |r: &&Reading| r.label("sq") == Some("1") && r.value.is_some();
    for reading in ward.readings.iter().filter(control) {
        assert_ne!(reading.name, GLUCOSE, "{reading:?}");
        let marked = reading.name == "MDC_CONC_GLU_CONTROL" || reading.label("q") == Some("test");
        assert!(marked, "{reading:?}");
    }
}

#[tokio::test]
async fn a_gateway_killed_in_a_download_loses_none() {
    let (mut ward, meter) = meter(&[], "", 1..=400, &[Trouble::SilentAfter(150)]).await;
    ward.values("meter", GLUCOSE, 100).await;
    ward.kill().await;
    meter.drop_link().await;
    ward.start();
    meter.advertise().await;
    ward.until("all 400", |ward| {
        let mut all = numbers(&ward.of_metric("meter", GLUCOSE));
        all.sort_unstable();
        all.dedup();
        all.len() == 400
    })
    .await;
    // What came twice is the same reading: the server sees no difference.
    let mut seen = std::collections::BTreeMap::new();
    for reading in ward.of_metric("meter", GLUCOSE) {
        let key = reading.label("sq").map(ToOwned::to_owned);
        let what = (reading.quantity(), reading.time);
        assert_eq!(*seen.entry(key).or_insert_with(|| what.clone()), what);
    }
}

#[tokio::test]
async fn records_are_deleted_only_on_demand_and_when_they_are_safe() {
    let (mut ward, meter) = meter(&[], "delete-after-download = true", 1..=15, &[]).await;
    ward.values("meter", GLUCOSE, 15).await;
    meter.until_disconnected().await;
    assert!(
        meter
            .records(|records| records.is_empty() && records.deleted())
            .await
    );
    let writes = meter.writes(0x2A52).await;
    assert_eq!(writes.last(), Some(&vec![2, 2, 1, 15, 0]), "{writes:?}");
}

#[tokio::test]
async fn a_clip_tells_its_stored_spot_checks() {
    let address = "C0:00:00:00:02:02";
    let start = now() / 1_000 - 3_600;
    let stored: Vec<Record> = (0..12_u32)
        .map(|number| Record {
            key: number,
            pdus: vec![(
                0x2A5E,
                pdu::spot(
                    90 + i16::try_from(number % 8).expect("small"),
                    70,
                    pdu::when(start + i64::from(number) * 60),
                ),
            )],
        })
        .collect();
    let mut ward = Ward::of(&[listed("clip", address, &["pulse-oximeter"])]).await;
    let clip = profile::oximeter(address, Records::new(Form::AllOnly, stored));
    let clip = ward.bluez.add(clip).await;
    clip.advertise().await;
    let all = ward.values("clip", "MDC_PULS_OXIM_SAT_O2", 12).await;
    let times: Vec<i64> = all
        .iter()
        .map(|r| r.time.expect("a time") / 1_000)
        .collect();
    assert_eq!(times, (0..12).map(|n| start + n * 60).collect::<Vec<i64>>());
    assert_eq!(clip.writes(0x2A52).await[0], [1, 1]);
}
