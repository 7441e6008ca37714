//! Alarms, their channel's heartbeat, and PCD-05.

use wardline_normalize::measurement::Phase;
use wardline_normalize::senml::{Record, RecordValue};

use super::super::message;
use super::*;
use crate::source::Kind;

fn alarm(id: &str, asked: &str, priority: &str, event: &str, state: &str) -> String {
    let (accept, application) = asked.split_once('|').unwrap_or_default();
    format!(
        "MSH|^~\\&|EGATE^00A0370000000002^EUI-64||||20261122120000+0000||ORU^R40^ORU_R40|{id}|P|2.6|||{accept}|{application}||||||\
         IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4.1^ISO\r\
         PID|||P-2\rPV1||I|ICU^^7\r\
         OBR|1|{id}^EGATE|{id}^EGATE|196616^MDC_EVT_ALARM^MDC|||20261122120000+0000\r\
         OBX|1|ST|{event}^MDC|1.3.1.150456.1|text|||{priority}|||F|||20261122120000+0000\r\
         OBX|2|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|start||||||F\r\
         OBX|3|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.3.1.150456.4|{state}||||||F\r"
    )
}

fn desaturation(id: &str, asked: &str) -> String {
    alarm(id, asked, "L~PM~SP", "196670^MDC_EVT_LO", "active")
}

fn heartbeat(id: &str, state: &str) -> String {
    alarm(id, "AL|NE", "PN~ST", "196614^MDC_EVT_ACTIVE", state)
}

#[tokio::test]
async fn alarms_go_out_as_alarms_and_are_answered_by_their_profile() {
    let ward = Ward::new("");
    let mut monitor = ward.connect();
    monitor.say(&[desaturation("1", "AL|NE")]).await;
    assert_eq!(monitor.code().await, "CA 1");
    let taken = ward.spool.taken();
    assert_eq!(taken[0].kind, Kind::Alarms);
    assert!(matches!(
        taken[0].records[0].value,
        RecordValue::Alarm { .. }
    ));
    // PCD-05 where an application acknowledgement is asked for.
    for (mode, asked, ora) in [
        ("auto", "NE|AL", true),
        ("auto", "", false),
        ("ack", "NE|AL", false),
        ("ora", "", true),
    ] {
        let ward = Ward::new(&format!("alarm-answer = \"{mode}\""));
        let mut monitor = ward.connect();
        monitor.say(&[desaturation("2", asked)]).await;
        let answer = monitor.answer().await.expect("an answer");
        assert!(answer.contains("\rMSA|AA|2\r"), "{answer}");
        assert_eq!(
            answer.contains("|ORA^R41^ORA_R41|"),
            ora,
            "{mode} {asked}: {answer}"
        );
    }
}

/// Our own alarms so far: device and phase.
fn own(ward: &Ward) -> Vec<(String, Phase)> {
    let record = |record: &Record| match &record.value {
        RecordValue::Alarm { state, .. } if record.name == "local.heartbeat-missing" => state.phase,
        _ => None,
    };
    let taken = ward.spool.taken();
    taken
        .iter()
        .filter_map(|taken| Some((taken.device.clone(), record(&taken.records[0])?)))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_that_stops_raises_an_alarm_and_its_return_ends_it() {
    let ward = Ward::new("heartbeat = \"30s\"\nidle = \"0s\"");
    let device = "00A0370000000002".to_owned();
    let mut monitor = ward.connect();
    monitor.say(&[heartbeat("1", "active")]).await;
    assert_eq!(monitor.code().await, "CA 1");
    // Whatever an earlier process may have left open ends here.
    assert_eq!(own(&ward), [(device.clone(), Phase::End)]);
    tokio::time::advance(Duration::from_secs(29)).await;
    message::watch(&ward.origin).await;
    assert_eq!(own(&ward).len(), 1);
    tokio::time::advance(Duration::from_secs(2)).await;
    message::watch(&ward.origin).await;
    message::watch(&ward.origin).await;
    assert_eq!(own(&ward)[1..], [(device.clone(), Phase::Start)]);
    assert!(ward.counted("silent{source=\"ward\"} 1"));
    assert_eq!(
        ward.origin.shared.devices.snapshot()[&device].state,
        "silent"
    );
    monitor.say(&[heartbeat("2", "active")]).await;
    assert_eq!(monitor.code().await, "CA 2");
    assert_eq!(own(&ward)[2..], [(device.clone(), Phase::End)]);
    // A planned shutdown is none.
    monitor.say(&[heartbeat("3", "inactive")]).await;
    assert_eq!(monitor.code().await, "CA 3");
    tokio::time::advance(Duration::from_secs(3_600)).await;
    message::watch(&ward.origin).await;
    assert_eq!(own(&ward).len(), 3);
    assert!(ward.counted("heartbeats_total{source=\"ward\"} 3"));
    // Heartbeats themselves are not published.
    assert_eq!(ward.spool.taken().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_missing_heartbeat_that_the_spool_did_not_take_is_told_again() {
    let ward = Ward::new("heartbeat = \"30s\"\nheartbeat-devices = [\"m1\"]");
    ward.spool.is(Mood::Full);
    tokio::time::advance(Duration::from_secs(31)).await;
    message::watch(&ward.origin).await;
    ward.spool.is(Mood::Takes);
    tokio::time::advance(Duration::from_secs(1)).await;
    message::watch(&ward.origin).await;
    assert_eq!(own(&ward), [("m1".to_owned(), Phase::Start)]);
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_among_alarms_and_readings_is_its_device_s_alone() {
    let ward = Ward::new("heartbeat = \"30s\"\nidle = \"0s\"");
    let watchdog = |id: &str, state: &str| {
        let beat = heartbeat(id, state);
        let (_, order) = beat.split_once("\rOBR|").unwrap_or_default();
        format!("OBR|{order}").replacen(
            "||20261122120000+0000\r",
            "||20261122120000+0000||||^^00A0370000000009^EUI-64\r",
            2,
        )
    };
    let mut monitor = ward.connect();
    let mixed = desaturation("1", "AL|NE") + &watchdog("2", "active");
    monitor.say(&[mixed]).await;
    assert_eq!(monitor.code().await, "CA 1");
    let alarms: Vec<(String, String)> = ward
        .spool
        .taken()
        .iter()
        .map(|taken| (taken.device.clone(), taken.records[0].name.clone()))
        .collect();
    let (alarming, beating) = ("00A0370000000002", "00A0370000000009");
    assert_eq!(alarms[0], (alarming.to_owned(), "MDC_EVT_LO".to_owned()));
    // One device is watched: the one that beats.
    assert_eq!(own(&ward), [(beating.to_owned(), Phase::End)]);
    assert!(ward.counted("heartbeats_total{source=\"ward\"} 1"));
    // Its farewell is in a message of readings, and is heard there too.
    let numerics = desaturation("3", "AL|NE")
        .replace("ORU^R40^ORU_R40", "ORU^R01^ORU_R01")
        .replace("196616^MDC_EVT_ALARM^MDC", "69965^MDC_DEV_MON^MDC")
        .replace("196670^MDC_EVT_LO^MDC", "150456^MDC_PULS_OXIM_SAT_O2^MDC")
        .replace("|1.3.1.150456.1|text|", "|1.3.1.150456|97|")
        .replace("OBX|1|ST|", "OBX|1|NM|");
    monitor.say(&[numerics + &watchdog("4", "inactive")]).await;
    assert_eq!(monitor.code().await, "CA 3");
    let taken = ward.spool.taken();
    let names = taken.iter().flat_map(|taken| &taken.records);
    assert!(
        names
            .clone()
            .any(|record| record.name == "MDC_PULS_OXIM_SAT_O2")
    );
    tokio::time::advance(Duration::from_secs(3_600)).await;
    message::watch(&ward.origin).await;
    assert_eq!(own(&ward).len(), 1);
}
