//! Where to publish: the server's URL, who we are, TLS.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

const PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;

/// `mqtt://host[:port]` or `mqtts://host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("write mqtt://host:port or mqtts://host:port")?;
        let (tls, usual) = match scheme {
            "mqtt" | "tcp" => (false, PORT),
            "mqtts" | "ssl" | "tls" => (true, TLS_PORT),
            other => return Err(format!("'{other}' is neither mqtt nor mqtts")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(
                "credentials in a URL show in process lists; use --username and the \
                        environment variable WARDLINE_MQTT_PASSWORD"
                    .to_owned(),
            );
        }
        // An IPv6 address stands in brackets, so a colon after the last bracket is the port's.
        let bracket = rest.rfind(']').map_or(0, |at| at + 1);
        let colon = rest.rfind(':').filter(|&at| at >= bracket);
        let (host, port) = match colon.and_then(|at| rest.split_at_checked(at)) {
            Some((host, port)) => (
                host,
                port.trim_start_matches(':')
                    .parse()
                    .map_err(|_| "the port is no number up to 65535")?,
            ),
            None => (rest, usual),
        };
        if host.is_empty() || host.contains(['/', '?', '#']) {
            return Err("write mqtt://host:port or mqtts://host:port".to_owned());
        }
        if tls && bracket > 0 {
            return Err("mqtts needs the host by its name or IPv4 address".to_owned());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

impl<'de> serde::Deserialize<'de> for Url {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// An id as it stands in topics: FHIR's `[A-Za-z0-9.-]{1,64}`.
pub(crate) fn id(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("1 to 64 letters, digits, '.' or '-'".to_owned())
    }
}

/// PEM files for `mqtts`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// Trusted authorities; those of the system when not given.
    pub(crate) ca: Option<PathBuf>,
    /// Our certificate chain and its key.
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{file}: {source}")]
    Pem {
        file: String,
        source: rustls::pki_types::pem::Error,
    },
    #[error("{file}: no certificate in it")]
    NoCertificate { file: String },
    #[error("no trusted authority on this system; name one with --ca")]
    NoAuthority,
    #[error("certificate and key: {0}")]
    Identity(#[source] rustls::Error),
    #[error("tls: {0}")]
    Tls(#[source] rustls::Error),
}

/// The transport for `url`.
pub(crate) fn transport(url: &Url, files: &TlsFiles) -> Result<Transport, Error> {
    with_versions(url, files, rustls::DEFAULT_VERSIONS)
}

/// The transport for `url`, TLS 1.3 or none.
pub(crate) fn transport_13(url: &Url, files: &TlsFiles) -> Result<Transport, Error> {
    with_versions(url, files, &[&rustls::version::TLS13])
}

fn with_versions(
    url: &Url,
    files: &TlsFiles,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<Transport, Error> {
    if !url.tls {
        return Ok(Transport::Tcp);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(Error::Tls)?
        .with_root_certificates(authorities(files.ca.as_deref())?);
    let config = match &files.identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|source| pem(key, source))?;
            builder
                .with_client_auth_cert(certificates(chain)?, key)
                .map_err(Error::Identity)?
        }
    };
    Ok(Transport::tls_with_config(TlsConfiguration::Rustls(
        Arc::new(config),
    )))
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    let certificates = match ca {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    store.add_parsable_certificates(certificates);
    match (store.is_empty(), ca) {
        (false, _) => Ok(store),
        (true, Some(file)) => Err(Error::NoCertificate {
            file: file.display().to_string(),
        }),
        (true, None) => Err(Error::NoAuthority),
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|source| pem(file, source))
}

fn pem(file: &Path, source: rustls::pki_types::pem::Error) -> Error {
    Error::Pem {
        file: file.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_with_their_usual_ports() {
        let read = |text: &str| text.parse::<Url>().map(|url| url.to_string());
        assert_eq!(
            read("mqtt://ward.example"),
            Ok("mqtt://ward.example:1883".to_owned())
        );
        assert_eq!(
            read("mqtts://ward.example/"),
            Ok("mqtts://ward.example:8883".to_owned())
        );
        assert_eq!(
            read("mqtt://[::1]:18830"),
            Ok("mqtt://[::1]:18830".to_owned())
        );
        assert_eq!(read("mqtt://[::1]"), Ok("mqtt://[::1]:1883".to_owned()));
        for wrong in [
            "ward",
            "http://ward",
            "mqtt://",
            "mqtt://a:99999",
            "mqtt://a/b",
            "mqtts://[::1]",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(
            read("mqtt://u:secret@ward")
                .unwrap_err()
                .contains("WARDLINE_MQTT_PASSWORD")
        );
    }

    #[test]
    fn ids_are_those_of_fhir() {
        assert!(id("bed-01.A").is_ok());
        assert!(id("").is_err() && id("bed_01").is_err() && id("a/b").is_err() && id("+").is_err());
        assert!(id(&"a".repeat(64)).is_ok() && id(&"a".repeat(65)).is_err());
    }
}
