//! What the gateway takes with 20 streaming Bluetooth devices: size of the binary, memory, share of a core.
//!
//! `make gateway-footprint` builds it for small machines and lets this run for a minute; by itself it is a short look at
//! the test build, whose figures say little.

use std::time::{Duration, Instant};

use wardline_fake_bluez::{Bluez, pdu, profile};

use crate::broker::{Broker, Subscriber, text};
use crate::program::{gateway, path, send};

const DEVICES: usize = 20;
/// Aims: bytes of the binary, bytes resident, percent of a core.
const AIMS: (f64, f64, f64) = (15e6, 30e6, 3.0);
const MEASUREMENT: u16 = 0x2a37;

fn address(number: usize) -> String {
    format!("C0:FF:EE:00:00:{number:02X}")
}

fn config(directory: &std::path::Path, url: &str) -> String {
    let devices: String = (0..DEVICES)
        .map(|number| {
            format!(
                "[[ble.device]]\nid = \"strap-{number}\"\naddress = \"{}\"\naddress-type = \"random\"\n\
                 profiles = [\"heart-rate\"]\n",
                address(number)
            )
        })
        .collect();
    let data = directory.join("data");
    format!(
        "site = \"s\"\ngateway = \"g\"\ndata-dir = {data:?}\n[server]\nurl = {url:?}\n\
         [time]\nsynchronized = \"assume\"\n[ble]\nconnections = {DEVICES}\n{devices}"
    )
}

/// Seconds of CPU time, user and system.
fn cpu(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let (_, after) = stat.rsplit_once(") ").expect("a name in brackets");
    let ticks: u64 = after
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u64>().expect("a number"))
        .sum();
    // USER_HZ is 100 on every Linux.
    ticks as f64 / 100.0
}

/// A line of /proc/PID/status in bytes.
fn memory(process: u32, name: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("a line");
    let kibibytes = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse::<f64>().ok());
    kibibytes.expect("a number") * 1024.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_streams_take_so_much() {
    let seconds = match std::env::var("WARDLINE_FOOTPRINT_SECONDS") {
        Ok(seconds) => seconds.parse().expect("a number"),
        Err(_) => 3,
    };
    let broker = Broker::start();
    let mut subscriber = Subscriber::new(&broker).await;
    let bluez = Bluez::start().await;
    let mut straps = Vec::new();
    for number in 0..DEVICES {
        let strap = bluez.add(profile::heart_rate(&address(number))).await;
        strap.advertise().await;
        straps.push(strap);
    }
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("gateway.toml");
    std::fs::write(&file, config(directory.path(), &broker.url())).expect("a file");
    let mut run = gateway();
    let mut child = run
        .args(["run", "--config"])
        .arg(&file)
        .env("DBUS_SYSTEM_BUS_ADDRESS", bluez.address())
        .stderr(std::process::Stdio::inherit())
        .spawn()
        .expect("it runs");
    let process = child.id().expect("it runs");
    for strap in &straps {
        strap.until_subscribed(MEASUREMENT).await;
    }
    // Settled: every device's first value has arrived.
    for strap in &straps {
        strap.send(MEASUREMENT, &pdu::heart_rate(70)).await;
    }
    let mut heard = std::collections::BTreeSet::new();
    while heard.len() < DEVICES {
        let publish = subscriber.on("/readings").await;
        heard.insert(text(&publish.topic).to_owned());
    }
    let (began, before) = (Instant::now(), cpu(process));
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for number in 0..seconds {
        second.tick().await;
        for strap in &straps {
            let rate = 60 + u8::try_from(number % 60).expect("below 60");
            strap.send(MEASUREMENT, &pdu::heart_rate(rate)).await;
        }
    }
    second.tick().await;
    let share = (cpu(process) - before) / began.elapsed().as_secs_f64() * 100.0;
    let size = std::fs::metadata(path()).expect("the binary").len() as f64;
    let (resident, peak) = (memory(process, "VmRSS"), memory(process, "VmHWM"));
    println!("wardline-gateway, {DEVICES} heart rate straps at 1 Hz for {seconds} s");
    println!("binary    {:6.1} MB   aim {:4.1}", size / 1e6, AIMS.0 / 1e6);
    println!(
        "resident  {:6.1} MB   aim {:4.1}   (peak {:.1})",
        resident / 1e6,
        AIMS.1 / 1e6,
        peak / 1e6
    );
    println!(
        "cpu       {share:6.2} %    aim {:4.1}   (of one core)",
        AIMS.2
    );
    send(&child, "TERM");
    let ended = child.wait().await.expect("its end");
    assert_eq!(ended.code(), Some(0));
}
