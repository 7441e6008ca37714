//! `doctor`: each finding with what to do about it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::harness::broker::Broker;
use crate::harness::cli::{Ran, cli};

fn doctor(dir: &Path, config: &str) -> (Ran, Vec<Value>) {
    let file = dir.join("wardline.toml");
    std::fs::write(
        &file,
        format!("data-dir = {:?}\n{config}", dir.join("data")),
    )
    .unwrap();
    let ran = cli(&[
        "doctor",
        "--config",
        file.to_str().unwrap(),
        "--format",
        "json",
    ])
    .run();
    let findings: Vec<Value> = serde_json::from_str(&ran.out).unwrap_or_default();
    for finding in &findings {
        for member in ["part", "severity", "finding", "remedy"] {
            assert!(
                finding[member]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{member} of {finding}"
            );
        }
    }
    (ran, findings)
}

fn find<'f>(findings: &'f [Value], part: &str, severity: &str) -> Vec<&'f str> {
    let found = findings
        .iter()
        .filter(|finding| finding["part"] == part && finding["severity"] == severity);
    found
        .map(|finding| finding["finding"].as_str().unwrap())
        .collect()
}

#[test]
fn a_sound_machine_has_no_problems() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    cli(&["patient", "add", "--id", "p1"]).on(&data).ok();
    let (ran, findings) = doctor(dir.path(), "");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.talk);
    assert_eq!(find(&findings, "rules", "warning").len(), 1, "{findings:?}");
    assert!(
        findings
            .iter()
            .all(|finding| finding["severity"] != "problem")
    );
}

#[test]
fn problems_are_told_with_their_remedies() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    cli(&["patient", "add", "--id", "p1"]).on(&data).ok();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let broken = dir.path().join("cert.pem");
    std::fs::write(&broken, "no certificate").unwrap();
    let config = format!(
        "[http.tls]\ncert = {broken:?}\nkey = {broken:?}\n\
         [[broker]]\nname = \"ward\"\nhost = \"127.0.0.1\"\nport = 1\n"
    );
    let (ran, findings) = doctor(dir.path(), &config);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.talk);
    assert!(
        find(&findings, "disk", "problem")[0].contains("mode 755"),
        "{findings:?}"
    );
    assert!(
        find(&findings, "certificate", "problem")[0].contains("cert.pem"),
        "{findings:?}"
    );
    assert!(
        find(&findings, "broker ward", "problem")[0].contains("cannot be used"),
        "{findings:?}"
    );
    let table = cli(&[
        "doctor",
        "--config",
        dir.path().join("wardline.toml").to_str().unwrap(),
    ])
    .run();
    assert_eq!(table.code, 1);
    assert!(table.out.contains("chmod 700"), "{}", table.out);
}

#[test]
fn certificates_near_their_end_and_brokers_with_small_windows_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = (now - std::time::Duration::from_secs(86_400)).into();
    params.not_after = (now + std::time::Duration::from_secs(21 * 43_200)).into();
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = dir.path().join("cert.pem");
    std::fs::write(&cert, params.self_signed(&key).unwrap().pem()).unwrap();
    let broker = Broker::start();
    let config = format!(
        "[mqtt.tls]\ncert = {cert:?}\nkey = {cert:?}\n\
         [[broker]]\nname = \"ward\"\nhost = \"127.0.0.1\"\nport = {}\n",
        broker.port
    );
    let (ran, findings) = doctor(dir.path(), &config);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.talk);
    assert!(
        find(&findings, "certificate", "warning")[0].contains("in 10 days"),
        "{findings:?}"
    );
    let window = find(&findings, "broker ward", "warning");
    assert!(
        window
            .iter()
            .any(|finding| finding.contains("20 messages in flight")),
        "{findings:?}"
    );
    assert_eq!(
        find(&findings, "broker ward", "note").len(),
        1,
        "what a broker may lose"
    );
}

#[test]
fn a_bad_configuration_is_64() {
    let dir = tempfile::tempdir().unwrap();
    let (ran, _) = doctor(dir.path(), "speling = 1\n");
    assert_eq!(ran.code, 64);
    assert!(ran.talk.contains("speling"), "{}", ran.talk);
}
