//! MQTT to durable and acknowledged, held against a Mosquitto whose subscriber counts and discards.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::cli::{self, Common};
use crate::compare::{Comparison, Side, alternate};
use crate::interrupt;
use crate::load::{Content, Load, Outcome, Pace, drive, latency};
use crate::programs::mosquitto::{self, Broker, Counter};
use crate::programs::wardline::{self, Installation};
use crate::report::{Report, talk};

/// Most messages of a connection in flight: what the listener allows by default.
const WINDOW: u16 = 1024;
/// Records of a message, and messages of the round that does not count.
const SHAPES: [(u16, u64); 2] = [(1, 150_000), (20, 30_000)];
/// How long a round that counts takes, by the speed of the one before it: several commits to the tables.
const ROUND_SECONDS: f64 = 10.0;
/// How long latency is measured.
const LATENCY_SECONDS: f64 = 10.0;

/// What one side of a round came to.
struct Figure {
    messages_per_second: f64,
    /// Of the server, or of broker and subscriber.
    cpu_micros_per_message: f64,
    /// Of the server, or of the broker.
    peak_mib: f64,
}

/// Messages of the next round of either side, so that a round takes its time on any machine.
pub(crate) fn sized(rate: f64, scale: f64) -> u64 {
    ((rate * ROUND_SECONDS * scale) as u64).max(1)
}

/// Server and broker.
pub(crate) fn programs(arguments: &cli::Serve) -> anyhow::Result<(PathBuf, PathBuf)> {
    let server = match &arguments.server {
        Some(server) => server.clone(),
        None => cli::beside("wardline")?,
    };
    let broker = arguments.broker.clone();
    for (option, program) in [("--server", &server), ("--broker", &broker)] {
        ensure!(
            program.is_file(),
            "{option} {}: no such file",
            program.display()
        );
    }
    Ok((server, broker))
}

pub(crate) fn run(arguments: &cli::Serve) -> anyhow::Result<Report> {
    let (server, broker) = programs(arguments)?;
    let Common { scale, out, .. } = &arguments.common;
    let directory = interrupt::scratch(&arguments.common.scratch()?)?;
    let installation = Installation::prepare(&server, directory.path())?;
    let mut report = Report::new("serve");
    for (records, usual) in SHAPES {
        let messages = ((usual as f64 * scale) as u64).max(1);
        let load = |pace, messages| Load {
            host: "127.0.0.1".to_owned(),
            port: 0,
            site: wardline::SITE.to_owned(),
            gateway: wardline::GATEWAY.to_owned(),
            credentials: Some(installation.credentials.clone()),
            connections: arguments.connections,
            devices: arguments.devices,
            content: Content::Packs(records),
            pace,
            messages,
            at_most: None,
            window: WINDOW,
        };
        let (mut our_size, mut limit_size) = (messages, messages);
        let rounds = alternate(arguments.common.few_runs(), |side, _| {
            let size = match side {
                Side::Ours => &mut our_size,
                Side::Limit => &mut limit_size,
            };
            let full = load(Pace::Saturating, *size);
            let (figure, _) = match side {
                Side::Ours => ours(&installation, directory.path(), &full)?,
                Side::Limit => limit(&broker, directory.path(), &full)?,
            };
            let rate = figure.messages_per_second;
            talk(&format!("{side:?}: {size} messages, {rate:.0} a second"));
            *size = sized(rate, *scale);
            Ok(figure)
        })?;
        let what = if records == 1 {
            "1 record a message".to_owned()
        } else {
            format!("{records} records a message")
        };
        let limit_is = "Mosquitto and a discarding subscriber";
        let rates: Vec<(f64, f64)> = rounds
            .iter()
            .map(|(ours, limit)| (ours.messages_per_second, limit.messages_per_second))
            .collect();
        let cpu: Vec<(f64, f64)> = rounds
            .iter()
            .map(|(ours, limit)| (ours.cpu_micros_per_message, limit.cpu_micros_per_message))
            .collect();
        let throughput = Comparison::new(
            format!("throughput, {what}"),
            "msg/s",
            limit_is,
            &rates,
            Some(0.7),
        );
        let peak = rounds.iter().map(|(ours, _)| ours.peak_mib);
        report.figure(
            format!("memory of the server at most, {what}"),
            "MiB",
            peak.fold(0.0, f64::max),
        );
        let halves = [throughput.ours.median / 2.0, throughput.limit.median / 2.0];
        report.add(throughput);
        report.add(Comparison::new(
            format!("CPU, {what}"),
            "µs/msg, less is better",
            limit_is,
            &cpu,
            None,
        ));

        let [ours_rate, limit_rate] = halves;
        let half = |rate: f64| {
            load(
                Pace::Rate(rate),
                ((rate * LATENCY_SECONDS * scale) as u64).max(1),
            )
        };
        let (_, outcome) = ours(&installation, directory.path(), &half(ours_rate))?;
        report.latencies.push(latency(
            format!("wardline, {what}"),
            ours_rate,
            &outcome.latency,
        ));
        let (_, outcome) = limit(&broker, directory.path(), &half(limit_rate))?;
        report.latencies.push(latency(
            format!("Mosquitto (nothing durable), {what}"),
            limit_rate,
            &outcome.latency,
        ));
    }
    report.notes.extend([
        format!(
            "{} connections, {} devices, QoS 1, {WINDOW} messages in flight a connection; server, broker, subscriber \
             and load generator share the machine. {}.",
            arguments.connections,
            arguments.devices,
            mosquitto::version(&broker)?
        ),
        "Ours ends with the last PUBACK, which means on disk; the limit ends with the last message at the subscriber, \
         whose broker keeps nothing. Mosquitto as it comes, without queue and in-flight limits, persistence \
         off."
            .to_owned(),
        "Each round has a new data directory and takes about ten seconds, several commits to the tables among them; the \
         first is not measured. After each the rows in the table are counted: as many as were acknowledged."
            .to_owned(),
        "Latency: publish to PUBACK at half of each side's own throughput, from when a message was due; it includes \
         up to 1 ms of the generator's timer."
            .to_owned(),
        "CPU: user and system time from the start of the load to its end, of the server, or of broker and subscriber; \
         the load generator is not in it."
            .to_owned(),
    ]);
    report.write(out)?;
    Ok(report)
}

/// One load on a new server. Every row must be in the table afterwards, once.
fn ours(
    installation: &Installation,
    scratch: &Path,
    load: &Load,
) -> anyhow::Result<(Figure, Outcome)> {
    let server = installation.start(scratch, "")?;
    let load = Load {
        port: server.port,
        ..load.clone()
    };
    let before = server.process.cpu_seconds()?;
    let outcome = drive(&load)?;
    let cpu = server.process.cpu_seconds()? - before;
    let peak = server.process.peak_mib()?;
    ensure!(
        outcome.refused == 0,
        "the server refused {} messages",
        outcome.refused
    );
    let data = server.stop()?;
    let rows = installation.count_rows(data.path())?;
    let expected = load.messages * load.content.readings();
    ensure!(
        rows == expected,
        "{rows} rows in the table of {expected} acknowledged readings"
    );
    talk(&format!(
        "{rows} rows in the table, as many as were acknowledged"
    ));
    Ok((figure(&load, outcome.seconds(), cpu, peak), outcome))
}

/// The same load on a new Mosquitto with a subscriber.
fn limit(broker: &Path, scratch: &Path, load: &Load) -> anyhow::Result<(Figure, Outcome)> {
    let broker = Broker::start(broker, scratch)?;
    let mut counter = Counter::start(broker.port, "wardline/#", load.messages)?;
    let load = Load {
        port: broker.port,
        ..load.clone()
    };
    let cpu_seconds = |counter: &Counter| -> anyhow::Result<f64> {
        Ok(broker.process.cpu_seconds()? + counter.process.cpu_seconds()?)
    };
    let before = cpu_seconds(&counter)?;
    let outcome = drive(&load)?;
    counter.wait()?;
    let seconds = outcome.start.elapsed().as_secs_f64();
    let cpu = cpu_seconds(&counter)? - before;
    let peak = broker.process.peak_mib()?;
    Ok((figure(&load, seconds, cpu, peak), outcome))
}

fn figure(load: &Load, seconds: f64, cpu_seconds: f64, peak_mib: f64) -> Figure {
    Figure {
        messages_per_second: load.messages as f64 / seconds,
        cpu_micros_per_message: cpu_seconds * 1e6 / load.messages as f64,
        peak_mib,
    }
}
