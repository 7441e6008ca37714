//! `org.bluez.Agent1`: bluetoothd asks it while a device pairs.
//!
//! It answers for devices of the allow-list that the gateway is pairing at this moment, and for no others: whoever
//! else asks is rejected and reported. A passkey is held for one pairing and never logged.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use zbus::{ObjectPath, interface};

use super::{BLUEZ, Bus, Error};
use crate::ble::address::Address;
use crate::ble::config::Agent as Capability;

/// Where the agent lives on our connection.
const PATH: &str = "/wardline/agent";

/// What bluetoothd is told (`org.bluez.Error.*`).
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.bluez.Error")]
pub(crate) enum Refusal {
    #[zbus(error)]
    ZBus(zbus::Error),
    Rejected(String),
    Canceled(String),
}

/// Which devices may pair now, and with what.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairings(Arc<Mutex<HashMap<Address, Option<u32>>>>);

/// A pairing under way; ends when dropped.
#[derive(Debug)]
pub(crate) struct Pairing {
    pairings: Pairings,
    address: Address,
}

impl Pairings {
    /// Allows a device to pair until the answer is dropped; the passkey is what it shows.
    pub(crate) fn allow(&self, address: Address, passkey: Option<u32>) -> Pairing {
        self.lock().insert(address, passkey);
        Pairing {
            pairings: self.clone(),
            address,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Address, Option<u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the device on this path may pair, and its passkey.
    fn of(&self, device: &ObjectPath<'_>) -> Result<Option<u32>, Refusal> {
        let address = Address::of_path(device.as_str());
        match address.and_then(|address| self.lock().get(&address).copied()) {
            Some(passkey) => Ok(passkey),
            None => {
                tracing::warn!(
                    device = device.as_str(),
                    "a device that is not being paired asked to pair: rejected"
                );
                Err(Refusal::Rejected("not being paired".to_owned()))
            }
        }
    }
}

impl Drop for Pairing {
    fn drop(&mut self) {
        self.pairings.lock().remove(&self.address);
    }
}

/// The object that bluetoothd calls.
#[derive(Debug)]
struct Agent {
    pairings: Pairings,
}

#[interface(name = "org.bluez.Agent1")]
impl Agent {
    fn release(&self) {}

    fn request_pin_code(&self, device: ObjectPath<'_>) -> Result<String, Refusal> {
        match self.pairings.of(&device)? {
            Some(passkey) => Ok(format!("{passkey:06}")),
            None => Err(Refusal::Rejected("no passkey is known".to_owned())),
        }
    }

    fn display_pin_code(&self, device: ObjectPath<'_>, _pincode: String) -> Result<(), Refusal> {
        self.pairings.of(&device).map(drop)
    }

    fn request_passkey(&self, device: ObjectPath<'_>) -> Result<u32, Refusal> {
        match self.pairings.of(&device)? {
            Some(passkey) => Ok(passkey),
            None => Err(Refusal::Rejected("no passkey is known".to_owned())),
        }
    }

    fn display_passkey(
        &self,
        device: ObjectPath<'_>,
        _passkey: u32,
        _entered: u16,
    ) -> Result<(), Refusal> {
        self.pairings.of(&device).map(drop)
    }

    /// Both sides show a number that a person compares: it must be the one that was given.
    fn request_confirmation(&self, device: ObjectPath<'_>, passkey: u32) -> Result<(), Refusal> {
        match self.pairings.of(&device)? {
            Some(known) if known == passkey => Ok(()),
            _ => Err(Refusal::Rejected(
                "the number is not the one that was given".to_owned(),
            )),
        }
    }

    fn request_authorization(&self, device: ObjectPath<'_>) -> Result<(), Refusal> {
        self.pairings.of(&device).map(drop)
    }

    fn authorize_service(&self, device: ObjectPath<'_>, _uuid: String) -> Result<(), Refusal> {
        self.pairings.of(&device).map(drop)
    }

    fn cancel(&self) {}
}

/// Registers the agent as the default one; needed again after each start of bluetoothd.
pub(crate) async fn register(
    bus: &Bus,
    capability: Capability,
    pairings: &Pairings,
) -> Result<(), Error> {
    let agent = Agent {
        pairings: pairings.clone(),
    };
    // `false`: already there, from an earlier bluetoothd on the same bus.
    bus.connection().object_server().at(PATH, agent).await?;
    let path = ObjectPath::try_from(PATH)?;
    let manager = "org.bluez.AgentManager1";
    let body = (&path, capability.word());
    let registered = bus
        .call("/org/bluez", manager, "RegisterAgent", &body, bus.limit)
        .await;
    if let Err(error) = registered
        && error.name() != Some("org.bluez.Error.AlreadyExists")
    {
        return Err(error);
    }
    bus.call(
        "/org/bluez",
        manager,
        "RequestDefaultAgent",
        &path,
        bus.limit,
    )
    .await?;
    tracing::debug!(
        service = BLUEZ,
        capability = capability.word(),
        "pairing agent registered"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ObjectPath<'_> {
        ObjectPath::try_from(text).unwrap()
    }

    #[test]
    fn only_a_device_that_is_being_paired_is_answered() {
        let pairings = Pairings::default();
        let agent = Agent {
            pairings: pairings.clone(),
        };
        let device = "/org/bluez/hci0/dev_C0_00_00_00_00_01";
        assert!(agent.request_passkey(path(device)).is_err());
        let pairing = pairings.allow("C0:00:00:00:00:01".parse().unwrap(), Some(42));
        assert_eq!(agent.request_passkey(path(device)).unwrap(), 42);
        assert_eq!(agent.request_pin_code(path(device)).unwrap(), "000042");
        assert!(agent.request_confirmation(path(device), 42).is_ok());
        assert!(agent.request_confirmation(path(device), 43).is_err());
        assert!(
            agent
                .request_passkey(path("/org/bluez/hci0/dev_C0_00_00_00_00_02"))
                .is_err()
        );
        drop(pairing);
        assert!(agent.request_passkey(path(device)).is_err());
    }

    #[test]
    fn without_a_passkey_a_device_without_display_pairs_and_one_with_a_display_does_not() {
        let pairings = Pairings::default();
        let agent = Agent {
            pairings: pairings.clone(),
        };
        let device = "/org/bluez/hci0/dev_C0_00_00_00_00_01";
        let _pairing = pairings.allow("C0:00:00:00:00:01".parse().unwrap(), None);
        assert!(agent.request_authorization(path(device)).is_ok());
        assert!(agent.request_passkey(path(device)).is_err());
        assert!(agent.request_confirmation(path(device), 0).is_err());
    }
}
