//! An `org.bluez` for tests: adapters, devices, services and characteristics on a private bus, with scripted faults.
//!
//! ```text
//! Bluez ── bus (dbus-daemon of its own, same address for life)
//!   │        └─ shared: the daemon's connection; one lock: change, then its signals, then the next change
//!   │             └─ answer (calls) ── link (connect, pair) ── operate (read, write, subscribe, control points)
//!   └─ Peripheral ── world (adapters, devices, objects) ── device, gatt, records: what tests describe
//! ```
//!
//! The fake does what BlueZ 5.66 does as its clients see it: devices appear when they are heard during a scan;
//! a link comes before its services; reads are told to everybody as changes of `Value`; subscriptions belong to a
//! D-Bus client; unpaired access pairs through the default agent, and hangs without one; after a restart only bonds
//! are left. It does not model radio: a device is heard or it is not.
//!
//! Nothing here sleeps to be in time: tests wait for what the fake saw ([`Bluez::until_called`], [`Peripheral::until_subscribed`]).
//! A wait that fails panics and says what it waited for: this crate is for tests.

mod answer;
mod bus;
mod device;
mod gatt;
mod link;
mod objects;
mod operate;
pub mod pdu;
mod peripheral;
pub mod profile;
mod records;
mod shared;
mod wire;
mod world;

use std::sync::Arc;
use std::time::Duration;

pub use bus::Bus;
pub use device::{BondLoss, Connect, Device, Pairing};
pub use gatt::{Characteristic, Control, Fault, Pdus, Service, uuid};
pub use peripheral::Peripheral;
pub use records::{Form, Record, Records, Step, Trouble};
pub use world::Call;

use shared::{PATIENCE, Shared};
use world::World;

/// Between two looks at what nobody tells of.
const LOOK: Duration = Duration::from_millis(20);

/// The daemon, its bus and its adapters.
#[derive(Debug)]
pub struct Bluez {
    shared: Arc<Shared>,
    address: String,
    /// `None` on somebody else's bus.
    bus: Option<Bus>,
}

impl Bluez {
    /// A bus, the daemon on it, and one adapter, `hci0`, powered.
    pub async fn start() -> Self {
        Self::with(Bus::start()).await
    }

    /// The daemon on a bus of its own, and one adapter, `hci0`, powered.
    pub async fn with(bus: Bus) -> Self {
        let mut bluez = Self::on(&bus.address()).await;
        bluez.bus = Some(bus);
        bluez
    }

    /// The daemon on somebody else's bus, and one adapter, `hci0`, powered.
    pub async fn on(address: &str) -> Self {
        let shared = Shared::new();
        shared.start(address).await;
        let bluez = Self {
            shared,
            address: address.to_owned(),
            bus: None,
        };
        bluez.add_adapter("hci0").await;
        bluez
    }

    /// For `DBUS_SYSTEM_BUS_ADDRESS`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Puts a device beside `hci0`; it is silent.
    pub async fn add(&self, device: Device) -> Peripheral {
        self.add_on("hci0", device).await
    }

    /// Puts a device beside an adapter; it is silent.
    pub async fn add_on(&self, adapter: &str, device: Device) -> Peripheral {
        let index = self.act(|world| world.add_device(adapter, device)).await;
        Peripheral::new(Arc::clone(&self.shared), index)
    }

    // -- adapters

    /// One more adapter, or one plugged in again.
    pub async fn add_adapter(&self, name: &str) {
        self.act(|world| world.add_adapter(name)).await;
    }

    /// Unplugs an adapter: its links end, its objects go.
    pub async fn remove_adapter(&self, name: &str) {
        self.act(|world| world.remove_adapter(name)).await;
    }

    /// Powers an adapter on or off, as another program would.
    pub async fn power(&self, name: &str, on: bool) {
        self.act(|world| world.power(name, on)).await;
    }

    /// Whether powering the adapter on is refused, as by rfkill.
    pub async fn block(&self, name: &str, blocked: bool) {
        self.act(|world| {
            if let Some(adapter) = world.adapters.get_mut(name) {
                adapter.blocked = blocked;
            }
        })
        .await;
    }

    /// Whether anybody scans.
    pub async fn scanning(&self, name: &str) -> bool {
        self.act(|world| !world.adapters[name].scanning.is_empty())
            .await
    }

    /// The most Connect calls that were open at once on an adapter.
    pub async fn most_connecting(&self, name: &str) -> usize {
        self.act(|world| world.adapters[name].most_connecting).await
    }

    /// The most links an adapter had at once.
    pub async fn most_connected(&self, name: &str) -> usize {
        self.act(|world| world.adapters[name].most_connected).await
    }

    // -- the daemon and the bus

    /// The daemon is killed: its objects, links and subscriptions are gone; bonds are kept.
    pub async fn stop(&self) {
        self.shared.end().await;
    }

    /// The daemon starts again.
    pub async fn start_again(&self) {
        self.shared.start(&self.address).await;
    }

    /// The bus is killed, and with it the daemon.
    pub async fn kill_bus(&mut self) {
        if let Some(bus) = &mut self.bus {
            bus.kill();
        }
        self.shared.end().await;
    }

    /// The bus starts again at the same address, and the daemon on it.
    pub async fn restart_bus(&mut self) {
        if let Some(bus) = &mut self.bus {
            bus.restart();
        }
        self.shared.start(&self.address).await;
    }

    /// The daemon stops answering, as if stopped by a signal; calls wait.
    pub fn hang(&self) {
        self.shared.awake.send_replace(false);
    }

    /// The daemon answers again, first what waited.
    pub fn resume(&self) {
        self.shared.awake.send_replace(true);
    }

    /// BlueZ forgets every device that is neither bonded nor connected, as it does 30 s after a scan.
    pub async fn expire(&self) {
        self.act(|world| {
            for index in 0..world.devices.len() {
                let device = &world.devices[index];
                if device.known
                    && !device.paired
                    && !device.connected
                    && device.connecting.is_none()
                {
                    world.forget(index);
                }
            }
        })
        .await;
    }

    // -- what was seen

    /// Every call so far.
    pub async fn calls(&self) -> Vec<Call> {
        self.act(|world| world.calls.clone()).await
    }

    /// How often a method was called on an object whose path ends so.
    pub async fn count(&self, path: &str, member: &str) -> usize {
        self.act(|world| count(world, path, member)).await
    }

    /// Waits until a method was called so often on an object whose path ends so.
    pub async fn until_called(&self, path: &str, member: &str, times: usize) {
        let seen = self
            .shared
            .wait(PATIENCE, |world| {
                (count(world, path, member) >= times).then_some(())
            })
            .await;
        assert!(seen.is_some(), "{member} on {path}, {times} times");
    }

    /// Waits until an agent is registered as the default one; its capability.
    pub async fn until_agent(&self) -> String {
        let agent = self.shared.wait(PATIENCE, |world| {
            let agent = world.agents.get(world.default_agent.as_ref()?)?;
            Some(agent.capability.clone())
        });
        agent.await.expect("a default agent")
    }

    /// Waits until no more than so many clients are on the bus beside the daemon itself: every look is a call to the
    /// bus, which tells nobody of a sum.
    pub async fn until_clients(&self, most: usize) {
        let connection = self.act(|world| world.connection.clone()).await;
        let connection = connection.expect("the daemon runs");
        let looking = async {
            loop {
                let bus = "org.freedesktop.DBus";
                let path = "/org/freedesktop/DBus";
                let names = connection.call_method(Some(bus), path, Some(bus), "ListNames", &());
                let names = names.await.expect("the bus answers");
                let names: Vec<String> = names.body().deserialize().expect("names");
                let clients = names.iter().filter(|name| name.starts_with(':')).count() - 1;
                if clients <= most {
                    return;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, looking).await;
        assert!(seen.is_ok(), "more than {most} clients on the bus");
    }

    async fn act<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        self.shared.act(change).await
    }
}

fn count(world: &World, path: &str, member: &str) -> usize {
    let matching = |call: &&Call| call.member == member && call.path.ends_with(path);
    world.calls.iter().filter(matching).count()
}
