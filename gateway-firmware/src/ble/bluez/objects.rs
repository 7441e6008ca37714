//! bluetoothd's objects and their properties.

use std::collections::HashMap;

use zbus::{OwnedObjectPath, OwnedVariant};

use super::{ADAPTER, CHARACTERISTIC, DEVICE, text, truth};
use crate::ble::address::Address;

pub(crate) type Properties = HashMap<String, OwnedVariant>;

/// Answer of `GetManagedObjects`: path, interface, property.
#[derive(Debug)]
pub(crate) struct Objects(pub(crate) HashMap<OwnedObjectPath, HashMap<String, Properties>>);

/// An adapter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdapterFacts {
    /// `/org/bluez/hci0`.
    pub(crate) path: String,
    pub(crate) address: Option<Address>,
    pub(crate) powered: bool,
}

impl AdapterFacts {
    /// `hci0`.
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Whether a name or address of the configuration means it.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.name() == wanted || self.address.is_some_and(|a| wanted.parse() == Ok(a))
    }
}

/// What bluetoothd knows of a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeviceFacts {
    pub(crate) address: Option<Address>,
    pub(crate) address_type: Option<String>,
    pub(crate) name: Option<String>,
    /// Advertised or resolved services, 128-bit UUIDs in lower case.
    pub(crate) uuids: Vec<String>,
    pub(crate) rssi: Option<i16>,
    pub(crate) paired: bool,
    pub(crate) trusted: bool,
    pub(crate) connected: bool,
}

impl DeviceFacts {
    pub(crate) fn of(properties: &Properties) -> Self {
        let get = |name: &str| properties.get(name);
        // `Bonded` says that the keys are kept; bluetoothd before 5.65 has `Paired` alone.
        let bonded = truth(get("Bonded"))
            .or(truth(get("Paired")))
            .unwrap_or(false);
        Self {
            address: text(get("Address")).and_then(|address| address.parse().ok()),
            address_type: text(get("AddressType")),
            name: text(get("Name")),
            uuids: get("UUIDs")
                .and_then(|uuids| Vec::<String>::try_from(uuids.clone()).ok())
                .unwrap_or_default(),
            rssi: get("RSSI").and_then(|rssi| i16::try_from(rssi.clone()).ok()),
            paired: bonded,
            trusted: truth(get("Trusted")).unwrap_or(false),
            connected: truth(get("Connected")).unwrap_or(false),
        }
    }
}

impl Objects {
    pub(crate) fn adapters(&self) -> Vec<AdapterFacts> {
        let mut adapters: Vec<_> = self
            .0
            .iter()
            .filter_map(|(path, interfaces)| {
                let properties = interfaces.get(ADAPTER)?;
                Some(AdapterFacts {
                    path: path.to_string(),
                    address: text(properties.get("Address")).and_then(|text| text.parse().ok()),
                    powered: truth(properties.get("Powered")).unwrap_or(false),
                })
            })
            .collect();
        adapters.sort_by(|a, b| a.path.cmp(&b.path));
        adapters
    }

    /// Devices of an adapter, with their paths.
    pub(crate) fn devices(&self, adapter: &str) -> Vec<(String, DeviceFacts)> {
        let mut devices: Vec<_> = self
            .0
            .iter()
            .filter(|(path, _)| below(path.as_str(), adapter))
            .filter_map(|(path, interfaces)| {
                Some((path.to_string(), DeviceFacts::of(interfaces.get(DEVICE)?)))
            })
            .collect();
        devices.sort_by(|a, b| a.0.cmp(&b.0));
        devices
    }

    /// Paths of a device's characteristics of this number, in the order of their handles: there may be several, of
    /// which btleplug knows one.
    pub(crate) fn instances(&self, device: &str, uuid: u16) -> Vec<String> {
        let is_it = |interfaces: &HashMap<String, Properties>| {
            let found = interfaces
                .get(CHARACTERISTIC)
                .and_then(|of| text(of.get("UUID")));
            found.is_some_and(|found| short_uuid(&found) == Some(uuid))
        };
        let mut paths: Vec<_> = self
            .0
            .iter()
            .filter(|(path, interfaces)| below(path.as_str(), device) && is_it(interfaces))
            .map(|(path, _)| path.to_string())
            .collect();
        paths.sort_unstable();
        paths
    }
}

fn below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// `0000180f-0000-1000-8000-00805f9b34fb` as 0x180F.
pub(crate) fn short_uuid(text: &str) -> Option<u16> {
    use btleplug::api::bleuuid::BleUuid as _;
    text.parse::<uuid::Uuid>().ok()?.to_ble_u16()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_uuid_is_told_from_a_makers_own() {
        assert_eq!(
            short_uuid("0000180f-0000-1000-8000-00805f9b34fb"),
            Some(0x180F)
        );
        assert_eq!(short_uuid("0000180f-1000-1000-8000-00805f9b34fb"), None);
        assert_eq!(short_uuid("180f"), None);
    }

    #[test]
    fn every_battery_is_found_in_the_order_of_handles() {
        let mut objects = Objects(HashMap::new());
        for node in [
            "service0010/char0011",
            "service0020/char0021",
            "service0030/char0031",
        ] {
            let path = format!("/org/bluez/hci0/dev_C0_00_00_00_00_01/{node}");
            let uuid = if node.ends_with("31") { "2a37" } else { "2a19" };
            let uuid = format!("0000{uuid}-0000-1000-8000-00805f9b34fb");
            let value = OwnedVariant::try_from(zbus::Variant::from(uuid)).unwrap();
            let properties = HashMap::from([("UUID".to_owned(), value)]);
            objects.0.insert(
                OwnedObjectPath::try_from(path).unwrap(),
                HashMap::from([(CHARACTERISTIC.to_owned(), properties)]),
            );
        }
        let paths = objects.instances("/org/bluez/hci0/dev_C0_00_00_00_00_01", 0x2A19);
        assert_eq!(paths.len(), 2, "{paths:?}");
        assert!(paths[0].ends_with("char0011") && paths[1].ends_with("char0021"));
    }
}
