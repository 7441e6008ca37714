//! TLS on both sides: certificates from PEM files, read when a port is opened or a server is called.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::config::{Connect, ServerTls};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{}: {source}", .file.display())]
    Pem {
        file: PathBuf,
        source: rustls::pki_types::pem::Error,
    },
    #[error("no trusted authority in {0}")]
    NoAuthority(String),
    #[error("certificate and key: {0}")]
    Tls(#[from] rustls::Error),
    #[error("authorities of monitors: {0}")]
    Verifier(#[from] VerifierBuilderError),
    #[error("server name: {0}")]
    Name(#[from] InvalidDnsNameError),
}

/// What a port presents, and whom it lets in.
pub(crate) fn acceptor(tls: &ServerTls) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let authorities = Arc::new(authorities(Some(file))?);
            let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider);
            builder.with_client_cert_verifier(verifier.build()?)
        }
    };
    let config = builder.with_single_cert(certificates(&tls.cert)?, key(&tls.key)?)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// How a server is called, and the name its certificate must have; `None` for plain text.
pub(crate) fn connector(
    connect: &Connect,
) -> Result<Option<(TlsConnector, ServerName<'static>)>, Error> {
    let Some(tls) = &connect.tls else {
        return Ok(None);
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities(tls.ca.as_deref())?);
    let config = match (&tls.cert, &tls.key) {
        (Some(chain), Some(file)) => {
            builder.with_client_auth_cert(certificates(chain)?, key(file)?)?
        }
        _ => builder.with_no_client_auth(),
    };
    let name = tls.server_name.as_deref().unwrap_or(connect.host());
    let name = ServerName::try_from(name.to_owned())?;
    Ok(Some((TlsConnector::from(Arc::new(config)), name)))
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    let found = match file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    store.add_parsable_certificates(found);
    if store.is_empty() {
        let place = file.map_or("the system's store".into(), Path::to_string_lossy);
        return Err(Error::NoAuthority(place.into_owned()));
    }
    Ok(store)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|source| pem(file, source))
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|source| pem(file, source))
}

fn pem(file: &Path, source: rustls::pki_types::pem::Error) -> Error {
    Error::Pem {
        file: file.to_owned(),
        source,
    }
}
