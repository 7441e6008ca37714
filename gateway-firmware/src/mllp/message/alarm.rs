//! Alarm channels: who was heard, who is missed, and the alarm of our own that says so.

use wardline_normalize::hl7v2::Heartbeat;
use wardline_normalize::measurement::{AlarmPriority, AlarmState, AlertKind, Phase, Presence};
use wardline_normalize::senml::{Record, RecordValue};
use wardline_normalize::time::Micros;

use super::super::heartbeat::{Change, Sign};
use super::super::origin::Origin;
use super::super::peer::Peer;
use crate::source::{self, Class, Readings};

/// The event of our alarm: no code of the nomenclature says that an alarm channel is silent.
const EVENT: &str = "local.heartbeat-missing";
/// There is one for a device, so that an end finds its start whichever process began it.
const INSTANCE: &str = "heartbeat";
const WORDS: &str = "No heartbeat from the monitor's alarm channel";

/// An alarm message proves that the channel works; a heartbeat says nothing else.
pub(super) async fn heard(peer: &Peer, beat: Option<Heartbeat>, devices: &[String]) {
    let sign = match beat {
        Some(Heartbeat::Alive) => Sign::Beat,
        Some(Heartbeat::PlannedShutdown) => Sign::Farewell,
        None => Sign::Alarm,
    };
    if sign != Sign::Alarm {
        peer.origin.counts.heartbeat();
    }
    for device in devices {
        if let Some(change) = peer.origin.hear(device, sign) {
            tell(&peer.origin, change).await;
        }
    }
}

/// Alarms for the channels that have fallen silent.
pub(crate) async fn watch(origin: &Origin) {
    let told = origin
        .missing()
        .into_iter()
        .map(|change| tell(origin, change));
    futures::future::join_all(told).await;
}

async fn tell(origin: &Origin, change: Change) {
    let (device, missing) = match &change {
        Change::Missing { device } => (device.clone(), true),
        Change::Heard { device } => (device.clone(), false),
    };
    if missing {
        tracing::warn!(source = %origin.name, device, "a monitor's alarm channel is silent");
    }
    let taken = origin.shared.clock.now();
    let readings = Readings {
        device: device.clone(),
        kind: source::Kind::Alarms,
        class: Class::Confirmed,
        taken,
        records: vec![record(missing, taken.wall)],
        by_gateway_clock: true,
    };
    if origin.shared.intake.put(vec![readings]).await.is_err() {
        origin.not_told(&change);
        return;
    }
    origin.shared.devices.update(&device, |known| {
        known.source = "mllp";
        if missing {
            known.state = "silent";
            known.errors += 1;
            known.last_error = Some("no heartbeat".to_owned());
        } else {
            known.state = "connected";
        }
    });
}

fn record(missing: bool, at: Micros) -> Record {
    let state = AlarmState {
        id: Some(INSTANCE.to_owned()),
        phase: Some(if missing { Phase::Start } else { Phase::End }),
        state: Some(if missing {
            Presence::Active
        } else {
            Presence::Inactive
        }),
        priority: Some(AlarmPriority::Medium),
        kind: Some(AlertKind::Technical),
        ..AlarmState::default()
    };
    let value = RecordValue::Alarm {
        text: Some(WORDS.to_owned()),
        state: Box::new(state),
    };
    Record::new(EVENT, value, at)
}
