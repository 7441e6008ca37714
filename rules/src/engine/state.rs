//! State per subject, in key groups.

use super::absence::Absence;
use super::alert::Alert;
use super::context::Key;
use super::lane::{Lane, Series};
use super::plan::{Kind, Plan};
use super::{KEY_GROUPS, key_group_of};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use wardline_normalize::time::Micros;

/// Former patients of a device that are remembered, for readings that move to another patient.
const RECENT_PATIENTS: usize = 4;

/// A stay of a device with a patient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stay {
    pub(crate) user: Option<String>,
    pub(crate) patient: String,
    pub(crate) from: Micros,
    pub(crate) until: Option<Micros>,
}

/// A patient or a device.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub(crate) id: Arc<str>,
    /// By index of the plan; only those with samples.
    pub(crate) lanes: Vec<(usize, Lane)>,
    pub(crate) absences: Vec<Absence>,
    pub(crate) stays: Vec<Stay>,
    pub(crate) was_assigned: bool,
    /// Patients of the device's readings, the latest first.
    pub(crate) recent: Vec<Arc<str>>,
    /// Log clock of the last reading or assignment.
    pub(crate) heard: Micros,
}

impl Subject {
    fn new(id: Arc<str>) -> Self {
        Self {
            id,
            lanes: Vec::new(),
            absences: Vec::new(),
            stays: Vec::new(),
            was_assigned: false,
            recent: Vec::new(),
            heard: 0,
        }
    }

    pub(crate) fn assigned(&self, clock: Micros) -> bool {
        self.stays
            .iter()
            .any(|stay| stay.from <= clock && stay.until.is_none_or(|until| clock < until))
    }

    /// The device's reading is this patient's.
    pub(crate) fn note_patient(&mut self, patient: &str) {
        if self
            .recent
            .first()
            .is_some_and(|latest| **latest == *patient)
        {
            return;
        }
        let place = self.recent.iter().position(|known| **known == *patient);
        let id = place.map_or_else(|| Arc::from(patient), |place| self.recent.remove(place));
        self.recent.insert(0, id);
        self.recent.truncate(RECENT_PATIENTS);
    }

    /// The lane, with room made for it.
    pub(crate) fn lane(
        &mut self,
        plan: &Plan,
        index: usize,
        series: impl Fn(usize) -> Series,
    ) -> &mut Lane {
        let place = self
            .lanes
            .iter()
            .position(|(known, _)| *known == index)
            .unwrap_or_else(|| {
                self.lanes
                    .push((index, Lane::new(&plan.lanes[index], series)));
                self.lanes.len() - 1
            });
        &mut self.lanes[place].1
    }

    /// The alert of the rule that people know of and that is open.
    pub(crate) fn shown(&mut self, plan: &Plan, rule: usize) -> Option<&mut Alert> {
        for (index, lane) in &mut self.lanes {
            let rules = &plan.lanes[*index].rules;
            for (series, _) in lane
                .series
                .iter_mut()
                .zip(rules)
                .filter(|(_, (other, _))| *other == rule)
            {
                if let Some(alert) = series.alerts.iter_mut().find(|alert| alert.is_shown()) {
                    return Some(alert);
                }
            }
        }
        let absence = self
            .absences
            .iter_mut()
            .find(|absence| absence.rule == rule)?;
        absence.alert.as_mut()
    }

    /// Whether the state has the shape that the plan gives it.
    pub(crate) fn fits(&self, plan: &Plan) -> bool {
        let lane_fits = |(index, lane): &(usize, Lane)| {
            plan.lanes
                .get(*index)
                .is_some_and(|known| known.rules.len() == lane.series.len())
        };
        self.lanes.iter().all(lane_fits)
            && self
                .absences
                .iter()
                .all(|absence| absence.rule < plan.overdue.len())
    }

    /// Whether any alert of it is open.
    pub(crate) fn has_open(&self) -> bool {
        let series = self.lanes.iter().flat_map(|(_, lane)| &lane.series);
        series.flat_map(|series| &series.alerts).any(Alert::is_open)
            || self.absences.iter().any(|absence| absence.alert.is_some())
    }
}

/// One of the [`KEY_GROUPS`]: the subjects that hash to it, and nothing of any other.
#[derive(Debug, Default)]
pub(crate) struct Group {
    patients: HashMap<Arc<str>, Subject>,
    devices: HashMap<Arc<str>, Subject>,
}

impl Group {
    fn map(&self, kind: Kind) -> &HashMap<Arc<str>, Subject> {
        match kind {
            Kind::Patient => &self.patients,
            Kind::Device => &self.devices,
        }
    }

    fn map_mut(&mut self, kind: Kind) -> &mut HashMap<Arc<str>, Subject> {
        match kind {
            Kind::Patient => &mut self.patients,
            Kind::Device => &mut self.devices,
        }
    }
}

/// All key groups.
#[derive(Debug)]
pub(crate) struct Groups(Vec<Group>);

impl Default for Groups {
    fn default() -> Self {
        Self((0..KEY_GROUPS).map(|_| Group::default()).collect())
    }
}

impl Groups {
    fn group(&mut self, kind: Kind, id: &str) -> &mut Group {
        &mut self.0[usize::from(key_group_of(kind, id))]
    }

    pub(crate) fn get(&mut self, kind: Kind, id: &str) -> Option<&mut Subject> {
        self.group(kind, id).map_mut(kind).get_mut(id)
    }

    pub(crate) fn peek(&self, kind: Kind, id: &str) -> Option<&Subject> {
        self.0[usize::from(key_group_of(kind, id))]
            .map(kind)
            .get(id)
    }

    /// The subject, made if it is new.
    pub(crate) fn entry(&mut self, kind: Kind, id: &str) -> &mut Subject {
        let map = self.group(kind, id).map_mut(kind);
        if !map.contains_key(id) {
            let id: Arc<str> = Arc::from(id);
            map.insert(Arc::clone(&id), Subject::new(id));
        }
        map.get_mut(id).expect("inserted just above")
    }

    pub(crate) fn insert(&mut self, kind: Kind, subject: Subject) {
        let id = Arc::clone(&subject.id);
        self.group(kind, &id)
            .map_mut(kind)
            .insert(Arc::clone(&id), subject);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.group(key.kind, &key.id)
            .map_mut(key.kind)
            .remove(&key.id);
    }

    /// Every subject's key in an order that does not depend on hashing: what loops over all may make events.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for kind in [Kind::Patient, Kind::Device] {
            let ids = self.0.iter().flat_map(|group| group.map(kind).keys());
            keys.extend(ids.map(|id| Key {
                kind,
                id: Arc::clone(id),
            }));
        }
        keys.sort();
        keys
    }

    pub(crate) fn len(&self) -> usize {
        self.0
            .iter()
            .map(|group| group.patients.len() + group.devices.len())
            .sum()
    }
}
