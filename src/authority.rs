//! The installation's own authority: certificates for gateways and, where asked for, for the server itself.
//!
//! Its key is made when it is first needed and stands in the registry, a file of the owner's alone (0600), so that a
//! backup holds it and a restored installation is the same to its gateways. Everything is ECDSA P-256.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams,
    CertificateSigningRequestParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PublicKeyData as _, RevocationReason, RevokedCertParams, SanType,
    SerialNumber,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use wardline_normalize::time::Micros;
use wardline_store::registry::{
    self, GatewayCertificate, NewCertificate, Registry, StoredAuthority,
};

const SECOND: Micros = 1_000_000;
const DAY: Micros = 86_400 * SECOND;
/// Life of the authority: gateways that run for years trust it, and nothing replaces it in place.
const AUTHORITY_LIFE: Micros = 20 * 365 * DAY;
/// Of a certificate of the server's own.
const SERVER_LIFE: Micros = 90 * DAY;
/// How far the start of certificates that others check lies back: their clocks differ from ours.
const BACK: Micros = DAY;
/// How long a revocation list holds.
const LIST_LIFE: Micros = 7 * DAY;

/// What the SAN URI of a gateway's certificate begins with.
const URI_PREFIX: &str = "urn:wardline:site:";

/// Whether a SAN URI has the form of a gateway's.
pub(crate) fn is_gateway_uri(uri: &str) -> bool {
    uri.starts_with(URI_PREFIX)
}

/// The name of a gateway in its certificate. Ids hold no colon.
fn gateway_uri(site: &str, gateway: &str) -> String {
    format!("{URI_PREFIX}{site}:gateway:{gateway}")
}

/// SHA-256 of a certificate.
pub(crate) fn fingerprint(certificate: &CertificateDer<'_>) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

/// A request for a certificate: its key counts, its names do not.
pub(crate) struct Request {
    key: rcgen::PublicKey,
}

impl Request {
    /// Reads a PKCS #10 request in PEM and checks that it is signed with its own key.
    pub(crate) fn read(pem: &str) -> Result<Self, String> {
        let read = CertificateSigningRequestParams::from_pem(pem)
            .map_err(|error| format!("csr: {error}"))?;
        let key = read.public_key;
        // An uncompressed point on P-256 (SEC 1, 2.3.3); larger curves sign with the same identifier.
        if key.der_bytes().len() != 65 || key.der_bytes().first() != Some(&4) {
            return Err("csr: the key must be an ECDSA key on P-256".to_owned());
        }
        Ok(Self { key })
    }
}

/// The authority, ready to sign.
pub(crate) struct Authority {
    pem: String,
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("pem", &self.pem)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// The registry's, made now if it has none.
    fn open(registry: &Registry) -> anyhow::Result<Self> {
        let stored = match registry.authority()? {
            Some(stored) => stored,
            None => {
                let now = crate::clock::now();
                let made = make(&registry.installation_id()?, now)
                    .context("cannot make the own authority")?;
                registry.keep_authority(&made, now)?
            }
        };
        let read = || {
            let key = KeyPair::from_pem(&stored.key)?;
            let certificate = CertificateDer::from_pem_slice(stored.certificate.as_bytes())?;
            let issuer = Issuer::from_ca_cert_der(&certificate, key)?;
            anyhow::Ok((certificate, issuer))
        };
        let (certificate, issuer) = read().context("the own authority cannot be read")?;
        Ok(Self {
            pem: stored.certificate,
            certificate,
            issuer,
        })
    }

    /// Its certificate in PEM.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate.
    pub(crate) fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A certificate for a gateway, from now on for `life`, with the authority's behind it in PEM.
    pub(crate) fn gateway(
        &self,
        request: &Request,
        site: &str,
        gateway: &str,
        now: Micros,
        life: Duration,
    ) -> registry::Result<(NewCertificate, String)> {
        let now = now - now.rem_euclid(SECOND);
        let life = Micros::try_from(life.as_micros()).unwrap_or(AUTHORITY_LIFE);
        let mut params = leaf(gateway, (now, now.saturating_add(life)));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let refused = |error: rcgen::Error| registry::Error::Invalid {
            entity: "certificate",
            field: "request",
            problem: error.to_string(),
        };
        let uri = gateway_uri(site, gateway).try_into().map_err(refused)?;
        params.subject_alt_names = vec![SanType::URI(uri)];
        let signed = params.signed_by(&request.key, &self.issuer);
        let certificate = signed.map_err(refused)?;
        let new = NewCertificate {
            fingerprint: fingerprint(certificate.der()),
            serial: hex(&params
                .serial_number
                .map_or_else(Vec::new, |serial| serial.to_bytes())),
            site: site.to_owned(),
            expires_at: now.saturating_add(life),
        };
        Ok((new, certificate.pem() + &self.pem))
    }

    /// A certificate and key for the server itself under these names, and when it ends.
    fn server(&self, names: &[String], now: Micros) -> anyhow::Result<CertifiedKey> {
        let mut params = leaf("wardline", (now - BACK, now + SERVER_LIFE));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse::<IpAddr>() {
                Ok(address) => Ok(SanType::IpAddress(address)),
                Err(_) => Ok(SanType::DnsName(name.as_str().try_into()?)),
            })
            .collect::<Result<_, rcgen::Error>>()?;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let chain = vec![certificate.der().clone(), self.certificate.clone()];
        let key = rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::from(key))?;
        Ok(CertifiedKey::new(chain, key))
    }

    /// The revocation list of this moment, DER.
    pub(crate) fn revocations(
        &self,
        revoked: &[GatewayCertificate],
        now: Micros,
    ) -> anyhow::Result<Vec<u8>> {
        let revoked_certs = revoked.iter().filter_map(|one| {
            let (at, reason) = one.revoked?;
            Some(RevokedCertParams {
                serial_number: SerialNumber::from(unhex(&one.serial)?),
                revocation_time: date(at),
                reason_code: Some(match reason {
                    registry::RevocationReason::Revoked => RevocationReason::PrivilegeWithdrawn,
                    registry::RevocationReason::Superseded => RevocationReason::Superseded,
                }),
                invalidity_date: None,
            })
        });
        let params = CertificateRevocationListParams {
            this_update: date(now),
            next_update: date(now + LIST_LIFE),
            // It must grow from list to list (RFC 5280, 5.2.3), and the clock does.
            crl_number: SerialNumber::from(u64::try_from(now).unwrap_or_default()),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.der().to_vec())
    }
}

/// A new authority of this installation.
fn make(installation: &str, now: Micros) -> Result<StoredAuthority, rcgen::Error> {
    let mut params = leaf(
        &format!("Wardline {installation}"),
        (now - BACK, now + AUTHORITY_LIFE),
    );
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    let key = KeyPair::generate()?;
    Ok(StoredAuthority {
        certificate: params.self_signed(&key)?.pem(),
        key: key.serialize_pem(),
    })
}

/// What all our certificates have.
fn leaf(name: &str, (from, until): (Micros, Micros)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date(from);
    params.not_after = date(until);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    // 126 random bits: positive, and always 16 bytes long.
    let mut serial: [u8; 16] = rand::random();
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

fn date<T: From<std::time::SystemTime>>(at: Micros) -> T {
    let since = Duration::from_micros(u64::try_from(at).unwrap_or_default());
    T::from(UNIX_EPOCH + since)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(pair).collect()
}

/// The authority, made when it is first asked for.
#[derive(Debug)]
pub(crate) struct Keeper {
    registry: Arc<Registry>,
    made: Mutex<Option<Arc<Authority>>>,
}

impl Keeper {
    pub(crate) fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            made: Mutex::default(),
        }
    }

    /// Reads or makes it; may wait for the disk.
    pub(crate) fn get(&self) -> anyhow::Result<Arc<Authority>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(Arc::clone(made));
        }
        let opened = Arc::new(Authority::open(&self.registry)?);
        *made = Some(Arc::clone(&opened));
        Ok(opened)
    }
}

/// The server's own certificate, made anew at two thirds of its life while the server runs.
#[derive(Debug)]
pub(crate) struct OwnCertificate {
    authority: Arc<Authority>,
    names: Vec<String>,
    held: Mutex<(Arc<CertifiedKey>, Micros)>,
}

impl OwnCertificate {
    pub(crate) fn new(authority: Arc<Authority>, names: Vec<String>) -> anyhow::Result<Self> {
        let now = crate::clock::now();
        let made = authority.server(&names, now)?;
        Ok(Self {
            authority,
            names,
            held: Mutex::new((Arc::new(made), now + SERVER_LIFE / 3 * 2)),
        })
    }
}

impl rustls::server::ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = crate::clock::now();
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= held.1 {
            match self.authority.server(&self.names, now) {
                Ok(made) => *held = (Arc::new(made), now + SERVER_LIFE / 3 * 2),
                Err(error) => {
                    tracing::error!(%error, "the server's certificate could not be renewed")
                }
            }
        }
        Some(Arc::clone(&held.0))
    }
}

#[cfg(test)]
mod tests;
