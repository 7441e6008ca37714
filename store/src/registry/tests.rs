//! The promises of the registry, one file each.

mod acks;
mod alerts;
mod assignments;
mod audit;
mod beds;
mod checkpoint;
mod concurrency;
mod file;
mod gateways;
mod import;
mod limits;
mod migration;
mod notifications;
mod outbox;
mod overlap_model;
mod people;
mod silences;
mod tables;
mod tokens;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::{
    AlertEventRecord, Assignment, Consequences, Destination, Micros, NewAssignment, PatientFields,
    Registry, Result, StoredAlertEvent,
};

/// A registry in a directory of its own.
struct Fixture {
    registry: Registry,
    dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
        Self { registry, dir }
    }

    /// With devices `d1`, `d2` and patients `p1` to `p3`.
    fn ward() -> Self {
        let fixture = Self::new();
        for device in ["d1", "d2"] {
            fixture
                .registry
                .create_device(Some(device), &Default::default(), 0)
                .unwrap();
        }
        for patient in ["p1", "p2", "p3"] {
            fixture
                .registry
                .create_patient(Some(patient), &PatientFields::default(), 0)
                .unwrap();
        }
        fixture
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("registry.sqlite")
    }

    /// The file as somebody without this program sees it.
    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    fn reopen(self) -> Self {
        let Self { registry, dir } = self;
        registry.close().unwrap();
        let registry = Registry::open(&dir.path().join("registry.sqlite")).unwrap();
        Self { registry, dir }
    }

    fn assign(
        &self,
        device: &str,
        user: Option<&str>,
        patient: &str,
        from: Micros,
        until: Option<Micros>,
    ) -> Result<Assignment> {
        let new = NewAssignment {
            device: device.to_owned(),
            device_user: user.map(str::to_owned),
            patient: patient.to_owned(),
            from,
            until,
            author: "nurse".to_owned(),
        };
        self.registry.assign(&new, 1_000)
    }
}

/// Clears the flag when dropped, so that a failing thread does not leave the
/// others running.
struct While<'a>(&'a AtomicBool);

impl Drop for While<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Stores events that notify nobody but the destinations.
fn record(
    registry: &Registry,
    position: u64,
    events: &[AlertEventRecord],
    destinations: &[Destination],
    clock: Micros,
) -> Result<Vec<StoredAlertEvent>> {
    let consequences = Consequences {
        events,
        ..Consequences::default()
    };
    registry.record_alerts(position, &consequences, destinations, clock)
}

/// An event of alert `alert` at log position `seq`.
fn event(seq: u64, ordinal: u32, alert: &str, what: &str, state: &str) -> AlertEventRecord {
    AlertEventRecord {
        seq,
        ordinal,
        alert_id: alert.to_owned(),
        rule_id: "tachycardia-sustained".to_owned(),
        rule_version: "v1".to_owned(),
        subject: "Patient/p1".to_owned(),
        device_id: Some("d1".to_owned()),
        class: "physiological".to_owned(),
        priority: "medium".to_owned(),
        event: what.to_owned(),
        state: state.to_owned(),
        acknowledged_by: None,
        acknowledged_at: None,
        silenced_until: None,
        escalation_level: 0,
        onset: 500,
        ended: None,
        event_time: 900,
        processed_time: 1_000,
        value: Some(131.0),
        unit: Some("/min".to_owned()),
        message: "heart rate above 120 /min for 5 minutes".to_owned(),
        evidence: vec!["o1".to_owned(), "o2".to_owned()],
        page: true,
        reason: None,
        limit_low: None,
        limit_high: Some(120.0),
        limit_source: Some("rule".to_owned()),
        latched: false,
        silenced_by: None,
        repeats: 0,
    }
}
