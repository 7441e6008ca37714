//! Figures for `/metrics`: counts of every stage, and latencies as HDR histograms.

use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;
use wardline_normalize::time::Micros;
use wardline_store::Store;
use wardline_store::registry::Registry;

use crate::pipeline::Counts;

/// Longest latency told apart: beyond an hour the count goes to the top bucket.
const LONGEST: u64 = 3_600_000_000;

/// A latency in microseconds, three significant digits.
#[derive(Debug)]
pub(crate) struct Latency(Mutex<Histogram<u64>>);

impl Default for Latency {
    fn default() -> Self {
        Self(Mutex::new(
            Histogram::new_with_bounds(1, LONGEST, 3).expect("the bounds are constants in range"),
        ))
    }
}

impl Latency {
    /// Records the time from `start` to `end`; a clock that went back counts as the shortest time.
    pub(crate) fn record_since(&self, start: Micros, end: Micros) {
        let micros = u64::try_from(end - start).unwrap_or(1).max(1);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .saturating_record(micros);
    }

    fn write(&self, out: &mut String, name: &str, help: &str) -> std::fmt::Result {
        let histogram = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(out, "# HELP {name} {help}\n# TYPE {name} summary")?;
        for quantile in [0.5, 0.9, 0.99, 0.999, 1.0] {
            let seconds = histogram.value_at_quantile(quantile) as f64 / 1e6;
            writeln!(out, "{name}{{quantile=\"{quantile}\"}} {seconds}")?;
        }
        let sum = histogram.mean() * histogram.len() as f64 / 1e6;
        writeln!(out, "{name}_sum {sum}\n{name}_count {}", histogram.len())
    }
}

/// What the composition root counts itself.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) intake: Counts,
    /// From the socket to durable and answered.
    pub(crate) durable: Latency,
    /// From the socket to a recorded alert event.
    pub(crate) alert: Latency,
    pub(crate) delivery: crate::deliver::Counts,
    pub(crate) rules: RulesAlarm,
    /// Pages that no route took.
    pub(crate) unrouted: AtomicU64,
    /// Pages that wait for a closed calendar.
    pub(crate) not_watched: AtomicU64,
    /// What the rules could not use or held back, since their state began.
    pub(crate) judged: Mutex<wardline_rules::Stats>,
    /// The log's clock as the rules have it.
    pub(crate) log_clock: AtomicI64,
}

/// Why rules that were put in force are not; none while they are.
#[derive(Debug, Default)]
pub(crate) struct RulesAlarm(Mutex<Option<String>>);

impl RulesAlarm {
    pub(crate) fn refuse(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(crate) fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn why(&self) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Everything `/metrics` shows.
pub(crate) struct Sources {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) store: Store,
    pub(crate) registry: Arc<Registry>,
    pub(crate) mappings: Arc<crate::mappings::Mappings>,
    pub(crate) ingest: Option<Arc<wardline_ingest::Stats>>,
    pub(crate) live: Arc<wardline_dashboard::live::Live>,
}

impl Sources {
    /// Prometheus text.
    pub(crate) fn text(&self) -> String {
        let mut out = String::with_capacity(8192);
        self.write(&mut out)
            .expect("writing to a string cannot fail");
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let intake = &self.metrics.intake;
        for (name, help, counter) in [
            ("messages", "Messages decoded.", &intake.messages),
            (
                "rows",
                "Rows written, corrections among them.",
                &intake.rows,
            ),
            (
                "duplicates",
                "Readings that were known already.",
                &intake.duplicates,
            ),
            (
                "corrections",
                "Readings that changed a known one.",
                &intake.corrections,
            ),
            (
                "rejected",
                "Messages or records put into quarantine.",
                &intake.rejected,
            ),
            (
                "rejected_repeats",
                "Rejects with bytes kept before on the same day.",
                &intake.repeated_rejects,
            ),
            (
                "quota_exceeded",
                "Rejects refused because the device's quarantine quota is used up.",
                &intake.quota_exceeded,
            ),
            (
                "unattributed",
                "Readings stored without a patient.",
                &intake.unattributed,
            ),
            (
                "internal_errors",
                "Messages that this version could not process; they are in quarantine.",
                &intake.internal_errors,
            ),
            (
                "alarms",
                "Messages about alarms of bedside monitors.",
                &intake.alarms,
            ),
            (
                "waveforms",
                "Pieces of waveforms written.",
                &intake.waveforms,
            ),
            (
                "waveforms_ignored",
                "Pieces of waveforms that were acknowledged and not kept: [store] waveforms is off.",
                &intake.waveforms_ignored,
            ),
            (
                "gateway_states",
                "States told by gateways, last wills among them.",
                &intake.gateway_states,
            ),
        ] {
            count(
                out,
                &format!("wardline_intake_{name}"),
                help,
                counter.load(Relaxed),
            )?;
        }
        self.mappings.write(out)?;
        if let Some(ingest) = &self.ingest {
            for (name, value) in ingest.snapshot().entries() {
                writeln!(
                    out,
                    "# TYPE wardline_mqtt_{name} untyped\nwardline_mqtt_{name} {value}"
                )?;
            }
        }
        let store = self.store.stats();
        for (name, help, value) in [
            (
                "hot_rows",
                "Rows in memory that no table holds yet.",
                store.hot_rows as u64,
            ),
            (
                "log_position",
                "Last durable position of the log.",
                store.appended,
            ),
            (
                "table_position",
                "Log position up to which the tables are committed.",
                store.committed,
            ),
            (
                "released_position",
                "Log position up to which the log may go.",
                store.released,
            ),
            ("log_bytes", "Bytes of the log.", store.log_bytes),
            (
                "files",
                "Live files of the observation table.",
                store.files as u64,
            ),
            (
                "log_failed",
                "1 after a failed write or sync: nothing is acknowledged.",
                u64::from(store.failed),
            ),
        ] {
            gauge(out, &format!("wardline_store_{name}"), help, value)?;
        }
        gauge(
            out,
            "wardline_rules_refused",
            "1 while rules that were put in force are refused by this version.",
            u64::from(self.metrics.rules.why().is_some()),
        )?;
        self.judged(out)?;
        count(
            out,
            "wardline_store_commits",
            "Commits to the tables.",
            store.flushes,
        )?;
        count(
            out,
            "wardline_store_compactions",
            "Compactions.",
            store.compactions,
        )?;
        if let Ok(outbox) = self.registry.outbox_counts() {
            gauge(
                out,
                "wardline_outbox_pending",
                "Deliveries not made yet.",
                outbox.pending,
            )?;
            gauge(
                out,
                "wardline_outbox_dead",
                "Deliveries given up.",
                outbox.dead,
            )?;
        }
        self.receivers(out)?;
        for (name, help, counter) in [
            (
                "unrouted",
                "Pages that no route took; the fallback may have.",
                &self.metrics.unrouted,
            ),
            (
                "not_watched",
                "Pages that wait for a closed calendar to open.",
                &self.metrics.not_watched,
            ),
        ] {
            count(
                out,
                &format!("wardline_pages_{name}"),
                help,
                counter.load(Relaxed),
            )?;
        }
        let delivery = &self.metrics.delivery;
        count(
            out,
            "wardline_deliveries",
            "Alert events delivered.",
            delivery.delivered.load(Relaxed),
        )?;
        count(
            out,
            "wardline_delivery_failures",
            "Attempts that failed.",
            delivery.failed.load(Relaxed),
        )?;
        count(
            out,
            "wardline_delivery_given_up",
            "Deliveries given up since the start: dead letters.",
            delivery.dead.load(Relaxed),
        )?;
        delivery.watchdogs.write(out)?;
        count(
            out,
            "wardline_live_skipped",
            "Display changes that slow screens did not get one by one.",
            self.live.skipped(),
        )?;
        self.metrics.durable.write(
            out,
            "wardline_durable_seconds",
            "From socket to durable and answered.",
        )?;
        self.metrics.alert.write(
            out,
            "wardline_alert_seconds",
            "From socket to recorded alert event.",
        )?;
        delivery.latency.write(
            out,
            "wardline_delivery_seconds",
            "From alert event to delivered.",
        )
    }
}

impl Sources {
    /// Which receiver is behind, and for how long.
    fn receivers(&self, out: &mut String) -> std::fmt::Result {
        let Ok(counts) = self.registry.outbox_counts_by_destination() else {
            return Ok(());
        };
        let now = crate::clock::now();
        type Of = fn(&wardline_store::registry::OutboxCounts, Micros) -> u64;
        let metrics: [(&str, &str, Of); 3] = [
            (
                "pending",
                "Deliveries not made yet, by receiver.",
                |c, _| c.pending,
            ),
            ("dead", "Deliveries given up, by receiver.", |c, _| c.dead),
            (
                "oldest_seconds",
                "Age of the oldest delivery not made yet, by receiver.",
                |c, now| {
                    let age = c.oldest_pending.map_or(0, |oldest| (now - oldest).max(0));
                    u64::try_from(age / 1_000_000).unwrap_or(0)
                },
            ),
        ];
        for (name, help, of) in metrics {
            writeln!(
                out,
                "# HELP wardline_receiver_{name} {help}\n# TYPE wardline_receiver_{name} gauge"
            )?;
            for (receiver, counts) in &counts {
                let value = of(counts, now);
                writeln!(
                    out,
                    "wardline_receiver_{name}{{receiver={receiver:?}}} {value}"
                )?;
            }
        }
        Ok(())
    }

    fn judged(&self, out: &mut String) -> std::fmt::Result {
        let stats = *self
            .metrics
            .judged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (name, help, value) in [
            (
                "late",
                "Readings too late to be placed, per group of rules.",
                stats.late,
            ),
            (
                "invalid",
                "Readings that never count: absent, implausible, marked invalid, of a demonstration or test.",
                stats.invalid,
            ),
            (
                "unreadable",
                "Batches without the columns of a reading.",
                stats.unreadable,
            ),
            (
                "foreign",
                "Values in a unit that does not convert or in an unknown word, per group of rules.",
                stats.foreign,
            ),
            (
                "held_by_silence",
                "Pages that silences held back.",
                stats.held_by_silence,
            ),
            (
                "held_by_inhibition",
                "Alerts that another rule held back.",
                stats.held_by_inhibition,
            ),
            (
                "repeats",
                "Conditions that came back within an open alert: flapping.",
                stats.repeats,
            ),
            (
                "worsened",
                "Pages because an alert had become worse.",
                stats.worsened,
            ),
            (
                "refused_silences",
                "Silences that could not be kept, or of what cannot be silenced.",
                stats.refused_silences,
            ),
            (
                "limits_let_go",
                "Limits let go because a ward or a patient had too many.",
                stats.limits_let_go,
            ),
            (
                "unknown_alerts",
                "Actions on alerts that are not open.",
                stats.unknown_alerts,
            ),
            (
                "staged_alarms",
                "Alarms of monitors in demonstration or test.",
                stats.staged_alarms,
            ),
            (
                "unwatched_gateways",
                "Reports of gateways beyond those that can be watched.",
                stats.unwatched_gateways,
            ),
        ] {
            count(out, &format!("wardline_rules_{name}"), help, value)?;
        }
        Ok(())
    }
}

fn count(out: &mut String, name: &str, help: &str, value: u64) -> std::fmt::Result {
    writeln!(
        out,
        "# HELP {name}_total {help}\n# TYPE {name}_total counter\n{name}_total {value}"
    )
}

fn gauge(out: &mut String, name: &str, help: &str, value: u64) -> std::fmt::Result {
    writeln!(
        out,
        "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
    )
}
