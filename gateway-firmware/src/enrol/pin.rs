//! A server's certificate against a fingerprint that was printed with the code.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

/// Accepts a chain in which a certificate of this SHA-256 stands: the server's own, or one that its own leads to and
/// that then is the authority, with name and time checked as ever.
#[derive(Debug)]
pub(super) struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
    /// The certificate with the fingerprint, once it was seen.
    found: Mutex<Option<CertificateDer<'static>>>,
}

impl Pinned {
    pub(super) fn new(fingerprint: [u8; 32], provider: Arc<CryptoProvider>) -> Self {
        Self {
            fingerprint,
            provider,
            found: Mutex::default(),
        }
    }

    /// The certificate to trust from now on.
    pub(super) fn found(&self) -> Option<CertificateDer<'static>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.clone()
    }

    fn is(&self, certificate: &CertificateDer<'_>) -> bool {
        <[u8; 32]>::from(Sha256::digest(certificate)) == self.fingerprint
    }
}

/// A fingerprint as printed: 64 hexadecimal digits, colons and case as one likes.
pub(super) fn fingerprint(text: &str) -> Result<[u8; 32], String> {
    let digits: Vec<u8> = text
        .trim_start_matches("sha256:")
        .bytes()
        .filter(|byte| *byte != b':')
        .collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    bytes
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .filter(|_| digits.len() == 64)
        .ok_or_else(|| "64 hexadecimal digits, as printed with the code".to_owned())
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        behind: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = if self.is(certificate) {
            certificate
        } else {
            let anchor = behind.iter().find(|one| self.is(one)).ok_or_else(|| {
                Error::General("the server has not the fingerprint that was given".to_owned())
            })?;
            let mut roots = RootCertStore::empty();
            roots.add(anchor.clone().into_owned())?;
            let provider = Arc::clone(&self.provider);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| Error::General(error.to_string()))?
                .verify_server_cert(certificate, behind, name, ocsp, now)?;
            anchor
        };
        let mut kept = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(found.clone().into_owned());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    fn pinned(certificate: &CertificateDer<'_>) -> Pinned {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Pinned::new(Sha256::digest(certificate).into(), provider)
    }

    fn verify(pinned: &Pinned, chain: &[CertificateDer<'_>], name: &str) -> bool {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let (certificate, behind) = chain.split_first().unwrap();
        pinned
            .verify_server_cert(certificate, behind, &name, &[], UnixTime::now())
            .is_ok()
    }

    #[test]
    fn the_pin_is_the_server_itself_or_an_authority_that_vouches_for_its_name() {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let make = || {
            let key = KeyPair::generate().unwrap();
            CertificateParams::new(vec!["ward.example".to_owned()])
                .unwrap()
                .signed_by(&key, &authority)
                .unwrap()
        };
        let (server, other) = (make(), make());
        let chain = [server.der().clone(), authority.der().clone()];

        let by_authority = pinned(authority.der());
        assert!(verify(&by_authority, &chain, "ward.example"));
        assert_eq!(by_authority.found().as_ref(), Some(authority.der()));
        assert!(!verify(&by_authority, &chain, "other.example"));
        assert!(
            !verify(&by_authority, &chain[..1], "ward.example"),
            "not shown"
        );

        let itself = pinned(server.der());
        assert!(verify(&itself, &chain[..1], "whatever.example"));
        assert!(!verify(
            &itself,
            &[other.der().clone(), chain[1].clone()],
            "ward.example"
        ));
        // The pinned authority shown beside a certificate that is none of its own.
        let stranger = rcgen::generate_simple_self_signed(["ward.example".to_owned()]).unwrap();
        let forged = [stranger.cert.der().clone(), authority.der().clone()];
        assert!(!verify(&pinned(authority.der()), &forged, "ward.example"));
    }

    #[test]
    fn fingerprints_are_read_as_people_copy_them() {
        let plain = "0f".repeat(32);
        let wanted = Ok([15; 32]);
        assert_eq!(fingerprint(&plain), wanted);
        assert_eq!(
            fingerprint(&format!("sha256:{}", plain.to_uppercase())),
            wanted
        );
        assert_eq!(fingerprint(&["0F"; 32].join(":")), wanted);
        let longer = format!("{plain}0");
        for wrong in ["", "0f", &longer, &"é".repeat(32), &"0g".repeat(32)] {
            assert!(fingerprint(wrong).is_err(), "{wrong}");
        }
    }
}
