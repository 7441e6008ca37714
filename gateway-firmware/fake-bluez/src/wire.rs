//! Messages: replies, errors and the two kinds of signal that BlueZ's clients live on.

use std::collections::BTreeMap;

use zbus::message::Message;
use zbus::{ObjectPath, Variant};

/// Properties of one interface of one object.
pub(crate) type Properties = BTreeMap<&'static str, Variant<'static>>;

/// Interfaces of one object.
pub(crate) type Interfaces = BTreeMap<&'static str, Properties>;

pub(crate) const ADAPTER: &str = "org.bluez.Adapter1";
pub(crate) const AGENT_MANAGER: &str = "org.bluez.AgentManager1";
pub(crate) const BATTERY: &str = "org.bluez.Battery1";
pub(crate) const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";
pub(crate) const DESCRIPTOR: &str = "org.bluez.GattDescriptor1";
pub(crate) const DEVICE: &str = "org.bluez.Device1";
pub(crate) const SERVICE: &str = "org.bluez.GattService1";

/// A D-Bus error to be.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Refusal {
    /// One of BlueZ's own.
    pub(crate) fn bluez(name: &str, text: &str) -> Self {
        Self {
            name: format!("org.bluez.Error.{name}"),
            text: text.to_owned(),
        }
    }

    /// One of the bus's.
    pub(crate) fn bus(name: &str, text: &str) -> Self {
        Self {
            name: format!("org.freedesktop.DBus.Error.{name}"),
            text: text.to_owned(),
        }
    }
}

/// A path that is one by construction.
pub(crate) fn object(path: &str) -> ObjectPath<'static> {
    ObjectPath::try_from(path.to_owned()).expect("a valid object path")
}

pub(crate) fn reply<B>(call: &Message, body: &B) -> Message
where
    B: serde::Serialize + zbus::wire::DynamicType,
{
    Message::method_return(&call.header())
        .build(body)
        .expect("a reply that can be written")
}

pub(crate) fn refuse(call: &Message, refusal: &Refusal) -> Message {
    Message::error(&call.header(), refusal.name.as_str())
        .build(&refusal.text.as_str())
        .expect("an error that can be written")
}

pub(crate) fn changed(
    path: &str,
    interface: &str,
    properties: &Properties,
    gone: &[&str],
) -> Message {
    Message::signal(
        object(path),
        "org.freedesktop.DBus.Properties",
        "PropertiesChanged",
    )
    .build(&(interface, properties, gone))
    .expect("a signal that can be written")
}

pub(crate) fn added(path: &str, interfaces: &Interfaces) -> Message {
    Message::signal(
        object("/"),
        "org.freedesktop.DBus.ObjectManager",
        "InterfacesAdded",
    )
    .build(&(object(path), interfaces))
    .expect("a signal that can be written")
}

pub(crate) fn removed(path: &str, interfaces: &[&str]) -> Message {
    Message::signal(
        object("/"),
        "org.freedesktop.DBus.ObjectManager",
        "InterfacesRemoved",
    )
    .build(&(object(path), interfaces))
    .expect("a signal that can be written")
}
