//! The gateway's own program: enrolment by a printed fingerprint, publishing by certificate.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use rumqttc::v5::mqttbytes::v5::{PubAckReason, SubscribeReasonCode};

use super::*;
use crate::harness::cli::cli;

#[tokio::test]
async fn a_gateway_enrols_by_what_was_printed_with_its_code_and_publishes_by_certificate() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let data = dir.path().join("data");
    let admin = cli(&["token", "add", "test-admin", "--role", "admin"])
        .on(&data)
        .ok()
        .trim_end()
        .to_owned();
    // Before the server's first start: its authority is made now, and the code says what to look for.
    let printed = cli(&["gateway", "enroll-code", "g1"]).on(&data).run();
    assert_eq!(printed.code, 0, "{}", printed.talk);
    let code = printed.out.trim_end();
    let line = printed.talk.lines().last().unwrap();
    let pin = line.split("--fingerprint ").nth(1).unwrap();
    assert!(line.contains(code), "{line}");
    let setup = Setup {
        config: BOTH.to_owned(),
        ..Setup::default()
    };
    let server = Server::start_in(Arc::clone(&dir), admin, &setup);
    let address = format!("https://localhost:{}", server.http.port());

    let (_kept, place) = place();
    let place = place.to_str().unwrap();
    let enroll = |more: &[&str]| {
        let arguments = ["enroll", "--server", &address, "--data-dir", place];
        run(&[&arguments, more].concat())
    };
    let (exit, talk) = enroll(&["--code", code, "--fingerprint", &"0".repeat(64)]);
    assert_eq!(exit, 2, "{talk}");
    assert!(talk.contains("fingerprint"), "{talk}");
    let (exit, talk) = enroll(&["--code", code]);
    assert_eq!(exit, 2, "no authority of the system signs for it: {talk}");
    let (exit, talk) = enroll(&["--code", "0000-0000-0000-0000", "--fingerprint", pin]);
    assert_eq!(exit, 2, "{talk}");
    assert!(talk.contains("refuses"), "{talk}");
    let (exit, talk) = enroll(&["--code", code, "--fingerprint", pin]);
    assert_eq!(exit, 0, "{talk}");
    assert!(
        talk.contains("site = \"s1\"") && talk.contains("gateway = \"g1\""),
        "{talk}"
    );
    let (exit, talk) = enroll(&["--code", code, "--fingerprint", pin]);
    assert_eq!(exit, 64, "enrolled already: {talk}");
    let (exit, _) = enroll(&["--code", code, "--fingerprint", pin, "--replace"]);
    assert_eq!(exit, 2, "a code is good once");
    let identity = std::path::Path::new(place).join("identity");
    for file in std::fs::read_dir(&identity).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    let known = Identity::read(place.as_ref());
    let mut connected = Connected::connect(&server, "g1", &known).await.unwrap();
    assert_eq!(connected.reads("g1").await, PubAckReason::Success);
    assert_eq!(connected.reads("g9").await, PubAckReason::NotAuthorized);
    for (gateway, granted) in [("g1", true), ("g9", false)] {
        let filter = format!("wardline/v1/s1/{gateway}/command");
        connected
            .client
            .subscribe(filter, QoS::AtLeastOnce)
            .await
            .unwrap();
        let Some(Packet::SubAck(answer)) = connected.packet().await else {
            panic!("no SUBACK");
        };
        let good = matches!(answer.return_codes[0], SubscribeReasonCode::Success(_));
        assert_eq!(good, granted, "{answer:?}");
    }
    assert!(
        Connected::connect(&server, "g9", &known).await.is_none(),
        "another's session"
    );

    // The program's own publisher goes by the same files.
    let mqtt = format!("mqtts://localhost:{}", server.mqtt.port());
    let file = |name: &str| identity.join(name).to_str().unwrap().to_owned();
    let both = file("gateway.pem");
    let (exit, talk) = run(&[
        "simulate",
        "--url",
        &mqtt,
        "--ca",
        &file("trust.pem"),
        "--cert",
        &both,
        "--key",
        &both,
        "--site",
        "s1",
        "--gateway",
        "g1",
        "--patients",
        "1",
        "--count",
        "3",
        "--as-fast-as-possible",
    ]);
    assert_eq!(exit, 0, "{talk}");

    // The administrator's command line trusts the same authority.
    let listed = cli(&["gateway", "certificates", "g1", "--url", &address, "--ca"])
        .arg(file("trust.pem"))
        .env("WARDLINE_TOKEN", &server.admin)
        .json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let rows = cli(&[
        "sql",
        "SELECT count(DISTINCT gateway_id) FROM observation",
        "--url",
        &address,
    ])
    .arg("--ca")
    .arg(file("trust.pem"))
    .arg("--format")
    .arg("csv")
    .env("WARDLINE_TOKEN", &server.admin)
    .ok();
    assert_eq!(rows.lines().last(), Some("1"), "{rows}");
    assert!(!server.log().contains(code), "a code is in no log");
}

#[tokio::test]
async fn the_server_says_who_a_gateway_is_whatever_its_request_claims() {
    let server = server(MQTT);
    let identity = Identity::enrol(&server, "g1").await;
    let certificate = CertificateDer::from_pem_slice(identity.chain.as_bytes()).unwrap();
    let (_, read) = x509_parser::parse_x509_certificate(&certificate).unwrap();
    let names = read.subject_alternative_name().unwrap().unwrap();
    let names: Vec<String> = names
        .value
        .general_names
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["URI(urn:wardline:site:s1:gateway:g1)"]);
    let mut connected = Connected::connect(&server, "g1", &identity).await.unwrap();
    assert_eq!(connected.reads("g1").await, PubAckReason::Success);
    assert_eq!(connected.reads("g9").await, PubAckReason::NotAuthorized);
}

#[tokio::test]
async fn a_restored_installation_is_the_same_to_its_gateways() {
    let server = server(MQTT);
    let identity = Identity::enrol(&server, "g1").await;
    let to = server.dir.path().join("copy");
    server.post("/api/v1/backup", &json!({ "to": to })).await;
    let (_, dir, admin) = server.stop();
    let data = dir.path().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    let restored = cli(&["restore", to.to_str().unwrap(), "--data-dir"]);
    restored.arg(data.to_str().unwrap()).ok();
    let setup = Setup {
        config: MQTT.to_owned(),
        ..Setup::default()
    };
    let server = Server::start_in(dir, admin, &setup);
    let mut connected = Connected::connect(&server, "g1", &identity).await.unwrap();
    assert_eq!(connected.reads("g1").await, PubAckReason::Success);
}

/// A gateway that runs, ended with the test.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test]
async fn a_running_gateway_renews_its_certificate_obeys_commands_and_is_cut_off_when_revoked() {
    let server = server(&format!("{MQTT}[enrolment]\ncertificate-life = \"20s\"\n"));
    let code = code(&server, "g1").await;
    let (kept, place) = place();
    let config = kept.path().join("gateway.toml");
    let lines = format!(
        "site = \"s1\"\ngateway = \"g1\"\ndata-dir = {place:?}\n[server]\nurl = \"mqtts://localhost:{}\"\n\
         [time]\nsynchronized = \"assume\"\n",
        server.mqtt.port()
    );
    std::fs::write(&config, lines).unwrap();
    let address = format!("http://{}", server.http);
    let config = config.to_str().unwrap();
    let (exit, talk) = run(&[
        "enroll", "--server", &address, "--code", &code, "--config", config,
    ]);
    assert_eq!(exit, 0, "{talk}");
    let log = std::fs::File::create(kept.path().join("gateway.log")).unwrap();
    let child = Command::new(gateway())
        .args(["run", "--config", config])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let _running = Running(child);

    // Renewed, and online by a certificate that the first enrolment did not give.
    let certificates = async || {
        let listed = server.get("/api/v1/gateways/g1/certificates").await;
        listed["items"].as_array().unwrap().clone()
    };
    crate::harness::eventually("a renewal", async || {
        (certificates().await.len() >= 2).then_some(())
    })
    .await;
    let state = async || {
        let listed = server.get("/api/v1/gateways").await;
        let one = listed["items"].as_array()?.first()?.clone();
        Some(one)
    };
    let health = crate::harness::eventually("the state with its certificate", async || {
        let one = state().await?;
        let expires = one["health"]["certificate"]["expires"].as_str()?.to_owned();
        let first = certificates().await.last()?["expires"].as_str()?.to_owned();
        (one["state"] == "online" && expires > first).then_some(one)
    })
    .await;
    assert_eq!(health["health"]["certificate"]["error"], Value::Null);

    let answer = crate::harness::eventually("an answer to a command", async || {
        // While it takes a new certificate up it is not connected for a moment.
        let path = "/api/v1/gateways/g1/commands";
        let body = json!({"command": "reload", "wait": 20});
        let (status, sent) = server.send("POST", path, &server.admin, Some(&body)).await;
        (status == 200).then_some(sent)
    })
    .await;
    assert_eq!(answer["reply"]["state"], "done", "{answer}");

    server.post("/api/v1/gateways/g1/revoke", &json!({})).await;
    crate::harness::eventually("the gateway to be gone", async || {
        (state().await?["state"] == "offline").then_some(())
    })
    .await;
    let log = std::fs::read_to_string(kept.path().join("gateway.log")).unwrap();
    assert!(!log.contains("PRIVATE"), "{log}");
}
