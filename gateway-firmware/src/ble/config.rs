//! `[ble]` and `[[ble.device]]`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::address::{Address, AddressType};
use super::profile::{Priority, Profile};

/// Most devices of one gateway: bounds what is kept per device; twenty is a busy one.
pub(crate) const DEVICES: usize = 256;

/// Connections a controller may be asked for; common ones manage 5 to 10.
const CONNECTIONS: std::ops::RangeInclusive<usize> = 1..=32;

/// Section `[ble]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct Config {
    /// Adapters to use (`hci0`, …, or their addresses); empty: every one there is.
    pub(crate) adapters: Vec<String>,
    /// How long a scan lasts.
    #[serde(with = "humantime_serde")]
    pub(crate) scan_window: Duration,
    /// From the start of one scan to that of the next; the rest belongs to the connections.
    #[serde(with = "humantime_serde")]
    pub(crate) scan_interval: Duration,
    /// Connections at one time, per adapter.
    pub(crate) connections: usize,
    /// One attempt to connect; below BlueZ's own 30 s.
    #[serde(with = "humantime_serde")]
    pub(crate) connect_timeout: Duration,
    /// Attempts at one sighting.
    pub(crate) connect_attempts: u32,
    /// Reads, writes, subscriptions.
    #[serde(with = "humantime_serde")]
    pub(crate) operation_timeout: Duration,
    /// Resolving services, and pairing.
    #[serde(with = "humantime_serde")]
    pub(crate) discovery_timeout: Duration,
    /// From the last protocol data unit of a record-access procedure on.
    #[serde(with = "humantime_serde")]
    pub(crate) procedure_timeout: Duration,
    /// First wait after a failure; doubles up to `backoff-max`.
    #[serde(with = "humantime_serde")]
    pub(crate) backoff_min: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) backoff_max: Duration,
    /// A spot device that has nothing more to say is let go after this long.
    #[serde(with = "humantime_serde")]
    pub(crate) spot_idle: Duration,
    /// A spot device that was let go (not: that went) is not connected to again for this long.
    #[serde(with = "humantime_serde")]
    pub(crate) spot_revisit: Duration,
    /// From one sign of life of bluetoothd asked for to the next.
    #[serde(with = "humantime_serde")]
    pub(crate) ping_interval: Duration,
    #[serde(with = "humantime_serde")]
    pub(crate) ping_timeout: Duration,
    /// Times in a row that the bus may fail before the program ends, for its supervisor to start it again.
    pub(crate) failures: u32,
    /// What the pairing agent says it can do.
    pub(crate) agent: Agent,
    /// Devices that may be connected to; no others are.
    pub(crate) device: Vec<Device>,
}

/// `org.bluez.Agent1` capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Agent {
    /// Passkeys shown by the device are entered here; devices without display pair without one.
    #[default]
    KeyboardOnly,
    KeyboardDisplay,
    DisplayOnly,
    DisplayYesNo,
    NoInputNoOutput,
}

impl Agent {
    /// BlueZ's word for it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::KeyboardOnly => "KeyboardOnly",
            Self::KeyboardDisplay => "KeyboardDisplay",
            Self::DisplayOnly => "DisplayOnly",
            Self::DisplayYesNo => "DisplayYesNo",
            Self::NoInputNoOutput => "NoInputNoOutput",
        }
    }
}

/// How a device is bonded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Pair {
    /// Not at all: the device asks for none.
    #[default]
    None,
    /// Without a passkey, at the first connection.
    JustWorks,
    /// With the passkey that the device shows: from `passkey-file`, or by the command `pair`.
    Passkey,
}

/// One device, `[[ble.device]]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Device {
    /// Id in topics.
    pub(crate) id: String,
    /// Identity address: the one that stays.
    pub(crate) address: Address,
    #[serde(default)]
    pub(crate) address_type: AddressType,
    /// For people; never compared with anything.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Health services the device must have.
    pub(crate) profiles: Vec<Profile>,
    /// Serial number it must state (2A25).
    #[serde(default)]
    pub(crate) serial: Option<String>,
    /// The only adapter that may connect to it.
    #[serde(default)]
    pub(crate) adapter: Option<String>,
    /// Default: that of its most urgent profile.
    #[serde(default)]
    pub(crate) priority: Option<Priority>,
    #[serde(default)]
    pub(crate) pair: Pair,
    /// Holds the six digits.
    #[serde(default)]
    pub(crate) passkey_file: Option<PathBuf>,
    /// Set the device's clock at each connection, after its records were fetched.
    #[serde(default)]
    pub(crate) set_clock: bool,
    /// Have the device delete its records once they are all on disk here.
    #[serde(default)]
    pub(crate) delete_after_download: bool,
    /// Entry of the quirks file, instead of the one that the model number names.
    #[serde(default)]
    pub(crate) quirk: Option<String>,
    /// Take values on the way to a result as well, as telemetry.
    #[serde(default)]
    pub(crate) intermediate: bool,
    /// Longest silence of a connected stream before its connection counts as dead; 0s: never.
    #[serde(default, with = "humantime_serde::option")]
    pub(crate) silence: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            adapters: Vec::new(),
            scan_window: Duration::from_secs(10),
            scan_interval: Duration::from_secs(11),
            connections: 7,
            connect_timeout: Duration::from_secs(20),
            connect_attempts: 4,
            operation_timeout: Duration::from_secs(10),
            discovery_timeout: Duration::from_secs(25),
            procedure_timeout: Duration::from_secs(30),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            spot_idle: Duration::from_secs(30),
            spot_revisit: Duration::from_secs(60),
            ping_interval: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(5),
            failures: 6,
            agent: Agent::default(),
            device: Vec::new(),
        }
    }
}

impl Device {
    /// A device of which nothing else is known.
    pub(crate) fn new(address: Address) -> Self {
        Self {
            id: String::new(),
            address,
            address_type: AddressType::default(),
            name: None,
            profiles: Vec::new(),
            serial: None,
            adapter: None,
            priority: None,
            pair: Pair::default(),
            passkey_file: None,
            set_clock: false,
            delete_after_download: false,
            quirk: None,
            intermediate: false,
            silence: None,
        }
    }

    pub(crate) fn priority(&self) -> Priority {
        let usual = self.profiles.iter().map(|profile| profile.priority()).max();
        self.priority.or(usual).unwrap_or(Priority::Spot)
    }

    /// How long a connected device may say nothing; `None`: for ever.
    pub(crate) fn silence(&self) -> Option<Duration> {
        let usual = if self.profiles.contains(&Profile::Cgm) {
            // A sensor measures every five minutes or less often.
            Duration::from_secs(1_800)
        } else {
            Duration::from_secs(60)
        };
        match self.silence {
            Some(silence) => (!silence.is_zero()).then_some(silence),
            None => (self.priority() == Priority::Stream).then_some(usual),
        }
    }

    /// Whether the device forgets what was confirmed to it, so that it is only connected to while there is room.
    pub(crate) fn forgets(&self) -> bool {
        self.delete_after_download
            || self
                .profiles
                .iter()
                .any(|profile| profile.priority() == Priority::Spot)
    }
}

impl Config {
    /// Whether there is anything to do.
    pub(crate) fn wanted(&self) -> bool {
        !self.device.is_empty()
    }

    /// Every fault, each with the path of its field.
    pub(crate) fn check(&self, faults: &mut Vec<String>) {
        let mut fault = |path: &str, text: &str| faults.push(format!("ble.{path}: {text}"));
        for (name, time) in [
            ("scan-window", self.scan_window),
            ("scan-interval", self.scan_interval),
            ("connect-timeout", self.connect_timeout),
            ("operation-timeout", self.operation_timeout),
            ("discovery-timeout", self.discovery_timeout),
            ("procedure-timeout", self.procedure_timeout),
            ("backoff-min", self.backoff_min),
            ("ping-interval", self.ping_interval),
            ("ping-timeout", self.ping_timeout),
        ] {
            if time.is_zero() {
                fault(name, "more than 0s");
            }
        }
        if self.scan_interval < self.scan_window {
            fault("scan-interval", "at least scan-window");
        }
        if self.backoff_max < self.backoff_min {
            fault("backoff-max", "at least backoff-min");
        }
        if self.connect_timeout > Duration::from_secs(30) {
            fault("connect-timeout", "at most 30s, when BlueZ gives up itself");
        }
        if !CONNECTIONS.contains(&self.connections) {
            fault("connections", "1 to 32");
        }
        if !(1..=10).contains(&self.connect_attempts) {
            fault("connect-attempts", "1 to 10");
        }
        if self.failures == 0 {
            fault("failures", "at least 1");
        }
        for (index, adapter) in self.adapters.iter().enumerate() {
            if !is_adapter(adapter) {
                fault(&format!("adapters[{index}]"), "hci0, hci1, … or an address");
            }
        }
        if self.device.len() > DEVICES {
            fault("device", "at most 256");
        }
        self.check_devices(faults);
    }

    fn check_devices(&self, faults: &mut Vec<String>) {
        let mut ids = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for (index, device) in self.device.iter().enumerate() {
            let mut fault = |field: &str, text: String| {
                faults.push(format!("ble.device[{index}].{field}: {text}"))
            };
            if let Err(error) = crate::publish::id(&device.id) {
                fault("id", error);
            }
            if let Some(first) = ids.insert(&device.id, index) {
                fault("id", format!("also that of ble.device[{first}]"));
            }
            if let Some(first) = addresses.insert(device.address, index) {
                fault("address", format!("also that of ble.device[{first}]"));
            }
            if device.address_type == AddressType::Random && device.address.is_resolvable_private()
            {
                let text =
                    "changes every few minutes; pair the device and give its identity address";
                fault("address", text.to_owned());
            }
            if device.profiles.is_empty() {
                let all = Profile::ALL.map(Profile::word).join(", ");
                fault("profiles", format!("at least one of {all}"));
            }
            if device
                .adapter
                .as_ref()
                .is_some_and(|adapter| !is_adapter(adapter))
            {
                fault("adapter", "hci0, hci1, … or an address".to_owned());
            }
            if device
                .serial
                .as_ref()
                .is_some_and(|serial| serial.trim().is_empty())
            {
                fault("serial", "empty".to_owned());
            }
            if let Some(name) = &device.quirk
                && crate::decode::quirks::entry(name).is_none()
            {
                let known = crate::decode::quirks::names().join(", ");
                fault(
                    "quirk",
                    format!("{name:?} is not in the quirks file; these are: {known}"),
                );
            }
            if device.passkey_file.is_some() && device.pair != Pair::Passkey {
                fault("passkey-file", "only with pair = \"passkey\"".to_owned());
            }
            if let Some(file) = &device.passkey_file
                && let Err(error) = read_passkey(file)
            {
                fault("passkey-file", error);
            }
        }
    }
}

/// `hci0`, `hci1`, … or an address.
fn is_adapter(text: &str) -> bool {
    let number = text.strip_prefix("hci");
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()))
        || text.parse::<Address>().is_ok()
}

/// Six digits, as `org.bluez.Agent1` wants them: 0 to 999999.
pub(crate) fn passkey(text: &str) -> Result<u32, String> {
    let text = text.trim();
    if text.len() == 6 && text.bytes().all(|c| c.is_ascii_digit()) {
        text.parse().map_err(|_| "not six digits".to_owned())
    } else {
        Err("not six digits".to_owned())
    }
}

/// The passkey in a file; the message never shows what is in it.
pub(crate) fn read_passkey(file: &std::path::Path) -> Result<u32, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    passkey(&text).map_err(|e| format!("{}: {e}", file.display()))
}

#[cfg(test)]
mod tests;
