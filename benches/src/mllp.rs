//! A thousand monitors through one gateway: acknowledged after sync, killed midway, and nothing acknowledged is lost.

mod arrived;
mod message;
mod monitors;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::cli;
use crate::interrupt;
use crate::load::latency;
use crate::programs::mosquitto::{self, Broker};
use crate::programs::{Process, gateway};
use crate::report::{Report, talk};
use arrived::Arrived;
use monitors::{Load, Monitors};

/// For what is spooled to reach the broker at the end.
const DRAIN: Duration = Duration::from_secs(120);

/// `wardline-bench mllp`.
pub(crate) fn run(arguments: &cli::Mllp) -> anyhow::Result<Report> {
    let program = match &arguments.gateway {
        Some(program) => program.clone(),
        None => cli::beside("wardline-gateway")?,
    };
    for (option, program) in [("--gateway", &program), ("--broker", &arguments.broker)] {
        let found = program.is_file();
        ensure!(found, "{option} {}: no such file", program.display());
    }
    let directory = interrupt::scratch(&arguments.common.scratch()?)?;
    let seconds = arguments.duration.as_secs_f64() * arguments.common.scale;
    let load = Load {
        port: TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port(),
        monitors: arguments.monitors,
        every: Duration::from_secs(1),
        duration: Duration::from_secs_f64(seconds),
    };
    let broker = Broker::start(&arguments.broker, directory.path())?;
    let arrived = Arrived::subscribe(broker.port)?;
    let config = configuration(directory.path(), broker.port, load.port)?;

    let first = start(&program, &config)?;
    let monitors = Monitors::start(load.clone())?;
    monitors.wait_until(load.duration / 2)?;
    let (first_cpu, first_peak) = (first.cpu_seconds()?, first.peak_mib()?);
    let before = monitors.acknowledged();
    // SIGKILL.
    drop(first);
    talk(&format!(
        "killed after {before} acknowledgements; starting again"
    ));
    let second = start(&program, &config)?;
    let outcome = monitors.finish()?;
    let cpu = first_cpu + second.cpu_seconds()?;
    let peak = first_peak.max(second.peak_mib()?);

    let acknowledged = &outcome.acknowledged;
    let counted = arrived.wait(acknowledged, DRAIN)?;
    let due =
        u64::from(load.monitors) * (load.duration.as_secs_f64() / load.every.as_secs_f64()) as u64;
    talk(&format!(
        "{} of {due} messages acknowledged, {} lost, {} sent again by the monitors, {} at the broker twice",
        acknowledged.len(),
        counted.missing,
        outcome.resent,
        counted.twice
    ));
    ensure!(
        counted.missing == 0,
        "{} acknowledged messages never arrived",
        counted.missing
    );
    ensure!(
        acknowledged.len() as u64 == due,
        "{} of {due} messages acknowledged",
        acknowledged.len()
    );
    ensure!(
        outcome.strange == 0,
        "{} answers to no message, or out of order",
        outcome.strange
    );

    let rate = f64::from(load.monitors) / load.every.as_secs_f64();
    let mut report = Report::new("mllp");
    report.latencies.push(latency(
        "due to AA, before the kill".to_owned(),
        rate,
        &outcome.before,
    ));
    report.latencies.push(latency(
        "due to AA, kill and restart in it".to_owned(),
        rate,
        &outcome.all,
    ));
    let bytes = outcome.bytes as f64 / outcome.sent as f64;
    for (name, unit, value) in [
        ("monitors", "", f64::from(load.monitors)),
        ("size of a message", "bytes", bytes),
        ("messages acknowledged", "", acknowledged.len() as f64),
        (
            "acknowledged and never at the broker",
            "",
            counted.missing as f64,
        ),
        (
            "sent again by monitors that heard no answer",
            "",
            outcome.resent as f64,
        ),
        ("at the broker more than once", "", counted.twice as f64),
        (
            "from the kill to the first acknowledgement",
            "s",
            outcome.silence.as_secs_f64(),
        ),
        (
            "CPU of the gateway, MLLP to MQTT",
            "µs/message",
            cpu * 1e6 / acknowledged.len() as f64,
        ),
        ("memory of the gateway at most", "MiB", peak),
    ] {
        report.figure(name, unit, value);
    }
    report.notes.extend([
        format!(
            "Each monitor sends on its own connection when a message is due, whatever the answers; PCD-01, original \
             acknowledgement. Gateway, broker ({}), subscriber and monitors share the machine.",
            mosquitto::version(&arguments.broker)?
        ),
        "Latency: from when the message was due to its AA, which means synced to disk. The gateway is killed with SIGKILL \
         midway and started again at once; monitors connect again and repeat what was not answered."
            .to_owned(),
        "Counted at the broker by device and time of the reading. What arrives twice was repeated by a monitor or by MQTT \
         (QoS 1) because its acknowledgement died with the gateway; it has the same row id, so the server keeps one."
            .to_owned(),
    ]);
    report.write(&arguments.common.out)?;
    Ok(report)
}

fn start(program: &Path, config: &Path) -> anyhow::Result<Process> {
    gateway::start(Command::new(program).arg("run").arg("--config").arg(config))
}

fn configuration(directory: &Path, mqtt: u16, mllp: u16) -> anyhow::Result<PathBuf> {
    let data = directory.join("gateway");
    let data = data.to_str().context("a path in UTF-8")?;
    let text = format!(
        "site = \"bench\"\ngateway = \"bench\"\ndata-dir = {data:?}\n[server]\nurl = \"mqtt://127.0.0.1:{mqtt}\"\n\
         [time]\nsynchronized = \"assume\"\n[log]\nlevel = \"warn\"\n\
         [[mllp.listen]]\nname = \"ward\"\nbind = \"127.0.0.1:{mllp}\"\nmax-connections = 10000\n"
    );
    let file = directory.join("gateway.toml");
    std::fs::write(&file, text)?;
    Ok(file)
}
