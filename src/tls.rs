//! TLS from PEM files: one library (rustls), one provider (ring).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::config;

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

/// A server's side. With a client authority, clients may show a certificate; who shows none logs in otherwise.
pub(crate) fn server(tls: &config::Tls) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = certificates(&tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .with_context(|| format!("cannot read a private key from {}", tls.key.display()))?;
    let builder = ServerConfig::builder();
    let builder = match &tls.client_ca {
        Some(file) => {
            let roots = Arc::new(roots(&[file])?);
            let verifier = rustls::server::WebPkiClientVerifier::builder(roots)
                .allow_unauthenticated()
                .build()?;
            builder.with_client_cert_verifier(verifier)
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(
        builder
            .with_single_cert(chain, key)
            .context("certificate and key do not fit together")?,
    ))
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
    builder.build().context("cannot set up an HTTP client")
}

/// Whole days until the first certificate of a file ends; negative when it has.
pub(crate) fn days_left(file: &Path) -> anyhow::Result<i64> {
    let chain = certificates(file)?;
    let (_, certificate) = x509_parser::parse_x509_certificate(chain[0].as_ref())
        .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let end = certificate.validity().not_after.timestamp();
    Ok((end - crate::clock::now() / 1_000_000).div_euclid(86_400))
}
