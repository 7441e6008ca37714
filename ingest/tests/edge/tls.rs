//! TLS, and client certificates that name their principal.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::{TlsConfiguration, Transport};
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use wardline_ingest::tls::{client_config, server_config};

use super::support::{Edge, Setup, V5, connect, patiently};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key in PEM.
    fn issue(&self, name: SanType) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(name);
        let key = KeyPair::generate().unwrap();
        (
            params.signed_by(&key, &self.0).unwrap().pem(),
            key.serialize_pem(),
        )
    }
}

async fn edge(server: &Authority, clients: &Authority) -> Edge {
    let (chain, key) = server.issue(SanType::DnsName("localhost".try_into().unwrap()));
    let tls = server_config(
        chain.as_bytes(),
        key.as_bytes(),
        Some(clients.pem().as_bytes()),
    )
    .unwrap();
    Edge::with(
        Setup {
            tls: Some(tls),
            ..Setup::default()
        },
        |_| {},
    )
    .await
}

fn client(edge: &Edge, ca: &str, id: &str, identity: Option<(&str, &str)>, password: bool) -> V5 {
    let identity = identity.map(|(chain, key)| (chain.as_bytes(), key.as_bytes()));
    let tls = client_config(ca.as_bytes(), identity).unwrap();
    let mut options = rumqttc::v5::MqttOptions::new(id, "localhost", edge.address.port());
    options.set_transport(Transport::tls_with_config(TlsConfiguration::Rustls(tls)));
    if password {
        options.set_credentials(id, "secret");
    }
    V5::new(options)
}

#[tokio::test]
async fn a_certificate_names_its_principal_and_a_password_still_does() {
    let (server, clients) = (Authority::new(), Authority::new());
    let edge = edge(&server, &clients).await;
    let (chain, key) = clients.issue(SanType::URI("urn:wardline:g".try_into().unwrap()));
    let mut by_certificate = client(&edge, &server.pem(), "g", Some((&chain, &key)), false);
    let mut by_password = client(&edge, &server.pem(), "h", None, true);
    for (client, topic, name) in [
        (&mut by_certificate, "wardline/v1/s/g/d/readings", "cert-g"),
        (&mut by_password, "wardline/v1/s/h/d/readings", "h"),
    ] {
        client
            .client
            .publish(topic, QoS::AtLeastOnce, false, vec![b'x'; 100_000])
            .await
            .unwrap();
        assert_eq!(client.puback().await.1, "Success");
        assert_eq!(
            edge.sink
                .seen()
                .last()
                .unwrap()
                .principal
                .as_ref()
                .unwrap()
                .name,
            name
        );
    }
}

#[tokio::test]
async fn a_certificate_of_nobody_or_of_another_authority_is_not_enough() {
    let (server, clients) = (Authority::new(), Authority::new());
    let edge = edge(&server, &clients).await;
    let (chain, key) = clients.issue(SanType::URI("urn:wardline:unknown".try_into().unwrap()));
    let mut unknown = client(&edge, &server.pem(), "g", Some((&chain, &key)), false);
    assert!(unknown.event().await.is_err());
    let mut nobody = client(&edge, &server.pem(), "g", None, false);
    assert!(nobody.event().await.is_err());
    assert_eq!(edge.stats().auth_failures, 2);
    let forger = Authority::new();
    let (chain, key) = forger.issue(SanType::URI("urn:wardline:g".try_into().unwrap()));
    let mut forged = client(&edge, &server.pem(), "g", Some((&chain, &key)), false);
    assert!(forged.event().await.is_err());
    edge.until("the failed handshake", |stats| stats.tls_failures == 1)
        .await;
    // Plain bytes at a TLS port.
    let mut plain = edge.raw().await;
    plain.send(b"GET / HTTP/1.1\r\n\r\n").await;
    while plain.next().await.is_some() {}
    edge.until("the failed handshake", |stats| stats.tls_failures == 2)
        .await;
}

#[tokio::test]
async fn off_loopback_needs_tls_or_the_word_insecure() {
    use wardline_ingest::{BindError, Listener, ListenerConfig, Routes, Stats, batcher};
    let routes = std::sync::Arc::new(Routes::new(Vec::new()).unwrap());
    let known = std::sync::Arc::new(super::support::Known::default());
    let (intake, _batcher) = batcher(Default::default(), std::sync::Arc::new(Stats::default()));
    let mut config = ListenerConfig::new("0.0.0.0:0".parse().unwrap());
    let bind = |config: &ListenerConfig| {
        Listener::bind(
            config.clone(),
            None,
            routes.clone(),
            known.clone(),
            intake.clone(),
        )
    };
    assert!(matches!(bind(&config).await, Err(BindError::Insecure(_))));
    config.insecure = true;
    assert!(bind(&config).await.is_ok());
}

#[tokio::test]
async fn a_revoked_certificate_ends_its_sessions_alone_and_its_will_is_published() {
    let (server, clients) = (Authority::new(), Authority::new());
    let edge = edge(&server, &clients).await;
    let (chain, key) = clients.issue(SanType::URI("urn:wardline:g".try_into().unwrap()));
    let mut nurse = client(&edge, &server.pem(), "nurse", None, true);
    nurse
        .client
        .subscribe("wardline/v1/s/g/status", QoS::AtLeastOnce)
        .await
        .unwrap();
    nurse
        .packet("SUBACK", |packet| matches!(packet, Packet::SubAck(_)))
        .await;

    let identity = Some((chain.as_bytes(), key.as_bytes()));
    let tls = client_config(server.pem().as_bytes(), identity).unwrap();
    let name = "localhost".try_into().unwrap();
    let tcp = TcpStream::connect(edge.address).await.unwrap();
    let mut gateway = TlsConnector::from(tls).connect(name, tcp).await.unwrap();
    let will = [("wardline/v1/s/g/status", "gone", 1, true)];
    let hello = connect(5, "g", "whoever", 60, &will);
    gateway.write_all(&hello).await.unwrap();
    // CONNACK: its length in one byte, then reason code 0 in second place.
    let mut header = [0; 2];
    gateway.read_exact(&mut header).await.unwrap();
    let mut body = vec![0; usize::from(header[1])];
    gateway.read_exact(&mut body).await.unwrap();
    assert_eq!((header[0], body[1]), (0x20, 0));

    let der = rustls_pki_types::CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let fingerprint: [u8; 32] = Sha256::digest(&der).into();
    assert_eq!(edge.handle.disconnect(&[[0; 32]]), 0, "of nobody");
    assert_eq!(edge.handle.disconnect(&[fingerprint]), 1);
    let mut said = Vec::new();
    patiently("the end", gateway.read_to_end(&mut said))
        .await
        .unwrap();
    assert_eq!(
        (said[0], said[2]),
        (0xe0, 0x87),
        "DISCONNECT, not authorized"
    );
    assert_eq!(nurse.message().await.payload, "gone");
}
