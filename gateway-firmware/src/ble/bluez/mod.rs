//! What btleplug lacks on Linux, over our own D-Bus connection (zbus): pairing and trust (`agent`, `Bus::pair`),
//! changes of bluetoothd and its adapters (`watch`), objects that share a UUID (`objects`).
//!
//! The connection is not btleplug's: the loss of one says nothing of the other, so both are watched.

pub(crate) mod agent;
pub(crate) mod objects;
pub(crate) mod watch;

use std::time::Duration;

use zbus::{Connection, DynamicType, OwnedVariant, Variant};

pub(crate) use objects::{DeviceFacts, Objects};

/// The service on the bus.
pub(crate) const BLUEZ: &str = "org.bluez";
pub(crate) const ADAPTER: &str = "org.bluez.Adapter1";
pub(crate) const DEVICE: &str = "org.bluez.Device1";
pub(crate) const CHARACTERISTIC: &str = "org.bluez.GattCharacteristic1";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Why a call over the side channel failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The bus itself: not there, or gone.
    #[error("the system bus failed: {0}")]
    Bus(zbus::Error),
    /// No answer in time.
    #[error("no answer from bluetoothd within {0:?}")]
    Silent(Duration),
    /// bluetoothd's answer: name of the D-Bus error and its words.
    #[error("{name}: {text}")]
    Refused { name: String, text: String },
}

impl Error {
    /// Name of the D-Bus error, if bluetoothd gave one.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Refused { name, .. } => Some(name),
            _ => None,
        }
    }
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        match error {
            zbus::Error::MethodError(name, text, _) => Self::Refused {
                name: name.to_string(),
                text: text.unwrap_or_default(),
            },
            zbus::Error::FDO(error) => {
                let (name, text) = {
                    use zbus::DBusError as _;
                    (
                        error.name().to_string(),
                        error.description().unwrap_or_default().to_owned(),
                    )
                };
                Self::Refused { name, text }
            }
            other => Self::Bus(other),
        }
    }
}

/// Served before the connection reads its first message, and so the dispatcher of calls runs from the start. One that
/// begins when the agent is added has a task to start first, misses what comes before that, and bluetoothd waits for
/// the answer for a minute.
#[derive(Debug)]
struct Present;

#[zbus::interface(name = "org.wardline.Gateway1")]
impl Present {}

/// The side channel: one connection to the system bus.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    connection: Connection,
    /// Longest wait for an answer, where no other is given.
    limit: Duration,
}

impl Bus {
    /// A new connection to the system bus (`DBUS_SYSTEM_BUS_ADDRESS`, else the usual socket).
    pub(crate) async fn open(limit: Duration) -> Result<Self, Error> {
        let opening = zbus::connection::Builder::system()
            .serve_at("/wardline", Present)
            .build();
        let connection = tokio::time::timeout(limit, opening)
            .await
            .map_err(|_| Error::Silent(limit))??;
        Ok(Self { connection, limit })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Resolves when the bus is gone.
    pub(crate) async fn closed(&self) {
        self.connection.closed().await;
    }

    async fn call<B>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
        limit: Duration,
    ) -> Result<zbus::Message, Error>
    where
        B: serde::Serialize + DynamicType,
    {
        let call = self
            .connection
            .call_method(Some(BLUEZ), path, Some(interface), method, body);
        tokio::time::timeout(limit, call)
            .await
            .map_err(|_| Error::Silent(limit))?
            .map_err(Error::from)
    }

    /// Whether a bluetoothd is there.
    pub(crate) async fn running(&self) -> Result<bool, Error> {
        let call = self.connection.call_method(
            Some("org.freedesktop.DBus"),
            "/org/freedesktop/DBus",
            Some("org.freedesktop.DBus"),
            "NameHasOwner",
            &BLUEZ,
        );
        let answer = tokio::time::timeout(self.limit, call)
            .await
            .map_err(|_| Error::Silent(self.limit))??;
        Ok(answer.body().deserialize()?)
    }

    /// A sign of life: a property of the adapter.
    pub(crate) async fn ping(&self, adapter: &str) -> Result<(), Error> {
        let body = (ADAPTER, "Powered");
        self.call(adapter, PROPERTIES, "Get", &body, self.limit)
            .await
            .map(drop)
    }

    async fn set(
        &self,
        path: &str,
        interface: &str,
        property: &str,
        value: Variant<'_>,
    ) -> Result<(), Error> {
        let body = (interface, property, value);
        self.call(path, PROPERTIES, "Set", &body, self.limit)
            .await
            .map(drop)
    }

    /// Switches an adapter on.
    pub(crate) async fn power(&self, adapter: &str) -> Result<(), Error> {
        self.set(adapter, ADAPTER, "Powered", Variant::from(true))
            .await
    }

    /// Pairs and bonds; the agent answers for us meanwhile.
    pub(crate) async fn pair(&self, device: &str, limit: Duration) -> Result<(), Error> {
        let paired = self.call(device, DEVICE, "Pair", &(), limit).await;
        if matches!(paired, Err(Error::Silent(_))) {
            // The procedure is bluetoothd's and goes on without us; an old one blocks every later one.
            drop(
                self.call(device, DEVICE, "CancelPairing", &(), self.limit)
                    .await,
            );
        }
        paired.map(drop)
    }

    /// Has bluetoothd accept the device's own connections and services without asking.
    pub(crate) async fn trust(&self, device: &str) -> Result<(), Error> {
        self.set(device, DEVICE, "Trusted", Variant::from(true))
            .await
    }

    /// Forgets a device and its bond.
    pub(crate) async fn remove(&self, adapter: &str, device: &str) -> Result<(), Error> {
        let path = zbus::ObjectPath::try_from(device)?;
        self.call(adapter, ADAPTER, "RemoveDevice", &path, self.limit)
            .await
            .map(drop)
    }

    /// What bluetoothd says of a device.
    pub(crate) async fn device(&self, path: &str) -> Result<DeviceFacts, Error> {
        let answer = self
            .call(path, PROPERTIES, "GetAll", &DEVICE, self.limit)
            .await?;
        let properties = answer.body().deserialize()?;
        Ok(DeviceFacts::of(&properties))
    }

    /// Everything bluetoothd has.
    pub(crate) async fn objects(&self) -> Result<Objects, Error> {
        let interface = "org.freedesktop.DBus.ObjectManager";
        let answer = self
            .call("/", interface, "GetManagedObjects", &(), self.limit)
            .await?;
        Ok(Objects(answer.body().deserialize()?))
    }

    /// Looks for Low Energy devices, until told otherwise or disconnected from the bus.
    pub(crate) async fn discover(&self, adapter: &str) -> Result<(), Error> {
        let filter = std::collections::HashMap::from([
            ("Transport", Variant::from("le")),
            ("DuplicateData", Variant::from(true)),
        ]);
        self.call(adapter, ADAPTER, "SetDiscoveryFilter", &filter, self.limit)
            .await?;
        self.call(adapter, ADAPTER, "StartDiscovery", &(), self.limit)
            .await
            .map(drop)
    }

    /// Ends a connection.
    pub(crate) async fn disconnect(&self, device: &str) -> Result<(), Error> {
        self.call(device, DEVICE, "Disconnect", &(), self.limit)
            .await
            .map(drop)
    }

    /// Reads a characteristic by its path, for those that share a UUID with another.
    pub(crate) async fn read(
        &self,
        characteristic: &str,
        limit: Duration,
    ) -> Result<Vec<u8>, Error> {
        let options = std::collections::HashMap::<&str, Variant<'_>>::new();
        let answer = self
            .call(characteristic, CHARACTERISTIC, "ReadValue", &options, limit)
            .await?;
        Ok(answer.body().deserialize()?)
    }

    /// Subscribes to a characteristic by its path.
    pub(crate) async fn subscribe(
        &self,
        characteristic: &str,
        limit: Duration,
    ) -> Result<(), Error> {
        self.call(characteristic, CHARACTERISTIC, "StartNotify", &(), limit)
            .await
            .map(drop)
    }
}

/// A property as bytes, text or truth.
pub(crate) fn text(value: Option<&OwnedVariant>) -> Option<String> {
    value.and_then(|value| String::try_from(value.clone()).ok())
}

pub(crate) fn truth(value: Option<&OwnedVariant>) -> Option<bool> {
    value.and_then(|value| bool::try_from(value.clone()).ok())
}
