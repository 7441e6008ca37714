//! What is published is what arrives: packs, order, states, answers.

use std::collections::BTreeMap;

use crate::broker::{Broker, Subscriber, text};
use crate::program::{end, run, said, send, simulate};

const RECORDING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/data/mimic2-numerics/s25047_numerics.csv"
);

const MINUTE: &str =
    "--patients 3 --seed 7 --start 2026-11-22T12:00:00Z --duration 1m --as-fast-as-possible";

#[tokio::test]
async fn a_minute_of_a_ward_arrives_whole_and_is_the_same_each_time() {
    let broker = Broker::start();
    let printed = run(&format!("{MINUTE} --stdout")).await;
    assert!(printed.status.success(), "{}", said(&printed));
    let printed: Vec<String> = text(&printed.stdout).lines().map(str::to_owned).collect();
    assert_eq!(printed.len(), 36);
    for _ in 0..2 {
        let mut subscriber = Subscriber::new(&broker).await;
        let url = broker.url();
        let output = run(&format!("{MINUTE} --url {url} --site s --gateway g")).await;
        assert!(output.status.success(), "{}", said(&output));
        assert!(
            said(&output).contains("36 packs acknowledged"),
            "{}",
            said(&output)
        );
        let all = subscriber.until_status("stopped").await;
        let readings: Vec<_> = all
            .iter()
            .filter(|p| text(&p.topic).ends_with("/readings"))
            .collect();
        let received: Vec<&str> = readings.iter().map(|p| text(&p.payload)).collect();
        assert_eq!(received, printed);
        let properties = readings[0].properties.as_ref().expect("properties");
        assert_eq!(
            properties.content_type.as_deref(),
            Some("application/senml+json")
        );
        assert_eq!(readings[0].topic, "wardline/v1/s/g/bed-01/readings");
        for publish in &readings {
            let pack: serde_json::Value = serde_json::from_slice(&publish.payload).expect("JSON");
            let base = pack[0]["bn"].as_str().expect("a base name");
            let device = text(&publish.topic).split('/').nth(4).expect("a device");
            assert_eq!(base, format!("{device}:"));
        }
    }
}

#[tokio::test]
async fn a_recording_arrives_row_by_row() {
    let broker = Broker::start();
    for (format, content_type) in [
        ("json", "application/senml+json"),
        ("cbor", "application/senml+cbor"),
    ] {
        let mut subscriber = Subscriber::new(&broker).await;
        let url = broker.url();
        let output = run(&format!(
            "--recording {RECORDING} --as-fast-as-possible --url {url} --format {format} --device icu-2"
        ))
        .await;
        assert!(output.status.success(), "{}", said(&output));
        let all = subscriber.until_status("stopped").await;
        let readings: Vec<_> = all
            .iter()
            .filter(|p| text(&p.topic).ends_with("/icu-2/readings"))
            .collect();
        assert_eq!(readings.len(), 72);
        let properties = readings[0].properties.as_ref().expect("properties");
        assert_eq!(properties.content_type.as_deref(), Some(content_type));
    }
}

#[tokio::test]
async fn a_stop_by_signal_leaves_nothing_unacknowledged() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let child = simulate(&format!("--patients 20 --rate 2000 --url {}", broker.url()))
        .spawn()
        .expect("it runs");
    let mut received = 0;
    while received < 200 {
        received += usize::from(text(&subscriber.next().await.topic).ends_with("/readings"));
    }
    // As a terminal and a supervisor do between them: this is one wish to stop.
    send(&child, "INT");
    send(&child, "TERM");
    let rest = subscriber.until_status("stopped").await;
    received += rest
        .iter()
        .filter(|p| text(&p.topic).ends_with("/readings"))
        .count();
    let output = end(child).await;
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let summary = said(&output);
    let acknowledged = summary
        .lines()
        .last()
        .and_then(|line| line.split(" packs").next());
    let acknowledged = acknowledged.unwrap_or_default().replace(',', "");
    assert_eq!(acknowledged.parse(), Ok(received), "{summary}");
    assert!(!summary.contains(" waiting\n"), "{summary}");
}

#[tokio::test]
async fn states_are_retained_and_the_last_will_speaks_for_a_killed_gateway() {
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let mut child = simulate(&format!("--gateway g7 --url {}", broker.url()))
        .spawn()
        .expect("it runs");
    let birth = subscriber.until_status("online").await;
    assert_eq!(
        birth.last().map(|p| text(&p.topic)),
        Some("wardline/v1/demo/g7/status")
    );
    child.start_kill().expect("it runs");
    let all = subscriber.until_status("offline").await;
    let will = all.last().expect("a status");
    let will: BTreeMap<String, String> = serde_json::from_slice(&will.payload).expect("JSON");
    assert_eq!(will["reason"], "connection lost");
    child.wait().await.expect("its end");
    let mut late = Subscriber::new(&broker).await;
    assert!(late.next().await.retain);
}

#[tokio::test]
async fn a_ward_with_client_certificates_over_tls() {
    let directory = tempfile::tempdir().expect("a directory");
    certificates(directory.path());
    let broker = Broker::with("allow_anonymous true", Some(directory.path()));
    let files = directory.path().display();
    let url = format!("mqtts://localhost:{}", broker.tls_port);
    let common = format!(
        "--patients 2 --count 4 --as-fast-as-possible --start 2026-11-22T12:00:00Z --url {url}"
    );
    let certificate =
        format!("--ca {files}/ca.pem --cert {files}/client.pem --key {files}/client.key");
    // Nobody listens: the broker throws them away.
    let unheard = run(&format!("{common} {certificate}")).await;
    assert_eq!(unheard.status.code(), Some(2), "{}", said(&unheard));
    assert!(said(&unheard).contains("4 refused"), "{}", said(&unheard));
    let _subscriber = Subscriber::new(&broker).await;
    let output = run(&format!("{common} {certificate}")).await;
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("4 packs acknowledged"),
        "{}",
        said(&output)
    );
    let wrong = run(&format!("{common} --ca {files}/client.key")).await;
    assert_eq!(wrong.status.code(), Some(64), "{}", said(&wrong));
}

/// An authority, a certificate for localhost and one for a client.
pub(crate) fn certificates(directory: &std::path::Path) {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
    let write =
        |name: &str, text: &str| std::fs::write(directory.join(name), text).expect("a file");
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params
        .distinguished_name
        .push(DnType::CommonName, "authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    write("ca.pem", &authority.pem());
    let issuer = Issuer::new(params, key);
    for (file, name) in [("server", "localhost"), ("client", "gateway")] {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        write(
            &format!("{file}.pem"),
            &params
                .signed_by(&key, &issuer)
                .expect("a certificate")
                .pem(),
        );
        write(&format!("{file}.key"), &key.serialize_pem());
    }
}

#[tokio::test]
async fn a_refused_client_says_so_at_once() {
    let broker = Broker::with("allow_anonymous false", None);
    let output = run(&format!("--patients 1 --url {}", broker.url())).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("refuses this client"),
        "{}",
        said(&output)
    );
}

#[tokio::test]
async fn wrong_usage_ends_with_64_and_help_with_0() {
    for arguments in [
        "--patients x",
        "--no-such",
        "--recording no.csv",
        "--as-fast-as-possible",
        "--stdout --format cbor",
    ] {
        let output = run(arguments).await;
        assert_eq!(
            output.status.code(),
            Some(64),
            "{arguments}: {}",
            said(&output)
        );
    }
    let help = run("--help").await;
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).starts_with("Examples:"));
}
