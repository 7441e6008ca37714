//! One device over btleplug, every call with a limit of our own: BlueZ's are 30 s, and after a lost bus there are none.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use btleplug::api::bleuuid::BleUuid as _;
use btleplug::api::{CharPropFlags, Characteristic, Peripheral as _, ValueNotification, WriteType};
use btleplug::platform::Peripheral;
use futures::Stream;

use super::failure::{Failure, Kind};

/// Ending a connection takes no longer, or it is given up.
const DISCONNECT: Duration = Duration::from_secs(5);

/// A characteristic by its service's and its own 16-bit UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) service: u16,
    pub(crate) uuid: u16,
}

/// What a characteristic can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Can {
    pub(crate) read: bool,
    pub(crate) write: bool,
    /// Notify or indicate.
    pub(crate) subscribe: bool,
}

/// One thing to do at the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Subscribe(Id),
    Read(Id),
    Write(Id, Vec<u8>),
}

impl Action {
    /// For messages: `read 2A25`.
    pub(crate) fn step(&self) -> String {
        match self {
            Self::Subscribe(id) => format!("subscribe {:04X}", id.uuid),
            Self::Read(id) => format!("read {:04X}", id.uuid),
            Self::Write(id, _) => format!("write {:04X}", id.uuid),
        }
    }
}

/// Values as they come.
pub(crate) type Values = Pin<Box<dyn Stream<Item = ValueNotification> + Send>>;

/// Limits of one device's calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) discover: Duration,
    pub(crate) operation: Duration,
}

/// A device that bluetoothd knows.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    peripheral: Peripheral,
    limits: Limits,
}

async fn within<T>(
    step: &str,
    limit: Duration,
    call: impl Future<Output = btleplug::Result<T>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Failure::of(step, &error)),
        Err(_) => Err(Failure::timeout(step, limit)),
    }
}

impl Link {
    pub(crate) fn new(peripheral: Peripheral, limits: Limits) -> Self {
        Self { peripheral, limits }
    }

    /// Its object: `/org/bluez/hci0/dev_…`.
    pub(crate) fn path(&self) -> String {
        format!("/org/bluez/{}", self.peripheral.id())
    }

    /// One attempt; a failed one is ended, for the link may be up all the same.
    pub(crate) async fn connect(&self) -> Result<(), Failure> {
        within("connect", self.limits.connect, self.peripheral.connect()).await
    }

    /// Ends the connection or an attempt at one; no word of bluetoothd's can change that we are done with it.
    pub(crate) async fn disconnect(&self) {
        if let Err(failure) = within("disconnect", DISCONNECT, self.peripheral.disconnect()).await
            && !matches!(failure.kind, Kind::Disconnected | Kind::NotFound)
        {
            tracing::debug!(%failure, path = self.path(), "disconnecting");
        }
    }

    pub(crate) async fn is_connected(&self) -> Result<bool, Failure> {
        within("state", DISCONNECT, self.peripheral.is_connected()).await
    }

    /// Services and characteristics, from bluetoothd's cache where it has one.
    pub(crate) async fn discover(&self) -> Result<BTreeMap<Id, Can>, Failure> {
        within(
            "discover",
            self.limits.discover,
            self.peripheral.discover_services(),
        )
        .await?;
        let all = self.peripheral.characteristics();
        Ok(all
            .iter()
            .filter_map(|c| Some((id(c)?, can(c.properties))))
            .collect())
    }

    /// 16-bit UUIDs of the services, after `discover`.
    pub(crate) fn services(&self) -> Vec<u16> {
        let services = self.peripheral.services();
        services
            .iter()
            .filter_map(|service| service.uuid.to_ble_u16())
            .collect()
    }

    /// The stream of values; before any subscription, or the first ones are lost.
    pub(crate) async fn values(&self) -> Result<Values, Failure> {
        within(
            "listen",
            self.limits.operation,
            self.peripheral.notifications(),
        )
        .await
    }

    /// Does one thing; the bytes are those that were read.
    pub(crate) async fn perform(&self, action: &Action) -> Result<Vec<u8>, Failure> {
        let step = action.step();
        let (Action::Subscribe(id) | Action::Read(id) | Action::Write(id, _)) = action;
        let all = self.peripheral.characteristics();
        let Some(characteristic) = all.iter().find(|c| self::id(c) == Some(*id)) else {
            return Err(Failure::new(
                Kind::Refused,
                step,
                "the device has no such characteristic",
            ));
        };
        let limit = self.limits.operation;
        match action {
            Action::Subscribe(_) => {
                within(&step, limit, self.peripheral.subscribe(characteristic)).await?;
                Ok(Vec::new())
            }
            Action::Read(_) => within(&step, limit, self.peripheral.read(characteristic)).await,
            Action::Write(_, bytes) => {
                let kind = if characteristic.properties.contains(CharPropFlags::WRITE) {
                    WriteType::WithResponse
                } else {
                    WriteType::WithoutResponse
                };
                within(
                    &step,
                    limit,
                    self.peripheral.write(characteristic, bytes, kind),
                )
                .await?;
                Ok(Vec::new())
            }
        }
    }
}

fn id(characteristic: &Characteristic) -> Option<Id> {
    Some(Id {
        service: characteristic.service_uuid.to_ble_u16()?,
        uuid: characteristic.uuid.to_ble_u16()?,
    })
}

/// The characteristic that a value came from.
pub(crate) fn source(value: &ValueNotification) -> Option<Id> {
    Some(Id {
        service: value.service_uuid.to_ble_u16()?,
        uuid: value.uuid.to_ble_u16()?,
    })
}

fn can(flags: CharPropFlags) -> Can {
    Can {
        read: flags.contains(CharPropFlags::READ),
        write: flags.intersects(CharPropFlags::WRITE | CharPropFlags::WRITE_WITHOUT_RESPONSE),
        subscribe: flags.intersects(CharPropFlags::NOTIFY | CharPropFlags::INDICATE),
    }
}
