use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use tempfile::TempDir;
use x509_parser::prelude::{FromDer as _, GeneralName};

use super::*;

fn authority() -> (TempDir, Arc<Authority>) {
    crate::tls::install_provider();
    let dir = TempDir::new().unwrap();
    let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
    let made = Keeper::new(Arc::new(registry)).get().unwrap();
    (dir, made)
}

/// A request that claims every name it can.
fn request(key: &KeyPair) -> Request {
    let mut params = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "g9");
    let uri = gateway_uri("s9", "g9").try_into().unwrap();
    params.subject_alt_names.push(SanType::URI(uri));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Request::read(&params.serialize_request(key).unwrap().pem().unwrap()).unwrap()
}

fn verifier(authority: &Authority, list: Option<Vec<u8>>) -> Arc<dyn ClientCertVerifier> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let builder = WebPkiClientVerifier::builder(Arc::new(roots));
    builder.with_crls(list.map(Into::into)).build().unwrap()
}

#[test]
fn a_gateways_certificate_names_it_and_nothing_that_the_request_asked_for() {
    let (_dir, authority) = authority();
    let key = KeyPair::generate().unwrap();
    let now = crate::clock::now();
    let life = Duration::from_secs(3_600);
    let (new, pem) = authority
        .gateway(&request(&key), "s1", "g1", now, life)
        .unwrap();
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(Result::unwrap)
        .collect();
    assert_eq!(chain.len(), 2);
    assert_eq!(new.fingerprint, fingerprint(&chain[0]));
    let (_, read) = x509_parser::certificate::X509Certificate::from_der(&chain[0]).unwrap();
    assert_eq!(read.subject().to_string(), "CN=g1");
    assert_eq!(hex(read.raw_serial()), new.serial);
    assert!(!read.is_ca());
    let names = read.subject_alternative_name().unwrap().unwrap();
    assert_eq!(
        names.value.general_names,
        [GeneralName::URI("urn:wardline:site:s1:gateway:g1")]
    );
    assert_eq!(
        read.validity().not_after.timestamp() * SECOND,
        new.expires_at
    );
    let at = rustls::pki_types::UnixTime::now();
    verifier(&authority, None)
        .verify_client_cert(&chain[0], &[], at)
        .unwrap();
}

#[test]
fn the_list_names_what_was_revoked_and_is_signed_by_the_authority() {
    let (_dir, authority) = authority();
    let now = crate::clock::now();
    let life = Duration::from_secs(3_600);
    let make = |gateway: &str| {
        let key = KeyPair::generate().unwrap();
        let (new, pem) = authority
            .gateway(&request(&key), "s1", gateway, now, life)
            .unwrap();
        (new, CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
    };
    let ((gone, revoked), (_, good)) = (make("g1"), make("g2"));
    let stored = GatewayCertificate {
        fingerprint: gone.fingerprint,
        serial: gone.serial,
        gateway: "g1".to_owned(),
        site: gone.site,
        issued_at: now,
        expires_at: gone.expires_at,
        renewed_from: None,
        revoked: Some((now, registry::RevocationReason::Revoked)),
    };
    let list = authority.revocations(&[stored], now).unwrap();
    let verifier = verifier(&authority, Some(list));
    let at = rustls::pki_types::UnixTime::now();
    verifier.verify_client_cert(&good, &[], at).unwrap();
    let refused = verifier.verify_client_cert(&revoked, &[], at).unwrap_err();
    let wanted = rustls::Error::InvalidCertificate(rustls::CertificateError::Revoked);
    assert_eq!(refused, wanted);
}

#[test]
fn a_server_certificate_is_none_of_a_client_and_stands_for_its_names() {
    let (_dir, authority) = authority();
    let names = ["ward.example".to_owned(), "10.0.0.5".to_owned()];
    let made = authority.server(&names, crate::clock::now()).unwrap();
    let at = rustls::pki_types::UnixTime::now();
    let refused = verifier(&authority, None).verify_client_cert(&made.cert[0], &[], at);
    assert!(refused.is_err());
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().clone()).unwrap();
    let clients = rustls::client::WebPkiServerVerifier::builder(Arc::new(roots))
        .build()
        .unwrap();
    use rustls::client::danger::ServerCertVerifier as _;
    for (name, good) in [
        ("ward.example", true),
        ("10.0.0.5", true),
        ("other.example", false),
    ] {
        let name = name.try_into().unwrap();
        let verified = clients.verify_server_cert(&made.cert[0], &[], &name, &[], at);
        assert_eq!(verified.is_ok(), good, "{name:?}");
    }
}

#[test]
fn requests_that_are_none_are_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let params = CertificateParams::new(Vec::new()).unwrap();
    let other_curve = params.serialize_request(&key).unwrap().pem().unwrap();
    let key = KeyPair::generate().unwrap();
    let good = params.serialize_request(&key).unwrap();
    let mut forged = good.der().to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let forged = rustls::pki_types::CertificateSigningRequestDer::from(forged);
    assert!(CertificateSigningRequestParams::from_der(&forged).is_err());
    for text in ["", "no PEM", &other_curve, &key.serialize_pem()] {
        assert!(Request::read(text).is_err(), "{text}");
    }
    assert!(Request::read(&good.pem().unwrap()).is_ok());
}

#[test]
fn the_authority_outlives_the_process_that_made_it() {
    let dir = TempDir::new().unwrap();
    let open = || {
        let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
        Keeper::new(Arc::new(registry))
            .get()
            .unwrap()
            .pem()
            .to_owned()
    };
    assert_eq!(open(), open());
}
