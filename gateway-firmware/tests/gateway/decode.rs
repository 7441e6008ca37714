//! `wardline-gateway decode`, as it is typed.

use std::process::{Command, Output};

fn decode(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wardline-gateway"))
        .arg("decode")
        .args(arguments)
        .output()
        .expect("it runs")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn one_line_a_value_in_the_order_of_the_design() {
    let output = decode(&["--characteristic", "2A37", "16484003"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stdout(&output),
        concat!(
            r#"{"metric":"MDC_ECG_HEART_RATE","code":147842,"value":72,"unit":"/min","time":null,"seq":null,"user":null,"flags":["contact-detected","contact-supported"]}"#,
            "\n",
            r#"{"metric":"MDC_ECG_TIME_PD_RR_GL","code":147240,"value":812.5,"unit":"ms","time":null,"seq":null,"user":null,"flags":["contact-detected","contact-supported"]}"#,
            "\n",
        )
    );
    assert_eq!(stderr(&output), "");
}

#[test]
fn digits_are_kept_and_absences_have_reasons() {
    let output = decode(&["--characteristic", "2A5E", "00 14f0 c8e0", "00 1210 ff07"]);
    assert_eq!(output.status.code(), Some(0));
    let contents: Vec<&str> = stdout(&output)
        .lines()
        .map(|line| line.split(',').nth(2).expect("a third field"))
        .collect();
    assert_eq!(
        contents,
        [
            r#""value":2.0"#,
            r#""value":2.00"#,
            r#""value":180"#,
            r#""absent":"not-a-number""#
        ]
    );
    for line in stdout(&output).lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(
            value
                .get("metric")
                .is_some_and(serde_json::Value::is_string)
        );
    }
}

#[test]
fn stamps_sequence_and_user_are_as_sent() {
    let output = decode(&["--characteristic", "2A18", "0205 00ea070b160a1e0f5ab011"]);
    assert_eq!(
        stdout(&output),
        concat!(
            r#"{"metric":"MDC_CONC_GLU_CAPILLARY_WHOLEBLOOD","code":160184,"value":90,"unit":"mg/dL","time":"2026-11-22T10:30:15","seq":5,"user":null,"flags":[]}"#,
            "\n"
        )
    );
    let output = decode(&["--characteristic", "2A9D", "04f03c03"]);
    assert!(
        stdout(&output).contains(r#""value":78.000,"unit":"kg","time":null,"seq":null,"user":3"#)
    );
}

#[test]
fn what_cannot_be_decoded_says_why_and_the_rest_goes_on() {
    let output = decode(&["--characteristic", "2A37", "10", "0048", "004801"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().count(), 1);
    assert_eq!(
        stderr(&output),
        "wardline-gateway: packet 1: byte 1: expected heart rate (1 bytes), 0 are left\n\
         wardline-gateway: packet 3: byte 2: expected the end after heart rate, 1 bytes follow\n"
    );
}

#[test]
fn a_crc_is_asked_for_or_found() {
    let packet = "0ec3f900f40b000074e00a00e0f1";
    for arguments in [
        &["--characteristic", "2AA7", packet][..],
        &["--characteristic", "2AA7", "--crc", packet],
    ] {
        let output = decode(arguments);
        assert_eq!(output.status.code(), Some(0));
        assert!(stdout(&output).contains(r#""value":249,"unit":"mg/dL","time":"PT3060M""#));
    }
    let output = decode(&["--characteristic", "2AA7", "0ec3f900f40b000074e00a00e1f1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("expected E2E-CRC 0xF1E0"),
        "{}",
        stderr(&output)
    );
    let output = decode(&["--characteristic", "2AA7", "--crc", "060078000500"]);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn parts_come_together_and_a_missing_one_is_told() {
    let output = decode(&[
        "--characteristic",
        "2B36",
        "010500352a10",
        "067c0050005d004800",
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output).lines().count(), 3);
    assert!(
        stdout(&output)
            .lines()
            .all(|line| line.contains(r#""seq":5"#))
    );
    let output = decode(&["--characteristic", "2B36", "010500352a10"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the last segment is missing"));
}

#[test]
fn quirks_by_name() {
    let flags = |arguments: &[&str]| {
        let output = decode(arguments);
        let line: serde_json::Value = serde_json::from_str(stdout(&output)).expect("a line");
        line["flags"].clone()
    };
    let packet = "08a078000500 0201";
    assert_eq!(
        flags(&["--characteristic", "2AA7", packet]),
        serde_json::json!(["battery-low", "below-patient-low"])
    );
    assert_eq!(
        flags(&[
            "--characteristic",
            "2AA7",
            "--quirk",
            "nordic-cgm-sample",
            packet
        ]),
        serde_json::json!(["session-stopped", "above-patient-high"])
    );
    let output = decode(&["--characteristic", "2AA7", "--quirk", "nobody", packet]);
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("nordic-cgm-sample"));
}

#[test]
fn the_pack_is_what_would_be_published() {
    let output = decode(&[
        "--characteristic",
        "2A1C",
        "--format",
        "senml",
        "--device",
        "thermo-1",
        "--received",
        "2026-11-22T10:00:00Z",
        "046f0100ff01",
    ]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stdout(&output),
        concat!(
            r#"[{"bn":"thermo-1:","bt":1795341600,"n":"MDC_TEMP_AXILLA","u":"Cel","v":36.7,"rw":"BG8BAP8B"}]"#,
            "\n"
        )
    );
}

#[test]
fn wrong_usage_is_64() {
    for arguments in [
        &["--characteristic", "2A37"][..],
        &["16484003"],
        &["--characteristic", "zz", "00"],
        &["--characteristic", "FFFF", "00"],
        &["--characteristic", "2A37", "1"],
        &["--characteristic", "2A37", "xx"],
        &["--characteristic", "2A37", "--format", "xml", "00"],
    ] {
        let output = decode(arguments);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert_eq!(stdout(&output), "");
        assert_ne!(stderr(&output), "");
    }
}

#[test]
fn help_begins_with_worked_examples() {
    let output = decode(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).starts_with("Examples:\n"));
}
