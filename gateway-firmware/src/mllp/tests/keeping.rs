//! What is published, in which class; and what could not be read.

use wardline_normalize::senml::RecordValue;

use super::*;
use crate::source::{Class, Kind};

#[tokio::test]
async fn readings_go_out_as_their_device_with_who_and_where() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "AL|NE", 72)]).await;
    assert_eq!(monitor.code().await, "CA 1");
    let taken = ward.spool.taken();
    assert_eq!(taken.len(), 1);
    let readings = &taken[0];
    assert_eq!(readings.device, "00A0370000000001");
    assert_eq!(
        (readings.kind, readings.class),
        (Kind::Readings, Class::Confirmed)
    );
    assert!(!readings.by_gateway_clock);
    let record = &readings.records[0];
    assert_eq!(record.name, "MDC_ECG_HEART_RATE");
    assert_eq!(record.unit.as_deref(), Some("/min"));
    assert_eq!(record.patient.as_deref(), Some("P-1"));
    assert!(record.bed.as_deref().is_some_and(|bed| bed.contains("ICU")));
    let devices = ward.origin.shared.devices.snapshot();
    let device = &devices["00A0370000000001"];
    assert_eq!((device.state, device.source), ("connected", "mllp"));
    assert!(device.last_reading.is_some() && device.clock_offset.is_some());
    monitor.hang_up().await;
}

#[tokio::test]
async fn a_device_of_the_configuration_stands_for_whatever_is_named() {
    let ward = Ward::new("device = \"bed-7\"");
    let mut monitor = ward.connect();
    monitor.say(&[reading("1", "", 72)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(ward.spool.taken()[0].device, "bed-7");
}

#[tokio::test]
async fn what_is_no_hl7_is_kept_for_the_quarantine_and_refused() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor
        .say(&[
            "<xml>not HL7</xml>".to_owned(),
            "<xml>again</xml>".to_owned(),
        ])
        .await;
    let answer = monitor.answer().await.expect("an answer");
    assert!(answer.contains("\rMSA|AR|\r"), "{answer}");
    assert!(monitor.code().await.starts_with("AR"));
    let taken = ward.spool.taken();
    // One of a kind in an hour.
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].device, "mllp-ward");
    assert_eq!(taken[0].class, Class::Confirmed);
    let record = &taken[0].records[0];
    assert_eq!(record.name, "hl7v2");
    assert_eq!(record.raw.as_deref(), Some(&b"<xml>not HL7</xml>"[..]));
    assert!(matches!(&record.value, RecordValue::Text(why) if why.contains("MSH")));
    assert!(ward.counted("rejects_total{source=\"ward\",kind=\"unreadable\"} 2"));
}

#[tokio::test]
async fn segments_without_meaning_are_kept_beside_the_readings_of_their_message() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    let with = |id: u32| {
        reading(&id.to_string(), "", 70 + id)
            + "OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.1|ninety|262688^MDC_DIM_PERCENT^MDC|||||R\r"
    };
    monitor.say(&[with(1), with(2)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.code().await, "AA 2");
    let records: Vec<_> = ward
        .spool
        .taken()
        .into_iter()
        .flat_map(|taken| taken.records)
        .collect();
    let rates = records
        .iter()
        .filter(|record| record.name == "MDC_ECG_HEART_RATE");
    assert_eq!(rates.count(), 2);
    let kept: Vec<_> = records
        .iter()
        .filter(|record| record.name == "hl7v2")
        .collect();
    assert_eq!(kept.len(), 1, "{records:?}");
    assert_eq!(kept[0].raw.as_deref(), Some(with(1).as_bytes()));
}

#[tokio::test]
async fn a_cuff_reading_that_is_repeated_is_published_once_and_a_refused_one_is_not_forgotten() {
    let ward = Ward::new("");
    let cuff = |id: &str, pressure: u32| {
        format!(
            "MSH|^~\\&|MON^00A0370000000001^EUI-64||||20261122120000+0000||ORU^R01^ORU_R01|{id}|P|2.6\r\
             OBR|1|||182777000^monitoring of patient^SCT|||20261122120000+0000\r\
             OBX|1|NM|150021^MDC_PRESS_BLD_NONINV_SYS^MDC|1.1.9.1|{pressure}|266016^MDC_DIM_MMHG^MDC|||||R|||20261122113600+0000\r"
        )
    };
    let mut monitor = ward.connect();
    ward.spool.is(Mood::Full);
    monitor.say(&[cuff("1", 120)]).await;
    assert_eq!(monitor.code().await, "AE 1");
    ward.spool.is(Mood::Takes);
    for (id, pressure) in [("2", 120), ("3", 120), ("4", 120), ("5", 121)] {
        monitor.say(&[cuff(id, pressure)]).await;
        assert_eq!(monitor.code().await, format!("AA {id}"));
    }
    assert_eq!(ward.spool.taken().len(), 2);
    assert!(ward.counted("repeats_total{source=\"ward\"} 2"));
}

/// Ten samples of a pleth wave with its sample rate.
fn wave(id: &str, beside: &str) -> String {
    format!(
        "MSH|^~\\&|MON^00A0370000000001^EUI-64||||20261122120000+0000||ORU^R01^ORU_R01|{id}|P|2.6\r\
         OBR|1|||CONTINUOUS WAVEFORM^^IHE|||20261122120000+0000|20261122120001+0000\r\
         OBX|1|NA|150452^MDC_PULS_OXIM_PLETH^MDC|1.3.1.1|1^2^3^4^5^4^3^2^1^0|262656^MDC_DIM_DIMLESS^MDC|||||R\r\
         OBX|2|NM|67976^MDC_ATTR_SAMP_RATE^MDC|1.3.1.1.1|10|264608^MDC_DIM_PER_SEC^MDC|||||R\r{beside}"
    )
}

#[tokio::test]
async fn waveforms_give_way_to_the_numerics_beside_them_and_stand_for_themselves_alone() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    let rate = "OBR|2|||182777000^monitoring of patient^SCT|||20261122120000+0000\r\
                OBX|3|NM|147842^MDC_ECG_HEART_RATE^MDC|1.5.1.1|70|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||R\r";
    monitor.say(&[wave("1", rate), wave("2", "")]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(monitor.code().await, "AA 2");
    let taken = ward.spool.taken();
    let classes: Vec<_> = taken
        .iter()
        .filter(|taken| matches!(taken.records[0].value, RecordValue::Waveform(_)))
        .map(|taken| taken.class)
        .collect();
    assert_eq!(classes, [Class::Waveform, Class::Confirmed], "{taken:?}");
    let ward = Ward::new("waveforms = \"count\"");
    let mut monitor = ward.connect();
    monitor.say(&[wave("1", rate)]).await;
    assert_eq!(monitor.code().await, "AA 1");
    assert_eq!(ward.spool.taken().len(), 1);
    assert!(ward.counted("waveforms_total{source=\"ward\"} 1"));
}
