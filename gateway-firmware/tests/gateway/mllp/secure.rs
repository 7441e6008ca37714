//! TLS: only monitors with a certificate are let in.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Site;
use super::monitor::{Monitor, reading};
use crate::broker::Broker;
use crate::delivery::certificates;

fn connector(files: &Path, certificate: bool) -> TlsConnector {
    let chain =
        |name: &str| CertificateDer::from_pem_file(files.join(name)).expect("a certificate");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(chain("ca.pem")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = if certificate {
        let key = PrivateKeyDer::from_pem_file(files.join("client.key")).expect("a key");
        builder
            .with_client_auth_cert(vec![chain("client.pem")], key)
            .expect("an identity")
    } else {
        builder.with_no_client_auth()
    };
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn monitors_with_a_certificate_are_heard_and_others_are_not() {
    let files = tempfile::tempdir().expect("a directory");
    certificates(files.path());
    let broker = Broker::start();
    let directory = files.path().display();
    let site = Site::new(
        &broker.url(),
        &format!(
            "[[mllp.listen]]\nbind = \"127.0.0.1:0\"\n\
             tls = {{ cert = \"{directory}/server.pem\", key = \"{directory}/server.key\", client-ca = \"{directory}/ca.pem\" }}\n"
        ),
    );
    let (_gateway, port) = site.start().port().await;
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    let stream = connector(files.path(), true)
        .connect(name.clone(), stream)
        .await;
    let mut monitor = Monitor::over(stream.expect("TLS"));
    assert_eq!(monitor.ask(&reading(1, 1, "")).await, "AA 1");

    // In TLS 1.3 the refusal comes after the client's handshake.
    let stream = TcpStream::connect(("127.0.0.1", port))
        .await
        .expect("a connection");
    if let Ok(stream) = connector(files.path(), false).connect(name, stream).await {
        assert_eq!(Monitor::over(stream).answer().await, None);
    }
    let mut plain = Monitor::connect(port).await;
    plain.say(&reading(1, 2, "")).await;
    assert_eq!(plain.answer().await, None);
}
