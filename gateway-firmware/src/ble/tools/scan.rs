//! `scan`: who advertises here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::address::Address;
use super::super::bluez::Bus;
use super::super::bluez::objects::{DeviceFacts, short_uuid};
use super::super::profile::Profile;
use super::{Format, Scan, load, print, runtime};
use crate::exit::Failure;

/// How often what bluetoothd has heard is asked for: it forgets a signal when the scan ends.
const LOOK: Duration = Duration::from_millis(500);
const LIMIT: Duration = Duration::from_secs(5);

struct Line {
    facts: DeviceFacts,
    adapter: String,
    profiles: Vec<&'static str>,
    configured: Option<String>,
}

pub(crate) fn run(arguments: &Scan) -> Result<(), Failure> {
    let known = match &arguments.config {
        Some(file) => load(file)?.ble.device,
        None => Vec::new(),
    };
    let heard = runtime()?.block_on(listen(arguments))?;
    let mut lines: Vec<Line> = heard
        .into_iter()
        .map(|(address, (adapter, facts))| {
            let services = facts.uuids.iter().filter_map(|uuid| short_uuid(uuid));
            let profiles = services
                .filter_map(Profile::of_service)
                .map(Profile::word)
                .collect();
            let configured = known.iter().find(|device| device.address == address);
            Line {
                facts,
                adapter,
                profiles,
                configured: configured.map(|device| device.id.clone()),
            }
        })
        .filter(|line| arguments.all || !line.profiles.is_empty() || line.configured.is_some())
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.facts.rssi));
    print(&match arguments.format {
        Format::Table => table(&lines),
        Format::Json => json(&lines),
        Format::Csv => csv(&lines)?,
    })
}

async fn listen(arguments: &Scan) -> Result<BTreeMap<Address, (String, DeviceFacts)>, Failure> {
    let bus = Bus::open(LIMIT).await.map_err(Failure::failed)?;
    let mut adapters = bus.objects().await.map_err(Failure::failed)?.adapters();
    adapters.retain(|adapter| {
        arguments
            .adapter
            .as_ref()
            .is_none_or(|wanted| adapter.is(wanted))
    });
    if adapters.is_empty() {
        return Err(Failure::failed("there is no such Bluetooth adapter"));
    }
    for adapter in &adapters {
        if !adapter.powered {
            bus.power(&adapter.path).await.map_err(Failure::failed)?;
        }
        bus.discover(&adapter.path).await.map_err(Failure::failed)?;
    }
    let end = Instant::now() + arguments.duration;
    let mut heard = BTreeMap::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(LOOK.min(left)).await;
        let objects = bus.objects().await.map_err(Failure::failed)?;
        for adapter in &adapters {
            for (_, facts) in objects.devices(&adapter.path) {
                if let Some(address) = facts.address
                    && (facts.rssi.is_some() || facts.connected)
                {
                    heard.insert(address, (adapter.name().to_owned(), facts));
                }
            }
        }
        if left.is_zero() {
            // bluetoothd ends the scan with our connection.
            return Ok(heard);
        }
    }
}

fn address(facts: &DeviceFacts) -> String {
    facts
        .address
        .map(|address| address.to_string())
        .unwrap_or_default()
}

fn table(lines: &[Line]) -> String {
    let mut text = format!(
        "{:<18} {:<7} {:>5} {:<6} {:<7} {:<28} {:<16} {}\n",
        "ADDRESS", "TYPE", "RSSI", "VIA", "BONDED", "SERVICES", "CONFIGURED", "NAME"
    );
    for line in lines {
        let facts = &line.facts;
        let written = writeln!(
            text,
            "{:<18} {:<7} {:>5} {:<6} {:<7} {:<28} {:<16} {}",
            address(facts),
            facts.address_type.as_deref().unwrap_or("-"),
            facts
                .rssi
                .map_or_else(|| "-".to_owned(), |rssi| rssi.to_string()),
            line.adapter,
            if facts.paired { "yes" } else { "no" },
            line.profiles.join(","),
            line.configured.as_deref().unwrap_or("-"),
            facts.name.as_deref().unwrap_or("-").escape_debug(),
        );
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    text
}

fn json(lines: &[Line]) -> String {
    let all: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "address": address(&line.facts),
                "addressType": line.facts.address_type,
                "rssi": line.facts.rssi,
                "adapter": line.adapter,
                "bonded": line.facts.paired,
                "services": line.profiles,
                "configured": line.configured,
                "name": line.facts.name,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(all))
}

fn csv(lines: &[Line]) -> Result<String, Failure> {
    let mut out = csv::Writer::from_writer(Vec::new());
    let head = [
        "address",
        "addressType",
        "rssi",
        "adapter",
        "bonded",
        "services",
        "configured",
        "name",
    ];
    out.write_record(head).map_err(Failure::failed)?;
    for line in lines {
        let row = [
            address(&line.facts),
            line.facts.address_type.clone().unwrap_or_default(),
            line.facts
                .rssi
                .map(|rssi| rssi.to_string())
                .unwrap_or_default(),
            line.adapter.clone(),
            line.facts.paired.to_string(),
            line.profiles.join(" "),
            line.configured.clone().unwrap_or_default(),
            line.facts.name.clone().unwrap_or_default(),
        ];
        out.write_record(row).map_err(Failure::failed)?;
    }
    let bytes = out.into_inner().map_err(Failure::failed)?;
    String::from_utf8(bytes).map_err(Failure::failed)
}
