//! Bluetooth device addresses as people write them and BlueZ prints them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A device address (48 bits, most significant byte first), `AA:BB:CC:DD:EE:FF`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Address([u8; 6]);

/// Whether an address is the maker's or was drawn at random (Core specification, Vol 6, Part B, 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddressType {
    #[default]
    Public,
    Random,
}

impl AddressType {
    /// BlueZ's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Random => "random",
        }
    }
}

impl Address {
    /// The address in a device's path or id (`…/dev_AA_BB_CC_DD_EE_FF`).
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let (_, node) = path.rsplit_once("dev_")?;
        node.split('/').next()?.replace('_', ":").parse().ok()
    }

    /// Whether a random address changes every few minutes (the two highest bits are 01: resolvable private), so that
    /// it cannot name a device.
    pub(crate) fn is_resolvable_private(self) -> bool {
        self.0[0] >> 6 == 0b01
    }
}

impl From<[u8; 6]> for Address {
    fn from(bytes: [u8; 6]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || format!("{text:?} is no address as AA:BB:CC:DD:EE:FF");
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2);
            let part = part.filter(|part| part.bytes().all(|c| c.is_ascii_hexdigit()));
            *byte = u8::from_str_radix(part.ok_or_else(fault)?, 16).map_err(|_| fault())?;
        }
        if parts.next().is_some() {
            return Err(fault());
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}:{b:02X}:{c:02X}:{d:02X}:{e:02X}:{g:02X}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_printed() {
        let address: Address = "c0:26:DA:00:1f:9e".parse().unwrap();
        assert_eq!(address.to_string(), "C0:26:DA:00:1F:9E");
        assert_eq!(
            Address::of_path("/org/bluez/hci0/dev_C0_26_DA_00_1F_9E/service000a"),
            Some(address)
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "C0:26:DA:00:1F",
            "C0:26:DA:00:1F:9E:00",
            "C0-26-DA-00-1F-9E",
            "+1:26:DA:00:1F:9E",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_changing_address_is_told_from_one_that_stays() {
        assert!(
            "5A:00:00:00:00:01"
                .parse::<Address>()
                .unwrap()
                .is_resolvable_private()
        );
        assert!(
            !"C0:00:00:00:00:01"
                .parse::<Address>()
                .unwrap()
                .is_resolvable_private()
        );
    }
}
