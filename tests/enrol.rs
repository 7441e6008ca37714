//! Gateways and their certificates: enrolled by a code, renewed by their key, cut off when revoked; and commands.

mod commands;
mod gateway;
mod refused;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair, SanType, SigningKey as _};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::mqtt::topic;
use crate::harness::{Server, Setup, gateway, heart_rate, now};

/// Both ways in by certificates of the own authority, or MQTT alone.
const BOTH: &str = "[http.tls]\nown = true\n[mqtt.tls]\nown = true\n";
const MQTT: &str = "[mqtt.tls]\nown = true\n";

/// Nothing here takes this long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with these lines after `[mqtt]`.
fn server(config: &str) -> Server {
    let setup = Setup {
        config: config.to_owned(),
        ..Setup::default()
    };
    Server::start(&setup)
}

/// A code for a gateway, of a server that speaks plain HTTP.
async fn code(server: &Server, id: &str) -> String {
    let path = format!("/api/v1/gateways/{id}/enrollment-code");
    let made = server.post(&path, &json!({})).await;
    made["code"].as_str().unwrap().to_owned()
}

/// A key, and a request in PEM that claims to be gateway g9.
fn request() -> (KeyPair, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["ward.example".to_owned()]).unwrap();
    let claimed = "urn:wardline:site:s1:gateway:g9".try_into().unwrap();
    params.subject_alt_names.push(SanType::URI(claimed));
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    (key, csr)
}

/// Key, certificates and trusted authority of a gateway.
#[derive(Debug, Clone)]
struct Identity {
    key: String,
    chain: String,
    trust: String,
}

impl Identity {
    /// Enrols by the API itself.
    async fn enrol(server: &Server, id: &str) -> Self {
        let code = code(server, id).await;
        let (key, csr) = request();
        let (status, answer) = post(server, "enroll", &json!({"code": code, "csr": csr})).await;
        assert_eq!(status, 201, "{answer}");
        Self::of(&key, &answer)
    }

    fn of(key: &KeyPair, answer: &Value) -> Self {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Self {
            key: key.serialize_pem(),
            chain: text("certificate"),
            trust: text("trust"),
        }
    }

    /// What the gateway's program has written.
    fn read(data_dir: &Path) -> Self {
        let read = |name: &str| std::fs::read_to_string(data_dir.join("identity").join(name));
        let both = read("gateway.pem").unwrap();
        let (key, chain) = both.split_once("-----BEGIN CERTIFICATE-----").unwrap();
        Self {
            key: key.to_owned(),
            chain: format!("-----BEGIN CERTIFICATE-----{chain}"),
            trust: read("trust.pem").unwrap(),
        }
    }

    /// Body of a renewal with the proof by this key, and the new key.
    fn renewal(&self, proof_by: &str) -> (KeyPair, Value) {
        let (key, csr) = request();
        let der = rustls::pki_types::CertificateSigningRequestDer::from_pem_slice(csr.as_bytes());
        let signed = [b"wardline-enroll-renew-v1\n", der.unwrap().as_ref()].concat();
        let proof = KeyPair::from_pem(proof_by).unwrap().sign(&signed).unwrap();
        let body = json!({"certificate": self.chain, "csr": csr, "proof": base64(&proof)});
        (key, body)
    }

    fn tls(&self) -> rustls::ClientConfig {
        let mut roots = rustls::RootCertStore::empty();
        let trusted = CertificateDer::from_pem_slice(self.trust.as_bytes()).unwrap();
        roots.add(trusted).unwrap();
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .unwrap()
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let number = part
            .iter()
            .fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        let number = number << (8 * (3 - part.len()));
        for digit in 0..4 {
            let value = (number >> (18 - 6 * digit)) & 63;
            let char = char::from(DIGITS[usize::try_from(value).unwrap()]);
            text.push(if digit <= part.len() { char } else { '=' });
        }
    }
    text
}

/// To the open routes, without a token.
async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    server
        .send("POST", &format!("/api/v1/{path}"), "", Some(body))
        .await
}

/// A gateway at the MQTT listener, by certificate.
struct Connected {
    client: AsyncClient,
    events: EventLoop,
}

impl Connected {
    /// `None` when the server does not let it in.
    async fn connect(server: &Server, id: &str, identity: &Identity) -> Option<Self> {
        let mut options = MqttOptions::new(id, "localhost", server.mqtt.port());
        options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(
            Arc::new(identity.tls()),
        )));
        let (client, events) = AsyncClient::new(options, 16);
        let mut connected = Self { client, events };
        match connected.packet().await? {
            Packet::ConnAck(_) => Some(connected),
            other => panic!("{other:?} instead of CONNACK"),
        }
    }

    /// The next packet; `None` at the end of the connection.
    async fn packet(&mut self) -> Option<Packet> {
        loop {
            let polled = tokio::time::timeout(PATIENCE, self.events.poll()).await;
            match polled.expect("the server says nothing") {
                Ok(Event::Incoming(packet)) => return Some(packet),
                Ok(Event::Outgoing(_)) => {}
                Err(_) => return None,
            }
        }
    }

    async fn publish(&mut self, topic: &str, payload: &str) -> PubAckReason {
        let publish = self
            .client
            .publish(topic, QoS::AtLeastOnce, false, payload.to_owned());
        publish.await.unwrap();
        loop {
            if let Packet::PubAck(ack) = self.packet().await.expect("a PUBACK") {
                return ack.reason;
            }
        }
    }

    /// A reading of a device behind a gateway.
    async fn reads(&mut self, gateway: &str) -> PubAckReason {
        let pack = heart_rate("d1", "71", now());
        self.publish(&topic(gateway, "d1"), &pack).await
    }

    /// Waits for the end of the connection.
    async fn cut_off(&mut self) {
        while self.packet().await.is_some() {}
    }
}

/// Runs the gateway's program to its end: exit code and talk.
fn run(arguments: &[&str]) -> (i32, String) {
    let output = Command::new(gateway())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), talk)
}

/// A place for a gateway's data.
fn place() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("gateway");
    (dir, data)
}
