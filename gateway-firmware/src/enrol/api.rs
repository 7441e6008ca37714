//! The server's two requests.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, KeyPair, SigningKey as _};
use reqwest::{Client, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use serde_json::{Value, json};

use super::identity::Identity;
use super::pin::Pinned;

/// What the proof of a renewal begins with.
const CONTEXT: &[u8] = b"wardline-enroll-renew-v1\n";
/// Longest answer taken: a few certificates.
const MAX_ANSWER: usize = 256 << 10;
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(60);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The server takes neither code nor proof: asking again is of no use.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// Anything else; later it may go.
    #[error("{0}")]
    Failed(String),
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(error.to_string())
}

/// How the server is known.
#[derive(Debug)]
pub(super) enum Trust {
    /// By a certificate in its chain.
    Pinned(Arc<Pinned>),
    /// By authorities in PEM.
    Anchors(String),
    /// By the authorities of the system.
    System,
}

/// What the server answers.
#[derive(Debug, Deserialize)]
pub(super) struct Enrolled {
    pub(super) gateway: String,
    pub(super) site: String,
    pub(super) certificate: String,
    pub(super) trust: Option<String>,
}

/// Checks the address of a server: https, or http on this machine alone, where nobody else hears a code.
pub(super) fn address(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).map_err(|error| format!("{text}: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let here = host == "localhost"
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if here => {}
        "http" => return Err(format!("{text}: https, or somebody else hears the code")),
        _ => return Err(format!("{text}: write https://host:port")),
    }
    if !url.username().is_empty() || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text}: write https://host:port"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// A client of the server at `address`.
pub(super) struct Api {
    client: Client,
    address: String,
}

impl Api {
    pub(super) fn new(address: &str, trust: &Trust) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let config = match trust {
            Trust::Pinned(pinned) => builder
                .dangerous()
                .with_custom_certificate_verifier(pinned.clone())
                .with_no_client_auth(),
            Trust::Anchors(pem) => {
                let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
                    .collect::<Result<_, _>>()
                    .map_err(failed)?;
                builder
                    .with_root_certificates(roots(certificates)?)
                    .with_no_client_auth()
            }
            Trust::System => {
                let certificates = rustls_native_certs::load_native_certs().certs;
                builder
                    .with_root_certificates(roots(certificates)?)
                    .with_no_client_auth()
            }
        };
        let client = Client::builder()
            .tls_backend_preconfigured(config)
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Failed(chain(&error)))?;
        Ok(Self {
            client,
            address: address.to_owned(),
        })
    }

    /// A certificate for a new key, by a code.
    pub(super) async fn enrol(&self, code: &str) -> Result<(Enrolled, Identity), Error> {
        let (key, csr) = request()?;
        let body = json!({ "code": code, "csr": csr.pem().map_err(failed)? });
        self.post("/api/v1/enroll", &body, key).await
    }

    /// A certificate for a new key, by the one at hand.
    pub(super) async fn renew(&self, present: &Identity) -> Result<(Enrolled, Identity), Error> {
        let (key, csr) = request()?;
        let signed = [CONTEXT, csr.der().as_ref()].concat();
        let proof = present.key.sign(&signed).map_err(failed)?;
        let body = json!({
            "certificate": present.chain,
            "csr": csr.pem().map_err(failed)?,
            "proof": STANDARD.encode(proof),
        });
        self.post("/api/v1/enroll/renew", &body, key).await
    }

    async fn post(
        &self,
        path: &str,
        body: &Value,
        key: KeyPair,
    ) -> Result<(Enrolled, Identity), Error> {
        let request = self.client.post(format!("{}{path}", self.address));
        let mut answer = request
            .json(body)
            .send()
            .await
            .map_err(|error| Error::Failed(chain(&error)))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(failed)? {
            bytes.extend_from_slice(&part);
            if bytes.len() > MAX_ANSWER {
                return Err(failed("the server's answer has no end"));
            }
        }
        if !status.is_success() {
            let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let detail = problem.get("detail").and_then(Value::as_str);
            let said = detail.map_or_else(|| status.to_string(), str::to_owned);
            return Err(match status {
                StatusCode::FORBIDDEN => Error::Refused(said),
                _ => Error::Failed(format!("{said} ({})", status.as_u16())),
            });
        }
        let enrolled: Enrolled = serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!("the server's answer: {error}")))?;
        let identity = Identity::new(key, &enrolled.certificate)
            .map_err(|error| failed(format!("the server's answer: {error}")))?;
        Ok((enrolled, identity))
    }
}

/// A new key, and the request for a certificate of it; who it is for is the server's to say.
fn request() -> Result<(KeyPair, rcgen::CertificateSigningRequest), Error> {
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key).map_err(failed)?;
    Ok((key, csr))
}

fn roots(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() {
        return Err(failed("no authority to trust: give --fingerprint or --ca"));
    }
    Ok(roots)
}

/// An error with what is behind it: reqwest's own words leave out why.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_goes_over_tls_or_stays_on_this_machine() {
        for good in [
            "https://ward.example",
            "https://ward.example:8443/",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
            "http://localhost:8080",
        ] {
            assert_eq!(address(good).unwrap(), good.trim_end_matches('/'), "{good}");
        }
        for wrong in [
            "ward.example",
            "http://ward.example",
            "http://10.0.0.5:8080",
            "mqtts://ward.example",
            "https://u:p@ward.example",
            "https://ward.example/?a=b",
        ] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
