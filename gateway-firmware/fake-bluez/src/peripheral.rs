//! A device in a test's hand: it advertises, sends values, drops its link, forgets its bond.

use std::sync::Arc;

use crate::device::Connect;
use crate::gatt::{Answer, Fault};
use crate::records::Records;
use crate::shared::{PATIENCE, Shared};
use crate::world::{State, World};

/// A device beside a fake adapter.
#[derive(Debug, Clone)]
pub struct Peripheral {
    shared: Arc<Shared>,
    index: usize,
}

impl Peripheral {
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> Self {
        Self { shared, index }
    }

    async fn act<R>(&self, change: impl FnOnce(&mut World, usize) -> R) -> R {
        let index = self.index;
        self.shared.act(|world| change(world, index)).await
    }

    async fn state<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        self.act(|world, index| change(&mut world.devices[index]))
            .await
    }

    async fn until(&self, what: &str, holds: impl Fn(&State) -> bool) {
        let index = self.index;
        let ready = |world: &mut World| holds(&world.devices[index]).then_some(());
        let seen = self.shared.wait(PATIENCE, ready).await;
        if seen.is_none() {
            let address = self.state(|device| device.spec.address.clone()).await;
            panic!("{address} was not {what}");
        }
    }

    /// Its object path.
    pub async fn path(&self) -> String {
        self.state(|device| device.path.clone()).await
    }

    // -- radio

    /// Advertises from now on, whenever it is not connected.
    pub async fn advertise(&self) {
        self.act(|world, index| {
            let device = &mut world.devices[index];
            device.advertising = !device.connected;
            world.report(index);
        })
        .await;
    }

    /// Falls silent: no advertisement, now or after its link ends.
    pub async fn quiet(&self) {
        self.state(|device| {
            device.advertising = false;
            device.spec.advertises_again = false;
        })
        .await;
    }

    /// Drops the link.
    pub async fn drop_link(&self) {
        self.act(|world, index| world.link_down(index, "le-connection-abort-by-remote"))
            .await;
    }

    /// How the next attempts to connect end; later ones succeed.
    pub async fn next_connects(&self, plans: impl IntoIterator<Item = Connect>) {
        self.state(|device| device.connects.extend(plans)).await;
    }

    /// Whether each value is told twice.
    pub async fn duplicates(&self, on: bool) {
        self.state(|device| device.duplicates = on).await;
    }

    /// Asks to pair of its own accord; whether the gateway's agent let it.
    pub async fn asks_to_pair(&self) -> bool {
        crate::link::asked(&self.shared, self.index).await
    }

    /// Forgets its half of the bond, as after a reset.
    pub async fn lose_bond(&self) {
        self.state(|device| device.has_bond = false).await;
    }

    // -- values

    /// Sends a value on the first characteristic with this number; whether the gateway was told.
    pub async fn send(&self, uuid: u16, bytes: &[u8]) -> bool {
        self.send_on(uuid, 0, bytes).await
    }

    /// Sends a value on the `nth` characteristic with this number; whether the gateway was told.
    pub async fn send_on(&self, uuid: u16, nth: usize, bytes: &[u8]) -> bool {
        self.act(|world, index| {
            let number = world.characteristic(index, uuid, nth);
            world.send_value(index, number, bytes)
        })
        .await
    }

    /// Tells a value that nobody subscribed to, as BlueZ does when another program reads it.
    pub async fn read_by_another(&self, uuid: u16, bytes: &[u8]) {
        self.act(|world, index| {
            let number = world.characteristic(index, uuid, 0);
            let path = world.devices[index].characteristics[number].path.clone();
            world.value_changed(&path, bytes);
        })
        .await;
    }

    /// The value that reads give from now on.
    pub async fn set(&self, uuid: u16, bytes: &[u8]) {
        self.act(|world, index| {
            let number = world.characteristic(index, uuid, 0);
            bytes.clone_into(&mut world.devices[index].characteristics[number].spec.value);
        })
        .await;
    }

    /// What happens to the next operations on a characteristic, one each.
    pub async fn fail(&self, uuid: u16, faults: impl IntoIterator<Item = Fault>) {
        self.act(|world, index| {
            let number = world.characteristic(index, uuid, 0);
            world.devices[index].characteristics[number]
                .faults
                .extend(faults);
        })
        .await;
    }

    /// Subscriptions end without a word: nothing is told any more until somebody subscribes again.
    pub async fn deafen(&self) {
        self.state(|device| {
            for held in &mut device.characteristics {
                held.subscribers.clear();
            }
        })
        .await;
    }

    /// Changes the stored records.
    ///
    /// # Panics
    /// If it has no record access control point.
    pub async fn records<R>(&self, change: impl FnOnce(&mut Records) -> R) -> R {
        self.state(|device| {
            let found =
                device
                    .characteristics
                    .iter_mut()
                    .find_map(|held| match &mut held.spec.answer {
                        Answer::Records(records) => Some(records),
                        _ => None,
                    });
            change(found.expect("a record access control point"))
        })
        .await
    }

    /// How far its clock is ahead, in milliseconds.
    ///
    /// # Panics
    /// If it has no current time service.
    pub async fn ahead(&self) -> i64 {
        self.state(|device| {
            let found = device
                .characteristics
                .iter()
                .find_map(|held| match held.spec.answer {
                    Answer::Clock(ahead) => Some(ahead),
                    _ => None,
                });
            found.expect("a clock")
        })
        .await
    }

    // -- what was seen

    /// Everything written to a characteristic.
    pub async fn writes(&self, uuid: u16) -> Vec<Vec<u8>> {
        self.act(|world, index| {
            let number = world.characteristic(index, uuid, 0);
            world.devices[index].characteristics[number].writes.clone()
        })
        .await
    }

    /// Whether it is connected.
    pub async fn connected(&self) -> bool {
        self.state(|device| device.connected).await
    }

    /// Whether BlueZ has it paired and trusted.
    pub async fn trusted(&self) -> bool {
        self.state(|device| device.paired && device.trusted).await
    }

    /// Waits for a link.
    pub async fn until_connected(&self) {
        self.until("connected", |device| device.connected).await;
    }

    /// Waits for a link and its services.
    pub async fn until_resolved(&self) {
        self.until("resolved", |device| device.resolved).await;
    }

    /// Waits until a pairing is under way.
    pub async fn until_pairing(&self) {
        self.until("pairing", |device| device.asking).await;
    }

    /// Waits until there is no link.
    pub async fn until_disconnected(&self) {
        self.until("disconnected", |device| !device.connected).await;
    }

    /// Waits until it is paired.
    pub async fn until_paired(&self) {
        self.until("paired", |device| device.paired).await;
    }

    /// Waits until somebody is subscribed to a characteristic over a link.
    pub async fn until_subscribed(&self, uuid: u16) {
        self.until("subscribed to", |device| {
            let subscribed = device
                .characteristics
                .iter()
                .any(|held| held.spec.uuid == uuid && !held.subscribers.is_empty());
            device.connected && device.resolved && subscribed
        })
        .await;
    }

    /// How often a characteristic was subscribed to.
    pub async fn subscriptions(&self, uuid: u16) -> usize {
        self.act(|world, index| {
            let number = world.characteristic(index, uuid, 0);
            world.devices[index].characteristics[number].subscriptions
        })
        .await
    }

    /// Waits until a characteristic was subscribed to so often. BlueZ keeps a client's subscription over the end of a
    /// link, so that it says nothing of what the client does after that.
    pub async fn until_subscriptions(&self, uuid: u16, times: usize) {
        self.until("subscribed to again", |device| {
            device
                .characteristics
                .iter()
                .any(|held| held.spec.uuid == uuid && held.subscriptions >= times)
        })
        .await;
    }

    /// Waits until so many values were written to a characteristic.
    pub async fn until_written(&self, uuid: u16, times: usize) {
        self.until("written to", |device| {
            let written = |held: &&crate::world::Held| held.spec.uuid == uuid;
            device
                .characteristics
                .iter()
                .find(written)
                .is_some_and(|held| held.writes.len() >= times)
        })
        .await;
    }

    /// Waits until a characteristic was read so often.
    pub async fn until_read(&self, uuid: u16, times: usize) {
        self.until("read", |device| {
            let read = |held: &&crate::world::Held| held.spec.uuid == uuid;
            device
                .characteristics
                .iter()
                .find(read)
                .is_some_and(|held| held.reads >= times)
        })
        .await;
    }
}
