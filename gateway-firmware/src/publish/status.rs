//! `…/status`, retained: what the gateway is and how it does. Birth, health every minute, farewell, and the last will.
//!
//! ```json
//! {"state":"online","version":"…","boot":"…","config":"…","capabilities":["ble","mllp"],"time":"…",
//!  "clock":{"synchronized":true,"steps":0},
//!  "spool":{"waiting":0,"bytes":72,"percent":0,"ageSeconds":0,"full":false,"dropped":0,"damaged":0},
//!  "certificate":{"expires":"…","error":null},
//!  "errors":{"refusedPuts":0,"failedPacks":0,"unheardPacks":0,"tooLarge":0,"unreadable":0},
//!  "devices":{"cuff-7":{"state":"connected","source":"ble","lastReading":"…","clockOffset":1.5,"battery":80,"errors":0}}}
//! ```
//!
//! The last will and the farewell have `state`, `reason`, `version` and `boot` alone. Nothing here names a person.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use wardline_normalize::time::format_rfc3339;

use super::figures::Figures;
use crate::clock::Clock;
use crate::config::Config;
use crate::devices::{Device, Devices};
use crate::enrol::Health;
use crate::spool::Spool;

/// Most devices in one message: a gateway has some dozen of them, or as many monitors as beds; the rest are counted.
const DEVICES: usize = 500;

pub(super) fn will(clock: &Clock) -> Bytes {
    brief("offline", "connection lost", clock)
}

pub(super) fn brief(state: &str, reason: &str, clock: &Clock) -> Bytes {
    let version = env!("CARGO_PKG_VERSION");
    let boot = clock.boot();
    json!({"state": state, "reason": reason, "version": version, "boot": boot})
        .to_string()
        .into()
}

pub(super) fn online(
    config: &Config,
    spool: &Spool,
    figures: &Figures,
    clock: &Clock,
    devices: &Devices,
    damaged: u64,
) -> Value {
    let now = clock.now();
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let counts = spool.counts();
    let devices = devices.snapshot();
    let more = devices.len().saturating_sub(DEVICES);
    let listed: Map<String, Value> = devices
        .iter()
        .take(DEVICES)
        .map(|(id, known)| (id.clone(), device(known)))
        .collect();
    let mut status = json!({
        "state": "online",
        "version": env!("CARGO_PKG_VERSION"),
        "boot": clock.boot(),
        "config": config.hash,
        "capabilities": capabilities(config),
        "time": format_rfc3339(now.wall),
        "clock": {"synchronized": now.synchronized, "steps": clock.steps()},
        "spool": {
            "waiting": spool.waiting(),
            "bytes": spool.bytes(),
            "percent": percent(spool.bytes(), config.spool.max_size.0),
            "ageSeconds": spool_age(spool, figures, clock),
            "full": !*spool.room().borrow(),
            "dropped": counts.dropped.iter().map(read).sum::<u64>(),
            "damaged": damaged,
        },
        "errors": {
            "refusedPuts": read(&counts.refused),
            "failedPacks": read(&figures.failed),
            "unheardPacks": read(&figures.unheard),
            "tooLarge": read(&figures.too_large),
            "unreadable": read(&counts.unreadable),
        },
        "devices": listed,
    });
    if more > 0
        && let Some(status) = status.as_object_mut()
    {
        status.insert("moreDevices".to_owned(), json!(more));
    }
    status
}

/// When the certificate of an enrolled gateway ends, and why it could not be renewed when that was last tried.
pub(super) fn certificate(status: &mut Value, health: &Health) {
    if health.expires.is_none() && health.error.is_none() {
        return;
    }
    let told = json!({"expires": health.expires.map(format_rfc3339), "error": health.error});
    if let Some(status) = status.as_object_mut() {
        status.insert("certificate".to_owned(), told);
    }
}

/// Seconds since the oldest entry that the server does not have was taken.
pub(crate) fn spool_age(spool: &Spool, figures: &Figures, clock: &Clock) -> i64 {
    match figures.oldest() {
        Some(oldest) if spool.waiting() > 0 => {
            (clock.now().since_boot.saturating_sub(oldest) / 1_000_000).max(0)
        }
        _ => 0,
    }
}

fn percent(bytes: u64, bound: u64) -> u64 {
    bytes.saturating_mul(100) / bound.max(1)
}

fn capabilities(config: &Config) -> Vec<&'static str> {
    let sources = crate::run::sources::SOURCES.iter();
    sources
        .filter(|source| (source.configured)(config))
        .map(|source| source.name)
        .collect()
}

fn device(device: &Device) -> Value {
    let mut status = json!({
        "state": device.state,
        "source": device.source,
        "errors": device.errors,
    });
    let optional = [
        (
            "lastReading",
            device.last_reading.map(|at| json!(format_rfc3339(at))),
        ),
        (
            "clockOffset",
            device.clock_offset.map(|by| json!(by as f64 / 1e6)),
        ),
        ("battery", device.battery.map(|percent| json!(percent))),
        (
            "lastError",
            device.last_error.as_ref().map(|text| json!(text)),
        ),
    ];
    if let Some(status) = status.as_object_mut() {
        for (name, value) in optional {
            if let Some(value) = value {
                status.insert(name.to_owned(), value);
            }
        }
    }
    status
}
