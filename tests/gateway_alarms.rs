//! What a gateway brings beside readings: alarms of monitors, waveforms, its own state.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::harness::cli::cli;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, Setup, eventually, gateway, now};

/// Seconds with six decimals, as SenML has times.
fn seconds(at: i64) -> String {
    format!("{}.{:06}", at / 1_000_000, at % 1_000_000)
}

fn alarms(device: &str) -> String {
    format!("wardline/v1/s1/g1/{device}/alarms")
}

/// A monitor's alarm on low saturation.
fn alarm(device: &str, at: i64, phase: &str, state: &str, priority: &str, labels: &str) -> String {
    format!(
        r#"[{{"bn":"{device}:","n":"MDC_EVT_LO","vs":"SpO2 low","t":{},{labels}"al":{{"id":"7","phase":"{phase}",
            "state":"{state}","priority":"{priority}","type":"physiological","audio":"audio-paused",
            "source":"MDC_PULS_OXIM_SAT_O2","value":84,"unit":"%","limits":"90-100"}}}}]"#,
        seconds(at)
    )
}

/// The alerts of a rule, once there are as many in such a state.
async fn alerts(server: &Server, rule: &str, state: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v1/alerts?rule={rule}&state={state}");
    eventually(&format!("{count} {state} alerts of {rule}"), async || {
        let found = server.get(&path).await;
        let items = found["items"].as_array().unwrap().clone();
        (items.len() == count).then_some(items)
    })
    .await
}

/// Every event of a rule's alerts in order: event and priority.
async fn events(server: &Server, rule: &str) -> Vec<String> {
    let query =
        format!("SELECT event, priority FROM alert WHERE rule_id = '{rule}' ORDER BY rowid");
    let rows = server.sql(&query).await;
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    rows.iter()
        .map(|row| format!("{} {}", word(&row[0]), word(&row[1])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitors_alarm_is_one_alert_from_start_to_end_across_a_crash() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.admit("p1", "m1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let began = now() - 2_000_000;
    let start = alarm("m1", began, "start", "active", "medium", "");
    for _ in 0..2 {
        publisher
            .deliver(&alarms("m1"), start.as_bytes())
            .await
            .unwrap();
    }
    let raised = alerts(&server, "monitor:MDC_EVT_LO", "active", 1)
        .await
        .remove(0);
    for (field, expected) in [
        ("subject", json!("Patient/p1")),
        ("deviceId", json!("m1")),
        ("class", json!("physiological")),
        ("priority", json!("medium")),
        ("value", json!(84.0)),
        ("unit", json!("%")),
    ] {
        assert_eq!(raised[field], expected, "{field}");
    }
    let message = raised["message"].as_str().unwrap();
    assert!(
        message.contains("SpO2 low") && message.contains("limits 90-100"),
        "{message}"
    );
    assert!(message.contains("audio paused"), "{message}");

    // Acknowledged, then killed: the alert goes on where it was.
    let worse = alarm("m1", began + 500_000, "escalate", "active", "high", "");
    publisher
        .deliver(&alarms("m1"), worse.as_bytes())
        .await
        .unwrap();
    let (dir, admin) = server.kill();
    let server = Server::start_in(dir, admin, &Setup::default());
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let latched = alarm("m1", began + 1_000_000, "end", "latched", "high", "");
    let over = alarm("m1", began + 1_500_000, "end", "inactive", "high", "");
    for message in [&worse, &latched, &over, &over, &start] {
        publisher
            .deliver(&alarms("m1"), message.as_bytes())
            .await
            .unwrap();
    }
    let resolved = alerts(&server, "monitor:MDC_EVT_LO", "resolved", 1)
        .await
        .remove(0);
    assert_eq!(resolved["alertId"], raised["alertId"]);
    assert_eq!(
        events(&server, "monitor:MDC_EVT_LO").await,
        [
            "raised medium",
            "worsened high",
            "recovering high",
            "resolved high"
        ]
    );
    assert_eq!(server.metric("wardline_intake_rejected_total").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whose_an_alarm_is_and_what_alarms_nobody() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    server.admit("p1", "m1").await;
    server
        .post(
            "/api/v1/patients",
            &json!({"id": "p2", "identifiers": [{"system": "urn:h", "value": "47"}]}),
        )
        .await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now() - 1_000_000;
    for (device, labels) in [
        ("m1", r#""pt":"urn:h|47","#),
        ("m2", r#""pt":"urn:h|47","#),
        ("m3", ""),
        ("m4", r#""q":"demo","#),
    ] {
        let message = alarm(device, at, "start", "active", "high", labels);
        publisher
            .deliver(&alarms(device), message.as_bytes())
            .await
            .unwrap();
    }
    let found = alerts(&server, "monitor:MDC_EVT_LO", "active", 2).await;
    let mut subjects: Vec<&str> = found
        .iter()
        .map(|alert| alert["subject"].as_str().unwrap())
        .collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["Device/m3", "Patient/p2"]);
    assert_eq!(server.quarantined("m1").await["reason"], "patient-conflict");
    // Far too late to page, and undated: kept aside, never moved to now.
    let undated = format!(
        r#"[{{"bn":"m3:","n":"MDC_EVT_LO","vs":"SpO2 low","t":{},"ts":"none","dt":"0000-01-01T00:00:00Z","al":{{"id":"8","phase":"start"}}}}]"#,
        seconds(at)
    );
    publisher
        .deliver(&alarms("m3"), undated.as_bytes())
        .await
        .unwrap();
    let future = alarm("m5", at + 3_600_000_000, "start", "active", "high", "");
    publisher
        .deliver(&alarms("m5"), future.as_bytes())
        .await
        .unwrap();
    assert_eq!(server.quarantined("m3").await["reason"], "bad-time");
    assert_eq!(server.quarantined("m5").await["reason"], "time-guard");
    assert_eq!(
        alerts(&server, "monitor:MDC_EVT_LO", "active", 2)
            .await
            .len(),
        2
    );
}

/// A reading whose device's clock cannot be used.
fn reading(device: &str, at: i64, labels: &str) -> String {
    format!(
        r#"[{{"bn":"{device}:","n":"MDC_PULS_OXIM_SAT_O2","u":"%","v":97,"t":{}{labels}}}]"#,
        seconds(at)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn times_that_cannot_be_used_are_kept_aside_and_never_become_now() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now();
    for (device, message, reason) in [
        (
            "year0",
            reading("year0", at, r#","ts":"none","dt":"0000-01-01T00:00:00Z""#),
            "bad-time",
        ),
        ("none", reading("none", at, r#","ts":"none""#), "bad-time"),
        (
            "future",
            reading("future", at + 86_400_000_000, ""),
            "time-guard",
        ),
        (
            "past",
            reading("past", 900_000_000_000_000, ""),
            "time-guard",
        ),
    ] {
        publisher
            .deliver(&topic("g1", device), message.as_bytes())
            .await
            .unwrap();
        assert_eq!(
            server.quarantined(device).await["reason"],
            reason,
            "{device}"
        );
    }
    assert_eq!(
        server.count("SELECT count(*) AS n FROM observation").await,
        0
    );
}

fn waveform(device: &str, at: i64) -> String {
    format!(
        r#"[{{"bn":"{device}:","n":"MDC_ECG_ELEC_POTL_II","u":"mV","t":{},
            "sd":{{"origin":0,"period":4,"factor":0.005,"data":"1 -2 E L U 30"}}}}]"#,
        seconds(at)
    )
}

const WAVEFORM: &str = "SELECT id, patient_id, device_id, mdc, start, period_us, origin, factor, unit, samples, version
    FROM waveform ORDER BY start";

#[tokio::test(flavor = "multi_thread")]
async fn waveforms_are_acknowledged_and_counted_and_kept_where_asked_for() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let at = now() - 60_000_000;
    publisher
        .deliver(&topic("g1", "m1"), waveform("m1", at).as_bytes())
        .await
        .unwrap();
    assert_eq!(
        server
            .metric("wardline_intake_waveforms_ignored_total")
            .await,
        1.0
    );
    assert_eq!(server.count("SELECT count(*) AS n FROM waveform").await, 0);
    assert_eq!(server.metric("wardline_intake_rejected_total").await, 0.0);

    let keep = |flush: &str| Setup {
        config: format!("[store]\nwaveforms = true\nflush-every = \"{flush}\"\n"),
        ..Setup::default()
    };
    let (_, dir, admin) = server.stop();
    let server = Server::start_in(dir, admin, &keep("1h"));
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    for offset in [0, 1_000_000, 1_000_000, 0] {
        let message = waveform("m1", at + offset);
        publisher
            .deliver(&topic("g1", "m1"), message.as_bytes())
            .await
            .unwrap();
    }
    // Acknowledged: nothing to wait for, though no table holds them yet.
    let hot = server.sql(WAVEFORM).await;
    assert_eq!(hot.len(), 2);
    let row = &hot[0];
    assert_eq!(
        (&row[1], &row[2], &row[3]),
        (&Value::Null, &json!("m1"), &json!("MDC_ECG_ELEC_POTL_II"))
    );
    assert_eq!(
        (&row[5], &row[6], &row[7], &row[8]),
        (&json!(4_000), &json!(0.0), &json!(0.005), &json!("mV"))
    );
    assert_eq!(row[9], json!([1, -2, i32::MIN, i32::MIN + 1, i32::MAX, 30]));

    // The device turns out to be a patient's; the pieces follow, through a crash and into the table.
    server.admit("p1", "m1").await;
    let patients = "SELECT count(*) AS n FROM waveform WHERE patient_id = 'p1' AND version = 2";
    eventually("the patient's", async || {
        (server.count(patients).await == 2).then_some(())
    })
    .await;
    let moved = server.sql(WAVEFORM).await;
    let (dir, admin) = server.kill();
    let server = Server::start_in(dir, admin, &keep("100ms"));
    assert_eq!(server.sql(WAVEFORM).await, moved);
    eventually("a commit", async || {
        (server.metric("wardline_store_hot_rows").await == 0.0).then_some(())
    })
    .await;
    assert_eq!(server.sql(WAVEFORM).await, moved);
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    publisher
        .deliver(&topic("g1", "m1"), waveform("m1", at).as_bytes())
        .await
        .unwrap();
    assert_eq!(
        server.sql(WAVEFORM).await,
        moved,
        "a repeat after a restart"
    );

    let (status, dir, _) = server.stop();
    assert!(status.success());
    let data = dir.path().join("data");
    cli(&["verify", data.to_str().unwrap()]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_tells_its_state_and_people_hear_when_it_is_not_well() {
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut publisher = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let status = "wardline/v1/s1/g1/status";
    let health = |full: bool, device: &str| {
        format!(
            r#"{{"state":"online","version":"0.1.0","boot":"b1","clock":{{"synchronized":true,"steps":0}},
                "spool":{{"waiting":0,"bytes":10,"percent":1,"ageSeconds":1,"full":{full},"dropped":0}},"devices":{{"d1":{{"state":"{device}"}}}}}}"#
        )
    };
    publisher
        .deliver(status, health(true, "bond-lost").as_bytes())
        .await
        .unwrap();
    let spool = alerts(&server, "gateway:spool", "active", 1)
        .await
        .remove(0);
    assert_eq!(
        (&spool["subject"], &spool["class"]),
        (&json!("Gateway/g1"), &json!("technical"))
    );
    let device = alerts(&server, "gateway:device", "active", 1)
        .await
        .remove(0);
    assert_eq!(device["deviceId"], "d1");
    let listed = server.get("/api/v1/gateways").await;
    let told = &listed["items"][0];
    for (field, expected) in [
        ("id", json!("g1")),
        ("state", json!("online")),
        ("version", json!("0.1.0")),
        ("boot", json!("b1")),
        ("devices", json!({"d1": {"state": "bond-lost"}})),
    ] {
        assert_eq!(told[field], expected, "{field}");
    }
    publisher
        .deliver(status, health(false, "connected").as_bytes())
        .await
        .unwrap();
    alerts(&server, "gateway:spool", "resolved", 1).await;
    alerts(&server, "gateway:device", "resolved", 1).await;

    // What is no state is kept aside; who may only read sees gateways, the gateway's own token does not.
    publisher.deliver(status, b"not well").await.unwrap();
    let quarantined = server.get("/api/v1/quarantine?reason=undecodable").await;
    assert_eq!(quarantined["items"].as_array().unwrap().len(), 1);
    let (code, _) = server.send("GET", "/api/v1/gateways", &secret, None).await;
    assert_eq!(code, 401);

    // Known again after a crash.
    let (dir, admin) = server.kill();
    let server = Server::start_in(dir, admin, &Setup::default());
    let listed = server.get("/api/v1/gateways").await;
    assert_eq!(
        listed["items"][0]["devices"],
        json!({"d1": {"state": "connected"}})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_is_silent_and_one_that_is_back_is_not() {
    let setup = Setup {
        config: "[gateways]\noffline-after = \"0s\"\n".to_owned(),
        ..Setup::default()
    };
    let server = Server::start(&setup);
    let secret = server.gateway_token("g1").await;
    let start = || {
        Command::new(gateway())
            .args([
                "simulate",
                "--url",
                &format!("mqtt://{}", server.mqtt),
                "--site",
                "s1",
            ])
            .args(["--gateway", "g1", "--username", "g1"])
            .env("WARDLINE_MQTT_PASSWORD", &secret)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let online = async |state: &str| {
        eventually(state, async || {
            let listed = server.get("/api/v1/gateways").await;
            (listed["items"][0]["state"] == state).then_some(())
        })
        .await;
    };
    let mut first = start();
    online("online").await;
    first.kill().unwrap();
    first.wait().unwrap();
    online("offline").await;
    let silent = alerts(&server, "gateway:silent", "active", 1)
        .await
        .remove(0);
    assert_eq!(silent["subject"], "Gateway/g1");
    assert!(
        silent["message"]
            .as_str()
            .unwrap()
            .contains("connection lost"),
        "{silent}"
    );
    let mut second = start();
    alerts(&server, "gateway:silent", "resolved", 1).await;
    second.kill().unwrap();
    second.wait().unwrap();
}
