//! A device as it is: address, advertisement, services, how it pairs and how it connects.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::gatt::{Characteristic, Service};

/// How one attempt to connect ends.
#[derive(Debug, Clone)]
pub enum Connect {
    /// The link is up after this long.
    After(Duration),
    /// BlueZ's error after this long, for example `le-connection-abort-by-local`.
    Fail(Duration, &'static str),
    /// No answer until it is cancelled.
    Hang,
    /// The link is up at once and drops after this long, services unresolved.
    Drop(Duration),
    /// The link is up at once, its services never resolve.
    Unresolved,
}

/// How it pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pairing {
    /// Without anybody's help.
    JustWorks,
    /// It shows these six digits, which are to be entered.
    Passkey(u32),
    /// Both sides show the same number, to be confirmed.
    Compare(u32),
    /// It refuses.
    Refused,
    /// It never answers.
    Silent,
}

/// What happens when the gateway has a bond that the device has lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BondLoss {
    /// Connected for a moment, then dropped: encryption failed for want of a key (BlueZ 5.66).
    Dropped,
    /// Connect fails with `le-connection-key-missing` (BlueZ from 5.80 on).
    KeyMissing,
    /// Connected; whatever needs encryption fails with `org.bluez.Error.AuthenticationFailed`.
    Refused,
}

/// A device, before it is put beside a fake adapter.
#[derive(Debug, Clone)]
pub struct Device {
    pub(crate) address: String,
    pub(crate) random: bool,
    pub(crate) name: Option<String>,
    pub(crate) appearance: Option<u16>,
    pub(crate) advertised: Vec<u16>,
    pub(crate) manufacturer: BTreeMap<u16, Vec<u8>>,
    pub(crate) service_data: BTreeMap<u16, Vec<u8>>,
    pub(crate) services: Vec<Service>,
    pub(crate) pairing: Pairing,
    pub(crate) bonded: bool,
    pub(crate) bond_loss: BondLoss,
    pub(crate) connect_after: Duration,
    pub(crate) resolve_after: Duration,
    pub(crate) advertises_again: bool,
    pub(crate) battery_interface: bool,
}

impl Device {
    /// One that offers nothing yet. It advertises once it is told to, and again whenever its link ends.
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            random: false,
            name: None,
            appearance: None,
            advertised: Vec::new(),
            manufacturer: BTreeMap::new(),
            service_data: BTreeMap::new(),
            services: Vec::new(),
            pairing: Pairing::JustWorks,
            bonded: false,
            bond_loss: BondLoss::Dropped,
            connect_after: Duration::ZERO,
            resolve_after: Duration::ZERO,
            advertises_again: true,
            battery_interface: false,
        }
    }

    /// Its local name.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// A random (static or private) address instead of a public one.
    #[must_use]
    pub fn random(mut self) -> Self {
        self.random = true;
        self
    }

    /// GAP appearance.
    #[must_use]
    pub fn appearance(mut self, appearance: u16) -> Self {
        self.appearance = Some(appearance);
        self
    }

    /// One more service, advertised.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.advertised.push(service.uuid);
        self.services.push(service);
        self
    }

    /// One more service, not advertised.
    #[must_use]
    pub fn hidden(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// Advertises exactly these services, whatever it has.
    #[must_use]
    pub fn advertising(mut self, services: &[u16]) -> Self {
        self.advertised = services.to_vec();
        self
    }

    /// Manufacturer data in its advertisement.
    #[must_use]
    pub fn manufacturer(mut self, company: u16, data: &[u8]) -> Self {
        self.manufacturer.insert(company, data.to_vec());
        self
    }

    /// Service data in its advertisement.
    #[must_use]
    pub fn service_data(mut self, service: u16, data: &[u8]) -> Self {
        self.service_data.insert(service, data.to_vec());
        self
    }

    /// How it pairs; everything it measures then needs encryption.
    #[must_use]
    pub fn pairing(mut self, pairing: Pairing) -> Self {
        self.pairing = pairing;
        for service in &mut self.services {
            // Device information and battery are open on most devices.
            if !matches!(service.uuid, 0x180A | 0x180F) {
                for characteristic in &mut service.characteristics {
                    characteristic.encrypted = true;
                }
            }
        }
        self
    }

    /// Paired earlier: both sides have the bond.
    #[must_use]
    pub fn bonded(mut self) -> Self {
        self.bonded = true;
        self
    }

    /// What happens once it has lost the bond.
    #[must_use]
    pub fn bond_loss(mut self, loss: BondLoss) -> Self {
        self.bond_loss = loss;
        self
    }

    /// How long a link and then its services take.
    #[must_use]
    pub fn slow(mut self, connect: Duration, resolve: Duration) -> Self {
        self.connect_after = connect;
        self.resolve_after = resolve;
        self
    }

    /// It is silent once its link ends, until it is told to advertise.
    #[must_use]
    pub fn once(mut self) -> Self {
        self.advertises_again = false;
        self
    }

    /// It advertises again whenever its link ends.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.advertises_again = true;
        self
    }

    /// With BlueZ's `Battery1` too.
    #[must_use]
    pub fn battery_interface(mut self) -> Self {
        self.battery_interface = true;
        self
    }

    /// Changes one characteristic of it.
    ///
    /// # Panics
    /// If it has none with this number.
    #[must_use]
    pub fn change(mut self, uuid: u16, change: impl FnOnce(&mut Characteristic)) -> Self {
        let found = self
            .services
            .iter_mut()
            .flat_map(|service| &mut service.characteristics)
            .find(|characteristic| characteristic.uuid == uuid);
        change(found.expect("a characteristic with this number"));
        self
    }
}
