//! The files of an enrolment, in `{data-dir}/identity`, the gateway's alone.
//!
//! `gateway.pem` holds key and certificates together, so that one rename replaces both; while it is there the gateway
//! is enrolled. Each file is written beside its place, synced, and put there whole.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use wardline_normalize::time::Micros;

/// What is wrong with the files.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{path}: {source}")]
    Io {
        path: String,
        source: std::io::Error,
    },
    #[error("{path}: {problem}")]
    Damaged { path: String, problem: String },
}

/// Where the gateway was enrolled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Enrolment {
    /// Address of the server's HTTP.
    pub(super) server: String,
    pub(super) site: String,
    pub(super) gateway: String,
    /// PEM of what was trusted there; none: the authorities of the system.
    pub(super) anchors: Option<String>,
}

/// Key and certificate.
pub(super) struct Identity {
    pub(super) key: KeyPair,
    /// The certificate and those behind it, PEM.
    pub(super) chain: String,
    pub(super) from: Micros,
    pub(super) until: Micros,
}

impl Identity {
    /// From PEM; the certificate must be the key's.
    pub(super) fn new(key: KeyPair, chain: &str) -> Result<Self, String> {
        let certificate = CertificateDer::from_pem_slice(chain.as_bytes())
            .map_err(|error| format!("no certificate: {error}"))?;
        let (_, read) = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|error| format!("no certificate: {error}"))?;
        if *read.public_key().subject_public_key.data != *key.public_key_raw() {
            return Err("the certificate is of another key".to_owned());
        }
        let validity = read.validity();
        Ok(Self {
            key,
            chain: chain.to_owned(),
            from: validity.not_before.timestamp() * 1_000_000,
            until: validity.not_after.timestamp() * 1_000_000,
        })
    }

    /// When it is to be renewed: two thirds of its life.
    pub(super) fn due(&self) -> Micros {
        self.from + (self.until - self.from) / 3 * 2
    }
}

/// Their places.
#[derive(Debug, Clone)]
pub(super) struct Files(PathBuf);

impl Files {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self(data_dir.join("identity"))
    }

    /// Key and certificates, one file.
    pub(super) fn identity(&self) -> PathBuf {
        self.0.join("gateway.pem")
    }

    /// Authorities to trust at the MQTT endpoint, if the server named any.
    pub(super) fn trust(&self) -> Option<PathBuf> {
        let path = self.0.join("trust.pem");
        path.is_file().then_some(path)
    }

    pub(super) fn is_enrolled(&self) -> bool {
        self.identity().is_file()
    }

    /// Key and certificate; none when the gateway is not enrolled.
    pub(super) fn read(&self) -> Result<Option<Identity>, Error> {
        let path = self.identity();
        let Some(text) = text(&path)? else {
            return Ok(None);
        };
        let damaged = |problem: String| Error::Damaged {
            path: path.display().to_string(),
            problem,
        };
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| damaged(error.to_string()))?;
        let key = KeyPair::try_from(&key).map_err(|error| damaged(error.to_string()))?;
        // The key stands first.
        let chain = text
            .find("-----BEGIN CERTIFICATE-----")
            .and_then(|at| text.get(at..))
            .ok_or_else(|| damaged("no certificate in it".to_owned()))?;
        Identity::new(key, chain).map(Some).map_err(damaged)
    }

    /// Where the gateway was enrolled.
    pub(super) fn enrolment(&self) -> Result<Option<Enrolment>, Error> {
        let path = self.0.join("enrolment.json");
        let Some(text) = text(&path)? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Error::Damaged {
                path: path.display().to_string(),
                problem: error.to_string(),
            })
    }

    /// Everything of a new enrolment; the identity last.
    pub(super) fn enrol(
        &self,
        enrolment: &Enrolment,
        trust: Option<&str>,
        identity: &Identity,
    ) -> Result<(), Error> {
        self.make()?;
        let json = serde_json::to_string(enrolment).map_err(|error| Error::Damaged {
            path: "enrolment.json".to_owned(),
            problem: error.to_string(),
        })?;
        self.put("enrolment.json", &json)?;
        self.renew(trust, identity)
    }

    /// Replaces key and certificate together.
    pub(super) fn renew(&self, trust: Option<&str>, identity: &Identity) -> Result<(), Error> {
        match trust {
            Some(trust) => self.put("trust.pem", trust)?,
            None => {
                let path = self.0.join("trust.pem");
                match std::fs::remove_file(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(io(&path, error));
                    }
                    _ => {}
                }
            }
        }
        let both = identity.key.serialize_pem() + &identity.chain;
        self.put("gateway.pem", &both)
    }

    /// Whether files can be written here, before a code is used up.
    pub(super) fn make(&self) -> Result<(), Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(|error| io(&self.0, error))?;
        self.put("probe", "")?;
        let probe = self.0.join("probe");
        std::fs::remove_file(&probe).map_err(|error| io(&probe, error))
    }

    fn put(&self, name: &str, text: &str) -> Result<(), Error> {
        let (path, part) = (self.0.join(name), self.0.join(format!(".{name}.part")));
        let write = || {
            match std::fs::remove_file(&part) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&part)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&part, &path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|error| io(&path, error))
    }
}

fn io(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.display().to_string(),
        source,
    }
}

fn text(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use rcgen::CertificateParams;

    use super::*;

    fn identity() -> Identity {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["g1".to_owned()]).unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        Identity::new(key, &chain).unwrap()
    }

    #[test]
    fn key_and_certificate_are_replaced_together_and_are_the_gateways_alone() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::new(dir.path());
        assert!(files.read().unwrap().is_none() && !files.is_enrolled());
        let enrolment = Enrolment {
            server: "https://ward.example".to_owned(),
            site: "s1".to_owned(),
            gateway: "g1".to_owned(),
            anchors: None,
        };
        let first = identity();
        files.enrol(&enrolment, Some("CA"), &first).unwrap();
        assert_eq!(files.enrolment().unwrap(), Some(enrolment));
        assert!(files.trust().is_some());
        let second = identity();
        files.renew(None, &second).unwrap();
        assert!(files.trust().is_none());
        let read = files.read().unwrap().unwrap();
        assert_eq!(read.key.public_key_raw(), second.key.public_key_raw());
        assert_eq!(read.chain, second.chain);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&files.identity()), 0o600);
        assert_eq!(mode(&files.0), 0o700);
        let names = std::fs::read_dir(&files.0).unwrap().count();
        assert_eq!(names, 2, "nothing is left over");
    }

    #[test]
    fn a_certificate_of_another_key_is_refused() {
        let (one, other) = (identity(), identity());
        assert!(Identity::new(one.key, &other.chain).is_err());
    }

    #[test]
    fn it_is_due_at_two_thirds_of_its_life() {
        let identity = Identity {
            from: 0,
            until: 90,
            ..identity()
        };
        assert_eq!(identity.due(), 60);
    }
}
