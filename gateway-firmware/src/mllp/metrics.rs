//! What is counted of monitors, by source. No label names a person, a bed or a peer.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    source: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    source: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCode {
    source: String,
    code: &'static str,
}

/// Upper ends of latency in seconds: a sync takes a few milliseconds, a monitor gives up after 5 to 30 s.
const LATENCY: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// Counters of all sources.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    bytes: Family<BySource, Counter>,
    messages: Family<ByKind, Counter>,
    answers: Family<ByCode, Counter>,
    repairs: Family<ByKind, Counter>,
    repeats: Family<BySource, Counter>,
    resends: Family<BySource, Counter>,
    rejects: Family<ByKind, Counter>,
    waveforms: Family<BySource, Counter>,
    lost: Family<BySource, Counter>,
    connections: Family<BySource, Gauge>,
    closed: Family<ByKind, Counter>,
    latency: Family<BySource, Histogram, fn() -> Histogram>,
    heartbeats: Family<BySource, Counter>,
    watched: Family<BySource, Gauge>,
    silent: Family<BySource, Gauge>,
}

impl Metrics {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let metrics = Self {
            bytes: Family::default(),
            messages: Family::default(),
            answers: Family::default(),
            repairs: Family::default(),
            repeats: Family::default(),
            resends: Family::default(),
            rejects: Family::default(),
            waveforms: Family::default(),
            lost: Family::default(),
            connections: Family::default(),
            closed: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY)),
            heartbeats: Family::default(),
            watched: Family::default(),
            silent: Family::default(),
        };
        let registry = registry.sub_registry_with_prefix("wardline_gateway_mllp");
        registry.register_with_unit("received", "Received", Unit::Bytes, metrics.bytes.clone());
        registry.register("messages", "Messages by kind", metrics.messages.clone());
        registry.register(
            "answers",
            "Acknowledgements by code",
            metrics.answers.clone(),
        );
        registry.register(
            "repairs",
            "Faults read over, by kind",
            metrics.repairs.clone(),
        );
        registry.register(
            "repeats",
            "Readings sent again unchanged",
            metrics.repeats.clone(),
        );
        registry.register(
            "resends",
            "Messages answered before",
            metrics.resends.clone(),
        );
        registry.register(
            "rejects",
            "What could not be read, by kind",
            metrics.rejects.clone(),
        );
        registry.register(
            "waveforms",
            "Waveforms counted and not published",
            metrics.waveforms.clone(),
        );
        registry.register(
            "lost",
            "Messages refused by the spool whose sender wants no answer",
            metrics.lost.clone(),
        );
        registry.register(
            "connections",
            "Open connections",
            metrics.connections.clone(),
        );
        registry.register(
            "closed",
            "Connections that ended, by reason",
            metrics.closed.clone(),
        );
        registry.register_with_unit(
            "acknowledged",
            "From the last byte of a message to its acknowledgement, written",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        registry.register(
            "heartbeats",
            "Heartbeats of alarm channels",
            metrics.heartbeats.clone(),
        );
        registry.register(
            "watched",
            "Alarm channels that are watched",
            metrics.watched.clone(),
        );
        registry.register(
            "silent",
            "Alarm channels that are silent",
            metrics.silent.clone(),
        );
        metrics
    }

    /// The counters of one source.
    pub(crate) fn of(&self, source: &str) -> Counts {
        Counts {
            all: self.clone(),
            source: source.to_owned(),
        }
    }
}

/// The counters of one source.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    all: Metrics,
    source: String,
}

impl Counts {
    fn source(&self) -> BySource {
        BySource {
            source: self.source.clone(),
        }
    }

    fn kind(&self, kind: &'static str) -> ByKind {
        ByKind {
            source: self.source.clone(),
            kind,
        }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.all
            .bytes
            .get_or_create(&self.source())
            .inc_by(bytes as u64);
    }

    pub(crate) fn message(&self, kind: &'static str) {
        self.all.messages.get_or_create(&self.kind(kind)).inc();
    }

    pub(crate) fn answer(&self, code: &'static str) {
        let labels = ByCode {
            source: self.source.clone(),
            code,
        };
        self.all.answers.get_or_create(&labels).inc();
    }

    pub(crate) fn repair(&self, kind: &'static str, times: u64) {
        self.all
            .repairs
            .get_or_create(&self.kind(kind))
            .inc_by(times);
    }

    pub(crate) fn repeats(&self, readings: usize) {
        self.all
            .repeats
            .get_or_create(&self.source())
            .inc_by(readings as u64);
    }

    pub(crate) fn resend(&self) {
        self.all.resends.get_or_create(&self.source()).inc();
    }

    pub(crate) fn reject(&self, kind: &'static str) {
        self.all.rejects.get_or_create(&self.kind(kind)).inc();
    }

    pub(crate) fn waveforms(&self, count: usize) {
        self.all
            .waveforms
            .get_or_create(&self.source())
            .inc_by(count as u64);
    }

    pub(crate) fn lost(&self) {
        self.all.lost.get_or_create(&self.source()).inc();
    }

    pub(crate) fn opened(&self) {
        self.all.connections.get_or_create(&self.source()).inc();
    }

    pub(crate) fn closed(&self, reason: &'static str) {
        self.all.connections.get_or_create(&self.source()).dec();
        self.all.closed.get_or_create(&self.kind(reason)).inc();
    }

    /// One that was never let in.
    pub(crate) fn turned_away(&self, reason: &'static str) {
        self.all.closed.get_or_create(&self.kind(reason)).inc();
    }

    pub(crate) fn acknowledged(&self, after: Duration) {
        self.all
            .latency
            .get_or_create(&self.source())
            .observe(after.as_secs_f64());
    }

    pub(crate) fn heartbeat(&self) {
        self.all.heartbeats.get_or_create(&self.source()).inc();
    }

    pub(crate) fn channels(&self, watched: usize, silent: usize) {
        self.all
            .watched
            .get_or_create(&self.source())
            .set(watched as i64);
        self.all
            .silent
            .get_or_create(&self.source())
            .set(silent as i64);
    }
}
