//! `wardline-gateway enroll`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use rustls::pki_types::CertificateDer;

use super::api::{self, Api, Trust};
use super::identity::{Enrolment, Files};
use super::pin::{self, Pinned};
use crate::config::Config;
use crate::exit::Failure;
use crate::talk::talk;

/// Where a gateway keeps its data when nothing else is said.
const DATA_DIR: &str = "/var/lib/wardline-gateway";

/// Get this gateway's certificate with a code from `wardline gateway enroll-code`.
///
/// The key is made here and never leaves the machine. The server is known by the fingerprint printed with the code, or
/// by --ca, or by the authorities of the system. Afterwards `run` publishes with the certificate and renews it.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Address of the server's HTTP, https://host:port.
    #[arg(long, value_name = "URL", value_parser = api::address)]
    server: String,
    /// The code; it is good once.
    #[arg(
        long,
        env = "WARDLINE_ENROLL_CODE",
        hide_env_values = true,
        value_name = "CODE"
    )]
    code: String,
    /// SHA-256 of a certificate in the server's chain, as printed with the code.
    #[arg(long, value_name = "HEX", value_parser = pin::fingerprint, conflicts_with = "ca")]
    fingerprint: Option<[u8; 32]>,
    /// Trusted authorities (PEM); those of the system when neither is given.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The gateway's configuration, for its data directory.
    #[arg(long, value_name = "FILE", conflicts_with = "data_dir")]
    config: Option<PathBuf>,
    /// The gateway's data directory. [default: that of the configuration, else /var/lib/wardline-gateway]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Take the place of an earlier enrolment.
    #[arg(long)]
    replace: bool,
}

/// Runs it to its end.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = arguments.config.as_deref().map(load).transpose()?;
    let data_dir = arguments
        .data_dir
        .clone()
        .or_else(|| config.as_ref().map(|config| config.data_dir.clone()))
        .unwrap_or_else(|| PathBuf::from(DATA_DIR));
    let files = Files::new(&data_dir);
    if files.is_enrolled() && !arguments.replace {
        return Err(Failure::usage(format!(
            "{} is enrolled already; --replace takes its place",
            data_dir.display()
        )));
    }
    // Before the code is used up.
    files.make().map_err(Failure::failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let enrolment = runtime.block_on(enrol(arguments, &files))?;
    let Enrolment { site, gateway, .. } = &enrolment;
    talk(&format!(
        "enrolled; the configuration needs:\n  site = \"{site}\"\n  gateway = \"{gateway}\""
    ));
    if let Some(config) = &config
        && (&config.site, &config.gateway) != (site, gateway)
    {
        return Err(Failure::usage(format!(
            "the configuration says site {:?} and gateway {:?}; with this certificate the server takes nothing of it",
            config.site, config.gateway
        )));
    }
    Ok(())
}

fn load(file: &Path) -> Result<Config, Failure> {
    Config::load(file).map_err(|faults| Failure::usage(faults.join("\n")))
}

async fn enrol(arguments: &Arguments, files: &Files) -> Result<Enrolment, Failure> {
    let trust = match (arguments.fingerprint, &arguments.ca) {
        (Some(fingerprint), _) => {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            Trust::Pinned(Arc::new(Pinned::new(fingerprint, provider)))
        }
        (None, Some(file)) => {
            let pem = std::fs::read_to_string(file)
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
            Trust::Anchors(pem)
        }
        (None, None) => Trust::System,
    };
    let api = Api::new(&arguments.server, &trust).map_err(Failure::failed)?;
    let (enrolled, identity) = api
        .enrol(arguments.code.trim())
        .await
        .map_err(Failure::failed)?;
    let anchors = match &trust {
        Trust::Pinned(pinned) => pinned.found().map(|certificate| pem(&certificate)),
        Trust::Anchors(pem) => Some(pem.clone()),
        Trust::System => None,
    };
    let enrolment = Enrolment {
        server: arguments.server.clone(),
        site: enrolled.site,
        gateway: enrolled.gateway,
        anchors,
    };
    files
        .enrol(&enrolment, enrolled.trust.as_deref(), &identity)
        .map_err(Failure::failed)?;
    Ok(enrolment)
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
