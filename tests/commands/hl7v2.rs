//! `normalize --from hl7v2`: monitors' messages of our own, in the shapes of real ones.

use serde_json::{Value, json};

use crate::harness::cli::{cli, ndjson};

const RECEIVED: &str = "2026-11-22T12:00:00Z";

/// A plain message without set ids and a framed one whose time has no offset; two oximeters, a value that is none.
fn messages() -> Vec<u8> {
    let plain = [
        r"MSH|^~\&|NC_Monitor|SERIAL77|||20261122195127+0800||ORU^R01^ORU_R01|1|P|2.6||||||UNICODE UTF-8",
        "PID|||10006",
        "OBR||||1^MON_PARAM^99VENDOR|||20261122195127+0800",
        "OBX||NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456|97|262688^MDC_DIM_PERCENT^MDC|||||F",
        "OBX||NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.2.150456|96|262688^MDC_DIM_PERCENT^MDC|||||F",
        "OBX||NM|150344^MDC_TEMP^MDC|1.2.1.150344|37.0|268192^MDC_DIM_DEGC^MDC|||||F",
    ];
    let framed = [
        r"MSH|^~\&|MON^00A0370000000001^EUI-64||||20261122125000||ORU^R01^ORU_R01|2|P|2.4|||AL|NE",
        "OBR|1|||182777000^monitoring of patient^SCT|||20261122125000",
        "OBX|1|NM|150301^MDC_PRESS_CUFF_SYS^MDC|1.1.9.150301|-999|266016^MDC_DIM_MMHG^MDC|||||F",
        "OBX|2|NM|151562^MDC_RESP_RATE^MDC|1.1.9.1|many|264928^MDC_DIM_RESP_PER_MIN^MDC|||||F",
    ];
    let mut bytes = (plain.join("\r\n") + "\r\n").into_bytes();
    bytes.push(0x0B);
    bytes.extend((framed.join("\r") + "\r").into_bytes());
    bytes.extend([0x1C, b'\r']);
    bytes
}

fn normalize(more: &[&str]) -> crate::harness::cli::Ran {
    let arguments = ["normalize", "--from", "hl7v2", "--received", RECEIVED];
    let mut command = cli(&arguments);
    for argument in more {
        command = command.arg(*argument);
    }
    command.input(messages()).run()
}

#[test]
fn messages_become_rows() {
    let ran = normalize(&["--zone", "Europe/Berlin"]);
    assert_eq!(ran.code, 1, "{}", ran.talk);
    let rows = ndjson(&ran.out);
    let short: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!([
                row["device_id"],
                row["mdc"],
                row["channel"],
                row["unit"],
                row["effective"],
                row["time_source"],
                row["data_absent_reason"],
            ])
        })
        .collect();
    let plain = "2026-11-22T11:51:27Z";
    assert_eq!(
        short,
        [
            json!([
                "NC-Monitor.SERIAL77",
                "MDC_PULS_OXIM_SAT_O2",
                null,
                "%",
                plain,
                "device",
                null
            ]),
            json!([
                "NC-Monitor.SERIAL77",
                "MDC_PULS_OXIM_SAT_O2",
                "2",
                "%",
                plain,
                "device",
                null
            ]),
            json!([
                "NC-Monitor.SERIAL77",
                "MDC_TEMP",
                null,
                "Cel",
                plain,
                "device",
                null
            ]),
            json!([
                "00A0370000000001",
                "MDC_PRESS_CUFF_SYS",
                null,
                null,
                "2026-11-22T11:50:00Z",
                "assumed-zone",
                "unknown"
            ]),
        ]
    );
    assert!(ran.out.contains("\"value\":37.0,"), "as sent: {}", ran.out);
    let rejects = ndjson(&ran.talk);
    assert_eq!(rejects.len(), 1, "{}", ran.talk);
    assert_eq!(
        (
            &rejects[0]["line"],
            &rejects[0]["record"],
            &rejects[0]["reason"]
        ),
        (&json!(2), &json!(3), &json!("bad-value"))
    );
    let detail = rejects[0]["detail"].as_str().unwrap();
    assert!(
        detail.contains("(OBX)") && detail.contains("OBX-5"),
        "{detail}"
    );
}

#[test]
fn messages_become_observations_and_measurements() {
    let ran = normalize(&["--zone", "Europe/Berlin", "--to", "fhir", "--patient", "p1"]);
    let observations = ndjson(&ran.out);
    assert_eq!(observations.len(), 4, "{}", ran.out);
    let temperature = observations
        .iter()
        .find(|o| o["valueQuantity"]["unit"] == "°C")
        .unwrap();
    assert_eq!(temperature["subject"]["reference"], "Patient/p1");
    let ran = normalize(&["--zone", "Europe/Berlin", "--to", "measurements"]);
    let measurements = ndjson(&ran.out);
    assert_eq!(measurements.len(), 4, "{}", ran.out);
    assert_eq!(measurements[2]["type"], "MDC_TEMP");
    assert_eq!(
        measurements[2]["properties"],
        json!([{"name": "value", "value": "37.0"}, {"name": "unit", "value": "Cel"}])
    );
}

#[test]
fn alarms_are_no_rows_and_are_said() {
    let alarm = [
        r"MSH|^~\&|GW^0102030405060708^EUI64|V|||20261122120457-0600||ORU^R40^ORU_R40|1|P|2.6|||AL|NE",
        "OBR|1|1^GW|5^GW|196616^MDC_EVT_ALARM^MDC|||20261122045950-0600",
        "OBX|1|ST|196670^MDC_EVT_LO^MDC|1.3.1.150456.1|Low SpO2|||L~PM~SP|||F",
        "OBX|2|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|88|262688^MDC_DIM_PERCENT^MDC|90-96||||F",
        "OBX|3|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|start||||||F",
    ]
    .join("\r");
    let run = |to: &str| {
        cli(&[
            "normalize",
            "--from",
            "hl7v2",
            "--received",
            RECEIVED,
            "--to",
            to,
        ])
        .input(alarm.clone())
        .run()
    };
    let rows = run("rows");
    assert_eq!((rows.code, rows.out.as_str()), (0, ""), "{}", rows.talk);
    assert!(rows.talk.contains("1 alarms"), "{}", rows.talk);
    let alarms = ndjson(&run("alarms").out);
    assert_eq!(alarms.len(), 1);
    for (field, expected) in [
        ("ruleId", "monitor:MDC_EVT_LO"),
        ("deviceId", "0102030405060708"),
        ("eventTime", "2026-11-22T10:59:50Z"),
        ("message", "Low SpO2"),
        ("phase", "start"),
        ("priority", "medium"),
        ("class", "physiological"),
        ("metric", "MDC_PULS_OXIM_SAT_O2"),
        ("value", "88"),
        ("unit", "%"),
        ("limits", "90-96"),
    ] {
        assert_eq!(alarms[0][field], expected, "{field}");
    }
}

#[test]
fn what_is_no_message_is_said() {
    let ran = cli(&["normalize", "--from", "hl7v2"])
        .input("hello\n")
        .run();
    assert_eq!(ran.code, 1);
    assert_eq!(ndjson(&ran.talk)[0]["reason"], "undecodable");
    let talk = cli(&["normalize", "--from", "hl7v2", "--zone", "Mars"]).fails(64);
    assert!(talk.contains("Europe/Berlin"), "{talk}");
    let talk = cli(&["normalize", "--from", "senml", "--zone", "UTC"]).fails(64);
    assert!(talk.contains("--from hl7v2"), "{talk}");
}
