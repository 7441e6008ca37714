//! `[mllp]`: who is listened to, who is called, and what is known of each.

mod network;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use wardline_normalize::hl7v2::{RawIs, Zone};

pub(crate) use network::Network;

use crate::config::Size;

/// Section `[mllp]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Config {
    /// `[[mllp.listen]]`: ports that monitors connect to.
    pub(crate) listen: Vec<Listen>,
    /// `[[mllp.connect]]`: gateways that are servers themselves and push what they have.
    pub(crate) connect: Vec<Connect>,
}

/// A port that monitors connect to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Listen {
    pub(crate) bind: SocketAddr,
    /// TLS; without it, `allow` or `insecure` must say that plain text is meant.
    pub(crate) tls: Option<ServerTls>,
    /// Who may connect; everybody when empty.
    #[serde(default)]
    pub(crate) allow: Vec<Network>,
    /// Plain text for everybody who reaches the port.
    #[serde(default)]
    pub(crate) insecure: bool,
    #[serde(default = "usual::max_connections")]
    pub(crate) max_connections: usize,
    #[serde(flatten)]
    pub(crate) source: Source,
    /// What is no field: a fault. (`deny_unknown_fields` and `flatten` do not go together.)
    #[serde(flatten)]
    unknown: BTreeMap<String, toml::Value>,
}

/// A server that pushes once it is connected to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Connect {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) tls: Option<ClientTls>,
    #[serde(flatten)]
    pub(crate) source: Source,
    #[serde(flatten)]
    unknown: BTreeMap<String, toml::Value>,
}

/// What is known of the monitors behind one port or server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Source {
    /// In metrics and logs. Without one: the address.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Zone of times that state none: an IANA name, or an offset as `+02:00`.
    #[serde(default = "usual::zone")]
    pub(crate) zone: String,
    /// Numbers and texts that mean "no value" at these monitors, beside those that every reader knows.
    #[serde(default)]
    pub(crate) sentinels: Vec<String>,
    /// What OBX-11 `R` (raw) becomes.
    #[serde(default, deserialize_with = "raw_is")]
    pub(crate) raw_is: RawIs,
    /// Id for whatever device a message names: for monitors that name none, or all the same.
    #[serde(default)]
    pub(crate) device: Option<String>,
    #[serde(default)]
    pub(crate) ack: AckMode,
    #[serde(default)]
    pub(crate) alarm_answer: AlarmAnswer,
    #[serde(default)]
    pub(crate) waveforms: Waveforms,
    /// Longest message.
    #[serde(default = "usual::max_message")]
    pub(crate) max_message: Size,
    /// A connection on which nothing was received for this long is closed; zero: never.
    #[serde(default = "usual::idle", with = "humantime_serde")]
    pub(crate) idle: Duration,
    /// Longest silence of a monitor's alarm channel before an alarm of our own; none: not watched.
    #[serde(default, with = "humantime_serde")]
    pub(crate) heartbeat: Option<Duration>,
    /// Devices whose heartbeat is due from the start, heard before or not.
    #[serde(default)]
    pub(crate) heartbeat_devices: Vec<String>,
}

/// Certificates of a port.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServerTls {
    /// Chain (PEM).
    pub(crate) cert: PathBuf,
    /// Its key (PEM).
    pub(crate) key: PathBuf,
    /// Authorities of the monitors' certificates (PEM): then only monitors with one are let in.
    #[serde(default)]
    pub(crate) client_ca: Option<PathBuf>,
}

/// Certificates for calling.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ClientTls {
    /// Authorities of the server's certificate (PEM); those of the system when not given.
    pub(crate) ca: Option<PathBuf>,
    /// Our chain and key (PEM), when the server asks for them.
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// Name in the server's certificate; without one the host of the address.
    pub(crate) server_name: Option<String>,
}

/// How messages are acknowledged (HL7 v2.6 chapter 2.9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(crate) enum AckMode {
    /// As MSH-15 and MSH-16 ask; both empty: original mode.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    /// Always one application acknowledgement, AA, AE or AR, whatever the fields say.
    #[serde(rename = "original", alias = "AA")]
    Original,
    /// As the fields ask, an empty MSH-15 meaning AL.
    #[serde(rename = "enhanced")]
    Enhanced,
    /// Always one accept acknowledgement, CA, CE or CR, whatever the fields say.
    #[serde(rename = "CA", alias = "accept")]
    Accept,
    /// Nothing is ever written: readings count as an unconfirmed stream.
    #[serde(rename = "none")]
    None,
}

/// What answers an alarm (ORU^R40) at application level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AlarmAnswer {
    /// ORA^R41 (PCD-05) where the fields ask for an application acknowledgement, else ACK.
    #[default]
    Auto,
    /// ACK.
    Ack,
    /// ORA^R41 (PCD-05) as every application acknowledgement of an alarm.
    Ora,
}

/// What becomes of waveforms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Waveforms {
    /// Published.
    #[default]
    Forward,
    /// Acknowledged and counted.
    Count,
}

fn raw_is<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RawIs, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "preliminary" => Ok(RawIs::Preliminary),
        "final" => Ok(RawIs::Final),
        _ => Err(de::Error::custom("preliminary or final")),
    }
}

/// Values where the file says nothing.
mod usual {
    use std::time::Duration;

    use crate::config::Size;

    /// A thousand beds, and some to spare.
    pub(super) fn max_connections() -> usize {
        1_100
    }

    pub(super) fn zone() -> String {
        "UTC".to_owned()
    }

    /// Numerics are 2 to 4 kB, a snippet of twelve leads some 50 kB.
    pub(super) fn max_message() -> Size {
        Size(256 << 10)
    }

    /// Monitors that send by the minute are heard several times in it.
    pub(super) fn idle() -> Duration {
        Duration::from_secs(300)
    }
}

/// A message must fit into one MQTT packet of the server's, base64 and all, if it has to be kept unread.
const MOST_MESSAGE: u64 = 512 << 10;
/// Less is no message with a reading.
const LEAST_MESSAGE: u64 = 256;
/// Each connection holds a socket and a few kilobytes.
const MOST_CONNECTIONS: usize = 10_000;

impl Config {
    /// Whether there is anything to do.
    pub(crate) fn enabled(&self) -> bool {
        !self.listen.is_empty() || !self.connect.is_empty()
    }

    /// Every fault with the path of its field.
    pub(crate) fn check(&self, faults: &mut Vec<String>) {
        for (at, listen) in self.listen.iter().enumerate() {
            let path = format!("mllp.listen[{at}]");
            listen.check(&path, faults);
            if self.listen.iter().take(at).any(|l| l.same_port(listen)) {
                faults.push(format!(
                    "{path}.bind: {} is listened to already",
                    listen.bind
                ));
            }
        }
        for (at, connect) in self.connect.iter().enumerate() {
            connect.check(&format!("mllp.connect[{at}]"), faults);
        }
        let mut names: Vec<String> = Vec::new();
        let listened = self.listen.iter().map(|l| ("listen", l.name()));
        let called = self.connect.iter().map(|c| ("connect", c.name()));
        for (kind, name) in listened.chain(called) {
            if names.contains(&name) {
                faults.push(format!("mllp.{kind}: two sources are called {name:?}"));
            }
            names.push(name);
        }
    }
}

impl Listen {
    pub(crate) fn name(&self) -> String {
        let address = || self.bind.to_string();
        self.source.name.clone().unwrap_or_else(address)
    }

    fn same_port(&self, other: &Self) -> bool {
        self.bind.port() != 0 && self.bind == other.bind
    }

    fn check(&self, path: &str, faults: &mut Vec<String>) {
        unknown(&self.unknown, path, faults);
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            faults.push(format!(
                "{path}.max-connections: from 1 to {MOST_CONNECTIONS}"
            ));
        }
        let plain = self.tls.is_none() && !self.bind.ip().is_loopback();
        if plain && self.allow.is_empty() && !self.insecure {
            faults.push(format!(
                "{path}: {} takes plain text from everybody: give tls, a list of networks to allow, or insecure = true",
                self.bind
            ));
        }
        if let Some(tls) = &self.tls {
            let files = [
                ("cert", Some(&tls.cert)),
                ("key", Some(&tls.key)),
                ("client-ca", tls.client_ca.as_ref()),
            ];
            readable(&files, &format!("{path}.tls"), faults);
        }
        self.source.check(path, faults);
    }
}

impl Connect {
    pub(crate) fn name(&self) -> String {
        let address = || self.address.clone();
        self.source.name.clone().unwrap_or_else(address)
    }

    fn check(&self, path: &str, faults: &mut Vec<String>) {
        unknown(&self.unknown, path, faults);
        let parts = self.address.rsplit_once(':');
        let fits = |(host, port): (&str, &str)| {
            !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)
        };
        if !parts.is_some_and(fits) {
            faults.push(format!(
                "{path}.address: {:?} is not host:port",
                self.address
            ));
        }
        if let Some(tls) = &self.tls {
            let files = [
                ("ca", tls.ca.as_ref()),
                ("cert", tls.cert.as_ref()),
                ("key", tls.key.as_ref()),
            ];
            readable(&files, &format!("{path}.tls"), faults);
            if tls.cert.is_some() != tls.key.is_some() {
                faults.push(format!("{path}.tls: cert and key go together"));
            }
        }
        self.source.check(path, faults);
    }

    /// Host of the address, without the brackets of IPv6.
    pub(crate) fn host(&self) -> &str {
        let host = self.address.rsplit_once(':').map_or("", |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl Source {
    fn check(&self, path: &str, faults: &mut Vec<String>) {
        let mut fault = |field: &str, text: String| faults.push(format!("{path}.{field}: {text}"));
        if let Err(error) = self.zone.parse::<Zone>() {
            fault("zone", error);
        }
        if self.sentinels.iter().any(|text| text.trim().is_empty()) {
            fault("sentinels", "an empty field is no value anyway".to_owned());
        }
        if let Some(device) = &self.device
            && !is_id(device)
        {
            fault("device", format!("{device:?} is not {ID}"));
        }
        for device in &self.heartbeat_devices {
            if !is_id(device) {
                fault("heartbeat-devices", format!("{device:?} is not {ID}"));
            }
        }
        if !self.heartbeat_devices.is_empty() && self.heartbeat.is_none() {
            fault(
                "heartbeat-devices",
                "needs heartbeat, the longest silence".to_owned(),
            );
        }
        if self
            .heartbeat
            .is_some_and(|silence| silence < Duration::from_secs(1))
        {
            fault("heartbeat", "at least 1s".to_owned());
        }
        if !self.idle.is_zero() && self.idle < Duration::from_secs(1) {
            fault("idle", "at least 1s, or 0s for never".to_owned());
        }
        if !(LEAST_MESSAGE..=MOST_MESSAGE).contains(&self.max_message.0) {
            fault(
                "max-message",
                format!("from {LEAST_MESSAGE}B to {}KiB", MOST_MESSAGE >> 10),
            );
        }
        if self.name.as_ref().is_some_and(|name| !is_id(name)) {
            fault("name", format!("not {ID}"));
        }
    }
}

const ID: &str = "1 to 64 letters, digits, '.' or '-'";

fn is_id(text: &str) -> bool {
    wardline_normalize::id::is_fhir_id(text)
}

fn unknown(fields: &BTreeMap<String, toml::Value>, path: &str, faults: &mut Vec<String>) {
    faults.extend(
        fields
            .keys()
            .map(|field| format!("{path}.{field}: no such field")),
    );
}

fn readable(files: &[(&str, Option<&PathBuf>)], path: &str, faults: &mut Vec<String>) {
    for (field, file) in files {
        if let Some(file) = file
            && let Err(error) = std::fs::File::open(file)
        {
            faults.push(format!("{path}.{field}: {}: {error}", file.display()));
        }
    }
}

#[cfg(test)]
mod tests;
