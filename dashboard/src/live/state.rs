//! The picture behind the lock.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use wardline_normalize::columns::{Columns, text};

use super::estimate::Cadence;
use super::value::Latest;
use super::{Filter, Frame, MAX_VALUES, RING};
use crate::backend::{Alert, Micros};

/// Values untouched for this long make room when the picture is full.
const STALE: Micros = 24 * 3_600 * 1_000_000;
/// Looking for stale values visits all of them, so a full picture does it once a minute.
const TIDY_EVERY: Micros = 60 * 1_000_000;

#[derive(Debug)]
struct Slot {
    latest: Arc<Latest>,
    cadence: Cadence,
    seq: u64,
}

#[derive(Debug)]
struct AlertSlot {
    alert: Arc<Alert>,
    seq: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Value(Arc<str>, Arc<str>),
    Alert(Arc<str>),
    /// A patient was forgotten: only a snapshot tells readers.
    Forgotten,
}

#[derive(Debug, Default)]
pub(super) struct State {
    seq: u64,
    values: HashMap<Arc<str>, HashMap<Arc<str>, Slot>>,
    count: usize,
    alerts: HashMap<Arc<str>, AlertSlot>,
    /// Keys changed, oldest first; entry `i` has sequence number `seq - ring.len() + 1 + i`.
    ring: VecDeque<Key>,
    expected: HashMap<String, Micros>,
    /// When stale values were last looked for.
    tidied: Option<Micros>,
    /// Readings not shown because the picture was full.
    refused: u64,
}

impl State {
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    #[cfg(test)]
    pub(super) fn alerts(&self) -> usize {
        self.alerts.len()
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn expect(&mut self, metric: &str, every: Micros) {
        self.expected.insert(metric.to_owned(), every);
    }

    pub(super) fn reading(&mut self, columns: &Columns<'_>, row: usize) {
        let patient = text(columns.patient_id, row);
        if columns.version.value(row) > 1 {
            self.withdraw(columns.id.value(row), columns.metric(row), patient);
        }
        let Some(patient) = patient else { return };
        if text(columns.quality, row) == Some("implausible") {
            return;
        }
        let metric = columns.metric(row);
        let effective = columns.effective.value(row);
        let fixed = self.expected.get(metric).copied();
        if let Some((patient_key, slots)) = self.values.get_key_value(patient)
            && let Some((metric_key, slot)) = slots.get_key_value(metric)
        {
            let known = &slot.latest;
            let id = columns.id.value(row);
            let newer = effective > known.effective;
            let correction = known.id == id && columns.version.value(row) > known.version;
            if !newer && !correction {
                return;
            }
            let key = Key::Value(patient_key.clone(), metric_key.clone());
            let slot = self
                .values
                .get_mut(patient)
                .and_then(|slots| slots.get_mut(metric))
                .expect("the slot was found above");
            if newer {
                slot.cadence.gap(effective - slot.latest.effective);
            }
            let expected = fixed.unwrap_or_else(|| slot.cadence.expected());
            slot.latest = Arc::new(Latest::of(columns, row, patient, expected));
            self.seq += 1;
            slot.seq = self.seq;
            self.ring_push(key);
            return;
        }
        if self.count >= MAX_VALUES {
            self.make_room(columns.received.value(row));
            if self.count >= MAX_VALUES {
                self.refused += 1;
                return;
            }
        }
        let cadence = Cadence::default();
        let expected = fixed.unwrap_or_else(|| cadence.expected());
        let latest = Arc::new(Latest::of(columns, row, patient, expected));
        let patient_key: Arc<str> = match self.values.get_key_value(patient) {
            Some((key, _)) => key.clone(),
            None => Arc::from(patient),
        };
        let metric_key: Arc<str> = Arc::from(metric);
        self.seq += 1;
        let slot = Slot {
            latest,
            cadence,
            seq: self.seq,
        };
        self.values
            .entry(patient_key.clone())
            .or_default()
            .insert(metric_key.clone(), slot);
        self.count += 1;
        self.ring_push(Key::Value(patient_key, metric_key));
    }

    /// A corrected reading that was shown under another patient than `owner` leaves that patient.
    fn withdraw(&mut self, id: &str, metric: &str, owner: Option<&str>) {
        let mut found = false;
        for (patient, slots) in &mut self.values {
            let here = slots.get(metric).is_some_and(|slot| slot.latest.id == id);
            if here && Some(&**patient) != owner {
                slots.remove(metric);
                found = true;
            }
        }
        if found {
            self.count -= 1;
            self.values.retain(|_, slots| !slots.is_empty());
            self.seq += 1;
            self.ring_push(Key::Forgotten);
        }
    }

    pub(super) fn alert(&mut self, alert: Alert) {
        self.seq += 1;
        let key: Arc<str> = Arc::from(alert.alert_id.as_str());
        let slot = AlertSlot {
            alert: Arc::new(alert),
            seq: self.seq,
        };
        self.alerts.insert(key.clone(), slot);
        self.ring_push(Key::Alert(key));
    }

    pub(super) fn forget(&mut self, patient: &str) {
        if let Some(slots) = self.values.remove(patient) {
            self.count -= slots.len();
            self.seq += 1;
            self.ring_push(Key::Forgotten);
        }
    }

    pub(super) fn snapshot(&self, filter: &Filter) -> Frame {
        let values = self
            .values
            .values()
            .flat_map(|slots| slots.values())
            .filter(|slot| filter.takes_value(&slot.latest))
            .map(|slot| slot.latest.clone())
            .collect();
        let alerts = self
            .alerts
            .values()
            .filter(|slot| slot.alert.state != "resolved" && filter.takes_alert(&slot.alert))
            .map(|slot| slot.alert.clone())
            .collect();
        sorted(Frame {
            snapshot: true,
            values,
            alerts,
            seq: self.seq,
            skipped: 0,
        })
    }

    pub(super) fn since(&self, seq: u64, filter: &Filter) -> Frame {
        let oldest = self.seq - self.ring.len() as u64;
        if seq > self.seq || seq < oldest {
            let mut frame = self.snapshot(filter);
            frame.skipped = self.seq.saturating_sub(seq);
            return frame;
        }
        let from = usize::try_from(seq - oldest).expect("the ring fits in memory");
        let mut seen = HashSet::new();
        let mut frame = Frame {
            seq: self.seq,
            ..Frame::default()
        };
        for key in self.ring.iter().skip(from) {
            let first = seen.insert(key);
            match key {
                Key::Value(patient, metric) => {
                    let slot = self.values.get(patient).and_then(|slots| slots.get(metric));
                    if let Some(slot) = slot.filter(|slot| filter.takes_value(&slot.latest)) {
                        if first {
                            frame.values.push(slot.latest.clone());
                        } else {
                            frame.skipped += 1;
                        }
                    }
                }
                Key::Alert(id) => {
                    let slot = self.alerts.get(id);
                    if let Some(slot) = slot.filter(|slot| filter.takes_alert(&slot.alert)) {
                        if first {
                            frame.alerts.push(slot.alert.clone());
                        } else {
                            frame.skipped += 1;
                        }
                    }
                }
                Key::Forgotten => {
                    return Frame {
                        skipped: frame.skipped,
                        ..self.snapshot(filter)
                    };
                }
            }
        }
        sorted(frame)
    }

    /// Remembers a change; a resolved alert leaves the picture when the ring forgets its resolution.
    fn ring_push(&mut self, key: Key) {
        self.ring.push_back(key);
        if self.ring.len() > RING
            && let Some(Key::Alert(id)) = self.ring.pop_front()
        {
            let forgotten = self.seq - self.ring.len() as u64;
            let gone = self
                .alerts
                .get(&id)
                .is_some_and(|slot| slot.alert.state == "resolved" && slot.seq <= forgotten);
            if gone {
                self.alerts.remove(&id);
            }
        }
    }

    fn make_room(&mut self, now: Micros) {
        if self.tidied.is_some_and(|at| now - at < TIDY_EVERY) {
            return;
        }
        self.tidied = Some(now);
        let before = self.count;
        for slots in self.values.values_mut() {
            slots.retain(|_, slot| now - slot.latest.received < STALE);
        }
        self.values.retain(|_, slots| !slots.is_empty());
        self.count = self.values.values().map(HashMap::len).sum();
        if self.count < before {
            self.seq += 1;
            self.ring_push(Key::Forgotten);
        }
    }
}

fn sorted(mut frame: Frame) -> Frame {
    frame
        .values
        .sort_by(|a, b| (&a.patient, &a.metric).cmp(&(&b.patient, &b.metric)));
    frame.alerts.sort_by(|a, b| {
        b.onset
            .cmp(&a.onset)
            .then_with(|| a.alert_id.cmp(&b.alert_id))
    });
    frame
}
