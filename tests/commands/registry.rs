//! Patients, devices, assignments, tokens and manual observations: the same on a data directory and on a server.

use serde_json::Value;

use crate::harness::cli::{Cli, cli};
use crate::harness::{Server, Setup};

/// Finds the entry of a list whose member has this value.
fn entry(list: &Value, member: &str, value: &str) -> Value {
    let found = list
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry[member] == value);
    found
        .unwrap_or_else(|| panic!("no {member} {value} in {list}"))
        .clone()
}

/// What a hospital does on its first day, against a target.
fn first_day(on: &dyn Fn(Cli) -> Cli) {
    let run = |words: &[&str]| on(cli(words));
    let patient = run(&[
        "patient",
        "add",
        "--id",
        "p1",
        "--name",
        "Ada L.",
        "--birth-date",
        "1950-03-01",
    ]);
    let patient = patient
        .arg("--tag")
        .arg("copd")
        .arg("--ward")
        .arg("w4")
        .arg("--care-team")
        .arg("cardiology")
        .arg("--identifier")
        .arg("urn:hospital|4711");
    assert_eq!(patient.ok(), "p1\n");
    let opaque = run(&["patient", "add"]).ok();
    let opaque = opaque.trim_end();
    assert!(
        (1..=64).contains(&opaque.len())
            && opaque
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-')
    );
    let talk = run(&["patient", "add", "--id", "p1"]).fails(2);
    assert!(talk.contains("409"), "{talk}");
    assert_eq!(
        run(&[
            "device",
            "add",
            "d1",
            "--kind",
            "pulse-oximeter",
            "--model",
            "X 1"
        ])
        .ok(),
        "d1\n"
    );

    let patients = run(&["patient", "list"]).json();
    let ada = entry(&patients, "id", "p1");
    assert_eq!(
        (&ada["name"], &ada["birthDate"], &ada["tags"][0]),
        (&"Ada L.".into(), &"1950-03-01".into(), &"copd".into())
    );
    assert_eq!(ada["identifiers"][0]["value"], "4711");
    assert_eq!(
        (&ada["ward"], &ada["careTeam"]),
        (&"w4".into(), &"cardiology".into())
    );
    run(&["patient", "update", "p1", "--ward", "w5", "--care-team", ""]).ok();
    let moved = entry(&run(&["patient", "list"]).json(), "id", "p1");
    assert_eq!(
        (&moved["ward"], &moved["careTeam"]),
        (&"w5".into(), &Value::Null)
    );
    for known in ["name", "birthDate", "tags", "identifiers"] {
        assert_eq!(moved[known], ada[known], "what is not named stays");
    }
    assert!(
        run(&["patient", "update", "p1"])
            .fails(64)
            .contains("nothing")
    );
    run(&["patient", "update", "p9", "--ward", "w5"]).fails(2);
    let talk = run(&["patient", "add", "--id", "p2", "--ward", "w 3"]).fails(2);
    assert!(talk.contains("ward"), "{talk}");
    entry(&patients, "id", opaque);
    let csv = run(&["patient", "list", "--format", "csv"]).ok();
    assert!(
        csv.starts_with("id,name,birth date,bed,ward,care team,tags\n")
            && csv.contains("\np1,Ada L.,1950-03-01,,w5,,copd\n"),
        "{csv}"
    );
    let table = run(&["device", "list"]).ok();
    assert!(
        table.contains("pulse-oximeter") && table.contains('│'),
        "{table}"
    );

    // One patient at a time; the next may follow where the first ends.
    let assign = |patient: &str, from: &str| run(&["assign", "add", "d1", patient, "--from", from]);
    let first = assign("p1", "2026-01-01T00:00:00Z").ok();
    let talk = assign(opaque, "2026-02-01T00:00:00Z").fails(2);
    assert!(
        talk.contains("already held by patient p1") && talk.contains("409"),
        "{talk}"
    );
    run(&[
        "assign",
        "end",
        first.trim_end(),
        "--at",
        "2026-03-01T00:00:00Z",
    ])
    .ok();
    assign(opaque, "2026-03-01T00:00:00Z").ok();
    let talk = assign("nobody", "2027-01-01T00:00:00Z").fails(2);
    assert!(talk.contains("nobody"), "{talk}");
    let assignments = run(&["assign", "list"]).json();
    let ended = entry(&assignments, "patient", "p1");
    assert_eq!(
        (&ended["from"], &ended["until"]),
        (
            &"2026-01-01T00:00:00Z".into(),
            &"2026-03-01T00:00:00Z".into()
        )
    );
    assert_eq!(entry(&assignments, "patient", opaque)["until"], Value::Null);

    let token = run(&["token", "add", "reader", "--role", "read"]).run();
    assert_eq!(token.code, 0, "{}", token.talk);
    assert!(
        token.out.starts_with("wl_") && !token.talk.contains(token.out.trim_end()),
        "{token:?}"
    );
    run(&[
        "token",
        "add",
        "g7",
        "--role",
        "publish",
        "--gateway",
        "g7",
        "--site",
        "s1",
    ])
    .ok();
    run(&["token", "revoke", "reader"]).ok();
    let tokens = run(&["token", "list"]).json();
    assert!(entry(&tokens, "name", "reader")["revoked"].is_string());
    let gateway = entry(&tokens, "name", "g7");
    assert_eq!(
        (&gateway["role"], &gateway["gateway"], &gateway["revoked"]),
        (&"publish".into(), &"g7".into(), &Value::Null)
    );
    assert!(
        !tokens.to_string().contains(token.out.trim_end()),
        "secrets are not kept"
    );

    let observe = [
        "observe",
        "--patient",
        "p1",
        "--metric",
        "temperature-body",
        "--value",
        "37.20",
    ];
    let id = on(cli(&observe).arg("--effective").arg("2026-01-15T08:00:00Z")).ok();
    let query = format!(
        "SELECT patient_id, value, decimals, unit, time_source FROM observation WHERE id = '{}'",
        id.trim_end()
    );
    let row = run(&["sql", &query]).json();
    assert_eq!(row.as_array().unwrap().len(), 1, "{row}");
    assert_eq!(
        (&row[0]["patient_id"], &row[0]["value"]),
        (&"p1".into(), &37.2.into())
    );
    assert_eq!(
        (&row[0]["decimals"], &row[0]["unit"]),
        (&2.into(), &"Cel".into())
    );
    let again = on(cli(&observe).arg("--effective").arg("2026-01-15T08:00:00Z")).ok();
    assert_eq!(again, id, "the same observation twice is one");
    let words = [
        "observe",
        "--patient",
        "p1",
        "--metric",
        "consciousness",
        "--text",
        "A",
    ];
    run(&words).ok();
    let said = |metric: &str, kind: &str, word: &str| {
        run(&["observe", "--patient", "p1", "--metric", metric, kind, word])
    };
    for (metric, kind, word, known) in [
        ("consciousness", "--text", "sleepy", "C (New confusion)"),
        ("consciousness", "--text", "Confused", "U (Unresponsive)"),
        ("supplemental-oxygen", "--text", "2 L/min", "true or false"),
        ("supplemental-oxygen", "--text", "yes", "true or false"),
        ("spo2-scale", "--value", "7", "2 (Scale 2)"),
        ("heart-rate", "--text", "fast", "a number in /min"),
    ] {
        let talk = said(metric, kind, word).fails(2);
        assert!(talk.contains(known) && talk.contains("422"), "{talk}");
    }
    for (metric, kind, word, stored) in [
        ("consciousness", "--text", "v", "V"),
        ("consciousness", "--text", "Unresponsive", "U"),
        ("supplemental-oxygen", "--text", "True", "true"),
        ("spo2-scale", "--value", "2", "2"),
    ] {
        let id = said(metric, kind, word)
            .arg("--effective")
            .arg(format!("2026-01-16T08:00:0{}Z", stored.len()))
            .ok();
        let query = format!(
            "SELECT value_text FROM observation WHERE id = '{}'",
            id.trim_end()
        );
        assert_eq!(run(&["sql", &query]).json()[0]["value_text"], stored);
    }
    run(&[
        "observe",
        "--patient",
        "nobody",
        "--metric",
        "heart-rate",
        "--value",
        "70",
    ])
    .fails(2);
    let talk = run(&[
        "observe",
        "--patient",
        "p1",
        "--metric",
        "mood",
        "--value",
        "7",
    ])
    .fails(2);
    assert!(talk.contains("unknown metric"), "{talk}");
    let count = run(&["sql", "SELECT count(*) AS n FROM observation"]).json();
    assert_eq!(count[0]["n"], 5, "a correction is no row of its own");
}

#[test]
fn the_first_day_on_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    first_day(&|cli| cli.on(&data));
}

#[test]
fn the_first_day_on_a_server() {
    let server = Server::start(&Setup::default());
    first_day(&|cli| cli.at(&server));
}

#[test]
fn a_publish_token_is_of_the_installation_unless_it_says_otherwise() {
    let server = Server::start(&Setup::default());
    let add = [
        "token",
        "add",
        "gw-3",
        "--role",
        "publish",
        "--gateway",
        "gw-3",
    ];
    cli(&add).at(&server).ok();
    let (_, dir, _) = server.stop();
    let data = dir.path().join("data");
    let tokens = cli(&["token", "list"]).on(&data).json();
    assert_eq!(entry(&tokens, "name", "gw-3")["site"], "s1");
    let new = dir.path().join("new");
    let talk = cli(&add).on(&new).fails(2);
    assert!(talk.contains("give the site"), "{talk}");
}

#[test]
fn a_served_data_directory_is_refused() {
    let server = Server::start(&Setup::default());
    let data = server.dir.path().join("data");
    for words in [
        &["patient", "list"][..],
        &["token", "add", "reader", "--role", "read"],
        &["sql", "SELECT 1"],
        &["export"],
        &["backup", "copy"],
    ] {
        let talk = cli(words).within(server.dir.path()).on(&data).fails(2);
        assert!(
            talk.contains("is in use by process") && talk.contains(&server.pid().to_string()),
            "{talk}"
        );
    }
    let talk = cli(&["verify", data.to_str().unwrap()]).fails(2);
    assert!(talk.contains("is in use by process"), "{talk}");
    let (status, dir, _) = server.stop();
    assert!(status.success());
    cli(&["patient", "list"]).on(&dir.path().join("data")).ok();
}
