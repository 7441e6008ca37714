//! A vendor's heart rate events over MQTT through a mapping: `wardline serve` beside Node-RED.
//!
//! ```text
//! load generator ──> Mosquitto ──> Node-RED: function node ──> Mosquitto ──> counting subscriber
//! load generator ──> Mosquitto ──> wardline serve: broker source, mapping, log, table
//! load generator ──> wardline serve: listener, mapping, log, table
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;

use crate::cli;
use crate::compare::{Comparison, Series, take_turns};
use crate::interrupt;
use crate::load::{Content, Load, Pace, drive};
use crate::programs::mosquitto::{self, Broker, Counter};
use crate::programs::node_red::{self, NodeRed};
use crate::programs::wardline::{self, Installation};
use crate::report::{Report, talk};
use crate::serve::{programs, sized};

const DEVICE_MAPPING: &str = include_str!("../mappings/heart-rate.device.json");
const FHIR_MAPPING: &str = include_str!("../mappings/heart-rate.fhir.json");
/// Messages of the round that does not count.
const FIRST: u64 = 30_000;
const WINDOW: u16 = 1024;
/// How often the server is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// A server that takes nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Broker,
    Listener,
    NodeRed,
}

struct Figure {
    messages_per_second: f64,
    /// Of server or Node-RED alone.
    cpu_micros_per_message: f64,
    cores: f64,
    peak_mib: f64,
}

struct Bench {
    installation: Installation,
    mosquitto: PathBuf,
    node_red: Option<NodeRed>,
    scratch: PathBuf,
    /// `[[route]]` and its documents.
    route: String,
    load: Load,
}

pub(crate) fn run(arguments: &cli::Peer) -> anyhow::Result<Report> {
    let common = &arguments.serve.common;
    let (server, mosquitto) = programs(&arguments.serve)?;
    let directory = interrupt::scratch(&common.scratch()?)?;
    let cache = match &arguments.node_red {
        Some(cache) => cache.clone(),
        None => cli::beside("node-red-4.1")?,
    };
    let mut report = Report::new("peer");
    let node_red = match NodeRed::install(&cache)? {
        Ok(node_red) => Some(node_red),
        Err(missing) => {
            talk(&format!("Node-RED is not measured: {missing}"));
            report.notes.push(format!(
                "**Node-RED was not measured**: {missing}. There is no comparison in this run."
            ));
            None
        }
    };
    let bench = Bench {
        installation: Installation::prepare(&server, directory.path())?,
        route: route(directory.path())?,
        mosquitto,
        node_red,
        scratch: directory.path().to_owned(),
        load: Load {
            host: "127.0.0.1".to_owned(),
            port: 0,
            site: wardline::SITE.to_owned(),
            gateway: wardline::GATEWAY.to_owned(),
            credentials: None,
            connections: arguments.serve.connections,
            devices: arguments.serve.devices,
            content: Content::HeartRates,
            pace: Pace::Saturating,
            messages: 0,
            at_most: None,
            window: WINDOW,
        },
    };
    let mut sides = vec![Side::Broker, Side::Listener];
    sides.extend(bench.node_red.as_ref().map(|_| Side::NodeRed));
    let mut sizes = [FIRST; 3];
    let rounds = take_turns(common.few_runs(), &sides, |side, _| {
        let size = &mut sizes[side as usize];
        let figure = bench.round(side, *size)?;
        let rate = figure.messages_per_second;
        talk(&format!("{side:?}: {size} messages, {rate:.0} a second"));
        *size = sized(rate, common.scale);
        Ok(figure)
    })?;
    fill(&mut report, &bench, &sides, &rounds)?;
    report.write(&common.out)?;
    Ok(report)
}

fn fill(
    report: &mut Report,
    bench: &Bench,
    sides: &[Side],
    rounds: &[Vec<Figure>],
) -> anyhow::Result<()> {
    let of = |side: Side, what: fn(&Figure) -> f64| -> Vec<f64> {
        let column = sides.iter().position(|other| *other == side);
        let figures = rounds.iter().filter_map(|round| round.get(column?));
        figures.map(what).collect()
    };
    let names = [
        (Side::Broker, "wardline serve, from the same Mosquitto"),
        (Side::Listener, "wardline serve, its own listener"),
        (Side::NodeRed, "Node-RED"),
    ];
    for (side, name) in names {
        if !sides.contains(&side) {
            continue;
        }
        type What = (&'static str, &'static str, fn(&Figure) -> f64);
        let whats: [What; 4] = [
            ("throughput", "events/s", |f| f.messages_per_second),
            ("CPU an event", "µs", |f| f.cpu_micros_per_message),
            ("cores in use", "cores", |f| f.cores),
            ("memory at most", "MiB", |f| f.peak_mib),
        ];
        for (what, unit, value) in whats {
            let median = Series::of(of(side, value)).median;
            report.figure(format!("{name}: {what}"), unit, median);
        }
    }
    if let Some(node_red) = &bench.node_red {
        for (side, name) in &names[..2] {
            let pairs = |what: fn(&Figure) -> f64| -> Vec<(f64, f64)> {
                of(*side, what)
                    .into_iter()
                    .zip(of(Side::NodeRed, what))
                    .collect()
            };
            report.add(Comparison::new(
                format!("heart rate events over MQTT: {name}"),
                "events/s",
                "Node-RED",
                &pairs(|f| f.messages_per_second),
                None,
            ));
            report.add(Comparison::new(
                format!("the same, CPU of the one process: {name}"),
                "µs/event, less is better",
                "Node-RED",
                &pairs(|f| f.cpu_micros_per_message),
                None,
            ));
        }
        report.notes.push(format!(
            "{}: MQTT in (QoS 1, JSON), one function node, MQTT out (QoS 1); no editor, no telemetry. It turns the event \
             into measurement JSON and hands it on; it keeps nothing, and acknowledges before it has done anything. Its \
             time ends with the last measurement at a subscriber.",
            node_red.version
        ));
    }
    report.notes.extend([
        "Wardline does more: the same event through the compiled mapping to a row with LOINC code, unit and id, repeats \
         told apart, the log synced before the acknowledgement, the table committed behind it. From Mosquitto its time ends \
         when /metrics counts the last row, which goes to the log with the next sync, some milliseconds; at its listener, \
         with the last PUBACK."
            .to_owned(),
        format!(
            "{} connections, {} devices, QoS 1, {WINDOW} messages in flight a connection, {}; all of it, the load generator \
             too, shares the machine, and the publishers go on as fast as the first hop takes it. CPU is that of the one \
             process, without Mosquitto.",
            bench.load.connections,
            bench.load.devices,
            mosquitto::version(&bench.mosquitto)?
        ),
    ]);
    Ok(())
}

/// The documents in a directory, and the route that names them.
fn route(directory: &Path) -> anyhow::Result<String> {
    let file = |name: &str, text: &str| -> anyhow::Result<String> {
        let path = directory.join(name);
        std::fs::write(&path, text)?;
        Ok(serde_json::to_string(&path)?)
    };
    let device = file("device.json", DEVICE_MAPPING)?;
    let fhir = file("fhir.json", FHIR_MAPPING)?;
    Ok(format!(
        "[[route]]\nname = \"heart-rate\"\nfilter = \"{}/+\"\nformat = \"medtech\"\ndevice-mapping = {device}\n\
         fhir-mapping = {fhir}\n",
        crate::events::HEART_RATE_TOPIC
    ))
}

impl Bench {
    fn round(&self, side: Side, messages: u64) -> anyhow::Result<Figure> {
        match side {
            Side::Listener => self.listener(messages),
            Side::Broker => self.broker(messages),
            Side::NodeRed => self.node_red(messages),
        }
    }

    fn listener(&self, messages: u64) -> anyhow::Result<Figure> {
        let server = self.installation.start(&self.scratch, &self.route)?;
        let load = Load {
            port: server.port,
            credentials: Some(self.installation.credentials.clone()),
            messages,
            ..self.load.clone()
        };
        let before = server.process.cpu_seconds()?;
        let outcome = drive(&load)?;
        let seconds = outcome.seconds();
        ensure!(outcome.refused == 0, "{} refused", outcome.refused);
        let rows = server.metric(ROWS)?;
        ensure!(rows == messages, "{rows} rows of {messages} events");
        let figure = figure(&server.process, before, messages, seconds)?;
        server.stop()?;
        Ok(figure)
    }

    fn broker(&self, messages: u64) -> anyhow::Result<Figure> {
        let broker = Broker::start(&self.mosquitto, &self.scratch)?;
        let more = format!(
            "{}[[broker]]\nname = \"bench\"\nhost = \"127.0.0.1\"\nport = {}\nclient-id = \"wardline\"\n",
            self.route, broker.port
        );
        let server = self.installation.start(&self.scratch, &more)?;
        broker.wait_for_subscription(crate::events::HEART_RATE_TOPIC)?;
        let load = Load {
            port: broker.port,
            messages,
            ..self.load.clone()
        };
        let before = server.process.cpu_seconds()?;
        let outcome = drive(&load)?;
        let mut rows = 0;
        let mut seen = std::time::Instant::now();
        while rows < messages {
            let now = server.metric(ROWS)?;
            if now > rows {
                rows = now;
                seen = std::time::Instant::now();
            }
            ensure!(
                seen.elapsed() < SILENCE,
                "{rows} rows of {messages} events, and no more come"
            );
            std::thread::sleep(ASK_EVERY);
        }
        let seconds = outcome.start.elapsed().as_secs_f64();
        ensure!(rows == messages, "{rows} rows of {messages} events");
        let figure = figure(&server.process, before, messages, seconds)?;
        server.stop()?;
        Ok(figure)
    }

    fn node_red(&self, messages: u64) -> anyhow::Result<Figure> {
        let node_red = self
            .node_red
            .as_ref()
            .expect("a side only when it is there");
        let broker = Broker::start(&self.mosquitto, &self.scratch)?;
        let running = node_red.start(&self.scratch, broker.port)?;
        let results = format!("{}/heart-rate/#", node_red::OUT);
        let mut counter = Counter::start(broker.port, &results, messages)?;
        let load = Load {
            port: broker.port,
            messages,
            ..self.load.clone()
        };
        let before = running.process.cpu_seconds()?;
        let outcome = drive(&load)?;
        counter.wait()?;
        let seconds = outcome.start.elapsed().as_secs_f64();
        figure(&running.process, before, messages, seconds)
    }
}

/// Rows on their way to the log.
const ROWS: &str = "wardline_intake_rows_total";

fn figure(
    process: &crate::programs::Process,
    cpu_before: f64,
    messages: u64,
    seconds: f64,
) -> anyhow::Result<Figure> {
    let cpu = process.cpu_seconds()? - cpu_before;
    Ok(Figure {
        messages_per_second: messages as f64 / seconds,
        cpu_micros_per_message: cpu * 1e6 / messages as f64,
        cores: cpu / seconds,
        peak_mib: process.peak_mib()?,
    })
}
