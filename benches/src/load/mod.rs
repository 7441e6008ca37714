//! Publishing devices by the thousand: as fast as answers allow, or at a rate whatever the answers.

mod connection;
mod wire;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use serde_json::json;

pub(crate) use connection::Outcome;
use connection::{Connection, Plan};

use crate::cli;
use crate::events::{HEART_RATE_TOPIC, heart_rate};
use crate::packs::pack;
use crate::report::{Latency, print};
use crate::template::Template;

/// Longest latency that is told apart: a minute.
const LONGEST_MICROS: u64 = 60_000_000;

/// A load on a server.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) site: String,
    /// In the topics; the client id of a single connection, the beginning of those of several.
    pub(crate) gateway: String,
    pub(crate) credentials: Option<(String, String)>,
    pub(crate) connections: u16,
    pub(crate) devices: u32,
    pub(crate) content: Content,
    /// Over all connections.
    pub(crate) pace: Pace,
    pub(crate) messages: u64,
    /// Nothing new is sent after this time.
    pub(crate) at_most: Option<Duration>,
    pub(crate) window: u16,
}

/// What devices say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Native packs with so many records.
    Packs(u16),
    /// A vendor's heart rates: [`crate::events::heart_rate`].
    HeartRates,
}

impl Content {
    /// Readings of a message.
    pub(crate) const fn readings(self) -> u64 {
        match self {
            Self::Packs(records) => records as u64,
            Self::HeartRates => 1,
        }
    }

    fn template(self, device: &str) -> Template {
        match self {
            Self::Packs(records) => pack(device, records),
            Self::HeartRates => heart_rate(device, 72),
        }
    }

    fn topic(self, site: &str, gateway: &str, device: &str) -> String {
        match self {
            Self::Packs(_) => format!("wardline/v1/{site}/{gateway}/{device}/readings"),
            Self::HeartRates => format!("{HEART_RATE_TOPIC}/{device}"),
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Packs(_) => "application/senml+json",
            Self::HeartRates => "application/json",
        }
    }
}

/// When a message is due.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as the window has room.
    Saturating,
    /// So many a second, sent late rather than left out, and counted from when they were due.
    Rate(f64),
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
        .expect("bounds and digits that hdrhistogram takes")
}

/// Runs a load to its end; the thread that calls does all the work.
pub(crate) fn drive(load: &Load) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let count = u64::from(load.connections);
        let mut ready = Vec::new();
        for number in 0..load.connections {
            let share =
                load.messages / count + u64::from(u64::from(number) < load.messages % count);
            let step = usize::from(load.connections);
            let plan = Plan {
                client_id: match load.connections {
                    1 => load.gateway.clone(),
                    _ => format!("{}-{}", load.gateway, number + 1),
                },
                devices: (0..load.devices)
                    .skip(usize::from(number))
                    .step_by(step)
                    .collect(),
                messages: share,
            };
            ready.push(Connection::open(load, plan).await?);
        }
        let start = Instant::now();
        let tasks: Vec<_> = (0_u32..)
            .zip(ready)
            .map(|(number, connection)| {
                let due = match load.pace {
                    Pace::Saturating => None,
                    // Connections take turns, so that the whole is even.
                    Pace::Rate(rate) => {
                        let period = Duration::from_secs_f64(count as f64 / rate);
                        Some((start + period * number / count as u32, period))
                    }
                };
                tokio::spawn(connection.run(due))
            })
            .collect();
        let mut total = Outcome::new(start);
        for task in tasks {
            total.add(&task.await.context("a connection's task")??)?;
        }
        Ok(total)
    })
}

/// Percentiles in milliseconds.
pub(crate) fn latency(name: String, rate: f64, histogram: &Histogram<u64>) -> Latency {
    let at = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Latency {
        name,
        rate,
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        max: histogram.max() as f64 / 1e3,
    }
}

/// `wardline-bench load`.
pub(crate) fn run(arguments: &cli::Load) -> anyhow::Result<()> {
    let (host, port) = address(&arguments.url)?;
    if !(arguments.rate.is_finite() && arguments.rate >= 0.0) {
        bail!("--rate: a number from 0 on");
    }
    let seconds = arguments.duration.as_secs_f64();
    let (pace, messages) = if arguments.rate > 0.0 {
        (
            Pace::Rate(arguments.rate),
            (arguments.rate * seconds) as u64,
        )
    } else {
        (Pace::Saturating, u64::MAX)
    };
    let load = Load {
        host,
        port,
        site: arguments.site.clone(),
        gateway: arguments.gateway.clone(),
        credentials: arguments.username.clone().zip(arguments.password.clone()),
        connections: arguments.connections,
        devices: arguments.devices,
        content: Content::Packs(arguments.records),
        pace,
        messages,
        at_most: match pace {
            Pace::Saturating => Some(arguments.duration),
            Pace::Rate(_) => None,
        },
        window: arguments.window,
    };
    let outcome = drive(&load)?;
    let elapsed = outcome.seconds();
    let latency = latency(
        "publish to PUBACK".to_owned(),
        arguments.rate,
        &outcome.latency,
    );
    print(
        &json!({
            "messages": outcome.acknowledged,
            "records": outcome.acknowledged * u64::from(arguments.records),
            "refused": outcome.refused,
            "seconds": elapsed,
            "messagesPerSecond": outcome.acknowledged as f64 / elapsed,
            "latencyMs": {"p50": latency.p50, "p99": latency.p99, "p999": latency.p999, "max": latency.max},
        })
        .to_string(),
    );
    if outcome.refused > 0 {
        bail!("the server refused {} messages", outcome.refused);
    }
    Ok(())
}

fn address(url: &str) -> anyhow::Result<(String, u16)> {
    let rest = url
        .strip_prefix("mqtt://")
        .with_context(|| format!("{url} is not mqtt://host:port"))?;
    match rest.trim_end_matches('/').rsplit_once(':') {
        Some((host, port)) => {
            let port = port.parse().with_context(|| format!("{url}: the port"))?;
            Ok((host.trim_matches(['[', ']']).to_owned(), port))
        }
        None => Ok((rest.trim_end_matches('/').to_owned(), 1883)),
    }
}
