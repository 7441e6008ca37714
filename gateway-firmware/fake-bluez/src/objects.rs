//! The interfaces and properties of each object.

use std::collections::BTreeMap;

use zbus::Variant;

use crate::gatt;
use crate::wire::{
    self, ADAPTER, AGENT_MANAGER, BATTERY, CHARACTERISTIC, DESCRIPTOR, DEVICE, Interfaces,
    Properties, SERVICE,
};
use crate::world::{Held, Node, World, adapter_path};

impl World {
    pub(crate) fn interfaces(&self, node: &Node) -> Interfaces {
        match node {
            Node::Manager => Interfaces::from([(AGENT_MANAGER, Properties::new())]),
            Node::Adapter(name) => Interfaces::from([(ADAPTER, self.adapter_properties(name))]),
            Node::Device(index) => {
                let mut interfaces = Interfaces::from([(DEVICE, self.device_properties(*index))]);
                let device = &self.devices[*index];
                if device.spec.battery_interface && device.resolved {
                    interfaces.insert(BATTERY, self.battery_properties(*index));
                }
                interfaces
            }
            Node::Service(index, service) => {
                let device = &self.devices[*index];
                let properties = Properties::from([
                    (
                        "UUID",
                        gatt::uuid(device.spec.services[*service].uuid).into(),
                    ),
                    ("Device", wire::object(&device.path).into()),
                    ("Primary", true.into()),
                ]);
                Interfaces::from([(SERVICE, properties)])
            }
            Node::Characteristic(index, number) => {
                let held = &self.devices[*index].characteristics[*number];
                let (service, _) = held.path.rsplit_once('/').expect("a path below the device");
                let flags: Vec<String> = held.spec.flags.iter().map(|f| (*f).to_owned()).collect();
                let properties = Properties::from([
                    ("UUID", gatt::uuid(held.spec.uuid).into()),
                    ("Service", wire::object(service).into()),
                    ("Value", Vec::<u8>::new().into()),
                    ("Notifying", (!held.subscribers.is_empty()).into()),
                    ("Flags", flags.into()),
                    ("MTU", 247_u16.into()),
                ]);
                Interfaces::from([(CHARACTERISTIC, properties)])
            }
            Node::Descriptor(index, number, place) => {
                let held = &self.devices[*index].characteristics[*number];
                let (uuid, value) = &held.spec.descriptors[*place];
                let properties = Properties::from([
                    ("UUID", gatt::uuid(*uuid).into()),
                    ("Characteristic", wire::object(&held.path).into()),
                    ("Value", value.clone().into()),
                ]);
                Interfaces::from([(DESCRIPTOR, properties)])
            }
        }
    }

    fn adapter_properties(&self, name: &str) -> Properties {
        let adapter = &self.adapters[name];
        Properties::from([
            ("Address", adapter.address.clone().into()),
            ("AddressType", "public".into()),
            ("Name", "wardline".into()),
            ("Alias", "wardline".into()),
            ("Class", 0_u32.into()),
            ("Powered", adapter.powered.into()),
            ("Discoverable", false.into()),
            ("DiscoverableTimeout", 180_u32.into()),
            ("Pairable", true.into()),
            ("PairableTimeout", 0_u32.into()),
            ("Discovering", (!adapter.scanning.is_empty()).into()),
            ("UUIDs", Vec::<String>::new().into()),
            ("Modalias", "usb:v1D6Bp0246d0542".into()),
            ("Roles", vec!["central".to_owned()].into()),
        ])
    }

    pub(crate) fn device_properties(&self, index: usize) -> Properties {
        let device = &self.devices[index];
        let spec = &device.spec;
        let uuids: Vec<String> = if device.exported {
            spec.services
                .iter()
                .map(|service| gatt::uuid(service.uuid))
                .collect()
        } else {
            spec.advertised
                .iter()
                .map(|uuid| gatt::uuid(*uuid))
                .collect()
        };
        let alias = spec
            .name
            .clone()
            .unwrap_or_else(|| spec.address.replace(':', "-"));
        let mut properties = Properties::from([
            ("Address", spec.address.clone().into()),
            (
                "AddressType",
                if spec.random { "random" } else { "public" }.into(),
            ),
            ("Alias", alias.into()),
            ("Paired", device.paired.into()),
            ("Bonded", device.paired.into()),
            ("Trusted", device.trusted.into()),
            ("Blocked", false.into()),
            ("LegacyPairing", false.into()),
            ("Connected", device.connected.into()),
            ("ServicesResolved", device.resolved.into()),
            ("UUIDs", uuids.into()),
            (
                "Adapter",
                wire::object(&adapter_path(&device.adapter)).into(),
            ),
        ]);
        if let Some(name) = &spec.name {
            properties.insert("Name", name.clone().into());
        }
        if let Some(appearance) = spec.appearance {
            properties.insert("Appearance", appearance.into());
        }
        if let Some(rssi) = device.rssi {
            properties.insert("RSSI", rssi.into());
        }
        if !spec.manufacturer.is_empty() {
            let data: BTreeMap<u16, Variant<'static>> = spec
                .manufacturer
                .iter()
                .map(|(company, data)| (*company, data.clone().into()))
                .collect();
            properties.insert("ManufacturerData", data.into());
        }
        if !spec.service_data.is_empty() {
            let data: BTreeMap<String, Variant<'static>> = spec
                .service_data
                .iter()
                .map(|(service, data)| (gatt::uuid(*service), data.clone().into()))
                .collect();
            properties.insert("ServiceData", data.into());
        }
        properties
    }

    pub(crate) fn battery_properties(&self, index: usize) -> Properties {
        let level = self.devices[index]
            .characteristics
            .iter()
            .find(|held| held.spec.uuid == 0x2A19)
            .and_then(|held| held.spec.value.first().copied());
        Properties::from([("Percentage", level.unwrap_or(0).into())])
    }
}

pub(crate) fn descriptor_handle(held: &Held, place: usize) -> usize {
    let handle = held.path.get(held.path.len() - 4..).unwrap_or_default();
    usize::from_str_radix(handle, 16).unwrap_or(0) + 2 + place
}
