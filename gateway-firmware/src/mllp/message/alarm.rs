//! Alarm channels: who was heard, who is missed, and the alarm of our own that says so.

use wardline_normalize::hl7v2::{DeviceReadings, Heartbeat, Kind, Message};
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

/// What a message shows of alarm channels: an alarm message or an alarm in it proves that its device's works, a
/// heartbeat says nothing else. Heartbeats come last: what one says holds from then on.
pub(super) fn signs(
    peer: &Peer,
    message: &Message,
    said: &[DeviceReadings],
) -> Vec<(String, Sign)> {
    let all = message.kind() == Kind::R40;
    let alarms = said
        .iter()
        .filter(|said| all || !said.alarms.is_empty())
        .map(|said| (said.device.clone(), Sign::Alarm));
    let beats = message
        .heartbeats(&peer.origin.profile)
        .into_iter()
        .map(|(device, beat)| {
            let sign = match beat {
                Heartbeat::Alive => Sign::Beat,
                Heartbeat::PlannedShutdown => Sign::Farewell,
            };
            let named = Some(device).filter(|device| !device.is_empty());
            (named.unwrap_or_else(|| peer.origin.device()), sign)
        });
    alarms.chain(beats).collect()
}

/// Signs of life of alarm channels.
pub(super) async fn heard(peer: &Peer, signs: &[(String, Sign)]) {
    for (device, sign) in signs {
        if *sign != Sign::Alarm {
            peer.origin.counts.heartbeat();
        }
        if let Some(change) = peer.origin.hear(device, *sign) {
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
