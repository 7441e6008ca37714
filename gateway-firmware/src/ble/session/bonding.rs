//! The bond with a device: there already, made now, lost, or to be made by a person.

use super::super::config::{Device, Pair, read_passkey};
use super::super::failure::{Failure, Kind};
use super::super::memory::Memory;
use super::super::shared::lock;
use super::{Ended, Running};

impl Running {
    /// Sees to the bond: there already, made now, lost, or to be made by a person.
    pub(super) async fn bond(&mut self) -> Result<(), Ended> {
        let path = self.link.path();
        let facts = self.stack.bus.device(&path).await;
        let facts = facts.map_err(|e| Ended::Failed(Failure::of_bluez("bond", &e)))?;
        let device = self.config().clone();
        let mut memory = self.shared.memories.load(&device.id, device.address);
        let asked = self.shared.wants_pairing(self.device);
        if facts.paired && !asked {
            if !memory.bonded {
                memory.bonded = true;
                self.save(&memory)?;
            }
            if !facts.trusted {
                self.trust(&path).await;
            }
            return Ok(());
        }
        if facts.paired {
            // Somebody wants it paired anew: it would answer that it is paired already.
            let adapter = path
                .rsplit_once('/')
                .map_or("", |(adapter, _)| adapter)
                .to_owned();
            if let Err(error) = self.stack.bus.remove(&adapter, &path).await {
                return Err(Ended::Failed(Failure::of_bluez("forget", &error)));
            }
            return Err(Ended::Gone { answered: true });
        }
        if device.pair == Pair::None && !asked {
            return Ok(());
        }
        if memory.bonded && !asked {
            return Err(Ended::BondLost(
                "bluetoothd has no keys for it any more".to_owned(),
            ));
        }
        let passkey = self.passkey(&device, asked)?;
        let pairing = self.shared.pairings.allow(device.address, passkey);
        let limit = self.shared.config.discovery_timeout;
        let bus = self.stack.bus.clone();
        let paired = self.unless_stopped(bus.pair(&path, limit)).await?;
        drop(pairing);
        match paired {
            Ok(()) => {
                self.trust(&path).await;
                memory.bonded = true;
                self.save(&memory)?;
                tracing::info!(device = device.id, "paired and bonded");
                self.shared
                    .paired(self.device, Ok(serde_json::json!({"paired": device.id})));
                Ok(())
            }
            Err(error) => {
                let failure = Failure::of_bluez("pair", &error);
                self.shared.paired(self.device, Err(failure.to_string()));
                Err(Ended::Failed(failure))
            }
        }
    }

    async fn trust(&self, path: &str) {
        if let Err(error) = self.stack.bus.trust(path).await {
            tracing::warn!(device = self.config().id, %error, "the device is not trusted");
        }
    }

    fn passkey(&self, device: &Device, asked: bool) -> Result<Option<u32>, Ended> {
        let given = lock(&self.shared.pair_requests)
            .get(&self.device)
            .and_then(|r| r.passkey);
        match (device.pair, given, &device.passkey_file) {
            (_, Some(passkey), _) if asked => Ok(Some(passkey)),
            (Pair::Passkey, _, Some(file)) => match read_passkey(file) {
                Ok(passkey) => Ok(Some(passkey)),
                Err(error) => Err(Ended::Failed(Failure::new(
                    Kind::Authentication,
                    "passkey",
                    error,
                ))),
            },
            (Pair::Passkey, ..) => Err(Ended::Unpaired),
            _ => Ok(None),
        }
    }

    pub(super) fn save(&self, memory: &Memory) -> Result<(), Ended> {
        // A few hundred bytes, a few times per connection; the sync is what takes time, and must be waited for.
        tokio::task::block_in_place(|| self.shared.memories.save(&self.config().id, memory)).map_err(|error| {
            tracing::error!(device = self.config().id, %error, "the memory of the device cannot be written");
            Ended::Over
        })
    }
}
