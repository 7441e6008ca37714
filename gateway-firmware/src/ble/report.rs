//! Metrics of the Bluetooth side. Labels are device ids of the configuration, which are opaque.

use std::sync::atomic::{AtomicI64, AtomicU64};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByDevice {
    device: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByKind {
    device: String,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByCause {
    cause: &'static str,
}

type PerDevice = Family<ByDevice, Counter>;
type PerKind = Family<ByKind, Counter>;
type PerCause = Family<ByCause, Counter>;

/// Every metric. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Report {
    connects: PerDevice,
    reconnects: PerDevice,
    failures: PerKind,
    notifications: PerDevice,
    readings: PerDevice,
    decode_errors: PerDevice,
    crc_failures: PerDevice,
    duplicates: PerDevice,
    ignored: PerDevice,
    refused: PerKind,
    records: PerDevice,
    unmatched: PerDevice,
    resets: PerKind,
    rebuilds: PerCause,
    offset: Family<ByDevice, Gauge<f64, AtomicU64>>,
    battery: Family<ByDevice, Gauge<i64, AtomicI64>>,
    connected: Family<ByDevice, Gauge<i64, AtomicI64>>,
    unknown: Gauge<i64, AtomicI64>,
    adapters: Gauge<i64, AtomicI64>,
}

fn by(device: &str) -> ByDevice {
    ByDevice {
        device: device.to_owned(),
    }
}

fn of(device: &str, kind: &'static str) -> ByKind {
    ByKind {
        device: device.to_owned(),
        kind,
    }
}

impl Report {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let all = Self::default();
        let r = registry.sub_registry_with_prefix("wardline_gateway_ble");
        r.register("connects", "Connections that came up", all.connects.clone());
        r.register(
            "reconnects",
            "Connections after the first of each device",
            all.reconnects.clone(),
        );
        r.register(
            "failures",
            "Failed steps, by what helps against them",
            all.failures.clone(),
        );
        r.register(
            "notifications",
            "Notifications and indications taken",
            all.notifications.clone(),
        );
        r.register(
            "readings",
            "Readings handed to the spool",
            all.readings.clone(),
        );
        r.register(
            "decode_errors",
            "Values that could not be decoded",
            all.decode_errors.clone(),
        );
        r.register(
            "crc_failures",
            "Values whose checksum was wrong",
            all.crc_failures.clone(),
        );
        r.register(
            "duplicates",
            "Values that were taken before",
            all.duplicates.clone(),
        );
        r.register(
            "ignored",
            "Values of characteristics that are not subscribed to",
            all.ignored.clone(),
        );
        r.register(
            "refused",
            "Connections refused: not the device it should be",
            all.refused.clone(),
        );
        r.register(
            "stored_records",
            "Stored records downloaded",
            all.records.clone(),
        );
        r.register(
            "unmatched",
            "Parts of a measurement whose other part did not come",
            all.unmatched.clone(),
        );
        r.register(
            "resets",
            "Dead connections noticed, by how",
            all.resets.clone(),
        );
        r.register(
            "rebuilds",
            "Times that everything was built anew, by cause",
            all.rebuilds.clone(),
        );
        r.register(
            "clock_offset_seconds",
            "Gateway clock minus device clock",
            all.offset.clone(),
        );
        r.register(
            "battery_percent",
            "Charge of the device's battery",
            all.battery.clone(),
        );
        r.register(
            "connected",
            "Whether the device is connected",
            all.connected.clone(),
        );
        r.register(
            "unknown_devices",
            "Health devices seen that are not configured",
            all.unknown.clone(),
        );
        r.register("adapters", "Adapters in use", all.adapters.clone());
        all
    }

    pub(crate) fn connected(&self, device: &str) {
        let connects = self.connects.get_or_create(&by(device));
        if connects.inc() > 0 {
            self.reconnects.get_or_create(&by(device)).inc();
        }
        drop(connects);
        self.connected.get_or_create(&by(device)).set(1);
    }

    pub(crate) fn disconnected(&self, device: &str) {
        self.connected.get_or_create(&by(device)).set(0);
    }

    pub(crate) fn failed(&self, device: &str, kind: &'static str) {
        self.failures.get_or_create(&of(device, kind)).inc();
    }

    pub(crate) fn notified(&self, device: &str) {
        self.notifications.get_or_create(&by(device)).inc();
    }

    pub(crate) fn read(&self, device: &str, readings: usize) {
        let readings = u64::try_from(readings).unwrap_or(u64::MAX);
        self.readings.get_or_create(&by(device)).inc_by(readings);
    }

    pub(crate) fn undecodable(&self, device: &str, checksum: bool) {
        let family = if checksum {
            &self.crc_failures
        } else {
            &self.decode_errors
        };
        family.get_or_create(&by(device)).inc();
    }

    pub(crate) fn duplicate(&self, device: &str) {
        self.duplicates.get_or_create(&by(device)).inc();
    }

    pub(crate) fn ignored(&self, device: &str) {
        self.ignored.get_or_create(&by(device)).inc();
    }

    pub(crate) fn refused(&self, device: &str, why: &'static str) {
        self.refused.get_or_create(&of(device, why)).inc();
    }

    pub(crate) fn record(&self, device: &str) {
        self.records.get_or_create(&by(device)).inc();
    }

    pub(crate) fn unmatched(&self, device: &str) {
        self.unmatched.get_or_create(&by(device)).inc();
    }

    pub(crate) fn reset(&self, device: &str, how: &'static str) {
        self.resets.get_or_create(&of(device, how)).inc();
    }

    pub(crate) fn rebuilt(&self, cause: &'static str) {
        self.rebuilds.get_or_create(&ByCause { cause }).inc();
    }

    /// In microseconds.
    pub(crate) fn offset(&self, device: &str, offset: i64) {
        // A hundred years of microseconds fit a double to within a microsecond.
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        let seconds = offset as f64 / 1e6;
        self.offset.get_or_create(&by(device)).set(seconds);
    }

    pub(crate) fn battery(&self, device: &str, percent: u8) {
        self.battery
            .get_or_create(&by(device))
            .set(i64::from(percent));
    }

    pub(crate) fn unknown(&self, count: usize) {
        self.unknown.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn adapters(&self, count: usize) {
        self.adapters.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}
