//! ORU^R40.

use super::*;
use crate::measurement::{AlarmPriority, AlarmState, AlertKind, Phase, Presence};

const ALARM: &str = r"
MSH|^~\&|GATEWAY^0102030405060708^EUI64|V|AM|X|20261122120457-0600||ORU^R40^ORU_R40|1|P|2.6|||AL|NE||UNICODE UTF-8|||IHE_PCD_ACM_001^IHE PCD^1.3.6.1.4.1.19376.1.6.4.4.1^ISO
PID|||A17^^^CLINIC^PI
PV1||I|OR^1
OBR|1|1^GATEWAY^0102030405060708^EUI64|5^GATEWAY^0102030405060708^EUI64|196616^MDC_EVT_ALARM^MDC|||20261122120457-0600||||||||||||||||||||||^PARENT
OBX|1|ST|196670^MDC_EVT_LO^MDC|1.3.1.150456.1|Low SpO2|||L~PM~SP|||F|||20261122120455-0600||||F15^DEVICES^example.org^DNS
OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|88|262688^MDC_DIM_PERCENT^MDC|90-96||||F|||20261122120457-0600
OBX|3|ST|PHASE|1.3.1.150456.3|start||||||F
OBX|4|ST|STATE|1.3.1.150456.4|active||||||F
OBX|5|ST|OFF|1.3.1.150456.5|audio-paused|||||F";

fn alarm(text: &str) -> (Record, AlarmState, Option<String>) {
    let mut repairs = Repairs::default();
    let mut readings = parse(text).readings(&Profile::default(), received(), &mut repairs);
    assert_eq!(readings.len(), 1);
    assert!(readings[0].records.is_empty(), "an alarm is no reading");
    let record = readings[0].alarms.remove(0);
    let RecordValue::Alarm { text, state } = record.value.clone() else {
        panic!("no alarm: {record:?}")
    };
    (record, *state, text)
}

fn newer() -> String {
    ALARM
        .replace("PHASE", "68481^MDC_ATTR_EVENT_PHASE^MDC")
        .replace("STATE", "68482^MDC_ATTR_ALARM_STATE^MDC")
        .replace("OFF", "68483^MDC_ATTR_ALARM_INACTIVATION_STATE")
        .replace("PARENT", "")
}

#[test]
fn both_generations_of_attributes() {
    let older = ALARM
        .replace("PHASE", "68165^^MDC")
        .replace("STATE", "68166^^MDC")
        .replace("OFF", "68167^^MDC")
        .replace("PARENT", "");
    for text in [newer(), older] {
        let (record, state, words) = alarm(&text);
        assert_eq!(record.name, "MDC_EVT_LO");
        assert_eq!(words.as_deref(), Some("Low SpO2"));
        assert_eq!(format_rfc3339(record.time), "2026-11-22T18:04:55Z");
        assert_eq!(record.patient.as_deref(), Some("CLINIC|A17"));
        assert_eq!(record.channel.as_deref(), Some("F15"));
        let expected = AlarmState {
            id: Some("5^GATEWAY^0102030405060708".to_owned()),
            phase: Some(Phase::Start),
            state: Some(Presence::Active),
            audio: Some("audio-paused".to_owned()),
            priority: Some(AlarmPriority::Medium),
            kind: Some(AlertKind::Physiological),
            source: Some("MDC_PULS_OXIM_SAT_O2".to_owned()),
            value: crate::decimal::Decimal::parse("88"),
            unit: Some("%".to_owned()),
            limits: Some("90-96".to_owned()),
        };
        assert_eq!(state, expected);
    }
}

#[test]
fn an_update_names_the_instance_it_is_about() {
    let update = newer().replace("start", "end").replace(
        "|||||||||||||||||||^",
        "|||||||||||||||||||^1&GATEWAY&0102030405060708&EUI-64",
    );
    let (_, state, _) = alarm(&update);
    assert_eq!(state.id.as_deref(), Some("1^GATEWAY^0102030405060708"));
    assert_eq!(state.phase, Some(Phase::End));
}

#[test]
fn heartbeats_are_no_alarms() {
    let beat = |event: &str, priority: &str, state: &str| {
        newer()
            .replace("196670^MDC_EVT_LO^MDC", event)
            .replace("L~PM~SP", priority)
            .replace("|active|", &format!("|{state}|"))
    };
    let profile = Profile::default();
    for (event, priority, state, expected) in [
        (
            "0^MDC_EVT_WATCHDOG^MDC",
            "PN~SP",
            "active",
            Some(Heartbeat::Alive),
        ),
        (
            "258047^MDC_EVT_ACTIVE^MDC",
            "PN~SP",
            "active",
            Some(Heartbeat::Alive),
        ),
        (
            "196614^MDC_EVT_ACTIVE^MDC",
            "PN~SP",
            "inactive",
            Some(Heartbeat::PlannedShutdown),
        ),
        ("196614^MDC_EVT_ACTIVE^MDC", "PL~SP", "active", None),
        ("196670^MDC_EVT_LO^MDC", "PN~SP", "active", None),
    ] {
        let message = parse(&beat(event, priority, state));
        let found = message.heartbeats(&profile).first().map(|(_, sign)| *sign);
        assert_eq!(found, expected, "{event} {priority}");
        let mut repairs = Repairs::default();
        let readings = message.readings(&profile, received(), &mut repairs);
        assert_eq!(readings.is_empty(), expected.is_some());
    }
}

#[test]
fn several_events_of_one_order_are_several_alarms() {
    let second = newer()
        + "\nOBX|6|ST|196652^MDC_EVT_HI^MDC|1.7.4.147842.1|High HR|||H~PH~SP|||F\nOBX|7|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.7.4.147842.3|continue||||||F";
    let mut repairs = Repairs::default();
    let readings = parse(&second).readings(&Profile::default(), received(), &mut repairs);
    let names: Vec<&str> = readings[0]
        .alarms
        .iter()
        .map(|alarm| alarm.name.as_str())
        .collect();
    assert_eq!(names, ["MDC_EVT_LO", "MDC_EVT_HI"]);
    let RecordValue::Alarm { state, .. } = &readings[0].alarms[1].value else {
        panic!("an alarm")
    };
    assert_eq!(state.phase, Some(Phase::Continue));
    assert_eq!(state.priority, Some(AlarmPriority::High));
}

#[test]
fn an_event_in_the_value_of_a_general_one() {
    let coded = newer().replace(
        "OBX|1|ST|196670^MDC_EVT_LO^MDC|1.3.1.150456.1|Low SpO2|||L~PM~SP",
        "OBX|1|CWE|196616^MDC_EVT_ALARM^MDC|1.3.1.150456.1|196680^MDC_EVT_LEAD_OFF^MDC^^^^^^Leads off|||L~PL~ST",
    ) + "\nOBX|6|ST|67972^MDC_ATTR_SYS_ID^MDC|1.1.0.9|PUMP-7||||||F";
    let (record, state, words) = alarm(&coded);
    assert_eq!(record.name, "MDC_EVT_LEAD_OFF");
    assert_eq!(words.as_deref(), Some("Leads off"));
    assert_eq!(state.kind, Some(AlertKind::Technical));
    assert_eq!(state.source.as_deref(), Some("MDC_PULS_OXIM_SAT_O2"));
    // No order, no code of an alarm above: the message says what it is.
    let bare: String = coded
        .lines()
        .filter(|line| !line.starts_with("OBR"))
        .collect::<Vec<_>>()
        .join("\n");
    assert_eq!(alarm(&bare).0.name, "MDC_EVT_LEAD_OFF");
}

#[test]
fn a_watchdog_in_the_older_attributes() {
    let beat = r"
        MSH|^~\&|0030E60000000001^EUI-64|V|||20261105183941+0100||ORU^R40^ORU_R40|79|D|2.6|||AL|NE
        OBR|1||0^urn:uuid:1^0030E60000000001^EUI-64|196616^MDC_EVT_ALARM^MDC|||20261105183941+0100
        OBX|1|ST|258047^MDC_EVT_ACTIVE^MDC|1.0.0.0.1|x||||||F|||||||urn:uuid:1^^urn:uuid:1^URN
        OBX|2|ST|68480^MDC_ATTR_ALERT_SOURCE^MDC|1.0.0.0.2|69837^MDC_DEV_ANY^MDC||||||F
        OBX|3|ST|68165^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|start||||||F
        OBX|4|ST|68166^MDC_ATTR_ALARM_STATE^MDC|1.0.0.0.4|active||||||F
        OBX|6|ST|68168^MDC_ATTR_ALARM_PRIORITY^MDC|1.0.0.0.6|PN||||||F";
    let message = parse(beat);
    assert_eq!(
        message.heartbeats(&Profile::default()),
        [("0030E60000000001".to_owned(), Heartbeat::Alive)]
    );
}

/// A watchdog's order, whose device is named by itself.
const WATCHDOG: &str = r"
OBR|2|9^GATEWAY|9^GATEWAY|196616^MDC_EVT_ALARM^MDC|||20261122120457-0600
OBX|1|ST|0^MDC_EVT_WATCHDOG^MDC|1.1.1.1.1|x|||PN~ST|||F|||20261122120457-0600||||^^0030E60000000001^EUI-64
OBX|2|ST|68482^MDC_ATTR_ALARM_STATE^MDC|1.1.1.1.4|inactive||||||F";

#[test]
fn a_heartbeat_beside_alarms_or_numerics_takes_nothing_of_them_away() {
    let order = newer();
    let (head, rest) = order.split_once("OBR|").unwrap();
    let first = format!("{head}{}\nOBR|{rest}", WATCHDOG.trim());
    // An event of the same order, with the priority of its own.
    let event = r"
        OBX|6|ST|258047^MDC_EVT_ACTIVE^MDC|1.1.1.1.1|x|||PN~ST|||F|||||||0030E60000000001^^0030E60000000001^EUI-64";
    for text in [
        format!("{order}{WATCHDOG}"),
        first,
        format!("{order}{event}"),
    ] {
        let message = parse(&text);
        let beats = message.heartbeats(&Profile::default());
        assert_eq!(beats.len(), 1, "{text}");
        assert_eq!(beats[0].0, "0030E60000000001");
        let mut repairs = Repairs::default();
        let readings = message.readings(&Profile::default(), received(), &mut repairs);
        let alarms: Vec<&Record> = readings.iter().flat_map(|r| &r.alarms).collect();
        assert_eq!(alarms.len(), 1, "{text}");
        assert_eq!(alarms[0].name, "MDC_EVT_LO");
        let RecordValue::Alarm { state, .. } = &alarms[0].value else {
            panic!("an alarm")
        };
        assert_eq!(state.priority, Some(AlarmPriority::Medium));
        assert_eq!(state.state, Some(Presence::Active));
    }
    // Numerics with a watchdog's order at their end.
    let numerics = r"
        MSH|^~\&|GATEWAY^0102030405060708^EUI64|V|||20261122120457-0600||ORU^R01^ORU_R01|1|P|2.6
        OBR|1|1|1|69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC|||20261122120457-0600
        OBX|1|NM|147842^MDC_ECG_HEART_RATE^MDC|1.7.4.1|72|264864^MDC_DIM_BEAT_PER_MIN^MDC|||||F";
    let message = parse(&format!("{numerics}{WATCHDOG}"));
    assert_eq!(
        message.heartbeats(&Profile::default()),
        [("0030E60000000001".to_owned(), Heartbeat::PlannedShutdown)]
    );
    let mut repairs = Repairs::default();
    let readings = message.readings(&Profile::default(), received(), &mut repairs);
    assert_eq!(readings.len(), 1);
    assert_eq!(readings[0].records[0].name, "MDC_ECG_HEART_RATE");
    assert!(readings[0].alarms.is_empty() && readings[0].rejects.is_empty());
}

#[test]
fn what_means_no_value_is_none_of_an_alarm() {
    let profile = Profile {
        sentinels: [
            Profile::default_sentinels(),
            vec![Sentinel::configured("77")],
        ]
        .concat(),
        ..Profile::default()
    };
    for (kind, said, expected) in [
        ("NM", "88", Some("88")),
        ("ST", "88.0", Some("88.0")),
        ("NM", "-999", None),
        ("NM", "8388607", None),
        ("NM", "-1", None),
        ("NM", "---", None),
        ("NM", "77", None),
        ("NM", ">600", None),
    ] {
        for metric in ["150456^MDC_PULS_OXIM_SAT_O2^MDC", "184000^MDC_NOT_OURS^MDC"] {
            // -1 may be a value of what nobody knows.
            let expected = if said == "-1" && metric.contains("OURS") {
                Some("-1")
            } else {
                expected
            };
            let text = newer()
                .replace("OBX|2|NM|", &format!("OBX|2|{kind}|"))
                .replace("150456^MDC_PULS_OXIM_SAT_O2^MDC", metric)
                .replace("|88|", &format!("|{said}|"));
            let mut repairs = Repairs::default();
            let readings = parse(&text).readings(&profile, received(), &mut repairs);
            let RecordValue::Alarm { state, .. } = &readings[0].alarms[0].value else {
                panic!("an alarm")
            };
            let value = state.value.map(|value| value.to_string());
            assert_eq!(value.as_deref(), expected, "{kind} {said} {metric}");
            assert!(state.source.is_some());
        }
    }
}
