//! `pair`: a bond, made while somebody stands beside the device.

use std::time::Duration;

use tokio::time::Instant;

use super::super::bluez::agent::{self, Pairings};
use super::super::bluez::{Bus, Error};
use super::super::config::{self, Device, passkey, read_passkey};
use super::{Pair, load, runtime};
use crate::exit::Failure;
use crate::talk::talk;

const LIMIT: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(300);
/// Somebody may have to read and press buttons.
const PAIRING: Duration = Duration::from_secs(60);

pub(crate) fn run(arguments: &Pair) -> Result<(), Failure> {
    let config = load(&arguments.config)?.ble;
    let device = config
        .device
        .iter()
        .find(|device| device.id == arguments.device);
    let device = device.ok_or_else(|| Failure::usage("no such device is configured"))?;
    let digits = match (&arguments.passkey, &device.passkey_file) {
        (Some(text), _) => {
            Some(passkey(text).map_err(|e| Failure::usage(format!("passkey: {e}")))?)
        }
        (None, Some(file)) => Some(read_passkey(file).map_err(Failure::usage)?),
        (None, None) if device.pair == config::Pair::Passkey => {
            return Err(Failure::usage(
                "the device shows six digits: give them in WARDLINE_PASSKEY",
            ));
        }
        (None, None) => None,
    };
    runtime()?.block_on(pair(arguments, &config, device, digits))
}

async fn pair(
    arguments: &Pair,
    config: &config::Config,
    device: &Device,
    digits: Option<u32>,
) -> Result<(), Failure> {
    let bus = Bus::open(LIMIT).await.map_err(Failure::failed)?;
    let pairings = Pairings::default();
    agent::register(&bus, config.agent, &pairings)
        .await
        .map_err(Failure::failed)?;
    let end = Instant::now() + arguments.duration;
    let mut forget = arguments.again;
    talk(&format!(
        "looking for {}: switch it on, in its pairing mode",
        device.id
    ));
    let path = loop {
        let (adapter, path, bonded) = find(&bus, config, device, end).await?;
        if !bonded {
            break path;
        }
        if !forget {
            bus.trust(&path).await.map_err(Failure::failed)?;
            talk("it is bonded already; --again makes a new bond");
            return Ok(());
        }
        bus.remove(&adapter, &path).await.map_err(Failure::failed)?;
        forget = false;
    };
    let allowed = pairings.allow(device.address, digits);
    let paired = bus.pair(&path, PAIRING).await;
    drop(allowed);
    match paired {
        Ok(()) => {}
        Err(Error::Refused { name, .. }) if name.ends_with(".AlreadyExists") => {}
        Err(error) => return Err(Failure::failed(format!("not paired: {error}"))),
    }
    bus.trust(&path).await.map_err(Failure::failed)?;
    // The gateway connects when it wants to; a failure here changes nothing of the bond.
    drop(bus.disconnect(&path).await);
    talk(&format!("{} is bonded and trusted", device.id));
    Ok(())
}

/// Adapter, path, and whether it is bonded, once it is heard.
async fn find(
    bus: &Bus,
    config: &config::Config,
    device: &Device,
    end: Instant,
) -> Result<(String, String, bool), Failure> {
    let mut adapters = bus.objects().await.map_err(Failure::failed)?.adapters();
    adapters.retain(|adapter| {
        let allowed = config.adapters.is_empty() || config.adapters.iter().any(|a| adapter.is(a));
        allowed
            && device
                .adapter
                .as_ref()
                .is_none_or(|wanted| adapter.is(wanted))
    });
    if adapters.is_empty() {
        return Err(Failure::failed("there is no Bluetooth adapter to use"));
    }
    for adapter in &adapters {
        if !adapter.powered {
            bus.power(&adapter.path).await.map_err(Failure::failed)?;
        }
        match bus.discover(&adapter.path).await {
            Ok(()) => {}
            // Ours goes on from before.
            Err(Error::Refused { name, .. }) if name.ends_with(".InProgress") => {}
            Err(error) => return Err(Failure::failed(error)),
        }
    }
    loop {
        let objects = bus.objects().await.map_err(Failure::failed)?;
        for adapter in &adapters {
            let found = objects
                .devices(&adapter.path)
                .into_iter()
                .find(|(_, facts)| {
                    facts.address == Some(device.address)
                        && (facts.rssi.is_some() || facts.connected)
                });
            if let Some((path, facts)) = found {
                return Ok((adapter.path.clone(), path, facts.paired));
            }
        }
        if Instant::now() >= end {
            return Err(Failure::failed("the device was not heard"));
        }
        tokio::time::sleep(LOOK).await;
    }
}
