//! TLS from PEM files: one library (rustls), one provider (ring).

mod clients;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WantsServerCert;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, ServerConfig};
use wardline_store::registry::Registry;

use crate::authority::{self, Keeper, OwnCertificate};
use crate::config;
use clients::Clients;

/// Makes `ring` the provider of the process. Called once, first.
pub(crate) fn install_provider() {
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        tracing::debug!("a TLS provider was installed before");
    }
}

fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read certificates from {}", file.display()))?;
    if chain.is_empty() {
        bail!("{} holds no certificate", file.display());
    }
    Ok(chain)
}

fn roots(files: &[&Path]) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for file in files {
        for certificate in certificates(file)? {
            roots
                .add(certificate)
                .with_context(|| format!("{} holds no authority", file.display()))?;
        }
    }
    Ok(roots)
}

/// The HTTP server's side.
pub(crate) fn http(tls: &config::Tls, own: &Own<'_>) -> anyhow::Result<Arc<ServerConfig>> {
    let builder = ServerConfig::builder();
    let builder = match &tls.client_ca {
        Some(file) => builder.with_client_cert_verifier(verifier(roots(&[file])?)?),
        None => builder.with_no_client_auth(),
    };
    identity(builder, tls, own)
}

/// The MQTT listener's side. Clients may show a certificate, of a gateway we enrolled or of the configured authority;
/// who shows none logs in otherwise.
pub(crate) fn mqtt(
    tls: &config::Tls,
    own: &Own<'_>,
    registry: &Arc<Registry>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let mut ours = RootCertStore::empty();
    ours.add(own.keeper.get()?.certificate().clone())?;
    let others = tls.client_ca.as_deref();
    let others = others.map(|file| verifier(roots(&[file])?)).transpose()?;
    let clients = Clients::new(verifier(ours)?, others, Arc::clone(registry));
    let builder = ServerConfig::builder().with_client_cert_verifier(Arc::new(clients));
    identity(builder, tls, own)
}

fn verifier(roots: RootCertStore) -> anyhow::Result<Arc<dyn ClientCertVerifier>> {
    let builder = rustls::server::WebPkiClientVerifier::builder(Arc::new(roots));
    Ok(builder.allow_unauthenticated().build()?)
}

/// What a certificate of our own needs.
pub(crate) struct Own<'a> {
    pub(crate) keeper: &'a Keeper,
    /// Beside this machine's own names.
    pub(crate) names: &'a [String],
    pub(crate) bind: IpAddr,
}

impl Own<'_> {
    /// Everything this machine may be called by.
    fn names(&self) -> Vec<String> {
        let mut names = self.names.to_vec();
        names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
        if !self.bind.is_unspecified() {
            names.push(self.bind.to_string());
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !host.is_empty() && host.chars().all(plain) {
            names.push(host.to_owned());
        }
        names.sort();
        names.dedup();
        names
    }
}

/// With the configured certificate, or with one of our own.
fn identity(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    tls: &config::Tls,
    own: &Own<'_>,
) -> anyhow::Result<Arc<ServerConfig>> {
    let Some((cert, key)) = &tls.files else {
        let made = OwnCertificate::new(own.keeper.get()?, own.names())
            .context("no certificate of our own can be made; are enrolment.names right?")?;
        return Ok(Arc::new(builder.with_cert_resolver(Arc::new(made))));
    };
    let chain = certificates(cert)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read a private key from {}", key.display()))?;
    Ok(Arc::new(
        builder
            .with_single_cert(chain, key)
            .context("certificate and key do not fit together")?,
    ))
}

/// SHA-256 in hex of the last certificate that a server shows: what a gateway that enrols looks for.
pub(crate) fn shown(tls: &config::Tls, keeper: &Keeper) -> anyhow::Result<String> {
    let last = match &tls.files {
        Some((cert, _)) => certificates(cert)?.pop(),
        None => Some(keeper.get()?.certificate().clone()),
    };
    let last = last.context("no certificate")?;
    Ok(authority::hex(&authority::fingerprint(&last)))
}

/// PEM of the authorities that a gateway is to trust at the MQTT listener, where it cannot know them.
pub(crate) fn trust(
    tls: &config::Tls,
    server_ca: Option<&Path>,
    keeper: &Keeper,
) -> anyhow::Result<Option<String>> {
    match (&tls.files, server_ca) {
        (None, _) => Ok(Some(keeper.get()?.pem().to_owned())),
        (Some(_), None) => Ok(None),
        (Some(_), Some(file)) => {
            certificates(file)?;
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            Ok(Some(text))
        }
    }
}

/// A client's side that trusts the given authorities alone.
pub(crate) fn client(ca: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    Ok(Arc::new(
        ClientConfig::builder()
            .with_root_certificates(roots(&[ca])?)
            .with_no_client_auth(),
    ))
}

/// An HTTP client that trusts the given authorities, or without any those of the operating system.
pub(crate) fn http_client(files: &[&Path], timeout: Duration) -> anyhow::Result<reqwest::Client> {
    client_builder(files, timeout)?
        .build()
        .context("cannot set up an HTTP client")
}

/// The same for receivers of alerts: it follows no redirect, for one that turned the POST into a GET would look like a
/// delivery.
pub(crate) fn receiver_client(
    ca: Option<&Path>,
    timeout: Duration,
) -> anyhow::Result<reqwest::Client> {
    let files: Vec<&Path> = ca.into_iter().collect();
    client_builder(&files, timeout)?
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .context("cannot set up an HTTP client")
}

fn client_builder(files: &[&Path], timeout: Duration) -> anyhow::Result<reqwest::ClientBuilder> {
    let mut builder = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(timeout);
    if !files.is_empty() {
        let mut trusted = Vec::new();
        for file in files {
            let pem =
                std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
            trusted.extend(reqwest::Certificate::from_pem_bundle(&pem)?);
        }
        builder = builder.tls_certs_only(trusted);
    }
    Ok(builder)
}

/// Whole days until the first certificate of a file ends; negative when it has.
pub(crate) fn days_left(file: &Path) -> anyhow::Result<i64> {
    let chain = certificates(file)?;
    let (_, certificate) = x509_parser::parse_x509_certificate(chain[0].as_ref())
        .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let end = certificate.validity().not_after.timestamp();
    Ok((end - crate::clock::now() / 1_000_000).div_euclid(86_400))
}
