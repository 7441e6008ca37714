//! The metrics page: what the parts count anyway, in Prometheus' text format, and the sources' own registry behind it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::context::Metrics;
use super::watchdog::Pulses;
use crate::clock::Clock;
use crate::devices::Devices;
use crate::publish::{Figures, LATENCIES, spool_age};
use crate::spool::{CLASSES, Spool};

/// What the page is made from.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) spool: Arc<Spool>,
    pub(super) figures: Arc<Figures>,
    pub(super) clock: Clock,
    pub(super) devices: Devices,
    pub(super) registry: Metrics,
    pub(super) pulses: Pulses,
}

impl Page {
    /// Parts that do not get on.
    pub(super) fn stuck(&self) -> Vec<&'static str> {
        let stuck = self.pulses.stuck();
        stuck.into_iter().map(|(name, _)| name).collect()
    }

    pub(super) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut page = String::new();
        let out = &mut page;
        let counts = self.spool.counts();
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        help(
            out,
            "wardline_gateway_spool_entries",
            "gauge",
            "Entries that the server does not have",
        )?;
        for (index, (_, class)) in CLASSES.iter().enumerate() {
            let waiting = self.spool.waiting_of(index);
            writeln!(
                out,
                "wardline_gateway_spool_entries{{class=\"{class}\"}} {waiting}"
            )?;
        }
        help(
            out,
            "wardline_gateway_spool_dropped_total",
            "counter",
            "Entries given up for want of room",
        )?;
        for (count, (_, class)) in counts.dropped.iter().zip(CLASSES) {
            let count = read(count);
            writeln!(
                out,
                "wardline_gateway_spool_dropped_total{{class=\"{class}\"}} {count}"
            )?;
        }
        let taken = self.clock.now();
        let figures = &self.figures;
        let full = u64::from(!*self.spool.room().borrow());
        let connected = u64::from(figures.connected.load(Ordering::Relaxed));
        let age = spool_age(&self.spool, figures, &self.clock);
        let gauges = [
            (
                "wardline_gateway_spool_bytes",
                "Bytes of the spool on disk",
                self.spool.bytes(),
            ),
            (
                "wardline_gateway_spool_age_seconds",
                "Age of the oldest entry",
                age.unsigned_abs(),
            ),
            (
                "wardline_gateway_spool_full",
                "1 while nothing is confirmed to sources",
                full,
            ),
            (
                "wardline_gateway_connected",
                "1 while there is a connection to the server",
                connected,
            ),
            (
                "wardline_gateway_clock_synchronized",
                "1 while the wall clock is synchronised",
                u64::from(taken.synchronized),
            ),
            (
                "wardline_gateway_devices",
                "Devices that a source knows",
                self.devices.snapshot().len() as u64,
            ),
        ];
        for (name, text, value) in gauges {
            help(out, name, "gauge", text)?;
            writeln!(out, "{name} {value}")?;
        }
        let counters = [
            (
                "wardline_gateway_spool_taken_total",
                "Entries made durable",
                read(&counts.taken),
            ),
            (
                "wardline_gateway_spool_refused_total",
                "Puts refused for want of room",
                read(&counts.refused),
            ),
            (
                "wardline_gateway_spool_acknowledged_total",
                "Entries the server has",
                read(&counts.acknowledged),
            ),
            (
                "wardline_gateway_spool_unreadable_total",
                "Entries put aside",
                read(&counts.unreadable),
            ),
            (
                "wardline_gateway_connections_total",
                "Connections made",
                read(&figures.connections),
            ),
            (
                "wardline_gateway_published_records_total",
                "Records acknowledged",
                read(&figures.records),
            ),
            (
                "wardline_gateway_published_bytes_total",
                "Payload acknowledged",
                read(&figures.bytes),
            ),
            (
                "wardline_gateway_failed_packs_total",
                "Messages answered with a failure",
                read(&figures.failed),
            ),
            (
                "wardline_gateway_unheard_packs_total",
                "Messages that the broker gave to nobody",
                read(&figures.unheard),
            ),
            (
                "wardline_gateway_too_large_total",
                "Records put aside as too large",
                read(&figures.too_large),
            ),
            (
                "wardline_gateway_commands_total",
                "Commands heard",
                read(&figures.commands),
            ),
            (
                "wardline_gateway_clock_steps_total",
                "Jumps of the wall clock",
                self.clock.steps(),
            ),
        ];
        for (name, text, value) in counters {
            help(out, name, "counter", text)?;
            writeln!(out, "{name} {value}")?;
        }
        help(
            out,
            "wardline_gateway_published_packs_total",
            "counter",
            "Packs acknowledged",
        )?;
        for (lane, count) in [("live", &figures.live), ("backlog", &figures.backlog)] {
            let count = read(count);
            writeln!(
                out,
                "wardline_gateway_published_packs_total{{lane=\"{lane}\"}} {count}"
            )?;
        }
        self.latency(out)?;
        page.push_str(&self.registry.text()?);
        Ok(page)
    }

    fn latency(&self, out: &mut String) -> std::fmt::Result {
        const NAME: &str = "wardline_gateway_live_latency_seconds";
        help(
            out,
            NAME,
            "histogram",
            "Live lane: from taken to acknowledged",
        )?;
        let (counts, sum) = self.figures.latency();
        for (bound, count) in LATENCIES.iter().zip(counts) {
            let bound = *bound as f64 / 1e3;
            writeln!(out, "{NAME}_bucket{{le=\"{bound}\"}} {count}")?;
        }
        let all = counts[LATENCIES.len()];
        writeln!(out, "{NAME}_bucket{{le=\"+Inf\"}} {all}")?;
        writeln!(out, "{NAME}_sum {sum}\n{NAME}_count {all}")
    }
}

fn help(out: &mut String, name: &str, kind: &str, text: &str) -> std::fmt::Result {
    let family = name.trim_end_matches("_total");
    writeln!(out, "# HELP {family} {text}.\n# TYPE {family} {kind}")
}
