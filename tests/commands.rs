//! Every command as people and scripts use it: what it prints where, and how it ends.

mod backtest;
mod beds;
mod configuration;
mod copies;
mod doctor;
mod hl7v2;
mod mapping;
mod offline;
mod quarantine;
mod readme;
mod registry;
mod replay;
mod routing;
mod rows;
mod scores;
mod usage;

use std::path::PathBuf;

use crate::harness::mqtt::{Publisher, topic};
use crate::harness::{Server, now, reading};

/// When the readings of [`two_patients`] begin: an hour ago, on a whole second.
fn start() -> i64 {
    (now() / 1_000_000 - 3_600) * 1_000_000
}

/// Readings of two patients, `at` apart by a second each: heart rate, temperature, cuff pressure.
async fn two_patients(server: &Server) -> i64 {
    let start = start();
    server.admit("p1", "d1").await;
    server.admit("p2", "d2").await;
    let secret = server.gateway_token("g1").await;
    let mut gateway = Publisher::connect(server.mqtt, "g1", &secret)
        .await
        .unwrap();
    for (device, base) in [("d1", 60), ("d2", 80)] {
        for second in 0..10 {
            let at = start + second * 1_000_000;
            for (metric, unit, value) in [
                ("MDC_ECG_HEART_RATE", "/min", format!("{}", base + second)),
                ("MDC_TEMP_BODY", "Cel", format!("37.{second}0")),
                (
                    "MDC_PRESS_BLD_NONINV_SYS",
                    "mm[Hg]",
                    format!("{}", base + 50),
                ),
            ] {
                let pack = reading(device, metric, unit, &value, at);
                gateway
                    .deliver(&topic("g1", device), pack.as_bytes())
                    .await
                    .unwrap();
            }
        }
    }
    start
}

/// Files below a directory whose name ends so, sorted.
fn files(dir: PathBuf, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
