//! Client certificates at the MQTT listener: of gateways we enrolled, while they are good, and of authorities that the
//! configuration names.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use wardline_store::registry::Registry;

use crate::authority;

/// Asks our own authority first, then the registry whether the certificate is good still; a certificate of ours that
/// the registry does not know as good is refused as revoked.
#[derive(Debug)]
pub(super) struct Clients {
    own: Arc<dyn ClientCertVerifier>,
    others: Option<Arc<dyn ClientCertVerifier>>,
    registry: Arc<Registry>,
    hints: Vec<DistinguishedName>,
}

impl Clients {
    pub(super) fn new(
        own: Arc<dyn ClientCertVerifier>,
        others: Option<Arc<dyn ClientCertVerifier>>,
        registry: Arc<Registry>,
    ) -> Self {
        let mut hints = own.root_hint_subjects().to_vec();
        hints.extend(
            others
                .iter()
                .flat_map(|one| one.root_hint_subjects().to_vec()),
        );
        Self {
            own,
            others,
            registry,
            hints,
        }
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.own.verify_client_cert(certificate, intermediates, now) {
            Ok(verified) => {
                let fingerprint = authority::fingerprint(certificate);
                self.registry
                    .verify_gateway(&fingerprint, crate::clock::now())
                    .map(|_| verified)
                    .ok_or(Error::InvalidCertificate(CertificateError::Revoked))
            }
            Err(error) => match &self.others {
                Some(others) => others.verify_client_cert(certificate, intermediates, now),
                None => Err(error),
            },
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.own
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.own
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.own.supported_verify_schemes()
    }
}
