//! Gateways as the service deals with them: enrolment, renewal, revocation, commands and their answers.

mod commands;
mod replies;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use tokio::sync::Notify;
use wardline_dashboard::backend::{
    BackendError, BackendResult, Enrolled, EnrolmentCode, GatewayCertificate, RENEWAL_CONTEXT,
    Renewal,
};
use wardline_normalize::time::Micros;
use wardline_store::registry::{self, Issued, NewCertificate, Registry, SETTING_SITE};

pub(crate) use commands::Ways;
pub(crate) use replies::Replies;

use crate::authority::{self, Authority, Keeper, Request};
use crate::backend::fault;

/// How long an answer to who asks for the revocation list may lag behind: it is signed anew at most this often.
const LIST_EVERY: Micros = 60_000_000;

/// What enrolment goes by.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// How long a gateway's certificate is good.
    pub(crate) life: Duration,
    /// How long a code is good.
    pub(crate) code_life: Duration,
    /// SHA-256 in hex of the last certificate that the HTTP server shows.
    pub(crate) fingerprint: Option<String>,
    /// PEM of the authorities behind the MQTT listener's certificate.
    pub(crate) trust: Option<String>,
}

/// A certificate to be kept, and what is answered of it: the chain in PEM and its particulars.
type Made = (NewCertificate, (String, NewCertificate));

/// Shared by HTTP, the listener's sink and the command line.
pub(crate) struct Gateways {
    registry: Arc<Registry>,
    keeper: Arc<Keeper>,
    settings: Settings,
    /// None in a process that serves nobody.
    ways: Option<Ways>,
    /// Who waits for the answer to a command, by its id.
    waiting: Mutex<HashMap<String, Arc<Notify>>>,
    /// The revocation list and when it was made; emptied by a revocation.
    list: Mutex<Option<(Micros, Vec<u8>)>>,
}

fn internal(error: impl std::fmt::Display) -> BackendError {
    BackendError::Internal(error.to_string())
}

fn micros(duration: Duration) -> Micros {
    Micros::try_from(duration.as_micros()).unwrap_or(Micros::MAX)
}

impl Gateways {
    pub(crate) fn new(
        registry: Arc<Registry>,
        keeper: Arc<Keeper>,
        settings: Settings,
        ways: Option<Ways>,
    ) -> Self {
        Self {
            registry,
            keeper,
            settings,
            ways,
            waiting: Mutex::default(),
            list: Mutex::default(),
        }
    }

    fn authority(&self) -> BackendResult<Arc<Authority>> {
        self.keeper
            .get()
            .map_err(|error| internal(format!("{error:#}")))
    }

    fn site(&self) -> BackendResult<String> {
        let site = self.registry.setting(SETTING_SITE).map_err(fault)?;
        site.ok_or_else(|| {
            BackendError::Conflict("the installation has no site before its first start".to_owned())
        })
    }

    /// A code for a gateway.
    pub(crate) fn code(&self, gateway: &str, by: &str) -> BackendResult<EnrolmentCode> {
        let now = crate::clock::now();
        let life = micros(self.settings.code_life);
        let made = self
            .registry
            .enrolment_code(gateway, by, now, life)
            .map_err(fault)?;
        let fingerprint = match (&self.settings.fingerprint, &self.ways) {
            (None, None) => {
                let authority = self.authority()?;
                Some(authority::hex(&authority::fingerprint(
                    authority.certificate(),
                )))
            }
            (fingerprint, _) => fingerprint.clone(),
        };
        Ok(EnrolmentCode {
            gateway: gateway.to_owned(),
            code: made.expose().to_owned(),
            expires: made.expires_at,
            fingerprint,
        })
    }

    /// Enrols by a code.
    pub(crate) fn enrol(&self, code: &str, csr: &str) -> BackendResult<Option<Enrolled>> {
        let request = Request::read(csr).map_err(BackendError::Invalid)?;
        let now = crate::clock::now();
        let make = self.maker(&request, now)?;
        let issued = self.registry.enrol(code, now, make).map_err(fault)?;
        Ok(issued.map(|issued| self.issued(issued, now)))
    }

    /// Renews by the present key.
    pub(crate) fn renew(&self, renewal: &Renewal) -> BackendResult<Option<Enrolled>> {
        let request = Request::read(&renewal.csr).map_err(BackendError::Invalid)?;
        let Some(present) = self.proven(renewal)? else {
            return Ok(None);
        };
        let now = crate::clock::now();
        let make = self.maker(&request, now)?;
        let issued = self.registry.renew(&present, now, make).map_err(fault)?;
        Ok(issued.map(|issued| self.issued(issued, now)))
    }

    /// How a certificate for a gateway is made.
    fn maker<'a>(
        &self,
        request: &'a Request,
        now: Micros,
    ) -> BackendResult<impl FnOnce(&str) -> registry::Result<Made> + use<'a>> {
        let (authority, site, life) = (self.authority()?, self.site()?, self.settings.life);
        Ok(move |gateway: &str| {
            let (new, pem) = authority.gateway(request, &site, gateway, now, life)?;
            Ok((new.clone(), (pem, new)))
        })
    }

    /// The fingerprint of the certificate whose key has signed the renewal.
    fn proven(&self, renewal: &Renewal) -> BackendResult<Option<registry::Fingerprint>> {
        let Ok(present) = CertificateDer::from_pem_slice(renewal.certificate.as_bytes()) else {
            return Ok(None);
        };
        let Ok(csr) = CertificateSigningRequestDer::from_pem_slice(renewal.csr.as_bytes()) else {
            return Ok(None);
        };
        let authority = self.authority()?;
        let mut roots = RootCertStore::empty();
        roots
            .add(authority.certificate().clone())
            .map_err(internal)?;
        let ours = WebPkiClientVerifier::builder(Arc::new(roots))
            .build()
            .map_err(internal)?;
        if ours
            .verify_client_cert(&present, &[], UnixTime::now())
            .is_err()
        {
            return Ok(None);
        }
        let Ok((_, read)) = x509_parser::parse_x509_certificate(&present) else {
            return Ok(None);
        };
        let signed = [RENEWAL_CONTEXT, csr.as_ref()].concat();
        let key = &read.public_key().subject_public_key.data;
        // Every certificate of ours has a key on P-256.
        let proven = rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == rustls::SignatureScheme::ECDSA_NISTP256_SHA256)
            .flat_map(|(_, algorithms)| algorithms.iter())
            .any(|algorithm| {
                algorithm
                    .verify_signature(key, &signed, &renewal.proof)
                    .is_ok()
            });
        Ok(proven.then(|| authority::fingerprint(&present)))
    }

    fn issued(&self, issued: Issued<(String, NewCertificate)>, now: Micros) -> Enrolled {
        let Issued {
            gateway,
            made: (certificate, new),
            superseded,
        } = issued;
        self.end(&superseded);
        tracing::info!(
            gateway,
            serial = new.serial,
            "a gateway has a new certificate"
        );
        Enrolled {
            gateway,
            site: new.site,
            certificate,
            trust: self.settings.trust.clone(),
            serial: new.serial,
            expires: new.expires_at,
            renew: now + (new.expires_at - now) / 3 * 2,
        }
    }

    /// What is no longer good ends its sessions and goes on the list.
    fn end(&self, revoked: &[registry::Fingerprint]) {
        if revoked.is_empty() {
            return;
        }
        *self.list.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(listener) = self.ways.as_ref().and_then(|ways| ways.listener.as_ref()) {
            let ended = listener.0.disconnect(revoked);
            tracing::info!(ended, "sessions of certificates that are good no longer");
        }
    }

    /// Takes a gateway's right away; says how many certificates were good until now.
    pub(crate) fn revoke(&self, gateway: &str) -> BackendResult<usize> {
        let now = crate::clock::now();
        let revoked = self.registry.revoke_gateway(gateway, now).map_err(fault)?;
        self.end(&revoked);
        Ok(revoked.len())
    }

    /// Certificates of a gateway.
    pub(crate) fn certificates(&self, gateway: &str) -> BackendResult<Vec<GatewayCertificate>> {
        let found = self
            .registry
            .gateway_certificates(Some(gateway))
            .map_err(fault)?;
        let view = |one: registry::GatewayCertificate| GatewayCertificate {
            serial: one.serial,
            issued: one.issued_at,
            expires: one.expires_at,
            renewed_from: one.renewed_from,
            revoked: one.revoked.map(|(at, _)| at),
            reason: one.revoked.map(|(_, reason)| reason.as_str()),
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// The authority's certificate.
    pub(crate) fn pem(&self) -> BackendResult<String> {
        Ok(self.authority()?.pem().to_owned())
    }

    /// The revocation list; anybody may ask, so it is not signed anew for each.
    pub(crate) fn revocations(&self) -> BackendResult<Vec<u8>> {
        let now = crate::clock::now();
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, der)) = &*list
            && (0..LIST_EVERY).contains(&(now - made))
        {
            return Ok(der.clone());
        }
        let revoked = self.registry.revoked_certificates(now).map_err(fault)?;
        let der = self
            .authority()?
            .revocations(&revoked, now)
            .map_err(|error| internal(format!("{error:#}")))?;
        *list = Some((now, der.clone()));
        Ok(der)
    }
}
