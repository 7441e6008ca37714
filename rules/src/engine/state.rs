//! State per subject, in key groups.

use super::absence::Absence;
use super::alert::{Alert, Told};
use super::context::Key;
use super::device_clock::Times;
use super::hash::{Fast, same};
use super::lane::Lane;
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

/// A patient or a device. In this order in memory, for the processor's cache: what each reading needs comes first.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[repr(C, align(64))]
pub(crate) struct Subject {
    pub(crate) id: Arc<str>,
    /// By index of the plan; only those with samples.
    pub(crate) lanes: Vec<(usize, Lane)>,
    /// Log clock of the last reading or assignment.
    pub(crate) heard: Micros,
    /// Of a device: where the latest patient was found, a place to look first.
    #[serde(skip)]
    pub(crate) latest: Slot,
    /// Where the one that was heard after it was found: devices send in turn.
    #[serde(skip)]
    after: Slot,
    /// The first of `recent`, as far as is known.
    #[serde(skip)]
    noted: Option<Arc<str>>,
    /// Of a device.
    #[serde(default, skip_serializing_if = "Times::is_empty")]
    pub(crate) times: Times,
    /// Place of the latest lane.
    #[serde(skip)]
    turn: usize,
    pub(crate) absences: Vec<Absence>,
    pub(crate) stays: Vec<Stay>,
    pub(crate) was_assigned: bool,
    /// Patients of the device's readings, the latest first.
    pub(crate) recent: Vec<Arc<str>>,
}

impl Subject {
    fn new(id: Arc<str>) -> Self {
        Self {
            id,
            lanes: Vec::new(),
            heard: 0,
            latest: Slot::default(),
            after: Slot::default(),
            noted: None,
            times: Times::default(),
            turn: 0,
            absences: Vec::new(),
            stays: Vec::new(),
            was_assigned: false,
            recent: Vec::new(),
        }
    }

    pub(crate) fn assigned(&self, clock: Micros) -> bool {
        self.stays
            .iter()
            .any(|stay| stay.from <= clock && stay.until.is_none_or(|until| clock < until))
    }

    /// The device's reading is this patient's.
    #[inline]
    pub(crate) fn note_patient(&mut self, patient: &Arc<str>) {
        let noted = self.noted.as_ref();
        if noted.is_none_or(|noted| !Arc::ptr_eq(noted, patient)) {
            self.note_another(patient);
        }
    }

    fn note_another(&mut self, patient: &Arc<str>) {
        if let Some(place) = self.recent.iter().position(|known| known == patient) {
            self.recent.remove(place);
        }
        self.recent.insert(0, Arc::clone(patient));
        self.recent.truncate(RECENT_PATIENTS);
        self.noted = Some(Arc::clone(patient));
    }

    /// Where the lane is, if there is any. Looked for behind the latest first: metrics come in turn.
    #[inline]
    pub(crate) fn place_of(&mut self, index: usize) -> Option<usize> {
        let lanes = self.lanes.as_slice();
        if let [only] = lanes {
            return (only.0 == index).then_some(0);
        }
        let is_at = |place: usize| lanes.get(place).is_some_and(|lane| lane.0 == index);
        let place = if is_at(self.turn + 1) {
            self.turn + 1
        } else {
            lanes.iter().position(|(known, _)| *known == index)?
        };
        self.turn = place;
        Some(place)
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

    /// The last reading that says that the condition of the rule's open alert holds; an absence holds by the clock.
    pub(crate) fn confirmed(&self, plan: &Plan, rule: usize) -> Option<Micros> {
        let series = self.lanes.iter().flat_map(|(index, lane)| {
            let rules = plan.lanes[*index].rules.iter();
            lane.series.iter().zip(rules)
        });
        let of_rule = series.filter(|(_, (other, _))| *other == rule);
        let absence = || {
            let mut absences = self.absences.iter();
            let absence = absences.find(|absence| absence.rule == rule)?;
            let alert = absence.alert.as_ref()?;
            alert.latched.is_none().then_some(Micros::MAX)
        };
        of_rule
            .filter_map(|(series, _)| series.confirmed())
            .next()
            .or_else(absence)
    }

    /// What people know of an alert that they have acknowledged, without having been told of it, is what it says. So is
    /// what they were told in a version that kept no note of it. Worse than that is told again.
    pub(crate) fn note_told(&mut self, plan: &Plan) {
        for (index, lane) in &mut self.lanes {
            for (series, (_, judge)) in lane.series.iter_mut().zip(&plan.lanes[*index].rules) {
                let shown = series.alerts.iter_mut().find(|alert| alert.is_shown());
                if let Some(alert) = shown.filter(|_| judge.worsens.is_some())
                    && alert.told.is_none()
                    && !alert.is_untold()
                {
                    let time = alert.last_change;
                    alert.told = alert.value.map(|value| Told { value, time });
                    series.told = alert.told;
                }
            }
        }
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

/// Where a subject is. It may have gone since, and another be there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    group: u8,
    place: u32,
}

/// One of the [`KEY_GROUPS`]: the subjects that hash to it, and nothing of any other.
#[derive(Debug, Default)]
struct Group {
    places: HashMap<Arc<str>, u32, Fast>,
    subjects: Vec<Option<Subject>>,
    free: Vec<u32>,
}

impl Group {
    fn add(&mut self, subject: Subject) -> u32 {
        let id = Arc::clone(&subject.id);
        if let Some(known) = self.places.get(&id) {
            self.subjects[*known as usize] = Some(subject);
            return *known;
        }
        let place = match self.free.pop() {
            Some(free) => {
                self.subjects[free as usize] = Some(subject);
                free
            }
            None => {
                self.subjects.push(Some(subject));
                u32::try_from(self.subjects.len() - 1).expect("subjects of a group fit in memory")
            }
        };
        self.places.insert(id, place);
        place
    }
}

/// Patients, or devices, in their key groups.
#[derive(Debug)]
pub(crate) struct Half {
    kind: Kind,
    groups: Vec<Group>,
    /// Where the last was found: readings of one subject come together.
    last: Slot,
    /// Where the one that came after it was found the last time.
    next: Slot,
}

impl Half {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            groups: (0..KEY_GROUPS).map(|_| Group::default()).collect(),
            last: Slot::default(),
            next: Slot::default(),
        }
    }

    /// The subject, made if it is new. Looked for at `hint` first.
    #[inline]
    pub(crate) fn entry(&mut self, id: &str, hint: Slot) -> (Slot, &mut Subject) {
        let slot = self.slot(id, hint);
        let subject = self.at(slot);
        (slot, subject.expect("found or made just above"))
    }

    /// As [`Half::entry`], first at the place of the one before, then of the one that came after it the last time.
    pub(crate) fn next(&mut self, id: &str) -> &mut Subject {
        let (before, next) = (self.last, self.next);
        if !self.is_at(id, before) {
            self.last = self.slot(id, next);
            let last = self.last;
            if last != next
                && let Some(before) = self.at(before)
            {
                before.after = last;
            }
        }
        let Self {
            groups, last, next, ..
        } = self;
        let subject = at(groups, *last).expect("found or made just above");
        *next = subject.after;
        subject
    }

    #[inline]
    fn slot(&mut self, id: &str, hint: Slot) -> Slot {
        if self.is_at(id, hint) {
            hint
        } else {
            self.find(id)
        }
    }

    /// By its hash, made if it is new.
    fn find(&mut self, id: &str) -> Slot {
        let group = key_group_of(self.kind, id);
        let known = &mut self.groups[usize::from(group)];
        let place = known.places.get(id).copied();
        let place = place.unwrap_or_else(|| known.add(Subject::new(Arc::from(id))));
        Slot { group, place }
    }

    #[inline]
    fn at(&mut self, slot: Slot) -> Option<&mut Subject> {
        at(&mut self.groups, slot)
    }

    #[inline]
    fn is_at(&self, id: &str, slot: Slot) -> bool {
        let subjects = &self.groups[usize::from(slot.group)].subjects;
        let subject = subjects.get(slot.place as usize).and_then(Option::as_ref);
        subject.is_some_and(|subject| same(&subject.id, id))
    }

    pub(crate) fn get(&mut self, id: &str) -> Option<&mut Subject> {
        let (group, place) = self.place(id)?;
        self.groups[group].subjects[place].as_mut()
    }

    fn place(&self, id: &str) -> Option<(usize, usize)> {
        let group = usize::from(key_group_of(self.kind, id));
        let place = self.groups[group].places.get(id)?;
        Some((group, *place as usize))
    }
}

#[inline]
fn at(groups: &mut [Group], slot: Slot) -> Option<&mut Subject> {
    let subjects = &mut groups[usize::from(slot.group)].subjects;
    subjects.get_mut(slot.place as usize)?.as_mut()
}

/// All key groups.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) patients: Half,
    pub(crate) devices: Half,
}

impl Default for Groups {
    fn default() -> Self {
        Self {
            patients: Half::new(Kind::Patient),
            devices: Half::new(Kind::Device),
        }
    }
}

impl Groups {
    fn half(&self, kind: Kind) -> &Half {
        match kind {
            Kind::Patient => &self.patients,
            Kind::Device => &self.devices,
        }
    }

    fn half_mut(&mut self, kind: Kind) -> &mut Half {
        match kind {
            Kind::Patient => &mut self.patients,
            Kind::Device => &mut self.devices,
        }
    }

    pub(crate) fn get(&mut self, kind: Kind, id: &str) -> Option<&mut Subject> {
        self.half_mut(kind).get(id)
    }

    pub(crate) fn peek(&self, kind: Kind, id: &str) -> Option<&Subject> {
        let half = self.half(kind);
        let (group, place) = half.place(id)?;
        half.groups[group].subjects[place].as_ref()
    }

    /// The subject, made if it is new.
    pub(crate) fn entry(&mut self, kind: Kind, id: &str) -> &mut Subject {
        self.half_mut(kind).next(id)
    }

    pub(crate) fn insert(&mut self, kind: Kind, subject: Subject) {
        let group = usize::from(key_group_of(kind, &subject.id));
        self.half_mut(kind).groups[group].add(subject);
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        let group = usize::from(key_group_of(key.kind, &key.id));
        let group = &mut self.half_mut(key.kind).groups[group];
        if let Some(place) = group.places.remove(&key.id) {
            group.subjects[place as usize] = None;
            group.free.push(place);
        }
    }

    /// Every subject's key in an order that does not depend on hashing: what loops over all may make events.
    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for half in [&self.patients, &self.devices] {
            let ids = half.groups.iter().flat_map(|group| group.places.keys());
            keys.extend(ids.map(|id| Key {
                kind: half.kind,
                id: Arc::clone(id),
            }));
        }
        keys.sort();
        keys
    }

    pub(crate) fn len(&self) -> usize {
        let groups = self.patients.groups.iter().chain(&self.devices.groups);
        groups.map(|group| group.places.len()).sum()
    }
}
