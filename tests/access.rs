//! Who may see and do what, and what is written down about it.

mod canary;
mod tls;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::cli::cli;
use crate::harness::mqtt::{Publisher, topic};
use crate::harness::mqtt5::Client;
use crate::harness::{Server, Setup, heart_rate, now};

/// A token of a role, by name; its secret.
async fn token(server: &Server, name: &str, role: &str) -> String {
    let issued = server
        .post("/api/v1/tokens", &json!({"name": name, "role": role}))
        .await;
    issued["secret"].as_str().unwrap().to_owned()
}

/// A patient `p1` with a heart rate that is stored.
async fn one_reading(server: &Server) {
    server.admit("p1", "d1").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    let pack = heart_rate("d1", "72", now());
    gateway
        .deliver(&topic("g1", "d1"), pack.as_bytes())
        .await
        .unwrap();
}

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let server = Server::start(&Setup::default());
    let http = reqwest::Client::new();
    let address = format!("http://{}", server.http);
    for path in [
        "/api/v1/patients",
        "/fhir/R4/Observation",
        "/metrics",
        "/api/v1/stream",
        "/no/such/path",
    ] {
        let answer = http.get(format!("{address}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.starts_with("Bearer "), "{path}: {challenge}");
    }
    let sql = http
        .post(format!("{address}/api/v1/sql"))
        .json(&json!({"query": "SELECT 1"}));
    assert_eq!(sql.send().await.unwrap().status(), 401);
    let wrong = http
        .get(format!("{address}/api/v1/patients"))
        .bearer_auth("wl_nobody");
    let answer = wrong.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    assert!(
        answer.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("invalid_token")
    );
    for path in ["/healthz", "/readyz", "/"] {
        let answer = http.get(format!("{address}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path} tells nothing about patients");
    }
}

#[tokio::test]
async fn a_role_bounds_what_its_holder_does() {
    let server = Server::start(&Setup::default());
    one_reading(&server).await;
    let (read, operate) = (
        token(&server, "reader", "read").await,
        token(&server, "nurse", "operate").await,
    );
    let publish = server.gateway_token("g2").await;
    let patient = json!({"id": "p2"});
    let reader = json!({"name": "another", "role": "read"});
    for (secret, method, path, body, expected) in [
        (&read, "GET", "/api/v1/patients", None, 200),
        (&read, "GET", "/fhir/R4/Observation?patient=p1", None, 200),
        (&read, "POST", "/api/v1/patients", Some(&patient), 403),
        (&read, "GET", "/api/v1/quarantine", None, 403),
        (
            &read,
            "POST",
            "/api/v1/alerts/any/acknowledge",
            Some(&Value::Null),
            403,
        ),
        (&operate, "POST", "/api/v1/patients", Some(&patient), 201),
        (&operate, "GET", "/api/v1/tokens", None, 403),
        (&operate, "POST", "/api/v1/tokens", Some(&reader), 403),
        (&publish, "GET", "/api/v1/patients", None, 401),
        (&publish, "GET", "/metrics", None, 401),
    ] {
        let (status, answer) = server.send(method, path, secret, body).await;
        assert_eq!(status, expected, "{method} {path}: {answer}");
    }
    let patients = server.get("/api/v1/patients").await;
    assert_eq!(
        patients["items"].as_array().unwrap().len(),
        2,
        "refused requests changed nothing"
    );
    // Over MQTT a token for people publishes nothing, whatever its role.
    for (name, secret) in [("reader", &read), ("test-admin", &server.admin)] {
        if let Some(mut person) = Publisher::connect(server.mqtt, name, secret).await {
            let pack = heart_rate("d1", "180", now());
            assert_eq!(
                person.deliver(&topic("g1", "d1"), pack.as_bytes()).await,
                None,
                "{name}"
            );
        }
    }
    assert_eq!(server.count("SELECT count(*) FROM observation").await, 1);
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once() {
    let server = Server::start(&Setup::default());
    let read = token(&server, "reader", "read").await;
    assert_eq!(server.send("GET", "/api/v1/me", &read, None).await.0, 200);
    let gateway = server.gateway_token("g1").await;
    assert!(
        Publisher::connect(server.mqtt, "g1", &gateway)
            .await
            .is_some()
    );
    for name in ["reader", "g1"] {
        cli(&["token", "revoke", name]).at(&server).ok();
    }
    assert_eq!(server.send("GET", "/api/v1/me", &read, None).await.0, 401);
    assert!(
        Publisher::connect(server.mqtt, "g1", &gateway)
            .await
            .is_none()
    );
    let tokens = server.get("/api/v1/tokens").await;
    for token in tokens["items"].as_array().unwrap() {
        let revoked = ["reader", "g1"].contains(&token["name"].as_str().unwrap());
        assert_eq!(token["revoked"].is_string(), revoked, "{token}");
        assert_eq!(token["secret"], Value::Null, "a secret is shown once");
    }
}

/// Rows of the audit trail, whose chain must be sound.
fn audit_rows(dir: &Path) -> u64 {
    let data = dir.join("data");
    let findings = cli(&["verify", data.to_str().unwrap()]).json();
    let audit = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["part"] == "audit")
        .unwrap();
    assert_eq!(audit["ok"], true, "{audit}");
    audit["detail"]
        .as_str()
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn every_read_of_a_patient_leaves_a_record() {
    let server = Server::start(&Setup::default());
    one_reading(&server).await;
    let read = token(&server, "reader", "read").await;
    let (_, found) = server
        .send("GET", "/fhir/R4/Observation?patient=p1", &read, None)
        .await;
    let id = found["entry"][0]["resource"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    let before = audit_rows(dir.path());

    let server = Server::start_in(Arc::clone(&dir), admin, &Setup::default());
    let reads = [
        "/fhir/R4/Observation?patient=p1".to_owned(),
        format!("/fhir/R4/Observation/{id}"),
        "/api/v1/patients".to_owned(),
        "/api/v1/patients/p1".to_owned(),
        "/api/v1/assignments?patient=p1".to_owned(),
        "/api/v1/alerts?patient=p1".to_owned(),
        "/api/v1/export?patient=p1".to_owned(),
    ];
    for path in &reads {
        assert_eq!(server.send("GET", path, &read, None).await.0, 200, "{path}");
    }
    let query = json!({"query": "SELECT patient_id, value FROM observation"});
    assert_eq!(
        server
            .send("POST", "/api/v1/sql", &read, Some(&query))
            .await
            .0,
        200
    );
    // A refusal is recorded too, and so is a token that nobody has.
    assert_eq!(
        server
            .send("GET", "/api/v1/patients/nobody", &read, None)
            .await
            .0,
        404
    );
    assert_eq!(
        server
            .send("GET", "/api/v1/patients/p1", "wl_stolen", None)
            .await
            .0,
        401
    );
    let (status, dir, admin) = server.stop();
    assert!(status.success());
    assert_eq!(audit_rows(dir.path()) - before, reads.len() as u64 + 3);

    // A stream is one record when it opens; patients that it comes to show are added to it.
    let server = Server::start_in(Arc::clone(&dir), admin, &Setup::default());
    let opened = audit_rows_of_stream(&server, &read).await;
    assert!(
        opened.contains("event: snapshot") && opened.contains("p1"),
        "{opened}"
    );
    let (status, dir, _) = server.stop();
    assert!(status.success());
    assert_eq!(audit_rows(dir.path()) - before, reads.len() as u64 + 4);
}

/// Opens the live stream for one patient and reads its first event.
async fn audit_rows_of_stream(server: &Server, token: &str) -> String {
    let url = format!("http://{}/api/v1/stream?patient=p1", server.http);
    let mut answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let mut text = String::new();
    while !text.contains("\n\n") {
        text.push_str(std::str::from_utf8(&answer.chunk().await.unwrap().unwrap()).unwrap());
    }
    text
}

#[test]
fn plain_text_off_loopback_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for setting in ["http", "mqtt"] {
        let config = dir.path().join("wardline.toml");
        let data = dir.path().join("data");
        std::fs::write(
            &config,
            format!("data-dir = {data:?}\n[{setting}]\nbind = \"0.0.0.0:0\"\n"),
        )
        .unwrap();
        let talk = cli(&["serve", "--config", config.to_str().unwrap()]).fails(64);
        assert!(talk.contains(&format!("{setting}.bind")), "{talk}");
        assert!(
            talk.contains("tls") && talk.contains("insecure"),
            "it says what to do: {talk}"
        );
        assert!(!data.try_exists().unwrap(), "nothing was begun");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_logins_are_told_in_the_log_and_slowed_down() {
    /// MQTT 5: bad user name or password; connection rate exceeded.
    const BAD: u8 = 0x86;
    const TOO_MANY: u8 = 0x9F;
    let server = Server::start(&Setup::default());
    let secret = server.gateway_token("g1").await;
    let mut said = Vec::new();
    for _ in 0..30 {
        let (_, reason) = Client::try_connect(server.mqtt, "nobody-known", "wl_guess", 60).await;
        said.push(reason);
    }
    assert_eq!(said[0], BAD);
    assert!(
        said.iter().all(|reason| [BAD, TOO_MANY].contains(reason)) && said.contains(&TOO_MANY),
        "{said:x?}"
    );
    // Who knows the secret gets in all the same: a neighbour that guesses shuts nobody out.
    Client::connect(server.mqtt, "g1", &secret, 60).await;
    let (status, _) = server
        .send("GET", "/api/v1/patients", "wl_guess", None)
        .await;
    assert_eq!(status, 401);
    let log = server.log();
    let lines = |words: &str| log.lines().filter(|line| line.contains(words)).count();
    let told = lines("a login over MQTT was refused");
    assert!((1..=20).contains(&told), "{told} lines:\n{log}");
    assert_eq!(lines("a login over HTTP was refused"), 1, "{log}");
    assert!(
        !log.contains("nobody-known") && !log.contains("wl_guess"),
        "{log}"
    );
}
