//! What a message says, as puts for the spool.

use std::sync::PoisonError;

use tokio::time::Instant;
use wardline_normalize::hl7v2::{DeviceReadings, Statement};
use wardline_normalize::senml::{Record, RecordValue};

use super::super::config::Waveforms;
use super::super::keep;
use super::super::peer::Peer;
use crate::source::{Class, Kind, Readings, Taken};

/// The puts of a message, and the faults that one of them carries to the quarantine.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) puts: Vec<Readings>,
    /// What they state, to be remembered once they are safe.
    pub(crate) stated: Vec<Statement>,
    /// Device and kind of fault.
    pub(crate) kept: Vec<(String, String)>,
}

/// Records of one device by what becomes of them.
#[derive(Debug, Default)]
struct Piles {
    /// With a time of the device's.
    dated: Vec<Record>,
    /// Stamped by us.
    stamped: Vec<Record>,
    /// Waveforms with a time of the device's, and stamped by us.
    waves: [Vec<Record>; 2],
    alarms: [Vec<Record>; 2],
}

impl Sorted {
    /// `confirms`: the sender will be told that the message is safe.
    pub(crate) fn new(
        peer: &Peer,
        said: Vec<DeviceReadings>,
        message: &[u8],
        taken: Taken,
        confirms: bool,
    ) -> Self {
        let numerics = |record: &Record| !is_wave(record);
        let beside = said
            .iter()
            .any(|said| !said.alarms.is_empty() || said.records.iter().any(numerics));
        let class = if confirms {
            Class::Confirmed
        } else {
            Class::Stream
        };
        // What the acknowledgement is about: see the map of `mllp`.
        let wave_class = if beside || !confirms {
            Class::Waveform
        } else {
            Class::Confirmed
        };
        let mut sorted = Self::default();
        for said in said {
            let device = said.device.clone();
            let fault = sorted.rejects(peer, &said);
            let mut piles = sort(peer, said, &mut sorted.stated);
            if let Some(reason) = fault {
                piles
                    .stamped
                    .push(keep::record(&reason, message, taken.wall));
            }
            let Piles {
                dated,
                stamped,
                waves: [dated_waves, stamped_waves],
                alarms: [dated_alarms, stamped_alarms],
            } = piles;
            // Alarms first: they are what somebody waits for.
            for (kind, class, by_gateway_clock, records) in [
                (Kind::Alarms, class, false, dated_alarms),
                (Kind::Alarms, class, true, stamped_alarms),
                (Kind::Readings, class, false, dated),
                (Kind::Readings, class, true, stamped),
                (Kind::Readings, wave_class, false, dated_waves),
                (Kind::Readings, wave_class, true, stamped_waves),
            ] {
                if !records.is_empty() {
                    sorted.puts.push(Readings {
                        device: device.clone(),
                        kind,
                        class,
                        taken,
                        records,
                        by_gateway_clock,
                    });
                }
            }
        }
        sorted
    }

    /// Counts what was not taken; the reason with which the message is to be kept, if it is.
    fn rejects(&mut self, peer: &Peer, said: &DeviceReadings) -> Option<String> {
        let mut reasons = String::new();
        for reject in &said.rejects {
            peer.origin.counts.reject(reject.reason.as_str());
            let fault = format!("{}: {}", reject.reason.as_str(), reject.detail);
            if peer
                .origin
                .shared
                .kept
                .due(&said.device, &fault, Instant::now())
            {
                if !reasons.is_empty() {
                    reasons.push_str("; ");
                }
                reasons.push_str(&fault);
                self.kept.push((said.device.clone(), fault));
            }
        }
        (!reasons.is_empty()).then_some(reasons)
    }
}

fn is_wave(record: &Record) -> bool {
    matches!(record.value, RecordValue::Waveform(_))
}

fn sort(peer: &Peer, said: DeviceReadings, stated: &mut Vec<Statement>) -> Piles {
    let origin = &peer.origin;
    let mut records = said.records;
    let before = records.len();
    stated.extend({
        let mut window = origin
            .shared
            .repeats
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        window.filter(&said.device, &mut records)
    });
    let repeats = before - records.len();
    if repeats > 0 {
        origin.counts.repeats(repeats);
    }
    let mut piles = Piles::default();
    let mut skipped = 0;
    for record in records {
        let pile = match (is_wave(&record), by_us(&record)) {
            (true, _) if origin.config.waveforms == Waveforms::Count => {
                skipped += 1;
                continue;
            }
            (true, by_us) => {
                let [dated, stamped] = &mut piles.waves;
                if by_us { stamped } else { dated }
            }
            (false, true) => &mut piles.stamped,
            (false, false) => &mut piles.dated,
        };
        pile.push(record);
    }
    if skipped > 0 {
        origin.counts.waveforms(skipped);
    }
    for record in said.alarms {
        let [dated, stamped] = &mut piles.alarms;
        let pile = if by_us(&record) { stamped } else { dated };
        pile.push(record);
    }
    piles
}

/// A record without a time of the device's has ours.
fn by_us(record: &Record) -> bool {
    record.device_time.is_none() && !record.undated
}
