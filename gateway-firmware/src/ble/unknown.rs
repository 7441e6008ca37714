//! Devices that are seen and not configured: counted, listed by `scan`, never connected to.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::address::Address;
use super::profile::Profile;
use super::shared::lock;

/// A crowd passing by is not kept: the weakest signals go first.
const KEPT: usize = 512;

/// What was seen of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sighting {
    pub(crate) address: Address,
    pub(crate) address_type: String,
    /// Given by its owner, maybe after themselves: shown by `scan`, never logged.
    pub(crate) name: Option<String>,
    pub(crate) rssi: Option<i16>,
    /// Health services that it advertises.
    pub(crate) profiles: Vec<Profile>,
    pub(crate) paired: bool,
}

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unknown(Arc<Mutex<BTreeMap<Address, Sighting>>>);

impl Unknown {
    pub(crate) fn saw(&self, sighting: Sighting) {
        let mut all = lock(&self.0);
        all.insert(sighting.address, sighting);
        if all.len() > KEPT {
            let weakest = all
                .values()
                .min_by_key(|s| (!s.profiles.is_empty(), s.rssi));
            if let Some(address) = weakest.map(|s| s.address) {
                all.remove(&address);
            }
        }
    }

    /// It is known now.
    pub(crate) fn forget(&self, address: Address) {
        lock(&self.0).remove(&address);
    }

    /// How many of them advertise a health service.
    pub(crate) fn health(&self) -> usize {
        lock(&self.0)
            .values()
            .filter(|s| !s.profiles.is_empty())
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_devices_are_kept_longest() {
        let unknown = Unknown::default();
        for number in 0..=KEPT {
            let [.., high, low] = number.to_be_bytes();
            unknown.saw(Sighting {
                address: Address::from([0xC0, 0, 0, 0, high, low]),
                address_type: "public".to_owned(),
                name: None,
                rssi: Some(if number == 0 { -99 } else { -50 }),
                profiles: if number == 0 {
                    vec![Profile::Glucose]
                } else {
                    Vec::new()
                },
                paired: false,
            });
        }
        assert_eq!(lock(&unknown.0).len(), KEPT);
        assert_eq!(unknown.health(), 1);
    }
}
