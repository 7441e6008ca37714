//! What messages hold beside readings: alarms, waveforms, states of gateways, in the words of the log.

use std::collections::{HashMap, HashSet, VecDeque};

use wardline_ingest::{GATEWAY_STATUS, Incoming};
use wardline_normalize::measurement::{Alarm, Sample, Statement, Waveform};
use wardline_normalize::time::Micros;
use wardline_store::entry::{SAMPLE_ABOVE, SAMPLE_BELOW, SAMPLE_ERROR};
use wardline_store::{AlarmEntry, AlarmsEntry, Entry, Error, GatewayEntry, Store};
use xxhash_rust::xxh3::xxh3_128;

use super::contain::{Prepared, Refused};

/// Bytes of waveforms in one entry, about: a record of the log stays small, and no sync is long.
const PART_BYTES: usize = 4 << 20;
/// Streams of waveforms whose newest piece is remembered: some leads of a thousand monitors.
const STREAMS: usize = 16_384;
/// Ids that may be on their way into the table: more than the appends under way hold.
const RECENT: usize = 65_536;

/// An alarm whose patient is known.
pub(super) fn alarm(alarm: Alarm, patient: Option<&str>) -> AlarmEntry {
    let Alarm {
        stated,
        event,
        text,
        state,
    } = alarm;
    AlarmEntry {
        device: stated.device,
        patient: patient.map(str::to_owned),
        event,
        instance: state.id,
        source: state.source,
        time: stated.effective,
        phase: state.phase.map(|phase| phase.as_str().to_owned()),
        state: state.state.map(|state| state.as_str().to_owned()),
        audio: state.audio,
        priority: state.priority.map(|priority| priority.as_str().to_owned()),
        kind: state.kind.map(|kind| kind.as_str().to_owned()),
        text,
        value: state.value.map(|value| value.to_string()),
        unit: state.unit,
        limits: state.limits,
        quality: stated.quality,
    }
}

/// A piece of a waveform whose patient is known; none without a period, which the decoder has refused.
pub(super) fn waveform(
    waveform: Waveform,
    patient: Option<&str>,
) -> Option<wardline_store::Waveform> {
    let id = waveform.id();
    let period_us = waveform.data.period_us()?;
    let samples = waveform.data.samples().map(|sample| match sample {
        Sample::Value(value) => value,
        Sample::Error => SAMPLE_ERROR,
        Sample::Below => SAMPLE_BELOW,
        Sample::Above => SAMPLE_ABOVE,
    });
    let samples = samples.collect();
    let Statement {
        device,
        channel,
        device_user,
        effective,
        time_source,
        received,
        quality,
        ..
    } = waveform.stated;
    Some(wardline_store::Waveform {
        id,
        version: 1,
        patient: patient.map(str::to_owned),
        device,
        mdc: waveform.mdc,
        code: waveform.code,
        channel,
        device_user,
        start: effective,
        period_us,
        origin: waveform.data.origin.to_f64(),
        factor: waveform.data.factor.to_f64(),
        unit: waveform.unit,
        samples,
        quality,
        time_source: time_source.as_str().to_owned(),
        received,
    })
}

/// States of gateways among the messages; what is no JSON object is refused. An empty one only clears what a broker
/// keeps.
pub(super) fn gateways(messages: &[Incoming], refused: &mut Vec<Refused>) -> Vec<GatewayEntry> {
    let mut states = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message.route.format != GATEWAY_STATUS || message.payload.is_empty() {
            continue;
        }
        let object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>;
        match (
            &message.gateway,
            std::str::from_utf8(&message.payload),
            object(&message.payload),
        ) {
            (Some(gateway), Ok(status), Ok(_)) => states.push(GatewayEntry {
                gateway: gateway.clone(),
                at: message.received,
                status: Some(status.to_owned()),
            }),
            _ => {
                let detail = "the state of a gateway is a JSON object".to_owned();
                refused.push((index, None, "undecodable", detail));
            }
        }
    }
    states
}

/// Entries of all that is beside the rows.
pub(super) fn entries(
    received: Micros,
    prepared: &mut Prepared,
    gateways: Vec<GatewayEntry>,
) -> Vec<Entry> {
    let mut entries = waveform_entries(received, std::mem::take(&mut prepared.waveforms));
    let alarms = std::mem::take(&mut prepared.alarms);
    if !alarms.is_empty() {
        entries.push(Entry::Alarms(AlarmsEntry {
            at: received,
            alarms,
        }));
    }
    entries.extend(gateways.into_iter().map(Entry::Gateway));
    entries
}

/// Pieces in entries of bounded size.
pub(super) fn waveform_entries(
    received: Micros,
    rows: Vec<wardline_store::Waveform>,
) -> Vec<Entry> {
    let mut parts: Vec<Vec<wardline_store::Waveform>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let size = 256 + row.samples.len() * size_of::<i32>();
        bytes += size;
        match parts.last_mut() {
            Some(part) if bytes <= PART_BYTES => part.push(row),
            _ => {
                bytes = size;
                parts.push(vec![row]);
            }
        }
    }
    let entry = |rows| Entry::Waveforms { received, rows };
    parts.into_iter().map(entry).collect()
}

/// Tells pieces that are new from repeats. The newest piece of a stream needs no look-up; any other is looked up.
#[derive(Debug, Default)]
pub(super) struct Known {
    newest: HashMap<u128, Micros>,
    recent: HashSet<u128>,
    order: VecDeque<u128>,
}

impl Known {
    /// Leaves out what is known; gives how many were.
    pub(super) async fn fresh(
        &mut self,
        store: &Store,
        rows: &mut Vec<wardline_store::Waveform>,
    ) -> Result<u64, Error> {
        let before = rows.len();
        let mut seen = HashSet::new();
        rows.retain(|row| {
            let id = xxh3_128(row.id.as_bytes());
            !self.recent.contains(&id) && seen.insert(id)
        });
        let old: Vec<String> = rows
            .iter()
            .filter(|row| {
                self.newest
                    .get(&stream(row))
                    .is_none_or(|at| row.start <= *at)
            })
            .map(|row| row.id.clone())
            .collect();
        if !old.is_empty() {
            let known = store.known_waveforms(old).await?;
            rows.retain(|row| !known.contains(&row.id));
        }
        for row in rows.iter() {
            self.note(row);
        }
        Ok((before - rows.len()) as u64)
    }

    fn note(&mut self, row: &wardline_store::Waveform) {
        if self.newest.len() >= STREAMS && !self.newest.contains_key(&stream(row)) {
            // All are looked up once more; that costs time and nothing else.
            self.newest.clear();
        }
        let newest = self.newest.entry(stream(row)).or_insert(row.start);
        *newest = row.start.max(*newest);
        let id = xxh3_128(row.id.as_bytes());
        if self.recent.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > RECENT
            && let Some(oldest) = self.order.pop_front()
        {
            self.recent.remove(&oldest);
        }
    }
}

/// Device, metric, channel and user.
fn stream(row: &wardline_store::Waveform) -> u128 {
    let parts = [
        &row.device,
        row.mdc.as_ref().unwrap_or(&row.code),
        row.channel.as_deref().unwrap_or_default(),
        row.device_user.as_deref().unwrap_or_default(),
    ];
    xxh3_128(parts.join("\n").as_bytes())
}
