//! This crate's own figures.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::live::Live;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    action: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Action {
    action: &'static str,
}

/// Seconds: from a cached read to the SQL limit.
const BUCKETS: [f64; 12] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0, 120.0,
];

#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<Action, Histogram>,
    pub(crate) refused_tokens: Counter,
    pub(crate) overload: Counter,
    pub(crate) streams: Gauge,
    frames_skipped: Gauge,
    values: Gauge,
    values_refused: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("wardline_http");
        let requests = Family::<Answered, Counter>::default();
        let seconds = Family::<Action, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let refused_tokens = Counter::default();
        let overload = Counter::default();
        let streams: Gauge = Gauge::default();
        let frames_skipped: Gauge = Gauge::default();
        let values: Gauge = Gauge::default();
        let values_refused: Gauge = Gauge::default();
        registry.register(
            "requests",
            "Requests answered, by action and status",
            requests.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time from request to start of the answer",
            Unit::Seconds,
            seconds.clone(),
        );
        registry.register(
            "refused_tokens",
            "Requests with no valid token",
            refused_tokens.clone(),
        );
        registry.register(
            "overload",
            "Requests turned away because too many were under way",
            overload.clone(),
        );
        registry.register("streams", "Open live streams and exports", streams.clone());
        registry.register(
            "stream_changes_skipped",
            "Display changes since start that slow streams did not see one by one",
            frames_skipped.clone(),
        );
        registry.register(
            "latest_values",
            "Latest values held for display",
            values.clone(),
        );
        registry.register(
            "latest_values_refused",
            "Readings since start not shown because the picture was full",
            values_refused.clone(),
        );
        Self {
            registry,
            requests,
            seconds,
            refused_tokens,
            overload,
            streams,
            frames_skipped,
            values,
            values_refused,
        }
    }

    pub(crate) fn answered(&self, action: &'static str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&Answered { action, status })
            .inc();
        self.seconds
            .get_or_create(&Action { action })
            .observe(took.as_secs_f64());
    }

    /// `theirs` and our own figures as one OpenMetrics document.
    pub(crate) fn text(&self, theirs: &str, live: &Live) -> Result<String, std::fmt::Error> {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.frames_skipped.set(gauge(live.skipped()));
        self.values.set(gauge(live.len() as u64));
        self.values_refused.set(gauge(live.refused()));
        let theirs = theirs.trim_end();
        let theirs = theirs.strip_suffix("# EOF").unwrap_or(theirs).trim_end();
        let mut text = String::with_capacity(theirs.len() + 4_096);
        if !theirs.is_empty() {
            text.push_str(theirs);
            text.push('\n');
        }
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
