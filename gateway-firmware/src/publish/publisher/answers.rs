//! What the server says of a message.

use std::sync::atomic::Ordering;
use std::time::Instant;

use rumqttc::v5::mqttbytes::v5::{PubAck, PubAckReason};
use wardline_log::Error;

use super::{PAUSE_FIRST, PAUSE_MOST, Part, Publisher, Sent};
use crate::spool::Lane;

impl Publisher {
    pub(super) fn on_ack(&mut self, ack: &PubAck) -> Result<(), Error> {
        let sent = self
            .link
            .as_mut()
            .and_then(|link| link.outbox.acknowledged(ack.pkid));
        let Some(Sent::Pack(part)) = sent else {
            return Ok(());
        };
        let took = part.at.elapsed();
        let way = match part.lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        };
        way.in_flight = way.in_flight.saturating_sub(1);
        if part.lane == Lane::Backlog {
            self.pace.adapt(took);
        }
        match ack.reason {
            PubAckReason::Success => {
                self.pause = PAUSE_FIRST;
                self.delivered(&part);
            }
            reason => self.failed(&part, reason),
        }
        Ok(())
    }

    pub(super) fn delivered(&mut self, part: &Part) {
        let whole = &part.whole;
        let figures = &self.parts.figures;
        figures
            .bytes
            .fetch_add(part.bytes as u64, Ordering::Relaxed);
        if whole.left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return;
        }
        for position in &whole.positions {
            self.parts.spool.acknowledge(*position);
        }
        self.held.delivered(&part.device, &whole.positions);
        figures.acknowledged(part.lane, whole.records);
        if part.lane == Lane::Live {
            let now = self.parts.clock.now().since_boot;
            figures.took(now.saturating_sub(whole.taken));
        }
    }

    /// The entries stay in the spool.
    pub(super) fn failed(&mut self, part: &Part, reason: PubAckReason) {
        use PubAckReason as Reason;
        self.parts.figures.failed.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        self.rewind = true;
        match reason {
            Reason::NotAuthorized
            | Reason::TopicNameInvalid
            | Reason::QuotaExceeded
            | Reason::PayloadFormatInvalid => {
                if self.held.hold(&part.device, now) {
                    let device = &part.device;
                    tracing::error!(
                        device,
                        ?reason,
                        "the server does not take this device's readings; they are kept"
                    );
                }
            }
            reason => {
                if reason == Reason::NoMatchingSubscribers {
                    self.parts.figures.unheard.fetch_add(1, Ordering::Relaxed);
                }
                if self.paused.is_none() {
                    let pause = self.pause;
                    tracing::warn!(
                        ?reason,
                        ?pause,
                        "the server takes nothing now; everything is kept"
                    );
                    self.paused = Some(now + pause);
                    self.pause = (pause * 2).min(PAUSE_MOST);
                }
            }
        }
    }
    /// The server ended the connection because a device is over its quota.
    pub(super) fn sent_away(&mut self, now: Instant) {
        let Some(link) = &self.link else { return };
        let on_wire = link.outbox.on_wire().filter_map(|sent| match sent {
            Sent::Pack(part) => Some((part.device.as_str(), part.whole.positions.as_slice())),
            Sent::Other => None,
        });
        if let Some(device) = self.held.sent_away(on_wire, now) {
            tracing::error!(
                device,
                "the server takes no more of this device; its readings are kept"
            );
        }
    }
}
