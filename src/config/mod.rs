//! The server's configuration: one TOML file, environment overrides, defaults that run on a bare machine.
//!
//! Every setting is read through [`reader::Section`], which records where the value came from and
//! collects all faults, so `config check` shows everything at once and `config print` shows what is
//! in force. The sample printed by `config print --default` is checked against these defaults by a test.

mod environment;
mod fhir_push;
mod parse;
mod reader;
mod receivers;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use wardline_normalize::hl7v2;
use wardline_rules::GatewayLimits;

pub(crate) use environment::strays;
pub(crate) use fhir_push::FhirPush;
pub(crate) use parse::{Loaded, Refused, load, read};
pub(crate) use reader::{Fault, id};
pub(crate) use receivers::{Email, Events, MailTls, Part, Show, Teams, Webhook};

/// The commented sample, printed by `wardline config print --default`.
pub(crate) const SAMPLE: &str = include_str!("default.toml");

/// Everything `wardline serve` runs on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    pub(crate) site: String,
    pub(crate) data_dir: PathBuf,
    pub(crate) http: Http,
    pub(crate) mqtt: Option<Mqtt>,
    pub(crate) brokers: Vec<Broker>,
    pub(crate) routes: Vec<Route>,
    pub(crate) intake: Intake,
    pub(crate) store: Store,
    pub(crate) gateways: GatewayLimits,
    pub(crate) rules: Option<PathBuf>,
    /// File that says who is told of an alert.
    pub(crate) routing: Option<PathBuf>,
    pub(crate) webhooks: Vec<Webhook>,
    pub(crate) teams: Vec<Teams>,
    pub(crate) emails: Vec<Email>,
    pub(crate) fhir_pushes: Vec<FhirPush>,
    pub(crate) enrolment: Enrolment,
    pub(crate) alert_topic: bool,
    /// Which events go to the topic.
    pub(crate) alert_topic_events: Events,
    pub(crate) log: Log,
}

/// The HTTP server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Http {
    pub(crate) bind: SocketAddr,
    pub(crate) tls: Option<Tls>,
    /// Allows a bind off loopback without TLS.
    pub(crate) insecure: bool,
    pub(crate) metrics_public: bool,
    /// Where people reach the server, for links in messages; without a slash at its end.
    pub(crate) url: Option<String>,
}

/// What a server shows its clients.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tls {
    /// Certificate and key, PEM files; none: a certificate of the installation's own authority.
    pub(crate) files: Option<(PathBuf, PathBuf)>,
    /// When given, clients may present a certificate signed by one of these authorities.
    pub(crate) client_ca: Option<PathBuf>,
}

/// How gateways get their certificates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Enrolment {
    /// Names and addresses of this machine in certificates of its own authority.
    pub(crate) names: Vec<String>,
    pub(crate) certificate_life: Duration,
    pub(crate) code_life: Duration,
    /// PEM file of the authorities behind `mqtt.tls.cert`, handed to gateways.
    pub(crate) server_ca: Option<PathBuf>,
}

/// The MQTT listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mqtt {
    pub(crate) bind: SocketAddr,
    pub(crate) tls: Option<Tls>,
    pub(crate) insecure: bool,
    pub(crate) max_packet: u32,
    pub(crate) max_connections: usize,
}

/// A subscription at an existing broker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Broker {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) client_id: String,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<Secret>,
    /// PEM file of the authorities that sign the broker's certificate; TLS when given.
    pub(crate) ca: Option<PathBuf>,
    /// Name of the shared subscription; none subscribes alone.
    pub(crate) share: Option<String>,
    pub(crate) receive_maximum: u16,
    pub(crate) max_packet: u32,
}

/// A topic filter and how its payloads are read, beside the built-in native route.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    pub(crate) name: String,
    pub(crate) filter: String,
    pub(crate) format: String,
    /// Names of the publish tokens that may use the route at the listener; empty: every one.
    pub(crate) principals: Vec<String>,
    /// Which topic level (from 0) names the device; none: the payload does.
    pub(crate) device_level: Option<usize>,
    pub(crate) keep_raw: bool,
    /// Of format `medtech` only.
    pub(crate) mapping: Option<Mapping>,
    /// Of format `hl7v2` only: what is known of the monitors beside their messages.
    pub(crate) monitors: Option<hl7v2::Profile>,
}

/// The mapping documents of a route and how they are taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mapping {
    pub(crate) device: PathBuf,
    pub(crate) fhir: Option<PathBuf>,
    /// The original's choice where ours differs on purpose.
    pub(crate) strict: bool,
    /// Adds profile, category and UCUM codes.
    pub(crate) enrich: bool,
    pub(crate) identity: Identity,
}

/// How device, patient and encounter of a mapped event are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Identity {
    /// Registered ones only; the patient comes from the assignment.
    Lookup,
    /// Unknown devices and patients are registered and assigned to each other.
    Create,
    /// As `Lookup`, and every event names its encounter.
    LookupWithEncounter,
}

/// Bounds of the way in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Intake {
    pub(crate) linger: Duration,
    pub(crate) ahead: Duration,
    pub(crate) tick: Duration,
    pub(crate) quarantine_messages: u32,
    pub(crate) quarantine_bytes: u64,
    /// How long a stop waits for what is under way.
    pub(crate) drain: Duration,
}

/// How rows move from the log to the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Store {
    pub(crate) flush_every: Duration,
    pub(crate) query_timeout: Duration,
    pub(crate) export_timeout: Duration,
    /// Keep waveforms; otherwise they are acknowledged and counted.
    pub(crate) waveforms: bool,
}

/// Logging.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// A value that is never printed.
#[derive(Clone, PartialEq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("******")
    }
}

impl Config {
    /// What is sound and may not be meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let teams = self.teams.iter().map(|teams| teams.name.as_str());
        let emails = self.emails.iter().map(|email| email.name.as_str());
        let linking: Vec<&str> = teams.chain(emails).collect();
        if self.http.url.is_none() && !linking.is_empty() {
            warnings.push(format!(
                "http.url is not set: messages of {} carry no link to acknowledge by",
                linking.join(", ")
            ));
        }
        if let Some(url) = &self.http.url
            && url.starts_with("http://")
            && !linking.is_empty()
        {
            warnings.push(format!(
                "http.url {url} is not https: who listens on the way can acknowledge by the links of messages"
            ));
        }
        warnings
    }
}
