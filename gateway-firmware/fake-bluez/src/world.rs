//! What there is: adapters, devices beside them, and the objects that BlueZ shows of them. Changes push the signals
//! that tell of them; whoever holds the world sends these before anybody else may change it, so that signals come in
//! the order of what happened.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use zbus::{Connection, Message};

use crate::device::{BondLoss, Connect, Device};
use crate::gatt::{self, Characteristic, Fault};
use crate::objects::descriptor_handle;
use crate::wire::{self, ADAPTER, BATTERY, CHARACTERISTIC, DEVICE, Interfaces, Properties};

/// A method call that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Object.
    pub path: String,
    /// Interface, `org.bluez.Device1` for example.
    pub interface: String,
    /// Method.
    pub member: String,
}

#[derive(Debug, Default)]
pub(crate) struct Adapter {
    pub(crate) address: String,
    pub(crate) powered: bool,
    /// Powering it on fails, as by rfkill.
    pub(crate) blocked: bool,
    /// Clients that scan.
    pub(crate) scanning: BTreeSet<String>,
    /// Connects under way at this moment, and the most there ever were.
    pub(crate) connecting: usize,
    pub(crate) most_connecting: usize,
    pub(crate) most_connected: usize,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) spec: Device,
    pub(crate) adapter: String,
    pub(crate) path: String,
    pub(crate) characteristics: Vec<Held>,
    pub(crate) advertising: bool,
    /// The device's own half of the bond.
    pub(crate) has_bond: bool,
    pub(crate) connects: VecDeque<Connect>,
    pub(crate) duplicates: bool,
    /// BlueZ has an object for it.
    pub(crate) known: bool,
    pub(crate) exported: bool,
    pub(crate) paired: bool,
    pub(crate) trusted: bool,
    pub(crate) connected: bool,
    pub(crate) resolved: bool,
    pub(crate) rssi: Option<i16>,
    /// Number of the link or attempt; whatever began in an earlier one is over.
    pub(crate) link: u64,
    /// The open Connect call.
    pub(crate) connecting: Option<Message>,
    /// Number of the pairing; whatever began in an earlier one is over.
    pub(crate) pairing: u64,
    /// A pairing is under way.
    pub(crate) asking: bool,
}

#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) spec: Characteristic,
    pub(crate) service: usize,
    pub(crate) path: String,
    pub(crate) subscribers: BTreeSet<String>,
    pub(crate) faults: VecDeque<Fault>,
    pub(crate) writes: Vec<Vec<u8>>,
    pub(crate) reads: usize,
    /// How often a client subscribed.
    pub(crate) subscriptions: usize,
    /// Number of the procedure that its control point runs.
    pub(crate) procedure: u64,
    pub(crate) busy: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Manager,
    Adapter(String),
    Device(usize),
    Service(usize, usize),
    Characteristic(usize, usize),
    Descriptor(usize, usize, usize),
}

#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) path: String,
    pub(crate) capability: String,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) adapters: BTreeMap<String, Adapter>,
    pub(crate) devices: Vec<State>,
    pub(crate) tree: BTreeMap<String, Node>,
    pub(crate) agents: BTreeMap<String, Agent>,
    pub(crate) default_agent: Option<String>,
    pub(crate) calls: Vec<Call>,
    /// Number of the daemon's life.
    pub(crate) epoch: u64,
    pub(crate) connection: Option<Connection>,
    pub(crate) out: Vec<Message>,
}

impl World {
    // -- signals

    pub(crate) fn changed(
        &mut self,
        path: &str,
        interface: &str,
        properties: Properties,
        gone: &[&str],
    ) {
        self.out
            .push(wire::changed(path, interface, &properties, gone));
    }

    fn add(&mut self, path: &str, node: Node) {
        self.tree.insert(path.to_owned(), node.clone());
        let interfaces = self.interfaces(&node);
        self.out.push(wire::added(path, &interfaces));
    }

    fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        let paths: Vec<String> = self
            .tree
            .range(path.to_owned()..)
            .map(|(other, _)| other)
            .take_while(|other| other.starts_with(path))
            .filter(|other| *other == path || other.starts_with(&below))
            .cloned()
            .collect();
        // Children go first.
        for path in paths.iter().rev() {
            let Some(node) = self.tree.remove(path) else {
                continue;
            };
            let interfaces = self.interfaces(&node);
            let names: Vec<&str> = interfaces.keys().copied().collect();
            self.out.push(wire::removed(path, &names));
        }
    }

    // -- adapters

    pub(crate) fn add_adapter(&mut self, name: &str) {
        let number = self.adapters.len();
        let adapter = self.adapters.entry(name.to_owned()).or_default();
        if adapter.address.is_empty() {
            adapter.address = format!("00:1A:7D:DA:71:{number:02X}");
        }
        adapter.powered = true;
        self.add(&adapter_path(name), Node::Adapter(name.to_owned()));
    }

    /// The controller goes: its power, its links, then its objects.
    pub(crate) fn remove_adapter(&mut self, name: &str) {
        self.power(name, false);
        for index in self.beside(name) {
            let device = &mut self.devices[index];
            device.known = false;
            device.exported = false;
        }
        self.remove(&adapter_path(name));
    }

    pub(crate) fn power(&mut self, name: &str, on: bool) {
        let Some(adapter) = self.adapters.get_mut(name) else {
            return;
        };
        if adapter.powered == on {
            return;
        }
        adapter.powered = on;
        let path = adapter_path(name);
        if !on {
            let scanned = !adapter.scanning.is_empty();
            adapter.scanning.clear();
            for index in self.beside(name) {
                self.link_down(index, "Cancelled");
            }
            if scanned {
                let discovering = Properties::from([("Discovering", false.into())]);
                self.changed(&path, ADAPTER, discovering, &[]);
            }
        }
        let powered = Properties::from([("Powered", on.into())]);
        self.changed(&path, ADAPTER, powered, &[]);
    }

    pub(crate) fn beside(&self, adapter: &str) -> Vec<usize> {
        let here = |(index, device): (usize, &State)| (device.adapter == adapter).then_some(index);
        self.devices.iter().enumerate().filter_map(here).collect()
    }

    pub(crate) fn scan(&mut self, name: &str, client: &str, on: bool) {
        let Some(adapter) = self.adapters.get_mut(name) else {
            return;
        };
        let before = !adapter.scanning.is_empty();
        if on {
            adapter.scanning.insert(client.to_owned());
        } else {
            adapter.scanning.remove(client);
        }
        let after = !adapter.scanning.is_empty();
        if before == after {
            if on {
                self.report_all(name);
            }
            return;
        }
        let discovering = Properties::from([("Discovering", after.into())]);
        self.changed(&adapter_path(name), ADAPTER, discovering, &[]);
        if after {
            self.report_all(name);
            return;
        }
        for index in self.beside(name) {
            if self.devices[index].rssi.take().is_some() && self.devices[index].known {
                let path = self.devices[index].path.clone();
                self.changed(&path, DEVICE, Properties::new(), &["RSSI"]);
            }
        }
    }

    // -- advertisements

    /// Every device that an adapter hears at this moment.
    pub(crate) fn report_all(&mut self, adapter: &str) {
        for index in self.beside(adapter) {
            self.report(index);
        }
    }

    /// What BlueZ tells of one advertisement.
    pub(crate) fn report(&mut self, index: usize) {
        let device = &mut self.devices[index];
        let heard = self
            .adapters
            .get(&device.adapter)
            .is_some_and(|adapter| adapter.powered && !adapter.scanning.is_empty());
        if !heard || !device.advertising || device.connected || self.connection.is_none() {
            return;
        }
        // It moves a little, or BlueZ would say nothing.
        let rssi = if device.rssi == Some(-60) { -61 } else { -60 };
        device.rssi = Some(rssi);
        let path = device.path.clone();
        if !device.known {
            device.known = true;
            self.add(&path, Node::Device(index));
            return;
        }
        let mut properties = Properties::from([("RSSI", rssi.into())]);
        let all = self.device_properties(index);
        for name in ["ManufacturerData", "ServiceData"] {
            if let Some(value) = all.get(name) {
                let value = value.try_clone().expect("no file descriptor");
                properties.insert(name, value);
            }
        }
        self.changed(&path, DEVICE, properties, &[]);
    }

    /// Forgets a device: bond, cache and object.
    pub(crate) fn forget(&mut self, index: usize) {
        self.link_down(index, "Cancelled");
        let device = &mut self.devices[index];
        device.known = false;
        device.exported = false;
        device.paired = false;
        device.trusted = false;
        let path = device.path.clone();
        for held in &mut device.characteristics {
            held.subscribers.clear();
        }
        self.remove(&path);
    }

    // -- links

    pub(crate) fn count_connecting(&mut self, index: usize, more: bool) {
        let name = &self.devices[index].adapter;
        let Some(adapter) = self.adapters.get_mut(name) else {
            return;
        };
        adapter.connecting = if more {
            adapter.connecting + 1
        } else {
            adapter.connecting.saturating_sub(1)
        };
        adapter.most_connecting = adapter.most_connecting.max(adapter.connecting);
    }

    /// Ends an open Connect, if there is one, with this answer.
    pub(crate) fn answer_connect(&mut self, index: usize, answer: Result<(), &str>) {
        let Some(call) = self.devices[index].connecting.take() else {
            return;
        };
        self.count_connecting(index, false);
        let message = match answer {
            Ok(()) => wire::reply(&call, &()),
            Err(text) => wire::refuse(&call, &wire::Refusal::bluez("Failed", text)),
        };
        self.out.push(message);
    }

    pub(crate) fn link_up(&mut self, index: usize) {
        let device = &mut self.devices[index];
        device.connected = true;
        device.advertising = false;
        device.link += 1;
        let (path, name) = (device.path.clone(), device.adapter.clone());
        let connected = Properties::from([("Connected", true.into())]);
        self.changed(&path, DEVICE, connected, &[]);
        self.answer_connect(index, Ok(()));
        let links = self.beside(&name);
        let links = links.iter().filter(|i| self.devices[**i].connected).count();
        if let Some(adapter) = self.adapters.get_mut(&name) {
            adapter.most_connected = adapter.most_connected.max(links);
        }
    }

    pub(crate) fn resolve(&mut self, index: usize) {
        self.export(index);
        let device = &mut self.devices[index];
        device.resolved = true;
        let path = device.path.clone();
        let all: Vec<String> = device
            .spec
            .services
            .iter()
            .map(|service| gatt::uuid(service.uuid))
            .collect();
        let uuids = Properties::from([("UUIDs", all.into())]);
        self.changed(&path, DEVICE, uuids, &[]);
        if self.devices[index].spec.battery_interface {
            let battery = Interfaces::from([(BATTERY, self.battery_properties(index))]);
            self.out.push(wire::added(&path, &battery));
        }
        let resolved = Properties::from([("ServicesResolved", true.into())]);
        self.changed(&path, DEVICE, resolved, &[]);
    }

    /// The link ends, or the attempt does, whoever ended it.
    pub(crate) fn link_down(&mut self, index: usize, answer: &str) {
        self.answer_connect(index, Err(answer));
        let device = &mut self.devices[index];
        device.link += 1;
        device.pairing += 1;
        let (connected, resolved) = (device.connected, device.resolved);
        (device.connected, device.resolved) = (false, false);
        for held in &mut device.characteristics {
            held.procedure += 1;
            held.busy = false;
        }
        let path = device.path.clone();
        if resolved {
            let resolved = Properties::from([("ServicesResolved", false.into())]);
            self.changed(&path, DEVICE, resolved, &[]);
        }
        if connected {
            let connected = Properties::from([("Connected", false.into())]);
            self.changed(&path, DEVICE, connected, &[]);
            let device = &mut self.devices[index];
            device.advertising = device.spec.advertises_again;
            self.report(index);
        }
    }

    /// Whether the gateway's bond with it no longer holds.
    pub(crate) fn bond_lost(&self, index: usize, loss: BondLoss) -> bool {
        let device = &self.devices[index];
        device.paired && !device.has_bond && device.spec.bond_loss == loss
    }

    pub(crate) fn set_paired(&mut self, index: usize, paired: bool) {
        let device = &mut self.devices[index];
        device.paired = paired;
        device.has_bond = paired;
        let path = device.path.clone();
        let properties = Properties::from([("Paired", paired.into()), ("Bonded", paired.into())]);
        self.changed(&path, DEVICE, properties, &[]);
    }

    // -- objects

    fn export(&mut self, index: usize) {
        if std::mem::replace(&mut self.devices[index].exported, true) {
            return;
        }
        let device = &self.devices[index];
        let mut nodes = Vec::new();
        let mut last = None;
        for (number, held) in device.characteristics.iter().enumerate() {
            let (service, _) = held.path.rsplit_once('/').expect("a path below the device");
            if last != Some(held.service) {
                last = Some(held.service);
                nodes.push((service.to_owned(), Node::Service(index, held.service)));
            }
            nodes.push((held.path.clone(), Node::Characteristic(index, number)));
            for (place, _) in held.spec.descriptors.iter().enumerate() {
                let path = format!("{}/desc{:04x}", held.path, descriptor_handle(held, place));
                nodes.push((path, Node::Descriptor(index, number, place)));
            }
        }
        for (path, node) in nodes {
            self.add(&path, node);
        }
    }

    // -- the daemon's and its clients' lives

    /// The daemon starts: what it keeps on disk is there again, and nothing else.
    pub(crate) fn begin(&mut self) {
        self.tree.clear();
        self.tree.insert("/org/bluez".to_owned(), Node::Manager);
        for name in self.adapters.keys() {
            self.tree
                .insert(adapter_path(name), Node::Adapter(name.clone()));
        }
        for (index, device) in self.devices.iter_mut().enumerate() {
            device.known = device.paired;
            device.exported = false;
            if device.known {
                self.tree.insert(device.path.clone(), Node::Device(index));
            }
        }
        // Its clients learn this from the change of the name's owner.
        self.out.clear();
    }

    /// The daemon is gone, and with it every link, scan, subscription and agent.
    pub(crate) fn end(&mut self) {
        self.epoch += 1;
        self.connection = None;
        self.agents.clear();
        self.default_agent = None;
        for adapter in self.adapters.values_mut() {
            adapter.scanning.clear();
            adapter.connecting = 0;
        }
        for index in 0..self.devices.len() {
            self.devices[index].connecting = None;
            self.link_down(index, "Cancelled");
            let device = &mut self.devices[index];
            device.rssi = None;
            for held in &mut device.characteristics {
                held.subscribers.clear();
            }
        }
        self.out.clear();
    }

    /// A client has left the bus.
    pub(crate) fn client_gone(&mut self, client: &str) {
        for name in self.adapters.keys().cloned().collect::<Vec<_>>() {
            self.scan(&name, client, false);
        }
        for device in &mut self.devices {
            for held in &mut device.characteristics {
                held.subscribers.remove(client);
            }
        }
        self.agents.remove(client);
        if self.default_agent.as_deref() == Some(client) {
            self.default_agent = None;
        }
    }

    /// A device comes beside an adapter; its number.
    pub(crate) fn add_device(&mut self, adapter: &str, spec: Device) -> usize {
        let index = self.devices.len();
        let path = format!(
            "{}/dev_{}",
            adapter_path(adapter),
            spec.address.replace(':', "_")
        );
        let mut characteristics = Vec::new();
        let mut handle = 0x000A_u16;
        for (number, service) in spec.services.iter().enumerate() {
            let service_path = format!("{path}/service{handle:04x}");
            handle += 1;
            for characteristic in &service.characteristics {
                let count = u16::try_from(characteristic.descriptors.len());
                characteristics.push(Held {
                    spec: characteristic.clone(),
                    service: number,
                    path: format!("{service_path}/char{handle:04x}"),
                    subscribers: BTreeSet::new(),
                    faults: VecDeque::new(),
                    writes: Vec::new(),
                    reads: 0,
                    subscriptions: 0,
                    procedure: 0,
                    busy: false,
                });
                handle += 2 + count.expect("a few descriptors");
            }
        }
        let bonded = spec.bonded;
        self.devices.push(State {
            adapter: adapter.to_owned(),
            path: path.clone(),
            characteristics,
            advertising: false,
            has_bond: bonded,
            connects: VecDeque::new(),
            duplicates: false,
            known: bonded,
            exported: false,
            paired: bonded,
            trusted: bonded,
            connected: false,
            resolved: false,
            rssi: None,
            link: 0,
            connecting: None,
            pairing: 0,
            asking: false,
            spec,
        });
        if bonded {
            self.add(&path, Node::Device(index));
        }
        index
    }

    /// The first characteristic with this number, or its `nth` namesake.
    pub(crate) fn characteristic(&self, device: usize, uuid: u16, nth: usize) -> usize {
        let found = self.devices[device]
            .characteristics
            .iter()
            .enumerate()
            .filter(|(_, held)| held.spec.uuid == uuid)
            .map(|(number, _)| number)
            .nth(nth);
        found.unwrap_or_else(|| panic!("the device has no characteristic {uuid:04X}"))
    }

    /// What a notification or indication makes BlueZ say; whether anybody was told.
    pub(crate) fn send_value(&mut self, device: usize, number: usize, bytes: &[u8]) -> bool {
        let state = &self.devices[device];
        let held = &state.characteristics[number];
        if !state.connected || !state.resolved || held.subscribers.is_empty() {
            return false;
        }
        let (path, times) = (held.path.clone(), if state.duplicates { 2 } else { 1 });
        for _ in 0..times {
            self.value_changed(&path, bytes);
        }
        true
    }

    pub(crate) fn value_changed(&mut self, path: &str, bytes: &[u8]) {
        let value = Properties::from([("Value", bytes.to_vec().into())]);
        self.changed(path, CHARACTERISTIC, value, &[]);
    }
}

pub(crate) fn adapter_path(name: &str) -> String {
    format!("/org/bluez/{name}")
}
