//! Changes that btleplug does not tell: bluetoothd going and coming, adapters plugged and unplugged, devices removed.

use futures::stream::{SelectAll, StreamExt as _, select_all};
use zbus::message::Type;
use zbus::{MatchRule, Message, MessageStream, OwnedObjectPath};

use super::objects::Properties;
use super::{ADAPTER, BLUEZ, Bus, CHARACTERISTIC, DEVICE, Error, truth};

/// Signals waiting: bounds a burst of removed devices; the bus connection pushes back beyond it.
const QUEUE: std::num::NonZeroUsize = std::num::NonZeroUsize::new(1_024).expect("not zero");

/// Something the sessions cannot see for themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// bluetoothd went: every session is dead, whatever btleplug says.
    ServiceGone,
    /// bluetoothd came, or another one took its place.
    ServiceCame,
    AdapterAdded(String),
    AdapterRemoved(String),
    AdapterPowered(String, bool),
    /// A device object was removed: whoever was connected to it no longer is.
    DeviceRemoved(String),
    /// A value of a characteristic, by path: for those that share a UUID with another.
    Value(String, Vec<u8>),
}

/// The stream of changes; ends with the bus.
pub(crate) struct Watch(SelectAll<MessageStream>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watch")
    }
}

impl Watch {
    /// Owner of `org.bluez`, adapters and devices.
    pub(crate) async fn stack(bus: &Bus) -> Result<Self, Error> {
        let owner = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender("org.freedesktop.DBus")
            .interface("org.freedesktop.DBus")
            .member("NameOwnerChanged")
            .arg(0, BLUEZ)
            .build()?;
        let objects = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(BLUEZ)
            .interface("org.freedesktop.DBus.ObjectManager")
            .build()?;
        let adapters = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(BLUEZ)
            .interface("org.freedesktop.DBus.Properties")
            .member("PropertiesChanged")
            .arg(0, ADAPTER)
            .build()?;
        Self::of(bus, [owner, objects, adapters]).await
    }

    /// Values of one characteristic, by its path.
    pub(crate) async fn values(bus: &Bus, path: &str) -> Result<Self, Error> {
        let rule = MatchRule::builder()
            .msg_type(Type::Signal)
            .sender(BLUEZ)
            .interface("org.freedesktop.DBus.Properties")
            .member("PropertiesChanged")
            .path(path.to_owned())
            .build()?;
        Self::of(bus, [rule]).await
    }

    async fn of<const N: usize>(bus: &Bus, rules: [MatchRule<'_>; N]) -> Result<Self, Error> {
        let mut streams = Vec::with_capacity(N);
        for rule in rules {
            streams.push(MessageStream::for_match_rule(rule, bus.connection(), Some(QUEUE)).await?);
        }
        Ok(Self(select_all(streams)))
    }

    /// The next change; `None` when the bus is gone.
    pub(crate) async fn next(&mut self) -> Option<Change> {
        loop {
            match self.0.next().await? {
                Ok(message) => {
                    if let Some(change) = change(&message) {
                        return Some(change);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the side channel to bluetoothd failed");
                    return None;
                }
            }
        }
    }
}

fn change(message: &Message) -> Option<Change> {
    let header = message.header();
    let body = message.body();
    match header.member()?.as_str() {
        "NameOwnerChanged" => {
            let (name, _, new): (String, String, String) = body.deserialize().ok()?;
            (name == BLUEZ).then_some(())?;
            Some(if new.is_empty() {
                Change::ServiceGone
            } else {
                Change::ServiceCame
            })
        }
        "InterfacesAdded" => {
            type Added = (
                OwnedObjectPath,
                std::collections::HashMap<String, Properties>,
            );
            let (path, interfaces): Added = body.deserialize().ok()?;
            interfaces
                .contains_key(ADAPTER)
                .then(|| Change::AdapterAdded(path.to_string()))
        }
        "InterfacesRemoved" => {
            let (path, interfaces): (OwnedObjectPath, Vec<String>) = body.deserialize().ok()?;
            let has = |wanted: &str| interfaces.iter().any(|interface| interface == wanted);
            if has(ADAPTER) {
                Some(Change::AdapterRemoved(path.to_string()))
            } else {
                has(DEVICE).then(|| Change::DeviceRemoved(path.to_string()))
            }
        }
        "PropertiesChanged" => {
            let (interface, changed, _): (String, Properties, Vec<String>) =
                body.deserialize().ok()?;
            let path = header.path()?.to_string();
            match interface.as_str() {
                ADAPTER => Some(Change::AdapterPowered(path, truth(changed.get("Powered"))?)),
                CHARACTERISTIC => {
                    let value = Vec::<u8>::try_from(changed.get("Value")?.clone()).ok()?;
                    Some(Change::Value(path, value))
                }
                _ => None,
            }
        }
        _ => None,
    }
}
