//! TLS on both ways in, and gateways that log in by certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS, TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::harness::cli::cli;
use crate::harness::mqtt::topic;
use crate::harness::{Server, Setup, heart_rate, now};

/// What the gateway's certificate names.
const GATEWAY: &str = "urn:wardline:gateway:g1";

/// An authority that signs certificates for this test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key in PEM.
    fn issue(&self, names: Vec<SanType>) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        (
            params.signed_by(&key, &self.0).unwrap().pem(),
            key.serialize_pem(),
        )
    }

    fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.0.pem().as_bytes()).unwrap())
            .unwrap();
        roots
    }
}

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A connection as `g1` with a certificate and no password; whether a reading was acknowledged.
async fn publishes(
    server: &Server,
    roots: rustls::RootCertStore,
    identity: Option<(String, String)>,
) -> bool {
    let builder = rustls::ClientConfig::builder().with_root_certificates(roots);
    let config = match identity {
        Some((chain, key)) => {
            let chain = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(vec![chain], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    let mut options = MqttOptions::new("g1", "localhost", server.mqtt.port());
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
        Arc::new(config),
    )));
    let (client, mut events) = AsyncClient::new(options, 10);
    let pack = heart_rate("d1", "71", now());
    client
        .publish(topic("g1", "d1"), QoS::AtLeastOnce, false, pack)
        .await
        .unwrap();
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test]
async fn https_and_mqtts_with_certificates_of_gateways() {
    let (authority, gateways, forger) = (Authority::new(), Authority::new(), Authority::new());
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let (chain, key) = authority.issue(vec![
        SanType::DnsName("localhost".try_into().unwrap()),
        SanType::IpAddress("127.0.0.1".parse().unwrap()),
    ]);
    let cert = write(dir.path(), "server.pem", &chain);
    let key = write(dir.path(), "server.key", &key);
    let ca = write(dir.path(), "ca.pem", &authority.0.pem());
    let client_ca = write(dir.path(), "gateways.pem", &gateways.0.pem());
    let data = dir.path().join("data");
    let admin = cli(&["token", "add", "test-admin", "--role", "admin"])
        .on(&data)
        .ok()
        .trim_end()
        .to_owned();
    cli(&[
        "token",
        "add",
        "g1",
        "--role",
        "publish",
        "--site",
        "s1",
        "--gateway",
        "g1",
        "--certificate",
        GATEWAY,
    ])
    .on(&data)
    .ok();
    let config = format!(
        "[http.tls]\ncert = {cert:?}\nkey = {key:?}\n[mqtt.tls]\ncert = {cert:?}\nkey = {key:?}\n\
         client-ca = {client_ca:?}\n"
    );
    let server = Server::start_in(
        Arc::clone(&dir),
        admin,
        &Setup {
            config,
            ..Setup::default()
        },
    );

    let identity = |authority: &Authority, name: &str| {
        Some(authority.issue(vec![SanType::URI(name.try_into().unwrap())]))
    };
    assert!(publishes(&server, authority.roots(), identity(&gateways, GATEWAY)).await);
    assert!(
        !publishes(&server, authority.roots(), None).await,
        "a certificate stands for the password"
    );
    assert!(
        !publishes(
            &server,
            authority.roots(),
            identity(&gateways, "urn:wardline:gateway:g2")
        )
        .await
    );
    assert!(!publishes(&server, authority.roots(), identity(&forger, GATEWAY)).await);
    assert!(
        !publishes(&server, forger.roots(), identity(&gateways, GATEWAY)).await,
        "the client checks too"
    );

    let root = reqwest::Certificate::from_pem(authority.0.pem().as_bytes()).unwrap();
    let https = reqwest::Client::builder()
        .tls_certs_only([root])
        .build()
        .unwrap();
    let address = format!("https://localhost:{}", server.http.port());
    let query = serde_json::json!({"query": "SELECT count(*) AS n FROM observation"});
    let sql = https
        .post(format!("{address}/api/v1/sql"))
        .bearer_auth(&server.admin)
        .json(&query);
    let answer = sql.send().await.unwrap();
    assert!(answer.headers().contains_key("strict-transport-security"));
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(answer["rows"][0]["n"], 1);
    let stranger = reqwest::Client::builder()
        .tls_certs_only([])
        .build()
        .unwrap();
    assert!(
        stranger
            .get(format!("{address}/healthz"))
            .send()
            .await
            .is_err(),
        "unknown authority"
    );
    let plain =
        reqwest::Client::new().get(format!("http://localhost:{}/healthz", server.http.port()));
    assert!(
        plain.send().await.is_err(),
        "no plain text on the same port"
    );

    // The command line comes in the same way.
    let count = cli(&[
        "sql",
        "SELECT count(*) FROM observation",
        "--format",
        "csv",
        "--url",
        &address,
    ])
    .arg("--ca")
    .arg(ca.to_str().unwrap())
    .env("WARDLINE_TOKEN", &server.admin)
    .ok();
    assert_eq!(count.lines().last(), Some("1"), "{count}");
    let (status, _, _) = server.stop();
    assert!(status.success());
}
